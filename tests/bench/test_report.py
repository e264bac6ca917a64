import pytest

from tests.bench import figures, goals, report
from tests.bench.figures import Measure
from tests.bench.goals import Goal
from tests.bench.support import row

CPU = Measure("cpu", "CPU", "calls", "cpu_us", 1)


def lines(*rows):
    return figures.lines(rows, [CPU])


def test_the_gateway_is_shown_last_with_median_and_extremes():
    """Peers come first; one round has no extremes; what was not measured is a dash."""
    rows = row(0, "gateway", 3), row(0, "gateway, open", 1), row(0, "nginx", 1), row(1, "nginx", 2)

    assert "|  | nginx | gateway | gateway, open |" == report.table(lines(*rows)).splitlines()[0]
    assert "| CPU | 1.5 [1.0–2.0] | 3.0 | 1.0 |" == report.table(lines(*rows)).splitlines()[2]


def test_ratios_are_shown_and_another_load_is_marked():
    """Small ratios have more digits; a smaller load has its mark."""
    found = lines(row(0, "litellm", 100, unlike=True), row(0, "nginx", 2), row(0, "gateway", 3))

    assert ["| gateway ÷ | litellm | nginx |", "| CPU | 0.030 † | 1.50 |"] == report.ratios(found).splitlines()[::2]


@pytest.mark.parametrize(
    ("cpu_us", "said"), [(1, "yes, and the aim"), (2, "yes, not the aim"), (4, "**no**"), (None, "–")]
)
def test_a_goal_says_whether_it_is_met(cpu_us, said):
    """Met, aimed at, missed, or not measured."""
    found = goals.judged(lines(row(0, "gateway", cpu_us)), [Goal("CPU", "cpu", 3, 1)])

    assert said == report.goals(found).splitlines()[-1].split("|")[-2].strip()


def test_an_aim_alone_is_no_must():
    """What need not be is neither met nor missed."""
    found = goals.judged(lines(row(0, "gateway", 2)), [Goal("CPU", "cpu", None, 1)])

    assert "not the aim" == report.goals(found).splitlines()[-1].split("|")[-2].strip()


def test_failures_and_noise_are_told():
    """Failed requests are named with their reason, noisy runs are counted."""
    rows = [row(0, "direct", 1, foreign=0.2), row(1, "gateway", 1, err=2, unfinished=1, trouble="status 500")]

    assert [
        "gateway, calls, round 1: 3 failed (status 500)",
        "1 of 2 runs lost more than 10% of the cores to other processes: trust CPU and ratios, not times",
    ] == report.remarks(rows)


def test_only_the_figures_of_a_page_are_replaced():
    """What stands around the figures stays, however often they are written."""
    page = "before\n<!-- figures -->\n<!-- end -->\nafter\n"

    once = report.written(page, "one")

    assert "before\n<!-- figures -->\n\none\n\n<!-- end -->\nafter\n" == once
    assert once.replace("one", r"\1 two") == report.written(once, r"\1 two")
