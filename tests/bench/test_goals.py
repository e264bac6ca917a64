import pytest

from tests.bench import figures, goals
from tests.bench.figures import Measure
from tests.bench.goals import GOALS, Goal
from tests.bench.support import row

CPU = Measure("cpu", "CPU", "calls", "cpu_us")


def judged(goal, *rows):
    (verdict,) = goals.judged(figures.lines(rows, [CPU]), [goal])
    return verdict.measured, verdict.met, verdict.aimed


@pytest.mark.parametrize(("cpu_us", "met", "aimed"), [(40, True, True), (60, True, False), (61, False, False)])
def test_a_limit_may_be_reached_but_not_passed(cpu_us, met, aimed):
    """The gateway's own figure is held against what it must and what it aims at."""
    assert (cpu_us, met, aimed) == judged(Goal("CPU", "cpu", 60, 40), row(0, "gateway", cpu_us))


def test_a_share_is_of_the_named_target():
    """A goal against a target judges the gateway's figure ÷ that target's."""
    rows = row(0, "nginx", 10), row(0, "direct", 1), row(0, "gateway", 15)

    assert (1.5, True, False) == judged(Goal("CPU", "cpu", 1.6, 1.2, against="nginx"), *rows)


def test_what_was_not_measured_is_neither_met_nor_missed():
    """Without the target, or with another load for it, there is no verdict."""
    goal = Goal("CPU", "cpu", 1, against="litellm")

    assert (None, None, None) == judged(goal, row(0, "gateway", 15))
    assert (None, None, None) == judged(goal, row(0, "gateway", 15), row(0, "litellm", 20, unlike=True))


def test_every_goal_has_its_measure():
    """No goal is of a measure that nobody takes."""
    assert {goal.measure for goal in GOALS} <= {measure.name for measure in figures.MEASURES}
