"""Configurations that are right, and every way to get one wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.config import ConfigError, parse
from llms.records import Route, Target
from llms.terms import Bounds, Capabilities, Clocks, Terms

SHA = "sha256:" + "0123456789abcdef" * 4


def config(document, environ=None):
    return parse(json.dumps(document).encode(), environ or {}, "config.json")


def problems(document, environ=None):
    with pytest.raises(ConfigError) as caught:
        config(document, environ)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_object_is_enough():
    """Everything has a default: loopback, port 8000, no key, no provider."""
    found = config({})

    assert ("127.0.0.1", 8000, (), {}, {}) == (
        found.server.host,
        found.server.port,
        found.server.keys,
        found.providers,
        found.models,
    )


def test_defaults_of_the_server():
    """The limits and clocks that the documentation promises."""
    assert {
        "host": "127.0.0.1",
        "port": 8000,
        "keys": (),
        "allowed_hosts": (),
        "allowed_origins": (),
        "max_body_bytes": 67_108_864,
        "max_memory_bytes": None,
        "head_s": 10,
        "body_s": 30,
        "keepalive_s": 15,
        "write_stall_s": 60,
        "send_buffer_bytes": 65_536,
        "drain_s": 30,
        "reasoning": "reasoning_content",
        "clocks": {"connect_s": 5, "first_byte_s": 120, "answer_s": 600, "idle_s": 120, "total_s": 3600},
        "log_level": "info",
    } == config({}).server.model_dump()


def test_a_whole_server_section():
    """Every option of the server can be set."""
    server = {
        "host": "::1",
        "port": 0,
        "keys": ["$LLMS_KEY", SHA],
        "allowed_hosts": ["LLMS.example.com"],
        "allowed_origins": [
            "https://chat.example.com",
            "http://localhost:3000",
            "tauri://localhost",
            "http://[::1]:5173",
        ],
        "max_body_bytes": 1024,
        "max_memory_bytes": 1 << 30,
        "head_s": 0.5,
        "body_s": 0.5,
        "keepalive_s": 0,
        "write_stall_s": 5,
        "send_buffer_bytes": 4096,
        "drain_s": 0,
        "reasoning": "both",
        "clocks": {"connect_s": 1, "first_byte_s": 2, "answer_s": 3, "idle_s": 4.5, "total_s": 5},
        "log_level": "debug",
    }

    found = config({"server": server}, {"LLMS_KEY": "k"}).server

    assert json.loads(json.dumps({**server, "allowed_hosts": ["llms.example.com"]})) == found.model_dump(mode="json")


def test_settings_cannot_be_changed_afterwards():
    """A configuration is a value."""
    found = config({"providers": {"demo": {}}})

    with pytest.raises(AttributeError):
        found.server = None
    with pytest.raises(ValueError, match="frozen"):
        found.server.port = 1
    with pytest.raises(ValueError, match="frozen"):
        found.providers["demo"].enabled = False


def test_providers_keep_the_order_of_the_file():
    """The order of the file is the order of fallback."""
    names = ["groq", "demo", "openai", "ollama"]

    assert names == list(config({"providers": {name: {} for name in names}}).providers)


def test_the_type_of_a_provider():
    """It is the one given, or the provider's name, or, for one that has a base_url alone, openai."""
    found = config(
        {
            "providers": {
                "groq": {},
                "ollama": {},
                "mine": {"base_url": "http://10.0.0.1:9/v1"},
                "fast": {"type": "groq"},
                "groq-eu": {"type": "ollama", "base_url": "http://10.0.0.2"},
                "mistral": {"base_url": "http://10.0.0.3/v1"},
            }
        }
    )

    assert {
        "groq": "groq",
        "ollama": "ollama",
        "mine": "openai",
        "fast": "groq",
        "groq-eu": "ollama",
        "mistral": "mistral",
    } == {name: options.model_dump()["type"] for name, options in found.providers.items()}


