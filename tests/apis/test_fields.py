import pytest

from llms.apis import fields
from llms.errors import InvalidRequestError


def refusal(check, *args, **options):
    with pytest.raises(InvalidRequestError) as refused:
        check(*args, **options)
    assert 400 == refused.value.status
    return refused.value.param, refused.value.code, refused.value.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": None}, None),
        ({}, None),
        ({"a": 1}, 1),
        ({"a": 128}, 128),
        ({"a": 5.0}, 5),
    ],
)
def test_integers(value, expected):
    """A whole number may be written with a point; null is the same as nothing."""
    result = fields.integer(value, "a", 1, 128)

    assert (type(expected), expected) == (type(result), result)


@pytest.mark.parametrize("value", [0, 129, 1e9, 10**30, 1.5, "5", True, [], {}, float("inf"), float("nan")])
def test_no_integers(value):
    """C29, C35: text, fractions, booleans and numbers out of range are no such numbers."""
    expected = ("x.a", "invalid_value", "x.a must be a whole number from 1 to 128.")
    assert expected == refusal(fields.integer, {"a": value}, "a", 1, 128, path="x.")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), (0, 0), (1.5, 1.5), ("0.7", 0.7), ("1." + "0" * 30, 1.0), (" 2 ", 2.0), (2, 2)],
)
def test_numbers(value, expected):
    """A number may come as text."""
    assert expected == fields.number({"a": value}, "a", 0, 2)


@pytest.mark.parametrize("value", ["hot", "", "nan", "inf", "1" * 33, -0.1, 7, True, [], {}, float("nan")])
def test_no_numbers(value):
    """C35: a word, or a number out of range, is refused."""
    assert ("a", "invalid_value", "a must be a number from 0 to 2.") == refusal(fields.number, {"a": value}, "a", 0, 2)


@pytest.mark.parametrize("value", ["true", "false", "", 0, 1, [], {}])
def test_no_flags(value):
    """A boolean is true or false, and nothing like it."""
    assert ("o.a", "invalid_value", "o.a must be true or false.") == refusal(fields.flag, {"a": value}, "a", path="o.")


@pytest.mark.parametrize("value", [True, False, None])
def test_flags(value):
    """A boolean is given as it is."""
    assert value is fields.flag({"a": value}, "a")


@pytest.mark.parametrize("value", ["m", "../x", "org/model:7b", "gpt-4\u043e", "x" * 512])
def test_models(value):
    """C36: a model's name is only looked up, so most names are taken."""
    assert value == fields.model({"model": value})


@pytest.mark.parametrize(
    "value", ["", "x" * 513, "x" * (1 << 20), "a\r\nb", "a\0", "a\x7f", "\u2028", "\ud83d", 5, True, [], {}]
)
def test_no_models(value):
    """C36: an empty, endless or forged name is refused, and not repeated."""
    message = "model must be a string of 1 to 512 characters without control characters."
    assert ("model", "invalid_value", message) == refusal(fields.model, {"model": value})


@pytest.mark.parametrize("body", [{}, {"model": None}])
def test_missing_model(body):
    """A request has to name a model."""
    assert ("model", "missing_required_parameter") == refusal(fields.model, body)[:2]


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("", None), ("abc", "abc")])
def test_text(value, expected):
    """An empty text is the same as none."""
    assert expected == fields.text({"a": value}, "a", 3)


@pytest.mark.parametrize("value", ["abcd", 5, True, [], {}])
def test_no_text(value):
    """A text is a string of bounded length."""
    assert ("a", "invalid_value", "a must be a string of at most 3 characters.") == refusal(
        fields.text, {"a": value}, "a", 3
    )


@pytest.mark.parametrize(
    ("value", "code"), [(None, "missing_required_parameter"), ("", "invalid_value"), (5, "invalid_value")]
)
def test_required_text(value, code):
    """A required text that is not there is told from one that is wrong."""
    assert ("x.a", code) == refusal(fields.required_text, {"a": value}, "a", path="x.")[:2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ([], None),
        ([""], None),
        ("x", "x"),
        (["x", "", "\n"], ["x", "\n"]),
        (["x"] * 1024, ["x"] * 1024),
    ],
)
def test_stop(value, expected):
    """Empty stop sequences count as absent; local servers take more than OpenAI's four."""
    assert expected == fields.stop({"stop": value})


@pytest.mark.parametrize(
    ("value", "param"), [(["x"] * 10_000, "stop"), (5, "stop"), ({}, "stop"), (False, "stop"), (["x", 5], "stop[1]")]
)
def test_no_stop(value, param):
    """C35: stop is a string or a list of not too many strings."""
    assert (param, "invalid_value") == refusal(fields.stop, {"stop": value})[:2]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("ann", "ann"),
        ({"id": "1", "name": "\u00e9"}, '{"id":"1","name":"é"}'),
        ({"id": "\ud83d"}, '{"id":"\\ud83d"}'),
        ({"image": "x" * 500}, '{"image":"' + "x" * 500 + '"}'),
        ({"image": "x" * 501}, None),
    ],
)
def test_user(value, expected):
    """Open WebUI sends an object; it becomes JSON, or is left out if it is long."""
    assert expected == fields.user({"user": value})


@pytest.mark.case("K19")
@pytest.mark.parametrize("value", ["x" * 513, 5, []])
def test_no_user(value):
    """K19: a user is a bounded string."""
    assert ("user", "invalid_value") == refusal(fields.user, {"user": value})[:2]


@pytest.mark.parametrize(
    "value", [{"a": "x" * 512}, {"x" * 512: ""}, {"tags": ["a", {"b": 1}]}, {str(name): "" for name in range(64)}]
)
def test_metadata(value):
    """Metadata is kept as it is."""
    assert value == fields.metadata({"metadata": value})


@pytest.mark.parametrize("value", [None, {}])
def test_empty_metadata(value):
    """Empty metadata counts as absent."""
    assert None is fields.metadata({"metadata": value})


@pytest.mark.case("K19")
@pytest.mark.parametrize(
    "value",
    ["x", [], 5, {"a": "x" * 513}, {"a": ["x" * 512]}, {"x" * 513: ""}, {str(name): "" for name in range(65)}],
)
def test_no_metadata(value):
    """K19: metadata is few and short."""
    assert ("metadata", "invalid_value") == refusal(fields.metadata, {"metadata": value})[:2]


def test_normal():
    """Nulls go, checked fields are settled, unknown ones stay, and the body itself is not changed."""
    body = {"a": None, "b": "1", "c": "", "d": {"e": None}}

    result = fields.normal(body, {"b": lambda body, name: int(body[name]), "c": fields.text})

    assert {"b": 1, "d": {"e": None}} == result
    assert {"a": None, "b": "1", "c": "", "d": {"e": None}} == body


@pytest.mark.parametrize(
    "name",
    [
        "api_base",
        "base_url",
        "api_key",
        "custom_host",
        "extra_headers",
        "extra_query",
        "proxy",
        "timeout",
        "callback_url",
    ],
)
def test_destinations(name):
    """K01, C37: a request cannot choose where it goes, and its value is not repeated."""
    param, code, message = refusal(fields.normal, {name: "http://127.0.0.1"}, {})

    assert (name, "unknown_parameter") == (param, code)
    assert "127.0.0.1" not in message
