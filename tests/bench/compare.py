"""What has changed since an earlier run. Only CPU time as a ratio is judged: it is what another day's machine leaves alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.figures import GATEWAY, Line, Measure

YARDSTICKS = ("nginx", "direct")


@dataclass(frozen=True, slots=True)
class Change:
    """
    One measure, then and now.

    Args:
        against: By whose figure both are divided; ``None`` where they are not.
        worse: By more than the threshold.
    """

    measure: Measure
    against: str | None
    before: float
    now: float
    worse: bool

    @property
    def share(self) -> float | None:
        """How much more it is now; ``None`` where it was nothing."""
        return self.now / self.before - 1 if self.before > 0 else None


def changes(before: Iterable[Line], now: Iterable[Line], threshold: float) -> list[Change]:
    """
    Compare two runs, by what both have measured.

    Args:
        threshold: The share by which a ratio of CPU times may have grown: 0.15.
    """
    earlier = {line.measure.name: line for line in before}
    pairs = [(earlier[line.measure.name], line) for line in now if line.measure.name in earlier]
    found = [_change(old, new, threshold) for old, new in pairs]
    return [change for change in found if change is not None]


def _change(old: Line, new: Line, threshold: float) -> Change | None:
    if new.measure.field == "cpu_us" and new.measure.over is None:
        for against in YARDSTICKS:
            if against in old.ratios and against in new.ratios:
                then, now = old.ratios[against].middle, new.ratios[against].middle
                return Change(new.measure, against, then, now, worse=now > then * (1 + threshold))
    if GATEWAY not in old.values or GATEWAY not in new.values:
        return None
    return Change(new.measure, None, old.values[GATEWAY].middle, new.values[GATEWAY].middle, worse=False)
