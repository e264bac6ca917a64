import pytest

from llms.apis import chat_messages, chat_request
from llms.errors import InvalidRequestError

TEXT = {"type": "text", "text": "hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLS = {"role": "assistant", "tool_calls": [CALL]}


def read(*messages):
    return chat_request.read({"model": "m", "messages": list(messages)}).body["messages"]


def content(value, role="user", **fields):
    """Give what the gateway makes of one message's content."""
    return read({"role": role, "content": value, **fields})[0].get("content", ...)


def refusal(messages):
    with pytest.raises(InvalidRequestError) as refused:
        chat_request.read({"model": "m", "messages": messages})
    assert 400 == refused.value.status
    return refused.value.param, refused.value.code


def one_refusal(**fields):
    return refusal([{"role": "user", "content": "hi"}, fields])


@pytest.mark.parametrize(
    "value", [[], {}, "hi", 5, [{"role": "user", "content": "hi"}] * (chat_messages.MAX_MESSAGES + 1)]
)
def test_no_messages(value):
    """C35: messages is a list that is neither empty nor endless."""
    assert ("messages", "invalid_value") == refusal(value)


@pytest.mark.parametrize("message", ["hi", None, 5, ["user", "hi"]])
def test_no_message(message):
    """A message is an object."""
    assert ("messages[1]", "invalid_value") == refusal([{"role": "user", "content": "hi"}, message])


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_plain_messages(role):
    """The usual message goes on as the very object that came in."""
    message = {"role": role, "content": "hi"}

    assert message is read(message)[0]


@pytest.mark.parametrize(
    ("role", "code"),
    [
        (None, "missing_required_parameter"),
        ("bot", "unsupported_value"),
        ("", "unsupported_value"),
        (5, "unsupported_value"),
        ({}, "unsupported_value"),
    ],
)
def test_no_role(role, code):
    """A message has one of OpenAI's roles."""
    assert ("messages[1].role", code) == one_refusal(role=role, content="hi")


def test_absent_fields():
    """Nulls in a message are dropped, and what the gateway does not know is kept."""
    message = {"role": "user", "content": "hi", "name": None, "cache_control": {"type": "ephemeral"}}

    assert [{"role": "user", "content": "hi", "cache_control": {"type": "ephemeral"}}] == read(message)


def test_no_name():
    """A name is a string."""
    assert ("messages[1].name", "invalid_value") == one_refusal(role="user", content="hi", name=5)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        (5, "5"),
        (1.5, "1.5"),
        (["hi"], [TEXT]),
        ([TEXT, "hi"], [TEXT, TEXT]),
        ([{"text": "hi"}], [TEXT]),
        ([{"type": None, "text": "hi", "cache_control": None}], [TEXT]),
        (
            [{"type": "image_url", "image_url": "data:,", "cache_control": 1}],
            [{"type": "image_url", "image_url": {"url": "data:,"}, "cache_control": 1}],
        ),
        ([{"image_url": {"url": "u"}}], [{"type": "image_url", "image_url": {"url": "u"}}]),
        ([{"type": "video_url", "video_url": 5}], [{"type": "video_url", "video_url": 5}]),
        (
            [{"type": "input_audio", "input_audio": {"data": ""}}],
            [{"type": "input_audio", "input_audio": {"data": ""}}],
        ),
    ],
)
@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_content(value, expected, role):
    """Content becomes a string or a list of parts that have a type."""
    assert expected == content(value, role)


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_missing_content(role):
    """A message without content is an empty one."""
    assert [{"role": role, "content": ""}] == read({"role": role})


@pytest.mark.parametrize("value", [None, []])
@pytest.mark.parametrize(
    "fields",
    [
        {"tool_calls": [CALL]},
        {"function_call": {"name": "f", "arguments": "{}"}},
        {"refusal": "no"},
        {"audio": {"id": "a"}},
    ],
)
def test_content_beside_calls(value, fields):
    """Check 32: beside calls, empty content is absent."""
    assert ... is content(value, "assistant", **fields)
    assert "" == content("", "assistant", **fields)


def test_content_of_others():
    """Only an assistant can call instead of saying something."""
    assert "" == content(None, "user", tool_calls=[CALL])


