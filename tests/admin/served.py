"""Asking a gateway's admin API."""

from tests.admin.people import secret
from tests.support.raw import RawClient

TOP = "/admin/v1"


async def ask(running, method, target, *, key=None, body=None, headers=()):  # noqa: PLR0913 - all but three have a default
    carried = [("Authorization", f"Bearer {secret(key)}")] if key else []
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request(method, TOP + target, [*carried, *headers], body)
        return await client.read_response()
