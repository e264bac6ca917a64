from typing import Any

import pytest

from llms.errors import (
    GatewayError,
    RateLimitedError,
    UpstreamBadResponseError,
    UpstreamFailedError,
    UpstreamRefusedError,
    UpstreamTruncatedError,
)
from llms.records import Block, Call
from llms.wire.choice_deltas import ChoiceDeltas
from llms.wire.normalise import Normaliser, completion
from llms.wire.think import ThinkTags

CALL = Call("req_0123456789abcdef01234567", 1790000000, "chat.completions", "mine", stream=True, body={})
HEAD = {
    "id": "chatcmpl-0123456789abcdef01234567",
    "object": "chat.completion.chunk",
    "created": 1790000000,
    "model": "mine",
}
ID = "call_0123456789abcdef01234567_0_"


def raw(delta: Any = None, finish: Any = None, **choice: Any) -> dict[str, Any]:
    return {"id": "x", "model": "y", "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **choice}]}


def run(*given: object, done: bool = True, tags: ThinkTags | None = None) -> Block:
    stream = Normaliser(CALL, tags=tags)
    block = [chunk for chunk_in in given for chunk in stream.feed(chunk_in)]
    return block + stream.close(done=done)


def deltas(*given: object, done: bool = True, tags: ThinkTags | None = None) -> list[Any]:
    """The deltas of choice 0, then its finish."""
    return [
        choice["finish_reason"] or choice["delta"]
        for chunk in run(*given, done=done, tags=tags)
        for choice in chunk["choices"]
        if choice["index"] == 0
    ]


def test_head() -> None:
    """U68: id, created and model are the gateway's on every chunk, whatever upstream says."""
    block = run(raw({"role": "assistant", "content": "a"}), {**raw({"content": "b"}, "stop"), "id": "z", "model": "q"})

    assert [HEAD] * 3 == [{name: chunk[name] for name in HEAD} for chunk in block]
    assert [{"choices", *HEAD}] * 3 == [set(chunk) for chunk in block]


def test_common_chunk_is_its_own() -> None:
    """A piece of text is sent with every key, and no chunk shares a part with another."""
    stream = Normaliser(CALL)
    stream.feed(raw({"role": "assistant"}))

    one, two = *stream.feed(raw({"content": "a"})), *stream.feed(raw({"content": "a"}))

    expected = {"index": 0, "delta": {"content": "a"}, "logprobs": None, "finish_reason": None}
    assert {**HEAD, "choices": [expected]} == one == two
    assert one["choices"][0]["delta"] is not two["choices"][0]["delta"]


@pytest.mark.parametrize(
    "delta",
    [
        {"role": "assistant", "content": "a"},
        {"content": "a", "role": None},
        {"content": [{"type": "text", "text": "a"}]},
        {"content": ["a"]},
        {"content": {"text": "a"}},
    ],
)
def test_role_once(delta: dict[str, Any]) -> None:
    """Check 8: the role is said once, on the first chunk, however often and in whatever shape upstream sends it."""
    assert [{"role": "assistant", "content": "a"}, {"content": "a"}, "stop"] == deltas(raw(delta), raw(delta))


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        [],
        3,
        "x",
        {},
        {"choices": {}},
        {"choices": None},
        {"choices": []},
        {"choices": [None, 1]},
        {"error": None, "choices": []},
        raw(None),
        raw({}),
        raw([]),
        raw({"content": None, "tool_calls": None, "reasoning_content": ""}),
        raw({"content": 5, "tool_calls": "x", "refusal": {}, "audio": 1}),
        raw({"content": {"image": 1}, "tool_calls": [None, "x"], "annotations": [7]}),
        raw({"content": ""}, "", logprobs={"content": "x"}),
    ],
)
def test_shapeless(nothing: object) -> None:
    """U32: what has the wrong shape is left out, and never an exception."""
    expected = [{"role": "assistant", "content": "a"}, {"content": "b"}, "stop"]

    assert expected == deltas(raw({"content": "a"}), nothing, raw({"content": "b"}, "stop"))


@pytest.mark.parametrize("index", ["0", -1, 10**9, None, 0.5, True, "x", [], 128])
def test_index_unbelievable(index: object) -> None:
    """U32: a choice whose index cannot be is the one at its place."""
    chunk = {"choices": [{"index": index, "delta": {"content": "a"}, "finish_reason": "stop"}]}

    assert [{"role": "assistant", "content": "a"}, "stop"] == deltas(chunk)


