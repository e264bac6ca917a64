"""Runs a codec over a stream the way the provider does, and says what must hold of any outcome."""

from collections.abc import Callable

from llms.apis import reasoning_out
from llms.apis.api import error_event
from llms.errors import GatewayError, InternalError
from llms.providers.http import Decoder
from llms.records import Block, Completion
from llms.wire.accumulate import Accumulator, chunks
from llms.wire.meter import Meter
from llms.wire.scrub import MAX_TEXT
from tests.fuzz import rules
from tests.fuzz.cuts import ways
from tests.support.decoding import decoded

CANARY = "canary-5f2d9b7c41"
"""Stands for a provider's key: no text may hold it that leaves the gateway."""

Outcome = tuple[Block, GatewayError | None]


def check(make: Callable[[], Decoder], data: bytes, *, thorough: bool) -> Outcome:
    """Check every invariant of a streamed answer; give the outcome."""
    block, failure = found = decoded(make(), [data])
    for reads in ways(data, thorough=thorough):
        again, other = decoded(make(), reads)
        assert again == block
        assert said(other) == said(failure)
    rules.check(block, whole=failure is None)
    rules.check_bytes(block, whole=failure is None)
    Meter().look(block)
    for keys in reasoning_out.KEYS.values() if thorough else list(reasoning_out.KEYS.values())[len(data) % 3 :][:1]:
        rules.check_bytes(reasoning_out.respelled_block(block, keys), whole=failure is None, apis=rules.APIS[:1])
    if failure is not None:
        check_failure(failure)
    assert len(repr(block)) <= 400 * len(data) + 200_000  # nothing is made of an index alone
    if failure is None:
        check_collected(block)
    return found


def check_collected(block: Block) -> Completion:
    """Collect a stream; the answer is the same once it has been made a stream again, and that obeys the rules too."""
    answer = _collected(block)
    stream = chunks(answer)
    assert _collected(stream) == answer
    rules.check(stream, whole=True)
    rules.check_bytes(stream, whole=True)
    return answer


def _collected(block: Block) -> Completion:
    whole = Accumulator(rules.CALL)
    whole.feed(block)
    return whole.completion()


def said(failure: GatewayError | None) -> tuple[object, ...] | None:
    """All that a failure says."""
    if failure is None:
        return None
    return (type(failure), failure.message, failure.code, failure.param, failure.retry_after_s, failure.http_status())


def check_failure(failure: GatewayError) -> None:
    """It can be told to a client, and tells no secret."""
    assert not isinstance(failure, InternalError)
    assert 400 <= failure.http_status() <= 599
    assert failure.retry_after_s is None or 0 <= failure.retry_after_s <= 600
    assert 0 < len(failure.message) <= MAX_TEXT
    event = error_event(failure)
    rules.parsed(event.removeprefix(b"data: "))
    assert CANARY not in event.decode()
