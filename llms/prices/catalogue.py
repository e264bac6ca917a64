"""Which price is a target's."""

from collections.abc import Mapping

from llms.prices.price import Price
from llms.records import Target


class Prices:
    """
    Prices by target.

    Args:
        given: By ``provider/model``; what the configuration says.
    """

    def __init__(self, given: Mapping[str, Price] | None = None) -> None:
        self._given = dict(given or {})

    def of(self, target: Target) -> Price | None:
        """Give a target's price; ``None`` if it is not known."""
        return self._given.get(target.name)