def test_choices_in_order() -> None:
    """R9: choices first appear in order; one that upstream has not begun is begun for it."""
    block = run(raw({"content": "c"}, index=2), raw({"content": "b"}, index=1), raw(None, "stop", index=2))

    assert [(0, None), (1, None), (2, None), (1, None), (2, "stop"), (0, "stop"), (1, "stop")] == [
        (chunk["choices"][0]["index"], chunk["choices"][0]["finish_reason"]) for chunk in block
    ]


def test_many_choices() -> None:
    """U70: a chunk with more choices than anyone can ask for is read up to the limit."""
    block = run({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}] * 1000})

    assert 256 == len(block)


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "r"},
        {"reasoning": "r"},
        {"reasoning": {"content": "r"}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "r"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, {"summary": "r"}]},
        {"thinking": "r"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}]},
        {"content": [{"type": "reasoning", "text": "r"}]},
        {"reasoning_content": "r", "reasoning": "r", "thinking": "r"},
        {"reasoning_content": "", "reasoning": "r"},
        {"reasoning_content": None, "reasoning": "r", "content": [{"type": "thinking", "thinking": "r"}]},
    ],
)
def test_reasoning(delta: dict[str, Any]) -> None:
    """Check 41: reasoning arrives once, as reasoning_content, whichever way a service spells it."""
    assert [{"role": "assistant", "reasoning_content": "r"}, {"content": "a"}, "stop"] == deltas(
        raw(delta), raw({"content": "a"}, "stop")
    )


def test_reasoning_apart() -> None:
    """Reasoning and content that come in one chunk leave in two, reasoning first; the finish in a third."""
    expected = [{"role": "assistant", "reasoning_content": "r"}, {"content": "a"}, "stop"]

    assert expected == deltas(raw({"content": "a", "reasoning": "r"}, "stop"))


THINKING = [
    ("tagged", ["<th", "ink>a</thi", "nk>b"], ("a", "b")),
    ("tagged", ["", " ", "\n<think>\na\n</think>", "\n", "\nb"], ("\na\n", "\nb")),
    ("tagged", ["<think>a</thi"], ("a</thi", "")),
    ("tagged", ["<think>a", "</thi", "b"], ("a</thib", "")),
    ("tagged", ["<thi"], ("", "<thi")),
    ("tagged", ["b<think>a</think>"], ("", "b<think>a</think>")),
    ("opened", ["a</thi", "nk>b"], ("a", "b")),
    (None, ["<think>a</think>b"], ("", "<think>a</think>b")),
]


@pytest.mark.parametrize(("tags", "pieces", "expected"), THINKING)
@pytest.mark.parametrize("finish", ["with", "after", "never"])
def test_think_tags(tags: ThinkTags | None, pieces: list[str], expected: tuple[str, str], finish: str) -> None:
    """Check 42: what a model writes between think tags is reasoning, first and apart; all is out before the finish."""
    given = [raw({"content": piece}) for piece in pieces]
    if finish == "with":
        given[-1]["choices"][0]["finish_reason"] = "stop"
    elif finish == "after":
        given.append(raw({}, "stop"))

    *parts, end = deltas(*given, tags=tags)

    keys = [key for part in parts for key, value in part.items() if value and key != "role"]
    assert "stop" == end
    assert sorted(keys, key=["reasoning_content", "content"].index) == keys
    assert [] == [part for part in parts if len(part) > 1 + ("role" in part)]
    assert expected == tuple("".join(part.get(key, "") for part in parts) for key in ("reasoning_content", "content"))


@pytest.mark.parametrize(("tags", "pieces", "expected"), THINKING)
def test_think_tags_whole(tags: ThinkTags | None, pieces: list[str], expected: tuple[str, str]) -> None:
    """Check 42: the same of an answer that comes whole."""
    given = {"choices": [{"message": {"role": "assistant", "content": "".join(pieces)}, "finish_reason": "stop"}]}

    message = completion(CALL, given, tags=tags)["choices"][0]["message"]

    assert expected == (message.get("reasoning_content", ""), message["content"])


def test_think_tags_per_choice() -> None:
    """Each choice thinks for itself."""
    pieces = ["<think>a", "<thi", "</think>b", "nk>c</think>d"]
    given = [{"choices": [{"index": i % 2, "delta": {"content": piece}}]} for i, piece in enumerate(pieces)]

    said = {"0": "", "1": ""}
    for chunk in run(*given, tags="tagged"):
        for choice in chunk["choices"]:
            for name in ("reasoning_content", "content"):
                said[str(choice["index"])] += f"{name[0]}:{text} " if (text := choice["delta"].get(name)) else ""

    assert {"0": "r:a c:b ", "1": "r:c c:d "} == said


