from typing import Any

import pytest

from llms.wire.reasoning import reasoning, respelled, split_content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ("", "")),
        ("a", ("a", "")),
        (["a", {"text": "b"}, {"type": "output_text", "text": "c"}, 5, None], ("abc", "")),
        ([{"type": "thinking", "thinking": "r"}, {"type": "text", "text": "a"}], ("a", "r")),
        ([{"type": "reference", "reference_ids": [1]}, [["x"]]], ("", "")),
        ({"content": "a"}, ("a", "")),
    ],
)
def test_content(content: object, expected: tuple[str, str]) -> None:
    """Content that comes in parts is joined, reasoning apart."""
    assert expected == split_content(content)


def test_none() -> None:
    """Where there is no reasoning there is none."""
    assert "" == reasoning({"content": "a", "reasoning": {"effort": "high"}, "thinking": 5, "reasoning_details": [7]})


MESSAGE = {"role": "assistant", "content": "4", "reasoning": "r", "reasoning_details": [{"text": "r"}]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, {"role": "assistant", "content": "4"}),
        ("reasoning_content", {"role": "assistant", "content": "4", "reasoning_content": "r"}),
        ("reasoning", MESSAGE),
    ],
)
def test_respelled(name: str | None, expected: dict[str, Any]) -> None:
    """Check 43: an upstream gets the reasoning of earlier answers under its own name, or none."""
    assert expected == respelled(MESSAGE, name)


def test_respelled_empty() -> None:
    """Empty reasoning is left out."""
    assert {"content": "a"} == respelled({"content": "a", "reasoning_content": ""}, "reasoning")
