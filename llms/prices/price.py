"""What a call costs, in integers."""

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
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None

    @property
    def highest_input(self) -> int:
        """The most that a token going in may cost."""
        return max(self.input, self.cache_write or 0, self.cache_read or 0)


def cost(price: Price, usage: Usage) -> int:
    """
    Give what a call costs, in micro-dollars.

    Args:
        usage: Cached tokens, read and written, are part of ``input_tokens``. Counts that cannot be do not lower it.
    """
    read = min(max(usage.cached_tokens, 0), max(usage.input_tokens, 0))
    written = min(max(usage.cache_write_tokens, 0), max(usage.input_tokens, 0) - read)
    fresh = max(usage.input_tokens, 0) - read - written
    of_read = price.input if price.cache_read is None else price.cache_read
    of_write = price.input if price.cache_write is None else price.cache_write
    millionths = fresh * price.input + read * of_read + written * of_write + max(usage.output_tokens, 0) * price.output
    return (millionths + MILLION // 2) // MILLION


def most(price: Price, input_tokens: int, output_tokens: int) -> int:
    """Give the most that so many tokens may cost, in micro-dollars, rounded up."""
    return -(-(input_tokens * price.highest_input + output_tokens * price.output) // MILLION)
