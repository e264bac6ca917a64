"""The endpoints that cost money: a request becomes a call, its reply becomes an answer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from llms.apis import reasoning_out
from llms.apis.api import Api, Asked, Encoder
from llms.errors import DrainingError, GatewayError, OverloadedError
from llms.gateway import Reply, Running
from llms.idempotency import Claim
from llms.keys import VirtualKey
from llms.records import Block, Call
from llms.scopes import within
from llms.trail import Trail
from llms.web import idempotent, respond
from llms.web.event_stream import EventStream, LastWords, Outlet
from llms.web.services import Live, Services

TRAIL_HEADER = "x-llms-trail"
"""Asks for, and says, who was tried."""


def call(asked: Asked, api: Api, request_id: str, key: VirtualKey | None = None, bytes_in: int = 0) -> Call:
    """
    Give the call that a request is.

    Args:
        bytes_in: Of its body, decoded.
    """
    return Call(
        id=request_id,
        started_at=int(time.time()),
        api=api.name,
        model=asked.model,
        stream=asked.stream,
        body=asked.body,
        key=key,
        include_usage=asked.include_usage,
        bytes_in=bytes_in,
    )


@dataclass(slots=True)
class Inquiry:
    """
    One request to an inference endpoint, whoever has read it.

    Args:
        api: The endpoint's dialect.
        outlet: Where a streamed answer goes.
        allow: Gives the client so many seconds in which it may take nothing of its answer.
        headers: To add to the answer, whatever it is.
        tells_trail: Whether the client wants to know who was tried.
        trail: Of its call, once there is one.
        last_words: Of its stream, once there is one.
    """

    services: Services
    api: Api
    outlet: Outlet
    allow: Callable[[float], None]
    headers: dict[str, str]
    tells_trail: bool = False
    trail: Trail | None = None
    last_words: LastWords | None = None

    def trail_header(self) -> dict[str, str]:
        """Give the header that says who was tried, if the client asks for that."""
        return {TRAIL_HEADER: self.trail.header()} if self.tells_trail and self.trail is not None else {}


def require_room(live: Live) -> None:
    """
    Refuse a call that the gateway has no place for.

    Raises:
        DrainingError: It is stopping.
        OverloadedError: It has no memory.
    """
    if live.stopping.is_set():
        message = "The gateway is stopping. Send the request again."
        raise DrainingError(message, retry_after_s=1)
    if live.full and live.now.held > 1:
        message = "The gateway is short of memory. Send the request again in a moment."
        raise OverloadedError(message, retry_after_s=1)


async def answered(inquiry: Inquiry, trail: Trail, claim: Claim | None = None) -> respond.Answer | None:
    """
    Run a call.

    Args:
        claim: Takes down a streamed answer.

    Returns:
        The answer; ``None`` if it has been streamed.

    Raises:
        GatewayError: There is none, and nothing has been sent.
    """
    inquiry.trail = trail
    services, api, run = inquiry.services, inquiry.api, trail.call
    keys = services.reasoning if api.name == "chat.completions" else None
    if run.stream:
        await _stream(inquiry, trail, api.encoder(run), keys, claim)
        return None

    async def whole(running: Running) -> respond.Answer:
        reply = await running.reply()
        answer = reply.answer if keys is None else reasoning_out.respelled_answer(reply.answer, keys)
        inquiry.allow(reply.target.terms.clocks.write_stall_s)
        made = respond.answer(api.answer(run, answer), run.id, headers=_headers(inquiry, trail, reply))
        trail.bytes_out = len(made.body)
        return made

    return await within(services.gateway.open(run, trail), whole)


async def _stream(
    inquiry: Inquiry, trail: Trail, encoder: Encoder, reasoning: tuple[str, ...] | None, claim: Claim | None
) -> None:
    services, run = inquiry.services, trail.call
    headers = {"x-request-id": run.id, **inquiry.headers}
    events = EventStream(inquiry.outlet, headers, trail.times, services.keepalive_s)
    if claim is not None:
        encoder = idempotent.Taken(encoder, claim, trail, events.headers)
    inquiry.last_words = LastWords(events, encoder.error)

    async def relayed(running: Running) -> bytes:
        reply = await running.reply()
        if late := events.started:
            trail.times.header()  # the log knows more than could be said to the client
        events.add_headers(_headers(inquiry, trail, reply))
        inquiry.allow(reply.target.terms.clocks.write_stall_s)
        await _relay(reply, events, encoder, reasoning, trail)
        last = (_comment(inquiry) if late else b"") + encoder.close()
        trail.bytes_out += len(last)
        return last

    failed = False
    try:
        try:
            last = await within(services.gateway.open(run, trail), relayed)
        except GatewayError as failure:
            if not events.started:
                raise
            last, failed = _comment(inquiry) + encoder.error(failure), True
        # The call is written down by now: no client has seen the end of one that is not.
        await events.end(last, close=failed)
    finally:
        events.stop()


def _headers(inquiry: Inquiry, trail: Trail, reply: Reply) -> dict[str, str]:
    """Give what an answer says of who gave it, and of what its caller may still ask for."""
    headers = {**respond.served_by(reply.target), **inquiry.trail_header()}
    if trail.held is not None:
        headers.update(trail.held.headers)
    return headers


async def _relay(
    reply: Reply, events: EventStream, encoder: Encoder, reasoning: tuple[str, ...] | None, trail: Trail
) -> None:
    """Write what comes. The first of it waits for the head to be written, the rest is pushed."""
    assert reply.blocks is not None, "asked for as a stream"  # noqa: S101

    def encoded(block: Block) -> bytes:
        return encoder.feed(block if reasoning is None else reasoning_out.respelled_block(block, reasoning))

    def take(block: Block) -> asyncio.Future[None] | None:
        data = encoded(block)
        trail.bytes_out += len(data)
        return events.push(data) if data else None

    while not (data := encoded(await anext(reply.blocks))):
        pass
    trail.bytes_out += len(data)
    await events.write(data)
    await reply.blocks.into(take)


def _comment(inquiry: Inquiry) -> bytes:
    """Give the trail as a comment, which every client skips: where a keep-alive has gone out no header can."""
    return b"".join(b": trail " + value.encode() + b"\n\n" for value in inquiry.trail_header().values())
