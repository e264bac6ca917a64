"""When a burst is let gather."""

from llms.http1.pace import GAP_S, Pace


def test_pace_leaves_streams_alone():
    """At 500 reads a second and less reading never rests."""
    pace = Pace()

    assert not any(pace.rests(n * 0.002) for n in range(1000))


def test_pace_of_a_burst():
    """A few quick reads go through, then reading rests each time, until it is slower again."""
    pace = Pace()
    now, rests = 0.0, []
    for _ in range(10):
        rests.append(pace.rests(now))
        now += GAP_S + 0.0005 if rests[-1] else 0.0001
    slow = [pace.rests(now + n * 0.01) for n in range(1, 5)]

    assert [False] * 5 + [True] * 5 == rests
    assert [False] * 4 == slow
