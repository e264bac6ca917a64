from tests.support.raw import RawClient


async def get(gateway, target):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request("GET", target)
        return await client.read_response()


async def test_alive_and_ready(gateway):
    """A gateway that takes calls says so, with nothing else in it that would tell a stranger anything."""
    running = await gateway()

    for target in ("/readyz", "/readyz/"):
        response = await get(running, target)
        assert (200, {"status": "ok"}) == (response.status, response.json)
    for target in ("/healthz", "/v1/healthz"):
        response = await get(running, target)
        assert (200, {"status": "ok", "failed_reloads": 0, "dropped_log_lines": 0}) == (response.status, response.json)


async def test_draining(gateway):
    """A gateway that was told to stop is alive and not ready, and takes no call (P02)."""
    running = await gateway()
    running.live.stopping.set()

    alive = await get(running, "/healthz")
    ready = await get(running, "/readyz")
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("POST", "/v1/chat/completions", body={"model": "demo", "messages": []})
        refused = await client.read_response()
        assert await client.eof_within(5)

    assert (200, 503) == (alive.status, ready.status)
    assert "1" == ready.header("retry-after")
    assert (503, "draining") == (refused.status, refused.json["error"]["code"])
