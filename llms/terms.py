"""
On what terms a target is called: clocks, sizes, and how hard to try.

The server's own are the widest; a provider's and then a model's take the place of those they name.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clocks:
    """
    Limits in seconds.

    Args:
        connect_s: For a connection, DNS and TLS included.
        first_byte_s: For the first data of a stream.
        answer_s: For a whole answer that is not streamed.
        idle_s: Between two signs of life of a stream that has begun: any byte is one.
        total_s: For the call, from its acceptance to its end.
        write_stall_s: How long a client may take nothing of its answer.
    """

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    answer_s: float = 600.0
    idle_s: float = 120.0
    total_s: float = 3600.0
    write_stall_s: float = 60.0


MAX_EVENTS = 1_000_000
"""The most events of one stream: a token each, as many as the largest context holds; at 100 bytes each, 100 MB."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    Limits of what a provider may send in one answer.

    Args:
        max_event_bytes: Of one event of a stream, or one line: four times a large tool call, and small enough to be
            held for every stream at once.
        max_events: Events in a stream.
        max_answer_bytes: Of a whole answer that is not streamed; of a stream that is collected. By default what a
            request may be, since images come back the size they go out.
    """

    max_event_bytes: int = 4 << 20
    max_events: int = MAX_EVENTS
    max_answer_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Terms:
    """
    All of them.

    Args:
        retries: How often a call may go to a target that it has been to already.
        fallback: Whether another target is tried when this one fails, or is not to be asked now.
        retry_ambiguous: Whether another target is tried when the first may be working, and billing, already.
        breaker: Whether a provider that cannot be reached is left alone for a while.
    """

    clocks: Clocks = field(default_factory=Clocks)
    bounds: Bounds = field(default_factory=Bounds)
    retries: int = 2
    fallback: bool = True
    retry_ambiguous: bool = False
    breaker: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """
    How many calls a provider is given at once.

    Args:
        concurrency: That run; ``None`` for any number.
        queue: That wait for one of those to end.
        queue_s: How long each of them waits.
    """

    concurrency: int | None = None
    queue: int = 100
    queue_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    What a model can do; ``None`` is not known.

    Args:
        tools: Call tools.
        vision: Look at pictures.
        json_schema: Answer in the form of a given schema.
        context: Tokens, of the request and the answer together.
    """

    tools: bool | None = None
    vision: bool | None = None
    json_schema: bool | None = None
    context: int | None = None
