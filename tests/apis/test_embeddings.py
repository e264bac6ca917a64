import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.apis.embeddings import API, MAX_TOKENS
from llms.errors import InvalidRequestError, UpstreamBadResponseError
from llms.records import Call
from tests.support.openapi import validate

F32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def make_call(encoding_format=None, value="Hi"):
    body = {"input": value}
    if encoding_format:
        body["encoding_format"] = encoding_format
    return Call(id="req_1", started_at=1, api="embeddings", model="embed", stream=False, body=body)


def packed(*values):
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def upstream(*vectors, **rest):
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}, **rest}


@pytest.mark.parametrize(
    "value",
    ["Hi", ["Hi"], ["a"] * 2048, [0], [1, 2, 3], [[1], [2, 3]], [[7] * 8192], "\ud83d"],
)
def test_takes_every_form_of_input(value):
    """Text, texts, tokens and lists of tokens are taken as they are."""
    asked = API.read({"model": "embed", "input": value})

    assert (asked.model, asked.stream, asked.include_usage) == ("embed", False, False)
    assert {"input": value} == asked.body


def test_keeps_the_fields_that_it_knows_and_those_it_does_not():
    """Options reach the provider, those of one service too; nulls count as absent."""
    asked = API.read(
        {
            "model": "embed",
            "input": "Hi",
            "encoding_format": "base64",
            "dimensions": 256.0,
            "user": "u",
            "input_type": "query",
            "truncate": None,
            "stream": False,
            "stream_options": {"include_usage": True},
        }
    )

    expected = {"input": "Hi", "encoding_format": "base64", "dimensions": 256, "user": "u", "input_type": "query"}
    assert expected == asked.body


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"model": ""}, "model", "invalid_value"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"input": ""}, "input", "invalid_value"),
        ({"input": []}, "input", "invalid_value"),
        ({"input": 5}, "input", "invalid_value"),
        ({"input": {"text": "Hi"}}, "input", "invalid_value"),
        ({"input": ["a"] * 2049}, "input", "invalid_value"),
        ({"input": [1] * 2049}, "input", "invalid_value"),
        ({"input": ["a", ""]}, "input[1]", "invalid_value"),
        ({"input": ["a", 1]}, "input[1]", "invalid_value"),
        ({"input": ["a", ["b"]]}, "input[1]", "invalid_value"),
        ({"input": [1, "a"]}, "input[1]", "invalid_value"),
        ({"input": [1, [2]]}, "input[1]", "invalid_value"),
        ({"input": [-1]}, "input[0]", "invalid_value"),
        ({"input": [True]}, "input[0]", "invalid_value"),
        ({"input": [1.5]}, "input[0]", "invalid_value"),
        ({"input": [None]}, "input[0]", "invalid_value"),
        ({"input": [[1], []]}, "input[1]", "invalid_value"),
        ({"input": [[1], 2]}, "input[1]", "invalid_value"),
        ({"input": [[1], [2, "a"]]}, "input[1][1]", "invalid_value"),
        ({"input": [[1] * (MAX_TOKENS // 2)] * 2 + [[1]]}, "input", "invalid_value"),
        ({"encoding_format": "int8"}, "encoding_format", "invalid_value"),
        ({"encoding_format": []}, "encoding_format", "invalid_value"),
        ({"dimensions": 0}, "dimensions", "invalid_value"),
        ({"dimensions": True}, "dimensions", "invalid_value"),
        ({"user": 5}, "user", "invalid_value"),
        ({"stream": True}, "stream", "unsupported_parameter"),
        ({"api_base": "http://x"}, "api_base", "unknown_parameter"),
    ],
)
def test_refuses_what_cannot_be_served(body, param, code):
    """Bad input is a 400 that names the field."""
    with pytest.raises(InvalidRequestError) as caught:
        API.read({"model": "embed", "input": "Hi", **body})

    assert (caught.value.http_status(), caught.value.param, caught.value.code) == (400, param, code)
    validate("ErrorResponse", caught.value.body())


@pytest.mark.parametrize("encoding_format", [None, "float"])
@pytest.mark.parametrize("vector", [[0.5, -1.25, 3], packed(0.5, -1.25, 3)])
def test_numbers_for_who_asks_for_none_or_for_float(encoding_format, vector):
    """Without a format, vectors are numbers, as the document has it, whatever the upstream sent."""
    result = API.answer(make_call(encoding_format), upstream(vector))

    assert {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.25, 3]}],
        "model": "embed",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    } == result
    validate("CreateEmbeddingResponse", result)


