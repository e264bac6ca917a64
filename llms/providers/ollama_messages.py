"""
From OpenAI's ``messages`` to Ollama's, pure.

One message stays one message: text parts are joined, images and audio go beside them into ``images``, tool calls carry
their arguments as an object, reasoning is called ``thinking``. What a message cannot say to Ollama is refused, never
left out in silence.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md#generate-a-chat-completion
"""

from dataclasses import dataclass, field
from typing import Any, NoReturn

from llms.errors import InvalidRequestError
from llms.wire import json_text
from llms.wire.reasoning import reasoning, split_content

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def refuse(param: str, message: str, code: str | None = None) -> NoReturn:
    """Raise the error for a field that Ollama cannot be given; ``message`` says what would do."""
    raise InvalidRequestError(message, param=param, code=code)


def messages(raw: object) -> list[dict[str, Any]]:
    """
    Give Ollama's ``messages``.

    Raises:
        InvalidRequestError: A wrong shape, or a kind of content that Ollama does not take.
    """
    if not isinstance(raw, list) or not raw:
        refuse("messages", "messages must be a list of at least one message.")
    result = []
    names: dict[str, str] = {}  # of tool calls seen so far: some clients use an id again in a later turn
    for index, item in enumerate(raw):
        message = _message(item, f"messages[{index}]", names)
        for call in message.get("tool_calls", ()):
            names[call.get("id", "")] = call["function"]["name"]
        result.append(message)
    return result


def _message(raw: object, where: str, names: dict[str, str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        refuse(where, f"{where} must be an object.")
    given = raw.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        refuse(f"{where}.role", f"{where}.role must be one of {', '.join(_ROLES)}.")
    content = _content(raw.get("content"), f"{where}.content")
    message: dict[str, Any] = {"role": role, "content": "\n".join(content.texts)}
    if content.images:
        message["images"] = content.images
    if role == "assistant":
        return message | _assistant(raw, content, where)
    return message | _answered(raw, names) if role == "tool" else message


def _assistant(raw: dict[str, Any], content: "_Content", where: str) -> dict[str, Any]:
    more: dict[str, Any] = {}
    thinking = reasoning(raw) or "".join(content.thoughts)
    if thinking:
        more["thinking"] = thinking
    calls = raw.get("tool_calls")
    if calls is None and isinstance(raw.get("function_call"), dict):
        calls = [{"function": raw["function_call"]}]
    if not isinstance(calls, list | None):
        refuse(f"{where}.tool_calls", f"{where}.tool_calls must be a list.")
    if calls:
        more["tool_calls"] = [
            _tool_call(call, index, f"{where}.tool_calls[{index}]") for index, call in enumerate(calls)
        ]
    return more


def _answered(raw: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Name the tool call that a tool's result belongs to."""
    call_id = raw.get("tool_call_id")
    more = {}
    if isinstance(call_id, str) and call_id:
        more["tool_call_id"] = call_id
    name = raw.get("name") or names.get(more.get("tool_call_id", ""))
    if isinstance(name, str):
        more["tool_name"] = name
    return more


def _tool_call(raw: object, index: int, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        refuse(where, f"{where} must be an object.")
    custom = raw.get("custom")
    function = raw.get("function")
    if isinstance(custom, dict):
        name, arguments = custom.get("name"), {"input": custom.get("input", "")}
    elif isinstance(function, dict):
        name, arguments = function.get("name"), _arguments(function.get("arguments"))
    else:
        name, arguments = None, {}
    if not isinstance(name, str) or not name:
        refuse(where, f"{where} must name a function.")
    call: dict[str, Any] = {"function": {"index": index, "name": name, "arguments": arguments}}
    call_id = raw.get("id")
    return {"id": call_id, **call} if isinstance(call_id, str) and call_id else call


def _arguments(raw: object) -> dict[str, Any]:
    """Give an object, which Ollama insists on, even where a model once wrote something else."""
    value = raw
    if isinstance(raw, str):
        try:
            value = json_text.loads(raw.encode("utf-8", "surrogatepass")) if raw.strip() else {}
        except ValueError:
            value = raw
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"input": raw}


@dataclass(frozen=True, slots=True)
class _Content:
    texts: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)


def _content(raw: object, where: str) -> _Content:
    content = _Content()
    if isinstance(raw, str):
        content.texts.append(raw)
    elif isinstance(raw, list):
        for index, part in enumerate(raw):
            _add(content, {"type": "text", "text": part} if isinstance(part, str) else part, f"{where}[{index}]")
    elif raw is not None:
        refuse(where, f"{where} must be a string or a list of parts.")
    return content


def _add(content: _Content, part: object, where: str) -> None:
    if not isinstance(part, dict):
        refuse(where, f"{where} must be an object.")
    match part.get("type", "text"):
        case "text":
            content.texts.append(_string(part, "text", where))
        case "refusal":
            content.texts.append(_string(part, "refusal", where))
        case "thinking" | "reasoning":
            content.thoughts.append(split_content([part])[1])
        case "image_url":
            content.images.append(_image(part.get("image_url"), f"{where}.image_url"))
        case "input_audio":
            audio = part.get("input_audio")
            content.images.append(_string(audio if isinstance(audio, dict) else {}, "data", f"{where}.input_audio"))
        case _:
            message = "Ollama takes content of type text, image_url and input_audio only."
            refuse(where, message, "unsupported_value")


def _string(part: dict[str, Any], name: str, where: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        refuse(f"{where}.{name}", f"{where}.{name} must be a string.")
    return value


def _image(raw: object, where: str) -> str:
    url = raw.get("url") if isinstance(raw, dict) else raw
    if not isinstance(url, str):
        refuse(where, f"{where}.url must be a string.")
    head, comma, data = url.partition(",")
    if comma and head[:5].lower() == "data:" and head[-7:].lower() == ";base64" and data:
        return data
    if url[:8].lower().startswith(("http://", "https://")):
        message = "The gateway does not fetch images. Send this one as a data: URI in base64."
        refuse(where, message, "unsupported_value")
    refuse(where, f"{where}.url must be a data: URI in base64.")
