"""What a call costs, in integers."""

from dataclasses import field

from llms.records import Usage
from llms.values import value

MILLION = 1_000_000


@value
class Price:
    """
    What a model's tokens cost, in micro-dollars for a million of them.

    Args:
        cache_read: Of those that were read from the provider's cache; as ``input`` where it is ``None``.
        cache_write: Of those that were written to it; as ``input`` where it is ``None``.
        above: Tokens going in, of one call, above which ``long`` is the price of all its tokens.
        long: ``None`` where the length makes no difference.
        tiers: Other prices of the same model, each after the ``service_tier`` that it is for.

    Attributes:
        highest_input: The most that a token going in may cost, of a call that is not long.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    above: int = 0
    long: "Price | None" = None
    tiers: tuple[tuple[str, "Price"], ...] = ()

    highest_input: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "highest_input", max(self.input, self.cache_write or 0, self.cache_read or 0))

    def at(self, tier: object) -> "Price":
        """
        Give the price of a call that is served at a tier.

        Args:
            tier: ``service_tier`` of the request or, better, of the answer. What is not known is as none.
        """
        if tier is None or not self.tiers:
            return self
        wanted = "priority" if tier == "fast" else tier  # as OpenAI itself says
        return next((price for name, price in self.tiers if name == wanted), self)


def cost(price: Price, usage: Usage) -> int:
    """
    Give what a call costs, in micro-dollars.

    Args:
        usage: Cached tokens, read and written, are part of ``input_tokens``. Counts that cannot be do not lower it.
    """
    tokens = max(usage.input_tokens, 0)
    if price.long is not None and tokens > price.above:
        price = price.long
    millionths = tokens * price.input + max(usage.output_tokens, 0) * price.output
    if usage.cached_tokens or usage.cache_write_tokens:
        read = min(max(usage.cached_tokens, 0), tokens)
        written = min(max(usage.cache_write_tokens, 0), tokens - read)
        if price.cache_read is not None:
            millionths += read * (price.cache_read - price.input)
        if price.cache_write is not None:
            millionths += written * (price.cache_write - price.input)
    return (millionths + MILLION // 2) // MILLION


def most(price: Price, input_tokens: int, output_tokens: int) -> int:
    """
    Give the most that so many tokens may cost, in micro-dollars, rounded up.

    Args:
        input_tokens: An estimate: a call that may be long by half as many again is taken for one.
    """
    if price.long is not None and input_tokens * 3 // 2 > price.above:
        price = price.long
    return -(-(input_tokens * price.highest_input + output_tokens * price.output) // MILLION)
