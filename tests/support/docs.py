"""
Renews what is generated in the pages of docs/: ``python -m tests.support.docs``.

A page is written by hand. What stands between ``<!-- generated: NAME -->`` and ``<!-- end -->`` in it is made from the
code, so that it cannot go stale unseen: tests/test_docs.py compares.
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import llms
from llms import errors
from llms.admin import openapi
from llms.config.accounting import AccountingGiven, LimitsGiven, PriceGiven, StoreGiven
from llms.config.aliases import Alias, TargetGiven
from llms.config.server import Server
from llms.errors import GatewayError, Retry
from llms.providers import options
from llms.providers.presets import PRESETS, Dialect
from tests.support.config_docs import kinds, section

TOP = Path(__file__).parents[2]
_NAMES = (
    "configuration",
    "providers",
    "errors",
    "streaming",
    "idempotency",
    "timing",
    "models",
    "routing",
    "web-chat",
    "keys",
    "limits",
    "admin",
    "store",
    "faults",
    "cves",
    "reliability",
    "bench",
    "overhead",
)
PAGES = tuple(TOP / "docs" / f"{name}.md" for name in _NAMES)
PACKAGE = Path(llms.__file__).parent

_PART = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """Give a page with its generated parts as they have to be now."""
    return _PART.sub(lambda part: f"{part[1]}\n{_PARTS[part[2]]()}\n\n{part[3]}", page)


def parts_of(page: str) -> dict[str, str]:
    """Give the generated parts of a page as they stand in it, by name."""
    return {part[2]: part[0] for part in _PART.finditer(page)}


def error_classes() -> list[type[GatewayError]]:
    """Give the failures that something in the gateway raises, as clients meet them: by status and code."""
    made = {name for tree in trees() for name in _made_in(tree)}
    found = [getattr(errors, name) for name in errors.__all__ if name in made]
    return sorted(found, key=lambda kind: (kind.status, kind.default_code or ""))


def trees() -> Iterator[ast.Module]:
    """Give every module of the package, parsed."""
    return (ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py")))


def _made_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Tuple):  # the clocks keep a class and its message side by side
            yield from (entry.id for entry in node.elts[:1] if isinstance(entry, ast.Name))


def _errors() -> str:
    lines = ["| status | `code` | `type` | `x-should-retry` | followed by | meaning |", "|---|---|---|---|---|---|"]
    for kind in error_classes():
        status = str(kind.status) if kind.http_status is GatewayError.http_status else "400 to 499"
        meaning = (kind.__doc__ or "").strip().splitlines()[0].replace("``", "`")
        cells = (
            status,
            f"`{kind.default_code}`",
            f"`{kind.type}`",
            str(kind.should_retry).lower(),
            _FOLLOWED_BY[kind.default_retry],
            meaning,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


_FOLLOWED_BY = {
    Retry.SAFE: "next, again",
    Retry.REJECT: "next, again",
    Retry.ELSEWHERE: "next",
    Retry.STALE: "again, at once",
    Retry.AMBIGUOUS: "nothing; next if allowed",
    Retry.NEVER: "nothing",
}


def _presets() -> str:
    in_default = json.loads((TOP / "config.json").read_bytes())["providers"]
    places: dict[str, tuple[str | None, str | None]] = {
        name: (preset.api_key, preset.base_url) for name, preset in PRESETS.items()
    }
    for kind in kinds().values():
        name, key, url = (_default(kind, option) for option in ("type", "api_key", "base_url"))
        if name is not None and name not in places:
            places[name] = (key, url)
    lines = ["| type | key | base URL | in the packaged file |", "|---|---|---|---|"]
    for name in [*in_default, *(name for name in places if name not in in_default)]:
        key, url = places[name]
        cells = (f"`{name}`", _code(key and key.removeprefix("$")), _code(url), _yes(name in in_default))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _dialects() -> str:
    lines = ["| type | token limit | earlier reasoning | role `developer` | left out |", "|---|---|---|---|---|"]
    for name, preset in PRESETS.items():
        dialect = preset.dialect
        cells = (f"`{name}`", *_wishes(dialect), "kept" if dialect.developer_role else "`system`", _left_out(dialect))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _wishes(dialect: Dialect) -> tuple[str, str]:
    limit = f"`{dialect.max_tokens_field}`" if dialect.max_tokens_field else "as sent"
    return limit, "left out" if dialect.reasoning_field == "none" else f"`{dialect.reasoning_field}`"


def _left_out(dialect: Dialect) -> str:
    parts = ["fields below"] if dialect.drop else []
    parts += ["undocumented keys of messages"] if dialect.strict else []
    parts += [] if dialect.stream_options else ["`stream_options`"]
    return ", ".join(parts) or "–"


def _dropped() -> str:
    users: dict[tuple[str, ...], list[str]] = {}
    for name, preset in PRESETS.items():
        if preset.dialect.drop:
            users.setdefault(preset.dialect.drop, []).append(name)
    return "\n".join(
        f"- {', '.join(f'`{name}`' for name in names)}: {', '.join(f'`{field}`' for field in drop)}."
        for drop, names in users.items()
    )


def _default(kind: type[options.Options], option: str) -> str | None:
    field = kind.model_fields.get(option)
    return field.default if field else None


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "–"


def _yes(fact: bool) -> str:  # noqa: FBT001 - what it is about
    return "yes" if fact else "no"


def _admin() -> str:
    lines = ["| | | may be asked for |", "|---|---|---|"]
    for one in openapi.OPERATIONS:
        query = ", ".join(f"`{name}`" for name in one.query)
        lines.append(f"| `{one.method.upper()} {one.path.removeprefix('/')}` | {one.summary} | {query or '–'} |")
    return "\n".join(lines)


_PARTS: dict[str, Callable[[], str]] = {
    "server": partial(section, Server),
    "providers": partial(section, options.Options),
    **{f"providers.{name}": partial(section, kind) for name, kind in kinds().items()},
    "models": partial(section, Alias),
    "models.targets": partial(section, TargetGiven),
    "store": partial(section, StoreGiven),
    "limits": partial(section, AccountingGiven, inner=False),
    "limits.each": partial(section, LimitsGiven),
    "prices": partial(section, PriceGiven),
    "presets": _presets,
    "dialects": _dialects,
    "dropped": _dropped,
    "errors": _errors,
    "admin": _admin,
}


def main() -> None:
    """Renew the pages, and say which were out of date."""
    for path in PAGES:
        before = path.read_text("utf-8")
        after = renewed(before)
        if after != before:
            path.write_text(after, "utf-8", newline="\n")
            sys.stdout.write(f"renewed {path.relative_to(TOP)}\n")


if __name__ == "__main__":
    main()
