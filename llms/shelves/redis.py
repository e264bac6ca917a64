"""
Answers in Redis, for several machines.

How much is kept there is Redis's own to say (``maxmemory``): answers go by themselves when they are old. A Redis that
forgets, since it was started again without its data, forgets which calls run, too.
"""

import json
from collections.abc import Sequence
from typing import Any

from llms.databases import bounded
from llms.databases.redis import Redis, Script, Word
from llms.idempotency import Answer
from llms.shelves import Found, Held

_CLAIM = Script("""
local found = redis.call('HMGET', KEYS[1], 'digest', 'token', 'status', 'headers', 'body')
if found[1] then return found end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'token', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return false
""")
_EXTEND = "if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"
_KEEP = Script("""
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return end
redis.call('HDEL', KEYS[1], 'token')
if #ARGV > 2 then redis.call('HSET', KEYS[1], 'status', ARGV[3], 'headers', ARGV[4], 'body', ARGV[5]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")
_FREE = Script("if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then redis.call('DEL', KEYS[1]) end")


class RedisShelf:
    """
    A shelf in Redis.

    Args:
        url: ``redis://…`` or ``rediss://…``.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis(url)

    @bounded
    async def claim(self, held: Held, digest: bytes, lease_s: float) -> Found | None:
        return await self._redis.run(_found, _CLAIM, [_key(held)], digest, held.token, _ms(lease_s))

    @bounded
    async def extend(self, helds: Sequence[Held], lease_s: float) -> None:
        each = [("EVAL", _EXTEND, 1, _key(held), held.token, _ms(lease_s)) for held in helds]
        await self._redis.ask(_nothing, *each)

    @bounded
    async def keep(self, held: Held, answer: Answer | None, age_s: float) -> None:
        kept: list[Word] = [held.token, _ms(age_s)]
        if answer is not None:
            kept += [answer.status, json.dumps(dict(answer.headers)), answer.body]
        await self._redis.run(_nothing, _KEEP, [_key(held)], *kept)

    @bounded
    async def free(self, held: Held) -> None:
        await self._redis.run(_nothing, _FREE, [_key(held)], held.token)

    async def close(self) -> None:
        await self._redis.close()


def _found(answer: Any) -> Found | None:
    if answer is None:
        return None
    first, token, status, headers, body = answer
    return Found(first, token is not None, None if status is None else Answer(int(status), json.loads(headers), body))


def _nothing(*_answers: object) -> None:
    """Nobody asks what it says."""


def _key(held: Held) -> str:
    return f"llms:answer:{held.name.hex()}"


def _ms(seconds: float) -> int:
    return max(round(seconds * 1000), 1)
