"""Bodies of the admin API, read strictly: every field is known, of its one type, and bounded; pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from llms.errors import InvalidRequestError
from llms.keys import Limits, Role, VirtualKey

MAX_CHARS = 200
MAX_ITEMS = 200
MAX_GRACE_S = 7 * 86_400
_LAST_SECOND = 253_402_300_799
"""Of the year 9999."""

UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
"""Would forge a line in a log or a table, or is nothing that every store can hold."""

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Would have what stands beside a key's name written from right to left. Queries may look for what has them."""

_PARAM = re.compile(r"[^A-Za-z0-9_.\[\]-]")

_Model = TypeVar("_Model", bound="_Body")


def _clean(text: str) -> str:
    if UNFIT.search(text) or _TURNING.search(text):
        kind, words = "control", "must have no control characters"
        raise PydanticCustomError(kind, words)
    return text


def _pattern(text: str) -> str:
    if "*" in text[:-1]:
        kind, words = "pattern", "must be a model's name, or the beginning of one and a * at its end"
        raise PydanticCustomError(kind, words)
    return _clean(text)


_Text = Annotated[str, Field(max_length=MAX_CHARS), AfterValidator(_clean)]
_Pattern = Annotated[str, Field(min_length=1, max_length=MAX_CHARS), AfterValidator(_pattern)]
_Count = Annotated[int, Field(ge=0, le=10**12)]
_Micros = Annotated[int, Field(ge=0, le=10**15)]

Endpoint = Literal["chat.completions", "completions", "embeddings"]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BudgetsGiven(_Body):
    """Micro-dollars; ``null`` for no budget."""

    total: _Micros | None = None
    day: _Micros | None = None
    week: _Micros | None = None
    month: _Micros | None = None


class LimitsGiven(_Body):
    """How much; ``null`` for no limit. What is left out stays as it is."""

    rpm: _Count | None = None
    tpm: _Count | None = None
    concurrency: _Count | None = None
    budgets_micros: BudgetsGiven = BudgetsGiven()

    def over(self, limits: Limits) -> Limits:
        """Give ``limits`` with what is given instead."""
        given = self.model_dump(exclude_unset=True)
        budgets = {f"budget_{name}": most for name, most in given.pop("budgets_micros", {}).items()}
        return replace(limits, **given, **budgets)


class KeyGiven(_Body):
    """What may be said of a key. What is left out stays as it is."""

    name: _Text = ""
    role: Literal["admin", "member", "viewer"] = "member"
    owner: _Text = ""
    team: _Text = ""
    models: Annotated[list[_Pattern], Field(max_length=MAX_ITEMS)] = []
    endpoints: Annotated[list[Endpoint], Field(max_length=MAX_ITEMS)] = []
    limits: LimitsGiven = LimitsGiven()
    expires_at: Annotated[int, Field(ge=0, le=_LAST_SECOND)] | None = None
    disabled: bool = False
    keeps_bodies: bool = False

    def over(self, key: VirtualKey) -> VirtualKey:
        """Give ``key`` with what is given instead."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "role" in given:
            given["role"] = Role(self.role)
        if "limits" in given:
            given["limits"] = self.limits.over(key.limits)
        given.update({name: tuple(given[name]) for name in ("models", "endpoints") if name in given})
        return replace(key, **given)


class Rotation(_Body):
    """How a secret is changed: the seconds for which the old one is still accepted."""

    grace_s: Annotated[int, Field(ge=0, le=MAX_GRACE_S)] = 0


class Nothing(_Body):
    """An empty object."""


def read(model: type[_Model], body: Mapping[str, Any]) -> _Model:
    """
    Read a body.

    Raises:
        InvalidRequestError: A field is not known, or not what it must be; ``param`` says which.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False, include_input=False)[0]) from None  # it would quote the body


def _refusal(error: ErrorDetails) -> InvalidRequestError:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])[1:]
    param = _PARAM.sub("?", where[:MAX_CHARS])
    if error["type"] == "extra_forbidden":
        message = f"{param} is not a field of this request. /admin/v1/openapi.json has those that are."
        return InvalidRequestError(message, param=param, code="unknown_parameter")
    words = re.sub(r"^(Input|String|List|Object) should", "must", error["msg"])
    return InvalidRequestError(f"{param} {words}.", param=param)
