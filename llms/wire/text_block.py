"""A block that holds nothing but pieces of text, as nearly all do; whoever knows it need not look at each chunk."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from llms.records import Block, Chunk


class TextBlock(Sequence[Chunk]):
    """
    Chunks of choice 0 that are alike but for one piece of text each. They are made when somebody asks for them.

    Args:
        head: What each chunk holds beside its choices. The same object for all blocks of a stream, and never changed.
        texts: One for each chunk, none of them empty.
    """

    __slots__ = ("head", "texts")

    def __init__(self, head: Mapping[str, Any], texts: list[str]) -> None:
        self.head = head
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Chunk]:
        head = self.head
        for text in self.texts:
            yield text_chunk(head, text)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> Block: ...

    def __getitem__(self, place: int | slice) -> Chunk | Block:
        if isinstance(place, int):
            return text_chunk(self.head, self.texts[place])
        return TextBlock(self.head, self.texts[place])


def text_chunk(head: Mapping[str, Any], text: str) -> Chunk:
    """Give the chunk with one piece of text of choice 0."""
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return {**head, "choices": [choice]}


def joined(parts: list[Block]) -> Block:
    """Give the blocks of one stream as one."""
    if len(parts) == 1:
        return parts[0]
    alike = [part for part in parts if isinstance(part, TextBlock)]
    if not alike or len(alike) < len(parts):
        return [chunk for part in parts for chunk in part]
    return TextBlock(alike[0].head, [text for part in alike for text in part.texts])
