import pytest

from llms.wire.text_block import TextBlock, joined, text_chunk

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def test_chunks() -> None:
    """A text block is a sequence of chunks like any other."""
    block = TextBlock(HEAD, ["a", "b", "c"])

    a, b, c = block
    expected = {"index": 0, "delta": {"content": "a"}, "logprobs": None, "finish_reason": None}
    assert {**HEAD, "choices": [expected]} == a == text_chunk(HEAD, "a")
    assert (3, c, a) == (len(block), block[-1], block[0])
    assert [b, c] == list(block[1:])
    assert [c, b, a] == list(reversed(block))


def test_chunks_are_their_own() -> None:
    """Chunks share no part that could be changed."""
    one, two = TextBlock(HEAD, ["a", "a"])

    assert one == two
    assert one["choices"][0]["delta"] is not two["choices"][0]["delta"]


def test_joined() -> None:
    """Text blocks make a text block, others a list, in order."""
    one, two = TextBlock(HEAD, ["a"]), TextBlock(HEAD, ["b", "c"])
    other = [{**HEAD, "choices": []}]

    block = joined([one, two])

    assert isinstance(block, TextBlock)
    assert (HEAD, ["a", "b", "c"]) == (block.head, block.texts)
    assert [*one, *other, *two] == joined([one, other, two])
    assert [] == joined([])
    assert one is joined([one])


@pytest.mark.parametrize("count", [1, 2])
def test_true(count: int) -> None:
    """A text block with a chunk is no empty block."""
    assert TextBlock(HEAD, ["a"] * count)
