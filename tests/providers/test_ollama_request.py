"""What is sent for what the client asks, where a golden file would say too little: refusals and odd shapes."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llms.errors import InvalidRequestError
from llms.providers.ollama_codec import Codec
from llms.records import Call, Target

CODEC = Codec("ollama", "http://127.0.0.1:11434")
HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
FUNCTION = {"type": "function", "function": {"name": "f"}}
CUSTOM = {"type": "custom", "custom": {"name": "c"}}


def sent(body: Mapping[str, Any]) -> dict[str, Any]:
    call = Call("req_1", 0, "chat.completions", "small", stream=True, body=body)
    request: dict[str, Any] = json.loads(CODEC.chat(call, Target("ollama", "llama3.2")).body or b"")
    return request


def sent_embed(body: Mapping[str, Any]) -> dict[str, Any]:
    call = Call("req_1", 0, "embeddings", "small", stream=False, body=body)
    request: dict[str, Any] = json.loads(CODEC.embed(call, Target("ollama", "all-minilm")).body or b"")
    return request


def message(**given: Any) -> dict[str, Any]:
    first: dict[str, Any] = sent({"messages": [given]})["messages"][0]
    return first


def arguments(given: object) -> Any:
    calls = [{"id": "a", "function": {"name": "f", "arguments": given}}]
    return message(role="assistant", tool_calls=calls)["tool_calls"][0]["function"]["arguments"]


PLAIN = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hello"}], "stream": True}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {
            "n": 1,
            "stop": "",
            "tools": [],
            "functions": [],
            "tool_choice": "auto",
            "logprobs": False,
            "top_logprobs": 5,
            "response_format": {"type": "text"},
            "max_tokens": -1,
        },
        dict.fromkeys(
            [
                *["n", "stop", "tools", "tool_choice", "functions", "logprobs", "top_logprobs", "response_format"],
                *["max_tokens", "max_completion_tokens", "temperature", "seed", "reasoning_effort", "keep_alive"],
                *["truncate", "use_mmap", "num_ctx", "parallel_tool_calls"],
            ]
        ),
    ],
)
def test_what_says_nothing_is_not_sent(fields: dict[str, Any]) -> None:
    """Absent, empty and null fields leave the model's own settings in force (checks 26, 27, 34)."""
    assert PLAIN == sent({**HELLO, **fields})


def test_a_limit_of_tokens() -> None:
    """Both names of the limit are known, and the newer one wins (check 33)."""
    assert {"num_predict": 5} == sent({**HELLO, "max_completion_tokens": 5, "max_tokens": 9})["options"]
    assert {"num_predict": 9} == sent({**HELLO, "max_completion_tokens": None, "max_tokens": 9.0})["options"]
    assert {"num_predict": 9} == sent({**HELLO, "max_tokens": 9, "num_predict": 3})["options"]


def test_logprobs() -> None:
    """Logprobs are asked for with or without the next best ones (check 40)."""
    assert {**PLAIN, "logprobs": True} == sent({**HELLO, "logprobs": True})
    assert {**PLAIN, "logprobs": True, "top_logprobs": 2} == sent({**HELLO, "logprobs": True, "top_logprobs": 2})


def test_a_stop_text_becomes_a_list() -> None:
    """Ollama gets a list whatever the client sent (check 35)."""
    assert {"stop": ["x"]} == sent({**HELLO, "stop": "x"})["options"]


@pytest.mark.parametrize(
    ("effort", "expected"),
    [
        ("none", False),
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("xhigh", "max"),
        ("max", "max"),
    ],
)
def test_reasoning_effort(effort: str, expected: object) -> None:
    """Each effort has its word, and none turns thinking off."""
    assert expected == sent({**HELLO, "reasoning_effort": effort})["think"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}, {"type": "object"}),
    ],
)
def test_response_format(given: object, expected: object) -> None:
    """JSON is asked for by name, a schema as itself (check 36)."""
    assert expected == sent({**HELLO, "response_format": given})["format"]


