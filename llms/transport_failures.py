"""What it means when a provider cannot be reached or its answer cannot be read: each in our words, here, once."""

import errno
import ssl

from llms.errors import (
    ConnectTimeoutError,
    GatewayError,
    OverloadedError,
    Retry,
    UpstreamAddressError,
    UpstreamBadResponseError,
    UpstreamDisconnectedError,
    UpstreamTLSError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)

_CUT = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
"""How a connection ends that was there already, unlike one that was refused."""

_SPENT = {
    errno.EMFILE: "file descriptors",
    errno.ENFILE: "file descriptors",
    errno.EADDRNOTAVAIL: "ports for connections to this provider",
    errno.ENOBUFS: "memory for connections",
    errno.ENOMEM: "memory for connections",
    errno.EAGAIN: "threads to look up names",
}
"""What the gateway itself lacks when a connection fails so; no fault of the provider's."""


def not_sendable() -> GatewayError:
    """Say that an address or a header cannot be sent; neither is quoted."""
    message = "The provider's address, or a header for it, is not valid. Check its base_url and its key."
    return UpstreamUnreachableError(message)


def address_refused(*, private: bool | None = None) -> GatewayError:
    """
    Say that nothing is sent to an address.

    Args:
        private: Whether the option of that name would allow it; ``None`` if the address was written out.
    """
    if private is None:
        return UpstreamAddressError("The gateway does not connect to the provider's address. Check its base_url.")
    message = "The provider's name leads to an address that the gateway does not connect to."
    if private:
        message += ' If the address is right, set "private": true for the provider.'
    return UpstreamAddressError(message)


def connect_timeout() -> GatewayError:
    """Say that opening a connection took too long."""
    return ConnectTimeoutError("No connection to the provider in the time allowed (connect_s).")


def not_named(error: OSError) -> GatewayError:
    """Say why a name led nowhere."""
    return _spent(error) or UpstreamUnreachableError("The provider's host name cannot be resolved. Check its base_url.")


def not_connected(error: OSError, *, tls: bool) -> GatewayError:
    """
    Say why a connection could not be opened.

    Args:
        tls: Whether it was to be one over TLS.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return UpstreamTLSError("The provider's TLS certificate cannot be verified. Check its base_url.")
    if isinstance(error, ssl.SSLError) or (tls and isinstance(error, _CUT)):
        message = "The TLS handshake with the provider failed. Check its base_url."
        # A handshake that was cut short may go through next time; one that was refused will not.
        cut = isinstance(error, ConnectionError)
        return UpstreamTLSError(message, retry=Retry.SAFE if cut else Retry.NEVER)
    return _spent(error) or UpstreamUnreachableError(
        "The provider cannot be reached. Check its base_url, and that it runs."
    )


def no_answer(*, stale: bool) -> GatewayError:
    """
    Say that a connection ended without an answer.

    Args:
        stale: Whether it was an idle one and failed at once.
    """
    retry = Retry.STALE if stale else Retry.AMBIGUOUS
    return UpstreamDisconnectedError("The provider closed the connection without an answer.", retry=retry)


def not_http() -> GatewayError:
    """Say that what came is not HTTP. None of it is passed on."""
    return UpstreamBadResponseError("The provider's answer is not valid HTTP.")


def cut_short() -> GatewayError:
    """Say that an answer stopped before its end."""
    return UpstreamTruncatedError("The provider closed the connection before the answer was complete.")


def _spent(error: OSError) -> GatewayError | None:
    spent = _SPENT.get(error.errno or 0)
    return None if spent is None else OverloadedError(f"The gateway has run out of {spent}.", retry_after_s=1)
