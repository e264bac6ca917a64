"""
A request is sent again under its ``Idempotency-Key``: C47. What is kept and what is not is in ``llms.idempotency``.

A process that comes to its end forgets every key: with the memory of one process that is all there is after a crash.
"""

import asyncio
import json
import signal
from collections import Counter
from contextlib import AsyncExitStack

import openai as official
import pytest

from llms.idempotency_memory import Bounds, Memory
from llms.web import respond
from tests.faults.conftest import CLIENT_KEY, PATH
from tests.support.process import configure, serving
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, hang, rst, tell, wait

pytestmark = pytest.mark.case("C47")

SOON = {"first_byte_s": 1, "answer_s": 1, "idle_s": 1}
"""For a provider that does not answer."""

LONG = {"first_byte_s": 20, "answer_s": 20, "idle_s": 20, "total_s": 30}
EMBEDDINGS = "/v1/embeddings"
COMPLETIONS = "/v1/completions"


async def send(both, key="k-1", *, path=PATH, headers=(), client_key=None, body=None, **fields):  # noqa: PLR0913
    """Send a request under ``key`` and give its answer."""
    sent = [*headers, *([("Idempotency-Key", key)] if key is not None else [])]
    sent += [("Authorization", f"Bearer {client_key}")] if client_key else []
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", path, sent, body or both.body(**fields))
        return await client.read_response()


def asked(both, path=PATH):
    """How often the provider was asked."""
    return sum(request.path == path for request in both.upstream.requests)


def code(response):
    return response.json["error"]["code"]


def replayed(response):
    return response.header("x-idempotent-replay") == "true"


def same(first, again):
    """Whether ``again`` is a replay of ``first``, byte for byte."""
    names = ("content-type", "x-request-id", "x-llms-provider", "x-llms-model", "x-should-retry")
    alike = all(first.header(name) == again.header(name) for name in names)
    return (
        alike and replayed(again) and not replayed(first) and (first.status, first.body) == (again.status, again.body)
    )


def answers(both):
    return both.gateway.services.answers


