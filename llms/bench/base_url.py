"""Base URLs as people write them."""

import re
from urllib.parse import urlsplit

_VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")
_CALLS = re.compile(r"/(?:chat/completions|completions|models|responses)$")


def base_url(given: str) -> str:
    """
    Give the URL that ``/chat/completions`` follows, without a slash at the end.

    ``/v1`` is added unless the path has a version: some have another one, or have it further up (Gemini's
    ``/v1beta/openai``).

    Raises:
        ValueError: It is no such URL; says why, without the URL, which may hold a secret.
    """
    try:
        parts = urlsplit(given.strip())
        port = parts.port
    except ValueError as error:
        message = f"it is no URL: {error}"
        raise ValueError(message) from None
    if "://" not in given:
        message = f"it lacks http:// or https:// (http://{given.strip()}?)" if "@" not in given else "it lacks http://"
        raise ValueError(message)
    if parts.scheme not in ("http", "https"):
        message = "it has to begin with http:// or https://"
        raise ValueError(message)
    if not parts.hostname or port == 0 or re.search(r"[\s\x00-\x1f\x7f]", given.strip()):
        message = "it names no server"
        raise ValueError(message)
    if parts.username is not None or parts.query or parts.fragment:
        message = "it may hold no user, no query and no fragment; the key comes from the variable that --key-env names"
        raise ValueError(message)
    path = _CALLS.sub("", parts.path.rstrip("/"))
    versioned = any(_VERSION.fullmatch(part) for part in path.split("/"))
    return f"{parts.scheme}://{parts.netloc}{path}{'' if versioned else '/v1'}"
