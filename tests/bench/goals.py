"""What the gateway has to cost at most, and whether it does. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.figures import BARE, GATEWAY, TWO, Line


@dataclass(frozen=True, slots=True)
class Goal:
    """
    One limit.

    Args:
        measure: The name of a ``figures.Measure``.
        against: The target whose share is limited; ``None`` where the gateway's own figure is.
        must: The most that is allowed; ``None`` where there is only something to aim at.
        aim: Better than ``must``.
    """

    title: str
    measure: str
    must: float | None
    aim: float | None = None
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and the median that was measured; ``None`` where it was not."""

    goal: Goal
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether ``must`` holds."""
        return _holds(self.measured, self.goal.must)

    @property
    def aimed(self) -> bool | None:
        """Whether ``aim`` does."""
        return _holds(self.measured, self.goal.aim)


GOALS = (
    Goal("CPU per call, 64 at once, µs", "cpu64", 60, 40),
    Goal("… ÷ LiteLLM's", "cpu64", 1 / 130, against="litellm"),
    Goal("… ÷ Portkey's", "cpu64", 1 / 15, against="portkey"),
    Goal("… ÷ vllm-router's", "cpu64", None, 1, against="vllm-router"),
    Goal("CPU per chunk, burst ÷ nginx's", "cpu_burst", 1.2, 1, against="nginx"),
    Goal("CPU per chunk, 100 streams ÷ nginx's", "cpu_p100", 1.6, 1.2, against="nginx"),
    Goal("CPU per chunk, 500 streams ÷ nginx's", "cpu_p500", 1.6, 1.2, against="nginx"),
    Goal("added time to first token, p50 ÷ nginx's", "ttft", 2, 1.2, against="nginx"),
    Goal("added time to first token, p99 ÷ nginx's", "ttft_p99", 3, 1.2, against="nginx"),
    Goal("transit of a chunk, 500 streams, p99, µs", "transit500_p99", 2000, 1000),
    Goal("memory per idle stream, KiB", "idle", 24, 10),
    Goal("CPU per chunk, 2,000 streams ÷ 100 streams", "flat", 1.25, 1.1),
    Goal("start to the first answer, s", "ready", 0.6, 0.35),
    Goal("installed, MB", "install", 60, 40),
    Goal("CPU per call ÷ the open gateway's", "cpu64", 1.25, against=BARE),
    Goal("capacity of one worker ÷ of two", "capacity", 1 / 1.8, against=TWO),
)


def judged(found: Iterable[Line], goals: Iterable[Goal] = GOALS) -> list[Verdict]:
    """Hold a run's figures against the goals."""
    by_name = {line.measure.name: line for line in found}
    return [Verdict(goal, _measured(by_name.get(goal.measure), goal)) for goal in goals]


def _measured(line: Line | None, goal: Goal) -> float | None:
    if line is None or goal.against in line.unlike:  # another load says nothing
        return None
    spread = line.values.get(GATEWAY) if goal.against is None else line.ratios.get(goal.against)
    return spread.middle if spread else None


def _holds(measured: float | None, limit: float | None) -> bool | None:
    return None if measured is None or limit is None else measured <= limit
