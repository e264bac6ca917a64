"""What a target is, and where its corpus lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
GOLDEN = HERE.parent / "golden"


class Check(Protocol):
    """What a target does with an input."""

    def __call__(self, data: bytes, *, thorough: bool) -> None:
        """Raise if an invariant breaks; with ``thorough``, cut a stream at every point."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    Something that reads bytes from outside.

    Args:
        name: Its folder in the corpus too.
        check: Takes any bytes.
        form: How its input is built, for the mutator: ``sse``, ``ndjson``, ``json`` or ``text``.
        golden: Further seeds: a pattern in ``tests/golden``.
    """

    name: str
    check: Check
    form: str
    golden: str = ""

    @property
    def corpus(self) -> Path:
        """Where its own seeds and crash inputs are."""
        return CORPUS / self.name

    def seeds(self) -> list[Path]:
        """Every file to begin with."""
        golden = GOLDEN.glob(self.golden) if self.golden else ()
        return sorted([*self.corpus.iterdir(), *golden])
