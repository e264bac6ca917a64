"""A gateway in front of one provider, and the clients that use it. What the providers are is in ``dialects``."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.dialects import COUNTED, DIALECTS, ENVIRON, QUESTION, Answer, Dialect, Wire
from tests.conformance.users import MODEL, USERS, User
from tests.support.gateway import Running
from tests.support.raw import RawClient, Response
from tests.upstream.request import Request
from tests.upstream.server import Upstream

CHAT = "/v1/chat/completions"

Start = Callable[..., Awaitable["House"]]


@dataclass
class House:
    """The gateway, and the upstream of its only provider."""

    dialect: Dialect
    gateway: Running
    upstream: Upstream

    @property
    def wire(self) -> Wire:
        assert self.dialect.wire is not None
        return self.dialect.wire

    @property
    def sent(self) -> list[Request]:
        """The chat requests that the gateway sent."""
        return [request for request in self.upstream.requests if request.path == self.wire.chat]

    def says(self, answer: Answer = COUNTED, **framing: Any) -> None:
        """Have the upstream give ``answer``; the demo model gives its own, which is ``COUNTED`` too."""
        if self.dialect.wire is not None:
            self.plays(self.dialect.wire.says(answer, **framing))

    def plays(self, *reactions: Any) -> None:
        """Have the upstream do this about chat requests."""
        self.upstream.on("POST", self.wire.chat, *reactions)

    def user(self, kind: str, path: str = "/v1", **options: Any) -> Any:
        """Give a client of the gateway, to be used as an async context manager."""
        user: User = USERS[kind](self.gateway.url + path, **options)
        return user

    async def ask(self, **fields: Any) -> Response:
        """Send a chat request, by default ``QUESTION``; give the raw answer."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], **fields}
        return await self.send("POST", CHAT, body=body)

    async def send(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | dict[str, Any] | None = None,
    ) -> Response:
        """Send a request; give the raw answer."""
        async with RawClient("127.0.0.1", self.gateway.port) as client:
            await client.request(method, path, headers, body)
            return await client.read_response()


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream, None]:
    async with Upstream() as running:
        yield running


@pytest.fixture
def house(gateway: Callable[..., Awaitable[Running]], upstream: Upstream) -> Start:
    """Start a gateway for the provider of that name, with the upstream at ``url``; the rest is as in ``config.json``."""

    async def start(
        name: str,
        *,
        url: str | None = None,
        section: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> House:
        dialect = DIALECTS[name]
        options = {"models": [dialect.model], "retries": 0, **dialect.section, **(section or {})}
        if dialect.wire is not None:
            options["base_url"] = (url or upstream.url) + dialect.path
        running = await gateway(
            providers={"up": options},
            models={MODEL: f"up/{dialect.model}"},
            environ={**ENVIRON, **(environ or {})},
            **settings,
        )
        return House(dialect, running, upstream)

    return start


@pytest.fixture(params=USERS)
def kind(request: pytest.FixtureRequest) -> str:
    """The client's kind."""
    return str(request.param)
