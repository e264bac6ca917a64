from tests.bench import report, suites
from tests.bench.report import Measure

CPU = Measure("CPU", "calls", "cpu_us", 1)
TIME = Measure("time", "calls", "latency_us.p50")


def row(number, target, cpu_us, p50=0, **more):
    return {
        "round": number,
        "target": target,
        "suite": "calls",
        "cpu_us": cpu_us,
        "latency_us": {"p50": p50},
        "err": 0,
        "unfinished": 0,
        "trouble": "",
        "foreign": 0.0,
        **more,
    }


def test_differences_and_ratios_are_taken_within_a_round():
    """Each round is compared with itself, then the median and the extremes of the rounds are shown."""
    rows = [row(0, "direct", 10), row(0, "gateway", 100), row(1, "direct", 20), row(1, "gateway", 140)]
    rows += [row(2, "direct", 30), row(2, "gateway", 150)]

    text = report.table(report.lines(rows, [CPU]))

    last = "| CPU | 20.0 [10.0–30.0] | 140.0 [100.0–150.0] | 120.0 [90.0–120.0] | 7.00 [5.00–10.00] |"
    assert last == text.splitlines()[-1]


def test_one_round_has_no_spread_and_nothing_has_no_ratio():
    """One round is shown without extremes; a ratio to zero is not shown."""
    rows = [row(0, "direct", 0, 7), row(0, "gateway", 3, 14)]

    text = report.table(report.lines(rows, [CPU, TIME]))

    assert ["| CPU | 0.0 | 3.0 | 3.0 | – |", "| time | 7 | 14 | 7 | 2.00 |"] == text.splitlines()[2:]


def test_what_only_one_side_has_is_left_out():
    """A measure that was taken on one side only gives no line."""
    rows = [row(0, "direct", 1), row(1, "gateway", 1), row(2, "direct", None), row(2, "gateway", 1)]

    assert [] == report.lines(rows, [CPU])


def test_failures_and_noise_are_told():
    """Failed requests are named with their reason, noisy runs are counted."""
    rows = [row(0, "direct", 1, foreign=0.2), row(1, "gateway", 1, err=2, unfinished=1, trouble="status 500")]

    assert [
        "gateway, calls, round 1: 3 failed (status 500)",
        "1 of 2 runs lost more than 10% of the cores to other processes: trust CPU and ratios, not times",
    ] == report.remarks(rows)


def test_every_measure_is_of_a_suite():
    """Both sizes of the benchmark have every suite that the table is made of."""
    from_suites = {measure.suite for measure in report.MEASURES}

    assert from_suites == set(suites.SUITES) == set(suites.QUICK)
