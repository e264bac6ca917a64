"""
From the body of a chat completion request to the one form that providers get.

Clients write the same wish in many ways; what is clear is put into OpenAI's newest form, what is not is refused with
the field's name. Unknown fields stay: most upstreams know some that OpenAI does not. What the result holds:

* no ``null`` at the top level; no empty ``tools``, ``functions``, ``stop``, ``logit_bias``;
* ``messages`` as ``chat_messages`` describes them, ``tools`` and ``tool_choice`` as ``chat_tools`` does;
* ``reasoning_effort`` for all of ``reasoning_effort``, ``reasoning`` and ``thinking``, the first of which counts;
* ``max_tokens`` or ``max_completion_tokens``, whichever was sent; of both, the smaller as ``max_completion_tokens``.

Decision: a limit of tokens of 0 or less counts as absent, since local servers take -1 for "no limit" and their clients
send it everywhere; one that is no whole number, or beyond 32 bits, is refused.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from llms.apis import chat_messages, chat_tools, fields
from llms.apis.api import Asked
from llms.errors import InvalidRequestError

MAX_TOKENS = (1 << 31) - 1
MAX_BIASES = 1024
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FORMATS = ("text", "json_object", "json_schema")

_LOW_BUDGET = 4096  # tokens of thinking below which the effort counts as low
_MEDIUM_BUDGET = 16_384
_INT64 = 1 << 63


def read(body: Mapping[str, Any]) -> Asked:
    """
    Read a request.

    Args:
        body: As ``body.decode`` gives it. It is not changed; the result shares what needs no change with it.

    Raises:
        InvalidRequestError: A field is missing, wrong, or not a client's to set; ``param`` names it.
    """
    model = fields.model(body)
    if body.get("messages") is None:
        _refuse_without_messages(body)
    rest = fields.normal(body, _CHECKS)
    del rest["model"]
    stream = rest.pop("stream", False)
    options = rest.pop("stream_options", None)
    include_usage = _include_usage(options) if stream and options is not None else False
    chat_tools.settle(rest)
    _settle_effort(rest)
    if "max_tokens" in rest and "max_completion_tokens" in rest:
        rest["max_completion_tokens"] = min(rest.pop("max_tokens"), rest["max_completion_tokens"])
    return Asked(model, stream, include_usage, rest)


def _refuse_without_messages(body: Mapping[str, Any]) -> None:
    if body.get("input") is not None:
        message = (
            "messages is missing. A body with input is for the Responses API, which is not served here; send messages."
        )
        raise InvalidRequestError(message, param="messages", code="missing_required_parameter")
    fields.refuse_missing("messages", "a list of messages")


def _include_usage(options: object) -> bool:
    if not isinstance(options, dict):
        fields.refuse("stream_options", "an object")
    return fields.flag(options, "include_usage", path="stream_options.") or False


def _settle_effort(rest: dict[str, Any]) -> None:
    for name in ("reasoning", "thinking"):
        effort = rest.pop(name, None)
        if effort is not None:
            rest.setdefault("reasoning_effort", effort)


def _max_tokens(body: Mapping[str, Any], name: str) -> int | None:
    whole = fields.as_whole(body[name])
    if whole is None or whole > MAX_TOKENS:
        fields.refuse(name, f"a whole number of at most {MAX_TOKENS}")
    return whole if whole > 0 else None


def _logit_bias(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = body[name]
    if not isinstance(value, dict) or len(value) > MAX_BIASES:
        fields.refuse(name, f"an object of at most {MAX_BIASES} tokens")
    for bias in value.values():
        if isinstance(bias, bool) or not isinstance(bias, int | float) or not -100 <= bias <= 100:
            fields.refuse(name, "an object whose values are numbers from -100 to 100")
    return value or None


def _response_format(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body[name]
    if not isinstance(value, dict):
        fields.refuse(name, "an object with a type")
    kind = value.get("type")
    if kind not in FORMATS:
        fields.refuse(f"{name}.type", f"one of {', '.join(FORMATS)}", "unsupported_value")
    if kind == "json_schema":
        _check_schema(value.get("json_schema"), f"{name}.json_schema")
    return value


def _check_schema(value: object, path: str) -> None:
    if value is None:
        fields.refuse_missing(path, "an object with a name and a schema")
    if not isinstance(value, dict):
        fields.refuse(path, "an object with a name and a schema")
    fields.required_text(value, "name", path=f"{path}.")
    if not isinstance(value.get("schema", {}), dict | None):
        fields.refuse(f"{path}.schema", "an object")


def _reasoning_effort(body: Mapping[str, Any], name: str) -> str | None:
    return _effort(body[name], name)


def _reasoning(body: Mapping[str, Any], name: str) -> str | None:
    """OpenRouter's and Open WebUI's form: ``{"effort", "enabled", "max_tokens"}``, each optional."""
    value = body[name]
    if not isinstance(value, dict):
        fields.refuse(name, "an object")
    effort = _effort(value.get("effort"), f"{name}.effort")
    enabled = fields.flag(value, "enabled", path=f"{name}.")
    if effort is not None:
        return effort
    if enabled is False:
        return "none"
    if value.get("max_tokens") is not None:
        return _budget(value["max_tokens"], f"{name}.max_tokens")
    return "medium" if enabled else None


def _thinking(body: Mapping[str, Any], name: str) -> str | None:
    """Anthropic's form, which DeepSeek and others know too."""
    value = body[name]
    if not isinstance(value, dict):
        fields.refuse(name, "an object with a type")
    kind = value.get("type")
    if kind not in ("enabled", "disabled", "adaptive", "auto"):
        fields.refuse(f"{name}.type", "enabled, disabled or adaptive", "unsupported_value")
    if kind == "enabled":
        return _budget(value.get("budget_tokens"), f"{name}.budget_tokens")
    return "none" if kind == "disabled" else None  # adaptive: the model decides, as it does unasked


