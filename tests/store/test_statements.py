"""K21: what callers say never becomes part of a statement."""

import ast
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llms
from llms.store import CallFilter, KeptBody, queries
from llms.store.queries import Place, Span
from tests.store.rows import call, key

PACKAGE = Path(llms.__file__).parent
MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if any(
        word in path.read_text("utf-8") for word in ("import sqlite3", "import asyncpg", "databases.postgres import")
    )
]

SINKS = {"execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval", "prepare", "cursor"}
"""What takes a statement first. Also all functions of a module that have a parameter ``sql``, in its place."""

AUDITED = {
    ("databases/postgres.py", "made"),  # its callers are looked at instead
    ("databases/sqlite.py", "connected"),  # one of two words
    ("store/sqlite_file.py", "_step"),  # the statements of llms.store.schema, and a number
    ("store/sqlite.py", "_insert"),  # its callers are looked at instead
    ("store/sqlite_connection.py", "_shorten"),  # a number
    ("store/postgres.py", "_migrate"),  # the statements of llms.store.schema
    ("store/postgres.py", "looked_through"),  # its caller is looked at instead
}
CALLED = {"_insert": (1,), "looked_through": (1, 2), "made": (1, 2, 3)}
"""Which arguments of the audited functions are statements."""

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]


def takers(tree):
    """The functions of a module that take a statement, and which of the arguments that is."""
    found = dict.fromkeys(SINKS, (0,)) | CALLED
    for function in functions(tree):
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        if "sql" in names:
            found[function.name] = (names.index("sql"),)
    return found


def given_names(function):
    """The names in a function that stand for a constant: its own ``sql``, whose callers are looked at; literals."""
    yield from (argument.arg for argument in function.args.args if argument.arg == "sql")
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str())):
                yield name
            case ast.For(target=ast.Name(id=name), iter=ast.Name(id=iterated)) if iterated.isupper():
                yield name


def statements(path):
    """Every statement that a module runs and that is no constant, as the expression that it is; how many there are."""
    tree = ast.parse(path.read_text("utf-8"))
    taking = takers(tree)
    count, wrong = 0, []
    for function in functions(tree):
        if (name_of(path), function.name) in AUDITED:
            continue
        known = set(given_names(function))
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for place in range(len(node.args)):
                if place not in taking.get(name, ()):
                    continue
                count += 1
                if not constant(node.args[place], known):
                    wrong.append(ast.unparse(node))
    return count, wrong


def constant(node, known=()):
    """Whether it is a literal, a constant of a module, an entry of one, or what ``llms.store.queries`` has made."""
    match node:
        case ast.Constant(value=str()) | ast.Attribute(value=ast.Name(id="query"), attr="sql"):
            return True
        case ast.Attribute(value=ast.Name(id="queries"), attr=name) | ast.Subscript(value=ast.Name(id=name)):
            return name.isupper()
        case ast.Name(id=name):
            return name.isupper() or name in known
        case ast.IfExp(body=body, orelse=other):
            return constant(body, known) and constant(other, known)
        case ast.Call(func=ast.Name(id="numbered"), args=[inner]):
            return constant(inner, known)
    return False


@pytest.mark.case("K21")
@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_statements_are_constants(path):
    """Every statement that is run is a constant, or was put together from constants by one pure module."""
    assert [] == statements(path)[1]


def test_statements_are_found():
    """The test above looks at something."""
    counts = {name_of(path): statements(path)[0] for path in MODULES}

    assert counts["store/sqlite.py"] > 5
    assert counts["store/postgres.py"] >= 5
    assert counts["databases/postgres.py"] >= 2
    assert counts["limits/postgres.py"] >= 5
    assert counts["shelves/sqlite.py"] > 5
    assert counts["store/upkeep.py"] > 3
    assert not constant(ast.parse("f'SELECT {x}'", mode="eval").body)
    assert not constant(ast.parse("'SELECT ' + x", mode="eval").body)