def numbered(both, *, stream=False):
    """Have the provider give another answer each time."""
    both.plays(
        lambda _request: (
            openai.stream([f"Nr. {asked(both)}", " of many"], usage=openai.USAGE)
            if stream
            else openai.completion(f"Nr. {asked(both)}")
        )
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_replay(pair, stream):
    """The same request gets the same bytes, marked as a replay; the provider is asked once, and there is one record."""
    both = await pair()
    numbered(both, stream=stream)

    first = await send(both, stream=stream)
    again = [await send(both, stream=stream) for _ in range(3)]

    assert (200, 200) == (first.status, again[0].status)
    assert [True] * 3 == [same(first, one) for one in again]
    assert (1, 1) == (asked(both), len(both.gateway.records))


@pytest.mark.parametrize(
    ("path", "upstream_path", "body", "answer"),
    [
        (EMBEDDINGS, EMBEDDINGS, {"model": "m", "input": "x"}, openai.embeddings([[0.5]])),
        (COMPLETIONS, PATH, {"model": "m", "prompt": "x"}, openai.completion()),
        pytest.param(
            *(COMPLETIONS, PATH, {"model": "m", "prompt": "x", "stream": True}, openai.stream(["a", "b"])),
            marks=pytest.mark.case("C47", without={"I10": "the chunks of this endpoint have another form"}),
        ),
    ],
)
async def test_each_endpoint(pair, path, upstream_path, body, answer):
    """Every endpoint that costs money does it; to another one the same key is another key."""
    both = await pair()
    both.plays(openai.completion("chat"))
    both.upstream.on("POST", upstream_path, answer)

    first = await send(both, path=path, body=body)
    again = await send(both, path=path, body=body)

    assert 200 == first.status
    assert same(first, again)
    assert 1 == asked(both, upstream_path)
    if upstream_path != PATH:
        assert 200 == (await send(both)).status


async def test_order_of_fields(pair):
    """The same body with its fields in another order is the same."""
    both = await pair()
    numbered(both)
    body = both.body(temperature=0.5, user="x")

    first = await send(both, body=body)
    again = await send(both, body=json.dumps(dict(reversed(body.items())), indent=1).encode(), headers=[JSON])

    assert same(first, again)


JSON = ("Content-Type", "application/json")


async def test_long_bodies(pair):
    """A body of a megabyte is told from another that differs in its last character, chunked or not."""
    both = await pair()
    numbered(both)
    text = "x" * (1 << 20)

    first = await send(both, messages=[{"role": "user", "content": text}])
    again = await send(both, messages=[{"role": "user", "content": text}])
    other = await send(both, messages=[{"role": "user", "content": text[:-1] + "y"}])
    chunked = await send(
        both, headers=[JSON, CHUNKED], body=as_chunk(both.body(messages=[{"role": "user", "content": text}]))
    )

    assert same(first, again)
    assert (422, "idempotency_mismatch") == (other.status, code(other))
    assert same(first, chunked)


CHUNKED = ("Transfer-Encoding", "chunked")


def as_chunk(body):
    data = json.dumps(body).encode()
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


@pytest.mark.parametrize("stream", [False, True])
async def test_50_at_once(pair, stream):
    """Of 50 at once one is served, the others are told to come again, and then get its answer."""
    both = await pair(clocks=LONG)
    go = asyncio.Event()
    both.plays(openai.stream(["a", wait(go), "b"]) if stream else (wait(go), *openai.completion()))
    sending = [asyncio.create_task(send(both, stream=stream)) for _ in range(50)]
    try:
        async with asyncio.timeout(20):
            while sum(task.done() for task in sending) < 49:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)
    finally:
        go.set()
    responses = await asyncio.gather(*sending)

    again = await send(both, stream=stream)

    assert {200: 1, 409: 49} == Counter(response.status for response in responses)
    refused = next(response for response in responses if response.status == 409)
    assert ("conflict_error", "idempotency_in_progress") == (refused.json["error"]["type"], code(refused))
    assert ("1", "1000", "true") == tuple(
        refused.header(n) for n in ("retry-after", "retry-after-ms", "x-should-retry")
    )
    assert same(next(response for response in responses if response.status == 200), again)
    assert 1 == asked(both)


@pytest.mark.case("K07")
@pytest.mark.parametrize("running", [False, True])
async def test_other_body(pair, running):
    """Another body under the same key is a mismatch, while the first one runs and after it; it changes nothing."""
    both = await pair(clocks=LONG)
    go = asyncio.Event()
    both.plays((wait(go), *openai.completion()))
    first = asyncio.create_task(send(both))
    await both.upstream.received()
    if not running:
        go.set()
        await first
    others = [await send(both, user="other"), await send(both, stream=True)]
    go.set()

    assert [(422, "conflict_error", "idempotency_mismatch", "false")] * 2 == [
        (other.status, other.json["error"]["type"], code(other), other.header("x-should-retry")) for other in others
    ]
    assert same(await first, await send(both))
    assert 1 == asked(both)


@pytest.mark.case("K06", "K07")
async def test_other_tenant(gateway, upstream):
    """Another virtual key's same key is another key: neither its answer, nor its body, nor that it runs can be seen."""
    running = await gateway(
        providers={"up": {"base_url": f"{upstream.url}/v1", "models": ["m"], "retries": 0}},
        server={"keys": ["$ONE", "$TWO"]},
        environ={"ONE": "sk-one-canary", "TWO": "sk-two-canary"},
    )
    both = Ends(running, upstream)
    upstream.on("POST", PATH, lambda _request: openai.completion(f"Nr. {asked(both)}"))

    one = await send(both, client_key="sk-one-canary")
    two = await send(both, client_key="sk-two-canary", user="other")

    assert ["Nr. 1", "Nr. 2"] == [response.json["choices"][0]["message"]["content"] for response in (one, two)]
    assert same(one, await send(both, client_key="sk-one-canary"))
    assert same(two, await send(both, client_key="sk-two-canary", user="other"))
    assert 401 == (await send(both, client_key="sk-three")).status
    assert 2 == asked(both)


