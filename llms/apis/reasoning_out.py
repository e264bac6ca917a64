"""
Reasoning on its way to the client: under the keys that the configuration names.

Inside it is ``reasoning_content`` only.

Chunks and answers are not changed but made anew, since the meter holds the same ones.
"""

from typing import Any

from llms.records import Block, Chunk, Completion
from llms.wire.text_block import MixedBlock, TextBlock, joined

KEYS: dict[str, tuple[str, ...]] = {
    "reasoning": ("reasoning",),
    "both": ("reasoning_content", "reasoning"),
    "none": (),
}
"""The keys of each setting that asks for something else than what is there already."""

_INNER = "reasoning_content"


def respelled_block(block: Block, keys: tuple[str, ...]) -> Block:
    """
    Give a block with its reasoning under ``keys``.

    Without keys, a choice that held nothing else is left out; so is a chunk that has no choice left. One that says the
    role stays, with empty content: every choice says it once.
    """
    if type(block) is TextBlock and block.name != _INNER:
        return block
    if type(block) is MixedBlock:
        return joined([found for part in block.parts if (found := respelled_block(part, keys))])
    result: list[Chunk] = []
    for chunk in block:
        if any(_INNER in choice["delta"] for choice in chunk["choices"]):
            result += _respelled_chunk(chunk, keys)
        else:
            result.append(chunk)
    return result


def respelled_answer(answer: Completion, keys: tuple[str, ...]) -> Completion:
    """Give a whole answer with its reasoning under ``keys``."""
    choices = [{**choice, "message": _respelled(choice["message"], keys)} for choice in answer["choices"]]
    return {**answer, "choices": choices}


def _respelled_chunk(chunk: Chunk, keys: tuple[str, ...]) -> Block:
    choices = [found for choice in chunk["choices"] for found in _respelled_choice(choice, keys)]
    return [{**chunk, "choices": choices}] if choices else []


def _respelled_choice(choice: dict[str, Any], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    if _INNER not in choice["delta"]:
        return [choice]
    delta = _respelled(choice["delta"], keys)
    if delta.keys() <= {"role"}:
        if not delta and not choice["finish_reason"]:
            return []
        if delta:
            delta["content"] = ""
        return [{**choice, "delta": delta, "logprobs": None}]  # they would be the reasoning's
    return [{**choice, "delta": delta}]


def _respelled(part: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Give a delta or a message with its reasoning under ``keys``, in the place where it was."""
    result: dict[str, Any] = {}
    for name, value in part.items():
        if name == _INNER:
            result.update(dict.fromkeys(keys, value))
        else:
            result[name] = value
    return result
