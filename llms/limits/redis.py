"""
States in Redis, so that several machines agree.

A state is a string: its version, a colon, and the rest. They are all under one hash tag, and live for a day after they
were last changed. Redis may be started again from nothing, or from what it had on the disk a while ago; it is known by
the name that it gives itself at each start (``run_id``), and what was spent is looked up again.
"""

from collections.abc import Sequence
from typing import Any

from llms.databases.redis import Redis, Script, Word
from llms.limits.states import Change, Loaded, following

_PREFIX = "{llms}:limits:"
_KEPT_MS = 86_400_000

_SWAP = Script("""
for i, key in ipairs(KEYS) do
    local kept = redis.call('GET', key)
    local version = kept and string.match(kept, '^(%d+):') or '0'
    if version ~= ARGV[2 * i] then return 0 end
end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[2 * i + 1], 'PX', ARGV[1])
end
return 1
""")


class RedisStates:
    """
    See ``llms.limits.states.States``.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
    """

    forgets = True

    def __init__(self, url: str) -> None:
        self._redis = Redis(url, most=1)

    async def load(self, subjects: Sequence[str]) -> Loaded:
        def read(run_id: str, answers: Sequence[Any]) -> Loaded:
            (seconds, micros), kept = answers
            found = {}
            for subject, value in zip(subjects, kept, strict=True):
                version, _, state = (value or b"").partition(b":")
                if version.isdigit():  # else it is not ours, and the swap takes it for nothing too
                    found[subject] = (int(version), state)
            return Loaded(int(seconds) * 1000 + int(micros) // 1000, run_id, found)

        return await self._redis.ask(read, ("TIME",), ("MGET", *(_PREFIX + subject for subject in subjects)))

    async def swap(self, changes: Sequence[Change]) -> bool:
        words: list[Word] = [_KEPT_MS]
        for _, version, state in changes:
            words += (version, b"%d:%b" % (following(version), state))
        keys = [_PREFIX + change.subject for change in changes]
        return await self._redis.run(int, _SWAP, keys, *words) == 1

    async def close(self) -> None:
        await self._redis.close()
