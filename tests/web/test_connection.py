"""What a connection does that aiohttp's own would not."""

import pytest

from llms.web import event_stream
from tests.support.raw import RawClient

PATH = "/v1/chat/completions"


def broken(*_, **__):
    raise TimeoutError


async def test_handler_that_fails_in_its_own_way(gateway, monkeypatch, caplog):
    """What even the outermost layer lets through is a 500 in our envelope, and the connection ends."""
    running = await gateway()
    monkeypatch.setattr(running.services.catalog, "models", broken)
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("GET", "/v1/models")
        response = await client.read_response()
        assert await client.eof_within(5)

    assert (500, "internal_error") == (response.status, response.json["error"]["code"])
    assert "a handler failed" in caplog.text


@pytest.mark.interpreted
async def test_stream_that_fails_in_its_own_way(gateway, monkeypatch):
    """After the first byte there is no other answer to give: the body is cut off, which clients take for an error."""
    running = await gateway()
    monkeypatch.setattr(event_stream.EventStream, "end", broken)
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request(
            "POST",
            PATH,
            body={"model": "demo", "messages": [{"role": "user", "content": "count to 2"}], "stream": True},
        )
        response = await client.read_response()

    assert (200, False) == (response.status, response.complete)
