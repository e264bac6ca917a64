"""What is sent again, where to, and when: the whole of the retry rule, as upstreams see it."""

import asyncio
import itertools

import pytest

from tests.faults.conftest import PATH
from tests.faults.crew import OK, Stopwatch
from tests.faults.streams import data_events, said
from tests.support.raw import RawClient
from tests.upstream import openai
from tests.upstream.steps import fin, hang, rst, sleep, wait

BUSY = openai.error(503, "busy")
LIMITED = openai.error(429, "slow down", [("Retry-After", "1")])


def gaps(upstream):
    """Give the seconds between one request and the next."""
    times = [connection.opened_at for connection in upstream.connections]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.mark.case("U42")
async def test_retry_after_is_waited_for(crew):
    """U42: what the upstream asks for, up to five seconds, then the answer."""
    crowd = await crew(1)
    crowd.plays([LIMITED, OK])
    watch = Stopwatch()

    response = await crowd.ask()

    assert 200 == response.status
    assert watch.seconds >= 0.99
    assert [("one", "rate_limit_exceeded"), ("one", "ok")] == crowd.outcomes()


@pytest.mark.case("U42")
@pytest.mark.parametrize("asked", ["6", "120"])
async def test_longer_retry_after_is_given_back(crew, asked):
    """U42: a client is better served by the refusal than by a longer silence."""
    crowd = await crew(1)
    crowd.plays(openai.error(429, "slow down", [("Retry-After", asked)]))

    response = await crowd.ask()

    assert (429, asked, "true") == (
        response.status,
        response.header("retry-after"),
        response.header("x-should-retry"),
    )
    assert [1] == crowd.asked


@pytest.mark.case("U43", "U44")
@pytest.mark.parametrize("value", ["-1", "soon", "Sun, 06 Nov 1994 08:49:07 GMT"])
async def test_senseless_retry_after_is_no_hurry(crew, value):
    """U43, U44: a pause is made as if there were none."""
    crowd = await crew(1)
    crowd.plays([openai.error(429, "slow down", [("Retry-After", value)]), OK])
    watch = Stopwatch()

    assert 200 == (await crowd.ask()).status
    assert 0.09 <= watch.seconds


@pytest.mark.case("U47")
@pytest.mark.parametrize("status", [500, 502, 503, 529])
@pytest.mark.parametrize("body", ["no", b"<html>no</html>", b""])
async def test_two_retries_then_the_refusal(crew, status, body):
    """U47: three requests in all, with a pause before each, then the last refusal is the answer."""
    crowd = await crew(1)
    crowd.plays(openai.error(status, body, [("Connection", "close")]))

    response = await crowd.ask()

    assert (502 if status < 503 else 503) == response.status
    assert ("false" if status < 503 else "true") == response.header("x-should-retry")
    assert [3] == crowd.asked
    assert all(gap > 0.09 for gap in gaps(crowd.upstreams[0]))
    assert 3 == len(crowd.outcomes())


@pytest.mark.case("U47")
@pytest.mark.parametrize("stream", [False, True])
async def test_what_recovers_is_not_seen(crew, stream):
    """U47: a refusal that passes costs a pause and nothing else."""
    crowd = await crew(1)
    crowd.plays([BUSY, openai.stream(["Hello"]) if stream else OK])

    assert 200 == (await crowd.ask(stream=stream)).status


async def test_the_others_come_first(crew):
    """Each target has its turn, without a pause, before one has a second."""
    crowd = await crew(3)
    crowd.plays(BUSY, BUSY, OK)

    response = await crowd.ask()

    assert (200, "three") == (response.status, response.header("x-llms-provider"))
    assert [1, 1, 1] == crowd.asked


async def test_all_refuse(crew):
    """The failure names who was tried with what outcome; it is the one that is over the soonest."""
    crowd = await crew(3, every={"retries": 0})
    crowd.plays(
        openai.error(429, "slow down", [("Retry-After", "20")]),
        openai.error(503, "busy", [("Retry-After", "7")]),
        openai.error(401, "no"),
    )

    response = await crowd.ask()

    assert (503, "7") == (response.status, response.header("retry-after"))
    for words in ("one/m: rate_limit_exceeded", "two/m: overloaded", "three/m: upstream_auth_error"):
        assert words in response.json["error"]["message"]


