"""
One target under atheris, which looks for inputs that reach new code; a process of its own, since libFuzzer ends it.

Run by ``tests.fuzz.engine``: ``python -m tests.fuzz.guided NAME CRASHES libFuzzer's arguments``.
"""

import random
import sys
from importlib import import_module
from pathlib import Path

import atheris

from tests.fuzz.mutate import MAX_BYTES, mutate


def main() -> None:
    """Fuzz until libFuzzer's limits are reached."""
    name, crashes, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["llms"]):
        target = import_module("tests.fuzz.targets").TARGETS[name]
    kept = import_module("tests.fuzz.crashes").Crashes(target, Path(crashes))

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return atheris.Mutate(data, max_size)
        return mutate(data, chance, target.form)[:max_size]

    atheris.Setup([sys.argv[0], f"-max_len={MAX_BYTES}", *arguments], kept.run, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
