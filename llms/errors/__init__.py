"""
Every failure a call can end in, as one tree.

::

    GatewayError
    ├── InvalidRequestError 400
    │   ├── UnauthenticatedError 401
    │   ├── NoTargetError 400
    │   ├── UnpricedError 400
    │   ├── NotFoundError 404
    │   │   └── ModelNotFoundError 404
    │   ├── MethodNotAllowedError 405
    │   ├── RequestTooLargeError 413
    │   ├── UnsupportedMediaTypeError 415
    │   ├── ExpectationFailedError 417
    │   └── MisdirectedHostError 421
    ├── NotAllowedError 403
    │   ├── BeyondRightsError 403
    │   ├── EndpointNotAllowedError 403
    │   └── KeyDisabledError 403
    ├── RequestTimeoutError 408
    ├── ConflictError 409
    │   ├── IdempotencyInProgressError 409
    │   ├── IdempotencyMismatchError 422
    │   └── AnswerNotKeptError 409
    ├── RateLimitedError 429
    │   ├── InsufficientQuotaError 429
    │   │   └── BudgetSpentError 429
    │   └── OverLimitError 429
    │       └── OverWholeLimitError 429
    ├── InternalError 500
    ├── OverloadedError 503
    │   ├── DrainingError 503
    │   ├── LedgerUnavailableError 503
    │   ├── LimiterUnavailableError 503
    │   └── StoreUnavailableError 503
    ├── UpstreamError 502
    │   ├── UpstreamUnreachableError
    │   ├── UpstreamAddressError
    │   ├── UpstreamDisconnectedError
    │   ├── UpstreamBadResponseError
    │   ├── UpstreamContentTypeError
    │   ├── UpstreamTruncatedError
    │   ├── UpstreamEventTooLargeError
    │   ├── UpstreamTLSError
    │   ├── UpstreamRedirectError
    │   ├── UpstreamAuthError
    │   ├── CircuitOpenError 503
    │   ├── UpstreamFailedError
    │   ├── UpstreamRefusedError (a status of its own: 400, 404, 422 …)
    │   └── UpstreamOverloadedError 503
    └── UpstreamTimeoutError 504
        ├── ConnectTimeoutError
        ├── FirstByteTimeoutError
        ├── IdleTimeoutError
        └── TotalTimeoutError

Each class carries the HTTP status, OpenAI's ``type`` and ``code``, whether the client should retry, and whether the
gateway itself may try elsewhere. Before the first byte an error is raised and answered with its status; after it, the
same envelope is sent as the last event of the stream.
"""

from llms.errors.base import (
    GatewayError,
    Retry,
)
from llms.errors.client import (
    AnswerNotKeptError,
    BeyondRightsError,
    BudgetSpentError,
    ConflictError,
    DrainingError,
    EndpointNotAllowedError,
    ExpectationFailedError,
    IdempotencyInProgressError,
    IdempotencyMismatchError,
    InsufficientQuotaError,
    InternalError,
    InvalidRequestError,
    KeyDisabledError,
    LedgerUnavailableError,
    LimiterUnavailableError,
    MethodNotAllowedError,
    MisdirectedHostError,
    ModelNotFoundError,
    NotAllowedError,
    NoTargetError,
    NotFoundError,
    OverLimitError,
    OverloadedError,
    OverWholeLimitError,
    RateLimitedError,
    RequestTimeoutError,
    RequestTooLargeError,
    StoreUnavailableError,
    UnauthenticatedError,
    UnpricedError,
    UnsupportedMediaTypeError,
)
from llms.errors.upstream import (
    CircuitOpenError,
    ConnectTimeoutError,
    FirstByteTimeoutError,
    IdleTimeoutError,
    TotalTimeoutError,
    UpstreamAddressError,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamContentTypeError,
    UpstreamDisconnectedError,
    UpstreamError,
    UpstreamEventTooLargeError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRedirectError,
    UpstreamRefusedError,
    UpstreamTimeoutError,
    UpstreamTLSError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)

__all__ = [
    "AnswerNotKeptError",
    "BeyondRightsError",
    "BudgetSpentError",
    "CircuitOpenError",
    "ConflictError",
    "ConnectTimeoutError",
    "DrainingError",
    "EndpointNotAllowedError",
    "ExpectationFailedError",
    "FirstByteTimeoutError",
    "GatewayError",
    "IdempotencyInProgressError",
    "IdempotencyMismatchError",
    "IdleTimeoutError",
    "InsufficientQuotaError",
    "InternalError",
    "InvalidRequestError",
    "KeyDisabledError",
    "LedgerUnavailableError",
    "LimiterUnavailableError",
    "MethodNotAllowedError",
    "MisdirectedHostError",
    "ModelNotFoundError",
    "NoTargetError",
    "NotAllowedError",
    "NotFoundError",
    "OverLimitError",
    "OverWholeLimitError",
    "OverloadedError",
    "RateLimitedError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "Retry",
    "StoreUnavailableError",
    "TotalTimeoutError",
    "UnauthenticatedError",
    "UnpricedError",
    "UnsupportedMediaTypeError",
    "UpstreamAddressError",
    "UpstreamAuthError",
    "UpstreamBadResponseError",
    "UpstreamContentTypeError",
    "UpstreamDisconnectedError",
    "UpstreamError",
    "UpstreamEventTooLargeError",
    "UpstreamFailedError",
    "UpstreamOverloadedError",
    "UpstreamRedirectError",
    "UpstreamRefusedError",
    "UpstreamTLSError",
    "UpstreamTimeoutError",
    "UpstreamTruncatedError",
    "UpstreamUnreachableError",
]