class Ends:
    """The two ends, where the fixture ``pair`` does not make them."""

    def __init__(self, gateway, upstream):
        self.gateway = gateway
        self.upstream = upstream

    def body(self, **fields):
        return {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}


@pytest.mark.parametrize(
    "key", ["", " ", "x" * 256, "x" * 8000, "a\tb", "caf\xe9", "\u20ac".encode().decode("latin-1"), "\xff"]
)
async def test_bad_keys(pair, key):
    """A key that is empty, too long or not plain ASCII is refused in words that name the header, and not repeated."""
    both = await pair()

    response = await send(both, key)

    assert (400, "invalid_value") == (response.status, code(response))
    assert "Idempotency-Key" in response.json["error"]["message"]
    assert not key.strip() or key.encode() not in response.body
    assert 0 == asked(both)


async def test_key_of_10_kb(pair):
    """A key of 10 kB is longer than any header may be: the request is no HTTP."""
    both = await pair()

    response = await send(both, "x" * 10_000)

    assert (400, "malformed_request", 0) == (response.status, code(response), asked(both))


async def test_two_keys(pair):
    """Two keys are refused: a proxy on the way might see the other one."""
    both = await pair()

    response = await send(both, headers=[("idempotency-key", "k-2")])

    assert (400, "malformed_request", 0) == (response.status, code(response), asked(both))


async def test_longest_key(pair):
    """255 characters, blanks and quotes among them, are a key; case and quotes count."""
    both = await pair()
    numbered(both)
    keys = ["~" * 255, "a key", "A key", '"a key"']

    firsts = [await send(both, key) for key in keys]
    agains = [await send(both, key) for key in keys]

    assert [True] * 4 == [same(*both_of) for both_of in zip(firsts, agains, strict=True)]
    assert 4 == asked(both)


async def test_without_a_key(pair):
    """Requests without the header leave nothing behind and are all served."""
    both = await pair()
    numbered(both)

    responses = [await send(both, None) for _ in range(2)]

    assert responses[0].body != responses[1].body
    assert (2, 0) == (asked(both), len(answers(both)))


REFUSED = pytest.mark.case("C47", without={"I6": "a key that the provider refused is set aside for a while"})


