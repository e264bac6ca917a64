"""
The pure functions that every call and every chunk passes, each with a usual input, as callgrind is to count them.

``python -m tests.bench.hot`` runs each one so and so often. Before, between and behind the runs it calls ``getppid``,
which callgrind takes for the mark between two counts.
"""

import gc
import os
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import cycle, repeat
from typing import Any

from llms import call_log, ranking
from llms.apis import body, chat_completions, chat_request
from llms.auth import Keyring
from llms.catalog import Catalog, Entry
from llms.exchange import UpstreamRequest
from llms.http1.answer import Answer
from llms.http1.body import Chunked
from llms.http1.head import read as read_head
from llms.http1.request import prepared
from llms.keys import digest
from llms.providers.openai_codec import Codec, Service
from llms.records import Call, CallRecord, Route, Target
from llms.times import Times
from llms.trail import Trail
from llms.web import head, inference, plain, respond, routes
from llms.web.policy import Policy
from llms.wire import normalise, sse
from llms.wire.meter import Meter
from llms.wire.usual_answer import usual_answer
from tests.bench.usual import ANSWER, CHUNK, COMPLETION, EVENT, FIRST, HEAD, REQUEST, UPSTREAM_HEAD, WHOLE

WARM = 100
"""Runs before any that counts: Python 3.11 makes bytecode special to what it meets in the first dozens."""

RUNS = 100
"""That are counted, and then twice as many: the difference has neither the marks nor the loop's beginning in it."""

Work = Callable[[], object]

MANY = 64
"""Events that one read finds in a burst."""

CALL = Call("req_0123456789abcdef01234567", 1764300000, "chat.completions", "gpt-5-mini", False, {}, None)
STREAM = Call(CALL.id, CALL.started_at, CALL.api, CALL.model, True, {}, None)
TARGET = Target("openai", "gpt-5-mini")
CODEC = Codec(
    Service("openai", "https://api.openai.com/v1", {"Authorization": "Bearer sk-of-nobody"}, secrets=("sk-of-nobody",))
)
POLICY = Policy(Keyring([digest("house-key")]), frozenset(), frozenset(), frozenset())
APIS = routes.plain()


def request_head() -> Work:
    return lambda: plain.read(HEAD, APIS, POLICY, 1 << 20, None)


def request_body() -> Work:
    return lambda: body.decode(REQUEST)


def request_checks() -> Work:
    decoded = body.decode(REQUEST)
    return lambda: chat_request.read(decoded)


def route() -> Work:
    catalog = _catalog()

    def work() -> object:
        found = _result(catalog.route("gpt-5-mini"))
        return ranking.plan(found, {}, catalog.capabilities, b"")

    return work


def request_out() -> Work:
    call = _called()
    return lambda: _bytes_out(CODEC.chat(call, TARGET))


def answer_head() -> Work:
    raw = UPSTREAM_HEAD % b"Content-Length: 600"
    return lambda: read_head(raw)


def answer_body() -> Work:
    return lambda: CODEC.completion(CALL, TARGET, ANSWER)


def answer_normalised() -> Work:
    return lambda: usual_answer(CALL, COMPLETION)


def answer_out() -> Work:
    completion = CODEC.completion(CALL, TARGET, ANSWER)
    return lambda: _answer_out(CALL, completion)


def times() -> Work:
    return lambda: _timed().header()


def log_line() -> Work:
    record = _record()
    return lambda: call_log.line(record)


def chunked(events: int) -> Work:
    way, data = Chunked(), head.chunk(EVENT) * events
    return lambda: way.feed(data)


def events(count: int) -> Work:
    decoder, data = sse.Decoder(1 << 20), EVENT * count
    return lambda: decoder.feed(data)


def normalised() -> Work:
    normaliser = normalise.Normaliser(STREAM)
    normaliser.feed(FIRST)
    return lambda: normaliser.feed(CHUNK)


def decoded(events: int) -> Work:
    decoder = CODEC.decoder(STREAM, TARGET)
    decoder.feed(sse.frame(FIRST))
    data = EVENT * events
    return lambda: decoder.feed(data)


def decoded_unlike() -> Work:
    """Every event differs from the last one in more than its text, so that each is read the long way."""
    decoder = CODEC.decoder(STREAM, TARGET)
    decoder.feed(sse.frame(FIRST))
    unlike = cycle([sse.frame({**CHUNK, "id": f"chatcmpl-{number:029}"}) for number in range(WARM + 3 * RUNS)])
    return lambda: decoder.feed(next(unlike))


def encoded(chunks: int) -> Work:
    encoder = chat_completions.API.encoder(STREAM)
    decoder = CODEC.decoder(STREAM, TARGET)
    decoder.feed(sse.frame(FIRST))
    block = decoder.feed(EVENT * chunks)
    return lambda: encoder.feed(block)


