"""Rules that no linter knows."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import llms

PACKAGE = Path(llms.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = [*(PACKAGE / "apis").rglob("*.py"), *(PACKAGE / "wire").rglob("*.py"), *(PACKAGE / "errors").rglob("*.py")]
PURE += [
    PACKAGE / name
    for name in (
        "routing.py",
        "ranking.py",
        "retry.py",
        "capabilities.py",
        "terms.py",
        "explain.py",
        "health.py",
        "auth.py",
        "call_log.py",
    )
]
PURE += [PACKAGE / "limits" / name for name in ("refusals.py", "rules.py", "state.py")]
CODECS = (
    "openai_codec.py",
    "openai_request.py",
    "openai_answers.py",
    "presets.py",
    "model_facts.py",
    "ollama_codec.py",
    "ollama_request.py",
    "ollama_messages.py",
    "ollama_stream.py",
    "ollama_tools.py",
    "ollama_errors.py",
    "demo_text.py",
    "demo_answers.py",
)
PURE += [PACKAGE / "providers" / name for name in CODECS]
PURE += [path for path in (PACKAGE / "bench").glob("*.py") if path.name not in ("client.py", "run.py")]


def names(paths):
    return [str(path.relative_to(PACKAGE)) for path in paths]


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_size(path):
    """A module is at most 300 lines: past that it holds two things."""
    assert len(path.read_text("utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", PURE, ids=names(PURE))
def test_pure_modules_do_not_wait(path):
    """Formats, dialects and decisions are plain functions."""
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global)

    assert [] == [node.lineno for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, waiting)]


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_imports_stand_at_the_top(path):
    """No import hides in a function, and no state in a global."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    hidden = (ast.Import, ast.ImportFrom, ast.Global)

    assert [] == [node.lineno for function in functions for node in ast.walk(function) if isinstance(node, hidden)]


def test_one_broad_except():
    """``except Exception`` stands where something is outermost: around a request, and in what runs beside all of them."""
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]

    assert {
        "books.py": 2,  # keys are read, and budgets compared, for as long as the process lives
        "gateway.py": 1,  # what a call ends with is raised on
        "http1/pour.py": 1,  # what a sink raises comes out of whoever waits for it, as if it had called the sink itself
        "ledger/ledger.py": 1,  # a question that fails holds up no row
        "ledger/writing.py": 3,
        "limits/rounds.py": 1,  # without rounds a worker admits nobody
        "scopes.py": 1,  # what has failed is raised on
        "web/guard.py": 1,
    } == Counter(found)


def test_no_way_to_run_what_a_request_says():
    """Nothing evaluates a text, fills a template, reads pickles or starts a program; workers are made of our own code."""
    modules = {"subprocess", "pickle", "marshal", "shelve", "jinja2", "code", "runpy", "ctypes"}
    calls = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.spawnv"}
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found += [(path.name, alias.name) for alias in node.names if alias.name.split(".")[0] in modules]
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in modules:
                found.append((path.name, node.module))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in calls:
                found.append((path.name, ast.unparse(node)[:80]))

    assert [] == found


@pytest.mark.parametrize("name", ["auth.py", "session.py"])
def test_secrets_are_compared_in_constant_time(name):
    """No comparison that ends at the first letter that differs is of a digest or a signature."""
    tree = ast.parse((PACKAGE / name).read_text("utf-8"))
    secret = re.compile("digest|signature|secret")
    compared = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Compare)]

    assert [] == [text for text in compared if secret.search(text) and " is " not in text]
    assert "hmac.compare_digest" in ast.unparse(tree)
