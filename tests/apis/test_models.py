from llms.apis import models
from llms.records import Model
from tests.support.openapi import validate

LLAMA = Model(id="meta/llama", owned_by="ollama", created=1_700_000_000, extra={"context_length": 8192})


def test_a_model_has_openais_four_keys_and_its_own():
    """A client finds what it knows, and what else the provider says of the model."""
    result = models.one(LLAMA)

    expected = {
        "id": "meta/llama",
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "ollama",
        "context_length": 8192,
    }
    assert expected == result
    assert list(expected) == list(result)
    validate("Model", result)


def test_extra_keys_do_not_replace_the_four():
    """A provider cannot rename a model by what it says of it."""
    result = models.one(Model(id="a", owned_by="b", extra={"id": "x", "object": "y", "owned_by": "z", "created": "w"}))

    assert {"id": "a", "object": "model", "created": 0, "owned_by": "b"} == result


def test_lists_models_in_order():
    """The list is a list object, in the order that it was given."""
    demo = Model(id="demo", owned_by="demo")

    result = models.listing(iter([demo, LLAMA]))

    assert {"object": "list", "data": [models.one(demo), models.one(LLAMA)]} == result
    validate("ListModelsResponse", result)


def test_a_list_may_be_empty():
    """Where no provider is on the list is there all the same."""
    assert {"object": "list", "data": []} == models.listing([])
