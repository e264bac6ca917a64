"""A block that holds nothing but pieces of text, as nearly all do; whoever knows it need not look at each chunk."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, overload

from llms.records import Block, Chunk

# Which kind a block is, is asked of its type: isinstance asks the abstract class, for longer than all else takes.


class TextBlock(Sequence[Chunk]):
    """
    Chunks of choice 0 that are alike but for one piece of text each. They are made when somebody asks for them.

    Args:
        head: What each chunk holds beside its choices. The same object for all blocks of a stream, and never changed.
        name: The key of the texts: ``content`` or ``reasoning_content``.
        texts: One for each chunk, none of them empty.
    """

    __slots__ = ("head", "name", "texts")

    def __init__(self, head: Mapping[str, Any], name: str, texts: list[str]) -> None:
        self.head = head
        self.name = name
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Chunk]:
        head, name = self.head, self.name
        for text in self.texts:
            yield text_chunk(head, name, text)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> Block: ...

    def __getitem__(self, place: int | slice) -> Chunk | Block:
        if isinstance(place, int):
            return text_chunk(self.head, self.name, self.texts[place])
        return TextBlock(self.head, self.name, self.texts[place])


def text_chunk(head: Mapping[str, Any], name: str, text: str) -> Chunk:
    """Give the chunk with one piece of text of choice 0; the arguments are those of ``TextBlock``."""
    choice = {"index": 0, "delta": {name: text}, "logprobs": None, "finish_reason": None}
    return {**head, "choices": [choice]}


class MixedBlock(Sequence[Chunk]):
    """
    A block that holds text blocks and others.

    Args:
        parts: At least two, none of them empty or mixed itself.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: list[Block]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[Chunk]:
        return chain.from_iterable(self.parts)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> Block: ...

    def __getitem__(self, place: int | slice) -> Chunk | Block:
        return list(self)[place]


def joined(blocks: list[Block]) -> Block:
    """Give the blocks of one stream, none of them empty or mixed, as one."""
    if len(blocks) == 1:
        return blocks[0]
    parts = [_alike(list(run)) for _, run in groupby(blocks, _kind)]
    return MixedBlock(parts) if len(parts) > 1 else parts[0] if parts else []


def _kind(block: Block) -> str | None:
    return block.name if type(block) is TextBlock else None


def _alike(blocks: list[Block]) -> Block:
    texts = [block for block in blocks if type(block) is TextBlock]
    if not texts:
        return list(chain.from_iterable(blocks))
    return TextBlock(texts[0].head, texts[0].name, [text for block in texts for text in block.texts])
