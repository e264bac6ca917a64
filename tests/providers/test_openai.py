import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from llms.providers.http import HttpProvider
from llms.providers.openai import Options, Service
from llms.providers.presets import PRESETS, Dialect

ENVIRON = {"OPENAI_API_KEY": " key-1 ", "ORG": "org-1", "TAG": "tag-1", "EMPTY": " "}


def make_service(**given: Any) -> Service:
    return Options(**given).service("acme", ENVIRON)


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    """A preset is a name alone: with its key in the environment it is ready, and a local one needs none."""
    preset = PRESETS[name]
    options = Options(type=name)

    assert re.fullmatch(r"https?://[^/]+(/[\w.-]+)*", preset.base_url)
    assert (preset.base_url if preset.api_key is None else None) == options.local_url
    if preset.api_key is None:
        assert None is options.missing({})
    else:
        assert f"{preset.api_key[1:]} is not set" == options.missing({})
        assert None is options.missing({preset.api_key[1:]: "x"})


def test_types() -> None:
    """Every preset can be written as a type, and no other name."""
    assert tuple(PRESETS) == get_args(Options.model_fields["type"].annotation)
    with pytest.raises(ValidationError):
        Options(type="acme")


def test_openai() -> None:
    """Without a word said it is OpenAI, with OPENAI_API_KEY."""
    service = make_service(organization="org-x", project="$ORG", headers={"X-Tag": "$TAG", "X-Plain": "p"})

    assert "https://api.openai.com/v1" == service.base_url
    assert {
        "Authorization": "Bearer key-1",
        "OpenAI-Organization": "org-x",
        "OpenAI-Project": "org-1",
        "X-Plain": "p",
        "X-Tag": "tag-1",
    } == service.headers
    assert {"key-1", "org-1", "tag-1"} == set(service.secrets)
    assert "$OPENAI_API_KEY" == service.key_name


@pytest.mark.parametrize("kind", ["openai", "groq"])
def test_key_stays_home(kind: str) -> None:
    """A preset's own key is never sent to another base_url."""
    options = Options(type=kind, base_url="https://evil.test/v1")
    service = options.service("acme", {"OPENAI_API_KEY": "x", "GROQ_API_KEY": "x"})

    assert (None, {}) == (options.missing({}), service.headers)


def test_custom() -> None:
    """A custom base_url needs no preset; nothing is assumed of what is there."""
    service = make_service(base_url="https://llm.test/v1/", api_key="$OPENAI_API_KEY", drop=("seed",))

    assert ("https://llm.test/v1", Dialect(), ("seed",)) == (service.base_url, service.dialect, service.drop)
    assert {"Authorization": "Bearer key-1"} == service.headers


def test_own_base_url() -> None:
    """A preset's base_url written out changes nothing."""
    assert make_service() == make_service(base_url="https://api.openai.com/v1/")


def test_quirks() -> None:
    """Each quirk can be set by hand; the rest stay the preset's."""
    service = make_service(
        type="vllm", max_tokens_field="max_tokens", developer_role=True, reasoning_field="reasoning_content"
    )
    other = make_service(type="openai", developer_role=False)

    assert Dialect("max_tokens", developer_role=True) == service.dialect
    assert (False, "none", True) == (
        other.dialect.developer_role,
        other.dialect.reasoning_field,
        other.dialect.strict,
    )


