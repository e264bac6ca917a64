import pytest

from tests.bench.hot import HOT, MANY


@pytest.mark.parametrize("name", HOT)
def test_each_does_its_work_every_time(name):
    """None takes its input for a fault, and none is done after the first time: then nothing would be counted."""
    work = HOT[name]()

    assert all([work(), work(), work()])


@pytest.mark.parametrize("count", [1, MANY])
def test_a_burst_is_as_many_chunks_as_are_said(count):
    """What is counted for so many at once is that many."""

    def result(of):
        return HOT[f"chunk: {of}, {count} at once"]()()

    assert count == len(result("events cut"))
    assert count == len(result("decoded and put right"))
    assert count == result("all of these").count(b"data: {")
