"""Looking into the ledger."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from llms.admin import queries, rights, shapes
from llms.admin.book import Book, View
from llms.admin.queries import Query
from llms.errors import InvalidRequestError, NotFoundError
from llms.keys import Role, VirtualKey
from llms.store import CallFilter, CallRow, Group, Store, UsageRow

MAX_SUMS = 50_000
"""Lines of sums in one answer; a year of days for a hundred and some keys."""

_NOTHING = CallFilter(since=0, until=0)
"""Which no call is; no keys at all would stand for any."""


class Calls:
    """
    What may be seen of calls, and by whom: an admin sees all, a viewer its team's, a member those of its own keys.

    Each method takes who asks, ``None`` where no key is needed, and raises ``InvalidRequestError`` for a query that is
    wrong, and ``StoreError``.
    """

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book

    async def usage(self, caller: VirtualKey | None, query: Query) -> tuple[list[UsageRow], tuple[Group, ...]]:
        """Give sums, and what they are grouped by."""
        given = queries.read(queries.USAGE, query)
        by: tuple[Group, ...] = given.get("by", ("day",))
        wanted = await self._seen(caller, queries.call_filter(given))
        rows = await self._store.usage(wanted, by, MAX_SUMS + 1)
        if len(rows) > MAX_SUMS:
            message = f"These are more than {MAX_SUMS} lines. Ask for fewer days, or group by less."
            raise InvalidRequestError(message, param="by")
        return rows, by

    async def page(self, caller: VirtualKey | None, query: Query) -> dict[str, Any]:
        """Give calls, newest first."""
        given = queries.read(queries.CALLS, query)
        wanted = await self._seen(caller, queries.call_filter(given))
        page = await self._store.calls(wanted, given.get("cursor"), given.get("limit", 100))
        return {"object": "list", "data": [shapes.call(row) for row in page.rows], "next": page.next}

    async def one(self, caller: VirtualKey | None, call_id: str) -> dict[str, Any]:
        """
        Give one call, with its prompt and its answer if they were kept.

        Raises:
            NotFoundError: There is none, as far as the caller can tell.
        """
        view = await self._book.look()
        me = view.caller(caller)
        found = await self._store.call(call_id) if queries.is_id(call_id) else None
        if found is None or not _sees(view, me, found[0]):
            message = "There is no such call. GET /admin/v1/calls lists those that there are."
            raise NotFoundError(message)
        return {**shapes.call(found[0]), "body": shapes.body(found[1])}

    async def export(self, caller: VirtualKey | None, query: Query) -> AsyncGenerator[Sequence[CallRow], None]:
        """Give all calls, oldest first, some at a time."""
        given = queries.read(queries.CALLS, query)
        wanted = await self._seen(caller, queries.call_filter(given))
        return self._store.export(wanted)

    async def follow(self, caller: VirtualKey | None, query: Query, position: int) -> tuple[int, list[dict[str, Any]]]:
        """
        Give the calls that were kept after ``position``, and the position to go on from.

        Args:
            position: -1 for what comes from now on.
        """
        given = queries.read(queries.FOLLOWED, query)
        wanted = await self._seen(caller, queries.call_filter(given))
        position, rows = await self._store.calls_since(position, wanted)
        return position, [shapes.call(row) for row in rows]

    async def _seen(self, caller: VirtualKey | None, wanted: CallFilter) -> CallFilter:
        """Narrow what is wanted to what the caller may see."""
        view = await self._book.look()
        me = view.caller(caller)
        if me.role is Role.MEMBER:
            own = set(rights.visible(me, view.keys))
            keys = own.intersection(wanted.keys) if wanted.keys else own
            return replace(wanted, keys=tuple(sorted(keys))) if keys else _NOTHING
        if me.role is Role.VIEWER and me.team:
            return replace(wanted, team=me.team) if wanted.team in (None, me.team) else _NOTHING
        return wanted


def _sees(view: View, me: VirtualKey, row: CallRow) -> bool:
    if me.role is Role.MEMBER:
        return row.key_id in rights.visible(me, view.keys)
    return me.role is Role.ADMIN or not me.team or row.team == me.team
