"""The kinds of provider."""

from typing import get_args

from llms.providers import registry
from llms.providers.presets import PRESETS


def test_every_preset_is_a_type():
    """A preset needs no more than its name in the configuration."""
    assert [] == [name for name in PRESETS if name not in registry.TYPES]


def test_the_options_of_a_type_accept_it():
    """A type decodes into options that know it by that name."""
    assert [] == [
        name for name, kind in registry.TYPES.items() if name not in get_args(kind.model_fields["type"].annotation)
    ]


def test_the_vendors():
    """One module for each."""
    assert {"openai", "airefinery", "ollama", "demo"} == {
        kind.__module__.rpartition(".")[2] for kind in registry.TYPES.values()
    }
