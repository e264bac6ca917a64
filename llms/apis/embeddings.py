"""
OpenAI's embeddings.

The vectors go out as the client asked, whatever the upstream sent: as numbers, or as base64 of 32-bit little-endian
floats. A request that names no format gets numbers, as OpenAI's document has it; the official Python client asks for
base64 by itself when its caller asks for nothing, so that both defaults work. The field is not added to a request
without it: some services refuse the value ``float``.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

import binascii
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from llms.apis import fields
from llms.apis.api import Api, Asked
from llms.errors import InvalidRequestError, UpstreamBadResponseError
from llms.records import Call
from llms.wire import chunks

MAX_INPUTS = 2048
"""Strings, or tokens, or token arrays in one request; OpenAI's limit."""

MAX_TOKENS = 300_000
"""Of all token arrays together; OpenAI's limit. It also bounds the time that checking them takes."""

MAX_DIMENSIONS = 1 << 16
"""No model comes near."""

_INPUT = "a string, or a list of strings, of tokens or of token lists, and not empty"


def read(body: dict[str, Any]) -> Asked:
    """
    Read a request.

    Args:
        body: Decoded JSON.

    Raises:
        InvalidRequestError: A field has a wrong value.
    """
    model = fields.model(body)
    if fields.flag(body, "stream"):
        message = "Embeddings are not streamed. Leave out stream."
        raise InvalidRequestError(message, param="stream", code="unsupported_parameter")
    rest = {name: value for name, value in body.items() if name not in _NOT_IN_BODY}
    _check_input(rest.get("input"))
    return Asked(model, stream=False, include_usage=False, body=fields.normal(rest, _CHECKS))


def _check_input(value: object) -> None:
    if value is None:
        fields.refuse_missing("input", _INPUT)
    if isinstance(value, str) and value:
        return
    if not isinstance(value, list) or not value:
        fields.refuse("input", _INPUT)
    if len(value) > MAX_INPUTS:
        fields.refuse("input", f"a list of at most {MAX_INPUTS} items; send the rest in further requests")
    first = value[0]
    if isinstance(first, str):
        _check_strings(value)
    elif isinstance(first, list):
        _check_token_lists(value)
    elif isinstance(first, int):
        _check_tokens(value, "input")
    else:
        fields.refuse("input[0]", "a string, a token or a list of tokens")


def _check_strings(items: list[Any]) -> None:
    for index, item in enumerate(items):
        if not isinstance(item, str) or not item:
            fields.refuse(f"input[{index}]", "a string that is not empty, as the first item is one")


def _check_token_lists(items: list[Any]) -> None:
    total = 0
    for index, item in enumerate(items):
        if not isinstance(item, list) or not item:
            fields.refuse(f"input[{index}]", "a list of tokens that is not empty, as the first item is one")
        total += len(item)
    if total > MAX_TOKENS:
        fields.refuse("input", f"at most {MAX_TOKENS} tokens in all; send the rest in further requests")
    for index, item in enumerate(items):
        _check_tokens(item, f"input[{index}]")


def _check_tokens(items: list[Any], path: str) -> None:
    for index, item in enumerate(items):
        # type() rather than isinstance(): true is an int in Python, and no token.
        if type(item) is not int or item < 0:
            fields.refuse(f"{path}[{index}]", "a token: a whole number from 0")


def _encoding_format(body: Mapping[str, Any], name: str) -> str:
    value = body[name]
    if value not in ("float", "base64"):
        fields.refuse(name, "float or base64")
    return str(value)


def _dimensions(body: Mapping[str, Any], name: str) -> int | None:
    return fields.integer(body, name, 1, MAX_DIMENSIONS)


_NOT_IN_BODY = frozenset({"model", "stream", "stream_options"})
_CHECKS: dict[str, fields.Check] = {
    "encoding_format": _encoding_format,
    "dimensions": _dimensions,
    "user": fields.user,
}


def answer(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """
    Give the answer: one vector for each input, in the order of the inputs.

    Args:
        call: ``encoding_format`` in its body decides how the vectors are written.
        body: OpenAI's list object as the upstream sent it, vectors as numbers or base64.

    Raises:
        UpstreamBadResponseError: A vector is missing or is none.
    """
    write = _base64 if call.body.get("encoding_format") == "base64" else _floats
    vectors = _in_order(body, _count(call.body["input"]))
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": write(vector)} for index, vector in enumerate(vectors)
        ],
        "model": call.model,
        "usage": _usage(body),
    }


def _count(value: str | Sequence[Any]) -> int:
    return 1 if isinstance(value, str) or isinstance(value[0], int) else len(value)


def _in_order(body: object, count: int) -> list[Any]:
    items = body.get("data") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        _refuse("The provider did not answer with a list of embeddings.")
    indexes = [item.get("index") for item in items]
    if indexes == [None] * count:  # a service that numbers nothing keeps the order of the inputs
        indexes = list(range(count))
    if {type(index) for index in indexes} != {int} or sorted(indexes) != list(range(count)):
        _refuse(f"The provider did not answer with {count} embeddings numbered from 0, one for each input.")
    vectors = {index: item.get("embedding") for index, item in zip(indexes, items, strict=True)}
    return [vectors[index] for index in range(count)]


def _floats(vector: object) -> list[float]:
    if not isinstance(vector, str):
        return _numbers(vector)
    data = _decoded(vector)
    return _numbers(list(struct.unpack(f"<{len(data) // 4}f", data)))


def _base64(vector: object) -> str:
    if isinstance(vector, str):
        _decoded(vector)
        return vector
    values = _numbers(vector)
    try:
        data = struct.pack(f"<{len(values)}f", *values)
    except (OverflowError, struct.error):  # a float, a whole number
        _refuse("The provider sent an embedding with a value that does not fit 32 bits.")
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _numbers(vector: object) -> list[float]:
    if not isinstance(vector, list) or not vector or not set(map(type, vector)) <= {int, float} or not _finite(vector):
        _refuse("The provider sent an embedding that is no list of numbers.")
    return vector


def _finite(values: list[float]) -> bool:
    # One pass in C: a sum is finite only if all its parts are. JSON has no way to write the others.
    try:
        return math.isfinite(math.fsum(values))
    except (OverflowError, ValueError):
        return False


def _decoded(vector: str) -> bytes:
    try:
        data = binascii.a2b_base64(vector, strict_mode=True)
    except ValueError:
        data = b""
    if not data or len(data) % 4:
        _refuse("The provider sent an embedding that is no base64 of 32-bit floats.")
    return data


def _usage(body: Mapping[str, Any]) -> dict[str, int]:
    # OpenAI's document requires both counts and lets neither be null; not every local server counts.
    counted = chunks.usage(body.get("usage")) or {"prompt_tokens": 0, "total_tokens": 0}
    return {"prompt_tokens": counted["prompt_tokens"], "total_tokens": counted["total_tokens"]}


def _refuse(message: str) -> NoReturn:
    raise UpstreamBadResponseError(message)


def _encoder(call: Call) -> NoReturn:
    message = f"{call.api} is never streamed"
    raise AssertionError(message)


API = Api(name="embeddings", read=read, encoder=_encoder, answer=answer)
