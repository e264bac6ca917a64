"""
What goes wrong in AI Refinery's SDK, said in our words.

It does no I/O, but is not pure as the codecs are: the SDK's exceptions are aiohttp's, so it has to know them.

Nothing of an exception's text is passed on. The SDK does not read the body of a refusal, puts the whole of an error
event into its message, and aiohttp keeps the request's headers, the key among them, in the exception.
"""

from dataclasses import dataclass

import aiohttp

from llms.errors import (
    FirstByteTimeoutError,
    GatewayError,
    IdleTimeoutError,
    Retry,
    UpstreamAuthError,
    UpstreamBadResponseError,
    UpstreamContentTypeError,
    UpstreamDisconnectedError,
    UpstreamEventTooLargeError,
    UpstreamFailedError,
    UpstreamRedirectError,
    UpstreamTLSError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from llms.wire.failures import failure, retry_after_s

FOREIGN = (
    aiohttp.ClientError,
    TimeoutError,
    OSError,
    RuntimeError,  # air.chat.client.SSEStreamError, air.auth.jwt.AuthError
    ValueError,  # pydantic's and json's, and that of a token that is no JWT
    ImportError,
    # What the SDK itself runs into where an answer is JSON of another shape.
    AttributeError,
    LookupError,
    TypeError,
)
"""What the SDK raises, and what its own code lets through."""


@dataclass(frozen=True, slots=True)
class Failures:
    """
    Translates for one provider.

    Args:
        name: The provider's name in the configuration.
        hint: What to check if the service refuses the key: ``Check $AIREFINERY_API_KEY.``
    """

    name: str
    hint: str

    def answer(self, error: Exception, *, begun: bool = False) -> GatewayError:
        """
        Say what an exception out of a request means.

        Args:
            error: One of ``FOREIGN``.
            begun: Whether some of the answer had come.
        """
        if isinstance(error, aiohttp.ClientResponseError):
            return self._refusal(error)
        if isinstance(error, TimeoutError):
            return IdleTimeoutError(_SILENT) if begun else FirstByteTimeoutError(_SILENT)
        if isinstance(error, RuntimeError):
            return _stream_error(str(error))
        if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientConnectionError | OSError):
            return _connection_error(error, begun=begun)
        return UpstreamBadResponseError(_UNREADABLE)

    def token(self, error: Exception | None) -> GatewayError:
        """Say what an exception of the token provider means; ``None`` stands for one that nobody foresaw."""
        cause = error.__cause__ if error else None
        # requests' exceptions are OSErrors; those of an answer that is bad JSON are ValueErrors as well.
        if isinstance(cause, OSError) and not isinstance(cause, ValueError) and not _has_response(cause):
            message = f"The token endpoint of provider {self.name} cannot be reached. Check its token section."
            return UpstreamUnreachableError(message)
        if isinstance(error, OSError):
            return UpstreamUnreachableError(self._folder())
        return UpstreamAuthError(f"Provider {self.name} got no token. Check its token section.")

    def loading(self, error: Exception | None) -> GatewayError:
        """Say what an exception of the import means; ``None`` stands for one that nobody foresaw."""
        if isinstance(error, OSError):
            return UpstreamUnreachableError(self._folder())
        message = (
            f"Provider {self.name} cannot load airefinery-sdk. Install it with: pip install airefinery-sdk"
            " (Python 3.12 or newer)."
        )
        return UpstreamUnreachableError(message)

    def slow(self, seconds: float) -> GatewayError:
        """Say that the SDK has not been loaded in the time allowed."""
        return UpstreamUnreachableError(f"Provider {self.name} could not load airefinery-sdk within {seconds:g} s.")

    def models(self, error: Exception) -> GatewayError:
        """
        Say what an exception out of the list of models means.

        The SDK refuses a list that is as OpenAI's, since it wants more of each model. That is no empty list: a provider
        that lists nothing would not be asked for any model.
        """
        if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
            message = f"Provider {self.name} has a list of models that its SDK refuses. Name them in its option models."
            return UpstreamBadResponseError(message)
        return self.answer(error)

    def _folder(self) -> str:
        return f"Provider {self.name} has no folder for its tokens. Set AIR_CACHE_DIR to one that it may write to."

    def _refusal(self, error: aiohttp.ClientResponseError) -> GatewayError:
        if isinstance(error, aiohttp.ContentTypeError):
            return UpstreamContentTypeError("The provider's answer is not JSON. Check its base_url.")
        if isinstance(error, aiohttp.TooManyRedirects):
            return UpstreamRedirectError("The provider answers with nothing but redirects. Check its base_url.")
        # Bytes that are no HTTP are a 400 to aiohttp; only the cause tells them from a refusal.
        if error.status < 400 or isinstance(error.__cause__, aiohttp.http.HttpProcessingError):
            return UpstreamBadResponseError("The provider's answer is not valid HTTP.")
        hint = " The model may not exist there." if error.status == 404 else ""
        text = f"The provider refused the request with status {error.status} and its SDK does not say why.{hint}"
        refusal = failure({"message": text}, error.status, retry_after_s(error.headers or {}))
        if isinstance(refusal, UpstreamAuthError):
            message = f"Provider {self.name} refused the gateway's key. {self.hint}"
            return UpstreamAuthError(message, key_refused=refusal.key_refused)
        return refusal


def _connection_error(error: Exception, *, begun: bool) -> GatewayError:
    if isinstance(error, aiohttp.ClientSSLError):
        return UpstreamTLSError("The TLS handshake with the provider failed. Check its base_url.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamUnreachableError("The provider cannot be reached: nothing answers at its base_url.")
    if begun or isinstance(error, aiohttp.ClientPayloadError):
        retry = Retry.NEVER if begun else None
        return UpstreamTruncatedError("The provider closed the connection before the answer was complete.", retry=retry)
    return UpstreamDisconnectedError("The provider closed the connection without an answer.")


def _stream_error(text: str) -> GatewayError:
    if text.startswith("Upstream "):  # "Upstream error payload: …", "Upstream SSE error event: …"
        return UpstreamFailedError("The provider reported an error, and its SDK does not say which.")
    if text.startswith("SSE frame exceeds"):
        return UpstreamEventTooLargeError("The provider sent an event that is too large for its SDK.")
    return UpstreamBadResponseError(_UNREADABLE)


def _has_response(error: OSError) -> bool:
    return getattr(error, "response", None) is not None


_SILENT = "The provider was silent for longer than its SDK waits."
_UNREADABLE = 'The provider sent what its SDK cannot read. It may do with "via": "wire".'
