"""What the SDK raises, in our words. The exceptions are made as aiohttp and the SDK make them."""

import ssl
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from llms.errors import (
    FirstByteTimeoutError,
    GatewayError,
    IdleTimeoutError,
    RateLimitedError,
    Retry,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamContentTypeError,
    UpstreamDisconnectedError,
    UpstreamEventTooLargeError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRedirectError,
    UpstreamRefusedError,
    UpstreamTLSError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.providers.airefinery_errors import FOREIGN, Failures

SECRET = "sesame-secret"
FAILURES = Failures("air", "Check $AIREFINERY_API_KEY.")


def response_error(
    status: int, kind: type[aiohttp.ClientResponseError] = aiohttp.ClientResponseError, **headers: str
) -> aiohttp.ClientResponseError:
    asked = CIMultiDictProxy(CIMultiDict({"Authorization": f"Bearer {SECRET}"}))
    info = aiohttp.RequestInfo(URL("http://127.0.0.1:9/"), "POST", asked, URL("http://127.0.0.1:9/"))
    return kind(
        info, (), status=status, message=SECRET, headers=CIMultiDictProxy(CIMultiDict(headers)) if headers else None
    )


def no_http() -> Exception:
    error = response_error(400)
    error.__cause__ = aiohttp.http.HttpProcessingError(code=400, message=SECRET)
    return error


def connector_error(kind: Any, os_error: Exception) -> Exception:
    return kind(ConnectionKey("127.0.0.1", 9, False, True, None, None, None), os_error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (response_error(400), UpstreamRefusedError),
        (response_error(401), UpstreamAuthError),
        (response_error(404), UpstreamRefusedError),
        (response_error(429), RateLimitedError),
        (response_error(500), UpstreamFailedError),
        (response_error(503), UpstreamOverloadedError),
        (response_error(0), UpstreamBadResponseError),
        (no_http(), UpstreamBadResponseError),
        (response_error(200, aiohttp.ContentTypeError), UpstreamContentTypeError),
        (response_error(307, aiohttp.TooManyRedirects), UpstreamRedirectError),
        (TimeoutError(SECRET), FirstByteTimeoutError),
        (connector_error(aiohttp.ClientConnectorSSLError, ssl.SSLError(SECRET)), UpstreamTLSError),
        (
            connector_error(aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError(SECRET)),
            UpstreamTLSError,
        ),
        (connector_error(aiohttp.ClientConnectorError, ConnectionRefusedError(SECRET)), UpstreamUnreachableError),
        (connector_error(aiohttp.ClientConnectorDNSError, OSError(SECRET)), UpstreamUnreachableError),
        (aiohttp.ServerDisconnectedError(SECRET), UpstreamDisconnectedError),
        (ConnectionResetError(SECRET), UpstreamDisconnectedError),
        (aiohttp.ClientPayloadError(SECRET), UpstreamTruncatedError),
        (RuntimeError(f"Upstream error payload: {SECRET}"), UpstreamFailedError),
        (RuntimeError(f"SSE frame exceeds 1048576 bytes; {SECRET}"), UpstreamEventTooLargeError),
        (RuntimeError(f"Invalid chunk payload (strict streaming): {SECRET}"), UpstreamBadResponseError),
        (ValueError(SECRET), UpstreamBadResponseError),
        (AttributeError(SECRET), UpstreamBadResponseError),
        (KeyError(SECRET), UpstreamBadResponseError),
        (aiohttp.InvalidURL("http://" + SECRET), UpstreamBadResponseError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
def test_a_request_that_failed(error: Exception, expected: type[GatewayError]) -> None:
    """Each of the SDK's exceptions has one meaning, and nothing of its text is passed on."""
    failure = FAILURES.answer(error)

    assert expected is type(failure)
    assert SECRET not in failure.message
    assert "127.0.0.1" not in failure.message
    assert isinstance(error, FOREIGN)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), IdleTimeoutError),
        (ConnectionResetError(), UpstreamTruncatedError),
        (aiohttp.ClientOSError(), UpstreamTruncatedError),
    ],
)
def test_a_stream_that_broke_off(error: Exception, expected: type[GatewayError]) -> None:
    """What comes after the first chunk is an answer cut short, and not to be retried."""
    failure = FAILURES.answer(error, begun=True)

    assert (expected, Retry.NEVER) == (type(failure), failure.retry)


def test_status_and_retry_after_are_kept() -> None:
    """Check 53: of a refusal, the status and the time to wait remain; the hints are ours."""
    limited = FAILURES.answer(response_error(429, **{"Retry-After": "7"}))
    missing = FAILURES.answer(response_error(404))

    assert (429, 7.0) == (limited.http_status(), limited.retry_after_s)
    assert (404, None) == (missing.http_status(), missing.retry_after_s)
    assert missing.message.endswith("The model may not exist there.")
    assert (
        "Provider air refused the gateway's key. Check $AIREFINERY_API_KEY."
        == FAILURES.answer(response_error(403)).message
    )


class RequestError(OSError):
    """As requests' exceptions are."""

    def __init__(self, response: object) -> None:
        super().__init__(SECRET)
        self.response = response


class RequestJSONError(RequestError, ValueError):
    """As requests' JSONDecodeError is."""


def no_token(cause: Exception) -> Exception:
    error = RuntimeError("get_jwt_token() failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (no_token(RequestError(None)), UpstreamUnreachableError, "cannot be reached"),
        (no_token(RequestError("401")), UpstreamAuthError, "got no token"),
        (no_token(RequestJSONError(None)), UpstreamAuthError, "got no token"),
        (no_token(KeyError("access_token")), UpstreamAuthError, "got no token"),
        (ValueError("Malformed JWT"), UpstreamAuthError, "got no token"),
        (PermissionError(SECRET), UpstreamUnreachableError, "AIR_CACHE_DIR"),
        (None, UpstreamAuthError, "got no token"),
    ],
    ids=["unreachable", "refused", "no json", "none", "no jwt", "no folder", "unforeseen"],
)
def test_a_token_that_did_not_come(error: Exception | None, expected: type[GatewayError], said: str) -> None:
    """It is told apart whether the token endpoint is down, refuses, or the token cannot be kept."""
    failure = FAILURES.token(error)

    assert expected is type(failure)
    assert said in failure.message
    assert SECRET not in failure.message


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'air'"), "pip install airefinery-sdk"),
        (AttributeError("AsyncChatClient"), "pip install airefinery-sdk"),
        (None, "pip install airefinery-sdk"),
        (PermissionError("/.cache"), "Set AIR_CACHE_DIR"),
    ],
)
def test_an_sdk_that_cannot_be_loaded(error: Exception | None, said: str) -> None:
    """The message says what to install or to set; nothing was sent, so another provider may be asked."""
    failure = FAILURES.loading(error)

    assert (UpstreamUnreachableError, Retry.SAFE) == (type(failure), failure.retry)
    assert said in failure.message


def test_a_list_of_models_that_is_refused() -> None:
    """The SDK's refusal of a list leads to the option; other failures are what they are."""
    certificate = connector_error(aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError())

    assert "Name them in its option models." in FAILURES.models(ValueError("root")).message
    assert UpstreamTLSError is type(FAILURES.models(certificate))
    assert UpstreamAuthError is type(FAILURES.models(response_error(401)))
