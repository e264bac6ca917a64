"""
What an upstream's error means: one reading for HTTP error bodies, whole answers and streams.

Services agree on an ``error`` object and on little else: its ``code`` is a word, a number or a sentence, the status is
missing in a stream, some send a string or wrap everything in a list.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from llms.errors import (
    GatewayError,
    InsufficientQuotaError,
    ModelNotFoundError,
    RateLimitedError,
    Retry,
    UpstreamAuthError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRefusedError,
)
from llms.wire import json_text
from llms.wire.scrub import scrub

Clean = Callable[[str], str]
"""Makes an upstream's text fit for a client."""

MAX_RETRY_AFTER_S = 600.0

_STATUS = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limit": 429,
    "rate_limited": 429,
    "ratelimiterror": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "tokens": 429,  # OpenAI's type says which of the two limits it was
    "requests": 429,
    "insufficient_quota": 429,
    "billing_hard_limit_reached": 429,
    "context_length_exceeded": 400,
    "string_above_max_length": 400,
    "content_policy_violation": 400,
    "content_filter": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "invalid_request": 400,
    "badrequesterror": 400,
    "invalid_argument": 400,
    "model_not_found": 404,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "overloaded": 503,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "unavailable": 503,
    "server_overloaded": 503,
}
"""What a ``code`` or ``type`` in a stream would have been as a status."""

_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"})
_WORD = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_PARAM = re.compile(r"[A-Za-z][\w.\[\]-]{0,127}", re.ASCII)
_BAD_KEY = re.compile(
    r"(?:incorrect|invalid|missing) api[ _-]?key|api[ _-]?key (?:is )?(?:not valid|invalid)", re.IGNORECASE
)
_TOO_LONG = re.compile(r"context (?:length|window|size)|maximum (?:prompt|input) length", re.IGNORECASE)


def error_in(body: object) -> object:
    """The error that a decoded chunk or answer holds; ``None`` where it holds none. ``"error": null`` is none."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict):
        return None
    if error := body.get("error"):
        return error if error is not True else body
    return body if body.get("object") == "error" or body.get("type") == "error" else None


def error_of(body: bytes) -> object:
    """The error in the body of an answer whose status says that there is one; ``None`` if it cannot be found."""
    try:
        value = json_text.loads(body)
    except ValueError:
        return None
    value = value[0] if isinstance(value, list) and value else value  # Gemini
    # Cerebras and FastAPI send the fields without the envelope.
    return error_in(value) or (value if isinstance(value, dict | str) else None)


def failure(
    error: object, status: int | None = None, retry_after_s: float | None = None, clean: Clean = scrub
) -> GatewayError:
    """
    Give our error for an upstream's.

    Args:
        error: What stood under ``error``: an object, a string, anything; ``None`` if there was nothing.
        status: The HTTP status; ``None`` in a stream, where the error itself has to say.
        retry_after_s: What the headers said.
        clean: Applied to every piece of upstream text before it is kept.
    """
    fields = error if isinstance(error, dict) else {}
    words = [word.lower() for name in ("code", "type", "status") if (word := _word(fields.get(name)))]
    status = status or _status(fields, words)
    text = clean(_text(error))
    code = _clean(_word(fields.get("code")), clean)
    if status in (401, 403) or (status == 400 and _BAD_KEY.search(text)):  # xAI and Gemini refuse keys with a 400
        message = "The provider refused the gateway's key, or what it may do with it."
        return UpstreamAuthError(message, key_refused=status != 403)
    if status in (402, 429):
        return _limited(text, retry_after_s, empty=status == 402 or not _NO_CREDIT.isdisjoint(words))
    if status == 404 and "model_not_found" in words:
        return ModelNotFoundError("The provider does not serve this model.")
    if status is not None and 400 <= status < 500 and status not in (408, 409, 498):
        code = code or ("context_length_exceeded" if _TOO_LONG.search(text) else None)
        message = text or "The provider refused the request and did not say why."
        return UpstreamRefusedError(message, upstream_status=status, param=_clean(_param(fields), clean), code=code)
    return _failed(status, text, code, retry_after_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """
    Seconds that ``retry-after-ms`` or ``retry-after`` asks to wait, 0 to 600; ``None`` if they say nothing usable.

    A date is measured against the answer's own ``Date``, since only the sender's clock knows what it meant.
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return _clamped(seconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None:
        then, now = _date(value), _date(headers.get("date"))
        seconds = then - now if then is not None and now is not None else None
    return None if seconds is None else _clamped(seconds)


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _number(value: str | None) -> float | None:
    try:
        number = float((value or "").strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(value: str | None) -> float | None:
    try:
        when = parsedate_to_datetime(value or "")
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()  # asctime's form names no zone
    except (ValueError, OverflowError):
        return None


def _status(fields: Mapping[str, Any], words: list[str]) -> int | None:
    for name in ("code", "status", "status_code"):
        value = fields.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:4])
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return next((_STATUS[word] for word in words if word in _STATUS), None)


def _clean(word: str | None, clean: Clean) -> str | None:
    """A word that says something, not one that would have to be hidden: a key fits a code's form too."""
    return word if word is None or clean(word) == word else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _param(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("param")
    return value if isinstance(value, str) and _PARAM.fullmatch(value) else None


def _text(error: object) -> str:
    if not isinstance(error, dict):
        return error if isinstance(error, str) else ""
    value = next((value for name in _TEXTS if (value := error.get(name))), "")
    if isinstance(value, dict | list):  # FastAPI lists what is wrong, Mistral wraps that list
        nested = _text(value) if isinstance(value, dict) else ""
        return nested or json_text.dumps(value).decode("utf-8")
    text = value if isinstance(value, str) else ""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    # OpenRouter's own message is only "Provider returned error".
    return f"{text}: {raw}" if text and isinstance(raw, str) else text


_TEXTS = ("message", "detail", "error", "msg")


def _limited(text: str, retry_after_s: float | None, *, empty: bool) -> GatewayError:
    if empty:
        message = "The gateway's account at the provider has no credit left."
        return InsufficientQuotaError(message, retry_after_s=retry_after_s)
    message = text or "The provider allows no more requests for now."
    return RateLimitedError(message, retry_after_s=retry_after_s)


def _failed(status: int | None, text: str, code: str | None, retry_after_s: float | None) -> GatewayError:
    if status in (498, 503, 529):  # 498: Groq's "flex tier capacity exceeded"; 529: Anthropic's "overloaded"
        return UpstreamOverloadedError(text or "The provider is overloaded.", retry_after_s=retry_after_s)
    message = text or "The provider failed and did not say why."
    # 504, 524: a proxy gave up waiting; the model behind it may still be writing, and billing.
    retry = Retry.AMBIGUOUS if status in (504, 524) else None
    return UpstreamFailedError(message, code=code, retry_after_s=retry_after_s, retry=retry)