def test_many_messages():
    """A long conversation is served."""
    messages = [{"role": "user", "content": "hi"}] * chat_messages.MAX_MESSAGES

    assert messages == read(*messages)


def test_content_after_empty_calls():
    """An empty list of calls is dropped, and then the message needs its content."""
    assert [{"role": "assistant", "content": ""}] == read({"role": "assistant", "content": None, "tool_calls": []})


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (True, "messages[1].content"),
        ({}, "messages[1].content"),
        (TEXT, "messages[1].content"),
        ([5], "messages[1].content[0]"),
        ([TEXT, None], "messages[1].content[1]"),
        ([{}], "messages[1].content[0].type"),
        ([{"type": 5}], "messages[1].content[0].type"),
        ([{"url": "u"}], "messages[1].content[0].type"),
        ([{"type": "text"}], "messages[1].content[0].text"),
        ([{"type": "text", "text": 5}], "messages[1].content[0].text"),
        ([{"type": "image_url"}], "messages[1].content[0].image_url"),
        ([{"type": "image_url", "image_url": {"url": 5}}], "messages[1].content[0].image_url"),
        ([{"image_url": 5}], "messages[1].content[0].image_url"),
    ],
)
def test_no_content(value, param):
    """What cannot be content is refused with its place."""
    assert (param, "invalid_value") == one_refusal(role="user", content=value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("t", "t"),
        (None, ""),
        ([], ""),
        (5, "5"),
        (["a", TEXT], "a\nhi"),
        (
            [TEXT, {"type": "image_url", "image_url": "u"}],
            [TEXT, {"type": "image_url", "image_url": {"url": "u"}}],
        ),
    ],
)
def test_tool_content(value, expected):
    """The texts of a tool's answer are joined; with an image among them they stay parts."""
    assert [CALLS, {"role": "tool", "tool_call_id": "c", "content": expected}] == read(
        CALLS, {"role": "tool", "tool_call_id": "c", "content": value}
    )


def test_unknown_tool_call_id():
    """An answer to a call that is not in the history goes on: the upstream decides."""
    message = {"role": "tool", "content": "t", "tool_call_id": "x"}

    assert [message] == read(message)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "missing_required_parameter"),
        ({"tool_call_id": None}, "missing_required_parameter"),
        ({"tool_call_id": ""}, "missing_required_parameter"),
        ({"tool_call_id": 5}, "invalid_value"),
    ],
)
def test_no_tool_call_id(fields, code):
    """A tool's answer says which call it answers."""
    assert ("messages[1].tool_call_id", code) == one_refusal(role="tool", content="t", **fields)


def test_made_up_ids():
    """Ids that are missing on both sides, as in Ollama's history, are made up and matched in order."""
    call = {"function": {"name": "f", "arguments": {"a": "é"}}}
    answer = {"role": "tool", "content": "t"}

    result = read({"role": "assistant", "tool_calls": [call, {**call, "id": "x"}, call]}, answer, answer, answer)

    function = {"name": "f", "arguments": '{"a":"é"}'}
    ids = ["call_0_0", "x", "call_0_2"]
    assert {
        "role": "assistant",
        "tool_calls": [{"function": function, "id": call_id, "type": "function"} for call_id in ids],
    } == result[0]
    assert ids == [message["tool_call_id"] for message in result[1:]]


