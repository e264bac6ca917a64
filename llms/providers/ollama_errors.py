"""
What Ollama's errors mean, pure: an answer with a bad status, and the error line in mid-stream.

Both hold ``{"error": "text"}``. The text is passed on, scrubbed and with the name that the client wrote in place of
Ollama's; a body of any other shape is some proxy's and is not.

Source: https://github.com/ollama/ollama/blob/main/docs/errors.md
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from llms.errors import (
    GatewayError,
    ModelNotFoundError,
    RateLimitedError,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRefusedError,
)
from llms.records import Call, Target
from llms.wire import json_text
from llms.wire.failures import retry_after_s
from llms.wire.scrub import scrub

BUSY_RETRY_S = 2.0
"""Ollama names no time when its queue of 512 requests is full."""

_NO_THINKING = re.compile(r"does not support thinking|think value", re.IGNORECASE)
_BAD_OPTION = re.compile(r"option \"(\w+)\" must be of type", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|exceed.*\bcontext\b|(?:input|prompt)\b.*\b(?:too long|exceed)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Failures:
    """
    Says what went wrong, in words fit for the client of one call.

    Args:
        call: ``None`` where no client asked: the list of models.
        secrets: Values that must not appear.
    """

    call: Call | None
    target: Target | None
    secrets: Iterable[str] = field(default=(), repr=False)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> GatewayError:
        """
        Say what an answer with a status of 400 or more means.

        A refused ``think`` is an ``UpstreamRefusedError`` whose ``param`` is ``reasoning_effort``.
        """
        text = self._said(_error(body))
        if status in (401, 403):
            message = "The provider refused the gateway's credentials. Check its api_key, or run 'ollama signin' there."
            return UpstreamAuthError(message, key_refused=status == 401)
        if status == 429:
            message = text or "The provider has had too many requests. Try again later."
            return RateLimitedError(message, retry_after_s=retry_after_s(headers))
        if status in (503, 529):
            wait_s = retry_after_s(headers)
            message = text or "The provider is busy. Try again later."
            return UpstreamOverloadedError(message, retry_after_s=BUSY_RETRY_S if wait_s is None else wait_s)
        # 499: Ollama's word for a request that somebody cancelled, which no client's request can mend.
        if status < 499:
            return self._refused(status, text)
        return _own_fault(text) or UpstreamFailedError(text or f"The provider failed with status {status}.")

    def line(self, error: object) -> GatewayError:
        """Say what the value of ``error`` in a line of the stream means."""
        return UpstreamFailedError(self._said(error) or "The provider failed in the middle of the answer.")

    def _refused(self, status: int, text: str) -> GatewayError:
        if self.call is None:
            message = f"The provider refused to list its models, with status {status}. Check its base_url."
            return UpstreamBadResponseError(message)
        if status == 404:
            message = f"The provider does not have the model '{self.call.model}'. Pull it first, or choose another."
            return ModelNotFoundError(message)
        if _NO_THINKING.search(text):
            return UpstreamRefusedError(
                text, upstream_status=status, param="reasoning_effort", code="unsupported_value"
            )
        message = text or f"The provider refused the request with status {status}."
        return _own_fault(text) or UpstreamRefusedError(message, upstream_status=status)

    def _said(self, error: object) -> str:
        if isinstance(error, dict):
            error = error.get("message")
        if not isinstance(error, str):
            return ""
        if self.call is not None and self.target is not None and self.target.model != self.call.model:
            name = re.escape(self.target.model.removesuffix(":latest"))
            shown = self.call.model
            error = re.sub(rf"(?<!\w){name}(?::latest)?(?!\w)", lambda _: shown, error)
        return scrub(error, self.secrets)


def _own_fault(text: str) -> GatewayError | None:
    """Give the client's own mistake where the text shows one: Ollama reports some of them with status 500."""
    if _TOO_LONG.search(text) and "deadline" not in text:  # Go's "context deadline exceeded" is about time
        return UpstreamRefusedError(text, upstream_status=400, code="context_length_exceeded")
    if option := _BAD_OPTION.search(text):
        return UpstreamRefusedError(text, upstream_status=400, param=option[1])
    return None


def _error(body: bytes) -> object:
    try:
        value = json_text.loads(body)
    except ValueError:
        return None
    return value.get("error") if isinstance(value, dict) else None
