from tests.bench import compare, figures
from tests.bench.figures import Measure
from tests.bench.support import row

CPU = Measure("cpu", "CPU", "calls", "cpu_us")
TIME = Measure("time", "time", "calls", "latency_us.p50")


def told(before, now, measure=CPU):
    old, new = (figures.lines(rows, [measure]) for rows in (before, now))
    return [(change.against, change.before, change.now, change.worse) for change in compare.changes(old, new, 0.15)]


def test_only_a_ratio_that_has_grown_past_the_threshold_is_worse():
    """A machine that is slower for both is no change; a gateway that is slower than nginx by more than 15 % is."""
    before = [row(0, "nginx", 10), row(0, "gateway", 20)]

    assert [("nginx", 2, 2, False)] == told(before, [row(0, "nginx", 30), row(0, "gateway", 60)])
    assert [("nginx", 2, 2.3, False)] == told(before, [row(0, "nginx", 10), row(0, "gateway", 23)])
    assert [("nginx", 2, 2.4, True)] == told(before, [row(0, "nginx", 10), row(0, "gateway", 24)])


def test_without_nginx_on_both_sides_direct_is_the_yardstick():
    """Runs are compared by what both have."""
    before = [row(0, "nginx", 10), row(0, "direct", 5), row(0, "gateway", 20)]

    assert [("direct", 4, 6, True)] == told(before, [row(0, "direct", 5), row(0, "gateway", 30)])


def test_times_are_told_but_not_judged():
    """Latencies move with the machine: they are shown, and never worse."""
    before, now = ([row(0, "nginx", 1, p50=5), row(0, "gateway", 1, p50=p50)] for p50 in (10, 90))

    assert [(None, 10, 90, False)] == told(before, now, TIME)


def test_what_one_run_lacks_is_not_compared():
    """A measure of one run only is left out."""
    assert [] == told([], [row(0, "gateway", 1)])
