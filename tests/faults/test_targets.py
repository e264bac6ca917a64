"""Which of a model's targets gets a call, and what it gets of it: over real sockets, as upstreams see it."""

import socket
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.faults.conftest import PATH
from tests.faults.crew import OK, Stopwatch
from tests.faults.streams import data_events
from tests.support.raw import RawClient
from tests.upstream import ollama, openai
from tests.upstream.steps import hang, sleep

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


async def who(crowd, model="m", **fields):
    response = await crowd.ask(model, **fields)
    assert 200 == response.status
    return response.header("x-llms-provider")


async def test_weights(crew):
    """A group shares conversations by weight; what one cannot take goes to the others."""
    shares = [[{"target": "one/m", "weight": 4}, "two/m"], "three/m"]
    crowd = await crew(3, models={"fast": shares})
    crowd.plays(OK, OK, OK)

    found = Counter([await who(crowd, "fast", text=f"conversation {number}") for number in range(150)])

    assert 0 == found["three"]
    assert 100 < found["one"] < 138


@pytest.mark.parametrize("sticky", [True, False])
async def test_conversation_stays(crew, sticky):
    """Turn by turn with one target, unless that is switched off."""
    crowd = await crew(3, models={"fast": {"targets": [["one/m", "two/m", "three/m"]], "sticky": sticky}})
    crowd.plays(OK, OK, OK)
    places = []
    for number in range(6):
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{number}"}]
        for _ in range(6):
            places.append((number, await who(crowd, "fast", messages=messages)))
            messages += [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "And?"}]

    visited = Counter(number for number, _ in set(places))
    assert sticky == all(count == 1 for count in visited.values())
    assert len({place for _, place in places}) > 1


async def test_keys_share_the_load(crew):
    """A provider's keys are used by turns of conversations, each conversation with one."""
    keys = {"KEY_A": "sk-a", "KEY_B": "sk-b"}
    crowd = await crew(1, every={"api_key": ["$KEY_A", "$KEY_B"]}, environ=keys)
    crowd.plays(OK)
    for number in range(24):
        for _ in range(2):
            await who(crowd, text=f"{number}")

    sent = [dict(request.headers)["authorization"] for request in crowd.upstreams[0].requests]
    assert sent[::2] == sent[1::2]
    assert {"Bearer sk-a", "Bearer sk-b"} == set(sent)


async def test_missing_key_leaves_the_other(crew):
    """A key whose variable is not set is left out; the provider is on."""
    crowd = await crew(1, every={"api_key": ["$KEY_A", "$KEY_B"]}, environ={"KEY_B": "sk-b"})
    crowd.plays(OK)

    assert "one" == await who(crowd)


@pytest.mark.parametrize(
    ("cannot", "fields"),
    [
        ({"tools": False}, {"tools": TOOLS}),
        ({"vision": False}, {"messages": PICTURE}),
        ({"json_schema": False}, {"response_format": SCHEMA}),
    ],
)
async def test_conditions(crew, cannot, fields):
    """A target gets no request that needs what it cannot do, and all others."""
    targets = [{"target": "one/m", "can": cannot}, "two/m"]
    crowd = await crew(2, models={"fast": targets, "only": targets[:1]})
    crowd.plays(OK, OK)

    assert "one" == await who(crowd, "fast")
    assert "two" == await who(crowd, "fast", **fields)
    assert ["one/m"] == [target.name for target, _ in crowd.gateway.records[-1].skipped]
    response = await crowd.ask("only", **fields)
    assert (400, "unsupported_parameter") == (response.status, response.json["error"]["code"])
    assert [1, 1] == crowd.asked


async def test_length(crew):
    """A request that seems too long for one goes to another first, and is refused by neither."""
    crowd = await crew(2, models={"fast": [{"target": "one/m", "can": {"context": 1000}}, "two/m"]})
    crowd.plays(OK, [OK, openai.error(503, "busy")])

    assert "one" == await who(crowd, "fast")
    assert "two" == await who(crowd, "fast", text="x" * 8000)
    assert "one" == await who(crowd, "fast", text="x" * 8000)


async def test_fields_of_each_target(crew):
    """Every target gets the request with its own defaults and overrides, less what it does not take."""
    first = {"target": "one/a", "drop": ["seed", "user"], "overrides": {"temperature": 0}, "defaults": {"top_p": 0.5}}
    crowd = await crew(2, models={"fast": {"targets": [first, "two/b"], "defaults": {"top_p": 0.9}}})
    crowd.plays(openai.error(503, "busy"), OK)

    await who(crowd, "fast", seed=1, temperature=1)

    sent = [upstream.requests[0].json for upstream in crowd.upstreams]
    fields = ("model", "seed", "temperature", "top_p")
    assert ["a", None, 0, 0.5] == [sent[0].get(name) for name in fields]
    assert ["b", 1, 1, 0.9] == [sent[1].get(name) for name in fields]
    assert sent[0]["messages"] == sent[1]["messages"]


CLOCKS = {
    "first_byte_s": (True, (hang(),), 504, "upstream_first_byte_timeout"),
    "answer_s": (False, (hang(),), 504, "upstream_first_byte_timeout"),
    "idle_s": (True, openai.stream(["Hel", hang()]), 200, "upstream_idle_timeout"),
    "total_s": (True, openai.stream(["Hel", *[sleep(0.05), "lo"] * 60]), 200, "upstream_total_timeout"),
}
LONG = {"first_byte_s": 30, "answer_s": 30, "idle_s": 30, "total_s": 60}


