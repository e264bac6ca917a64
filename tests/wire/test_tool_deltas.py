from typing import Any

import pytest

from llms.errors import UpstreamBadResponseError
from llms.wire.tool_deltas import MAX_NAMES, MAX_TOOL_CALLS, ToolDeltas


def fn(name: str | None = None, arguments: Any = None, **entry: Any) -> dict[str, Any]:
    return {**entry, "function": {"name": name, "arguments": arguments}}


def collect(*lists: list[Any]) -> list[tuple[str, str, str]]:
    """The calls as a client joins them: by index alone, ids, types and names added up."""
    stream = ToolDeltas("call_")
    calls: list[dict[str, Any]] = []
    for entry in [entry for given in lists for entry in stream.feed(given)] + stream.close():
        if entry["index"] == len(calls):
            calls.append({"id": "", "type": "", "name": "", "text": ""})
        call = calls[entry["index"]]
        body = entry.get("function") or entry["custom"]
        call["id"] += entry.get("id", "")
        call["type"] += entry.get("type", "")
        call["name"] += body.get("name", "")
        call["text"] += body.get("arguments", body.get("input", ""))
    assert len(calls) == stream.sent
    assert {"function"} >= {call["type"] for call in calls} or {"custom"} == {call["type"] for call in calls}
    return [(call["id"], call["name"], call["text"]) for call in calls]


TWO = [("a", "f", '{"x":1}'), ("b", "g", "{}")]


@pytest.mark.parametrize(
    "lists",
    [
        # OpenAI
        [[fn("f", "", index=0, id="a")], [fn(None, '{"x":1}', index=0)], [fn("g", "{}", index=1, id="b")]],
        # Anthropic after text: indexes 1 and 2
        [[fn("f", '{"x":1}', index=1, id="a")], [fn("g", "{}", index=2, id="b")]],
        # old Ollama: all index 0
        [[fn("f", '{"x":1}', index=0, id="a")], [fn("g", "", index=0, id="b")]],
        [[fn("f", "", index=0, id="a")], [fn(None, '{"x":1}', index=0)], [fn("g", "{", index=0, id="b")], [fn("", "}", index=0)]],
        # no index
        [[fn("f", '{"x":1}', id="a")], [fn("g", "{}", id="b")]],
        [[fn("f", "", id="a")], [fn(None, '{"x"')], [fn(None, ":1}")], [fn("g", "{}", id="b")]],
        [[fn("f", '{"x"', id="a"), fn("g", None, id="b")], [fn(None, ":1}", id="a")]],
        # id, type and name in every piece
        [[fn("f", '{"x"', index=0, id="a")], [fn("f", ":1}", index=0, id="a")], [fn("g", "{}", index=1, id="b")]],
        [[fn("f", '{"x"', id="a")], [fn("f", ":1}", id="a")], [fn("g", "{}", id="b")]],
        # side by side, from the first chunk on
        [[fn("f", "", index=0, id="a"), fn("g", "", index=1, id="b")], [fn("", '{"x"', index=0)], [fn("", "{}", index=1)], [fn("", ":1}", index=0)]],
        # the name after the id; the id after the name is too late
        [[fn(None, None, index=0, id="a")], [fn("f", '{"x":1}', index=0)], [fn("g", "{}", index=1, id="b")]],
        # an index that changes while the id does not
        [[fn("f", '{"x"', index=0, id="a")], [fn(None, ":1}", index=5, id="a")], [fn("g", "{}", index=6, id="b")]],
        # objects for strings, nothing for none
        [[fn("f", {"x": 1}, index=0, id="a")], [fn("g", None, index=1, id="b")]],
        [[fn("f", {"x": 1}, index=2147483647, id="a")], [{"index": -1, "id": "b", "function": {"name": "g"}}]],
        [[None, 4, fn("f", '{"x":1}', index=True, id="a")], [{"index": "1", "id": "b", "function": {"name": "g"}, "type": None}]],
        [[fn("f", '{"x":1}', index=0, id="a")], [{"index": 0}], [{"index": 0, "function": None}], [fn("g", "", index=1, id="b")]],
    ],
)  # fmt: skip
def test_two_calls(lists: list[list[Any]]) -> None:
    """Checks 6-9: two calls arrive as two, with dense indexes, each id and name once, arguments a string."""
    assert TWO == collect(*lists)


