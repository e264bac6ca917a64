"""What is measured for docs/reliability.md: for each figure a function that gives it, or several at once."""

from collections.abc import Awaitable, Callable

from tests.soak.figures import aborts, attacks, backpressure, drain, idle, outage, reload, truncation
from tests.soak.report import Figure

FIGURES: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "F6": aborts.measure,
    "F7": aborts.measure,
    "F11": idle.measure,
    "F13": attacks.measure,
    "F14": attacks.measure_slow,
    "F15": backpressure.measure,
    "F16": truncation.measure,
    "F18": outage.measure,
    "F19": drain.measure,
    "F21": reload.measure,
}
