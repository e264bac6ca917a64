"""Reasoning in the spelling that a client wants."""

from copy import deepcopy

import pytest

from llms.apis.reasoning_out import KEYS, respelled_answer, respelled_block
from llms.wire.text_block import MixedBlock, TextBlock

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def choice(delta, *, index=0, finish=None, logprobs=None):
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}


def chunk(*choices):
    return {**HEAD, "choices": list(choices)}


def deltas(block):
    return [entry["delta"] for found in block for entry in found["choices"]]


STREAM = [
    chunk(choice({"role": "assistant", "reasoning_content": "Let me "})),
    chunk(choice({"reasoning_content": "see."})),
    chunk(choice({"content": "42"})),
    chunk(choice({}, finish="stop")),
    {**HEAD, "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
]


def test_the_other_key():
    """The text moves to the other key; all else stays as it is."""
    found = respelled_block(STREAM, KEYS["reasoning"])

    assert [{"role": "assistant", "reasoning": "Let me "}, {"reasoning": "see."}] == deltas(found[:2])
    assert STREAM[2:] == found[2:]
    assert [HEAD] * 5 == [{name: entry[name] for name in HEAD} for entry in found]


def test_both_keys():
    """Each key holds the same text."""
    found = respelled_block(STREAM, KEYS["both"])

    assert [
        {"role": "assistant", "reasoning_content": "Let me ", "reasoning": "Let me "},
        {"reasoning_content": "see.", "reasoning": "see."},
    ] == deltas(found[:2])


def test_no_reasoning():
    """Chunks of reasoning are left out, but for the one that says the role."""
    found = respelled_block(STREAM, KEYS["none"])

    assert [chunk(choice({"role": "assistant", "content": ""})), *STREAM[2:]] == found


def test_a_block_of_nothing_but_reasoning():
    """Nothing is left of it, so nothing is written."""
    assert [] == respelled_block([STREAM[1]], KEYS["none"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (choice({"reasoning_content": "a"}, finish="stop"), choice({}, finish="stop")),
        (choice({"reasoning_content": "a", "content": "b"}), choice({"content": "b"})),
        (
            choice({"role": "assistant", "reasoning_content": "a", "tool_calls": []}),
            choice({"role": "assistant", "tool_calls": []}),
        ),
        (
            choice({"role": "assistant", "reasoning_content": "a"}, logprobs={"content": [{"token": "a"}]}),
            choice({"role": "assistant", "content": ""}),
        ),
        (
            choice({"reasoning_content": "a", "content": "b"}, logprobs={"content": []}),
            choice({"content": "b"}, logprobs={"content": []}),
        ),
    ],
)
def test_what_stands_beside_the_reasoning_stays(given, expected):
    """A finish, the role, content and tool calls reach the client; the scores of what is left out do not."""
    assert [chunk(expected)] == respelled_block([chunk(given)], KEYS["none"])


def test_one_choice_of_two():
    """A choice that has nothing left goes, the other one stays."""
    block = [chunk(choice({"reasoning_content": "a"}), choice({"content": "b"}, index=1))]

    assert [chunk(choice({"content": "b"}, index=1))] == respelled_block(block, KEYS["none"])


@pytest.mark.parametrize("setting", KEYS)
def test_chunks_are_not_changed(setting):
    """Whoever else holds the chunks or the answer finds them as they were."""
    block, whole = deepcopy(STREAM), answer("a")

    respelled_block(block, KEYS[setting])
    respelled_answer(whole, KEYS[setting])

    assert (STREAM, answer("a")) == (block, whole)


def answer(reasoning=None):
    message = {"role": "assistant", "content": "42", **({"reasoning_content": reasoning} if reasoning else {})}
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("reasoning", {"reasoning": "a"}),
        ("both", {"reasoning_content": "a", "reasoning": "a"}),
        ("none", {}),
    ],
)
def test_whole_answer(setting, expected):
    """The same in an answer that is not streamed; one without reasoning stays as it is."""
    [found] = respelled_answer(answer("a"), KEYS[setting])["choices"]

    assert {"role": "assistant", "content": "42", **expected} == found["message"]
    assert ("stop", 0) == (found["finish_reason"], found["index"])
    assert answer() == respelled_answer(answer(), KEYS[setting])


def test_texts_stay():
    """A block of texts holds no reasoning and stays one."""
    block = TextBlock(HEAD, "content", ["a", "b"])

    assert all(block is respelled_block(block, keys) for keys in KEYS.values())


def test_texts_among_others():
    """Beside other chunks it stays one as well, and what is left of these follows on."""
    thinking = TextBlock(HEAD, "reasoning_content", ["Hm.", "Hm?"])
    block = MixedBlock([TextBlock(HEAD, "content", ["a"]), STREAM[1:2], thinking, TextBlock(HEAD, "content", ["b"])])

    assert {name: respelled_block(list(block), keys) for name, keys in KEYS.items()} == {
        name: list(respelled_block(block, keys)) for name, keys in KEYS.items()
    }
    assert ["a", "b"] == respelled_block(block, KEYS["none"]).texts