words = st.text(min_size=1)
filters = st.builds(
    CallFilter,
    since=st.none() | st.integers(),
    until=st.none() | st.integers(),
    keys=st.lists(words, max_size=3).map(tuple),
    team=st.none() | words,
    model=st.none() | words,
    provider=st.none() | words,
    status=st.none() | words,
    code=st.none() | words,
    failed=st.none() | st.booleans(),
)


def masked(value):
    """The same shape, with other values."""
    match value:
        case str():
            return "masked"
        case bool() | None:
            return value
        case int():
            return 7
        case tuple():
            return tuple("masked" for _ in value)
    raise AssertionError(value)


@given(filters, words, st.integers(0, 2**40), st.sampled_from(["newest", "oldest"]))
def test_text_does_not_depend_on_values(wanted, name, number, order):
    """Two questions of one shape are one statement."""
    other = CallFilter(**{field.name: masked(getattr(wanted, field.name)) for field in dataclasses.fields(wanted)})

    def texts(wanted, name, number):
        span = Span(Place(number, number), Place(number, number))
        return [
            query.sql
            for query in (
                queries.boundary(order, name, span, number),
                queries.page(order, name, span, wanted, number),
                queries.following(number, number, wanted, number),
                queries.last_day(wanted, number),
                queries.usage(wanted, ["day", "key"]),
                queries.usage(wanted, []),
                *(queries.spent(f"{kind}:{name}", number, number) for kind in ("key", "team", "model")),
            )
        ]

    assert texts(wanted, name, number) == texts(other, "other", 3)


ATTACKS = [
    "' OR '1'='1",
    "'; DROP TABLE calls; --",
    '"; DELETE FROM keys; --',
    "$1",
    "?",
    "%s",
    "\\'; SELECT pg_sleep(5); --",
    "key_a' UNION SELECT secret FROM tokens --",
    "); COMMIT; DROP SCHEMA llms CASCADE; --",
    "\0",
    "'||(SELECT 1)||'",
    "{{7*7}}",
    "::text",
    "é' --",
]


@pytest.mark.case("K21")
@pytest.mark.parametrize("attack", ATTACKS)
async def test_attacks(store, attack):
    """Whatever a text says, it is a text: it is kept, found, and does nothing."""
    await store.write_calls([call(1)])
    before = await store.usage(CallFilter(), ["day"])
    texts = ("key_id", "team", "api", "model", "provider", "target", "status", "code", "attempts", "timing")
    row = call(2, id=f"req_{attack}", **dict.fromkeys(texts, attack))
    secret = await store.token("session", "s")

    for wanted in (
        CallFilter(keys=(attack,)),
        CallFilter(team=attack),
        CallFilter(model=attack),
        CallFilter(provider=attack),
        CallFilter(status=attack),
        CallFilter(code=attack),
    ):
        assert [] == (await store.calls(wanted)).rows
        assert [] == [row async for rows in store.export(wanted) for row in rows]
        assert (1, []) == await store.calls_since(0, wanted)
    assert [] == await store.usage(CallFilter(keys=(attack,), team=attack, model=attack, provider=attack), ["team"])
    assert [0, 0, 0] == [await store.spent(f"{kind}:{attack}", 0) for kind in ("key", "team", "model")]
    assert await store.call(attack) is None
    assert "fresh" == await store.token(attack.replace("\0", "0"), "fresh")
    assert before == await store.usage(CallFilter(), ["day"])

    await store.write_calls([row], [KeptBody(row.id, attack, attack)])
    stored = await store.put_key(key(attack.replace("\0", "0"))._replace(digest=attack.replace("\0", "0")))
    kept = attack.replace("\0", "\ufffd")
    found, body = await store.call(row.id)
    assert (kept, kept) == (found.model, body.answer)
    assert [found] == (await store.calls(CallFilter(model=attack, status=attack))).rows
    assert stored in await store.keys_since(0)
    assert secret == await store.token("session", "other")
