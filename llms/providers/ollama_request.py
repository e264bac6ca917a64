"""
From a call to the body of Ollama's ``/api/chat`` and ``/api/embed``, pure.

Only what the client gave is sent: an absent temperature leaves the model's own default in force. Fields that Ollama
has no word for are left out; a field that would change the meaning of the answer is refused instead.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from collections.abc import Mapping
from typing import Any

from llms.providers import ollama_tools
from llms.providers.ollama_messages import messages, refuse
from llms.records import Call, Target

_SAMPLING = {"temperature", "top_p", "top_k", "min_p", "typical_p", "tfs_z", "seed"}
_PENALTIES = {"frequency_penalty", "presence_penalty", "repeat_penalty", "repeat_last_n"}
_MIROSTAT = {"mirostat", "mirostat_tau", "mirostat_eta"}
_RUNNER = {"num_predict", "num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread"}
_NUMBERS = frozenset(_SAMPLING | _PENALTIES | _MIROSTAT | _RUNNER)
_FLAGS = frozenset({"use_mmap", "use_mlock", "penalize_newline", "numa", "low_vram"})
_TOP_LEVEL_FLAGS = ("truncate", "shift")

_THINK: dict[str, str | bool] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}


def chat(call: Call, target: Target, keep_alive: str | int | None = None) -> dict[str, Any]:
    """
    Give the body of ``POST /api/chat``, always streamed: a whole answer is collected from the stream.

    Args:
        keep_alive: How long the model stays in memory, where the client does not say.

    Raises:
        InvalidRequestError: A wrong shape, or something that Ollama cannot do.
    """
    body = call.body
    _refuse_unsupported(body)
    tools, hint = ollama_tools.offered(body)
    conversation = ollama_tools.hinted(messages(body.get("messages")), hint)
    request: dict[str, Any] = {"model": target.model, "messages": conversation, "stream": True}
    if tools:
        request["tools"] = tools
    if (form := _format(body.get("response_format"))) is not None:
        request["format"] = form
    if (effort := body.get("reasoning_effort")) is not None:
        request["think"] = _think(effort)
    if options := _options(body):
        request["options"] = options
    return request | _logprobs(body) | _top_level(body, keep_alive)


def embed(call: Call, target: Target, keep_alive: str | int | None = None) -> dict[str, Any]:
    """
    Give the body of ``POST /api/embed``.

    Raises:
        InvalidRequestError: Tokens instead of text, nothing at all, or a wrong shape.
    """
    given = call.body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        refuse("input", "input must be a string or a list of at least one string.")
    if any(isinstance(item, int | list) for item in texts):
        message = "Ollama embeds text, not tokens. Send input as strings (LangChain: check_embedding_ctx_length=False)."
        refuse("input", message, "unsupported_value")
    for index, item in enumerate(texts):
        if not isinstance(item, str):
            refuse(f"input[{index}]", f"input[{index}] must be a string.")
    request: dict[str, Any] = {"model": target.model, "input": given}
    if (dimensions := call.body.get("dimensions")) is not None:
        request["dimensions"] = _whole("dimensions", dimensions)
    return request | _top_level(call.body, keep_alive)


def _refuse_unsupported(body: Mapping[str, Any]) -> None:
    if body.get("n", 1) not in (1, None):
        refuse("n", "Ollama gives one answer to a request. Send n requests instead.", "unsupported_value")
    if body.get("functions"):
        refuse("functions", "Send tools instead of functions, their predecessor.", "unsupported_parameter")


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in body.items():
        if value is None:
            continue
        if name in _NUMBERS:
            options[name] = _number(name, value)
        elif name in _FLAGS:
            options[name] = _flag(name, value)
    for name in ("max_completion_tokens", "max_tokens"):
        if (limit := body.get(name)) is not None:
            if _number(name, limit) > 0:  # for Ollama -1 means no limit and -2 all of the context
                options["num_predict"] = _whole(name, limit)
            break
    if stop := _stop(body.get("stop")):
        options["stop"] = stop
    return options


def _number(name: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(name, f"{name} must be a number.")
    return value


def _whole(name: str, value: object) -> int:
    number = _number(name, value)
    if number != number // 1:
        refuse(name, f"{name} must be a whole number.")
    return int(number)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        refuse(name, f"{name} must be true or false.")
    return value


def _stop(raw: object) -> list[str]:
    # Ollama answers 500 to a bare string.
    stop = [raw] if isinstance(raw, str) else raw or []
    if not isinstance(stop, list) or not all(isinstance(item, str) for item in stop):
        refuse("stop", "stop must be a string or a list of strings.")
    return [item for item in stop if item]


def _format(raw: object) -> str | dict[str, Any] | None:
    if raw is None:
        return None
    kind = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or kind not in ("text", "json_object", "json_schema"):
        refuse("response_format", "response_format.type must be text, json_object or json_schema.")
    if kind == "json_schema":
        named = raw.get("json_schema")
        schema = named.get("schema") if isinstance(named, dict) else None
        if not isinstance(named, dict) or not isinstance(schema, dict | None):
            refuse("response_format.json_schema", "response_format.json_schema must be an object that holds a schema.")
        return schema or "json"
    return "json" if kind == "json_object" else None


def _think(effort: object) -> str | bool:
    if not isinstance(effort, str) or effort not in _THINK:
        refuse("reasoning_effort", f"reasoning_effort must be one of {', '.join(_THINK)}.")
    return _THINK[effort]


def _logprobs(body: Mapping[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if (wanted := body.get("logprobs")) is not None and _flag("logprobs", wanted):
        asked["logprobs"] = True
        if (top := body.get("top_logprobs")) is not None:
            asked["top_logprobs"] = _whole("top_logprobs", top)
    return asked


def _top_level(body: Mapping[str, Any], keep_alive: str | int | None) -> dict[str, Any]:
    fields: dict[str, Any] = {name: _flag(name, body[name]) for name in _TOP_LEVEL_FLAGS if body.get(name) is not None}
    given = body.get("keep_alive")
    if isinstance(given, bool) or not isinstance(given, str | int | float | None):
        refuse("keep_alive", 'keep_alive must be a number of seconds, or text such as "5m".')
    if (lasting := keep_alive if given is None else given) is not None:
        fields["keep_alive"] = lasting
    return fields
