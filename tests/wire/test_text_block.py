import pytest

from llms.wire.text_block import MixedBlock, TextBlock, joined, text_chunk

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def test_chunks() -> None:
    """A text block is a sequence of chunks like any other."""
    block = TextBlock(HEAD, "content", ["a", "b", "c"])

    a, b, c = block
    expected = {"index": 0, "delta": {"content": "a"}, "logprobs": None, "finish_reason": None}
    assert {**HEAD, "choices": [expected]} == a == text_chunk(HEAD, "content", "a")
    assert (3, c, a) == (len(block), block[-1], block[0])
    assert [b, c] == list(block[1:])
    assert [c, b, a] == list(reversed(block))


def test_chunks_are_their_own() -> None:
    """Chunks share no part that could be changed."""
    one, two = TextBlock(HEAD, "content", ["a", "a"])

    assert one == two
    assert one["choices"][0]["delta"] is not two["choices"][0]["delta"]


def test_joined() -> None:
    """Blocks that follow on one another are one; text blocks among them stay what they are."""
    one, two, other = (
        TextBlock(HEAD, "content", ["a"]),
        TextBlock(HEAD, "content", ["b", "c"]),
        [{**HEAD, "choices": []}],
    )

    thinking = TextBlock(HEAD, "reasoning_content", ["d"])

    texts, others, mixed = joined([one, two]), joined([other, other]), joined([one, two, thinking, other, other, one])

    assert isinstance(texts, TextBlock)
    assert (HEAD, ["a", "b", "c"]) == (texts.head, texts.texts)
    assert [*other, *other] == others
    assert isinstance(mixed, MixedBlock)
    assert [TextBlock, TextBlock, list, TextBlock] == [type(part) for part in mixed.parts]
    assert [*one, *two, *thinking, *other, *other, *one] == list(mixed)
    assert (7, *one, [*two]) == (len(mixed), mixed[-1], mixed[1:3])
    assert [] == joined([])
    assert one is joined([one])


@pytest.mark.parametrize("count", [1, 2])
def test_true(count: int) -> None:
    """A text block with a chunk is no empty block."""
    assert TextBlock(HEAD, "content", ["a"] * count)
