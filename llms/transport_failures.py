"""What aiohttp's exceptions mean: each is translated here, once. Their own texts, which quote requests, are dropped."""

import errno

import aiohttp

from llms.connector import AddressRefusedError
from llms.errors import (
    ConnectTimeoutError,
    GatewayError,
    OverloadedError,
    Retry,
    UpstreamAddressError,
    UpstreamBadResponseError,
    UpstreamDisconnectedError,
    UpstreamError,
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


def before_answer(error: Exception, *, tls: bool, stale: bool) -> GatewayError:
    """
    Say what it means that a request got no answer.

    Args:
        tls: Whether it was to be sent over TLS.
        stale: Whether the connection was an idle one and failed at once.
    """
    if isinstance(error, aiohttp.InvalidURL) or not isinstance(error, aiohttp.ClientError | OSError):
        # An address or a header that cannot be sent; the error's own text quotes it.
        message = "The provider's address, or a header for it, is not valid. Check its base_url and its key."
        return UpstreamUnreachableError(message)
    if isinstance(error, TimeoutError):
        return ConnectTimeoutError("No connection to the provider in the time allowed (connect_s).")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error, tls=tls)
    if isinstance(error, aiohttp.ClientResponseError):
        # aiohttp says status 400 here and puts the upstream's raw bytes into the message: neither is passed on.
        return UpstreamBadResponseError("The provider's answer is not valid HTTP.")
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        retry = Retry.STALE if stale else Retry.AMBIGUOUS
        return UpstreamDisconnectedError("The provider closed the connection without an answer.", retry=retry)
    return UpstreamBadResponseError("The provider's answer cannot be read.")


def begun(error: Exception) -> bool:
    """Whether the beginning of an answer had come before ``error``."""
    # aiohttp puts the unfinished head where the message would be.
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)


def within_answer(error: Exception) -> UpstreamError:
    """Say what it means that an answer stopped before its end."""
    if isinstance(error.__cause__, aiohttp.http.HttpProcessingError) and not _cut(error.__cause__):
        return UpstreamBadResponseError("The provider's answer is not valid HTTP.")
    return UpstreamTruncatedError("The provider closed the connection before the answer was complete.")


def _not_connected(error: aiohttp.ClientConnectorError, *, tls: bool) -> GatewayError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return UpstreamTLSError("The provider's TLS certificate cannot be verified. Check its base_url.")
    if isinstance(error, aiohttp.ClientSSLError) or (tls and isinstance(error.os_error, _CUT)):
        message = "The TLS handshake with the provider failed. Check its base_url."
        # A handshake that was cut short may go through next time; one that was refused will not.
        cut = isinstance(error.os_error, ConnectionError | TimeoutError)
        return UpstreamTLSError(message, retry=Retry.SAFE if cut else Retry.NEVER)
    if (spent := _SPENT.get(error.os_error.errno or 0)) is not None:
        return OverloadedError(f"The gateway has run out of {spent}.", retry_after_s=1)
    if isinstance(error.os_error, AddressRefusedError):
        message = "The provider's name leads to an address that the gateway does not connect to."
        if error.os_error.private:
            message += ' If the address is right, set "private": true for the provider.'
        return UpstreamAddressError(message)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UpstreamUnreachableError("The provider's host name cannot be resolved. Check its base_url.")
    return UpstreamUnreachableError("The provider cannot be reached. Check its base_url, and that it runs.")


def _cut(error: aiohttp.http.HttpProcessingError) -> bool:
    return "Not enough data" in error.message
