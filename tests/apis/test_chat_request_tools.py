import pytest

from llms.apis import chat_request, chat_tools
from llms.errors import InvalidRequestError

ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "$schema": "s", "additionalProperties": False}
NO_PARAMETERS = {"type": "object", "properties": {}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}


def read(**options):
    """Give what the gateway makes of the options of a request."""
    body = dict(chat_request.read({**ASK, **options}).body)
    del body["messages"]
    return body


def refusal(**options):
    with pytest.raises(InvalidRequestError) as refused:
        chat_request.read({**ASK, **options})
    assert 400 == refused.value.status
    return refused.value.param, refused.value.code


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (TOOL, TOOL),
        ({**TOOL, "cache_control": 1}, {**TOOL, "cache_control": 1}),
        ({"function": TOOL["function"]}, TOOL),
        ({"type": "function", **TOOL["function"]}, TOOL),
        ({"type": "function", "function": None, **TOOL["function"]}, TOOL),
        (TOOL["function"], TOOL),
        (
            {"type": "function", "function": {"name": "f"}},
            {"type": "function", "function": {"name": "f", "parameters": NO_PARAMETERS}},
        ),
        (
            {"type": "function", "function": {"name": "f", "parameters": {}, "strict": None, "description": None}},
            {"type": "function", "function": {"name": "f", "parameters": NO_PARAMETERS}},
        ),
        (
            {"type": "function", "name": "f", "parameters": None},
            {"type": "function", "function": {"name": "f", "parameters": NO_PARAMETERS}},
        ),
        (
            {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}},
        ),
        ({"type": "custom", "name": "g"}, {"type": "custom", "custom": {"name": "g"}}),
        ({"type": "web_search", "filters": None}, {"type": "web_search", "filters": None}),
        ({"type": "namespace", "name": "n", "tools": []}, {"type": "namespace", "name": "n", "tools": []}),
    ],
)
def test_tools(tool, expected):
    """Nested, flat, incomplete: a function gets its one form, and tools of other types stay."""
    assert {"tools": [expected]} == read(tools=[tool])


@pytest.mark.parametrize(
    ("tools", "param", "code"),
    [
        ("f", "tools", "invalid_value"),
        ({}, "tools", "invalid_value"),
        ([TOOL] * (chat_tools.MAX_TOOLS + 1), "tools", "invalid_value"),
        ([{}] * 100_000, "tools", "invalid_value"),
        ([TOOL, "f"], "tools[1]", "invalid_value"),
        ([{}], "tools[0].type", "invalid_value"),
        ([{"type": 5, "name": "f"}], "tools[0].type", "invalid_value"),
        ([{"type": "function"}], "tools[0].function.name", "missing_required_parameter"),
        ([{"type": "function", "function": "f"}], "tools[0].function", "invalid_value"),
        ([{"type": "function", "function": {"name": ""}}], "tools[0].function.name", "invalid_value"),
        ([{"type": "function", "function": {"name": 5}}], "tools[0].function.name", "invalid_value"),
        (
            [{"type": "function", "function": {"name": "f", "parameters": "x"}}],
            "tools[0].function.parameters",
            "invalid_value",
        ),
        ([{"type": "custom", "custom": {}}], "tools[0].custom.name", "missing_required_parameter"),
    ],
)
def test_no_tools(tools, param, code):
    """C35: what cannot be a tool is refused with its place."""
    assert (param, code) == refusal(tools=tools)


def test_many_tools():
    """Agents with several servers of tools have more than OpenAI's 128."""
    assert chat_tools.MAX_TOOLS == len(read(tools=[TOOL] * chat_tools.MAX_TOOLS)["tools"])


@pytest.mark.parametrize(
    "options",
    [
        {"tools": []},
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tools": None, "tool_choice": "none"},
        {"tool_choice": None, "functions": []},
        {"functions": [], "function_call": "auto"},
        {"function_call": "none", "parallel_tool_calls": False},
    ],
)
def test_without_tools(options):
    """Check 27: an empty list of tools is none, and what is said about them goes with it."""
    assert {} == read(**options)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"function_call": {"name": "f"}, "functions": []}, "function_call"),
    ],
)
def test_required_without_tools(options, param):
    """Check 28: a tool that has to be called has to be there."""
    assert (param, "invalid_value") == refusal(**options)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "custom", "name": "g"}, {"type": "custom", "custom": {"name": "g"}}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}},
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}},
        ),
    ],
)
def test_tool_choice(choice, expected):
    """Every choice that OpenAI has is taken, nested and flat."""
    options = {"tools": [TOOL], "parallel_tool_calls": False}

    assert {**options, "tool_choice": expected} == read(**options, tool_choice=choice)


@pytest.mark.parametrize(
    ("choice", "param", "code"),
    [
        ("any", "tool_choice", "unsupported_value"),
        ("", "tool_choice", "unsupported_value"),
        (True, "tool_choice", "unsupported_value"),
        (["auto"], "tool_choice", "unsupported_value"),
        ({}, "tool_choice", "unsupported_value"),
        ({"type": ["function"]}, "tool_choice", "unsupported_value"),
        ({"type": "function"}, "tool_choice.function.name", "missing_required_parameter"),
        ({"type": "function", "function": "f"}, "tool_choice.function", "invalid_value"),
        ({"type": "allowed_tools"}, "tool_choice.allowed_tools", "invalid_value"),
        ({"type": "allowed_tools", "allowed_tools": {"tools": "f"}}, "tool_choice.allowed_tools", "invalid_value"),
    ],
)
def test_no_tool_choice(choice, param, code):
    """Check 22: a choice that nobody knows is refused."""
    assert (param, code) == refusal(tools=[TOOL], tool_choice=choice)


@pytest.mark.parametrize("choice", ["none", "auto", {"name": "f"}])
def test_functions(choice):
    """The old form is kept, and a function has parameters there too."""
    assert {"functions": [{"name": "f", "parameters": NO_PARAMETERS}], "function_call": choice} == read(
        functions=[{"name": "f"}], function_call=choice
    )


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"functions": "f"}, "functions", "invalid_value"),
        ({"functions": ["f"]}, "functions[0]", "invalid_value"),
        ({"functions": [{"name": "f"}, {}]}, "functions[1].name", "missing_required_parameter"),
        ({"functions": [{"name": "f", "parameters": []}]}, "functions[0].parameters", "invalid_value"),
        ({"function_call": "f"}, "function_call", "unsupported_value"),
        ({"function_call": {}}, "function_call.name", "missing_required_parameter"),
    ],
)
def test_no_functions(options, param, code):
    """What cannot be a function is refused with its place."""
    assert (param, code) == refusal(**options)
