"""
Answers in Redis, for several machines.

How much is kept there is Redis's own to say (``maxmemory``): answers go by themselves when they are old. A Redis that
forgets, since it was started again without its data, forgets which calls run, too.
"""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar, cast

from redis import asyncio as redis
from redis.exceptions import RedisError

from llms.idempotency import Answer
from llms.shelves import Found, Held, ShelfError

_T = TypeVar("_T")

_PATIENCE_S = 1.8

_CLAIM = """
local found = redis.call('HMGET', KEYS[1], 'digest', 'token', 'status', 'headers', 'body')
if found[1] then return found end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'token', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return false
"""
_EXTEND = "if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"
_KEEP = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return end
redis.call('HDEL', KEYS[1], 'token')
if #ARGV > 2 then redis.call('HSET', KEYS[1], 'status', ARGV[3], 'headers', ARGV[4], 'body', ARGV[5]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_FREE = "if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisShelf:
    """
    A shelf in Redis.

    Args:
        url: ``redis://…`` or ``rediss://…``.
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=None, protocol=2
        )
        self._claim, self._extend, self._keep, self._free = map(
            self._redis.register_script, (_CLAIM, _EXTEND, _KEEP, _FREE)
        )

    async def claim(self, held: Held, digest: bytes, lease_s: float) -> Found | None:
        found = await _asked(self._claim([_key(held)], [digest, held.token, _ms(lease_s)]))
        if found is None:
            return None
        first, token, status, headers, body = cast("list[Any]", found)
        answer = None if status is None else Answer(int(status), json.loads(headers), body)
        return Found(first, token is not None, answer)

    async def extend(self, helds: Sequence[Held], lease_s: float) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for held in helds:
            await pipeline.eval(_EXTEND, 1, _key(held), held.token, _ms(lease_s))  # which only takes it down
        await _asked(pipeline.execute())

    async def keep(self, held: Held, answer: Answer | None, age_s: float) -> None:
        kept: list[bytes | str | int] = [held.token, _ms(age_s)]
        if answer is not None:
            kept += [answer.status, json.dumps(dict(answer.headers)), answer.body]
        await _asked(self._keep([_key(held)], kept))

    async def free(self, held: Held) -> None:
        await _asked(self._free([_key(held)], [held.token]))

    async def close(self) -> None:
        await self._redis.aclose()


def _key(held: Held) -> str:
    return f"llms:answer:{held.name.hex()}"


def _ms(seconds: float) -> int:
    return max(round(seconds * 1000), 1)


async def _asked(answer: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await answer
    except (RedisError, OSError, TimeoutError) as error:
        message = f"Redis: {str(error) or type(error).__name__}"
        raise ShelfError(message) from error
