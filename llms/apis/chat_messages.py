"""
The messages of a chat completion request, in the one form that providers get.

* Every message has a known ``role`` and holds no ``null``.
* ``content`` is a string, or a list of parts that are objects with a ``type``; it is absent only beside tool calls and
  the like. Texts of a ``tool`` message are joined to one string.
* An image part is ``{"type": "image_url", "image_url": {"url": …}}``.
* A tool call has an ``id``, a ``type`` and a name, and arguments that are a string; a ``tool`` message has the
  ``tool_call_id``. Ids that are missing on both sides are made up and matched by their order.
* What an assistant thought is under ``reasoning_content`` only, whatever the client called it.
"""

from collections.abc import Mapping
from typing import Any

from llms.apis import fields
from llms.wire import json_text
from llms.wire.reasoning import SPELLINGS, reasoning

MAX_MESSAGES = 10_000

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_PLAIN = ROLES[:4]  # need nothing besides content

_INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")

Message = dict[str, Any]


def messages(body: Mapping[str, Any], name: str) -> list[Message]:
    """Give the messages; those that need no change are the client's own objects."""
    value = body[name]
    if not isinstance(value, list) or not 0 < len(value) <= MAX_MESSAGES:
        fields.refuse(name, f"a list of 1 to {MAX_MESSAGES} messages")
    pending: list[str] = []  # ids of calls that no tool message has answered yet
    return [
        message if _is_plain(message) else _message(message, f"{name}[{index}]", pending)
        for index, message in enumerate(value)
    ]


def _is_plain(message: object) -> bool:
    return (
        isinstance(message, dict)
        and len(message) == 2
        and isinstance(message.get("content"), str)
        and message.get("role") in _PLAIN
    )


def _message(message: object, path: str, pending: list[str]) -> Message:
    if not isinstance(message, dict):
        fields.refuse(path, "an object with a role and content")
    role = message.get("role")
    if role is None:
        fields.refuse_missing(f"{path}.role", f"one of {', '.join(ROLES)}")
    if role not in ROLES:
        fields.refuse(f"{path}.role", f"one of {', '.join(ROLES)}", "unsupported_value")
    result = {key: value for key, value in message.items() if value is not None}
    if not isinstance(result.get("name", ""), str):
        fields.refuse(f"{path}.name", "a string")
    if role == "assistant":
        _settle_assistant(result, path, pending)
    elif role == "tool":
        _settle_tool(result, path, pending)
    elif role == "function":
        fields.required_text(result, "name", path=f"{path}.")
    _settle_content(result, f"{path}.content")
    return result


def _settle_content(message: Message, path: str) -> None:
    content = message.get("content")
    if isinstance(content, str):
        return
    if isinstance(content, list) and content:
        parts = [_part(part, f"{path}[{index}]") for index, part in enumerate(content)]
        only_text = message["role"] == "tool" and all(part["type"] == "text" for part in parts)
        message["content"] = "\n".join(part["text"] for part in parts) if only_text else parts
    elif content is None or content == []:
        message.pop("content", None)
        if message["role"] != "assistant" or not any(key in message for key in _INSTEAD_OF_CONTENT):
            message["content"] = ""
    elif isinstance(content, int | float) and not isinstance(content, bool):
        message["content"] = str(content)
    else:
        fields.refuse(path, "a string or a list of parts")


def _part(part: object, path: str) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        fields.refuse(path, "an object with a type, or a string")
    if None in part.values():
        part = {key: value for key, value in part.items() if value is not None}
    kind = part.get("type")
    if kind is None:
        kind = next((key for key in ("text", "image_url") if key in part), None)
        part = {**part, "type": kind}
    if not isinstance(kind, str):
        fields.refuse(f"{path}.type", "text, image_url or another type of part")
    if kind == "text" and not isinstance(part.get("text"), str):
        fields.refuse(f"{path}.text", "a string")
    return _image(part, path) if kind == "image_url" else part


def _image(part: dict[str, Any], path: str) -> dict[str, Any]:
    image = part.get("image_url")
    if isinstance(image, str):
        return {**part, "image_url": {"url": image}}
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        fields.refuse(f"{path}.image_url", "an object with a url")
    return part


def _settle_assistant(message: Message, path: str, pending: list[str]) -> None:
    thinking = reasoning(message)
    for key in SPELLINGS:
        message.pop(key, None)
    if thinking:
        message["reasoning_content"] = thinking
    if "function_call" in message:
        message["function_call"] = _function(message["function_call"], f"{path}.function_call")
    calls = message.pop("tool_calls", [])
    if not isinstance(calls, list):
        fields.refuse(f"{path}.tool_calls", "a list of tool calls")
    if calls:
        message["tool_calls"] = [_call(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(calls)]
        pending[:] = [call["id"] for call in message["tool_calls"]]


def _settle_tool(message: Message, path: str, pending: list[str]) -> None:
    call_id = message.get("tool_call_id") or next(iter(pending), None)
    if call_id is None:
        fields.refuse_missing(f"{path}.tool_call_id", "the id of the tool call that this message answers")
    if not isinstance(call_id, str):
        fields.refuse(f"{path}.tool_call_id", "a string")
    message["tool_call_id"] = call_id
    if call_id in pending:
        pending.remove(call_id)


def _call(call: object, path: str) -> dict[str, Any]:
    if not isinstance(call, dict):
        fields.refuse(path, "an object with an id and a function")
    call_id = call.get("id") or _made_up_id(path)
    if not isinstance(call_id, str):
        fields.refuse(f"{path}.id", "a string")
    kind = "custom" if call.get("custom") is not None else "function"
    # An index is left over from the stream that the call came in; OpenAI refuses it.
    kept = {key: value for key, value in call.items() if key != "index" and value is not None}
    if kind == "custom":
        return {**kept, "id": call_id, "type": kind, kind: _custom(call[kind], f"{path}.{kind}")}
    return {**kept, "id": call_id, "type": kind, kind: _function(call.get(kind), f"{path}.{kind}")}


def _made_up_id(path: str) -> str:
    # "messages[3].tool_calls[0]" gives "call_3_0": the same each time, so that upstreams can cache the prompt.
    return "call_" + "_".join(piece.partition("]")[0] for piece in path.split("[")[1:])


def _function(function: object, path: str) -> dict[str, Any]:
    if not isinstance(function, dict):
        fields.refuse(path, "an object with a name and arguments")
    fields.required_text(function, "name", path=f"{path}.")
    arguments = function.get("arguments")
    if isinstance(arguments, str) and arguments:
        return function
    if isinstance(arguments, dict | list):
        return {**function, "arguments": json_text.dumps(arguments).decode()}
    if arguments is not None and arguments != "":
        fields.refuse(f"{path}.arguments", "a string of JSON")
    return {**function, "arguments": "{}"}


def _custom(custom: object, path: str) -> dict[str, Any]:
    if not isinstance(custom, dict):
        fields.refuse(path, "an object with a name and input")
    fields.required_text(custom, "name", path=f"{path}.")
    text = custom.get("input")
    if text is not None and not isinstance(text, str):
        fields.refuse(f"{path}.input", "a string")
    return {**custom, "input": text or ""}
