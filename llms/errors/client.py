"""Failures on the near side: the request, the caller, the gateway itself."""

from collections.abc import Mapping

from llms.errors.base import GatewayError, Retry


class InvalidRequestError(GatewayError):
    """The request cannot be served as it stands; sending it again will not help."""

    status = 400
    type = "invalid_request_error"
    default_code = "invalid_value"


class UnauthenticatedError(InvalidRequestError):
    """No key, or one that is not known; the answer is the same for both."""

    status = 401
    default_code = "invalid_api_key"


class NoTargetError(InvalidRequestError):
    """None of the model's targets can do what the request asks for, as the configuration has it."""

    default_code = "unsupported_parameter"


class NotFoundError(InvalidRequestError):
    """There is no such path."""

    status = 404
    default_code = "not_found"


class ModelNotFoundError(NotFoundError):
    """No provider that is on serves this model."""

    default_code = "model_not_found"
    default_retry = Retry.ELSEWHERE


class MethodNotAllowedError(InvalidRequestError):
    """The path exists, the method does not."""

    status = 405
    default_code = "method_not_allowed"


class RequestTooLargeError(InvalidRequestError):
    """The body is longer than ``server.max_body_bytes``."""

    status = 413
    default_code = "request_too_large"


class UnsupportedMediaTypeError(InvalidRequestError):
    """Not ``application/json``, or in an encoding that the gateway does not decode."""

    status = 415
    default_code = "unsupported_media_type"


class ExpectationFailedError(InvalidRequestError):
    """An ``Expect`` header other than ``100-continue``."""

    status = 417
    default_code = "expectation_failed"


class MisdirectedHostError(InvalidRequestError):
    """The ``Host`` header names a host that this gateway does not serve: DNS rebinding, or a missing setting."""

    status = 421
    default_code = "misdirected_host"


class NotAllowedError(GatewayError):
    """Known, and not permitted: a page of a foreign origin."""

    status = 403
    type = "permission_error"
    default_code = "origin_not_allowed"


class RequestTimeoutError(GatewayError):
    """The client did not send its request's body in time."""

    status = 408
    type = "timeout_error"
    default_code = "request_read_timeout"
    should_retry = True


class ConflictError(GatewayError):
    """The request stands against an earlier one."""

    status = 409
    type = "conflict_error"


class IdempotencyInProgressError(ConflictError):
    """The first request with this ``Idempotency-Key`` has not been answered yet."""

    default_code = "idempotency_in_progress"
    should_retry = True


class IdempotencyMismatchError(ConflictError):
    """The first request with this ``Idempotency-Key`` had another body."""

    status = 422
    default_code = "idempotency_mismatch"


class AnswerNotKeptError(ConflictError):
    """The first request with this ``Idempotency-Key`` was answered, and the answer was too long to be kept."""

    default_code = "idempotency_answer_too_large"


class RateLimitedError(GatewayError):
    """The provider allows no more requests for now."""

    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"
    should_retry = True
    default_retry = Retry.REJECT


class InsufficientQuotaError(RateLimitedError):
    """The account at the provider has no credit left: waiting a little does not help."""

    default_code = "insufficient_quota"
    should_retry = False
    default_retry = Retry.ELSEWHERE


class InternalError(GatewayError):
    """A bug of the gateway itself; the log has the traceback under the request's id."""

    default_code = "internal_error"


class OverloadedError(GatewayError):
    """No room for this call now."""

    status = 503
    type = "overloaded_error"
    default_code = "overloaded"
    should_retry = True


class DrainingError(OverloadedError):
    """The gateway is stopping."""

    default_code = "draining"


class KeyDisabledError(NotAllowedError):
    """The key was revoked, switched off or ran out while its call ran."""

    default_code = "key_disabled"


class EndpointNotAllowedError(NotAllowedError):
    """The key is not for this endpoint, or its role not for what is asked."""

    default_code = "endpoint_not_allowed"


class BeyondRightsError(NotAllowedError):
    """What is asked for a key is more than the key that asks has itself."""

    default_code = "exceeds_own_rights"


class OverLimitError(RateLimitedError):
    """
    The caller has used up its calls or tokens of this minute, or its calls at once.

    Args:
        headers: ``x-ratelimit-*``, to be sent with the answer.
    """

    default_retry = Retry.NEVER

    def __init__(self, message: str, *, headers: Mapping[str, str], retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.headers = headers


class OverWholeLimitError(OverLimitError):
    """The call alone may take more than the caller is allowed in a minute: waiting does not help."""

    should_retry = False


class BudgetSpentError(InsufficientQuotaError):
    """A budget of the caller's has too little left for this call."""

    default_retry = Retry.NEVER


class UnpricedError(InvalidRequestError):
    """No target of the model has a price, and none may be called without one."""

    default_code = "model_not_priced"


class LedgerUnavailableError(OverloadedError):
    """What the call costs could not be written down."""

    default_code = "ledger_unavailable"


class StoreUnavailableError(OverloadedError):
    """What keys and calls are kept in does not answer."""

    default_code = "store_unavailable"


class LimiterUnavailableError(OverloadedError):
    """What is left of a budget is not known."""

    default_code = "limiter_unavailable"
