import asyncio
import logging
import socket

import pytest

from tests.support import leaks

both_loops = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


@both_loops
async def test_nothing_is_nothing():
    """A test that leaves nothing is not accused."""
    watch = leaks.Watch()
    watch.start()
    await asyncio.create_task(asyncio.sleep(0))

    assert [] == await watch.stop()


@both_loops
async def test_a_task_is_found():
    """A task that still runs is named."""
    watch = leaks.Watch()
    watch.start()
    task = asyncio.create_task(asyncio.sleep(5), name="forgotten")

    (left,) = await watch.stop(settle_s=0.02)

    assert left.startswith("task ")
    assert "forgotten" in left
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@both_loops
async def test_a_socket_is_found():
    """An open socket is named."""
    watch = leaks.Watch()
    watch.start()
    with socket.socket():
        (left,) = await watch.stop(settle_s=0.02)

    assert left.startswith("open socket:[")


@both_loops
async def test_what_is_on_its_way_out_is_waited_for():
    """A task that ends soon after is no leak."""
    watch = leaks.Watch()
    watch.start()
    task = asyncio.create_task(asyncio.sleep(0.05))

    assert [] == await watch.stop()
    assert task.done()


def test_an_exception_that_nobody_asked_for_is_found():
    """A task whose failure nobody looks at is named, with the failure."""

    async def scenario() -> list[str]:
        watch = leaks.Watch()
        watch.start()
        task = asyncio.create_task(asyncio.wait_for(asyncio.Event().wait(), 0))
        await asyncio.sleep(0.01)
        del task
        return await watch.stop()

    (left,) = asyncio.run(scenario())

    assert left.startswith("logged Task exception was never retrieved")
    assert left.endswith("(TimeoutError())")


def test_what_aiohttp_complains_about_is_found():
    """Complaints of aiohttp count, other log lines do not."""

    async def scenario() -> list[str]:
        watch = leaks.Watch()
        watch.start()
        logging.getLogger("aiohttp.client").error("Unclosed connector")
        logging.getLogger("aiohttp.server").error("Error handling request")
        return await watch.stop()

    assert ["logged Unclosed connector"] == asyncio.run(scenario())
