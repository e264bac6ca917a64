"""From ``config.json`` to a ``Config``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llms.config import accounting, text
from llms.config.accounting import AccountingGiven, StoreGiven
from llms.config.aliases import aliases
from llms.config.problems import ConfigError, Loc, Problem, Section, check, nearest, unknown
from llms.config.server import KEY, Server
from llms.prices import Price
from llms.providers import registry
from llms.providers.options import Options, is_loopback, secret
from llms.records import Route

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

_PASSWORD = re.compile(r"[a-z]+://[^/@]*:[^/@]+@")

SECTIONS = ("server", "providers", "models", "store", "limits", "prices")


@dataclass(frozen=True, slots=True)
class Config:
    """
    What ``config.json`` says, checked.

    Args:
        source: The file.
        server: Where the gateway listens, and its limits.
        providers: Options by name, in fallback order. Read only.
        models: What each alias stands for. Read only.
        store: Where keys and calls are kept.
        limits: Limits besides those of keys.
        prices: By ``provider/model``; those that the packaged catalogue does not have, or has otherwise. Read only.
    """

    source: str
    server: Server
    providers: Mapping[str, Options]
    models: Mapping[str, Route]
    store: StoreGiven = field(default_factory=StoreGiven)
    limits: AccountingGiven = field(default_factory=AccountingGiven)
    prices: Mapping[str, Price] = field(default_factory=dict)


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """
    Read and check a configuration.

    Args:
        path: The file.
        environ: Where the keys of ``server.keys`` have to be. A provider whose key is missing is no mistake: it is off.

    Raises:
        ConfigError: With every mistake that is in it.
    """
    return parse(text.read(path), environ, str(path))


def parse(data: bytes, environ: Mapping[str, str], source: str) -> Config:
    """
    Check the bytes of a configuration; as ``load``.

    Args:
        source: The file's name, for messages.
    """
    raw, problems = text.decode(data, source)
    if not isinstance(raw, dict):
        raise ConfigError(source, [Problem((), "must be an object: {…}")])
    problems += _top(raw)
    store, found = _store(raw.get("store", {}), environ)
    problems += found
    server, found = _server(
        raw.get("server", {}), environ, keeps_keys=accounting.store_url(store, environ)[0] is not None
    )
    problems += found
    providers, found = _providers(raw.get("providers", {}))
    problems += found
    known = raw.get("providers", {})
    widest = server.terms
    terms = {name: options.over(widest) for name, options in providers.items()}
    models, found = aliases(raw.get("models", {}), tuple(known) if isinstance(known, dict) else (), terms)
    problems += found
    limits, found = _section(AccountingGiven, raw.get("limits", {}), "limits")
    problems += found
    prices, found = accounting.prices(raw.get("prices", {}))
    problems += found
    if problems:
        raise ConfigError(source, problems)
    return Config(source, server, providers, models, store, limits, prices)


def _top(raw: Mapping[str, Any]) -> list[Problem]:
    known = ("$schema", *SECTIONS)
    strange = [name for name in raw if name not in known]
    if raw and len(strange) == len(raw) and not any(nearest(name, known) for name in strange):
        # Many programs have a ./config.json; its every key would be a mistake.
        return [Problem((), "does not look like a configuration of llms; choose another file with --config")]
    problems = [Problem((name,), unknown("section", name, SECTIONS)) for name in strange]
    if not isinstance(raw.get("$schema", ""), str):
        problems.append(Problem(("$schema",), "must be a string"))
    return problems


def _server(raw: Any, environ: Mapping[str, str], *, keeps_keys: bool) -> tuple[Server, list[Problem]]:
    if not isinstance(raw, dict):
        return Server(), [Problem(("server",), "must be an object")]
    server, problems = check(Server, raw, ("server",))
    keys = raw.get("keys")
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        if isinstance(key, str) and re.fullmatch(KEY, key) and key.startswith("$") and secret(key, environ) is None:
            message = f"the environment variable {key[1:]} is not set; set it, or remove the key"
            problems.append(Problem(("server", "keys", index), message))
    if server is not None and not server.keys and not keeps_keys and not is_loopback(server.host):
        message = 'server.host can be reached from other machines; name a key here, as ["$LLMS_KEY"]'
        problems.append(Problem(("server", "keys"), message))
    return server or Server(), problems


def _store(raw: Any, environ: Mapping[str, str]) -> tuple[StoreGiven, list[Problem]]:
    store, problems = _section(StoreGiven, raw, "store")
    for name, value in (("url", store.url), ("redis", store.redis)):
        if value is not None and value.startswith("$") and secret(value, environ) is None:
            message = f"the environment variable {value[1:]} is not set; set it, or remove this"
            problems.append(Problem(("store", name), message))
    if store.url is not None and _PASSWORD.match(store.url):
        message = "holds a password; put the URL into the environment, and here the variable's name, as $DATABASE_URL"
        problems.append(Problem(("store", "url"), message))
    return store, problems


def _section(kind: type[Section], raw: Any, name: str) -> tuple[Section, list[Problem]]:
    if not isinstance(raw, dict):
        return kind(), [Problem((name,), "must be an object")]
    given, problems = check(kind, raw, (name,))
    return given or kind(), problems


def _providers(raw: Any) -> tuple[dict[str, Options], list[Problem]]:
    if not isinstance(raw, dict):
        return {}, [Problem(("providers",), "must be an object")]
    found: dict[str, Options] = {}
    problems: list[Problem] = []
    for name, section in raw.items():
        at: Loc = ("providers", name)
        if not PROVIDER_NAME.fullmatch(name):
            message = "a provider's name is made of a-z, 0-9, - and _ and begins with a letter or digit, 64 at most"
            problems.append(Problem(at, message))
        options, wrong = _options(name, section, at)
        problems += wrong
        if options is not None:
            found[name] = options
    return found, problems


def _options(name: str, section: Any, at: Loc) -> tuple[Options | None, list[Problem]]:
    if not isinstance(section, dict):
        return None, [Problem(at, "must be an object, as {}")]
    kind = registry.type_of(name, section)
    if kind is None and "type" not in section:
        near = nearest(name, registry.TYPES) or "."
        message = f"no service of that name is known{near} Give one of your own a `base_url` or a `type`"
        return None, [Problem(at, message)]
    if not isinstance(kind, str) or kind not in registry.TYPES:
        message = unknown("type", kind, tuple(registry.TYPES)) if isinstance(kind, str) else "must be a string"
        return None, [Problem((*at, "type"), message)]
    options, problems = check(registry.TYPES[kind], {"type": kind, **section}, at)
    return options, problems
