"""The key that is made at the first start, where several machines make it."""

import asyncio

import asyncpg

from llms.store.open import open_store
from tests.support.process import PATIENCE_S, configure, serving

WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def test_two_machines_start_at_once(tmp_path, postgres_url):
    """Two that start together on an empty database have one first key, told once, and both take it."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
        configure(folder, {"providers": {"demo": {}}, "server": {"host": "0.0.0.0"}})
    gate = await asyncpg.connect(postgres_url)
    await gate.execute("SELECT pg_advisory_lock(7814037102)")  # as whoever makes the tables holds it

    async def told(folder, start):
        environ = {"LLMS_STORE": postgres_url, "XDG_DATA_HOME": str(folder)}
        async with serving(folder, environ=environ) as served:
            start.set_result([line.partition("=")[2] for line in served.said.splitlines() if "export LLMS_KEY" in line])
            keys = [key for keys in await asyncio.gather(*starts) for key in keys]
            return keys, [(await served.get("/v1/models", key)).status for key in keys]

    starts = [asyncio.get_running_loop().create_future() for _ in folders]
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        running = [group.create_task(told(*each)) for each in zip(folders, starts, strict=True)]
        while await gate.fetchval(WAITS) < 2:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
        await gate.close()

    (keys, statuses), (_, others) = [task.result() for task in running]
    store = await open_store(postgres_url)
    stored = await store.keys_since(0)
    await store.close()
    assert ([1, 1], [200], [200]) == ([len(keys), len(stored)], statuses, others)
