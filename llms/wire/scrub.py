"""
Upstream text made fit for a client or a log.

Providers echo keys ("Incorrect API key provided: sk-…abcd") and internal addresses in their error texts; a gateway that
passes them on leaks what it exists to keep.
"""

import re
from collections.abc import Iterable

MAX_TEXT = 500

_KEY = re.compile(
    r"(?i:\b(?:bearer|basic)\s+[\w.~+/=-]{6,})"
    r"|\b(?:sess|gh[opsu])[-_][\w-]{6,}|\bAKIA[0-9A-Z]{12,}|\b(?=[0-9a-f]*\d)[0-9a-f]{24,}\b"
    r"|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|csk|fw|tgp)[-_][^\s\"',;)]{4,}"
    r"|\b(?:key|api)[-_](?=[\w-]{0,64}\d)[^\s\"',;)]{6,}"  # with a digit: "api_version" is a word, no key
    r"|\bAIza[\w-]{20,}|\beyJ[\w.-]{20,}"
)
# What follows begins at the beginning of a run of characters only, so that a long run is gone through once.
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>)]+", re.IGNORECASE)
_PORT = re.compile(r"(?<![\w.-])[\w.-]+:\d{2,5}\b")
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[[0-9a-f.]*:[0-9a-f:.]*\](?::\d+)?", re.IGNORECASE)
_PRIVATE_NAME = re.compile(
    r"(?<![\w-])(?<![\w-]\.)(?:[\w-]+\.)+(?:corp|internal|intranet|intra|local|localdomain|lan|home|svc|cluster|private)\b|\blocalhost\b",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """
    Give ``text`` without keys, URLs, addresses and control characters, at most 500 characters of it.

    Args:
        text: What an upstream said.
        secrets: Values that must not appear, whatever they look like.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    if len(text) > 4 * MAX_TEXT:
        whole, _, cut = text[: 4 * MAX_TEXT].rpartition(" ")
        text = whole or cut  # half of a key may not look like one
    text = _KEY.sub("[key]", text)
    text = _URL.sub("[url]", text)
    text = _ADDRESS.sub("[address]", _PORT.sub("[address]", text))
    text = _PRIVATE_NAME.sub("[address]", text)
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
