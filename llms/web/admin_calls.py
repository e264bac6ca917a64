"""The handlers of the admin API that look into the ledger: sums, calls, and calls as they come."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress

from aiohttp import hdrs, web

from llms.admin import Admin, shapes, sheet
from llms.errors import GatewayError, InvalidRequestError, OverloadedError
from llms.keys import VirtualKey
from llms.store import CallRow, StoreError
from llms.web import respond
from llms.web.admin import admin, answering, unavailable
from llms.web.event_stream import EventStream
from llms.web.guard import KEY, REQUEST_ID, caught
from llms.web.inference import require_room
from llms.web.outlet import StreamOutlet
from llms.web.services import LIVE, TIMES
from llms.wire import sse

_EACH_S = 1.0
_KEEPALIVE_S = 15.0
_LONGEST_S = 3600.0
"""A reader begins anew then, where it was: for as long as it reads, what it began with is not taken down."""

_MOST = 32
_MOST_EACH = 4

_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)


class Places:
    """Those who read long answers: so many at once, and so many with one key."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: VirtualKey | None) -> Iterator[None]:
        """
        Take a place for the length of the block.

        Raises:
            OverloadedError: There is none.
        """
        name = "" if caller is None else caller.id
        if self._taken.total() >= _MOST or (caller is not None and self._taken[name] >= _MOST_EACH):
            message = f"Too many read at once: {_MOST_EACH} may with one key, {_MOST} in all. Close another one first."
            raise OverloadedError(message, code="too_many_readers", retry_after_s=5)
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            self._taken += Counter()  # forgets who has none


PLACES = web.AppKey("admin_places", Places)


async def _usage(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    rows, by = await found.calls.usage(caller, request.query.items())
    # Of tens of thousands it takes long, for which calls are not to wait.
    if _wants_csv(request):
        return web.Response(body=await asyncio.to_thread(sheet.usage, rows, by), headers=_csv_headers(request, "usage"))
    return respond.json(await asyncio.to_thread(shapes.usage, rows, by), request[REQUEST_ID])


async def _calls(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    if _wants_csv(request):
        return await _export(request, found, caller)
    return respond.json(await found.calls.page(caller, request.query.items()), request[REQUEST_ID])


async def _one(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    return respond.json(await found.calls.one(caller, request.match_info["id"]), request[REQUEST_ID])


usage = answering(_usage)
calls = answering(_calls)
one_call = answering(_one)


def _wants_csv(request: web.Request) -> bool:
    return request.query.get("format") == "csv"


def _csv_headers(request: web.Request, name: str) -> dict[str, str]:
    return {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f'attachment; filename="llms-{name}.csv"',
        "Cache-Control": "no-store",
        "Server": "llms",
        "X-Content-Type-Options": "nosniff",
        "x-request-id": request[REQUEST_ID],
    }


async def _export(request: web.Request, found: Admin, caller: VirtualKey | None) -> web.StreamResponse:
    answer = web.StreamResponse(headers=_csv_headers(request, "calls"))

    async def pour() -> None:
        rows = await found.calls.export(caller, request.query.items())
        async with aclosing(rows):
            first: Sequence[CallRow] = ()
            with suppress(StopAsyncIteration):
                first = await anext(rows)  # what fails before it still has a status
            await answer.prepare(request)
            if request.method == hdrs.METH_HEAD:
                return
            await answer.write(sheet.CALL_HEAD + sheet.calls(first))
            async for some in rows:
                if some:
                    await answer.write(sheet.calls(some))

    with request.app[PLACES].one(caller):
        failure = await _failure_of(pour, request)
    if failure is not None and not answer.prepared:
        raise failure
    if failure is not None and request.transport is not None:
        request.transport.abort()  # half a file would pass for a whole one if it ended as one does
    return answer


async def tail(request: web.Request) -> web.StreamResponse:
    """``GET /admin/v1/calls/tail``: calls as they are kept, as server-sent events."""
    found, caller = admin(request), request.get(KEY)
    require_room(request.app[LIVE])
    position = _position(request)
    outlet = StreamOutlet(request)
    events = EventStream(outlet, {"x-request-id": request[REQUEST_ID]}, request[TIMES], _KEEPALIVE_S)

    async def follow() -> None:
        nonlocal position
        ends_at = asyncio.get_running_loop().time() + _LONGEST_S
        while not stopping.is_set() and asyncio.get_running_loop().time() < ends_at:
            position, some = await found.calls.follow(caller, request.query.items(), position)
            if some or not events.started:
                await events.write(_events(position, some))
            if request.method == hdrs.METH_HEAD:
                return
            if not some:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), _EACH_S)

    stopping = request.app[LIVE].stopping
    with request.app[PLACES].one(caller):
        try:
            failure = await _failure_of(follow, request)
            if failure is not None and not events.started:
                raise failure
            await events.end(b"" if failure is None else sse.frame(failure.body()))
        finally:
            events.stop()
    return outlet.response


def _events(position: int, some: Sequence[object]) -> bytes:
    """Give calls as events, the last of which says where to go on; a comment if there are none."""
    if not some:
        return b"id: %d\n: from here on\n\n" % position
    return sse.frames(some[:-1]) + b"id: %d\n" % position + sse.frame(some[-1])


def _position(request: web.Request) -> int:
    text = request.headers.get("Last-Event-ID", "")
    if not text:
        return -1
    if not _POSITION.fullmatch(text):
        message = "Last-Event-ID must be what the last event had as its id."
        raise InvalidRequestError(message)
    return int(text)


async def _failure_of(work: Callable[[], Awaitable[None]], request: web.Request) -> GatewayError | None:
    """Do what may fail after the answer has begun."""

    async def tried() -> None:
        try:
            await work()
        except StoreError as error:
            raise unavailable(error) from error

    return await caught(tried, request[REQUEST_ID])
