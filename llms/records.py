"""Frozen values that travel between the stages of a call, and the two small protocols that join them."""

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from llms.keys import VirtualKey
from llms.terms import Capabilities, Terms
from llms.values import value

Chunk = dict[str, Any]
"""A ``chat.completion.chunk`` as OpenAI documents it."""

Block = Sequence[Chunk]
"""The chunks that one read from the upstream held; what makes a burst cheap: one decode loop, one write."""

Completion = dict[str, Any]
"""A ``chat.completion`` as OpenAI documents it."""

TOKEN_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})
"""The two names of the limit of tokens of an answer."""


@value
class Call:
    """
    One client request on its way through the gateway.

    Args:
        id: ``req_`` and 24 hex digits; sent to the client as ``x-request-id``.
        started_at: Unix seconds at which the request was accepted; also the answer's ``created``.
        api: The dialect it came in: ``chat.completions``, ``completions``, ``embeddings``.
        model: The name that the client wrote, which is also the name in the answer.
        stream: Whether the client wants chunks.
        body: The request in the inner dialect (chat completions, or embeddings), without ``model``, ``stream`` and
            ``stream_options``. Fields that the gateway does not know are kept. Read only.
        key: Who asks; ``None`` where no key is needed.
        include_usage: Whether the client asked for usage at the end of the stream.
        bytes_in: Of the request's body.
    """

    id: str
    started_at: int
    api: str
    model: str
    stream: bool
    body: Mapping[str, Any]
    key: VirtualKey | None = None
    include_usage: bool = False
    bytes_in: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """
    A provider and its name for a model.

    Args:
        provider: The provider's name in the configuration.
        defaults: Fields to add to the request where the client gave none.
        overrides: Fields that take the place of what the client gave.
        drop: Fields of the request that are left out.
        rank: Targets are tried in this order; those of one rank share the load.
        weight: Its share of the load among those of its rank.
        credential: The variable that holds the key, of a provider that has several; ``None`` for its only one.
        can: What the configuration says that it can do.
        terms: On which it is called.

    Attributes:
        label: Its name, and the variable of its key where there are several. Made once: each call says it twice.
    """

    provider: str
    model: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    rank: int = 0
    weight: float = 1.0
    credential: str | None = None
    can: Capabilities = field(default_factory=Capabilities)
    terms: Terms = field(default_factory=Terms)
    label: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        label = f"{self.name}@{self.credential}" if self.credential else self.name
        object.__setattr__(self, "label", label)

    @property
    def name(self) -> str:
        """``provider/model``."""
        return f"{self.provider}/{self.model}"

    def asked(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give a request as it is to be asked it: less what it does not take, with its defaults and overrides."""
        if not (self.defaults or self.overrides or self.drop):
            return body
        kept = {name: value for name, value in body.items() if name not in self.drop}
        # The two names of the token limit are one field.
        if not TOKEN_LIMITS.isdisjoint(self.overrides):
            kept = {name: value for name, value in kept.items() if name not in TOKEN_LIMITS}
        limited = not (TOKEN_LIMITS.isdisjoint(kept) and TOKEN_LIMITS.isdisjoint(self.overrides))
        defaults = {name: value for name, value in self.defaults.items() if not (limited and name in TOKEN_LIMITS)}
        return {**defaults, **kept, **self.overrides}


@dataclass(frozen=True, slots=True)
class Route:
    """
    What a model's name stands for.

    Args:
        targets: Best first; at least one.
        off: Targets that are not tried, each with the reason.
        sticky: Whether a conversation stays with one of several targets of a rank, whose cache then knows it.
        hedge_percent: Of how many calls a second target may be asked while the first one keeps silent.
    """

    targets: tuple[Target, ...]
    off: tuple[tuple[Target, str], ...] = ()
    sticky: bool = True
    hedge_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """
    A model as ``GET /v1/models`` shows it.

    Args:
        id: The name that a client may send.
        owned_by: The provider's name.
        created: Unix seconds; 0 where the provider does not say.
        extra: Further keys that are passed on, as ``context_length``.
    """

    id: str
    owned_by: str
    created: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@value
class Usage:
    """
    Tokens of one call, as the provider counted them.

    Args:
        input_tokens: Those that were read from its cache, or written to it, included.
        output_tokens: Those of reasoning included.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0


@value
class Attempt:
    """One request to one target, and how it ended: ``ok`` or an error's code, up to its first block."""

    target: Target
    outcome: str
    duration_s: float


@value
class Bill:
    """
    What a call came to.

    Args:
        target: Who answered, or was working on it when the client left; ``None`` if nobody did.
        usage: Its tokens.
        counted: ``exact``: by the provider; ``estimated``: from what was seen; ``none``: there was nothing to count.
        cost: Micro-dollars.
        priced: Whether the target has a price.
    """

    target: Target | None
    usage: Usage | None
    counted: str
    cost: int
    priced: bool


@value
class CallRecord:
    """
    What is kept of a call once it has ended, however it ended: exactly one for each accepted call.

    Args:
        status: ``ok``, ``client_closed``, ``upstream_error``, ``timeout``, ``rejected``, ``draining`` or ``internal``.
        code: The error's code, where there was one.
        candidates: Targets in the order in which they were to be tried, those that were skipped later among them.
        attempts: In the order in which they ended.
        skipped: Targets that were not tried, each with the reason.
        first_byte_s: Seconds from the request's head to the first block; ``None`` if none came.
        timing: Where its time went, as the header of its answer said it; see ``llms.times``.
        bill: What it came to; ``None`` where no accounts are kept.
        at: Unix milliseconds of its admission.
        bytes_out: Of its answer's body.
    """

    call: Call
    status: str
    code: str | None
    candidates: tuple[Target, ...]
    attempts: tuple[Attempt, ...]
    skipped: tuple[tuple[Target, str], ...]
    usage: Usage | None
    finish_reason: str | None
    chunks: int
    first_byte_s: float | None
    duration_s: float
    timing: str | None = None
    bill: Bill | None = None
    at: int = 0
    bytes_out: int = 0


class Blocks(Protocol):
    """A streamed answer: a generator of blocks, or a ``llms.streams.Stream``."""

    def __aiter__(self) -> AsyncIterator[Block]: ...

    def __anext__(self) -> Coroutine[Any, Any, Block]: ...

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Let go of the upstream."""


class Provider(Protocol):
    """
    An upstream service; knows nothing of HTTP servers, keys, limits and ledgers.

    Every method raises ``GatewayError`` only. Cancelling one ends the upstream's work at once.
    """

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    def chat(self, call: Call, target: Target) -> Blocks:
        """
        Stream an answer: blocks of chunks that obey the rules; the last holds the usage, if known.

        An empty block says that the upstream lives but has no data yet, as by a comment.
        """

    async def complete(self, call: Call, target: Target) -> Completion:
        """Give an answer whole."""

    async def embed(self, call: Call, target: Target) -> dict[str, Any]:
        """Give embeddings, as OpenAI's list object, with vectors as floats or base64, whichever the upstream sent."""

    async def models(self) -> list[Model]:
        """List what it serves."""
