"""What can go wrong with a stream: its kind, what happened, and what to do next."""

import re
from dataclasses import dataclass

from llms.wire import failures
from llms.wire.scrub import scrub

_PASSING = frozenset({"timeout", "cut", "http_408", "http_409", "http_425", "http_429"})

_MAX_BODY_TEXT = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Why a stream is not measured.

    Args:
        kind: A word that is the same for every stream that failed in this way.
        message: What happened.
        advice: What to do next.
    """

    kind: str
    message: str
    advice: str

    @property
    def lasting(self) -> bool:
        """Whether every other stream would fail in the same way, so that there is nothing to measure."""
        return self.kind not in _PASSING and not self.kind.startswith(("http_5", "error_"))


class BenchError(Exception):
    """There is no stream to measure; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.message}; {fault.advice}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What was asked, as far as advice needs it.

    Args:
        url: The whole one.
        key_name: The environment variable that the key comes from.
        has_key: Whether it holds one.
    """

    url: str
    key_name: str
    has_key: bool


def unreachable(asked: Asked, reason: str) -> Fault:
    """No connection."""
    return Fault("unreachable", f"nothing answers at {asked.url}: {reason}", "is it running, and is that its port?")


def untrusted(asked: Asked, reason: str) -> Fault:
    """No TLS."""
    advice = "if the certificate is your own, name it in SSL_CERT_FILE; if the server speaks no TLS, say http://"
    return Fault("tls", f"no trusted TLS connection to {asked.url}: {reason}", advice)


def timeout(timeout_s: float, chunks: int) -> Fault:
    """Too slow."""
    so_far = f"{chunks} chunks" if chunks else "no chunk"
    return Fault("timeout", f"{so_far} in {timeout_s:g} s, and no end", "wait longer with --timeout, or lower -c")


def refused(asked: Asked, status: int, body: bytes, location: str | None) -> Fault:
    """An answer whose status is not 200."""
    message = f"{asked.url} answered with the status {status}"
    if words := said(body):
        message += f": {words.rstrip('.')}"
    if 300 <= status < 400:
        return Fault(f"http_{status}", f"{message}, to {scrub_location(location)}", "give the URL that it redirects to")
    return Fault(f"http_{status}", message, _advice(asked, status))


def _advice(asked: Asked, status: int) -> str:
    if status == 401:
        have = f"put a valid key into {asked.key_name}" if asked.has_key else f"put the key into {asked.key_name}"
        return f"{have}, or name another variable with --key-env"
    if status == 404:
        base = re.sub(r"/(?:chat/completions|models)$", "", asked.url)
        return f"is {base} its base URL? It is what an OpenAI client gets, and mostly ends in /v1. Else check -m"
    if status == 429:
        return "lower -c, or wait until the limit is over"
    if status >= 500:
        return "its log, or that of the proxy before it, says more"
    return "if the model is to blame, name another with -m"


def not_streamed(content_type: str, body: bytes) -> Fault:
    """
    An answer that is no event stream.

    Args:
        body: The beginning of it.
    """
    head = body.lstrip()[:1]
    if "html" in content_type or head == b"<":
        message = "a web page came instead of an answer"
        return Fault("html", message, "give the URL of the API, which mostly ends in /v1, not that of a site")
    if "json" in content_type or head == b"{":
        words = said(body)
        message = "a whole JSON answer came where a stream was asked for" + (f": {words}" if words else "")
        return Fault("json", message, 'does something on the way drop "stream": true? Ask the service itself')
    kind = scrub(content_type) or "unknown"
    message = f"the answer holds no event of a stream; its type is {kind}"
    return Fault("no_stream", message, "is that the URL of an OpenAI-compatible service?")


def cut(chunks: int, reason: str | None = None) -> Fault:
    """A stream without an end."""
    message = f"the stream was cut short after {chunks} chunks" + (f": {reason}" if reason else "")
    return Fault("cut", message, "look for a restart, or a time limit of a proxy (nginx: proxy_read_timeout)")


def error_event(error: object) -> Fault:
    """A stream that tells of an error."""
    return Fault(
        "error_event",
        f"an error came in the stream: {_words(error) or 'it has no words'}",
        "the log of the service says more",
    )


def too_large() -> Fault:
    """A stream over the bounds."""
    return Fault("too_large", "the stream is longer than is measured", "lower --max-tokens")


def no_models(asked: Asked) -> Fault:
    """Nothing to choose from."""
    return Fault("no_models", f"{asked.url} lists no model", "name one with -m")


def said(body: bytes) -> str:
    """Give the words of an error answer; nothing where there are none."""
    error = failures.error_of(body)
    return _words(error) if error is not None else ""


def scrub_location(location: str | None) -> str:
    """Give where a redirect leads, without a query, which may hold secrets."""
    return re.sub(r"[^\x21-\x7e]|[?#].*", "", location or "")[:_MAX_BODY_TEXT] or "nowhere"


def _words(error: object) -> str:
    message = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    return "" if message is None else scrub(str(message))[:_MAX_BODY_TEXT]
