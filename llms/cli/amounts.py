"""Money, numbers and times as people write and read them; pure."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import click

_MICROS = 1_000_000
_MOST_DOLLARS = 1_000_000_000

_SPAN = re.compile(r"([0-9]{1,6})([mhdw])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Read(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions only
    """
    An option's type.

    Args:
        name: Of the type, as help has it.
        read: Gives the value, or raises ``ValueError``.
        expected: Goes on after "must be".
    """

    def __init__(self, name: str, read: Callable[[str], Any], expected: str) -> None:
        self.name = name
        self._read = read
        self._expected = expected

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the value."""
        try:
            return self._read(value)
        except (ValueError, InvalidOperation, OverflowError):
            self.fail(f"must be {self._expected}", param, ctx)


def _micros(text: str) -> int | str:
    if text == "none":
        return text
    value = Decimal(text.removeprefix("$"))
    if not 0 <= value <= _MOST_DOLLARS or value * _MICROS % 1:
        raise ValueError
    return int(value * _MICROS)


def _count(text: str) -> int | str:
    if text == "none":
        return text
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise ValueError
    return int(text)


DOLLARS = Read("dollars", _micros, "dollars, as 50 or 0.25, or none")
COUNT = Read("count", _count, "a whole number, or none")


def moment(text: str, now: float, sign: int) -> float:
    """
    Give a time in Unix seconds.

    Args:
        text: ``30d`` or the like, from now on or back, or a date in UTC, with or without a time.
        now: Unix seconds.
        sign: 1 for on, -1 for back.

    Raises:
        UsageError: It is none of these.
    """
    if span := _SPAN.fullmatch(text):
        return now + sign * int(span[1]) * _SECONDS[span[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text[:40]!r} is no time. Write 30d, 12h, 90m, 2w, a date as 2026-12-31, or 2026-12-31T08:00."
        raise click.UsageError(message) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def dollars(micros: int) -> str:
    """Give an amount: two digits after the point, or as many as there are."""
    whole, rest = divmod(abs(micros), _MICROS)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}${whole:,}.{digits}"


def day(seconds: int) -> str:
    """Give a time's day, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def second(milliseconds: int) -> str:
    """Give a time, in UTC, to the second."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"
