"""From a provider's options to the provider: whether it is on, why, and its keys and places."""

import pytest

from llms.bulkhead import Bulkhead
from llms.config import parse
from llms.terms import Clocks, Terms
from llms.transport import Transport
from llms.upstreams import made


def make(section, environ=None, *, own_url=None, kind="openai"):
    config = parse(f'{{"providers": {{"p": {{"type": "{kind}"{section}}}}}}}'.encode(), environ or {}, "config.json")
    terms = Terms(Clocks(connect_s=7))
    options = config.providers["p"]
    return made("p", options, environ or {}, Transport(5), own_url, terms, Bulkhead("p", options.room))


@pytest.mark.parametrize(
    ("section", "environ", "reason"),
    [
        (', "enabled": false', {"OPENAI_API_KEY": "x"}, "switched off in the configuration"),
        ("", {}, "OPENAI_API_KEY is not set"),
        (', "api_key": ["$A", "$B"]', {}, "A is not set"),
        (', "api_key": "$A"', {"A": "k€y"}, "A holds a character that no key has"),
    ],
)
def test_off(section, environ, reason):
    """With the reason, and without a provider."""
    found = make(section, environ)

    assert (None, None, reason) == (found.entry.provider, found.upstream, found.entry.reason)


@pytest.mark.parametrize(
    ("section", "environ", "credentials", "reason"),
    [
        ("", {"OPENAI_API_KEY": "x"}, (), "OPENAI_API_KEY is set"),
        (', "api_key": ["$A", "$B"]', {"A": "x", "B": "y"}, ("A", "B"), "A is set"),
        (', "api_key": ["$A", "$B"]', {"B": "y"}, ("B",), "B is set"),
    ],
)
def test_on(section, environ, credentials, reason):
    """As many providers as it has keys that are set; places for all of them together."""
    found = make(section, environ)

    assert (credentials, reason) == (found.entry.credentials, found.entry.reason)
    assert list(credentials) or [None] == list(found.upstream.providers)
    assert 7 == found.entry.terms.clocks.connect_s


@pytest.mark.parametrize(
    ("own_url", "on"),
    [
        ("http://0.0.0.0:11434", False),
        ("http://127.0.0.1:11434", False),
        ("http://127.0.0.1:8000", True),
        ("http://10.0.0.1:11434", True),
        (None, True),
    ],
)
def test_own_address(own_url, on):
    """The gateway does not take itself for a local server."""
    found = make("", own_url=own_url, kind="ollama")

    assert (on, "its server answers" if on else "its address is this gateway's own") == (
        found.upstream is not None,
        found.entry.reason,
    )


def test_needs_no_key():
    """As the demo."""
    assert "needs no key" == make("", kind="demo").entry.reason
