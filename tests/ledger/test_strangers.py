"""Names of models that there are not."""

from llms.ledger.strangers import Strangers
from llms.store import DAY_MS
from tests.admin.people import call


def test_so_many_a_day():
    """The first of a day are written down, each as often as it is asked for; the others' calls have no name."""
    strangers = Strangers(2)
    asked = [(1, "a"), (1, "b"), (1, "c"), (1, "a"), (0, "d"), (2, "c"), (2, "a"), (2, "b")]

    noted = [strangers.noted(call(1, "ann", at=day * DAY_MS, model=name)).model for day, name in asked]

    assert ["a", "b", "", "a", "", "c", "a", ""] == noted