@pytest.mark.parametrize(
    "spelling",
    [
        {"reasoning_content": "Hm."},
        {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "other"}]},
        {"reasoning": {"content": "Hm."}},
        {"reasoning_content": "", "thinking": "Hm."},
        {"reasoning_details": [{"type": "reasoning.text", "text": "H"}, {"data": "x"}, ["y"], {"text": "m."}]},
        {"content": [{"type": "thinking", "thinking": "Hm."}]},
        {"content": [{"type": "reasoning", "text": "Hm."}]},
    ],
)
def test_reasoning_in_the_history(spelling: dict[str, Any]) -> None:
    """Reasoning goes back in Ollama's spelling, once, whatever the client's is (check 43)."""
    assert {"role": "assistant", "content": "", "thinking": "Hm."} == message(role="assistant", **spelling)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ("a=1", {"input": "a=1"}),
        ("[1]", {"input": "[1]"}),
        ([1], {"input": [1]}),
        ('{"a":"\ud83d"}', {"a": "\ufffd\ufffd\ufffd"}),
        ("[" * 2000, {"input": "[" * 2000}),
    ],
)
def test_arguments_in_the_history(given: object, expected: object) -> None:
    """Ollama gets an object, even where the model wrote something else (check 32)."""
    assert expected == arguments(given)


def test_arguments_too_deep_to_send() -> None:
    """Arguments that can be read but not written are the client's mistake, not a crash."""
    deep: dict[str, Any] = {}
    for _ in range(200_000):
        deep = {"a": deep}

    with pytest.raises(InvalidRequestError, match="nested too deeply") as caught:
        arguments(deep)

    assert "json_too_deep" == caught.value.code


def test_content_in_odd_shapes() -> None:
    """Parts without a type, bare strings, refusals and bare image URLs are understood."""
    parts = [
        "a",
        {"text": "b"},
        {"type": "refusal", "refusal": "c"},
        {"type": "image_url", "image_url": "data:image/png;base64,QQ=="},
    ]

    assert {"role": "user", "content": "a\nb\nc", "images": ["QQ=="]} == message(role="user", content=parts)


def test_a_name_is_looked_up_in_the_nearest_call() -> None:
    """A tool's result without a name gets that of the last call with its id; an unknown id goes as it is (check 32)."""
    body = {
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "call_0", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_0", "content": "1"},
            {"role": "assistant", "tool_calls": [{"id": "call_0", "function": {"name": "g", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_0", "content": "2"},
            {"role": "tool", "tool_call_id": "call_9", "content": "3"},
            {"role": "tool", "name": "h", "content": "4"},
        ]
    }

    results = [item for item in sent(body)["messages"] if item["role"] == "tool"]

    assert [
        {"role": "tool", "content": "1", "tool_call_id": "call_0", "tool_name": "f"},
        {"role": "tool", "content": "2", "tool_call_id": "call_0", "tool_name": "g"},
        {"role": "tool", "content": "3", "tool_call_id": "call_9"},
        {"role": "tool", "content": "4", "tool_name": "h"},
    ] == results


@pytest.mark.parametrize(
    ("choice", "names", "hint"),
    [
        ("auto", ["f", "c"], None),
        ("required", ["f", "c"], "Answer by calling one of the tools."),
        (CUSTOM, ["c"], "Answer by calling the tool c."),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION, 1]}}, ["f"], None),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [CUSTOM]}},
            ["c"],
            "Answer by calling one of the tools.",
        ),
    ],
)
def test_tool_choice(choice: object, names: list[str], hint: str | None) -> None:
    """The choice narrows the tools; what it insists on is said to the model."""
    request = sent({**HELLO, "tools": [FUNCTION, CUSTOM], "tool_choice": choice})

    assert names == [tool["function"]["name"] for tool in request["tools"]]
    assert ([{"role": "system", "content": hint}] if hint else []) == request["messages"][:-1]


