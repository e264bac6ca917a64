"""What aiohttp's exceptions mean; most are met in tests/faults."""

import errno

import aiohttp
import pytest

from llms.errors import Retry
from llms.transport_failures import before_answer, begun, within_answer


@pytest.mark.parametrize(
    ("error", "stale", "code", "retry"),
    [
        (aiohttp.InvalidURL("http://x"), False, "upstream_unreachable", Retry.SAFE),
        (ValueError("header"), False, "upstream_unreachable", Retry.SAFE),
        (TimeoutError(), False, "upstream_connect_timeout", Retry.SAFE),
        (aiohttp.ServerDisconnectedError(), False, "upstream_disconnected", Retry.AMBIGUOUS),
        (aiohttp.ServerDisconnectedError(), True, "upstream_disconnected", Retry.STALE),
        (OSError(5, "input/output error"), False, "upstream_disconnected", Retry.AMBIGUOUS),
        (aiohttp.ClientPayloadError("sk-canary"), False, "upstream_bad_response", Retry.NEVER),
    ],
)
def test_before_an_answer(error, stale, code, retry):
    """Each exception has one meaning, and none of its text is passed on."""
    failure = before_answer(error, tls=True, stale=stale)

    assert (code, retry) == (failure.code, failure.retry)
    assert "canary" not in failure.message


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.EAGAIN])
def test_what_the_gateway_lacks(number):
    """A connection that fails for want of something here is our overload, not the provider's failure."""
    failure = before_answer(aiohttp.ClientConnectorError(None, OSError(number, "x")), tls=False, stale=False)

    assert (503, "overloaded", 1) == (failure.http_status(), failure.code, failure.retry_after_s)


def test_begun():
    """A connection that ends before an answer is not one that ends within its head."""
    assert not begun(aiohttp.ServerDisconnectedError())
    assert not begun(OSError())


def test_within_an_answer():
    """An answer that stops is cut short."""
    assert "upstream_truncated" == within_answer(aiohttp.ClientPayloadError("x")).code