def test_think_tags() -> None:
    """It can be said of each model how it writes its reasoning, in two words and no other."""
    given = {"qwen3": "tagged", "*": "opened"}

    assert {} == make_service().think_tags
    assert given == make_service(think_tags=given).think_tags
    with pytest.raises(ValidationError, match=r"think_tags\.qwen3"):
        Options(think_tags={"qwen3": "closed"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"api_key": "$NOPE"}, "NOPE is not set"),
        ({"api_key": "$EMPTY"}, "EMPTY is not set"),
        ({"organization": "$NOPE"}, "NOPE is not set"),
        ({"project": "$NOPE"}, "NOPE is not set"),
        ({"headers": {"X-Tag": "$NOPE"}}, "NOPE is not set"),
        ({"organization": "plain", "headers": {"X-Tag": "$TAG"}}, None),
    ],
)
def test_missing(given: dict[str, Any], expected: str | None) -> None:
    """A variable that is named and not set keeps the provider off, and is named."""
    assert expected == Options(**given).missing(ENVIRON)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"base_url": "http://127.0.0.1:9/v1"}, "http://127.0.0.1:9/v1"),
        ({"base_url": "http://localhost:9"}, "http://localhost:9"),
        ({"base_url": "http://[::1]:9/v1"}, "http://[::1]:9/v1"),
        ({"base_url": "http://gpu.test:9/v1"}, None),
        ({"base_url": "http://10.0.0.5:9/v1"}, None),
        ({"base_url": "http://127.0.0.1:9/v1", "api_key": "$TAG"}, None),
        ({}, None),
    ],
)
def test_local(given: dict[str, Any], expected: str | None) -> None:
    """A server on this machine that needs no key is asked whether it runs."""
    assert expected == Options(**given).local_url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/v1",
        "api.openai.com/v1",
        "https://",
        "https:///v1",
        "https://user@a/v1",
        "https://user:pass@a/v1",
        "https://a/v1?key=x",
        "https://a/v1?",
        "https://a/v1#x",
        "https://a/v 1",
        "https://a:x/v1",
        "https://a:99999/v1",
        "https://a\\b/v1",
        "",
    ],
)
def test_bad_base_url(url: str) -> None:
    """A base_url is http(s), with a host and without user name, query or fragment."""
    with pytest.raises(ValidationError):
        Options(base_url=url)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "$KEY"},
        {"x-api-key": "$KEY"},
        {"Cookie": "a"},
        {"Host": "a"},
        {"Content-Length": "1"},
        {"X Tag": "a"},
        {"": "a"},
        {"X-Tag": "a\r\nb"},
        {"X-Tag": "é"},
    ],
)
def test_bad_headers(headers: dict[str, str]) -> None:
    """Keys go into api_key; framing is the gateway's; a header cannot be split."""
    with pytest.raises(ValidationError):
        Options(headers=headers)


@pytest.mark.parametrize("given", [{"api_key": "sk-written-out"}, {"reasoning_field": "x"}, {"unknown": 1}])
def test_strict(given: dict[str, Any]) -> None:
    """A key written out, a wrong value and an unknown option are refused."""
    with pytest.raises(ValidationError):
        Options(**given)


def test_every_option_is_described() -> None:
    """Every option has a line of documentation."""
    assert [] == [name for name, option in Options.model_fields.items() if name != "type" and not option.description]


def test_build() -> None:
    """The provider has the name that the configuration gives it."""
    provider = Options().build("acme", ENVIRON, lambda _: (_ for _ in ()).throw(AssertionError))  # type: ignore[arg-type]

    assert (HttpProvider, "acme") == (type(provider), provider.name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "openai"),
        ({"type": "groq"}, "groq"),
        ({"type": "groq", "base_url": "https://api.groq.com/openai/v1/"}, "groq"),
        ({"base_url": "https://llm.example.com/v1"}, None),
        ({"base_url": "http://127.0.0.1:9000/v1"}, None),
        ({"type": "groq", "base_url": "http://127.0.0.1:9000/v1"}, None),
        ({"type": "vllm"}, "vllm"),
        ({"type": "vllm", "base_url": "http://localhost:9000/v1"}, "vllm"),
        ({"type": "vllm", "base_url": "https://gpus.example.com/v1"}, None),
    ],
)
def test_priced_as(given, expected):
    """The catalogue's prices are those of the service itself, and nothing of one at another address."""
    assert expected == Options(**given).priced_as
