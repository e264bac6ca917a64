"""Log probabilities with every key that OpenAI's document requires."""

from typing import Any


def logprobs(raw: object) -> dict[str, Any] | None:
    """Give a choice's ``logprobs`` completed, or ``None`` if there are none that a client could read."""
    if not isinstance(raw, dict):
        return None
    content, refusal = (_tokens(raw.get(name), top=True) for name in ("content", "refusal"))
    return {"content": content, "refusal": refusal} if content or refusal else None


def octets(raw: object) -> list[int] | None:
    """Give a token's ``bytes``, or ``None`` if they are none: clients check the type of each."""
    return raw if isinstance(raw, list) and set(map(type, raw)) <= {int} else None


def _tokens(raw: object, *, top: bool) -> list[dict[str, Any]] | None:
    if not isinstance(raw, list):
        return None
    return [_token(entry, top=top) for entry in raw if _readable(entry)]


def _token(entry: dict[str, Any], *, top: bool) -> dict[str, Any]:
    token = {
        "token": entry["token"],
        "logprob": entry["logprob"],
        "bytes": octets(entry.get("bytes")),
    }
    return {**token, "top_logprobs": _tokens(entry.get("top_logprobs"), top=False) or []} if top else token


def _readable(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return False
    return type(entry.get("logprob")) in (int, float)
