"""The ends of answers are sent once their calls are written down."""

import asyncio

import pytest

from llms.web.outbox import Outbox


class Line:
    """A connection, and the book, of which both write into one list what happens."""

    def __init__(self, name, seen):
        self.name = name
        self.seen = seen
        self.closing = False

    def write(self, data):
        self.seen.append(f"{self.name} {data.decode()}")

    def is_closing(self):
        return self.closing


class Now:
    """As much of ``Live`` as there has to be."""

    def __init__(self, written):
        self.now = self.services = self
        self.written = written


pytestmark = pytest.mark.interpreted


@pytest.fixture
def seen():
    return []


@pytest.fixture
def outbox(seen):
    return Outbox(Now(lambda: seen.append("written")))


async def test_calls_that_end_together_are_written_together(outbox, seen):
    """Then each client is sent its end, in the order in which they came."""
    one, other = Line("one", seen), Line("other", seen)
    outbox.send(one, b"a")
    outbox.send(other, b"b")
    outbox.send(one, b"c")
    assert not seen
    await asyncio.sleep(0)

    assert ["written", "one a", "other b", "one c"] == seen


async def test_what_is_due_is_sent_before_a_connection_is_closed(outbox, seen):
    outbox.send(Line("one", seen), b"a")
    outbox.flush()
    outbox.flush()
    await asyncio.sleep(0)

    assert ["written", "one a"] == seen


async def test_a_client_that_has_left_is_sent_nothing(outbox, seen):
    """Its call is written down all the same."""
    line = Line("one", seen)
    outbox.send(line, b"a")
    line.closing = True
    await asyncio.sleep(0)

    assert ["written"] == seen


async def test_nobody_waits_where_nothing_is_written_down(seen):
    Outbox(Now(None)).send(Line("one", seen), b"a")

    assert ["one a"] == seen