@pytest.mark.parametrize(
    ("reaction", "status", "error"),
    [
        (openai.error(400), 400, "invalid_value"),
        (openai.error(500), 502, "upstream_error"),
        pytest.param(*(openai.error(401), 502, "upstream_auth_error"), marks=REFUSED),
        ((rst(),), 502, "upstream_disconnected"),
        ((hang(),), 504, "upstream_first_byte_timeout"),
    ],
    ids=["400", "500", "401", "rst", "hang"],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_first_fails_at_the_provider(pair, reaction, status, error, stream):
    """An error after which a provider may have worked is given again, as it was, and the provider left in peace."""
    both = await pair(clocks=SOON)
    both.plays(reaction, openai.completion())

    first = await send(both, stream=stream)
    again = await send(both, stream=stream)

    assert (status, error) == (first.status, code(first))
    assert same(first, again)
    assert 1 == asked(both)


@pytest.mark.parametrize(("upstream_status", "status"), [(429, 429), (503, 503), (529, 503)])
@pytest.mark.parametrize("stream", [False, True])
async def test_first_is_told_to_try_again(pair, upstream_status, status, stream):
    """What says that the request should be sent again is not kept: the next try is served."""
    both = await pair()
    both.plays(openai.error(upstream_status), openai.stream(["a"]) if stream else openai.completion())

    first = await send(both, stream=stream)
    again = await send(both, stream=stream)

    assert (status, "true") == (first.status, first.header("x-should-retry"))
    assert (200, False, 2) == (again.status, replayed(again), asked(both))


@pytest.mark.parametrize("stream", [False, True])
async def test_first_is_sent_nowhere(pair, stream):
    """An error of which it is certain that no provider got the request is not kept, nor is a refusal of the request."""
    both = await pair()
    both.plays(openai.stream(["a"]) if stream else openai.completion())
    refused = [
        await send(both, stream=stream, model="unknown"),
        await send(both, stream=stream, temperature="hot"),
        await send(both, body=b"{", headers=[JSON]),
        await send(both, body=b"{}", headers=[("Content-Type", "text/plain")]),
    ]

    again = await send(both, stream=stream)

    assert [404, 400, 400, 415] == [response.status for response in refused]
    assert (200, False, 1) == (again.status, replayed(again), asked(both))


async def test_no_provider_there(gateway, upstream):
    """A provider that cannot be reached leaves the key free: once it is there, the request is served."""
    url = upstream.url
    await upstream.__aexit__(None, None, None)
    running = await gateway(providers={"up": {"base_url": f"{url}/v1", "models": ["m"], "retries": 0}})
    first = await send(Ends(running, upstream))
    async with Upstream(port=upstream.port) as there:
        there.on("POST", PATH, openai.completion())
        both = Ends(running, there)
        again = await send(both)

    assert (502, "upstream_unreachable") == (first.status, code(first))
    assert (200, False) == (again.status, replayed(again))
    await upstream.__aenter__()


@pytest.mark.parametrize("cut", [(fin(),), (rst(),), (hang(),)], ids=["fin", "rst", "hang"])
async def test_stream_is_cut(pair, cut):
    """A stream that broke off is given again with the same error event at its end."""
    both = await pair(clocks=SOON)
    both.plays(openai.stream(["Hel", *cut], finish=None, done=False), openai.stream(["other"]))

    first = await send(both, stream=True)
    again = await send(both, stream=True)

    assert b"Hel" in first.body
    assert b'data: {"error"' in first.body
    assert same(first, again)
    assert 1 == asked(both)


@pytest.mark.parametrize("error", [{"code": "rate_limit_exceeded"}, {"code": "overloaded"}, {"code": "server_error"}])
async def test_provider_fails_in_mid_stream(pair, error):
    """An error in the middle of a stream is given again, whatever it says: the provider has worked."""
    both = await pair()
    event = openai.event({"error": {"message": "no", "type": None, "param": None, **error}})
    both.plays(openai.stream(["Hel", event], finish=None, done=False), openai.stream(["other"]))

    first = await send(both, stream=True)
    again = await send(both, stream=True)

    assert b"Hel" in first.body
    assert b'data: {"error"' in first.body
    assert same(first, again)
    assert 1 == asked(both)


async def test_failure_after_a_keep_alive(pair):
    """An error that could only come as an event, after a keep-alive, is given again without the keep-alives."""
    both = await pair(keepalive_s=0.05, clocks={"first_byte_s": 0.5})
    both.plays((hang(),), openai.stream(["other"]))

    first = await send(both, stream=True)
    again = await send(both, stream=True)

    events = first.body.replace(b": keep-alive\n\n", b"")
    assert b": keep-alive" in first.body
    assert events == again.body
    assert b"upstream_first_byte_timeout" in events
    assert (200, 200, True, 1) == (first.status, again.status, replayed(again), asked(both))


async def test_keep_alives_are_not_given_again(pair):
    """Comments sent in a silence are no part of the answer."""
    both = await pair(keepalive_s=0.05, clocks=LONG)
    go = asyncio.Event()
    both.plays(openai.stream([wait(go), "a"], role=False))
    sending = asyncio.create_task(send(both, stream=True))
    await asyncio.sleep(0.3)
    go.set()
    first = await sending

    again = await send(both, stream=True)

    assert b": keep-alive" in first.body
    assert first.body.replace(b": keep-alive\n\n", b"") == again.body
    assert ("up", True) == (again.header("x-llms-provider"), replayed(again))


@pytest.mark.parametrize("way", ["fin", "rst"])
@pytest.mark.parametrize("at", ["wait", "stream"])
@pytest.mark.parametrize("stream", [False, True])
async def test_client_leaves(pair, at, way, stream, invariants):
    """A client that leaves before the answer is whole ends the call at the provider, and the key is free again."""
    both = await pair(clocks=LONG)
    parts = ["Hel", hang()] if at == "stream" else [hang()]
    half = openai.stream(parts, role=False) if stream else (hang(),)
    both.plays(half, openai.stream(["whole"]) if stream else openai.completion("whole"))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, [("Idempotency-Key", "k-1")], both.body(stream=stream))
        await both.upstream.received()
        if stream and at == "stream":
            await client.read_head()
        getattr(client, way)()
        await both.upstream.connections[0].gone.wait()
    await both.gateway.services.gateway.idle()
    assert (0, 0) == (len(answers(both)), answers(both).size)

    again = await send(both, stream=stream)

    assert (200, False, 2) == (again.status, replayed(again), asked(both))
    assert b"whole" in again.body
    assert ["client_closed", "ok"] == [record.status for record in both.gateway.records]


