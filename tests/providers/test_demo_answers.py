import json
from dataclasses import replace

import jsonschema
import pytest

from llms.errors import InvalidRequestError
from llms.providers import demo_answers

USER = {"role": "user", "content": "What is the weather in Paris?"}
SCHEMA = {
    "$defs": {"unit": {"enum": ["celsius", "fahrenheit"]}},
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"$ref": "#/$defs/unit"}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
SHELL = {"type": "custom", "custom": {"name": "shell"}}
RESULT = [
    USER,
    {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "18 *degrees*"},
]  # fmt: skip


def answered(*messages, **fields):
    return demo_answers.answer({"messages": list(messages) or [USER], **fields}, "demo")


def named(name):
    return {"type": "function", "function": {"name": name}}


def allowed(mode, *names):
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named(name) for name in names]}}


def called(answer):
    return answer.tool and answer.tool.name


def test_answers_the_last_user():
    """The answer says what it was asked, wherever instructions stand."""
    answer = answered({"role": "user", "content": "first"}, {"role": "user", "content": "second"}, {"role": "system", "content": "third"})  # fmt: skip

    assert '"second"' in answer.text
    assert "stop" == answer.finish_reason
    assert answer.tool is None


def test_answers_without_a_user():
    """A request without any question gets an answer, too."""
    assert 'You said: ""' in answered({"role": "system", "content": "s"}).text


def test_same_request_same_answer():
    """Nothing is left to chance."""
    fields = {"tools": [WEATHER], "reasoning_effort": "high", "temperature": 2, "seed": 5}

    assert answered(**fields) == answered(**{**fields, "seed": 6, "temperature": 0})


def test_calls_the_first_tool():
    """A request with tools gets a call, with arguments that are valid."""
    answer = answered(tools=[WEATHER, CLOCK])

    assert "weather" == called(answer)
    jsonschema.validate(json.loads(answer.text), SCHEMA)


@pytest.mark.parametrize(
    ("tools", "choice", "tool"),
    [
        ([WEATHER, CLOCK], "auto", "weather"),
        ([WEATHER, CLOCK], "none", None),
        ([WEATHER, CLOCK], "required", "weather"),
        ([WEATHER, CLOCK], named("clock"), "clock"),
        ([WEATHER, CLOCK], allowed("auto", "clock"), "clock"),
        ([WEATHER, CLOCK], allowed("required", "clock"), "clock"),
        ([WEATHER, CLOCK], allowed("auto"), None),
        ([SHELL, WEATHER], "auto", "weather"),
        ([SHELL, WEATHER], {"type": "custom", "custom": {"name": "shell"}}, "shell"),
        ([SHELL], "auto", "shell"),
        ([{"type": "web_search"}, WEATHER], "auto", "weather"),
        ([{"type": "web_search"}], "auto", None),
    ],
)
def test_obeys_tool_choice(tools, choice, tool):
    """The client decides which tool is called, and whether."""
    assert tool == called(answered(tools=tools, tool_choice=choice))


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([WEATHER], named("missing")),
        ([WEATHER], {"type": "function", "function": 5}),
        ([WEATHER], allowed("required", "missing")),
        ([WEATHER], {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": ["x"]}}),
        ([{"type": "web_search"}], "required"),
    ],
)
def test_refuses_a_tool_that_is_not_there(tools, choice):
    """A tool that is asked for and not offered is the client's mistake."""
    with pytest.raises(InvalidRequestError) as caught:
        answered(tools=tools, tool_choice=choice)

    assert "tool_choice" == caught.value.param


def test_answers_a_tool_result_with_text():
    """After a tool has answered, there is an end to calling; the result is quoted."""
    answer = answered(*RESULT, tools=[WEATHER])

    assert answer.tool is None
    assert "> 18 \\*degrees\\*\n" in answer.text


@pytest.mark.parametrize("choice", ["required", named("weather")])
def test_calls_again_where_a_call_is_required(choice):
    """A required call is made even after a tool has answered."""
    assert "weather" == called(answered(*RESULT, tools=[WEATHER], tool_choice=choice))


def test_custom_tool_takes_text():
    """A custom tool gets words instead of JSON, and never none."""
    assert "What is the weather in Paris?" == answered(tools=[SHELL]).text
    assert "hello" == answered({"role": "user", "content": ""}, tools=[SHELL]).text


@pytest.mark.parametrize("parameters", [{}, None, {"type": "object"}, {"properties": {"a": {"type": "integer"}}}])
def test_arguments_are_an_object(parameters):
    """A tool's arguments are an object however little its schema says."""
    answer = answered(tools=[{"type": "function", "function": {"name": "f", "parameters": parameters}}])

    assert isinstance(json.loads(answer.text), dict)


@pytest.mark.parametrize(
    "schema",
    [SCHEMA, {"type": "array", "items": {"type": "integer"}, "minItems": 3}, {"type": "string"}, {"type": "null"}],
)
def test_fits_json_schema(schema):
    """A request for JSON of a schema gets it, and nothing around it."""
    answer = answered(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}})

    jsonschema.validate(json.loads(answer.text), schema)


@pytest.mark.parametrize("wanted", [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "a"}}])
def test_gives_an_object_where_there_is_no_schema(wanted):
    """JSON without a schema is an object."""
    assert isinstance(json.loads(answered(response_format=wanted).text), dict)


