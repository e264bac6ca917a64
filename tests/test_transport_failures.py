"""What it means that a provider cannot be reached; most is met in tests/faults."""

import errno
import ssl

import pytest

from llms.errors import Retry
from llms.transport_failures import no_answer, not_connected, not_named


@pytest.mark.parametrize("failed", [lambda error: not_connected(error, tls=False), not_named])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.EAGAIN])
def test_what_the_gateway_lacks(failed, number):
    """A connection that fails for want of something here is our overload, not the provider's failure."""
    failure = failed(OSError(number, "x"))

    assert (503, "overloaded", 1) == (failure.http_status(), failure.code, failure.retry_after_s)


@pytest.mark.parametrize(
    ("error", "tls", "code", "retry"),
    [
        (ConnectionRefusedError("sk-canary"), False, "upstream_unreachable", Retry.SAFE),
        (OSError(errno.EHOSTUNREACH, "sk-canary"), True, "upstream_unreachable", Retry.SAFE),
        (ConnectionResetError("sk-canary"), True, "upstream_tls_error", Retry.SAFE),
        (ssl.SSLError("sk-canary"), True, "upstream_tls_error", Retry.NEVER),
        (ssl.SSLCertVerificationError("sk-canary"), True, "upstream_tls_error", Retry.NEVER),
    ],
)
def test_not_connected(error, tls, code, retry):
    """Each error has one meaning, and none of its text is passed on."""
    failure = not_connected(error, tls=tls)

    assert (code, retry) == (failure.code, failure.retry)
    assert "canary" not in failure.message


@pytest.mark.parametrize(("stale", "retry"), [(True, Retry.STALE), (False, Retry.AMBIGUOUS)])
def test_no_answer(stale, retry):
    """Of an idle connection that fails at once it is known that nothing was done."""
    assert retry is no_answer(stale=stale).retry
