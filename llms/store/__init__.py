"""
What is kept of keys and calls, whatever keeps it.

``Store`` is the protocol; SQLite and PostgreSQL implement it. Times are Unix milliseconds, money is integer
micro-dollars, days are days since the epoch in UTC.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from llms.databases import StoreError, StoreUnfitError
from llms.keys import VirtualKey

__all__ = [
    "DAY_MS",
    "CallFilter",
    "CallRow",
    "Group",
    "KeptBody",
    "Page",
    "Store",
    "StoreError",
    "StoreUnfitError",
    "StoredKey",
    "UsageRow",
]

DAY_MS = 86_400_000

MOST_MICROS = 2**63 - 1
"""The largest sum of money that is kept, of a call or of a day's calls of one kind; a larger one is kept as this."""


class CallRow(NamedTuple):
    """
    What is kept of a call that has ended: the ledger's row. Exactly one for each id.

    Args:
        id: The request's, ``req_`` and 24 hex digits, of which the first eleven are the millisecond it came in: so
            ids are in the order of time.
        at: Of its admission; which window and which day it belongs to.
        key_id: Empty where no key was needed; as all texts that are not there.
        api: The dialect.
        model: As the client wrote it.
        provider: Who answered; empty if nobody did.
        target: The model's name there.
        stream: 0 or 1.
        status: See ``llms.records.CallRecord``.
        code: The error's.
        input_tokens: With those that were read from, or written to, the provider's cache.
        output_tokens: With those of reasoning.
        counted: ``exact``: by the provider; ``estimated``: by us, from what was seen; ``none``: nothing ran.
        cost: In micro-dollars, at the price of the target that answered. At most ``MOST_MICROS`` are kept.
        priced: 0 if the target has no price.
        attempts: As JSON: ``[{"target": …, "outcome": …, "ms": …}]``.
        first_byte_us: From the request's head to the first block; -1 if none came.
        bytes_in: Of the request's body.
        bytes_out: Of the answer's.
        timing: As ``Server-Timing`` has it.
    """

    id: str
    at: int
    key_id: str
    team: str
    api: str
    model: str
    provider: str
    target: str
    stream: int
    status: str
    code: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    counted: str
    cost: int
    priced: int
    attempts: str
    first_byte_us: int
    duration_us: int
    bytes_in: int
    bytes_out: int
    chunks: int
    finish_reason: str
    timing: str


class KeptBody(NamedTuple):
    """A call's prompt and answer, of a key that keeps them: cut to size, as JSON and text."""

    call_id: str
    prompt: str
    answer: str


class StoredKey(NamedTuple):
    """
    A key as the store has it.

    Args:
        digest: Of its secret.
        old_digest: Of the secret before it was changed, accepted until ``old_until``; empty for none.
        old_until: Unix seconds.
        revoked_at: Unix seconds; 0 if it is not.
        revision: Greater with each change of any key.
    """

    key: VirtualKey
    digest: str
    old_digest: str = ""
    old_until: int = 0
    revoked_at: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class CallFilter:
    """
    Which calls; what is left out is any.

    Args:
        since: The first millisecond.
        until: The one after the last.
        keys: The ids of the keys; empty for any. ``("",)`` for calls without one.
        team: The team.
        failed: ``True``: whose status is not ``ok``.
    """

    since: int | None = None
    until: int | None = None
    keys: tuple[str, ...] = ()
    team: str | None = None
    model: str | None = None
    provider: str | None = None
    status: str | None = None
    code: str | None = None
    failed: bool | None = None


class Page(NamedTuple):
    """
    Calls, newest first by ``at``.

    Args:
        next: The cursor of what follows, which says nothing to anybody else; ``None`` at the end. There may be a next
            page after one that is not full, or empty: so many were looked at as a page may cost.
    """

    rows: Sequence[CallRow]
    next: str | None


Group = Literal["day", "key", "team", "model", "provider"]


class UsageRow(NamedTuple):
    """
    What calls of a group came to.

    Args:
        group: Their day (``2026-11-28``), key's id, team, model or provider, in the order asked for.
        estimated: How many calls' tokens were estimated.
        unpriced: How many had no price.
    """

    group: tuple[str, ...]
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost: int
    estimated: int
    unpriced: int


class Store(Protocol):
    """
    Keeps keys and calls.

    Every method may raise ``StoreError``, within 2 seconds whatever has happened to what it stands on. A cancelled call
    leaves nothing half done, and its answer goes to nobody else.
    """

    async def keys_since(self, revision: int) -> list[StoredKey]:
        """Give the keys that were changed after ``revision``, revoked ones too, oldest change first."""

    async def put_key(self, stored: StoredKey, expected_revision: int | None = None) -> StoredKey | None:
        """
        Keep a key, new or changed; give it with its new revision.

        Args:
            expected_revision: 0: it must be new. Else what it was when it was read; ``None`` is given, and nothing
                changed, if it is another by now.
        """

    async def write_calls(self, rows: Sequence[CallRow], bodies: Sequence[KeptBody] = ()) -> int:
        """
        Keep calls, all or none, durably; give how many were new.

        One whose id is there already is left as it is, and of several with one id the first counts.
        """

    async def call(self, call_id: str) -> tuple[CallRow, KeptBody | None] | None:
        """Give one call."""

    async def calls(self, wanted: CallFilter, cursor: str | None = None, limit: int = 100) -> Page:
        """
        Give calls, newest first.

        Args:
            cursor: ``next`` of the page before; ``None`` for the first page.

        Raises:
            ValueError: No page gave this cursor.
        """

    async def calls_since(self, position: int, wanted: CallFilter, limit: int = 100) -> tuple[int, list[CallRow]]:
        """
        Give calls in the order in which they were kept, for whoever follows them.

        Args:
            position: What was given last; -1 for what comes from now on, of which nothing is given yet.
        """

    def export(self, wanted: CallFilter) -> AsyncGenerator[Sequence[CallRow], None]:
        """Give all calls, oldest first, some at a time: none of them, where many were looked at in vain."""

    async def usage(self, wanted: CallFilter, by: Sequence[Group], limit: int | None = None) -> list[UsageRow]:
        """
        Sum calls up by whole days: ``since`` and ``until`` are taken down, and up, to a day's beginning.

        ``status``, ``code`` and ``failed`` are not for this. In the order of the groups; none without a call.

        Args:
            limit: How many are given at most; the others are left out.
        """

    async def spent(self, subject: str, since_day: int, until_day: int | None = None) -> int:
        """
        Give the micro-dollars of a subject's calls from a day on; exactly, however many they are.

        Args:
            until_day: The day after the last.
            subject: ``key:…`` with its id, ``team:…``, ``model:…`` with the name that clients use, or ``gateway``.

        Raises:
            ValueError: It is none of these.
        """

    async def token(self, name: str, fresh: str) -> str:
        """Give the secret that is kept under ``name``; ``fresh``, which is kept from then on, if there is none."""

    async def close(self) -> None:
        """Let go of everything."""
