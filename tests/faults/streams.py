"""What a stream says: the provider's, to be cut short, and the client's, read."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.faults.conftest import case_table
from tests.upstream import openai

FIRST = openai.stream(["Hel"], finish=None, done=False)[:-1]  # a stream that has begun, in the middle of its body


def data_events(response):
    """The stream's events, decoded; ``[DONE]`` as it stands. Fails on any frame that is neither data nor a comment."""
    events = []
    for frame in response.body.decode().split("\n\n"):
        if frame.startswith("data: "):
            assert "\n" not in frame
            data = frame.removeprefix("data: ")
            events.append(data if data == "[DONE]" else json.loads(data))
        else:
            assert frame == "" or frame.startswith(":")
    return events


def said(events):
    return "".join(c["delta"].get("content") or "" for e in events if "choices" in e for c in e["choices"])


def finishes(events):
    """Every finish that was said."""
    choices = [choice for event in events if event != "[DONE]" for choice in event["choices"]]
    return [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


def kind_table(tables: Mapping[str, Mapping[str, object]]) -> list[Any]:
    """Give the names in each kind's table as pairs of parameters, marked as ``case_table`` does."""
    return [
        pytest.param(kind, *param.values, id=f"{kind} {param.id}", marks=param.marks)
        for kind, table in tables.items()
        for param in case_table(table)
    ]
