r"""
JSON as the wire needs it: orjson, and the standard library for the one thing that orjson refuses.

Half a surrogate pair (``\ud83d``) is legal in JSON and real: services cut an emoji in two and send each half in a
chunk of its own. orjson refuses it in both directions; the standard library keeps it as an escape, so that the client's
concatenation is whole again.
"""

import json
import math
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 100
"""Deeper nesting is an attack: orjson reads 1024 levels and writes 254, so what was read could not be written."""

MAX_BRACKETS = 500_000
"""More, in strings or not, is an attack too: it is not the length but the number of parts that takes a loop's time."""


def loads(data: bytes) -> Any:
    """
    Decode JSON from an upstream, leniently: bytes that are not UTF-8 become U+FFFD, lone surrogates are kept.

    Raises:
        ValueError: Not JSON, nested too deeply, or of too many parts; ``NaN`` and infinities are not JSON either.
    """
    # 512 bytes cannot hold enough to hurt, and most chunks are shorter.
    brackets = data.count(b"[") + data.count(b"{") if len(data) > 512 else 0
    if brackets > MAX_BRACKETS:
        raise ValueError(_TOO_COMPLEX)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        require_memory(error, data)
        value = _lenient(data)
    if brackets > MAX_DEPTH and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def require_memory(error: orjson.JSONDecodeError, data: bytes) -> None:
    """
    Tell what is no mistake of whoever wrote the JSON: orjson has one exception for both.

    It has one message, too, for brackets that are opened a hundred times and not closed. Where they do not pair,
    a second reader is asked.

    Raises:
        MemoryError: There was none to decode it.
    """
    if "memory" not in error.msg:
        return
    if data.count(b"[") + data.count(b"{") != data.count(b"]") + data.count(b"}"):
        try:
            json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return
    raise MemoryError from error


def dumps(value: object) -> bytes:
    r"""Encode to compact UTF-8; lone surrogates become ``\ud83d`` escapes."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def spliced(texts: list[str], between: bytes) -> bytes:
    """Encode strings as ``dumps`` does, with ``between`` between them; there is at least one."""
    try:
        lines = orjson.dumps(texts, option=orjson.OPT_INDENT_2)
    except TypeError:
        return between.join([dumps(text) for text in texts])
    return lines[4:-2].replace(b",\n  ", between)  # no string holds a line end


def _lenient(data: bytes) -> Any:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        parts = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list))
        level = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse_constant(text)
    return number


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


_TOO_DEEP = "nested too deeply"
_TOO_COMPLEX = "made of too many parts"