@pytest.mark.case("U46")
@pytest.mark.parametrize("status", [400, 413, 422])
async def test_request_that_is_at_fault_is_sent_once(crew, status):
    """U46: whoever else was asked would say the same."""
    crowd = await crew(2)
    crowd.plays(openai.error(status, "no"), OK)

    assert status == (await crowd.ask()).status
    assert [1, 0] == crowd.asked


@pytest.mark.case("U46")
async def test_failure_after_a_refusal_is_the_answer(crew):
    """U46: a request's own fault is told, though another target only was busy."""
    crowd = await crew(2)
    crowd.plays(BUSY, openai.error(400, "no"))

    assert 400 == (await crowd.ask()).status


@pytest.mark.case("U45")
@pytest.mark.parametrize("stream", [False, True])
async def test_refused_key(crew, stream):
    """U45: the other key is tried at once, and the first is set aside: the next calls do not use it."""
    keys = {"KEY_A": "sk-canary-a", "KEY_B": "sk-canary-b"}
    crowd = await crew(1, every={"api_key": ["$KEY_A", "$KEY_B"]}, environ=keys)
    refused = []

    def react(request):
        key = dict(request.headers)["authorization"].removeprefix("Bearer ")
        refused[:] = refused or [key]
        if key in refused:
            return openai.error(401, f"Incorrect API key provided: {key[:12]}")
        return openai.stream(["Hello"]) if stream else OK

    crowd.plays(react)

    for _ in range(3):
        response = await crowd.ask(stream=stream)
        assert 200 == response.status
        assert b"canary" not in response.body
    assert [4] == crowd.asked
    assert [("one", "upstream_auth_error"), ("one", "ok")] == crowd.outcomes(0)
    assert [[("one", "ok")]] * 2 == [crowd.outcomes(1), crowd.outcomes(2)]


@pytest.mark.case("U45")
async def test_only_key_is_refused(crew):
    """U45: the failure is told without asking again, until a minute has passed; then one call finds out."""
    crowd = await crew(1)
    crowd.plays([openai.error(401, "no"), OK])

    first, second = await crowd.ask(), await crowd.ask()
    assert [502, 502] == [first.status, second.status]
    assert "upstream_auth_error" == second.json["error"]["code"]
    assert [1] == crowd.asked

    crowd.pass_time(60)
    assert [200, 200] == [(await crowd.ask()).status for _ in range(2)]


@pytest.mark.case("U38")
@pytest.mark.parametrize("role", [False, True])
async def test_error_before_any_content(crew, role):
    """U38: an error object within a 200, first or right after the role, is a refusal like any other."""
    crowd = await crew(2)
    crowd.plays(
        openai.stream([b'data: {"error": {"message": "overloaded", "code": 503}}\n\n'], role=role),
        openai.stream(["Hello"]),
    )

    response = await crowd.ask(stream=True)

    assert (200, "two") == (response.status, response.header("x-llms-provider"))
    assert "Hello" == said(data_events(response))


@pytest.mark.case("U38")
async def test_error_before_any_content_everywhere(crew):
    """U38: where nobody else can answer it is a status of its own, not a stream."""
    crowd = await crew(1, every={"retries": 1})
    crowd.plays(openai.stream([b'data: {"error": {"message": "no"}}\n\n']))

    assert 502 == (await crowd.ask(stream=True)).status
    assert [2] == crowd.asked


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((fin(),), marks=pytest.mark.case("U06")),
        pytest.param((rst(),), marks=pytest.mark.case("U05")),
        pytest.param((hang(),), marks=pytest.mark.case("U07")),
        pytest.param(openai.stream([rst()], role=False), marks=pytest.mark.case("U13")),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_ambiguity(crew, script, stream):
    """What may be billed already is not sent again, unless allowed, and what is stored never is."""
    bold = {"targets": ["one/m", "two/m"], "retry_ambiguous": True}
    crowd = await crew(2, clocks={"first_byte_s": 0.4, "answer_s": 0.4}, models={"bold": bold})
    crowd.plays(script, openai.stream(["Hello"]) if stream else OK)

    assert (await crowd.ask(stream=stream)).status in (502, 504)
    assert [1, 0] == crowd.asked
    assert (await crowd.ask("bold", stream=stream, store=True)).status in (502, 504)
    assert [2, 0] == crowd.asked
    assert 200 == (await crowd.ask("bold", stream=stream)).status
    assert [3, 1] == crowd.asked


