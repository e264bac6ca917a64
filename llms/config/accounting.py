"""The sections about money: where calls are written down, how much callers may take, what models cost."""

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from llms import folders, keys
from llms.config.problems import Loc, Problem, check
from llms.config.server import STORE
from llms.databases.open import SQLITE, sqlite_path
from llms.prices import Price
from llms.providers.options import EnvName, secret

_MICROS = Decimal(1_000_000)

Dollars = Annotated[
    Decimal,
    Field(ge=0, le=1_000_000_000, max_digits=18, decimal_places=6),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1_000_000_000}),
]
"""An amount; a micro-dollar is the least."""

_PRICE = Annotated[
    Decimal,
    Field(ge=0, le=1_000_000, max_digits=18, decimal_places=6),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1_000_000}),
]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreGiven(_Section):
    """Where keys and calls are kept."""

    url: Annotated[str, Field(pattern=STORE)] | None = Field(
        default=None,
        description="`sqlite:FILE`, `postgresql://…`, `$NAME` of an environment variable that holds either, or `none`. "
        "Left out: the environment variable `LLMS_STORE`, or else an SQLite file in the user's own data folder.",
    )
    redis: EnvName | None = Field(
        default=None,
        description="`$NAME` of an environment variable that holds a `redis://…` URL, by which several machines agree "
        "on limits and budgets.",
    )
    spool_rows: int = Field(
        default=10_000,
        ge=100,
        le=1_000_000,
        description="How many ended calls are held while the store cannot take them; then new calls are refused.",
    )


class Budgets(_Section):
    """Dollars that calls may cost, in UTC."""

    total: Dollars | None = Field(default=None, description="For good.")
    day: Dollars | None = Field(default=None, description="In a day.")
    week: Dollars | None = Field(default=None, description="In a week, from Monday.")
    month: Dollars | None = Field(default=None, description="In a month.")


class LimitsGiven(_Section):
    """How much may be taken; what is left out has no limit."""

    rpm: int | None = Field(default=None, ge=0, le=10**9, description="Calls in a minute.")
    tpm: int | None = Field(default=None, ge=0, le=10**12, description="Tokens in a minute, in and out.")
    concurrency: int | None = Field(default=None, ge=0, le=10**6, description="Calls at once.")
    budgets: Budgets = Field(default=Budgets(), description="Dollars.")

    @property
    def limits(self) -> keys.Limits:
        """The same, in micro-dollars."""
        money = {f"budget_{name}": micros(value) for name, value in self.budgets.model_dump().items()}
        return keys.Limits(rpm=self.rpm, tpm=self.tpm, concurrency=self.concurrency, **money)


class AccountingGiven(_Section):
    """Limits besides those of keys."""

    gateway: LimitsGiven = Field(default=LimitsGiven(), description="Of all calls together.")
    teams: dict[str, LimitsGiven] = Field(default_factory=dict, description="Of a team's keys together, by its name.")
    models: dict[str, LimitsGiven] = Field(
        default_factory=dict, description="Of all calls of a model together, by the name that clients use."
    )
    assumed_output_tokens: int = Field(
        default=4096,
        ge=0,
        le=10_000_000,
        description="The tokens that are reserved for the answer to a request that sets no limit of its own.",
    )
    require_price: bool = Field(
        default=False, description="Whether calls of targets without a price are refused, not served and marked."
    )


class PriceGiven(_Section):
    """Dollars for a million tokens."""

    input: _PRICE = Field(description="Going in.")
    output: _PRICE = Field(description="Coming out, reasoning included.")
    cache_read: _PRICE | None = Field(default=None, description="Read from the provider's cache; else as `input`.")
    cache_write: _PRICE | None = Field(default=None, description="Written to it; else as `input`.")

    @property
    def price(self) -> Price:
        """The same, in micro-dollars."""
        return Price(
            _whole(self.input),
            _whole(self.output),
            None if self.cache_read is None else _whole(self.cache_read),
            None if self.cache_write is None else _whole(self.cache_write),
        )


def micros(dollars: Decimal | None) -> int | None:
    """Give dollars in micro-dollars."""
    return None if dollars is None else _whole(dollars)


def _whole(dollars: Decimal) -> int:
    return int(dollars * _MICROS)


def prices(raw: Any) -> tuple[dict[str, Price], list[Problem]]:
    """Give the ``prices`` section, by ``provider/model``, and all that is wrong with it."""
    if not isinstance(raw, dict):
        return {}, [Problem(("prices",), "must be an object")]
    found: dict[str, Price] = {}
    problems: list[Problem] = []
    for name, entry in raw.items():
        at: Loc = ("prices", name)
        if "/" not in name:
            problems.append(Problem(at, "must be named provider/model"))
        given, wrong = check(PriceGiven, entry, at) if isinstance(entry, dict) else (None, [Problem(at, _OBJECT)])
        problems += wrong
        if given is not None:
            found[name] = given.price
    return found, problems


_OBJECT = 'must be an object, as {"input": 0.15, "output": 0.6}: dollars for a million tokens'


def store_url(given: StoreGiven, environ: Mapping[str, str], platform: str = sys.platform) -> tuple[str | None, bool]:
    """
    Give where keys and calls are kept, and whether anybody has said so.

    Returns:
        ``sqlite:FILE`` or ``postgresql://…``; ``None`` for nowhere. ``True`` if it was asked for by name: then the
        gateway does not start without it.
    """
    named = given.url or environ.get("LLMS_STORE", "").strip()
    if named.startswith("$"):
        named = secret(named, environ) or ""
    if named:
        return (None if named == "none" else named), True
    folder = folders.own(folders.Kind.DATA, environ, platform)
    return (None if folder is None else f"{SQLITE}{folder / 'llms.db'}"), False


def spool_folder(url: str | None, environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Give where calls are that a store does not have yet: beside its file, or else in the user's own data folder."""
    if url is None:
        return None
    if url.startswith(SQLITE):
        return Path(f"{sqlite_path(url)}.spool")
    folder = folders.own(folders.Kind.DATA, environ, platform)
    return None if folder is None else folder / "spool"
