"""What is read is read in the same way from every database: this is the half of a store that only asks."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from llms.databases import bounded
from llms.store import DAY_MS, CallFilter, CallRow, Group, KeptBody, Page, StoredKey, UsageRow, queries
from llms.store.encoding import day_text, stored_key, text
from llms.store.queries import Order, Place, Query, Span, micros

_EXPORTED = 1000
"""Rows in one piece of an export: some 400 kB."""

_FIRST_STEP, _LONGER = 1000, 3
"""Calls that are looked at first, and how much longer each step is than the one before."""

_LOOKS_S = 0.04
"""When no further step is begun: the last one takes three quarters of the whole."""

_BY_THEMSELVES = 20
"""Keys, each of which costs two statements and a page of calls."""


class Reading(ABC):
    """
    Answers what a ``Store`` is asked, by ``_fetch``.

    Attributes:
        looked_at: How many calls a page, or a piece of what is followed or exported, may look at; fewer where that
            takes long.
    """

    looked_at = 50_000  # about 20 ms of SQLite's time

    @abstractmethod
    async def _fetch(self, query: Query) -> Sequence[Sequence[Any]]:
        """
        Give the rows that a statement finds.

        Raises:
            StoreError: As ``Store`` has it.
        """

    @bounded
    async def keys_since(self, revision: int) -> list[StoredKey]:
        return [stored_key(record) for record in await self._fetch(Query(queries.KEYS_SINCE, (revision,)))]

    @bounded
    async def call(self, call_id: str) -> tuple[CallRow, KeptBody | None] | None:
        rows = await self._fetch(Query(queries.CALL, (text(call_id),)))
        if not rows:
            return None
        bodies = await self._fetch(Query(queries.BODY, (rows[0][0],)))
        return CallRow._make(rows[0]), KeptBody._make(bodies[0]) if bodies else None

    @bounded
    async def calls(self, wanted: CallFilter, cursor: str | None = None, limit: int = 100) -> Page:
        since, until = queries.times(wanted)
        before = Place(until, 0) if cursor is None else min(_place(cursor), Place(until, 0))
        day = (await self._fetch(queries.last_day(wanted, before.at)))[0][0]
        if day is None:
            return Page([], None)
        span = Span(Place(since, -1), min(before, Place((day + 1) * DAY_MS, 0)))
        found, edge = await self._look("newest", span, wanted, limit + 1)
        if len(found) > limit:
            edge = found[limit - 1][0]
        return Page([row for _, row in found[:limit]], None if edge is None else f"{edge.at}-{edge.seq}")

    @bounded
    async def calls_since(self, position: int, wanted: CallFilter, limit: int = 100) -> tuple[int, list[CallRow]]:
        last = (await self._fetch(Query(queries.LAST, ())))[0][0]
        if position < 0:
            return last, []
        up_to = max(position, min(last, position + self.looked_at))
        rows = await self._fetch(queries.following(position, up_to, wanted, limit))
        return rows[-1][-1] if len(rows) == limit else up_to, [CallRow._make(row[:-1]) for row in rows]

    async def export(self, wanted: CallFilter) -> AsyncGenerator[Sequence[CallRow], None]:
        since, until = queries.times(wanted)
        after: Place | None = Place(since, -1)
        while after is not None:
            found, edge = await self._look_on(Span(after, Place(until, 0)), wanted)
            after = found[_EXPORTED - 1][0] if len(found) >= _EXPORTED else edge
            yield [row for _, row in found[:_EXPORTED]]

    @bounded
    async def _look_on(self, span: Span, wanted: CallFilter) -> tuple[list[tuple[Place, CallRow]], Place | None]:
        return await self._look("oldest", span, wanted, _EXPORTED)

    async def _look(
        self, order: Order, span: Span, wanted: CallFilter, limit: int
    ) -> tuple[list[tuple[Place, CallRow]], Place | None]:
        """
        Give the first calls of a span, each with its place, and how far was looked if that was not to its end.

        It goes on in ever longer steps: most pages are found in the first, and where the disk is slow it ends early.
        """
        found: list[tuple[Place, CallRow]] = []
        step, left, until = _FIRST_STEP, self.looked_at, time.monotonic() + _LOOKS_S
        while True:
            step = min(step, left)
            some, edge = await self._step(order, span, wanted, limit - len(found), step)
            found += some
            left -= step
            if edge is None or len(found) >= limit or not left or time.monotonic() > until:
                return found, edge
            step *= _LONGER
            span = Span(span.after, edge) if order == "newest" else Span(edge, span.before)

    async def _step(
        self, order: Order, span: Span, wanted: CallFilter, limit: int, looked_at: int
    ) -> tuple[list[tuple[Place, CallRow]], Place | None]:
        """
        Look at so many calls.

        Each key has its own part of an index, so each is looked up by itself; what was found is joined. Many of them
        are looked for among all calls, as what has no index.
        """
        keys = wanted.keys if 0 < len(wanted.keys) <= _BY_THEMSELVES else (None,)
        edges = []
        found: list[tuple[Place, CallRow]] = []
        for key in keys:
            edge = await self._fetch(queries.boundary(order, key, span, max(1, looked_at // len(keys))))
            edges += [Place(*edge[0])] if edge else []
            part = _up_to(order, span, Place(*edge[0])) if edge else span
            rows = await self._fetch(queries.page(order, key, part, wanted, limit))
            found += [(Place(row[1], row[-1]), CallRow._make(row[:-1])) for row in rows]
        newest = order == "newest"
        found.sort(reverse=newest)
        if not edges:
            return found[:limit], None
        edge_of_all = max(edges) if newest else min(edges)
        return [one for one in found if (one[0] >= edge_of_all) == newest or one[0] == edge_of_all][:limit], edge_of_all

    @bounded
    async def usage(self, wanted: CallFilter, by: Sequence[Group], limit: int | None = None) -> list[UsageRow]:
        rows = await self._fetch(queries.usage(wanted, by, limit))
        # Of tens of thousands it takes long, for which calls are not to wait.
        return await asyncio.to_thread(_sums, rows, by)

    @bounded
    async def spent(self, subject: str, since_day: int, until_day: int | None = None) -> int:
        return micros(*(await self._fetch(queries.spent(subject, since_day, until_day)))[0])


def _sums(rows: Sequence[Sequence[Any]], by: Sequence[Group]) -> list[UsageRow]:
    count = len(by)
    return [
        UsageRow._make((_group(by, row[:count]), *row[count + 2 : -2], micros(*row[count : count + 2]), *row[-2:]))
        for row in rows
        if row[-1] is not None
    ]


def _group(by: Sequence[Group], names: Sequence[Any]) -> tuple[str, ...]:
    if "day" not in by:
        return tuple(names)
    at = by.index("day")
    return (*names[:at], day_text(names[at]), *names[at + 1 :])


def _up_to(order: Order, span: Span, edge: Place) -> Span:
    """Give the part of a span up to an edge, which is included."""
    if order == "newest":
        return Span(Place(edge.at, edge.seq - 1), span.before)
    return Span(span.after, Place(edge.at, edge.seq + 1))


def _place(cursor: str) -> Place:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        message = "no page gave this cursor"
        raise ValueError(message)
    return Place(int(found[1]), int(found[2]))


_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")