def test_think_tags_before_tools() -> None:
    """Text that is held back comes before the tool call behind it; arguments are none of the parser's business."""
    arguments = '"<think>a</think>"'
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": arguments}}
    sent = {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": arguments}}

    assert [
        {"role": "assistant", "content": ""},
        {"content": "<thi", "tool_calls": [sent]},
        {"content": "nk>"},
        "tool_calls",
    ] == deltas(
        raw({"content": "<th"}),
        raw({"content": "i", "tool_calls": None}),
        raw({"content": "", "tool_calls": [call]}),
        raw({"content": "nk>"}, "tool_calls"),
        tags="tagged",
    )


def test_think_tags_after_reasoning() -> None:
    """A service that gives the reasoning by itself has left none in the text, whatever was said of the model."""
    assert [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "a"},
        {"content": " <think>"},
        {"content": "b"},
        "stop",
    ] == deltas(
        raw({"content": " "}),
        raw({"content": "<th", "reasoning": ""}),
        raw({"reasoning": "a", "content": "ink>"}),
        raw({"content": "b"}),
        tags="tagged",
    )
    assert [{"role": "assistant", "reasoning_content": "a"}, {"content": "b"}, "stop"] == deltas(
        raw({"reasoning": "a"}), raw({"content": "b"}), tags="opened"
    )


def test_think_tags_after_finish() -> None:
    """Text behind the finish is not held back: nothing would let it go."""
    assert [{"role": "assistant", "content": ""}, "stop", {"reasoning_content": "</th"}] == deltas(
        raw({"content": ""}), raw({}, "stop"), raw({"content": "</th"}), tags="opened"
    )


def test_think_tags_end() -> None:
    """Once the answer proper has begun, its pieces take the short way again."""
    choice = ChoiceDeltas(0, ID, "tagged")

    found = []
    for piece in ("<think>", "a</think>", "\n", "b"):
        choice.feed({"delta": {"content": piece}})
        found.append(choice.plain)

    assert [False, False, True, True] == found


def test_think_tags_logprobs() -> None:
    """Log probabilities are sent on at once, also while their text is held back."""
    scores = {"content": [{"token": "<", "logprob": -1, "bytes": None, "top_logprobs": []}], "refusal": None}
    stream = Normaliser(CALL, tags="tagged")

    block = stream.feed(raw({"content": "<"}, logprobs=scores)) + stream.feed(raw({"content": "b"}))

    assert [("", scores), ("<b", None)] == [
        (choice["delta"].get("content"), choice["logprobs"]) for chunk in block for choice in chunk["choices"]
    ]


def test_common_chunk_with_more() -> None:
    """A piece of text that comes with a finish or reasoning is not taken for text alone."""
    expected = [{"role": "assistant", "content": "a"}, {"reasoning_content": "r"}, {"content": "b"}, {"content": "c"}]

    assert [*expected, "length"] == deltas(
        raw({"content": "a"}), raw({"content": "b", "reasoning": "r"}), raw({"content": "c"}, "length")
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("abort", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("SAFETY", "content_filter"),
        ("content_filter", "content_filter"),
        (7, "stop"),
    ],
)
def test_finish_reasons(given: object, expected: str) -> None:
    """Check 51: a finish_reason is one of OpenAI's five."""
    assert expected == deltas(raw({"content": "a"}, given))[-1]


@pytest.mark.parametrize("reason", ["error", "network_error", "insufficient_system_resource", "ERROR"])
def test_finish_that_is_none(reason: str) -> None:
    """A finish_reason that says the answer broke off is an error, never a short answer."""
    with pytest.raises(UpstreamFailedError):
        run(raw({"content": "a"}), raw({}, reason))


def test_finish_twice() -> None:
    """A second finish is dropped; content after a finish is not."""
    expected = [{"role": "assistant", "content": "a"}, "length", {"content": "b"}]

    assert expected == deltas(raw({"content": "a"}, "length"), raw({"content": "b"}), raw({}, "stop"))


def test_finish_alone() -> None:
    """A choice that has nothing but a finish still has a role."""
    assert [{"role": "assistant", "content": ""}, "content_filter"] == deltas(raw({}, "content_filter"))


def test_finish_supplied() -> None:
    """R4: [DONE] without a finish_reason is a complete answer; the gateway says so."""
    assert [{"role": "assistant", "content": "a"}, "stop"] == deltas(raw({"content": "a"}))


