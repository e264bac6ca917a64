"""What a stream says: the provider's, to be cut short, and the client's, read."""

import json

from tests.upstream import openai

EVENTS = [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")]


FIRST = openai.stream(["Hel"], finish=None, done=False)[:-1]  # a stream that has begun, in the middle of its body


def data_events(response):
    """The stream's events, decoded; ``[DONE]`` as it stands. Fails on any frame that is neither data nor a comment."""
    events = []
    for frame in response.body.decode().split("\n\n"):
        if frame.startswith("data: "):
            data = frame.removeprefix("data: ")
            events.append(data if data == "[DONE]" else json.loads(data))
        else:
            assert frame == "" or frame.startswith(":")
    return events


def said(events):
    return "".join(c["delta"].get("content") or "" for e in events if "choices" in e for c in e["choices"])
