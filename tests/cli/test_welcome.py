"""What ``llms serve`` says once it listens."""

import pytest

from llms.catalog import ProviderState
from llms.cli.welcome import welcome
from llms.config import parse
from llms.process.serve import Start
from llms.records import Model

SHA = "sha256:" + "0" * 64


def state(name, *models, on=True, reason="its key is set"):
    known = None if models == (None,) else tuple(Model(model, name) for model in models)
    return ProviderState(name, on, reason, known)


def config(keys="[]"):
    return parse(b'{"server": {"keys": %s}}' % keys.encode(), {"LLMS_KEY": "k"}, "f")


def test_the_whole_text():
    """Where it listens, who answers, who does not, and what to try."""
    states = [
        state("openai", "text-embedding-3", "gpt-5"),
        state("groq", on=False),
        state("airefinery", None, reason="its key is set; its models are not known: no answer in 5 s"),
        state("demo", "demo"),
    ]
    expected = """\
llms 0.1.0 listens on http://127.0.0.1:8000

  openai      2 models
  airefinery  its key is set; its models are not known: no answer in 5 s
  demo        1 model
  and 1 that is off: llms models says why

Chat in a browser: http://127.0.0.1:8000/

Try it:
  curl -N http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' -d '{"model":"demo","stream":true,"messages":[{"role":"user","content":"Hello"}]}'

Or with the openai package:
  python3 -c 'from openai import OpenAI; c = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none").chat.completions; [print(p.choices[0].delta.content or "", end="", flush=True) for p in c.create(model="demo", stream=True, messages=[{"role": "user", "content": "Hello"}])]'
"""

    assert expected == welcome(Start("http://127.0.0.1:8000", states, bool(config().server.keys), None), config())


def test_no_provider_at_all():
    """It says so."""
    text = welcome(
        Start(
            "http://127.0.0.1:8000", [state("groq", on=False), state("xai", on=False)], bool(config().server.keys), None
        ),
        config(),
    )

    assert ["  no provider is on", "  and 2 that are off: llms models says why"] == text.splitlines()[2:4]


def test_without_the_demo():
    """The line to try names a model that is there, one that chats."""
    text = welcome(
        Start("http://127.0.0.1:8000", [state("openai", "whisper-1", "gpt-5")], bool(config().server.keys), None),
        config(),
    )

    assert '"model":"gpt-5"' in text


@pytest.mark.parametrize(
    ("keys", "header", "key"),
    [
        ('["$LLMS_KEY"]', '-H "Authorization: Bearer $LLMS_KEY"', 'api_key=os.environ["LLMS_KEY"]'),
        (f'["{SHA}"]', '-H "Authorization: Bearer $LLMS_KEY"', 'api_key=os.environ["LLMS_KEY"]'),
    ],
)
def test_where_a_key_is_needed(keys, header, key):
    """The lines to try name the variable, never the key."""
    text = welcome(
        Start("http://127.0.0.1:8000", [state("demo", "demo")], bool(config(keys).server.keys), None), config(keys)
    )

    assert (True, True) == (header in text, key in text)


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://0.0.0.0:80", "http://127.0.0.1:80"),
        ("http://[::]:80", "http://[::1]:80"),
        ("http://10.0.0.1:80", "http://10.0.0.1:80"),
    ],
)
def test_an_address_that_stands_for_all(url, reached):
    """What to try is an address that can be connected to."""
    text = welcome(Start(url, [state("demo", "demo")], bool(config().server.keys), None), config())

    assert (True, True) == (f"listens on {url}\n" in text, f"curl -N {reached}/v1/" in text)
