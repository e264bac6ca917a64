"""Failures on the far side: the provider, and the way there."""

from llms.errors.base import GatewayError, Retry


class UpstreamError(GatewayError):
    """
    The provider's side failed.

    The client is not told to retry: the gateway has, where that may help. Retries on both sides multiply.
    """

    status = 502
    type = "upstream_error"
    default_code = "upstream_error"


class UpstreamUnreachableError(UpstreamError):
    """No connection: refused, no route, no such name."""

    default_code = "upstream_unreachable"
    default_retry = Retry.SAFE


class UpstreamAddressError(UpstreamError):
    """The provider's name leads to an address that the gateway does not connect to: an attack, or a private service."""

    default_code = "upstream_unreachable"


class UpstreamDisconnectedError(UpstreamError):
    """The connection was lost after the request was sent and before an answer began."""

    default_code = "upstream_disconnected"
    default_retry = Retry.AMBIGUOUS


class UpstreamBadResponseError(UpstreamError):
    """Not HTTP, not JSON, or not the shape that the provider's API promises."""

    default_code = "upstream_bad_response"


class UpstreamContentTypeError(UpstreamBadResponseError):
    """A web page, say, where JSON or an event stream was due."""

    default_code = "upstream_bad_content_type"


class UpstreamTruncatedError(UpstreamError):
    """The answer ended before it was complete. Never passed off as a short answer."""

    default_code = "upstream_truncated"
    default_retry = Retry.AMBIGUOUS  # where nothing of it has been handed on, as for one that is not streamed


class UpstreamEventTooLargeError(UpstreamError):
    """One event, one whole answer, or the number of a stream's events is over its limit."""

    default_code = "upstream_event_too_large"


class UpstreamTLSError(UpstreamError):
    """The provider's certificate did not verify, or the handshake failed. Never retried in plain text."""

    default_code = "upstream_tls_error"


class UpstreamRedirectError(UpstreamError):
    """The provider answered with a redirect, which would carry the prompt and maybe the key elsewhere."""

    default_code = "upstream_redirect"


class UpstreamAuthError(UpstreamError):
    """
    The provider refused the gateway's key. The client's own key is fine, so this is no 401.

    Args:
        key_refused: Whether it is the key (401), not what it may do (403): then it is set aside.
    """

    default_code = "upstream_auth_error"
    default_retry = Retry.ELSEWHERE

    def __init__(self, message: str, *, key_refused: bool = False) -> None:
        super().__init__(message)
        self.key_refused = key_refused


class CircuitOpenError(UpstreamError):
    """The provider could not be reached several times in a row: it is left alone for some seconds."""

    status = 503
    type = "overloaded_error"
    default_code = "upstream_circuit_open"
    default_retry = Retry.ELSEWHERE
    should_retry = True


class UpstreamFailedError(UpstreamError):
    """The provider said that it failed: 5xx, or an error object in its stream."""

    default_retry = Retry.REJECT


class UpstreamOverloadedError(UpstreamFailedError):
    """The provider is busy: 503 or 529."""

    status = 503
    type = "overloaded_error"
    default_code = "overloaded"
    should_retry = True


class UpstreamRefusedError(UpstreamError):
    """
    The provider refused this very request (400, 404, 413, 422): the client's to mend, so the status is kept.

    Args:
        upstream_status: The provider's status, 400 to 499.
    """

    type = "invalid_request_error"
    default_code = "invalid_value"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int,
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.upstream_status = upstream_status

    def http_status(self) -> int:
        return self.upstream_status


class UpstreamTimeoutError(GatewayError):
    """One of the clocks of the call ran out."""

    status = 504
    type = "timeout_error"
    default_code = "upstream_timeout"


class ConnectTimeoutError(UpstreamTimeoutError):
    """No connection within ``connect_s``, DNS included."""

    default_code = "upstream_connect_timeout"
    default_retry = Retry.SAFE


class FirstByteTimeoutError(UpstreamTimeoutError):
    """No data within ``first_byte_s``, or no whole answer within ``answer_s``."""

    default_code = "upstream_first_byte_timeout"
    default_retry = Retry.AMBIGUOUS


class IdleTimeoutError(UpstreamTimeoutError):
    """The stream went silent for ``idle_s``."""

    default_code = "upstream_idle_timeout"


class TotalTimeoutError(UpstreamTimeoutError):
    """The whole call took longer than ``total_s``."""

    default_code = "upstream_total_timeout"