def test_a_provider_without_its_key_is_no_mistake():
    """It is off, which is not the configuration's fault."""
    found = config({"providers": {"openai": {"api_key": "$NOBODY_SET_THIS"}}})

    assert "NOBODY_SET_THIS is not set" == found.providers["openai"].missing({})


def test_three_spellings_of_an_alias():
    """A string, a list and an object come to the same: targets, best first."""
    found = config(
        {
            "providers": {"groq": {}, "demo": {}},
            "models": {
                "one": "groq/meta/llama",
                "two": ["groq/llama", "demo/demo"],
                "gpt-4.1": {"targets": ["demo/demo"], "defaults": {"temperature": 0, "stop": ["x"]}},
            },
        }
    )

    assert {
        "one": Route((Target("groq", "meta/llama"),)),
        "two": Route((Target("groq", "llama"), Target("demo", "demo", rank=1))),
        "gpt-4.1": Route((Target("demo", "demo", {"temperature": 0, "stop": ["x"]}),)),
    } == found.models


def test_a_schema_may_be_named():
    """Editors want it; it means nothing to the gateway."""
    assert {} == config({"$schema": "docs/config.schema.json"}).models


def test_targets_in_full():
    """Groups share a rank; a target's own fields go before the alias's; terms come from the level above."""
    found = config(
        {
            "server": {"clocks": {"connect_s": 1, "idle_s": 7}},
            "providers": {
                "groq": {"retries": 1, "clocks": {"idle_s": 8, "total_s": 9}, "bounds": {"max_events": 5}},
                "demo": {"breaker": False, "fallback": False},
            },
            "models": {
                "fast": {
                    "targets": [
                        [
                            "groq/a",
                            {
                                "target": "groq/b",
                                "weight": 3,
                                "defaults": {"seed": 2},
                                "overrides": {"max_tokens": 10, "temperature": 0},
                                "drop": ["user"],
                                "can": {"vision": False, "context": 4096},
                            },
                        ],
                        "demo/c",
                    ],
                    "defaults": {"seed": 1, "top_p": 0.5},
                    "clocks": {"total_s": 3},
                    "retry_ambiguous": True,
                    "sticky": False,
                    "hedge_percent": 2.5,
                }
            },
        }
    )

    route = found.models["fast"]
    one, two, three = route.targets
    assert (False, 2.5, [0, 0, 1]) == (route.sticky, route.hedge_percent, [target.rank for target in route.targets])
    assert ({"seed": 1, "top_p": 0.5}, 1, {}, ()) == (one.defaults, one.weight, one.overrides, one.drop)
    assert ({"seed": 2, "top_p": 0.5}, 3) == (two.defaults, two.weight)
    assert ({"max_tokens": 10, "temperature": 0}, ("user",)) == (two.overrides, two.drop)
    assert Capabilities(vision=False, context=4096) == two.can
    clocks = Clocks(connect_s=1, idle_s=8, total_s=3)
    assert Terms(clocks, Bounds(max_events=5), retries=1, retry_ambiguous=True) == one.terms == two.terms
    of_demo = Terms(Clocks(connect_s=1, idle_s=7, total_s=3), fallback=False, retry_ambiguous=True, breaker=False)
    assert of_demo == three.terms


@pytest.mark.parametrize("where", ["defaults", "overrides"])
def test_fields_of_a_target_are_read_as_a_requests(where):
    """What no request may hold is refused in the configuration, with the field's place."""
    given = {"target": "demo/x", where: {"temperature": "hot", "top_p": 1}}

    [found] = problems({"providers": {"demo": {}}, "models": {"fast": ["demo/y", given]}})
    assert found.startswith(f"models.fast[1].{where}.temperature: ")
    [found] = problems({"providers": {"demo": {}}, "models": {"fast": {"targets": [["demo/y", given]]}}})
    assert found.startswith(f"models.fast.targets[0][1].{where}.temperature: ")


