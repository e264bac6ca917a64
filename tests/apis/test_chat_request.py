import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.apis import chat_request
from llms.apis.api import Asked
from llms.errors import InvalidRequestError

MESSAGES = [{"role": "user", "content": "hi"}]
ASK = {"model": "m", "messages": MESSAGES}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def read(**options):
    """Give what the gateway makes of the options of a request."""
    body = dict(chat_request.read({**ASK, **options}).body)
    assert MESSAGES == body.pop("messages")
    return body


def refusal(body):
    with pytest.raises(InvalidRequestError) as refused:
        chat_request.read(body)
    assert 400 == refused.value.status
    assert refused.value.message.endswith(".")
    return refused.value.param, refused.value.code


def test_smallest_request():
    """A model and messages are enough."""
    assert Asked("m", stream=False, include_usage=False, body={"messages": MESSAGES}) == chat_request.read(ASK)


@pytest.mark.parametrize(
    ("options", "stream", "include_usage"),
    [
        ({"stream": True}, True, False),
        ({"stream": False}, False, False),
        ({"stream": None, "stream_options": None}, False, False),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}, True, True),
        ({"stream_options": {"include_usage": True}}, False, False),
        ({"stream": False, "stream_options": "x"}, False, False),
    ],
)
def test_stream(options, stream, include_usage):
    """The stream's options count only with a stream, and none of them reaches a provider."""
    assert Asked("m", stream, include_usage, {"messages": MESSAGES}) == chat_request.read({**ASK, **options})


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"stream": True, "stream_options": True}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
    ],
)
def test_no_stream(options, param):
    """Whether to stream is never guessed."""
    assert (param, "invalid_value") == refusal({**ASK, **options})


OPTIONAL = [*sorted(chat_request._CHECKS.keys() - {"messages"}), "verbosity", "enable_thinking", "api_key", "timeout"]


def test_nulls():
    """Check 26: every optional field may be null, which is the same as absent."""
    assert {} == read(**dict.fromkeys(OPTIONAL))


def test_unknown_fields():
    """Check 29: fields that the gateway does not know are kept as they are."""
    unknown = {
        "foo": [None],
        "enable_thinking": False,
        "chat_template_kwargs": {"a": None},
        "top_k": 40,
        "verbosity": "low",
    }

    assert unknown == read(**unknown)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0, "top_p": 1, "frequency_penalty": -2, "presence_penalty": 2.0},
        {"n": 1, "logprobs": False},
        {"n": 128, "logprobs": True, "top_logprobs": 20, "seed": -(2**63)},
        {"stop": ["a"] * 5, "logit_bias": {"50256": -100, "1": 0.5}},
        {"user": "u", "metadata": {"a": "b"}, "safety_identifier": "s", "prompt_cache_key": "p", "store": True},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object", "schema": {}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": None, "schema": {}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": None}}},
        {"max_tokens": 5},
        {"max_completion_tokens": 5},
    ],
)
def test_kept(options):
    """What is in order stays as it is."""
    assert options == read(**options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_tokens": 5.0}, {"max_tokens": 5}),
        ({"max_tokens": 0}, {}),
        ({"max_tokens": -1}, {}),
        ({"max_tokens": -1.0, "max_completion_tokens": 7}, {"max_completion_tokens": 7}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_completion_tokens": 5}),
        ({"max_tokens": 9, "max_completion_tokens": 7}, {"max_completion_tokens": 7}),
        ({"max_tokens": 9, "max_completion_tokens": 0}, {"max_tokens": 9}),
        ({"temperature": "0.7", "n": 2.0, "seed": 1.0}, {"temperature": 0.7, "n": 2, "seed": 1}),
        ({"stop": ""}, {}),
        ({"stop": []}, {}),
        ({"logit_bias": {}}, {}),
        ({"metadata": {}, "user": "", "safety_identifier": ""}, {}),
        ({"user": {"id": 1}}, {"user": '{"id":1}'}),
    ],
)
def test_settled(options, expected):
    """What is clear is put into its normal form."""
    assert expected == read(**options)


@pytest.mark.parametrize(
    ("name", "low", "high", "step"),
    [
        ("temperature", 0, 2, 0.25),
        ("top_p", 0, 1, 0.25),
        ("frequency_penalty", -2, 2, 0.25),
        ("presence_penalty", -2, 2, 0.25),
        ("n", 1, 128, 1),
        ("seed", -(2**63), 2**63 - 1, 1),
        ("top_logprobs", 0, 20, 1),
    ],
)
def test_ranges(name, low, high, step):
    """C35, K05: a number at either end of its range is served, one beyond it is not."""
    assert {name: low} == read(**{name: low})
    assert {name: high} == read(**{name: high})
    assert (name, "invalid_value") == refusal({**ASK, name: low - step})
    assert (name, "invalid_value") == refusal({**ASK, name: high + step})


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_most_tokens(name):
    """C35: a limit of tokens fits into 32 bits."""
    assert {name: 1} == read(**{name: 1})
    assert {name: 2**31 - 1} == read(**{name: 2**31 - 1})
    assert (name, "invalid_value") == refusal({**ASK, name: 2**31})


