"""``config.json``: read, or refused with every mistake and no secret."""

import json
from contextlib import AbstractAsyncContextManager, suppress

from llms.config import Config, ConfigError, parse
from llms.exchange import UpstreamRequest, UpstreamResponse
from tests.fuzz.streams import CANARY
from tests.fuzz.target import Target

_ENVIRON = {"LLMS_KEY": CANARY, "OPENAI_API_KEY": CANARY, "A": CANARY}


def check_config(data: bytes, *, thorough: bool) -> None:
    """A configuration can be used, the same each time, or is refused in words that repeat no value."""
    try:
        config = parse(data, _ENVIRON, "config.json")
    except ConfigError as refusal:
        assert refusal.problems
        said = str(refusal)
        assert all(problem.message for problem in refusal.problems)
        assert CANARY not in said or _named(data)
        said.encode()
        assert not set(said.replace("\n", "")) & set("\r\0\x1b")
        return
    assert config == parse(data, _ENVIRON, "config.json")
    _check_usable(config, data)


def _named(data: bytes) -> bool:
    """Say whether the canary stands in a key, which may be repeated, rather than in a value."""
    names: list[str] = []
    with suppress(ValueError, RecursionError):
        json.loads(data.decode("utf-8-sig"), object_pairs_hook=lambda pairs: names.extend(name for name, _ in pairs))
    return CANARY in "".join(names)


def _check_usable(config: Config, data: bytes) -> None:
    for name, options in config.providers.items():
        assert CANARY not in repr(options) or CANARY in data.decode("utf-8", "replace") or b"\\u" in data
        if options.enabled and options.missing(_ENVIRON) is None:
            assert options.build(name, _ENVIRON, _send).name == name
    for route in config.models.values():
        assert route.targets
        assert {at.provider for at in route.targets} <= set(config.providers)


def _send(request: UpstreamRequest) -> AbstractAsyncContextManager[UpstreamResponse]:
    raise NotImplementedError


TARGETS = (Target("config", check_config, "json"),)
