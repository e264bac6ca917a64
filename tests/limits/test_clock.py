from time import time_ns

from llms.limits import clock
from llms.limits.clock import Clock, SharedClock


def test_it_is_the_time():
    before = time_ns() // 1_000_000

    assert before - 1 <= Clock()() <= time_ns() // 1_000_000


def test_p30_it_never_goes_back_and_never_stands_still(monkeypatch):
    """Set forward, it follows; set back, it goes on from where it was."""
    wall, run = [10**18], [10**12]
    monkeypatch.setattr(clock, "time_ns", lambda: wall[0])
    monkeypatch.setattr(clock, "monotonic_ns", lambda: run[0])
    now = Clock()

    def after(wall_s, run_s=1):
        wall[0] += wall_s * 10**9
        run[0] += run_s * 10**9
        return now() - 10**12

    assert 1_000 == after(1)
    assert 86_401_000 == after(86_400)
    assert 86_402_000 == after(-7_200)
    assert 86_403_000 == after(1)
    assert 86_403_000 == after(7_201, 0)


def test_p30_a_shared_clock_is_that_of_whoever_is_furthest(monkeypatch):
    run = [10**12]
    monkeypatch.setattr(clock, "time_ns", lambda: 10**18)
    monkeypatch.setattr(clock, "monotonic_ns", lambda: run[0])
    now = SharedClock()

    assert 10**12 == now()
    now.hear(5_000)  # the first word counts, whatever the own clock says
    assert 5_000 == now()
    run[0] += 10**9
    now.hear(5_500)
    assert 6_000 == now()
    now.hear(9_000)
    assert 9_000 == now()