MISTAKES = [
    # the file as a whole
    ([], ["must be an object: {…}"]),
    ({"compilerOptions": {}, "include": []}, ["does not look like a configuration of llms; choose another file with --config"]),
    ({"prviders": {}}, ["prviders: unknown section; did you mean `providers`?"]),
    ({"server": {}, "zzz": 1}, ["zzz: unknown section; known are server, providers, models, store, limits, prices"]),
    ({"$schema": 1}, ["$schema: must be a string"]),
    # store, limits, prices
    ({"store": []}, ["store: must be an object"]),
    ({"store": {"url": "$NOT_SET"}}, ["store.url: the environment variable NOT_SET is not set; set it, or remove this"]),
    ({"store": {"redis": "$NOT_SET"}}, ["store.redis: the environment variable NOT_SET is not set; set it, or remove this"]),
    ({"store": {"url": "postgresql://me:s3cret@db/llms"}}, ["store.url: holds a password; put the URL into the environment, and here the variable's name, as $DATABASE_URL"]),
    ({"store": {"url": "mysql://db"}}, ["store.url: must be sqlite:FILE, postgresql://…, $NAME of an environment variable that holds either, or none"]),
    ({"limits": 1}, ["limits: must be an object"]),
    ({"limits": {"teams": {"a": {"rpm": -1}}}}, ["limits.teams.a.rpm: must be greater than or equal to 0"]),
    ({"limits": {"gateway": {"budgets": {"month": 0.0000001}}}}, ["limits.gateway.budgets.month: must have at most six digits after the point"]),
    ({"limits": {"gateway": {"budgets": {"moth": 1}}}}, ["limits.gateway.budgets.moth: unknown option; did you mean `month`?"]),
    ({"prices": []}, ["prices: must be an object"]),
    ({"prices": {"gpt": {"input": 1, "output": 1}}}, ["prices.gpt: must be named provider/model"]),
    ({"prices": {"a/b": 1}}, ['prices["a/b"]: must be an object, as {"input": 0.15, "output": 0.6}: dollars for a million tokens']),
    ({"prices": {"a/b": {"input": 1}}}, ['prices["a/b"].output: is required']),
    ({"prices": {"a/b": {"input": -1, "output": "x"}}}, ['prices["a/b"].input: must be greater than or equal to 0', 'prices["a/b"].output: must be a number']),
    # server
    ({"server": []}, ["server: must be an object"]),
    ({"server": {"prot": 1}}, ["server.prot: unknown option; did you mean `port`?"]),
    ({"server": {"allowedHosts": []}}, ["server.allowedHosts: unknown option; did you mean `allowed_hosts`?"]),
    ({"server": {"port": "8000"}}, ["server.port: must be a whole number"]),
    ({"server": {"port": 80.5}}, ["server.port: must be a whole number"]),
    ({"server": {"port": True}}, ["server.port: must be a whole number"]),
    ({"server": {"port": None}}, ["server.port: must be a whole number"]),
    ({"server": {"port": 65536}}, ["server.port: must be less than or equal to 65535"]),
    ({"server": {"port": 10**28}}, ["server.port: must be less than or equal to 65535"]),
    ({"server": {"port": -1}}, ["server.port: must be greater than or equal to 0"]),
    ({"server": {"host": "http://127.0.0.1:80"}}, ["server.host: must be a host name or an IP address, without scheme, port, path and wildcard"]),
    ({"server": {"host": ""}}, ["server.host: must be a host name or an IP address, without scheme, port, path and wildcard"]),
    ({"server": {"allowed_hosts": ["*"]}}, ["server.allowed_hosts[0]: must be a host name or an IP address, without scheme, port, path and wildcard"]),
    ({"server": {"allowed_hosts": "a"}}, ["server.allowed_hosts: must be a list"]),
    ({"server": {"allowed_origins": ["https://a.b", "*"]}}, ["server.allowed_origins[1]: must be an origin, as https://chat.example.com, without path and wildcard"]),
    ({"server": {"allowed_origins": ["https://a.b/"]}}, ["server.allowed_origins[0]: must be an origin, as https://chat.example.com, without path and wildcard"]),
    ({"server": {"keys": ["s3cret"]}}, ["server.keys[0]: must be $NAME or sha256: and 64 hex digits; put the key itself in the environment, not in this file"]),
    ({"server": {"keys": ["sha256:abc"]}}, ["server.keys[0]: must be $NAME or sha256: and 64 hex digits; put the key itself in the environment, not in this file"]),
    ({"server": {"keys": ["$NOT_SET"]}}, ["server.keys[0]: the environment variable NOT_SET is not set; set it, or remove the key"]),
    ({"server": {"max_body_bytes": 0}}, ["server.max_body_bytes: must be greater than or equal to 1024"]),
    ({"server": {"body_s": 0}}, ["server.body_s: must be greater than 0"]),
    ({"server": {"body_s": "30"}}, ["server.body_s: must be a number"]),
    ({"server": {"keepalive_s": -1}}, ["server.keepalive_s: must be greater than or equal to 0"]),
    ({"server": {"drain_s": 1e9}}, ["server.drain_s: must be less than or equal to 3600"]),
    ({"server": {"log_level": "warn"}}, ["server.log_level: must be 'debug', 'info', 'warning' or 'error'; did you mean `warning`?"]),
    ({"server": {"log_level": 3}}, ["server.log_level: must be 'debug', 'info', 'warning' or 'error'"]),
    ({"server": {"clocks": 3}}, ["server.clocks: must be an object"]),
    ({"server": {"clocks": {"idle": 3}}}, ["server.clocks.idle: unknown option; did you mean `idle_s`?"]),
    ({"server": {"clocks": {"total_s": 0}}}, ["server.clocks.total_s: must be greater than 0"]),
    # providers
    ({"providers": []}, ["providers: must be an object"]),
    ({"providers": {"groq": True}}, ["providers.groq: must be an object, as {}"]),
    ({"providers": {"groq": {"bas_url": "x"}}}, ["providers.groq.bas_url: unknown option; did you mean `base_url`?"]),
    ({"providers": {"groq": {"enabled": "no"}}}, ["providers.groq.enabled: must be true or false"]),
    ({"providers": {"groq": {"models": ["a", 1]}}}, ["providers.groq.models[1]: must be a string"]),
    ({"providers": {"opnai": {}}}, ["providers.opnai: no service of that name is known; did you mean `openai`? Give one of your own a `base_url` or a `type`"]),
    ({"providers": {"zzz": {}}}, ["providers.zzz: no service of that name is known. Give one of your own a `base_url` or a `type`"]),
    ({"providers": {"x": {"type": "olama"}}}, ["providers.x.type: unknown type; did you mean `ollama`?"]),
    ({"providers": {"x": {"type": None}}}, ["providers.x.type: must be a string"]),
    ({"providers": {"demo": {"type": ["demo"]}}}, ["providers.demo.type: must be a string"]),
    ({"providers": {"x": {"base_url": 1}}}, ["providers.x.base_url: must be a string"]),
    ({"providers": {"Bad Name": {"type": "demo"}}}, ['providers["Bad Name"]: a provider\'s name is made of a-z, 0-9, - and _ and begins with a letter or digit, 64 at most']),
    ({"providers": {"groq": {"headers": {"x": 1}}}}, ["providers.groq.headers.x: must be a string"]),
    ({"providers": {"ollama": {"keep_alive": [1]}}}, ["providers.ollama.keep_alive: must be a string, or must be a whole number"]),
    # models
    ({"models": []}, ["models: must be an object"]),
    ({"providers": {"demo": {}}, "models": {"fast": 1}}, ["models.fast: must be `provider/model`, a list of those, or an object with `targets`"]),
    ({"providers": {"demo": {}}, "models": {"fast": "demo"}}, ["models.fast: must be `provider/model`; did you mean `demo`?"]),
    ({"providers": {"demo": {}}, "models": {"fast": "gpt"}}, ["models.fast: must be `provider/model`"]),
    ({"providers": {"demo": {}}, "models": {"fast": "demo/ "}}, ["models.fast: names no model; write it as `provider/model`"]),
    ({"providers": {"demo": {}}, "models": {"fast": "dmo/x"}}, ["models.fast: no such provider in `providers`; did you mean `demo`?"]),
    ({"providers": {"demo": {}}, "models": {"gpt-4.1": ["demo/x", "zzz/x"]}}, ['models["gpt-4.1"][1]: no such provider in `providers`']),
    ({"providers": {"demo": {}}, "models": {"a": "demo/x", "b": {"targets": ["demo/x", "a"]}}}, ["models.b.targets[1]: is an alias itself; an alias stands for `provider/model` only"]),
    ({"providers": {"demo": {}}, "models": {"fast": []}}, ["models.fast: must not be empty"]),
    ({"providers": {"demo": {}}, "models": {"fast": ["demo/x", 1]}}, ["models.fast[1]: must be a string, or must be an object, or must be a list"]),
    *[
        ({"providers": {"demo": {}}, "models": {"fast": given}}, [expected])
        for given, expected in [
            ([[]], "models.fast[0]: must not be empty"),
            ({"targets": [[]]}, "models.fast.targets[0]: must not be empty"),
            ({"targets": ["demo/x", ["demo/y", "gpt"]]}, "models.fast.targets[1][1]: must be `provider/model`"),
            ([["demo/x", "dmo/y"]], "models.fast[0][1]: no such provider in `providers`; did you mean `demo`?"),
            ({"targets": [["demo/x", {"target": "demo/y", "weight": 0}]]}, "models.fast.targets[0][1].weight: must be greater than 0"),
            ([["demo/x", {"target": "demo/y", "weight": 1e9}]], "models.fast[0][1].weight: must be less than or equal to 1000000"),
            ([{"target": "demo/y", "weight": "2"}], "models.fast[0].weight: must be a number"),
            ([{"target": "gpt"}], "models.fast[0].target: must be `provider/model`"),
            ([{"target": 1}], "models.fast[0].target: must be a string"),
            ([{"weight": 1}], "models.fast[0].target: is required"),
            ([{"target": "demo/y", "wieght": 1}], "models.fast[0].wieght: unknown option; did you mean `weight`?"),
            ([{"target": "demo/y", "drop": "seed"}], "models.fast[0].drop: must be a list"),
            ([{"target": "demo/y", "drop": ["seed", "messages"]}], "models.fast[0].drop[1]: is what a request is about and cannot be left out"),
            ({"targets": [[{"target": "demo/y", "drop": ["model"]}]]}, "models.fast.targets[0][0].drop[0]: is what a request is about and cannot be left out"),
            ([{"target": "demo/y", "overrides": {"messages": []}}], "models.fast[0].overrides.messages: is each request's own and has no default"),
            ([{"target": "demo/y", "defaults": {"stream": True}}], "models.fast[0].defaults.stream: is each request's own and has no default"),
            ([{"target": "demo/y", "can": {"fly": True}}], "models.fast[0].can.fly: unknown option; known are tools, vision, json_schema, context"),
            ([{"target": "demo/y", "can": {"tools": "yes"}}], "models.fast[0].can.tools: must be true or false"),
            ([{"target": "demo/y", "can": {"context": 0}}], "models.fast[0].can.context: must be greater than or equal to 1"),
            ({"targets": ["demo/x"], "sticky": 1}, "models.fast.sticky: must be true or false"),
            ({"targets": ["demo/x"], "fallback": "no"}, "models.fast.fallback: must be true or false"),
            ({"targets": ["demo/x"], "retries": 11}, "models.fast.retries: must be less than or equal to 10"),
            ({"targets": ["demo/x"], "retries": 1.5}, "models.fast.retries: must be a whole number"),
            ({"targets": ["demo/x"], "breaker": 0}, "models.fast.breaker: must be true or false"),
            ({"targets": ["demo/x"], "retry_ambiguous": "yes"}, "models.fast.retry_ambiguous: must be true or false"),
            ({"targets": ["demo/x"], "hedge_percent": 101}, "models.fast.hedge_percent: must be less than or equal to 100"),
            ({"targets": ["demo/x"], "hedge_percent": -1}, "models.fast.hedge_percent: must be greater than or equal to 0"),
            ({"targets": ["demo/x"], "clocks": {"idle": 1}}, "models.fast.clocks.idle: unknown option; did you mean `idle_s`?"),
            ({"targets": ["demo/x"], "clocks": {"connect_s": 0}}, "models.fast.clocks.connect_s: must be greater than 0"),
            ({"targets": ["demo/x"], "bounds": {"max_events": 0}}, "models.fast.bounds.max_events: must be greater than or equal to 1"),
            ({"targets": ["demo/x"], "concurrency": 1}, "models.fast.concurrency: unknown option; known are clocks, bounds, retries, fallback, retry_ambiguous, breaker, targets, defaults, sticky, hedge_percent"),
        ]
    ],
    *[
        ({"providers": {"groq": given}}, [expected])
        for given, expected in [
            ({"concurrency": 0}, "providers.groq.concurrency: must be greater than or equal to 1"),
            ({"concurrency": True}, "providers.groq.concurrency: must be a whole number"),
            ({"queue": -1}, "providers.groq.queue: must be greater than or equal to 0"),
            ({"queue_s": 0}, "providers.groq.queue_s: must be greater than 0"),
            ({"retries": -1}, "providers.groq.retries: must be greater than or equal to 0"),
            ({"fallback": 1}, "providers.groq.fallback: must be true or false"),
            ({"breaker": "off"}, "providers.groq.breaker: must be true or false"),
            ({"retry_ambiguous": 1}, "providers.groq.retry_ambiguous: must be true or false"),
            ({"clocks": {"total_s": 1e9}}, "providers.groq.clocks.total_s: must be less than or equal to 604800"),
            ({"clocks": {"write_stall": 1}}, "providers.groq.clocks.write_stall: unknown option; did you mean `write_stall_s`?"),
            ({"bounds": {"max_event_bytes": 10}}, "providers.groq.bounds.max_event_bytes: must be greater than or equal to 1024"),
            ({"bounds": {"max_answer_bytes": "1k"}}, "providers.groq.bounds.max_answer_bytes: must be a whole number"),
            ({"bounds": []}, "providers.groq.bounds: must be an object"),
        ]
    ],
    ({"models": {"fast": [1]}}, ["models.fast[0]: must be a string, or must be an object, or must be a list"]),
    ({"models": {"fast": {"target": []}}}, ["models.fast.targets: is required", "models.fast.target: unknown option; did you mean `targets`?"]),
    ({"models": {"fast": {"targets": []}}}, ["models.fast.targets: must not be empty"]),
    ({"providers": {"demo": {}}, "models": {"fast": {"targets": ["demo/x"], "defaults": 1}}}, ["models.fast.defaults: must be an object"]),
    ({"providers": {"demo": {}}, "models": {"fast": {"targets": ["demo/x"], "defaults": {"stream": True}}}}, ["models.fast.defaults.stream: is each request's own and has no default"]),
    ({"providers": {"demo": {}}, "models": {" fast": "demo/x"}}, ['models[" fast"]: a model\'s name has 1 to 256 characters, no control character and no space at its ends']),
    ({"providers": {"demo": {}}, "models": {"x" * 300: "demo/x"}}, [f'models["{"x" * 64}…"]: a model\'s name has 1 to 256 characters, no control character and no space at its ends']),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), MISTAKES, ids=[entry[1][0][:60] for entry in MISTAKES])