@pytest.mark.parametrize("level", ["provider", "model"])
@pytest.mark.parametrize("clock", CLOCKS)
async def test_clocks(crew, clock, level):
    """Each clock can be shorter for one provider, or for one model, and is longer for the others."""
    stream, script, status, code = CLOCKS[clock]
    short = {"clocks": {clock: 0.3}}
    crowd = await crew(
        1,
        clocks=LONG,
        one=short if level == "provider" else {},
        models={"fast": {"targets": ["one/m"], **(short if level == "model" else {})}},
    )
    crowd.plays(script)
    watch = Stopwatch()

    response = await crowd.ask("fast", stream=stream)

    error = data_events(response)[-1] if status == 200 else response.json
    assert (status, code) == (response.status, error["error"]["code"])
    assert 0.29 <= watch.seconds < 9


@pytest.mark.parametrize("level", ["provider", "model"])
async def test_clock_of_the_client(crew, level):
    """How long a client may take nothing can differ, too."""
    short = {"clocks": {"write_stall_s": 0.3}}
    crowd = await crew(
        1,
        clocks=LONG,
        one=short if level == "provider" else {},
        models={"fast": {"targets": ["one/m"], **(short if level == "model" else {})}},
    )
    crowd.plays(openai.stream(["x" * 100_000] * 200))
    async with RawClient("127.0.0.1", crowd.gateway.port, receive_buffer=4096) as client:
        await client.request("POST", PATH, body=crowd.body("fast", stream=True))
        await crowd.upstreams[0].received()
        await crowd.idle()

    assert "client_closed" == crowd.gateway.records[-1].status


async def test_model_goes_before_provider(crew):
    """Where both say something the model's word counts; each target of an alias has its own provider's else."""
    crowd = await crew(
        2,
        clocks=LONG,
        one={"clocks": {"answer_s": 0.2, "total_s": 20}},
        models={"slow": {"targets": ["one/m"], "clocks": {"answer_s": 5}}},
    )
    crowd.plays((sleep(0.5), *OK), (sleep(0.5), *OK))

    assert 200 == (await crowd.ask("slow")).status
    assert 504 == (await crowd.ask("one/m")).status
    assert 200 == (await crowd.ask("two/m")).status


@pytest.fixture
def full():
    """An address where a connection is neither made nor refused: its queue is full."""
    with socket.socket() as full, ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}/v1"


@pytest.mark.case("U02")
@pytest.mark.parametrize("level", ["provider", "model"])
async def test_clock_of_the_connection(crew, full, level):
    """U02: a connection that does not come about in time leads to the next target."""
    short = {"clocks": {"connect_s": 0.2}}
    one = {"base_url": full, **(short if level == "provider" else {})}
    crowd = await crew(
        2,
        clocks={"connect_s": 30},
        one=one,
        models={"fast": {"targets": ["one/m", "two/m"], **(short if level == "model" else {})}},
    )
    crowd.plays(OK, OK)
    watch = Stopwatch()

    assert "two" == await who(crowd, "fast")
    assert watch.seconds < 9
    assert "upstream_connect_timeout" == crowd.outcomes()[0][1]


TEXT = "x" * 3000
BOUNDS = {
    "max_event_bytes": (True, openai.stream([TEXT])),
    "max_events": (True, openai.stream(["x"] * 1200)),
    "max_answer_bytes": (False, openai.completion(TEXT)),
}


@pytest.mark.parametrize("level", ["provider", "model"])
@pytest.mark.parametrize("bound", BOUNDS)
async def test_bounds(crew, bound, level):
    """Each bound can be narrower for one provider, or for one model."""
    stream, script = BOUNDS[bound]
    narrow = {"bounds": {bound: 1024}}
    crowd = await crew(
        2,
        one=narrow if level == "provider" else {},
        models={"fast": {"targets": ["one/m"], **(narrow if level == "model" else {})}},
    )
    crowd.plays(script, script)

    response = await crowd.ask("fast", stream=stream)

    error = data_events(response)[-1] if response.status == 200 else response.json
    assert "upstream_event_too_large" == error["error"]["code"]
    wide = await crowd.ask("two/m", stream=stream)
    assert 200 == wide.status
    assert not stream or "[DONE]" == data_events(wide)[-1]


@pytest.mark.parametrize("delta", [{"role": "assistant"}, {"content": ""}, {}])
async def test_nothing_said_without_end(crew, delta):
    """An upstream that says nothing, in ever so many chunks, is not waited for, nor kept in memory, for ever."""
    crowd = await crew(1, clocks={"idle_s": 0.4, "total_s": 1.5})
    crowd.plays(openai.stream([openai.event(openai.chunk(delta)) * 200, sleep(0.05)] * 60))

    response = await crowd.ask(stream=True)

    assert (504, "upstream_total_timeout") == (response.status, response.json["error"]["code"])


async def test_half_characters_without_end(crew):
    """Where such chunks are to be passed on the answer counts as begun after some hundred, and they are."""
    crowd = await crew(1, one={"type": "ollama"}, clocks={"idle_s": 0.4})
    half = ollama.line({**ollama.message(), "logprobs": [{"token": "x", "logprob": -1.0, "bytes": [195]}]})
    crowd.upstreams[0].on("POST", "/api/chat", ollama.chat_lines([half] * 300 + [hang()], done=False))

    response = await crowd.ask(stream=True, logprobs=True)

    assert (200, 300) == (response.status, sum("choices" in event for event in data_events(response)))
