"""What of a request a target gets, and what its answer, or the lack of one, comes to."""

import asyncio
from dataclasses import replace

import pytest

from llms.attempts import Attempts, Upstream, adapted
from llms.bulkhead import Bulkhead
from llms.clocks import Alarms
from llms.errors import CircuitOpenError, UpstreamBadResponseError, UpstreamUnreachableError
from llms.health import Health
from llms.hedging import Hedging
from llms.records import Call, Route, Target
from llms.retry import Course, Step
from llms.terms import Room
from llms.trail import Trail

A, B = Target("a", "m"), Target("b", "m")
CALL = Call("req_1", 0, "chat.completions", "m", stream=True, body={})


def chunk(**delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


class Scripted:
    """A provider that streams blocks, after it has been let go on."""

    def __init__(self, *blocks):
        self.blocks = blocks
        self.asked = self.closed = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def chat(self, _call, _target):
        self.asked += 1
        try:
            await self.go_on.wait()
            for block in self.blocks:
                yield block
        finally:
            self.closed += 1

    async def complete(self, _call, _target):
        return {"choices": []}


class Workshop:
    """Attempts at scripted providers, with all that they need."""

    def __init__(self, room=Room(), **providers):  # noqa: B008 - it is frozen
        self.now = 1000.0
        self.health = Health(lambda: self.now)
        self.hedging = Hedging()
        self.providers = providers
        self.bulkheads = {name: Bulkhead(name, room) for name in providers}
        upstreams = {name: Upstream({None: one}, self.bulkheads[name]) for name, one in providers.items()}
        self.attempts = Attempts(upstreams, self.health, self.hedging, Alarms())

    def run(self, step, *others, call=CALL, route=None):
        course = Course(others, stored=False, may_retry=lambda _: True, random=lambda: 0.5)
        self.trail = Trail(call)
        return self.attempts.run(self.trail, route or Route((step.target, *others)), step, course)


async def test_first_block_is_the_first_that_says_something():
    """What came before it is handed on with it; signs of life are not."""
    begins = [chunk(role="assistant", content="")]
    shop = Workshop(a=Scripted([], begins, [], [chunk(content="Hel")], [chunk(content="lo")]))

    begun = await shop.run(Step(A))

    assert (A, [*begins, chunk(content="Hel")]) == (begun.target, begun.first)
    assert [[chunk(content="lo")]] == [block async for block in begun.rest]
    assert 1 == shop.bulkheads["a"].running
    await begun.close()
    assert (0, 1) == (shop.bulkheads["a"].running, shop.providers["a"].closed)


@pytest.mark.parametrize("blocks", [(), ([], [])])
async def test_stream_of_nothing(blocks):
    """A provider that ends without a word has failed."""
    shop = Workshop(a=Scripted(*blocks))

    with pytest.raises(UpstreamBadResponseError, match="empty"):
        await shop.run(Step(A))
    assert (0, 1) == (shop.bulkheads["a"].running, shop.providers["a"].closed)


async def test_only_a_role():
    """It is an answer, if a poor one."""
    shop = Workshop(a=Scripted([chunk(role="assistant")]))

    begun = await shop.run(Step(A))

    assert [chunk(role="assistant")] == begun.first
    await begun.close()


async def test_whole_answer_has_no_blocks():
    """What is not streamed has come when it has begun."""
    shop = Workshop(a=Scripted())

    begun = await shop.run(Step(A), call=replace(CALL, stream=False))

    assert ({"choices": []}, None) == (begun.answer, begun.rest)
    await begun.close()


async def test_breaker_opens_while_a_call_waits_for_its_place():
    """It is asked for once more when the place is there: nothing is sent to a provider that is known to be gone."""
    shop = Workshop(Room(concurrency=1), a=Scripted([chunk(content="x")]))
    first = await shop.run(Step(A))
    waiting = asyncio.create_task(shop.run(Step(A)))
    await asyncio.sleep(0)
    for _ in range(5):
        shop.health.failed(A, UpstreamUnreachableError("x"))
    await first.close()

    with pytest.raises(CircuitOpenError):
        await waiting
    assert (1, 0) == (shop.providers["a"].asked, shop.bulkheads["a"].running)
    assert ([], ["circuit open for 5.0 s"]) == (shop.trail.attempts, [reason for _, reason in shop.trail.skipped])


async def test_probes_that_wait_for_a_place_go_one_by_one():
    """Those that wait while one probes are refused when it has not come back."""
    shop = Workshop(Room(concurrency=2), a=Scripted([chunk(content="x")]))
    for _ in range(5):
        shop.health.failed(A, UpstreamUnreachableError("x"))
    shop.now += 5
    shop.providers["a"].go_on.clear()
    tasks = [asyncio.create_task(shop.run(Step(A))) for _ in range(6)]
    for _ in range(10):
        await asyncio.sleep(0)

    assert 1 == shop.providers["a"].asked
    shop.providers["a"].go_on.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert 5 == sum(isinstance(one, CircuitOpenError) for one in found)
    await next(one for one in found if not isinstance(one, CircuitOpenError)).close()


async def test_two_answers_at_once():
    """Of a hedge one is used; the other is closed, and its place is free."""
    shop = Workshop(a=Scripted([chunk(content="a")]), b=Scripted([chunk(content="b")]))
    for _ in range(20):
        shop.hedging.began(A, stream=True, first_byte_s=0.001)
    for provider in shop.providers.values():
        provider.go_on.clear()
    route = Route((A, B), hedge_percent=100)
    shop.attempts.called(route, "m")
    running = asyncio.create_task(shop.run(Step(A), B, route=route))
    async with asyncio.timeout(5):
        while not shop.providers["b"].asked:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.001)
    for provider in shop.providers.values():
        provider.go_on.set()

    begun = await running

    assert A == begun.target
    assert (1, 0) == (shop.bulkheads["a"].running, shop.bulkheads["b"].running)
    assert (0, 1) == (shop.providers["a"].closed, shop.providers["b"].closed)
    await begun.close()