def _effort(value: object, param: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or value not in EFFORTS:
        fields.refuse(param, f"one of {', '.join(EFFORTS)}", "unsupported_value")
    return value


def _budget(value: object, param: str) -> str:
    if value is None:
        return "medium"
    budget = fields.as_whole(value)
    if budget is None:
        fields.refuse(param, "a whole number")
    if budget <= 0:
        return "medium" if budget else "none"  # -1 is Gemini's "as much as it takes"
    if budget < _MEDIUM_BUDGET:
        return "low" if budget < _LOW_BUDGET else "medium"
    return "high"


_CHECKS: dict[str, fields.Check] = {
    "messages": chat_messages.messages,
    "stream": fields.flag,
    "max_tokens": _max_tokens,
    "max_completion_tokens": _max_tokens,
    "temperature": partial(fields.number, low=0, high=2),
    "top_p": partial(fields.number, low=0, high=1),
    "frequency_penalty": partial(fields.number, low=-2, high=2),
    "presence_penalty": partial(fields.number, low=-2, high=2),
    "n": partial(fields.integer, low=1, high=128),
    "seed": partial(fields.integer, low=-_INT64, high=_INT64 - 1),
    "stop": fields.stop,
    "logprobs": fields.flag,
    "top_logprobs": partial(fields.integer, low=0, high=20),
    "logit_bias": _logit_bias,
    "tools": chat_tools.tools,
    "tool_choice": chat_tools.tool_choice,
    "parallel_tool_calls": fields.flag,
    "functions": chat_tools.functions,
    "function_call": chat_tools.function_call,
    "response_format": _response_format,
    "reasoning_effort": _reasoning_effort,
    "reasoning": _reasoning,
    "thinking": _thinking,
    "user": fields.user,
    "safety_identifier": partial(fields.text, max_chars=fields.MAX_LABEL_CHARS),
    "prompt_cache_key": partial(fields.text, max_chars=fields.MAX_LABEL_CHARS),
    "metadata": fields.metadata,
    "store": fields.flag,
}