@pytest.mark.parametrize("vector", [[0.5, -1.25, 3], packed(0.5, -1.25, 3)])
def test_base64_for_who_asks_for_it(vector):
    """The official client's own default works with every upstream."""
    result = API.answer(make_call("base64"), upstream(vector))

    assert ["AAAAPwAAoL8AAEBA"] == [item["embedding"] for item in result["data"]]
    validate("CreateEmbeddingResponse", result)


@given(st.lists(F32, min_size=1, max_size=20))
def test_32_bit_floats_survive_both_ways(vector):
    """A vector of 32-bit floats is the same after base64 and back."""
    there = API.answer(make_call("base64"), upstream(vector))["data"][0]["embedding"]
    back = API.answer(make_call(), upstream(there))["data"][0]["embedding"]

    assert packed(*vector) == there
    assert vector == back


def test_vectors_are_in_the_order_of_the_inputs():
    """The first vector belongs to the first input even if the upstream finished it last."""
    data = [{"index": 2, "embedding": [2.0]}, {"index": 0, "embedding": [0.0]}, {"index": 1, "embedding": [1.0]}]

    result = API.answer(make_call(value=["a", "b", "c"]), upstream(data=data))

    assert [(0, [0.0]), (1, [1.0]), (2, [2.0])] == [(item["index"], item["embedding"]) for item in result["data"]]


def test_vectors_without_numbers_keep_their_order():
    """A service that numbers nothing answers in the order of the inputs."""
    data = [{"embedding": [0.0]}, {"embedding": [1.0]}]

    result = API.answer(make_call(value=[[1], [2]]), upstream(data=data))

    assert [(0, [0.0]), (1, [1.0])] == [(item["index"], item["embedding"]) for item in result["data"]]


def test_one_list_of_tokens_is_one_input():
    """Tokens of one text give one vector."""
    result = API.answer(make_call(value=[1, 2, 3]), upstream([1.0]))

    assert len(result["data"]) == 1


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}, "many"])
def test_usage_is_there_even_if_the_upstream_counts_nothing(usage):
    """The document requires both counts."""
    result = API.answer(make_call(), upstream([1.0], usage=usage))

    assert {"prompt_tokens": 0, "total_tokens": 0} == result["usage"]
    validate("CreateEmbeddingResponse", result)


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": None},
        {"data": []},
        {"data": ["AAAAPw=="]},
        upstream([1.0], [2.0]),
        upstream(data=[{"index": 1, "embedding": [1.0]}]),
        upstream(data=[{"index": [], "embedding": [1.0]}]),
        upstream(data=[{"index": False, "embedding": [1.0]}]),
        upstream(data=[{"index": 0}]),
        upstream(None),
        upstream([]),
        upstream(""),
        upstream({"float": [1.0]}),
        upstream(["1.0"]),
        upstream([1.0, None]),
        upstream([True]),
        upstream([float("inf")]),
        upstream([float("inf"), float("-inf")]),
        upstream([10**400, 0.5]),
        upstream("not base64"),
        upstream("AAAAPw"),
        upstream("AAAA!Pw=="),
        upstream("AAAA"),
        upstream("é"),
    ],
)
def test_a_malformed_answer_is_an_upstream_error(encoding_format, body):
    """Nothing half right reaches the client, and never an empty list."""
    with pytest.raises(UpstreamBadResponseError):
        API.answer(make_call(encoding_format), body)


def test_a_base64_vector_must_hold_numbers():
    """NaN cannot be written as JSON, so it is the upstream's fault before it is the client's."""
    with pytest.raises(UpstreamBadResponseError):
        API.answer(make_call(), upstream(packed(1.0, float("nan"))))


def test_a_number_too_large_for_32_bits_is_an_upstream_error():
    """1e300 has no place in the official client's format."""
    with pytest.raises(UpstreamBadResponseError):
        API.answer(make_call("base64"), upstream([1e300]))


def test_is_never_streamed():
    """There is no encoder; asking for one is a mistake of the gateway's own."""
    assert API.name == "embeddings"
    with pytest.raises(AssertionError, match="embeddings is never streamed"):
        API.encoder(make_call())
