"""
From the bytes of a request to a JSON object, without ever holding up the loop.

orjson is fast but cannot be told to stop: 10 MB of ``[],[],…`` keep it for half a second. What costs is the number of
objects, lists and fields, not of bytes (10 MB of base64 take 6 ms), so it is taken first, from the body with its
strings cut out. Cutting is a few passes of ``bytes`` methods, and exact: a prompt may hold as many braces as it likes.

The same remainder shows a field that is given twice: it has more colons than the parsed object has fields. Parsers
merge such fields silently, so a guard here and an upstream that pick different ones would disagree on what was asked.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any, NoReturn

import orjson

from llms.errors import InvalidRequestError
from llms.wire import json_text

MAX_DEPTH = 64

MAX_NODES = 150_000
"""
Objects, lists and fields of objects together. 10,000 messages of a long run with tools have 80,000, 1,024 tools some
50,000. That many hold up the loop for about 50 ms.
"""

MAX_VALUES = 400_000
"""Commas, and strings. OpenAI embeds 300,000 tokens in one request, which may come as that many numbers."""

_BOM = b"\xef\xbb\xbf"
_CONTAINERS = (dict, list)
_START = 4096
_SHORT = 64 << 10
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decode(data: bytes) -> dict[str, Any]:
    r"""
    Decode a request's body.

    Half a surrogate pair (``\ud83d``) is kept: services that cut text by UTF-16 units make them. A whole number of more
    than 64 bits becomes a float.

    Raises:
        InvalidRequestError: With the code ``malformed_request`` (empty, or no object), ``invalid_json``,
            ``invalid_encoding``, ``json_too_deep``, ``json_too_complex`` or ``duplicate_key``.
    """
    data = data.removeprefix(_BOM)
    usual = _usual(data)
    if usual is not None:
        return usual
    structure = _structure(data)
    if len(structure) > MAX_NODES:  # each object, list or field leaves a byte of its own at least
        _check_size(structure)
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        json_text.require_memory(error, data)
        body = _second_look(data, structure, error)
    if not isinstance(body, dict):
        message = "The body must be a JSON object."
        raise InvalidRequestError(message, code="malformed_request")
    if _count_fields(body) != structure.count(b":"):
        message = "The body gives a field twice in one object. Each may be given once."
        raise InvalidRequestError(message, code="duplicate_key")
    return body


def _usual(data: bytes) -> dict[str, Any] | None:
    """
    Decode an object as most clients' libraries write it: short, not deep, without a blank; give ``None`` for others.

    What comes out the same when it is written anew holds no field twice, as one of the two would be gone.
    """
    if len(data) > _SHORT or data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        return None
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) and orjson.dumps(body) == data else None


def _structure(data: bytes) -> bytes:
    """Cut out all strings. Once escaped backslashes and quotes are gone, each quote begins or ends a string."""
    if b"\\" in data:
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    if len(data) > 2 * MAX_VALUES and data.count(b'"') > 2 * MAX_VALUES:
        _refuse_size(_without_strings(data[:_START]))
    return _without_strings(data)


def _without_strings(data: bytes) -> bytes:
    return b"".join(data.split(b'"')[::2])


def _check_size(structure: bytes) -> None:
    nodes = structure.count(b"{") + structure.count(b"[") + structure.count(b":")
    if nodes > MAX_NODES or structure.count(b",") > MAX_VALUES:
        _refuse_size(structure[:_START])


def _refuse_size(start: bytes) -> NoReturn:
    if _depth(start) > MAX_DEPTH:  # wrong in both ways; the depth is what its author will look for
        _refuse_deep()
    message = f"The body has too many parts; {MAX_NODES} objects, lists and fields are the limit."
    raise InvalidRequestError(message, code="json_too_complex")


def _count_fields(body: dict[str, Any]) -> int:
    fields = 0
    depth = 0
    level: list[Any] = [body]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            _refuse_deep()
        deeper: list[Any] = []
        for node in level:
            values = node
            if type(node) is dict:
                fields += len(node)
                values = node.values()
            for value in values:
                if type(value) in _CONTAINERS:  # a parser makes no others
                    deeper.append(value)  # noqa: PERF401 - half of the time for the few that there are
        level = deeper
    return fields


def _second_look(data: bytes, structure: bytes, error: orjson.JSONDecodeError) -> Any:
    """Say what is wrong with what orjson refused, or decode it if that is half a surrogate pair only."""
    if not data.strip():
        message = "The body is empty; it must be a JSON object."
        raise InvalidRequestError(message, code="malformed_request") from error
    text = _text(data, structure)
    if _depth(structure) > MAX_DEPTH:
        _refuse_deep()
    if _SURROGATE.search(data):
        try:
            return json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_whole)
        except ValueError:
            pass
    message = f"The body is not valid JSON: see line {error.lineno}, column {error.colno}."
    raise InvalidRequestError(message, code="invalid_json") from error


def _text(data: bytes, structure: bytes) -> str:
    try:
        # A byte of zero is UTF-16 or UTF-32; JSON has it as an escape only.
        if b"\0" not in data and _BOM not in structure:
            return data.decode()
    except UnicodeDecodeError:
        pass
    message = "The body must be UTF-8, without a byte order mark inside."
    raise InvalidRequestError(message, code="invalid_encoding")


def _depth(structure: bytes) -> int:
    return max(accumulate(_STEPS[byte] for byte in structure.translate(None, _NO_BRACKETS)), default=0)


def _number(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    message = "not a number in JSON"
    raise ValueError(message)


def _whole(text: str) -> int | float:  # compiled, an int would be made a float otherwise
    whole = int(text) if len(text) <= 20 else 1 << 64  # 20 characters hold all numbers of 64 bits
    return whole if -(1 << 63) <= whole < 1 << 64 else _number(text)


def _refuse_deep() -> NoReturn:
    message = f"The body is nested too deeply; {MAX_DEPTH} levels are the limit."
    raise InvalidRequestError(message, code="json_too_deep")
