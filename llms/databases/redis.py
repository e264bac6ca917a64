"""Commands to Redis."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from redis.asyncio import Connection, ConnectionPool, retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from llms.databases import StoreError, StoreUnfitError
from llms.databases.pool import Kind, Pool

T = TypeVar("T")
Word = str | bytes | int | float

_MOST = 4
_OPEN_S = 1.5

_LOST = (RedisError, OSError, EOFError, RuntimeError)
"""``RuntimeError`` is uvloop's, where a connection has ended of which the driver has not been told yet."""

_FAILURES = (*_LOST, ValueError, TypeError, IndexError, AttributeError)
"""All that the driver raises, and what comes of reading an answer that is none."""

_RUN_ID = re.compile(rb"run_id:(\w+)")


class Script:
    """A script, which Redis is sent once and then asked for by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class _Link(NamedTuple):
    connection: Connection
    run_id: str


class Redis:
    """
    Asks. Whether an answer was lost is known: nothing is sent again unseen.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        most: How many connections there are, at most.

    Raises:
        StoreUnfitError: The URL is none of these.
    """

    def __init__(self, url: str, most: int = _MOST) -> None:
        try:
            self._maker = ConnectionPool.from_url(url, retry=retry.Retry(NoBackoff(), 0), protocol=2)
        except ValueError as error:  # whose words may have the password in them
            message = "this is no URL for Redis; characters such as @ and / in a password are written %40 and %2F"
            raise StoreUnfitError(message) from error
        # Time is limited here. What the driver does it with, Python 3.11's wait_for, forgets a cancellation that comes
        # as the work ends: whoever is to stop for good would go on, and whoever waits for that would wait for ever.
        self._maker.connection_kwargs["socket_timeout"] = None
        self._pool = Pool(Kind(self._open, _is_open, _end), most)

    async def ask(self, read: Callable[[str, Sequence[Any]], T], *commands: Sequence[Word]) -> T:
        """
        Send commands, and give what their answers say.

        Args:
            read: Gives that, from what this start of Redis is called, and the answers; texts in them are bytes.

        Raises:
            StoreError: There is no answer, or none that makes sense.
        """
        try:
            async with self._pool.connection() as (connection, run_id):
                return read(run_id, await _told(connection, *commands))
        except _FAILURES as error:
            raise self._failed(error) from error

    async def run(self, read: Callable[[Any], T], script: Script, keys: Sequence[Word], *more: Word) -> T:
        """
        Run a script, and give what its answer says; else as ``ask``.

        Raises:
            StoreError: As ``ask``.
        """
        words = (len(keys), *keys, *more)
        try:
            async with self._pool.connection() as (connection, _):
                try:
                    (answer,) = await _told(connection, ("EVALSHA", script.digest, *words))
                except NoScriptError:
                    (answer,) = await _told(connection, ("EVAL", script.text, *words))
                return read(answer)
        except _FAILURES as error:
            raise self._failed(error) from error

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.close()

    def _failed(self, error: Exception) -> StoreError:
        self._pool.drop_idle()
        return _translated(error)

    async def _open(self) -> _Link:
        connection: Connection = self._maker.make_connection()  # type: ignore[no-untyped-call]  # it has no types
        whole = False
        try:
            async with asyncio.timeout(_OPEN_S):
                await connection.connect()  # type: ignore[no-untyped-call]  # it has no types
                (said,) = await _told(connection, ("INFO", "server"))
            run_id = _RUN_ID.findall(said)[0].decode()
            whole = True
        except _FAILURES as error:
            raise _translated(error) from error
        finally:
            if not whole:
                await connection.disconnect(nowait=True)
        return _Link(connection, run_id)


async def _told(connection: Connection, *commands: Sequence[Word]) -> list[Any]:
    await connection.send_packed_command(connection.pack_commands(commands))
    return [await connection.read_response(disable_decoding=True) for _ in commands]


def _is_open(link: _Link) -> bool:
    # redis-py has no way to ask that all its versions know: can_read_destructive has become can_read.
    reader, writer = link.connection._reader, link.connection._writer  # noqa: SLF001
    if reader is None or reader.exception() is not None or reader.at_eof():
        return False
    # To write to one that is closing makes asyncio, before its releases of July 2025, wait in vain for the next socket
    # that has its number: https://github.com/python/cpython/issues/136234
    return writer is not None and not writer.is_closing()


async def _end(link: _Link) -> None:
    await link.connection.disconnect(nowait=True)


def _translated(error: Exception) -> StoreError:
    if isinstance(error, RedisError | OSError):
        return StoreError(f"Redis: {str(error) or 'it does not answer'}")
    if isinstance(error, _LOST):
        return StoreError("Redis: the connection was lost")
    return StoreError("Redis: its answer makes no sense")
