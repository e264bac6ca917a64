"""
States in Redis, so that several machines agree.

A state is a string: its version, a colon, and the rest. They are all under one hash tag, and live for a day after they
were last changed. Redis may be started again from nothing, or from what it had on the disk a while ago; it is known by
the name that it gives itself at each start (``run_id``), and what was spent is looked up again.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.asyncio import Connection, ConnectionPool, retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from llms.limits.states import Change, Loaded, StatesError, following

_T = TypeVar("_T")
Word = str | bytes | int

_PREFIX = "{llms}:limits:"
_KEPT_MS = 86_400_000

_SWAP = """
for i, key in ipairs(KEYS) do
    local kept = redis.call('GET', key)
    local version = kept and string.match(kept, '^(%d+):') or '0'
    if version ~= ARGV[2 * i] then return 0 end
end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[2 * i + 1], 'PX', ARGV[1])
end
return 1
"""
_RUN_ID = re.compile(rb"run_id:(\w+)")
_SWAP_SHA = hashlib.sha1(_SWAP.encode(), usedforsecurity=False).hexdigest()


class RedisStates:
    """
    See ``llms.limits.states.States``.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
    """

    forgets = True

    def __init__(self, url: str) -> None:
        # Whether an answer was lost has to be known: nothing is sent again unseen.
        self._pool = ConnectionPool.from_url(url, retry=retry.Retry(NoBackoff(), 0))
        self._connection: Connection | None = None
        self._incarnation = ""

    async def load(self, subjects: Sequence[str]) -> Loaded:
        return await self._translated(lambda: self._load(subjects))

    async def swap(self, changes: Sequence[Change]) -> bool:
        return await self._translated(lambda: self._swap(changes))

    async def close(self) -> None:
        await self._drop()

    async def _translated(self, act: Callable[[], Awaitable[_T]]) -> _T:
        clean = False
        try:
            answer = await act()
            clean = True
        except (RedisError, OSError, ValueError, TypeError, IndexError, EOFError) as error:
            raise StatesError(str(error)) from error
        finally:
            if not clean:
                await self._drop()  # also if it was cancelled: an answer may be due still
        return answer

    async def _load(self, subjects: Sequence[str]) -> Loaded:
        connection = await self._connected()
        keys = [_PREFIX + subject for subject in subjects]
        (seconds, micros), kept = await _told(connection, ("TIME",), ("MGET", *keys))
        found = {}
        for subject, value in zip(subjects, kept, strict=True):
            version, _, state = (value or b"").partition(b":")
            if version.isdigit():  # else it is not ours, and the swap takes it for nothing too
                found[subject] = (int(version), state)
        return Loaded(int(seconds) * 1000 + int(micros) // 1000, self._incarnation, found)

    async def _swap(self, changes: Sequence[Change]) -> bool:
        connection = await self._connected()
        words: list[Word] = [len(changes), *(_PREFIX + change.subject for change in changes), _KEPT_MS]
        for _, version, state in changes:
            words += (version, b"%d:%b" % (following(version), state))
        try:
            (done,) = await _told(connection, ("EVALSHA", _SWAP_SHA, *words))
        except NoScriptError:
            (done,) = await _told(connection, ("EVAL", _SWAP, *words))
        return int(done) == 1

    async def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # it has no types
            await self._connection.connect()
            (said,) = await _told(self._connection, ("INFO", "server"))
            self._incarnation = _RUN_ID.findall(said)[0].decode()
        return self._connection

    async def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.disconnect(nowait=True)
            await asyncio.sleep(0)  # the transport is closed in the loop's next step


async def _told(connection: Connection, *commands: tuple[Word, ...]) -> list[Any]:
    """Send commands, and give their answers."""
    await connection.send_packed_command(connection.pack_commands(commands))
    return [await connection.read_response(disable_decoding=True) for _ in commands]
