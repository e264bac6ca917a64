"""Everything that reads bytes from outside, by name."""

from tests.fuzz.target import Target
from tests.fuzz.targets import framing, openai

TARGETS: dict[str, Target] = {target.name: target for module in (framing, openai) for target in module.TARGETS}