@pytest.mark.parametrize(
    "lists",
    [
        [[fn("f", '{"x":1}', index=0), fn("f", None, index=0)]],
        [[fn("f", '{"x":1}')], [fn("f", "{}")]],
        [[fn("f", '{"x":1}', index=0, id=""), fn("f", "", index=0, id="")]],
        [[fn("f", '{"x":1}', index=0, id=7)], [fn("f", "", index=1, id=None)]],
    ],
)
def test_no_ids(lists: list[list[Any]]) -> None:
    """Check 7: calls without ids get some of their own."""
    assert [("call_0", "f", '{"x":1}'), ("call_1", "f", "{}")] == collect(*lists)


def test_same_id() -> None:
    """Two functions under one id are two calls with two ids."""
    assert [("x", "f", "{}"), ("call_1", "g", "{}")] == collect([fn("f", "{}", id="x")], [fn("g", "{}", id="x")])


def test_same_index_other_name() -> None:
    """A new name at an old index is a new call, also without ids."""
    assert [("call_0", "f", "{}"), ("call_1", "g", "{}")] == collect([fn("f", "{}", index=0)], [fn("g", "{}", index=0)])


def test_custom() -> None:
    """Custom tools keep their kind; their input may be empty."""
    one = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": "SEL"}}
    two = {"index": 1, "id": "b", "type": "custom", "custom": {"name": "noop"}}

    assert [("a", "sql", "SELECT"), ("b", "noop", "")] == collect(
        [one], [{"index": 0, "custom": {"input": "ECT"}}], [two]
    )


def test_extra_content() -> None:
    """A signature travels with its call, once."""
    stream = ToolDeltas("call_")
    signed = {"google": {"thought_signature": "s"}}

    first = stream.feed([fn("f", "", index=0, id="a")])
    later = stream.feed([{**fn(None, "{}", index=0), "extra_content": signed}])
    again = stream.feed([{**fn(None, None, index=0), "extra_content": signed}])

    assert [False, signed, []] == ["extra_content" in first[0], later[0]["extra_content"], again]


def test_empty_before_next() -> None:
    """A call without arguments is given them before the next begins, since clients parse it then."""
    stream = ToolDeltas("call_")
    stream.feed([fn("f", "", index=0, id="a")])

    assert [0, 1] == [entry["index"] for entry in stream.feed([fn("g", "{}", index=1, id="b")])]


def test_never_named() -> None:
    """A call that is never named is not sent."""
    assert [] == collect([fn(None, None, index=0, id="a")])


@pytest.mark.parametrize(
    "lists",
    [
        [[fn(None, "{}", index=0, id="a")]],
        [[fn(None, "{}")]],
        [[fn("f", "", index=0, id="a")], [fn("g", "{}", index=1, id="b")], [fn(None, '{"x":1}', index=0)]],
    ],
)
def test_homeless_arguments(lists: list[list[Any]]) -> None:
    """Arguments that belong to no open call are an error: left out or joined elsewhere they would be a lie."""
    with pytest.raises(UpstreamBadResponseError):
        collect(*lists)


def test_too_many() -> None:
    """U70: more calls than anyone makes are an error."""
    stream = ToolDeltas("call_")
    stream.feed([fn("f", "{}", index=index) for index in range(MAX_TOOL_CALLS)])

    with pytest.raises(UpstreamBadResponseError):
        stream.feed([fn("f", "{}", index=MAX_TOOL_CALLS)])


def test_names_too_long() -> None:
    """U70: ids and names, which are kept until the answer ends, are bounded all together; arguments are not kept."""
    stream = ToolDeltas("call_")
    stream.feed([fn("f", "x" * MAX_NAMES, index=0, id="a" * (MAX_NAMES // 2))])
    stream.feed([fn(None, "x" * MAX_NAMES, index=0)])

    with pytest.raises(UpstreamBadResponseError):
        stream.feed([fn("g" * (MAX_NAMES // 2), "", index=1)])
