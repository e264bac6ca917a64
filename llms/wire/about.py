"""What an answer may say of how it was made; a chunk and a whole answer have it alike."""

from typing import Any

NAMES = ("service_tier", "system_fingerprint")

_TIERS = {"auto": "auto", "default": "default", "flex": "flex", "scale": "scale", "priority": "priority"}
_TIERS["fast"] = "priority"  # as OpenAI itself answers to "fast"; strict clients know only the five


def about(raw: dict[str, Any]) -> dict[str, str]:
    """Give what ``raw``, a chunk or an answer, says under ``NAMES``, as far as clients can read it."""
    found: dict[str, str] = {}
    tier, fingerprint = raw.get("service_tier"), raw.get("system_fingerprint")
    if isinstance(tier, str) and tier in _TIERS:
        found["service_tier"] = _TIERS[tier]
    if isinstance(fingerprint, str) and fingerprint:
        found["system_fingerprint"] = fingerprint
    return found