def test_answered_calls():
    """A made-up id goes to a call that has no answer yet, of the last message with calls."""
    calls = [{**CALL, "id": call_id} for call_id in "ab"]
    answers = [{"role": "tool", "content": "t", "tool_call_id": "a"}, {"role": "tool", "content": "t"}]

    result = read(CALLS, {"role": "assistant", "tool_calls": calls}, *answers)

    assert ["a", "b"] == [message["tool_call_id"] for message in result[2:]]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (CALL, CALL),
        ({**CALL, "index": 0, "type": None, "extra_content": {"google": 1}}, {**CALL, "extra_content": {"google": 1}}),
        ({**CALL, "function": {"name": "f"}}, CALL),
        ({**CALL, "function": {"name": "f", "arguments": None}}, CALL),
        ({**CALL, "function": {"name": "f", "arguments": ""}}, CALL),
        ({**CALL, "function": {"name": "f", "arguments": {}}}, CALL),
        (
            {**CALL, "function": {"name": "f", "arguments": "no json"}},
            {**CALL, "function": {"name": "f", "arguments": "no json"}},
        ),
        (
            {"id": "c", "custom": {"name": "g", "input": "i"}},
            {"id": "c", "type": "custom", "custom": {"name": "g", "input": "i"}},
        ),
        (
            {"id": "c", "custom": {"name": "g", "input": None}, "function": None},
            {"id": "c", "type": "custom", "custom": {"name": "g", "input": ""}},
        ),
    ],
)
def test_tool_calls(call, expected):
    """A tool call has an id, a type, and arguments that are a string."""
    assert [{"role": "assistant", "tool_calls": [expected]}] == read({"role": "assistant", "tool_calls": [call]})


@pytest.mark.parametrize(
    ("calls", "param", "code"),
    [
        ("x", "", "invalid_value"),
        ({"id": "c"}, "", "invalid_value"),
        (["x"], "[0]", "invalid_value"),
        ([CALL, {**CALL, "id": 5}], "[1].id", "invalid_value"),
        ([{"id": "c"}], "[0].function", "invalid_value"),
        ([{"id": "c", "function": "f"}], "[0].function", "invalid_value"),
        ([{"id": "c", "function": {}}], "[0].function.name", "missing_required_parameter"),
        ([{"id": "c", "function": {"name": ""}}], "[0].function.name", "invalid_value"),
        ([{"id": "c", "function": {"name": "f", "arguments": 5}}], "[0].function.arguments", "invalid_value"),
        ([{"id": "c", "custom": "g"}], "[0].custom", "invalid_value"),
        ([{"id": "c", "custom": {"name": 5}}], "[0].custom.name", "invalid_value"),
        ([{"id": "c", "custom": {"name": "g", "input": {}}}], "[0].custom.input", "invalid_value"),
    ],
)
def test_no_tool_calls(calls, param, code):
    """What cannot be a tool call is refused with its place."""
    assert (f"messages[1].tool_calls{param}", code) == one_refusal(role="assistant", tool_calls=calls)


def test_function_call():
    """The old form of a call, and of its answer, is understood."""
    messages = [
        {"role": "assistant", "function_call": {"name": "f", "arguments": {"a": 1}}},
        {"role": "function", "name": "f", "content": ["x"]},
    ]

    assert [
        {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a":1}'}},
        {"role": "function", "name": "f", "content": [{"type": "text", "text": "x"}]},
    ] == read(*messages)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"role": "assistant", "function_call": "f"}, "function_call", "invalid_value"),
        ({"role": "assistant", "function_call": {}}, "function_call.name", "missing_required_parameter"),
        ({"role": "function", "content": "x"}, "name", "missing_required_parameter"),
    ],
)
def test_no_function_call(fields, param, code):
    """A function has a name."""
    assert (f"messages[1].{param}", code) == one_refusal(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "r"},
        {"reasoning": "r"},
        {"thinking": "r"},
        {"reasoning": {"content": "r"}},
        {"reasoning": {"content": None, "text": "r"}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "r", "signature": "s"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, 5, {"summary": "r"}]},
        {"reasoning_content": "r", "reasoning": "other", "thinking": "third"},
        {"reasoning_content": "", "reasoning": 5, "thinking": "r"},
    ],
)
def test_reasoning(fields):
    """Check 43: what an assistant thought arrives in one place, once, however the client spells it."""
    assert [{"role": "assistant", "content": "hi", "reasoning_content": "r"}] == read(
        {"role": "assistant", "content": "hi", **fields}
    )


@pytest.mark.parametrize("fields", [{"reasoning_content": ""}, {"reasoning": {}}, {"thinking": None}, {"reasoning": 5}])
def test_no_reasoning(fields):
    """Where nothing was thought, nothing is said about it."""
    assert [{"role": "assistant", "content": "hi"}] == read({"role": "assistant", "content": "hi", **fields})
