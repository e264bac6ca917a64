import pytest

from llms import routing
from llms.errors import ModelNotFoundError
from llms.records import Route, Target
from llms.routing import Offer
from llms.terms import Terms

OPENAI = Offer("openai", frozenset({"gpt-5", "o9"}))
GROQ = Offer("groq", frozenset({"llama-4", "gpt-5"}))
UNASKED = Offer("mistral", None)


def targets(*arguments):
    return routing.route(*arguments).targets


def off(provider):
    return Offer(provider, None, off="no server answers")


def test_alias():
    """An alias stands for its targets, in their order."""
    aliases = {"fast": Route((Target("groq", "llama-4"), Target("openai", "gpt-5")))}

    assert aliases["fast"].targets == targets("fast", aliases, [OPENAI, GROQ])


def test_alias_skips_providers_that_are_off():
    """A target whose provider is off is left out."""
    aliases = {"fast": Route((Target("groq", "llama-4"), Target("openai", "gpt-5")))}

    found = routing.route("fast", aliases, [OPENAI, off("groq")])

    assert (Target("openai", "gpt-5"),) == found.targets
    assert ((Target("groq", "llama-4"), "no server answers"),) == found.off


def test_alias_without_providers():
    """An alias all of whose providers are off is said to be just that."""
    aliases = {"fast": Route((Target("groq", "llama-4"),))}

    with pytest.raises(ModelNotFoundError, match="none of its providers is on"):
        targets("fast", aliases, [OPENAI, off("groq")])


def test_prefix_names_the_provider():
    """``provider/model`` goes to that provider, whether it lists the model or not."""
    assert (Target("openai", "brand-new"),) == targets("openai/brand-new", {}, [GROQ, OPENAI])


def test_prefix_then_those_that_list_the_whole_name():
    """A name with a slash may be both: the provider comes first, then who lists it as it stands."""
    router = Offer("openrouter", frozenset({"openai/gpt-5"}))

    expected = (Target("openai", "gpt-5"), Target("openrouter", "openai/gpt-5", rank=1))
    assert expected == targets("openai/gpt-5", {}, [router, OPENAI])


def test_provider_that_lists_its_own_name():
    """``openrouter/auto`` is a model of that very name at openrouter."""
    router = Offer("openrouter", frozenset({"openrouter/auto"}))

    assert (Target("openrouter", "openrouter/auto"),) == targets("openrouter/auto", {}, [router])


def test_listed_by_several():
    """A bare name goes to every provider that lists it, in the configuration's order."""
    expected = (Target("groq", "gpt-5"), Target("openai", "gpt-5", rank=1))
    assert expected == targets("gpt-5", {}, [GROQ, OPENAI, UNASKED])


def test_unknown_lists_are_the_last_resort():
    """A name that nobody lists goes to providers whose list is not known."""
    assert (Target("mistral", "pixtral"),) == targets("pixtral", {}, [GROQ, UNASKED])


def test_not_found_says_what_is_near():
    """An unknown name gets the nearest known one."""
    with pytest.raises(ModelNotFoundError, match="Did you mean llama-4") as caught:
        targets("llama4", {}, [GROQ])

    assert "model" == caught.value.param
    assert "model_not_found" == caught.value.code


def test_not_found_without_a_near_name():
    """A name like no other gets no suggestion, and a long one is cut."""
    with pytest.raises(ModelNotFoundError) as caught:
        targets("x" * 100_000, {}, [GROQ])

    assert "Did you mean" not in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("model", ["/", "openai/", "/gpt-5", ""])
def test_half_a_prefix_is_none(model):
    """A prefix without a name, or a name without a prefix, is not found."""
    with pytest.raises(ModelNotFoundError):
        targets(model, {}, [OPENAI])


def test_not_found_among_very_many():
    """Among very many names one that begins alike is still suggested."""
    many = Offer("many", frozenset(f"other-{number}" for number in range(50_000)) | {"llama-4"})

    with pytest.raises(ModelNotFoundError, match="Did you mean llama-4"):
        targets("llama4", {}, [many])


def test_several_keys_are_targets_of_one_rank():
    """A provider with several keys is as many targets, which share its load."""
    keys = Offer("openai", frozenset({"gpt-5"}), credentials=("A", "B"))

    assert (
        Target("openai", "gpt-5", credential="A", weight=0.5),
        Target("openai", "gpt-5", credential="B", weight=0.5),
    ) == targets("gpt-5", {}, [keys])


def test_terms_of_the_provider():
    """A name that is no alias is called on its provider's terms."""
    hasty = Offer("openai", frozenset({"gpt-5"}), terms=Terms(retries=0))

    assert [Terms(retries=0)] == [target.terms for target in targets("gpt-5", {}, [hasty])]
