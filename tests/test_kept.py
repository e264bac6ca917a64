import json

import pytest

from llms.kept import LONGEST, KeepingMeter
from llms.records import Call
from tests.upstream import openai


def meter(**body):
    return KeepingMeter(Call("req_1", 0, "chat.completions", "m", stream=True, body=body))


def chunk(text, finish=None):
    return openai.chunk({"content": text} if text else {}, finish=finish)


def test_a_stream():
    """Prompt and answer are kept as JSON, the answer as if it had come whole; the meter counts as any other."""
    found = meter(messages=[{"role": "user", "content": "Hi 😀"}])
    found.look([chunk("Hel"), chunk("lo")])
    found.look([chunk("", "stop")])
    found.look([{**chunk(""), "choices": [], "usage": openai.USAGE}])
    kept = found.kept()

    assert ("req_1", [{"role": "user", "content": "Hi 😀"}]) == (kept.call_id, json.loads(kept.prompt)["messages"])
    [choice] = json.loads(kept.answer)
    assert ("Hello", "stop", 19, 4) == (
        choice["message"]["content"], choice["finish_reason"], found.usage.input_tokens, found.chunks,
    )  # fmt: skip


def test_halves_of_a_letter():
    """Half a surrogate pair, as services send that cut an emoji in two, is kept as it stands, whole or not."""
    found = meter(messages=[{"role": "user", "content": "\ud83d"}], seed=10**30)
    found.look([chunk("\ud83d"), chunk("\ude00"), chunk("\ud83d")])
    kept = found.kept()

    assert ("\ud83d", 10**30) == (json.loads(kept.prompt)["messages"][0]["content"], json.loads(kept.prompt)["seed"])
    assert "😀\ud83d" == json.loads(kept.answer)[0]["message"]["content"]
    kept.prompt.encode()
    kept.answer.encode()


@pytest.mark.parametrize("name", ["audio", "reasoning_details"])
def test_what_is_no_text_is_bounded(name):
    """What a stream holds besides text is cut, too, and marked."""
    found = meter()
    for _ in range(2000):
        found.look([openai.chunk({name: {"data": "x" * 1000}})])

    assert found.kept().answer.endswith("…")
    assert found._room > -2000


def test_nothing_came():
    """A call that nobody answered has a prompt, and no choices."""
    assert ("{}", "[]") == meter().kept()[1:]


@pytest.mark.case("K18")
@pytest.mark.parametrize("letter", ["a", "ü", "😀", '"', "\n"])
def test_both_are_cut(letter):
    """Each is cut at so many characters, which is marked; memory for an answer that never ends is bounded."""
    found = meter(messages=[{"role": "user", "content": letter * LONGEST}])
    for _ in range(200):
        found.look([chunk(letter * 1000)])
    kept = found.kept()

    assert [LONGEST + 1] * 2 == [len(text) for text in kept[1:]]
    assert all(text.endswith("…") for text in kept[1:])
    assert found.seen_bytes == 200_000 * len(letter.encode())


def test_whole_answers():
    """Of a whole answer the choices are kept, of embeddings the vectors."""
    found, vectors = meter(), meter()
    found.answer({"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]})
    vectors.answer({"data": [{"embedding": "AAAAPw==", "index": 0}], "usage": {"prompt_tokens": 5}})

    assert "Hi" == json.loads(found.kept().answer)[0]["message"]["content"]
    assert "AAAAPw==" == json.loads(vectors.kept().answer)[0]["embedding"]