@pytest.mark.parametrize("stream", [False, True])
async def test_client_leaves_once_it_is_whole(pair, stream):
    """A client that was lost with its answer still on the way to it gets that answer when it asks again."""
    both = await pair(clocks=LONG, send_buffer_bytes=4096)
    whole = openai.stream(["Q" * 5_000] * 8) if stream else openai.completion("Q" * 40_000)
    both.plays(whole, openai.completion("other"))
    async with RawClient("127.0.0.1", both.gateway.port, receive_buffer=4096) as client:
        await client.request("POST", PATH, [("Idempotency-Key", "k-1")], both.body(stream=stream))
        async with asyncio.timeout(20):
            while answers(both).size == 0 or answers(both)._running:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)
        client.rst()

    again = await send(both, stream=stream)

    assert (200, True, 1) == (again.status, replayed(again), asked(both))
    assert (True, 40_000) == (again.complete, again.body.count(b"Q"))


async def test_client_leaves_while_others_wait(pair):
    """When the first client leaves, one of those that come again is served, and the others get its answer."""
    both = await pair(clocks=LONG)
    both.plays((hang(),), openai.completion())
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, [("Idempotency-Key", "k-1")], both.body())
        await both.upstream.received()
        refused = await send(both)
        client.rst()
        await both.upstream.connections[0].gone.wait()
    await both.gateway.services.gateway.idle()

    served = await send(both)

    assert (409, 200) == (refused.status, served.status)
    assert same(served, await send(both))
    assert 2 == asked(both)


async def test_leaves_at_every_point(pair, invariants):
    """Wherever in its life a request is left, its key is never stuck: the same request is served or given again."""
    both = await pair(clocks=LONG)
    both.plays(openai.stream(["a", "b", "c"], usage=openai.USAGE))
    outcomes = Counter()
    for turns in range(60):
        key = f"k-{turns}"
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            await client.request("POST", PATH, [("Idempotency-Key", key)], both.body(stream=True))
            for _ in range(turns):
                await asyncio.sleep(0)
            client.rst()
        await asyncio.sleep(0.01)
        await both.gateway.services.gateway.idle()
        again = await send(both, key, stream=True)
        assert (200, True) == (again.status, again.body.endswith(b"data: [DONE]\n\n"))
        outcomes[replayed(again)] += 1

    assert 60 == len(answers(both)) == sum(outcomes.values())
    assert {"client_closed", "ok"} >= {record.status for record in both.gateway.records}
    invariants.notes.append(f"left at 60 points: served anew {outcomes[False]} times, given again {outcomes[True]}")


@pytest.mark.parametrize("stream", [False, True])
async def test_too_long(pair, stream, invariants):
    """An answer that is too long to be kept is given once, whole; the key then says so, and asks nobody."""
    both = await pair(clocks=LONG)
    text = "Q" * 1_000_000
    both.plays(openai.stream([text] * 10) if stream else openai.completion(text * 10))

    first = await send(both, stream=stream)
    again = await send(both, stream=stream)

    assert (200, 10_000_000) == (first.status, first.body.count(b"Q"))
    assert (409, "idempotency_answer_too_large", "false") == (again.status, code(again), again.header("x-should-retry"))
    assert (1, 0) == (asked(both), answers(both).size)