def test_a_mistake_is_named_with_its_place(document, expected):
    """Where it is, what is wrong, and the nearest name that would be right."""
    assert expected == problems(document)


def test_all_mistakes_are_reported_at_once():
    """One run shows them all, whatever section they are in."""
    document = {
        "server": {"port": "x", "clocks": {"idle": 1}},
        "providers": {"groq": {"bas_url": "x"}, "nobody": {}},
        "models": {"fast": ["groq/x", "gorq/x"]},
        "extra": 1,
    }

    assert [
        "extra: unknown section; known are server, providers, models, store, limits, prices",
        "server.port: must be a whole number",
        "server.clocks.idle: unknown option; did you mean `idle_s`?",
        "providers.groq.bas_url: unknown option; did you mean `base_url`?",
        "providers.nobody: no service of that name is known. Give one of your own a `base_url` or a `type`",
        "models.fast[1]: no such provider in `providers`; did you mean `groq`?",
    ] == problems(document)


def test_a_mistake_in_a_provider_is_not_followed_by_its_aliases():
    """A target may name a provider whose own section is wrong: that is one mistake, not two."""
    assert ["providers.groq.x: unknown option; known are"] == [
        text[: len("providers.groq.x: unknown option; known are")]
        for text in problems({"providers": {"groq": {"x": 1}}, "models": {"fast": "groq/llama"}})
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"server": {"keys": ["sk-canary"]}},
        {"providers": {"openai": {"api_key": "sk-canary"}}},
        {"providers": {"openai": {"base_url": "https://user:sk-canary@host/v1"}}},
        {"providers": {"openai": {"base_url": "https://user:sk-canary/v1"}}},
        {"providers": {"openai": {"base_url": "https://[sk-canary/v1"}}},
        {"providers": {"openai": {"headers": {"Authorization": "Bearer sk-canary"}}}},
        {"providers": {"openai": {"headers": {"x": "sk-canary\u20ac"}}}},
        {"providers": {"openai": {"type": "sk-canary"}}},
        {"providers": {"ollama": {"keep_alive": ["sk-canary"]}}},
        {"providers": {"ollama": {"api_key": "sk-canary"}}},
        {"server": {"log_level": "sk-canary"}},
        {"models": {"fast": "sk-canary"}},
        {"models": {"fast": {"targets": ["sk-canary"]}}},
    ],
)
def test_a_value_is_never_repeated(document):
    """What stands in the wrong place may be a secret, and messages end up in logs."""
    assert "canary" not in "".join(problems(document))


