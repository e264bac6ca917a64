"""Calls and keys that are made up."""

from typing import Any

from llms.keys import Limits, Role, VirtualKey, digest
from llms.store import CallRow, StoredKey

AT = 1_764_288_000_000
"""2025-11-28, as it begins in UTC."""

DAY = AT // 86_400_000


def call(number: int = 0, **fields: Any) -> CallRow:
    """Give a call, ``number`` milliseconds into the day."""
    at = fields.pop("at", AT + number)
    given: dict[str, Any] = {
        "id": f"req_{at:011x}{number:013x}",
        "at": at,
        "key_id": "key_a",
        "team": "red",
        "api": "chat.completions",
        "model": "fast",
        "provider": "openai",
        "target": "gpt-5-mini",
        "stream": 1,
        "status": "ok",
        "code": "",
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 50,
        "cache_write_tokens": 5,
        "reasoning_tokens": 10,
        "counted": "exact",
        "cost": 1_000,
        "priced": 1,
        "attempts": '[{"target":"openai/gpt-5-mini","outcome":"ok","ms":312}]',
        "first_byte_us": 312_000,
        "duration_us": 812_000,
        "bytes_in": 900,
        "bytes_out": 4_000,
        "chunks": 22,
        "finish_reason": "stop",
        "timing": "auth;dur=0.1,first;dur=312.0,body;dur=500.0",
    }
    return CallRow(**{**given, **fields})


def key(name: str = "a", **fields: Any) -> StoredKey:
    """Give a key that is not kept yet."""
    made = VirtualKey(
        id=f"key_{name}",
        name=name,
        role=Role.MEMBER,
        owner="someone@example.com",
        team="red",
        parent="key_root",
        models=("gpt-*", "fast"),
        endpoints=("chat.completions",),
        limits=Limits(rpm=5, budget_month=10_000_000),
        expires_at=2_000_000_000,
        prefix="sk-llms-abcdef",
        created_at=1_764_288_000,
    )
    return StoredKey(made, digest(f"secret of {name}"), **fields)
