"""What all failures have in common."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar


class Retry(Enum):
    """What the gateway may do about a failure as long as the client has not been sent a byte of the answer."""

    SAFE = "safe"
    """The request was provably not processed: connect refused, DNS, TLS handshake cut short."""
    REJECT = "reject"
    """The upstream refused explicitly: 429, 503, 529, or 500/502 with a complete answer."""
    ELSEWHERE = "elsewhere"
    """It will refuse again, but only it: its key, a model that it does not have, no room. Another target may not."""
    STALE = "stale"
    """A pooled connection was closed under the request: once more, on a new connection."""
    AMBIGUOUS = "ambiguous"
    """The request was sent and nothing came back: it may be generating and billing. Not retried by default."""
    NEVER = "never"


class GatewayError(Exception):
    """
    A failure that a client can be told about.

    Args:
        message: One or two sentences that say what the client can do. Never holds a secret, a header or an URL.
        param: The request's field that is to blame, as ``messages[0].content``.
        code: Overrides the class's code.
        retry_after_s: Seconds after which trying again may help.
        retry: Overrides the class's retry rule.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str | None] = None
    should_retry: ClassVar[bool] = False
    default_retry: ClassVar[Retry] = Retry.NEVER
    headers: Mapping[str, str] = MappingProxyType({})
    """To add to the answer."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        retry: Retry | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code
        self.retry_after_s = retry_after_s
        self.retry = retry or self.default_retry

    def http_status(self) -> int:
        """The status to answer with, when nothing has been sent yet."""
        return self.status

    def body(self) -> dict[str, Any]:
        """OpenAI's error envelope; its schema requires all four keys."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }
