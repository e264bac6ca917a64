import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest

from llms.keys import Limits, Role
from llms.ledger.strangers import MOST
from llms.store import CallFilter
from tests.support.kept import FORMS, WAYS, kept, key
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.server import Upstream
from tests.upstream.steps import fin, hang

SHORT = {"connect_s": 0.5, "first_byte_s": 0.3, "answer_s": 0.3, "idle_s": 0.3, "total_s": 3}

BEGUN = openai.stream(["Hel"], finish=None, done=False)[:-1]
"""A stream that has begun, in the middle of its body."""

ANSWERS = {
    "chat": openai.completion("Hello"),
    "chat stream": openai.stream(["Hel", "lo"], usage=openai.USAGE),
    "completions": openai.completion("Hello"),
    "completions stream": openai.stream(["Hel", "lo"], usage=openai.USAGE),
    "embeddings": openai.embeddings([[0.5, 1.0]]),
}


@pytest.fixture
async def start(gateway, tmp_path):
    """Start a gateway with these keys; takes what ``kept`` does."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream())

        async def one(*keys, **options):
            return await stack.enter_async_context(kept(gateway, upstream, tmp_path, *keys, **options))

        yield one


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def told(row):
    return row.status, row.code, row.counted, row.cost, row.priced


@pytest.mark.parametrize("form", FORMS)
async def test_a_call_that_ends_well(start, way, form):
    """Its row has whose it was, what was asked of whom, what came of it, and what that cost."""
    both = await start(key("ann", team="red"))
    both.plays(ANSWERS[form])

    response = await both.ask(form, "ann", way)

    row = await both.row()
    tokens = (5, 0) if form == "embeddings" else (19, 2)
    assert (200, True) == (response.status, response.complete)
    assert response.header("x-request-id") == row.id
    assert ("ok", "", "exact", 5 if form == "embeddings" else 23, 1) == told(row)
    assert (key("ann").key.id, "red", "m", "up", "m") == (row.key_id, row.team, row.model, row.provider, row.target)
    assert {"chat": "chat.completions", "comp": "completions", "embe": "embeddings"}[form[:4]] == row.api
    assert (int("stream" in form), tokens) == (row.stream, (row.input_tokens, row.output_tokens))
    assert [{"target": "up/m", "outcome": "ok"}] == [
        {name: one[name] for name in ("target", "outcome")} for one in json.loads(row.attempts)
    ]
    assert 0 < row.first_byte_us <= row.duration_us < 5_000_000
    assert len(response.body) == row.bytes_out
    assert len(json.dumps({"model": "m", **FORMS[form][1]})) == row.bytes_in
    assert ("" if form == "embeddings" else "stop") == row.finish_reason
    assert "limits;dur=" in row.timing
    assert "total;dur=" in row.timing
    assert int(row.id[4:15], 16) <= row.at < int(row.id[4:15], 16) + 5000


@pytest.mark.parametrize("form", FORMS)
async def test_the_provider_fails(start, way, form):
    """A call that nobody answered costs nothing, and says who failed."""
    both = await start()
    both.plays(openai.error(503))

    response = await both.ask(form, headers=way)

    row = await both.row()
    assert (503, ("upstream_error", "overloaded", "none", 0, 1)) == (response.status, told(row))
    assert ("", 0, -1, ["overloaded"]) == (
        row.provider, row.input_tokens, row.first_byte_us, [one["outcome"] for one in json.loads(row.attempts)],
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
async def test_the_provider_is_silent(start, way, form):
    """A call whose first byte never came is a timeout."""
    both = await start(server={"clocks": SHORT})
    both.plays((hang(),))

    response = await both.ask(form, headers=way)

    assert (504, "timeout", "upstream_first_byte_timeout") == (response.status, *told(await both.row())[:2])


@pytest.mark.parametrize("form", [form for form in FORMS if "stream" in form])
@pytest.mark.parametrize(
    ("end", "ended"),
    [(fin(), ("upstream_error", "upstream_truncated")), (hang(), ("timeout", "upstream_idle_timeout"))],
)
async def test_a_stream_is_cut_off(start, way, form, end, ended):
    """What was seen of it is estimated and marked, and billed to the target that gave it."""
    both = await start(server={"clocks": SHORT})
    both.plays((*BEGUN, end))

    await both.ask(form, headers=way)

    row = await both.row()
    into = -(-row.bytes_in // 3)
    assert (*ended, "estimated", into + 2, 1) == told(row)
    assert ("up", into, 1) == (row.provider, row.input_tokens, row.output_tokens)
    assert row.first_byte_us > 0


@pytest.mark.parametrize("form", FORMS)
async def test_the_client_leaves_before_anything_came(start, way, form):
    """It pays for what went in, which the provider has read, and the row says that this is an estimate."""
    both = await start()
    both.plays((hang(),))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await both.send(client, form, headers=way)
        await both.upstream.received()
    row = await both.row()

    into = -(-row.bytes_in // 3)
    assert ("client_closed", "client_closed_request", "estimated", into, 1) == told(row)
    assert ("up", into, 0) == (row.provider, row.input_tokens, row.output_tokens)


@pytest.mark.parametrize("form", [form for form in FORMS if "stream" in form])
async def test_the_client_leaves_in_the_middle(start, way, form):
    """It pays for what went in and for what it was sent."""
    both = await start()
    both.plays((*BEGUN, hang()))
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await both.send(client, form, headers=way)
        while b"Hel" not in await client.read_some():
            pass
    row = await both.row()

    assert ("client_closed", "client_closed_request", "estimated", -(-row.bytes_in // 3) + 2, 1) == told(row)


@pytest.mark.parametrize("form", FORMS)
async def test_refused(start, way, form):
    """A call that is refused has a row, which costs nothing."""
    both = await start()

    response = await both.ask(form, headers=way, model="\u202e" + "x" * 511)

    row = await both.row()
    assert (404, ("rejected", "model_not_found", "none", 0, 1)) == (response.status, told(row))
    assert ("", "[]", 500) == (row.provider, row.attempts, len(row.model))


@pytest.mark.case("K19")
async def test_names_of_models_that_there_are_not(start):
    """K19: the first thousand of a day are written down; no client makes as many sums as it likes."""
    both = await start(key("ann", models=("m",)))

    for number in range(MOST + 2):
        assert 404 == (await both.ask("chat", "ann", model=f"m{number}")).status
    both.plays(ANSWERS["chat"])
    assert 200 == (await both.ask("chat", "ann")).status

    await both.rows()
    sums = {row.group[0]: row.calls for row in await both.store.usage(CallFilter(), ("model",))}
    assert {"": 2, "m": 1, **{f"m{number}": 1 for number in range(MOST)}} == sums


@pytest.mark.parametrize("form", FORMS)
async def test_the_gateway_stops(start, way, form):
    """A call that is ended because the gateway stops says so."""
    both = await start()
    both.plays((hang(),))
    asking = asyncio.create_task(both.ask(form, headers=way))
    await both.upstream.received()
    both.gateway.services.gateway.end_all()
    response = await asking

    assert (503, "draining", "draining") == (response.status, *told(await both.row())[:2])


@pytest.mark.interpreted
@pytest.mark.parametrize("form", FORMS)
async def test_a_bug(start, way, form, caplog):
    """A failure that nobody foresaw has a row too."""

    async def broken(*_given):
        text = "no such thing"
        raise RuntimeError(text)

    both = await start()
    both.gateway.services.gateway._attempts.run = broken
    response = await both.ask(form, headers=way)

    assert (500, "internal", "internal_error") == (response.status, *told(await both.row())[:2])
    assert "no such thing" in caplog.text


@pytest.mark.parametrize("form", FORMS)
async def test_without_a_price(start, way, form):
    """What has no price is served and marked; where none may be, it is refused before anybody is asked."""
    both = await start()
    both.plays(ANSWERS[form])
    response = await both.ask(form, headers=way, model="free")
    row = await both.row()

    assert (200, ("ok", "", "exact", 0, 0)) == (response.status, told(row))
    assert 0 < row.input_tokens


async def test_require_price(start, way):
    """Where nothing without a price may be called, such a model is refused before anybody is asked."""
    both = await start(limits={"require_price": True})
    both.plays(openai.completion("Hello"))

    refused = await both.ask(headers=way, model="free")
    served = await both.ask(headers=way)

    assert (400, "model_not_priced", "model") == (
        refused.status, refused.json["error"]["code"], refused.json["error"]["param"],
    )  # fmt: skip
    assert (200, 1) == (served.status, len(both.upstream.requests))
    assert {"rejected", "ok"} == {row.status for row in await both.rows()}


async def test_the_target_that_answered_is_billed(start):
    """A provider that failed before it is in the attempts, and costs nothing."""
    both = await start(models={"fast": {"targets": ["up/free", "up/m"]}})
    both.plays(openai.error(500), openai.completion("Hello"))

    response = await both.ask(model="fast")

    row = await both.row()
    assert (200, "fast", "m", 23) == (response.status, row.model, row.target, row.cost)
    assert ["up/free", "up/m"] == [one["target"] for one in json.loads(row.attempts)]


@pytest.mark.parametrize(
    ("fields", "form", "code"),
    [
        ({"models": ("gpt-*",)}, "chat", "model_not_found"),
        ({"models": ("gpt-*",)}, "embeddings", "model_not_found"),
        ({"models": ("gpt-*",)}, "completions stream", "model_not_found"),
        ({"endpoints": ("embeddings",)}, "chat", "endpoint_not_allowed"),
        ({"endpoints": ("embeddings",)}, "completions", "endpoint_not_allowed"),
        ({"endpoints": ("chat.completions",)}, "embeddings", "endpoint_not_allowed"),
        ({"role": Role.VIEWER}, "chat", "endpoint_not_allowed"),
        ({"role": Role.VIEWER}, "embeddings", "endpoint_not_allowed"),
        ({"models": ("m",), "endpoints": ("completions",), "role": Role.MEMBER}, "completions", None),
    ],
)
async def test_rights(start, way, fields, form, code):
    """A key calls the models, and uses the endpoints, that it is for; nothing reaches a provider otherwise."""
    both = await start(key("ann", **fields))
    both.plays(ANSWERS[form])

    response = await both.ask(form, "ann", way)

    row = await both.row()
    assert (code or "", "rejected" if code else "ok", int(not code)) == (
        row.code, row.status, len(both.upstream.requests),
    )  # fmt: skip
    assert {"model_not_found": 404, "endpoint_not_allowed": 403, None: 200}[code] == response.status


async def test_rates_are_told(start, way):
    """Answers and refusals say what is left of a key's rates; a refusal says when to come again."""
    both = await start(key("ann", limits=Limits(rpm=2, tpm=100_000)))
    both.plays(openai.stream(["Hello"]), openai.completion("Hello"))
    if time.time() % 60 > 55:  # all three are to be in one minute
        await asyncio.sleep(60 - time.time() % 60)

    first = await both.ask("chat stream", "ann", way)
    second = await both.ask("chat", "ann", way)
    third = await both.ask("chat", "ann", way)

    names = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-limit-tokens")
    assert [("2", "1", "100000"), ("2", "0", "100000"), ("2", "0", "100000")] == [
        tuple(response.header(name) for name in names) for response in (first, second, third)
    ]
    assert (429, "rate_limit_exceeded", "true") == (
        third.status, third.json["error"]["code"], third.header("x-should-retry"),
    )  # fmt: skip
    assert 1 <= int(third.header("retry-after")) <= 60
    ended = {row.id: row.status for row in await both.rows()}
    assert [(200, "ok"), (200, "ok"), (429, "rejected")] == [
        (response.status, ended[response.header("x-request-id")]) for response in (first, second, third)
    ]
    assert 2 == len(both.upstream.requests)


