import pytest

from tests.bench import figures, suites
from tests.bench.figures import Measure, Spread
from tests.bench.support import row

CPU = Measure("cpu", "CPU", "calls", "cpu_us", 1)
TIME = Measure("time", "time", "calls", "latency_us.p50", added=True)
GROWTH = Measure("flat", "growth", "many", "cpu_us", over="calls")


def test_ratios_are_taken_within_a_round():
    """Each round is compared with itself; then the rounds' ratios are summed up."""
    rows = [row(0, "nginx", 10), row(0, "gateway", 100), row(1, "nginx", 20), row(1, "gateway", 140)]
    rows += [row(2, "nginx", 30), row(2, "gateway", 150)]

    (line,) = figures.lines(rows, [CPU])

    assert {"nginx": Spread(20, 10, 30), "gateway": Spread(140, 100, 150)} == line.values
    assert {"nginx": Spread(7, 5, 10)} == line.ratios


def test_what_is_there_without_a_gateway_is_taken_off_in_the_same_round():
    """An added time has direct's of its round taken off, and direct itself has none."""
    rows = [row(0, "direct", 1, p50=10), row(0, "nginx", 1, p50=14), row(0, "gateway", 1, p50=18)]
    rows += [row(1, "direct", 1, p50=20), row(1, "nginx", 1, p50=28), row(1, "gateway", 1, p50=52)]

    (line,) = figures.lines(rows, [TIME])

    assert {"nginx": Spread(6, 4, 8), "gateway": Spread(20, 8, 32)} == line.values
    assert {"nginx": Spread(3, 2, 4)} == line.ratios


def test_one_suite_is_divided_by_another():
    """Growth is the value of the larger load, as a share of the smaller one's in the same round."""
    rows = [row(0, "gateway", 20), row(0, "gateway", 30, suite="many"), row(1, "gateway", 10, suite="many")]

    (line,) = figures.lines(rows, [GROWTH])

    assert {"gateway": Spread(1.5, 1.5, 1.5)} == line.values


def test_what_nobody_has_gives_no_line_and_nothing_no_ratio():
    """A measure that was not taken is left out; nothing is divided by nothing."""
    assert [] == figures.lines([row(0, "gateway", None)], [CPU])

    (line,) = figures.lines([row(0, "nginx", 0), row(0, "gateway", 3)], [CPU])

    assert {} == line.ratios


def test_a_time_of_which_there_is_no_sample_is_not_nought():
    """Where no call outlasted the warm-up there is no latency, so that nothing looks faster than it is."""
    rows = [row(0, "direct", 1, p50=10), row(0, "gateway", 1, latency_us=None)]

    assert [] == figures.lines(rows, [TIME])


def test_less_than_nothing_added_is_no_ratio():
    """A time that noise has pushed below direct's is shown, and is no share of anything: a goal would be met by it."""
    rows = [row(0, "direct", 1, p50=10), row(0, "nginx", 1, p50=12), row(0, "gateway", 1, p50=8)]

    (line,) = figures.lines(rows, [TIME])

    assert {} == line.ratios


def test_another_load_is_known():
    """A target whose load was smaller is told apart."""
    (line,) = figures.lines([row(0, "litellm", 9, unlike=True), row(0, "gateway", 3)], [CPU])

    assert frozenset({"litellm"}) == line.unlike


@pytest.mark.parametrize("size", [suites.SUITES, suites.QUICK])
def test_every_suite_is_measured_and_every_measure_has_one(size):
    """Both sizes have every suite of the tables, beside what is measured without a load."""
    wanted = {suite for measure in figures.MEASURES for suite in (measure.suite, measure.over) if suite}

    assert set(size) == wanted - {"start", "install", "imports"}
