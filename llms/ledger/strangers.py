"""
Names of models that there are not; pure.

Clients choose them. Each has a place among a day's sums, of which a holder of a key could make as many as it liked,
without a limit that would count its calls: what there is not is refused before.
"""

from llms.store import DAY_MS, CallRow

MOST = 1000
"""Of a day, and of a process. People's mistakes are fewer."""


class Strangers:
    """
    Knows those of a day.

    Args:
        most: How many are written down.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._day = -1
        self._names: set[str] = set()

    def noted(self, row: CallRow) -> CallRow:
        """Give the row of a call of a model that there is not: without its name, where that is one too many."""
        day = row.at // DAY_MS
        if day > self._day:
            self._day = day
            self._names.clear()
        if len(self._names) < self._most:
            self._names.add(row.model)
        return row if row.model in self._names else row._replace(model="")