async def test_a_budget_that_is_spent(start, way):
    """A budget that has too little left refuses for good, before anything is sent."""
    both = await start(key("ann", limits=Limits(budget_total=100)))
    both.plays(openai.completion("Hello"))

    answers = [await both.ask("chat", "ann", way, max_tokens=10) for _ in range(4)]

    assert [200, 200, 200, 429] == [answer.status for answer in answers]
    last = answers[-1]
    assert ("insufficient_quota", "false", None) == (
        last.json["error"]["code"], last.header("x-should-retry"), last.header("retry-after"),
    )  # fmt: skip
    assert [0, 23, 23, 23] == sorted(row.cost for row in await both.rows())
    assert 3 == len(both.upstream.requests)


async def test_a_key_counts_for_what_it_comes_from(start):
    """What a key's children spend is its own: a budget is not made greater by making keys."""
    parent = key("ann", role=Role.MEMBER, limits=Limits(budget_total=80))
    child = key("child", role=Role.MEMBER, parent=parent.key.id)
    both = await start(parent, child)
    both.plays(openai.completion("Hello"))

    answers = [await both.ask("chat", name, max_tokens=5) for name in ("child", "ann", "child", "ann")]

    assert [200, 200, 429, 429] == [answer.status for answer in answers]


@pytest.mark.parametrize(
    "limits",
    [
        {"gateway": {"concurrency": 1}},
        {"models": {"m": {"concurrency": 1}}},
        {"teams": {"red": {"concurrency": 1}}},
    ],
)
async def test_a_place_is_given_back(start, way, limits):
    """However a call ends, its place is free again: cut off, left, refused by the provider, failed within."""
    both = await start(key("ann", team="red"), limits=limits, server={"clocks": SHORT})
    both.plays(openai.error(503), (*BEGUN, fin()), (hang(),), (*BEGUN, hang()), openai.completion("Hello"))

    await both.ask("chat", "ann", way)
    await both.ask("chat stream", "ann", way)
    for count in (3, 4):
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            await both.send(client, "chat stream", "ann", way)
            await both.upstream.received(count)
            busy = await both.ask("chat", "ann", way)
        await both.gateway.services.gateway.idle()
    last = await both.ask("chat", "ann", way)

    assert (429, 200) == (busy.status, last.status)


