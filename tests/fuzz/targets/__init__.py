"""Everything that reads bytes from outside, by name."""

from tests.fuzz.target import Target
from tests.fuzz.targets import configuration, demo, framing, ollama, openai, requests, texts, web

_MODULES = (framing, openai, ollama, texts, requests, configuration, web, demo)

TARGETS: dict[str, Target] = {target.name: target for module in _MODULES for target in module.TARGETS}
