"""The JSON Schema that editors check a configuration against."""

import json
from pathlib import Path

import jsonschema
import pytest

from llms.config import json_schema

TOP = Path(__file__).parent.parent
SCHEMA = json_schema()


def valid(document):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


def test_it_is_a_schema():
    """It is right by the standard's own schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_is_the_same_each_time():
    """A diff of two versions shows changes only."""
    assert json.dumps(SCHEMA) == json.dumps(json_schema())


def test_the_packaged_default_obeys_it():
    """What we ship shows no squiggle."""
    assert valid(json.loads((TOP / "config.json").read_bytes()))


def test_the_copy_in_the_documentation_is_current():
    """config.json points at it; ``llms config schema > docs/config.schema.json`` renews it."""
    assert json.loads((TOP / "docs" / "config.schema.json").read_bytes()) == SCHEMA


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"$schema": "x", "server": {"port": 1, "keys": ["$A"], "clocks": {"idle_s": 2.5}}},
        {"providers": {"groq": {}, "ollama": {"keep_alive": -1}, "demo": {"models": ["a"]}}},
        {"providers": {"mine": {"base_url": "http://x/v1"}, "box": {"type": "ollama", "base_url": "http://x"}}},
        {"models": {"a": "demo/demo", "b": ["demo/demo"], "c": {"targets": ["demo/x"], "defaults": {"top_p": 1}}}},
        {"models": {"a": ["demo/x", {"target": "demo/y"}], "b": [["demo/x", {"target": "demo/y", "weight": 2.5}]]}},
        {
            "models": {
                "a": {
                    "targets": [
                        [{"target": "demo/x", "overrides": {"top_p": 1}, "drop": ["seed"], "can": {"tools": False}}],
                        "demo/y",
                    ],
                    "clocks": {"first_byte_s": 3},
                    "bounds": {"max_events": 10},
                    "retries": 0,
                    "fallback": False,
                    "breaker": False,
                    "retry_ambiguous": True,
                    "sticky": False,
                    "hedge_percent": 5,
                }
            }
        },
        {
            "providers": {
                "groq": {"api_key": ["$A", "$B"], "concurrency": 4, "queue": 0, "queue_s": 1.5, "retries": 1},
                "demo": {"clocks": {"connect_s": 1}, "bounds": {"max_event_bytes": 2048}, "breaker": False},
            }
        },
    ],
)
def test_what_it_lets_pass(document):
    """All that the gateway understands."""
    assert valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {"prviders": {}},
        {"server": {"prot": 1}},
        {"server": {"keys": ["secret"]}},
        {"server": {"clocks": {"idle": 1}}},
        {"providers": {"groq": {"bas_url": "x"}}},
        {"providers": {"groq": {"api_key": "gsk_secret"}}},
        {"providers": {"mine": {}}},
        {"providers": {"mine": {"type": "olama"}}},
        {"providers": {"Mine": {"type": "demo"}}},
        {"models": {"a": "demo"}},
        {"models": {"a": []}},
        {"models": {"a": {"target": "demo/x"}}},
        {"models": {"a": [[]]}},
        {"models": {"a": [["demo"]]}},
        {"models": {"a": [[["demo/x"]]]}},
        {"models": {"a": [{"target": "demo"}]}},
        {"models": {"a": [{"target": "demo/x", "weight": 0}]}},
        {"models": {"a": [{"target": "demo/x", "wieght": 1}]}},
        {"models": {"a": [{"target": "demo/x", "can": {"fly": True}}]}},
        {"models": {"a": {"targets": ["demo/x"], "hedge_percent": 101}}},
        {"models": {"a": {"targets": ["demo/x"], "retries": -1}}},
        {"providers": {"groq": {"concurrency": 0}}},
        {"providers": {"groq": {"clocks": {"idle": 1}}}},
        {"providers": {"groq": {"api_key": []}}},
    ],
)
def test_what_it_marks(document):
    """The mistakes that people make most."""
    assert not valid(document)


def test_every_option_is_described():
    """An editor shows the description beside the name."""
    bare = [
        f"{name}.{option}"
        for name, definition in SCHEMA["$defs"].items()
        for option, schema in definition.get("properties", {}).items()
        if option not in ("type", "clocks") and "description" not in schema
    ]

    assert [] == bare