async def test_memory_is_bounded(pair, growth):
    """2,000 keys with answers of 100 kB leave no more than the bounds say, and the latest are still there."""
    both = await pair(clocks=LONG)
    both.plays(openai.completion("x" * 100_000))
    bounds = Bounds(total_bytes=10 << 20)
    object.__setattr__(both.gateway.services, "answers", Memory(asyncio.get_running_loop().time, bounds))

    answered = []  # clients do not keep step: one may be done long before another

    async def some(first):
        async with Unheard("127.0.0.1", both.gateway.port) as client:
            for number in range(first, 2000, 10):
                await client.request("POST", PATH, [("Idempotency-Key", f"k-{number}")], both.body())
                assert 200 == (await client.read_response()).status
                answered.append(f"k-{number}")

    await asyncio.gather(*(some(first) for first in range(10)))

    assert (10 << 20) - 200_000 < answers(both).size <= 10 << 20
    assert replayed(await send(both, answered[-1]))
    assert not replayed(await send(both, answered[0]))
    assert growth() < 150  # MiB; 200 are all answers


class Unheard(RawClient):
    """A client whose answers are not kept for the table."""

    listeners = ()


@pytest.mark.parametrize("stream", [False, True])
async def test_slow_readers_of_a_replay(pair, growth, stream):
    """50 clients that read nothing of a replay of 7 MB are given no copy each, are cut off, and harm nobody."""
    both = await pair(clocks=LONG, write_stall_s=2)
    both.plays(openai.stream(["Q" * 700_000] * 10) if stream else openai.completion("Q" * 7_000_000))
    first = await send(both, stream=stream)
    async with AsyncExitStack() as stack:
        clients = [Unheard("127.0.0.1", both.gateway.port, receive_buffer=4096) for _ in range(50)]
        for client in clients:
            await stack.enter_async_context(client)
            await client.request("POST", PATH, [("Idempotency-Key", "k-1")], both.body(stream=stream))
        heads = [await client.read_head() for client in clients]
        again = await send(both, stream=stream)
        async with asyncio.timeout(20):
            while both.gateway.runner.server.connections:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)

    assert ["true"] * 50 == [head.header("x-idempotent-replay") for head in heads]
    assert same(first, again)
    assert (1, 1) == (asked(both), len(both.gateway.records))
    assert growth() < 250  # MiB; 350 are 50 copies


@pytest.mark.parametrize("length", [10, 100_000])
async def test_pages_may_use_it(pair, length):
    """A page of an allowed origin may send the header and see that it got a replay."""
    origin = "https://chat.example"
    both = await pair(allowed_origins=[origin])
    both.plays(openai.stream(["a" * length]))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        wanted = [("Origin", origin), ("Access-Control-Request-Headers", "idempotency-key")]
        await client.request("OPTIONS", PATH, wanted)
        allowed = await client.read_response()
    await send(both, stream=True)

    again = await send(both, stream=True, headers=[("Origin", origin)])

    assert "idempotency-key" == allowed.header("access-control-allow-headers")
    assert (True, origin) == (replayed(again), again.header("access-control-allow-origin"))
    assert "x-idempotent-replay" in again.header("access-control-expose-headers")


async def test_after_a_reload(pair):
    """A reload keeps what is there, also what runs meanwhile."""
    both = await pair(clocks=LONG)
    go = asyncio.Event()
    both.plays((wait(go), *openai.completion()))
    sending = asyncio.create_task(send(both))
    await both.upstream.received()
    await both.gateway.generations.put_in_force(both.gateway.config)
    refused = await send(both)
    go.set()

    assert 409 == refused.status
    assert same(await sending, await send(both))