@pytest.mark.parametrize(("stored", "status", "requests"), [(False, 200, 3), (True, 502, 2)])
async def test_stale_connection(crew, stored, status, requests):
    """An idle connection that is closed under the request is replaced at once; not for what would be stored twice."""
    crowd = await crew(1, every={"retries": 0})
    crowd.plays([OK, (fin(),), OK])

    assert 200 == (await crowd.ask()).status
    assert status == (await crowd.ask(store=stored)).status
    assert [requests] == crowd.asked


async def test_total_is_not_overrun(crew):
    """Pauses end with the call's time: the answer is the refusal, not the clock's."""
    crowd = await crew(1, every={"retries": 10}, clocks={"total_s": 2})
    crowd.plays(openai.error(503, "busy", [("Retry-After", "0.7")]))

    assert 503 == (await crowd.ask()).status
    assert crowd.asked[0] <= 3


@pytest.mark.parametrize(
    ("every", "model"),
    [({"retries": 0}, {}), ({}, {"retries": 0}), ({"retries": 2}, {"retries": 0})],
)
async def test_no_retries(crew, every, model):
    """Switched off for a provider or for a model."""
    crowd = await crew(1, every=every, models={"quick": {"targets": ["one/m"], **model}})
    crowd.plays(BUSY)

    assert 503 == (await crowd.ask("quick")).status
    assert [1] == crowd.asked


@pytest.mark.parametrize(("every", "model"), [({"fallback": False}, {}), ({}, {"fallback": False})])
async def test_no_fallback(crew, every, model):
    """Switched off for a provider or for a model."""
    crowd = await crew(2, every={"retries": 0, **every}, models={"true": {"targets": ["one/m", "two/m"], **model}})
    crowd.plays(BUSY, OK)

    assert 503 == (await crowd.ask("true")).status
    assert [1, 0] == crowd.asked


@pytest.mark.case("U13")
@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_retried_after_the_first_byte(crew, stream):
    """F18: by the upstream's own count, whatever the configuration allows."""
    crowd = await crew(2, every={"retries": 5, "retry_ambiguous": stream})
    body = openai.stream(["Hel", sleep(0.02), rst()])
    crowd.plays(body, OK)

    for _ in range(5):
        response = await crowd.ask(stream=stream)
        if stream:
            assert "error" in data_events(response)[-1]
        else:
            assert 502 == response.status
    assert [5, 0] == crowd.asked


async def test_client_leaves_during_a_pause(crew):
    """Nothing more is sent for it."""
    crowd = await crew(1)
    crowd.plays(LIMITED)
    async with RawClient("127.0.0.1", crowd.gateway.port) as client:
        await client.request("POST", PATH, body=crowd.body())
        await crowd.upstreams[0].received()
        await crowd.upstreams[0].quiet(0.1)
    await crowd.idle()

    await asyncio.sleep(1.2)
    assert [1] == crowd.asked
    assert "client_closed" == crowd.gateway.records[-1].status


async def test_gateway_stops_during_a_pause(crew):
    """The call ends at once, with the reason."""
    crowd = await crew(1)
    crowd.plays(openai.error(429, "slow down", [("Retry-After", "5")]))
    watch = Stopwatch()
    asking = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()
    await asyncio.sleep(0.1)
    for gateway in crowd.gateway.generations.gateways():
        gateway.end_all()

    response = await asking
    assert (503, "draining") == (response.status, response.json["error"]["code"])
    assert watch.seconds < 4
    assert [1] == crowd.asked