def test_finish_for_tools() -> None:
    """Check 10: an answer with a tool call finishes with tool_calls, even where the service says stop."""
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}

    assert ["tool_calls", "tool_calls", "length"] == [
        deltas(raw({"tool_calls": [call]}))[-1],
        deltas(raw({"tool_calls": [call]}, "stop"))[-1],
        deltas(raw({"tool_calls": [call]}, "length"))[-1],
    ]


def test_arguments_before_finish() -> None:
    """Check 9: a call without arguments is given ``{}`` before the choice finishes."""
    call = {"index": 0, "id": "c", "function": {"name": "f"}}

    assert [{"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}, "tool_calls"] == deltas(
        raw({"tool_calls": [call]}), raw({}, "tool_calls")
    )[1:]


def test_end_without_done() -> None:
    """Check 14, U16: a finish and no [DONE] is a whole answer."""
    assert [{"role": "assistant", "content": "a"}, "stop"] == deltas(raw({"content": "a"}, "stop"), done=False)


@pytest.mark.parametrize(
    "given",
    [
        [],
        [raw({"content": "a"})],
        [raw({"content": "a"}, "stop"), raw({"content": "a"}, index=1)],
    ],
)
def test_truncated(given: list[Any]) -> None:
    """Check 13, U15: neither a finish for every choice nor [DONE] is an error, never a short answer."""
    with pytest.raises(UpstreamTruncatedError):
        run(*given, done=False)


def test_skipped_choice_is_no_truncation() -> None:
    """A choice that upstream never began does not make the others truncated; it ends with them."""
    block = run(raw({"content": "b"}, "stop", index=1), done=False)

    assert [(0, None), (1, None), (1, "stop"), (0, "stop")] == [
        (chunk["choices"][0]["index"], chunk["choices"][0]["finish_reason"]) for chunk in block
    ]


def test_empty() -> None:
    """A stream of [DONE] alone is a fault of the provider."""
    with pytest.raises(UpstreamBadResponseError):
        run()


@pytest.mark.parametrize(
    "given",
    [
        [{"usage": {"prompt_tokens": 3, "completion_tokens": 2}}],
        [{"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9e18}}],
        [{"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}}],
        [raw({}, usage={"prompt_tokens": 3, "completion_tokens": 2})],
        [raw({"content": "b"}) | {"usage": {"prompt_tokens": 9, "completion_tokens": 1}}] * 2
        + [{"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, {"usage": None}, {"usage": {"prompt_tokens": -1}}],
        [{"usage": {"prompt_tokens": 3.0, "completion_tokens": 2}}, {"usage": {"prompt_tokens": "7"}}],
    ],
)
def test_usage(given: list[Any]) -> None:
    """U69: the last believable usage, wherever it came, in one chunk at the very end."""
    block = run(raw({"content": "a"}), *given, raw({}, "stop"))

    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert {**HEAD, "choices": [], "usage": usage} == block[-1]
    assert [] == [chunk for chunk in block[:-1] if "usage" in chunk]


def test_refusal_and_extras() -> None:
    """Refusals, audio, extra_content and old function calls are passed on; unknown keys are not."""
    given = {
        "refusal": "no",
        "audio": {"data": "x"},
        "extra_content": {"google": {"thought_signature": "s"}},
        "function_call": {"name": "f", "arguments": {"a": 1}},
        "reasoning_details": [],
        "token_id": 5,
    }
    kept = {name: given[name] for name in ("refusal", "audio", "extra_content")}

    assert [
        {"role": "assistant", **kept, "function_call": {"name": "f", "arguments": '{"a":1}'}},
        {"function_call": {"arguments": "}"}},
        "function_call",
    ] == deltas(
        raw(given),
        raw({"function_call": {"name": "f", "arguments": "}"}}, "function_call"),
    )


def test_annotations() -> None:
    """R10: annotations get an index, which clients need to join lists."""
    assert [
        {"role": "assistant", "annotations": [{"type": "url_citation", "index": 0}]},
        {"annotations": [{"type": "a", "index": 1}, {"type": "b", "index": 2}]},
        "stop",
    ] == deltas(
        raw({"annotations": [{"type": "url_citation"}]}),
        raw({"annotations": [{"type": "a"}, {"type": "b", "index": 9}]}),
    )


def test_message_for_delta() -> None:
    """A chunk that says message where it means delta is read all the same."""
    expected = [{"role": "assistant", "content": "a"}, "stop"]

    assert expected == deltas(
        {"choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}]}
    )


def test_logprobs() -> None:
    """Check 40: log probabilities stay with their text; on a finish without text they stay with the finish."""
    scores = {"content": [{"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}], "refusal": None}
    stream = Normaliser(CALL)

    block = stream.feed(raw({"content": "a", "reasoning": "r"}, logprobs={"content": [{"token": "a", "logprob": -1}]}))
    block += stream.feed(raw({}, None, logprobs=scores)) + stream.feed(raw({"content": "a"}, logprobs=scores))
    block += stream.feed(raw({}, "stop", logprobs=scores))

    assert [None, scores, scores, scores, scores] == [chunk["choices"][0]["logprobs"] for chunk in block]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("fast", {"service_tier": "priority"}),
        ("flex", {"service_tier": "flex"}),
        ("on_demand", {}),
        (None, {}),
        ([], {}),
    ],
)
def test_service_tier(given: object, expected: dict[str, str]) -> None:
    """Check 50: a service tier is one of OpenAI's five, or not there."""
    block = run({**raw({"content": "a"}, "stop"), "service_tier": given, "system_fingerprint": "", "obfuscation": "x"})

    assert [{**HEAD, **expected}] * 2 == [
        {name: value for name, value in chunk.items() if name != "choices"} for chunk in block
    ]


@pytest.mark.parametrize(
    ("given", "kind", "status", "code"),
    [
        ({"error": {"message": "m", "code": 429}}, RateLimitedError, 429, "rate_limit_exceeded"),
        ({"error": {"message": "m", "type": "rate_limit_error"}}, RateLimitedError, 429, "rate_limit_exceeded"),
        ({"error": {"message": "m", "code": "context_length_exceeded"}}, UpstreamRefusedError, 400, None),
        ({"error": {"message": "m", "code": "server_error"}}, UpstreamFailedError, 502, "server_error"),
        ({"error": {"message": "m", "code": None}}, UpstreamFailedError, 502, "upstream_error"),
        ({"error": "m"}, UpstreamFailedError, 502, "upstream_error"),
        ({"object": "error", "message": "m"}, UpstreamFailedError, 502, "upstream_error"),
        ({"type": "error", "message": "m"}, UpstreamFailedError, 502, "upstream_error"),
        ([{"error": {"message": "m"}}], UpstreamFailedError, 502, "upstream_error"),
        (raw({}, error={"message": "m"}), UpstreamFailedError, 502, "upstream_error"),
    ],
)
def test_error(given: object, kind: type[GatewayError], status: int, code: str | None) -> None:
    """U37, U38: an error in the stream, or in a whole answer, is raised with its text."""
    stream = Normaliser(CALL)
    stream.feed(raw({"content": "a"}))

    with pytest.raises(kind) as caught:
        stream.feed(given)

    expected = ("m", status, code or "context_length_exceeded")
    assert expected == (caught.value.message, caught.value.http_status(), caught.value.code)


@pytest.mark.parametrize("error", [{"error": {"message": "m"}}, [{"error": "m"}], {"object": "error", "message": "m"}])
def test_whole_error(error: object) -> None:
    """U38: an error in a body with status 200 is an error."""
    with pytest.raises(UpstreamFailedError) as caught:
        completion(CALL, error, str.upper)

    assert "M" == caught.value.message


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "x",
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "message": "hi"}]},
        {"choices": [{"index": 0, "message": {}}] * 129},
    ],
)
def test_whole_shapeless(given: object) -> None:
    """A whole answer of the wrong shape is a fault of the provider."""
    with pytest.raises(UpstreamBadResponseError):
        completion(CALL, given)


def test_whole_indexes() -> None:
    """Choices of a whole answer without believable indexes are numbered as they stand."""
    message = {"role": "assistant", "content": "a"}

    answer = completion(CALL, {"choices": [{"index": 4, "message": message}, {"index": 4, "message": message}]})

    assert [0, 1] == [choice["index"] for choice in answer["choices"]]


def test_whole_tool_calls() -> None:
    """Each entry of a whole answer's tool_calls is a call, also where ids repeat."""
    calls = [{"id": "x", "function": {"name": "f", "arguments": "{}"}}, {"id": "x", "function": {"name": "f"}}, None]

    answer = completion(CALL, {"choices": [{"message": {"tool_calls": calls}, "finish_reason": "stop"}]})

    assert [("x", "{}"), (ID + "1", "{}")] == [
        (call["id"], call["function"]["arguments"]) for call in answer["choices"][0]["message"]["tool_calls"]
    ]