def test_most_biases():
    """K05: biases are for few tokens, and small."""
    biases = {str(token): -100 if token % 2 else 100 for token in range(1024)}

    assert {"logit_bias": biases} == read(logit_bias=biases)
    for wrong in ({**biases, "x": 1}, {"1": -100.5}, {"1": 100.5}):
        assert ("logit_bias", "invalid_value") == refusal({**ASK, "logit_bias": wrong})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 10**9),
        ("n", 0),
        ("n", True),
        ("n", "1"),
        ("max_tokens", 1e12),
        ("max_tokens", 10**12),
        ("max_tokens", "5"),
        ("max_tokens", 1.5),
        ("max_tokens", True),
        ("max_completion_tokens", []),
        ("top_p", 7),
        ("temperature", "hot"),
        ("temperature", -1),
        ("temperature", True),
        ("frequency_penalty", 2.1),
        ("presence_penalty", -3),
        ("seed", 1.5),
        ("seed", 2**63),
        ("logprobs", 5),
        ("logprobs", "false"),
        ("top_logprobs", 21),
        ("stop", ["x"] * 10_000),
        ("stop", 5),
        ("logit_bias", []),
        ("logit_bias", {"1": "x"}),
        ("logit_bias", {"1": True}),
        ("logit_bias", {"1": 101}),
        ("logit_bias", {str(token): 1 for token in range(2000)}),
        ("user", 5),
        ("metadata", "x"),
        ("store", "yes"),
        ("safety_identifier", "x" * 513),
        ("prompt_cache_key", 5),
        ("parallel_tool_calls", "no"),
        ("response_format", "json"),
        ("reasoning", "high"),
        ("thinking", True),
    ],
)
def test_wrong_values(name, value):
    """C29, C35, K05: a wrong value is refused with the field's name."""
    assert (name, "invalid_value") == refusal({**ASK, name: value})


@pytest.mark.parametrize(
    ("value", "param", "code"),
    [
        ({}, "response_format.type", "unsupported_value"),
        ({"type": "xml"}, "response_format.type", "unsupported_value"),
        ({"type": ["text"]}, "response_format.type", "unsupported_value"),
        ({"type": "json_schema"}, "response_format.json_schema", "missing_required_parameter"),
        ({"type": "json_schema", "json_schema": "x"}, "response_format.json_schema", "invalid_value"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.name", "missing_required_parameter"),
        ({"type": "json_schema", "json_schema": {"name": ""}}, "response_format.json_schema.name", "invalid_value"),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": "x"}},
            "response_format.json_schema.schema",
            "invalid_value",
        ),
    ],
)
def test_no_response_format(value, param, code):
    """Check 22: a format that OpenAI does not have is refused."""
    assert (param, code) == refusal({**ASK, "response_format": value})


@pytest.mark.parametrize(
    ("options", "effort"),
    [
        ({"reasoning_effort": "xhigh"}, "xhigh"),
        ({"reasoning_effort": ""}, None),
        ({"reasoning": {"effort": "low"}}, "low"),
        ({"reasoning": {"effort": None, "summary": "auto"}}, None),
        ({"reasoning": {"effort": "max", "enabled": False}}, "max"),
        ({"reasoning": {"enabled": True}}, "medium"),
        ({"reasoning": {"enabled": False, "max_tokens": 9}}, "none"),
        ({"reasoning": {"max_tokens": 2000}}, "low"),
        ({"reasoning": {}}, None),
        ({"thinking": {"type": "enabled"}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": -1}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": None}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "none"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4095}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096.0}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 16_384}}, "high"),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "auto"}}, None),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}, "thinking": {"type": "disabled"}}, "low"),
        ({"thinking": {"type": "disabled"}, "reasoning": {"effort": "high"}}, "high"),
    ],
)
def test_reasoning(options, effort):
    """However a client says how hard to think, a provider gets one effort."""
    assert ({} if effort is None else {"reasoning_effort": effort}) == read(**options)


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"reasoning_effort": "huge"}, "reasoning_effort", "unsupported_value"),
        ({"reasoning_effort": 5}, "reasoning_effort", "unsupported_value"),
        ({"reasoning": {"effort": "High"}}, "reasoning.effort", "unsupported_value"),
        ({"reasoning": {"effort": ["low"]}}, "reasoning.effort", "unsupported_value"),
        ({"reasoning": {"enabled": "yes"}}, "reasoning.enabled", "invalid_value"),
        ({"reasoning": {"max_tokens": "9"}}, "reasoning.max_tokens", "invalid_value"),
        ({"thinking": {}}, "thinking.type", "unsupported_value"),
        ({"thinking": {"type": {}}}, "thinking.type", "unsupported_value"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0.5}}, "thinking.budget_tokens", "invalid_value"),
    ],
)
def test_no_reasoning(options, param, code):
    """Check 22: an effort that nobody knows is refused."""
    assert (param, code) == refusal({**ASK, **options})