@pytest.mark.case("U74")
@pytest.mark.parametrize("keys", [1, 3])
async def test_outage_is_not_made_worse(crew, keys, record_property):
    """F18: over an outage the upstream sees a fifth more requests than there are calls, or ten a second; all keys together."""
    names = [f"KEY_{number}" for number in range(keys)]
    crowd = await crew(1, every={"api_key": [f"${name}" for name in names]}, environ=dict.fromkeys(names, "sk-x"))
    crowd.plays(BUSY)
    watch = Stopwatch()

    responses = await crowd.asks(150)

    assert {503} == {response.status for response in responses}
    most = 150 + max(0.2 * 150, 10 * watch.seconds) + 20
    record_property("came_out", f"{crowd.asked[0]} requests for 150 calls in {watch.seconds:.1f} s")
    assert crowd.asked[0] <= most


@pytest.mark.case("U74")
async def test_flapping(crew):
    """U74: half of all requests fail; retries hide most, within the budget; when it ends so do the failures, at once."""
    crowd = await crew(1)
    bad = []

    def react(_request):
        bad.append(len(bad) % 2)
        return BUSY if bad[-1] else OK

    crowd.plays(react)
    watch = Stopwatch()
    responses = await crowd.asks(200)
    retries = crowd.asked[0] - 200

    assert retries <= max(0.2 * 200, 10 * watch.seconds) + 20
    assert sum(response.status == 200 for response in responses) >= 100
    crowd.plays(OK)
    assert {200} == {response.status for response in await crowd.asks(30)}
    assert [len(bad) + 30] == crowd.asked


async def test_busy_target_is_asked_last_for_a_while(crew):
    """A target that asked for a rest gets no calls that another one can take, until the time has passed."""
    crowd = await crew(2)
    crowd.plays([openai.error(429, "slow down", [("Retry-After", "30")]), OK], OK)

    assert ["two"] * 3 == [(await crowd.ask()).header("x-llms-provider") for _ in range(3)]
    assert [1, 3] == crowd.asked
    crowd.pass_time(30)
    assert "one" == (await crowd.ask()).header("x-llms-provider")


async def test_wait_is_the_smaller_evil(crew):
    """One that rests is asked all the same if nobody else answers."""
    crowd = await crew(2, every={"retries": 0})
    crowd.plays([openai.error(429, "slow down", [("Retry-After", "30")]), OK], [OK, BUSY])

    assert [200, 200] == [(await crowd.ask()).status for _ in range(2)]
    assert [("two", "overloaded"), ("one", "ok")] == crowd.outcomes()


async def test_second_call_waits_for_nobody(crew):
    """While one call makes its pause others go on."""
    crowd = await crew(1)
    held = asyncio.Event()
    crowd.plays([LIMITED, OK, (wait(held), *OK)])
    first = asyncio.create_task(crowd.ask())
    await crowd.upstreams[0].received()

    assert 200 == (await crowd.ask()).status
    assert not first.done()
    held.set()
    assert 200 == (await first).status


async def test_who_is_left_out_for_want_of_retries_is_told_of(crew):
    """The trail has each of a provider's targets, tried or not, and says why not."""
    targets = [f"one/m{index}" for index in range(30)]
    crowd = await crew(1, models={"many": {"targets": targets, "retries": 0}})
    crowd.plays(openai.error(503, "no"))

    response = await crowd.ask("many")

    [record] = crowd.gateway.records
    assert crowd.asked == [len(record.attempts)]
    assert 9 <= len(record.attempts) < 30
    assert targets == [one.target.name for one in record.attempts] + [target.name for target, _ in record.skipped]
    assert {"its provider has failed, and has no retry left for now"} == {reason for _, reason in record.skipped}
    assert response.json["error"]["message"].endswith("; and 14 more.")
