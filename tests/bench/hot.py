"""
The pure functions that every call and every chunk passes, each with a usual input, as callgrind is to count them.

``python -m tests.bench.hot`` runs each one so and so often. Before, between and behind the runs it calls ``getppid``,
which callgrind takes for the mark between two counts.
"""

import gc
import os
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import repeat
from typing import Any

from llms import call_log, ranking
from llms.apis import body, chat_completions, chat_request
from llms.auth import Keyring, digest
from llms.catalog import Catalog, Entry
from llms.http1.answer import Answer
from llms.http1.body import Chunked
from llms.http1.head import read as read_head
from llms.http1.request import prepared
from llms.providers.openai_codec import Codec, Service
from llms.records import Call, CallRecord, Route, Target, UpstreamRequest
from llms.trail import Trail
from llms.web import head, inference, plain, respond, routes
from llms.web.policy import Policy
from llms.wire import json_text, normalise, sse
from llms.wire.meter import Meter
from llms.wire.usual_answer import usual_answer

WARM = 100
"""Runs before any that counts: Python 3.11 makes bytecode special to what it meets in the first dozens."""

RUNS = 100
"""That are counted, and then twice as many: the difference has neither the marks nor the loop's beginning in it."""

Work = Callable[[], object]

REQUEST = json_text.dumps(
    {
        "model": "gpt-5-mini",
        "messages": [
            {"role": "system", "content": "You are a helpful assistant. Answer in two sentences, without lists."},
            {"role": "user", "content": 'What is the "capital" of France, and how many people live there today?'},
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    }
)
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAccept-Encoding: gzip, deflate\r\n"
    b"Connection: keep-alive\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
    b"User-Agent: OpenAI/Python 3.50.0\r\nX-Stainless-Lang: python\r\nX-Stainless-Async: false\r\n"
    b"Authorization: Bearer house-key\r\nContent-Length: %d\r\n\r\n" % len(REQUEST)
)
USAGE = {
    "prompt_tokens": 35,
    "completion_tokens": 21,
    "total_tokens": 56,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
COMPLETION = {
    "id": "chatcmpl-CZ8eQ1z0x7m5lVb2o6q1xkT3pJfHs",
    "object": "chat.completion",
    "created": 1764300000,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The capital of France is Paris. About two million people live in it.",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
    "service_tier": "default",
    "system_fingerprint": "fp_4c2851f862",
}
ANSWER = json_text.dumps(COMPLETION)
UPSTREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Sat, 28 Nov 2026 06:00:00 GMT\r\nContent-Type: application/json\r\n%b\r\n"
    b"openai-processing-ms: 412\r\nopenai-version: 2020-10-01\r\nx-request-id: req_5f1d0b8a9c3e4d7f\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-remaining-tokens: 1999900\r\nServer: cloudflare\r\n\r\n"
)
WHOLE = UPSTREAM_HEAD % (b"Content-Length: %d" % len(ANSWER)) + ANSWER
CHUNK = {
    "id": "chatcmpl-CZ8eQ1z0x7m5lVb2o6q1xkT3pJfHs",
    "object": "chat.completion.chunk",
    "created": 1764300000,
    "model": "gpt-5-mini-2025-08-07",
    "service_tier": "default",
    "system_fingerprint": "fp_4c2851f862",
    "choices": [{"index": 0, "delta": {"content": " Paris"}, "logprobs": None, "finish_reason": None}],
}
FIRST = {
    **CHUNK,
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}],
}
EVENT = sse.frame(CHUNK)
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


def log_line() -> Work:
    record = _record()
    return lambda: call_log.line(record)


def chunked(events: int) -> Work:
    data = head.chunk(EVENT) * events
    way = Chunked()
    return lambda: way.feed(data)


def events(count: int) -> Work:
    decoder = sse.Decoder(1 << 20)
    data = EVENT * count
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
        trail = Trail(call)
        upstream = Answer()
        _bytes_out(CODEC.chat(call, target))
        completion = CODEC.completion(call, target, upstream.feed(WHOLE))
        trail.meter.answer(completion)
        trail.ended("ok")
        return _answer_out(call, completion), call_log.line(trail.record())

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
    trail = Trail(_called())
    trail.planned([TARGET], [])
    trail.attempted(TARGET, "ok", 0.4123)
    trail.meter.answer(CODEC.completion(CALL, TARGET, ANSWER))
    trail.began()
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
    "call: all of these": whole_call,
    "chunk: put right": normalised,
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
