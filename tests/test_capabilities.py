"""What requests need, and what is known of models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms import capabilities
from llms.capabilities import Needs
from llms.terms import Capabilities

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PICTURE = {"type": "image_url", "image_url": {"url": "data:" + "A" * 10_000}}


def says(content):
    return {"messages": [{"role": "user", "content": content}]}


def test_text_needs_nothing_but_its_length():
    """Four bytes are a token."""
    found = capabilities.needs(says("x" * 4000))

    assert (False, False, False) == (found.tools, found.vision, found.json_schema)
    assert 1000 < found.context < 1010


def test_nothing_needs_nothing():
    """As embeddings, which have no messages."""
    assert Needs() == capabilities.needs({"input": "x"})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, ("tools",)),
        ({"tools": [], "functions": None}, ()),
        ({"functions": [{"name": "f"}]}, ("tools",)),
        (says([{"type": "text", "text": "x"}, PICTURE]), ("vision",)),
        (says([{"type": "text", "text": "x"}, "no object"]), ()),
        ({"messages": ["no object"]}, ()),
        ({"response_format": {"type": "json_schema"}}, ("json_schema",)),
        ({"response_format": {"type": "json_object"}}, ()),
        ({"response_format": "json_schema"}, ()),
    ],
)
def test_needs(body, expected):
    """Tools that are offered, pictures that are shown, a schema for the answer."""
    found = capabilities.needs(body)

    assert expected == tuple(name for name in ("tools", "vision", "json_schema") if getattr(found, name))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_answer_counts(name):
    """What the answer may have needs room, too; a limit that is no number is for others to refuse."""
    assert 500 == capabilities.needs({name: 500}).context
    assert 0 == capabilities.needs({name: "500"}).context


def test_pictures_count_by_the_piece():
    """Not by their bytes, which are no text."""
    found = capabilities.needs(says([PICTURE, PICTURE]))

    assert 1600 < found.context < 1620


def test_tools_count():
    """Their descriptions are part of the prompt."""
    assert 250 == capabilities.needs({"tools": [{"function": {"description": "x" * 1000}}]}).context


def test_depth_is_no_matter():
    """A client decides how deep a request goes."""
    nested = "xxxx"
    for _ in range(100_000):
        nested = [nested]

    assert 1 <= capabilities.needs({"messages": [nested]}).context <= 3


@given(st.lists(JSON), JSON)
def test_any_request(messages, form):
    """Whatever the reader lets pass has needs."""
    assert capabilities.needs({"messages": messages, "response_format": form}).context >= 0


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({}, Capabilities()),
        ({"context_length": 8192}, Capabilities(context=8192)),
        ({"capabilities": {"tools": True, "vision": False}}, Capabilities(tools=True, vision=False)),
        ({"supported_parameters": ["tools"]}, Capabilities(tools=True, json_schema=False)),
        ({"supported_parameters": ["structured_outputs"]}, Capabilities(tools=False, json_schema=True)),
        ({"architecture": {"input_modalities": ["text", "image"]}}, Capabilities(vision=True)),
        ({"architecture": {"input_modalities": ["text"]}}, Capabilities(vision=False)),
        ({"architecture": {"output_modalities": ["text"]}}, Capabilities()),
        ({"capabilities": {"json_schema": True}, "supported_parameters": []}, Capabilities(False, None, True)),
    ],
)
def test_what_a_list_says(listed, expected):
    """In either of the forms that lists have; what they leave out is not known."""
    assert expected == capabilities.of(listed)


@pytest.mark.parametrize(
    ("name", "words"),
    [("tools", "cannot call tools"), ("vision", "takes no pictures"), ("json_schema", "knows no json_schema")],
)
def test_lacking(name, words):
    """Only what is known to be missing is missing, and only if it is needed."""
    asked = Needs(**{name: True})

    assert words == capabilities.lacking(asked, Capabilities(**{name: False}))
    assert None is capabilities.lacking(asked, Capabilities(**{name: True}))
    assert None is capabilities.lacking(asked, Capabilities())
    assert None is capabilities.lacking(Needs(), Capabilities(**{name: False}))


def test_too_long():
    """By the estimate; what just fits fits."""
    assert None is capabilities.too_long(Needs(context=100), Capabilities(context=100))
    assert None is capabilities.too_long(Needs(context=10**9), Capabilities())
    assert "takes 1,000 tokens, and the request is estimated at 1,001" == capabilities.too_long(
        Needs(context=1001), Capabilities(context=1000)
    )
