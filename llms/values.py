"""Values that are made for each call, at half the price of frozen dataclasses."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_T]) -> type[_T]:
    """
    Make a dataclass of ``cls`` that nobody changes: the type checker sees to it, not the running program.

    A frozen dataclass sets each of its fields by a call. A call through the gateway makes a dozen values with some
    sixty fields, which came to a tenth of all its instructions. What is made at start stays frozen.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
