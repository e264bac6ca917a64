"""
Virtual keys: what the gateway hands out, and what one of them allows; pure.

A key is shown once, as it is made. What is kept is its SHA-256: the secret has 256 bits of chance, so that no slow
digest is needed, and the digest does not authenticate.
"""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum

_MARK = "sk-llms-"
_SHOWN = len(_MARK) + 6


class Role(StrEnum):
    """
    What a key may do besides what its own rights say.

    ``ADMIN`` everything. ``MEMBER`` calls models, makes keys within its own rights, and sees itself and the keys that
    come from it. ``VIEWER`` reads keys, usage and the log of its team, or of all if it has none; it calls no model.
    """

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Window(StrEnum):
    """What a budget is for: for good, or for a day, a week (from Monday) or a month, each in UTC."""

    TOTAL = "total"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much; ``None`` where there is no limit.

    Args:
        rpm: Calls in a minute.
        tpm: Tokens in a minute, those going in and those coming out.
        concurrency: Calls at once.
        budget_total: In micro-dollars, as all budgets are.
    """

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    budget_total: int | None = None
    budget_day: int | None = None
    budget_week: int | None = None
    budget_month: int | None = None

    def budgets(self) -> Iterator[tuple[Window, int]]:
        """Give the windows that have a budget, each with its micro-dollars."""
        for window in Window:
            most = getattr(self, f"budget_{window}")
            if most is not None:
                yield window, most

    @property
    def has_budget(self) -> bool:
        """Whether there is any."""
        return (
            self.budget_total is not None
            or self.budget_day is not None
            or self.budget_week is not None
            or self.budget_month is not None
        )

    @property
    def has_any(self) -> bool:
        """Whether there is any limit at all."""
        return self.rpm is not None or self.tpm is not None or self.concurrency is not None or self.has_budget

    def within(self, other: "Limits") -> bool:
        """Whether none of them allows more than ``other`` does."""
        return all(
            theirs is None or (own is not None and own <= theirs)
            for own, theirs in ((getattr(self, field.name), getattr(other, field.name)) for field in fields(Limits))
        )


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """
    A key, without its secret.

    Args:
        id: ``key_`` and 32 hex digits; safe to log.
        name: What people call it.
        role: See ``Role``.
        owner: Whose it is: a name or an address.
        team: Whose limits count as well; empty for none.
        parent: The id of the key that made it; ``None`` for the operator.
        models: Which it may call, as clients write them; ``gpt-*`` stands for all that begin so. Empty for all.
        endpoints: The dialects that it may use, as ``chat.completions``. Empty for all.
        limits: Its own.
        expires_at: Unix seconds from which on it is not accepted; ``None`` for never.
        disabled: Whether it is switched off for now.
        keeps_bodies: Whether its prompts and answers are kept.
        prefix: How its secret begins, for people to recognise it.
        created_at: Unix seconds.
    """

    id: str
    name: str = ""
    role: Role = Role.ADMIN
    owner: str = ""
    team: str = ""
    parent: str | None = None
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    limits: Limits = Limits()
    expires_at: int | None = None
    disabled: bool = False
    keeps_bodies: bool = False
    prefix: str = ""
    created_at: int = 0

    def may_call(self, model: str) -> bool:
        """Whether it may call ``model``."""
        return not self.models or any(matches(pattern, model) for pattern in self.models)


def matches(pattern: str, model: str) -> bool:
    """Whether a model's name is one that ``pattern`` stands for."""
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


def new_secret() -> str:
    """Give a secret that nobody has."""
    return _MARK + secrets.token_urlsafe(32)


def new_id() -> str:
    """Give an id that nobody has, and nobody guesses."""
    return f"key_{secrets.token_hex(16)}"


def shown(secret: str) -> str:
    """Give as much of a secret as may be shown again."""
    return secret[:_SHOWN]


def digest(secret: str) -> str:
    """Give the form in which a secret is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