def test_text_format_is_text():
    """The default format may be spelled out."""
    assert answered() == answered(response_format={"type": "text"})


def test_formats_the_answer_to_a_tool_result():
    """With tools and a format, the call comes first and the format is for the answer after it."""
    fields = {"tools": [WEATHER], "response_format": {"type": "json_object"}}

    assert "weather" == called(answered(**fields))
    assert isinstance(json.loads(answered(*RESULT, **fields).text), dict)


def test_refuses_schemas_that_nothing_fits():
    """Where no value can be found, the client hears which schema is to blame."""
    nothing = {"type": "object", "properties": {"a": False}, "required": ["a"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": nothing}}

    with pytest.raises(InvalidRequestError) as by_tool:
        answered(tools=[SHELL, tool])
    with pytest.raises(InvalidRequestError) as by_format:
        answered(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": nothing}})

    assert "tools[1].function.parameters" == by_tool.value.param
    assert "response_format.json_schema.schema" == by_format.value.param
    assert {"unsupported_value"} == {by_tool.value.code, by_format.value.code}


@pytest.mark.parametrize(("effort", "thinks"), [("none", False), ("minimal", True), ("high", True)])
def test_reasons_on_request(effort, thinks):
    """Reasoning is shown where an effort is asked for."""
    answer = answered(reasoning_effort=effort)

    assert thinks == ("What is the weather" in answer.reasoning)
    assert answered().text == answer.text


@pytest.mark.parametrize(
    ("stop", "text"),
    [("4", "1 2 3 "), (["7", "3"], "1 2 "), ("x", "1 2 3 4 5 6 7 8 9 10"), ("1", ""), (["x", "10"], "1 2 3 4 5 6 7 8 9 ")],
)  # fmt: skip
def test_stops_before_a_stop_sequence(stop, text):
    """The answer ends before the first stop sequence, with finish reason stop."""
    answer = answered({"role": "user", "content": "count to 10"}, stop=stop)

    assert (text, "stop") == (answer.text, answer.finish_reason)


@pytest.mark.parametrize(
    ("fields", "text", "finish_reason"),
    [
        ({"max_tokens": 2}, "1 2 3 4 ", "length"),
        ({"max_completion_tokens": 1}, "1 2 ", "length"),
        ({"max_tokens": 2, "max_completion_tokens": 1}, "1 2 ", "length"),
        ({"max_tokens": 5}, "1 2 3 4 5 6 7 8 9 10", "stop"),
        ({"max_tokens": 1, "stop": "2"}, "1 ", "stop"),
        ({"max_tokens": 1, "stop": "5"}, "1 2 ", "length"),
    ],
)
def test_keeps_the_limit_of_tokens(fields, text, finish_reason):
    """An answer cut short says so; one that ends at the limit is whole."""
    answer = answered({"role": "user", "content": "count to 10"}, **fields)

    assert (text, finish_reason) == (answer.text, answer.finish_reason)


def test_reasoning_counts_as_output():
    """Reasoning uses up the limit first, as with models that think."""
    whole = answered(reasoning_effort="low")
    thought = -(-len(whole.reasoning) // 4)

    only_thoughts = answered(reasoning_effort="low", max_tokens=5)
    some_text = answered(reasoning_effort="low", max_tokens=thought + 2)

    assert (whole.reasoning[:20], "", "length") == (
        only_thoughts.reasoning,
        only_thoughts.text,
        only_thoughts.finish_reason,
    )
    assert (whole.reasoning, whole.text[:8]) == (some_text.reasoning, some_text.text)


def test_call_cut_short_is_no_call():
    """Arguments may end in the middle, as elsewhere; a call that has none is left out."""
    some = answered(tools=[WEATHER], max_tokens=1)
    none = answered(tools=[WEATHER], max_tokens=1, reasoning_effort="low")

    assert ("weather", '{"ci', "length") == (called(some), some.text, some.finish_reason)
    assert (None, "length") == (called(none), none.finish_reason)


def test_stop_is_not_for_arguments():
    """A stop sequence cannot break a tool's arguments."""
    assert answered(tools=[WEATHER]).text == answered(tools=[WEATHER], stop=":").text


def test_counts_usage():
    """Four characters are a token, in what was asked and in what is answered."""
    body = {"messages": [{"role": "system", "content": "12345"}, {"role": "user", "content": "count to 5"}]}
    answer = demo_answers.answer(body, "demo")

    usage = demo_answers.usage(body, answer, 1)

    assert {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8} == usage


def test_counts_usage_of_reasoning_and_of_each_choice():
    """Reasoning is counted with the output and by itself; each choice costs."""
    body = {"messages": [USER], "reasoning_effort": "low"}
    answer = replace(demo_answers.answer(body, "demo"), reasoning="12345678", text="1234")

    usage = demo_answers.usage(body, answer, 2)

    assert 6 == usage["completion_tokens"]
    assert {"reasoning_tokens": 4} == usage["completion_tokens_details"]


def test_nothing_costs_something():
    """No count is 0, so that nothing divides by it."""
    body = {"messages": [{"role": "user", "content": ""}], "stop": "#"}

    usage = demo_answers.usage(body, demo_answers.answer(body, "demo"), 1)

    assert {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2} == usage