async def test_what_is_kept_of_what_was_said(start, way):
    """Prompt and answer are kept for keys that have them kept, cut to size, and for no others."""
    both = await start(key("ann", keeps_bodies=True), key("bob"))
    both.plays(openai.stream(["Hel", "lo"]), openai.completion("x" * 100_000), openai.error(503), openai.completion())

    answers = [
        await both.ask("chat stream", "ann", way),
        await both.ask("chat", "ann", way, messages=[{"role": "user", "content": "ü" * 80_000}]),
        await both.ask("chat", "ann", way),
        await both.ask("chat", "bob", way),
    ]
    await both.rows()

    bodies = [(await both.store.call(answer.header("x-request-id")))[1] for answer in answers]
    assert [True, True, True, False] == [body is not None for body in bodies]
    assert {"messages": [{"role": "user", "content": "Hello"}]} == json.loads(bodies[0].prompt)
    assert ["Hello"] == [choice["message"]["content"] for choice in json.loads(bodies[0].answer)]
    assert [65_537, 65_537] == [len(bodies[1].prompt), len(bodies[1].answer)]
    assert "[]" == bodies[2].answer


async def test_halves_of_a_letter_that_are_kept(start, way):
    """An emoji that came in two halves is an answer like any other."""
    halves = [
        b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % half for half in (rb"\ud83d", rb"\ude00")
    ]
    both = await start(key("ann", keeps_bodies=True))
    both.plays(openai.stream(halves), openai.stream(halves[:1]))

    answers = [await both.ask("chat stream", "ann", way) for _ in range(2)]

    assert [True, True] == [answer.body.endswith(b"[DONE]\n\n") for answer in answers]
    await both.rows()
    bodies = [(await both.store.call(answer.header("x-request-id")))[1] for answer in answers]
    assert "😀" == json.loads(bodies[0].answer)[0]["message"]["content"]


async def test_embeddings_that_are_kept(start, way):
    """Vectors are an answer as any other."""
    both = await start(key("ann", keeps_bodies=True))
    both.plays(openai.embeddings([[0.5, 1.0]]))

    await both.ask("embeddings", "ann", way)

    _, body = await both.store.call((await both.row()).id)
    assert ("Hello", [0.5, 1.0]) == (json.loads(body.prompt)["input"], json.loads(body.answer)[0]["embedding"])


async def test_revoked_while_it_runs(start, way):
    """A key that is revoked ends its streams within seconds, with an error that says so, and a row."""
    both = await start(key("ann"), key("admin"))
    both.plays((*BEGUN, hang()))
    asking = asyncio.create_task(both.ask("chat stream", "ann", way))
    await both.upstream.received()
    [ann] = [one for one in await both.store.keys_since(0) if one.key.name == "ann"]
    await both.store.put_key(ann._replace(revoked_at=1))
    async with asyncio.timeout(5):
        response = await asking
    again = await both.ask("chat", "ann", way)

    assert b'"code":"key_disabled"' in response.body
    assert (401, "key_disabled") == (again.status, (await both.row()).code)