async def test_official_client(pair):
    """The official client, told to, sends the key; it repeats a 409 by itself and gets the answer, streamed or not."""
    both = await pair(clocks=LONG)
    go = asyncio.Event()
    both.plays((wait(go), *openai.completion("once")), openai.stream(["on", "ce"]))
    under = {"Idempotency-Key": "k-official"}
    async with official.AsyncOpenAI(base_url=f"{both.gateway.url}/v1", api_key="x", max_retries=5) as client:

        async def create(headers=under, **fields):
            made = client.chat.completions.with_raw_response
            return await made.create(extra_headers=headers, **both.body(**fields))

        first = asyncio.create_task(create())
        await both.upstream.received()
        second = asyncio.create_task(create())
        await asyncio.sleep(0.2)
        go.set()
        replies = await asyncio.gather(first, second)
        streamed = []
        for _ in range(2):
            stream = await client.chat.completions.create(
                extra_headers={"Idempotency-Key": "k-stream"}, **both.body(stream=True)
            )
            streamed.append([chunk.model_dump() async for chunk in stream])
        with pytest.raises(official.UnprocessableEntityError) as caught:
            await create(user="other")

    assert ["once", "once"] == [reply.parse().choices[0].message.content for reply in replies]
    assert [None, "true"] == [reply.headers.get("x-idempotent-replay") for reply in replies]
    assert replies[1].retries_taken >= 1
    assert streamed[0] == streamed[1] != []
    assert "idempotency_mismatch" == caught.value.code
    assert 2 == asked(both)


async def test_restart(tmp_path, record_property):
    """A process that is killed forgets its keys: the same request is served by the next one."""
    configure(tmp_path, {"providers": {"demo": {"chunk_delay_s": 0}}})
    seen = []
    for _ in range(2):
        async with serving(tmp_path) as served:
            both = Ends(served, None)
            for _ in range(2):
                seen.append(await send(both, body={"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}))  # noqa: PERF401
            served.process.kill()

    assert [200] * 4 == [response.status for response in seen]
    assert [False, True, False, True] == [replayed(response) for response in seen]
    record_property("came_out", "served, replay; after a crash: served, replay")


@pytest.mark.parametrize("finishes", [True, False])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_process_drains_in_the_middle(tmp_path, record_property, workers, finishes):
    """A process that is told to stop finishes the first request or ends it, and then ends itself."""
    go = asyncio.Event()
    async with Upstream() as upstream:
        upstream.on("POST", PATH, (wait(go), *openai.completion()) if finishes else (hang(),))
        up = {"base_url": f"{upstream.url}/v1", "models": ["m"]}
        configure(tmp_path, {"server": {"drain_s": 10 if finishes else 0.5}, "providers": {"up": up}})
        async with serving(tmp_path, "--workers", workers) as served:
            both = Ends(served, upstream)
            sending = asyncio.create_task(send(both))
            await upstream.received()
            served.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            go.set()
            first = await sending
            status, errors = await served.ended()

    wanted = (200, None) if finishes else (503, "true")
    assert wanted == (first.status, first.header("x-should-retry"))
    assert (0, False, 1) == (status, "Traceback" in errors, asked(both))
    record_property("came_out", f"{first.status} while it drains, then status 0")


@pytest.mark.parametrize("stream", [False, True])
async def test_drained_in_the_middle(pair, stream):
    """A call that is ended because the gateway stops leaves no answer: that error asks for another try."""
    both = await pair(clocks=LONG)
    said = asyncio.Event()
    both.plays(openai.stream(["Hel", tell(said), hang()]) if stream else (tell(said), hang()))
    sending = asyncio.create_task(send(both, stream=stream))
    await said.wait()
    await asyncio.sleep(0.1)
    both.gateway.services.gateway.end_all()
    first = await sending

    assert b'"draining"' in first.body
    assert (0, 0) == (len(answers(both)), answers(both).size)


@pytest.mark.interpreted
@pytest.mark.parametrize("stream", [False, True])
async def test_bug_of_the_gateway(pair, monkeypatch, stream):
    """A bug in the middle of a call does not bar its key."""
    both = await pair()
    numbered(both, stream=stream)
    with monkeypatch.context() as patched:
        patched.setattr(respond, "served_by", lambda _target: 1 / 0)
        first = await send(both, stream=stream)

    again = await send(both, stream=stream)

    assert (500, "internal_error") == (first.status, code(first))
    assert (200, False) == (again.status, replayed(again))


async def test_key_is_not_logged(pair, invariants):
    """The key is the client's own: it stands in no log line."""
    both = await pair(keys=["$CLIENT_KEY"])
    numbered(both)
    invariants.secret("k-secret")

    for fields in ({}, {}, {"user": "other"}):
        await send(both, "k-secret", client_key=CLIENT_KEY, **fields)