USER = {"role": "user"}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"n": 2}, "n", "unsupported_value"),
    ({"functions": [{"name": "f"}]}, "functions", "unsupported_parameter"),
    ({"messages": None}, "messages", "invalid_value"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": ["Hello"]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "robot"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": ["user"]}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{**USER, "content": 5}]}, "messages[0].content", "invalid_value"),
    ({"messages": [{**USER, "content": [5]}]}, "messages[0].content[0]", "invalid_value"),
    ({"messages": [{**USER, "content": [{"type": "text"}]}]}, "messages[0].content[0].text", "invalid_value"),
    (
        {"messages": [{**USER, "content": [{"type": "file", "file": {}}]}]},
        "messages[0].content[0]",
        "unsupported_value",
    ),
    (
        {"messages": [{**USER, "content": [{"type": "image_url", "image_url": {"url": "HTTPS://example.com/a.png"}}]}]},
        "messages[0].content[0].image_url",
        "unsupported_value",
    ),
    (
        {"messages": [{**USER, "content": [{"type": "image_url", "image_url": {"url": "data:image/png,abc"}}]}]},
        "messages[0].content[0].image_url",
        "invalid_value",
    ),
    (
        {"messages": [{**USER, "content": [{"type": "image_url"}]}]},
        "messages[0].content[0].image_url",
        "invalid_value",
    ),
    (
        {"messages": [{**USER, "content": [{"type": "input_audio", "input_audio": "x"}]}]},
        "messages[0].content[0].input_audio.data",
        "invalid_value",
    ),
    ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages[0].tool_calls", "invalid_value"),
    ({"messages": [{"role": "assistant", "tool_calls": [1]}]}, "messages[0].tool_calls[0]", "invalid_value"),
    ({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}, "messages[0].tool_calls[0]", "invalid_value"),
    ({"temperature": "hot"}, "temperature", "invalid_value"),
    ({"num_ctx": True}, "num_ctx", "invalid_value"),
    ({"use_mmap": 1}, "use_mmap", "invalid_value"),
    ({"max_tokens": 1.5}, "max_tokens", "invalid_value"),
    ({"stop": 5}, "stop", "invalid_value"),
    ({"stop": ["a", 5]}, "stop", "invalid_value"),
    ({"logprobs": 1}, "logprobs", "invalid_value"),
    ({"logprobs": True, "top_logprobs": "2"}, "top_logprobs", "invalid_value"),
    ({"keep_alive": True}, "keep_alive", "invalid_value"),
    ({"truncate": "no"}, "truncate", "invalid_value"),
    ({"reasoning_effort": "hard"}, "reasoning_effort", "invalid_value"),
    ({"reasoning_effort": ["low"]}, "reasoning_effort", "invalid_value"),
    ({"response_format": "json"}, "response_format", "invalid_value"),
    ({"response_format": {"type": "xml"}}, "response_format", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "invalid_value"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": "s"}}},
        "response_format.json_schema",
        "invalid_value",
    ),
    ({"tools": {}}, "tools", "invalid_value"),
    ({"tools": [1]}, "tools[0]", "invalid_value"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_value"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function", "invalid_value"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"tools": [FUNCTION], "tool_choice": "any"}, "tool_choice", "invalid_value"),
    ({"tools": [FUNCTION], "tool_choice": CUSTOM}, "tool_choice", "invalid_value"),
    ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice", "invalid_value"),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED)
def test_what_cannot_be_asked(fields: dict[str, Any], param: str, code: str) -> None:
    """A wrong or unsupported field is refused with its name, before anything is sent (checks 22, 28, 39)."""
    with pytest.raises(InvalidRequestError) as caught:
        sent({**HELLO, **fields})

    assert (param, code) == (caught.value.param, caught.value.code)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "function", "name", "image_url", "tool_calls", "url"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(
    body=st.dictionaries(
        st.sampled_from(["messages", "tools", "tool_choice", "stop", "n", "response_format", "keep_alive", "seed"]),
        JSON,
    ),
    messages=st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool"]), "content": JSON})),
)
def test_no_shape_breaks_the_reader(body: dict[str, Any], messages: list[Any]) -> None:
    """Whatever the client sends, the answer is a request or a refusal."""
    for asked in (body, {**body, "messages": messages}):
        with suppress(InvalidRequestError):
            assert sent(asked)["messages"]


def test_embeddings_are_asked_for() -> None:
    """Text, many texts, dimensions and Ollama's own fields are passed on."""
    body = {
        "input": ["a", "b"],
        "dimensions": 256.0,
        "truncate": True,
        "keep_alive": 60,
        "encoding_format": "base64",
        "user": "u",
    }

    assert {
        "model": "all-minilm",
        "input": ["a", "b"],
        "dimensions": 256,
        "truncate": True,
        "keep_alive": 60,
    } == sent_embed(body)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"input": [1, 2]}, "input", "unsupported_value"),
        ({"input": [[1, 2]]}, "input", "unsupported_value"),
        ({"input": []}, "input", "invalid_value"),
        ({}, "input", "invalid_value"),
        ({"input": {}}, "input", "invalid_value"),
        ({"input": ["a", None]}, "input[1]", "invalid_value"),
        ({"input": "a", "dimensions": "2"}, "dimensions", "invalid_value"),
    ],
)
def test_embeddings_that_cannot_be_asked_for(body: dict[str, Any], param: str, code: str) -> None:
    """Tokens, nothing, and wrong shapes are refused with a text that says what to send (checks 45, 46)."""
    with pytest.raises(InvalidRequestError) as caught:
        sent_embed(body)

    assert (param, code) == (caught.value.param, caught.value.code)