def sent(body, **target):
    call = Call("req_1", 0, "chat.completions", "m", stream=False, body=body)
    return dict(adapted(call, Target("a", "m", **target)).body)


def test_untouched():
    """Where nothing is configured the very call goes on."""
    call = Call("req_1", 0, "chat.completions", "m", stream=False, body={"top_p": 1})

    assert adapted(call, Target("a", "m")) is call


@pytest.mark.parametrize(
    ("body", "target", "expected"),
    [
        ({"top_p": 1}, {"defaults": {"top_p": 0.5, "seed": 1}}, {"top_p": 1, "seed": 1}),
        ({"top_p": 1}, {"overrides": {"top_p": 0.5, "seed": 1}}, {"top_p": 0.5, "seed": 1}),
        ({"top_p": 1, "seed": 1}, {"drop": ("top_p", "user")}, {"seed": 1}),
        ({"top_p": 1}, {"drop": ("top_p",), "defaults": {"top_p": 0.5}}, {"top_p": 0.5}),
        ({}, {"defaults": {"seed": 1}, "overrides": {"seed": 2}}, {"seed": 2}),
        ({"max_tokens": 5}, {"defaults": {"max_completion_tokens": 9}}, {"max_tokens": 5}),
        ({"max_tokens": 5}, {"overrides": {"max_completion_tokens": 9}}, {"max_completion_tokens": 9}),
        ({"max_completion_tokens": 5}, {"overrides": {"max_tokens": 9}}, {"max_tokens": 9}),
        ({"max_completion_tokens": 5}, {"drop": ("max_tokens",)}, {"max_completion_tokens": 5}),
        ({}, {"defaults": {"max_tokens": 9}, "overrides": {"max_completion_tokens": 5}}, {"max_completion_tokens": 5}),
    ],
)
def test_adapted(body, target, expected):
    """Less what is dropped, defaults where nothing is, overrides in any case; the two token limits are one field."""
    before = dict(body)

    assert expected == sent(body, **target)
    assert before == body


class Broken:
    """A provider that fails as it is told to."""

    def __init__(self, failure):
        self.failure = failure

    async def complete(self, _call, _target):
        raise self.failure


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (UpstreamUnreachableError("x"), "upstream_unreachable"),
        (asyncio.CancelledError(), "cancelled"),
        (ZeroDivisionError(), "cancelled"),
    ],
)
async def test_outcome_of_a_failure(failure, outcome):
    """Each attempt leaves a line in the trail and gives its place back, whatever ended it."""
    shop = Workshop(a=Broken(failure))

    with pytest.raises(type(failure)):
        await shop.run(Step(A), call=replace(CALL, stream=False))

    assert [outcome] == [one.outcome for one in shop.trail.attempts]
    assert 0 == shop.bulkheads["a"].running