def whole_call() -> Work:
    """All of a call that is not streamed, but for what waits, sends and receives."""
    catalog = _catalog()

    def work() -> object:
        read = plain.read(HEAD, APIS, POLICY, 1 << 20, None)
        assert read is not None
        call = inference.call(chat_request.read(body.decode(REQUEST)), read.api, respond.new_id(), read.key)
        target = _result(catalog.route(call.model)).targets[0]
        trail = Trail(call, _timed())
        upstream = Answer()
        _bytes_out(CODEC.chat(call, target))
        completion = CODEC.completion(call, target, upstream.feed(WHOLE))
        trail.meter.answer(completion)
        trail.ended("ok")
        return _answer_out(call, completion), call_log.line(trail.record()), trail.times.header()

    return work


def whole_block(events: int) -> Work:
    """All that is done with what one read finds of a stream, from the bytes that come to those that go."""
    upstream, decoder, meter = Answer(), CODEC.decoder(STREAM, TARGET), Meter()
    encoder = chat_completions.API.encoder(STREAM)
    upstream.feed(UPSTREAM_HEAD % b"Transfer-Encoding: chunked")
    decoder.feed(sse.frame(FIRST))
    data = head.chunk(EVENT) * events

    def work() -> object:
        block = decoder.feed(upstream.feed(data))
        meter.look(block)
        return head.chunk(encoder.feed(block))

    return work


def main() -> None:
    """Run each for callgrind."""
    gc.disable()
    for made in HOT.values():
        work = made()
        _run(work, WARM)
        for runs in (RUNS, 2 * RUNS):
            os.getppid()
            _run(work, runs)
        os.getppid()


def _run(work: Work, times: int) -> None:
    for _ in repeat(None, times):
        work()


def _catalog() -> Catalog:
    """One in which nothing need be asked for."""
    listed = tuple(f"gpt-{number}" for number in range(60))
    aliases = {f"alias-{number}": Route((Target("openai", f"gpt-{number}"),)) for number in range(20)}
    entry = Entry("openai", _Unasked(), "", listed=(*listed, "gpt-5-mini"))
    return Catalog([entry], aliases, now=lambda: 0.0)


class _Unasked:
    """A provider of which only its name is wanted."""

    name = "openai"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def _result(coroutine: Coroutine[Any, Any, Route]) -> Route:
    """Give what a coroutine gives that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError


def _timed() -> Times:
    """Those of a call that the first attempt has answered, over a connection that was there."""
    timed = Times()
    for mark in (timed.known, timed.resumed, timed.parsed, timed.routing):
        mark()
    attempt = timed.attempt()
    attempt.began_at = attempt.queued_at
    attempt.asked()
    attempt.connected(reused=True)
    attempt.headed()
    attempt.whole()
    timed.answered(attempt)
    return timed


def _called() -> Call:
    return inference.call(chat_request.read(body.decode(REQUEST)), chat_completions.API, CALL.id)


def _bytes_out(request: UpstreamRequest) -> bytes:
    assert request.body is not None
    what = prepared(request.method, request.url, tuple(request.headers.items()), private=False)
    return what.head(len(request.body)) + request.body


def _answer_out(call: Call, completion: dict[str, Any]) -> bytes:
    answer = respond.answer(chat_completions.answer(call, completion), call.id, headers=respond.served_by(TARGET))
    framing = b"Content-Length: %d\r\n" % len(answer.body)
    return head.head(answer.status, answer.headers, framing, close=False) + answer.body


def _record() -> CallRecord:
    trail = Trail(_called(), _timed())
    trail.planned([TARGET], [])
    trail.attempted(TARGET, "ok", 0.4123)
    trail.meter.answer(CODEC.completion(CALL, TARGET, ANSWER))
    trail.began(TARGET)
    trail.ended("ok")
    return trail.record()


HOT: dict[str, Callable[[], Work]] = {
    "request: head": request_head,
    "request: body decoded": request_body,
    "request: checked": request_checks,
    "request: routed": route,
    "request: encoded for the provider": request_out,
    "answer: head": answer_head,
    "answer: decoded and put right": answer_body,
    "answer: put right": answer_normalised,
    "answer: encoded for the client": answer_out,
    "call: log line": log_line,
    "call: times": times,
    "call: all of these": whole_call,
    "chunk: put right": normalised,
    "chunk: decoded and put right, unlike the last": decoded_unlike,
    **{
        f"{what}, {count} at once": partial(work, count)
        for what, work in (
            ("chunk: HTTP framing", chunked),
            ("chunk: events cut", events),
            ("chunk: decoded and put right", decoded),
            ("chunk: encoded for the client", encoded),
            ("chunk: all of these", whole_block),
        )
        for count in (1, MANY)
    },
}
"""By what is counted; in the order in which callgrind counts it."""


if __name__ == "__main__":
    main()
