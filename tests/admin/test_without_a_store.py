"""A gateway that keeps nothing."""

from tests.admin.served import ask


async def test_without_a_store(gateway):
    """Without a store, who asks is told, and all else is not there."""
    running = await gateway()

    me = await ask(running, "GET", "/me")
    keys = await ask(running, "GET", "/keys")
    tail = await ask(running, "GET", "/calls/tail")

    assert ("none", True) == (me.json["store"], me.json["open"])
    assert (404, "no_store") == (keys.status, keys.json["error"]["code"])
    assert (404, "no_store") == (tail.status, tail.json["error"]["code"])
