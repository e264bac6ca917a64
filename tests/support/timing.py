"""``Server-Timing``, read and checked."""

import re

from tests.support.raw import Response

_VALUE = re.compile(r"[a-z]+;dur=[0-9]+\.[0-9]{1,3}(, [a-z]+;dur=[0-9]+\.[0-9]{1,3})*")


def microseconds(value: str | None) -> dict[str, int]:
    """Give what a header says, by name. Whatever it says must add up to the total, to the last digit."""
    assert value is not None
    assert _VALUE.fullmatch(value), value
    pairs = [entry.split(";dur=") for entry in value.split(", ")]
    parts = {name: round(float(dur) * 1000) for name, dur in pairs}
    assert len(parts) == len(pairs), value
    assert parts["total"] == sum(parts.values()) - parts["total"], value
    assert parts["gateway"] >= 0, value
    return parts


def of(response: Response) -> dict[str, int]:
    """Give what the header of ``response`` says, in microseconds by name."""
    assert 1 == sum(name == "server-timing" for name, _ in response.headers)
    return microseconds(response.header("Server-Timing"))