def test_responses_body():
    """A body of the Responses API is sent to where it belongs."""
    with pytest.raises(InvalidRequestError, match="Responses API") as refused:
        chat_request.read({"model": "m", "input": "hi"})

    assert ("messages", "missing_required_parameter") == (refused.value.param, refused.value.code)


@pytest.mark.parametrize("body", [{"model": "m"}, {"model": "m", "messages": None, "input": None}])
def test_missing_messages(body):
    """A request has to have messages."""
    assert ("messages", "missing_required_parameter") == refusal(body)


def test_missing_model():
    """A request has to name a model."""
    assert ("model", "missing_required_parameter") == refusal({"messages": MESSAGES})


def test_destination():
    """K01, C37: a request cannot choose where it goes."""
    assert ("api_base", "unknown_parameter") == refusal({**ASK, "api_base": "http://127.0.0.1"})


FULL = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s", "name": "n"},
        {"role": "developer", "content": ["d", {"type": "text", "text": "e"}]},
        {
            "role": "user",
            "content": [
                {"text": "x"},
                {"type": "image_url", "image_url": "data:,"},
                {"type": "image_url", "image_url": {"url": "data:,", "detail": None}},
                {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}, "cache_control": None},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning": "r",
            "reasoning_details": [{"type": "reasoning.text", "text": "r", "index": 0}],
            "refusal": None,
            "tool_calls": [
                {"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": {"a": 1}}},
                {"custom": {"name": "g", "input": "i"}},
            ],
        },
        {"role": "tool", "content": [{"type": "text", "text": "t"}], "tool_call_id": "c"},
        {"role": "tool", "content": 5},
        {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": ""}, "thinking": "t"},
        {"role": "function", "name": "f", "content": None},
        {"role": "assistant", "content": [], "tool_calls": []},
    ],
    "tools": [
        *TOOLS,
        {"function": {"name": "g", "description": None}},
        {"type": "function", "name": "h", "strict": True},
        {"type": "custom", "custom": {"name": "k"}},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "function", "name": "f"},
    "functions": [{"name": "f"}],
    "function_call": {"name": "f"},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": "1",
    "n": 1.0,
    "seed": 1,
    "stop": ["a", ""],
    "max_tokens": 5,
    "max_completion_tokens": 4,
    "logit_bias": {"1": 1},
    "reasoning": {"effort": "", "enabled": True},
    "thinking": {"type": "enabled", "budget_tokens": 5},
    "metadata": {"a": [1]},
    "user": {"id": "1"},
    "foo": {"bar": None},
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=4)
    | st.sampled_from(["function", "custom", "text", "image_url", "auto", "none", "allowed_tools", "enabled", "tool"]),
    lambda value: (
        st.lists(value, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "function", "custom", "text", "content", "role", "id", "url", "arguments"])
            | st.text(max_size=2),
            value,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def places(value, path=()):
    """Give the path of every value in a request."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield from places(inner, (*path, name))


PLACES = sorted(places(FULL), key=str)


CODES = {"invalid_value", "missing_required_parameter", "unsupported_value", "unknown_parameter"}


def outcome(body):
    try:
        return chat_request.read(body)
    except InvalidRequestError as error:
        return error


def check(body):
    """Read a request: it is refused by name, or read to a form that reading again does not change."""
    before = copy.deepcopy(body)

    result = outcome(body)

    assert before == body
    if isinstance(result, Asked):
        assert None not in result.body.values()
        assert result.body == chat_request.read({**result.body, "model": result.model}).body
    else:
        assert result.param
        assert result.code in CODES


def test_full_request():
    """Every form at once is read, and the client's body is left alone."""
    check(FULL)

    assert "m" == chat_request.read(FULL).model


@given(
    st.dictionaries(st.sampled_from(["model", "messages", "input", *OPTIONAL]) | st.text(max_size=3), JSON, max_size=6)
)
def test_any_object(body):
    """Whatever object is sent, it is read or refused by name."""
    check(body)


@given(st.dictionaries(st.sampled_from(OPTIONAL), JSON, max_size=3))
def test_any_options(options):
    """Whatever options are sent, they are read or refused by name."""
    check({**ASK, **options})


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON | st.just(...)), min_size=1, max_size=3))
def test_damaged_requests(changes):
    """A request with any value exchanged or missing is read or refused by name."""
    body = copy.deepcopy(FULL)
    for path, value in changes:
        inner = body
        try:
            for name in path[:-1]:
                inner = inner[name]
            if value is ...:
                del inner[path[-1]]
            else:
                inner[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away

    check(body)