def test_a_secret_is_sent_where_it_belongs():
    """A key that is written out is refused, and the message says where to put it."""
    expected = (
        "providers.groq.api_key: must be the name of an environment variable, as $NAME; "
        "put the secret itself in the environment, not in this file"
    )

    assert [expected] == problems({"providers": {"groq": {"api_key": "gsk_1234567890"}}})


WORDS = (
    "server providers models $schema demo groq ollama airefinery type base_url token port clocks keys targets headers"
)
NAMES = st.sampled_from(WORDS.split(" "))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=4),
)
SECTIONS = st.dictionaries(NAMES, st.dictionaries(NAMES, JSON, max_size=4), max_size=4)


@given(JSON | SECTIONS)
def test_whatever_is_in_it(document):
    """Every JSON document is a configuration or has named mistakes; nothing else comes of it."""
    try:
        outcome = config(document).source
    except ConfigError as error:
        outcome = error.source

    assert "config.json" == outcome


def test_the_error_reads_as_lines():
    """Each line holds the file, the place and the message, as compilers have it."""
    with pytest.raises(ConfigError) as caught:
        config({"server": {"port": -1, "body_s": 0}})

    assert (
        "config.json: server.port: must be greater than or equal to 0\n"
        "config.json: server.body_s: must be greater than 0"
    ) == str(caught.value)


def test_defaults_of_an_alias_are_read_like_a_request():
    """Defaults are brought to the form that a request's fields are, and what a request could not say is a mistake."""
    models = {
        "fast": {
            "targets": ["demo/demo"],
            "defaults": {"temperature": None, "stop": [], "reasoning": {"effort": "low"}},
        }
    }
    config = parse(json.dumps({"providers": {"demo": {}}, "models": models}).encode(), {}, "c")
    bad = {"fast": {"targets": ["demo/demo"], "defaults": {"temperature": "hot", "api_base": "http://x"}}}

    assert {"reasoning_effort": "low"} == dict(config.models["fast"].targets[0].defaults)
    with pytest.raises(ConfigError) as caught:
        parse(json.dumps({"providers": {"demo": {}}, "models": bad}).encode(), {}, "c")
    assert ["models.fast.defaults.temperature"] == [problem.path for problem in caught.value.problems]
