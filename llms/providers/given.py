"""
The terms on which targets are called, as ``config.json`` has them for a provider and for a model's name.

What is left out is taken from the level above: a model's from its provider's, a provider's from the server's.
"""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from llms.terms import Bounds, Capabilities, Clocks, Terms

DAY_S = 86_400
WEEK_S = 7 * DAY_S


_PLAIN = ("retries", "fallback", "retry_ambiguous", "breaker")


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def given(self) -> dict[str, Any]:
        """Give the options that are set."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


class ClocksGiven(_Given):
    """Clocks other than those of the level above, in seconds."""

    connect_s: float | None = Field(default=None, gt=0, le=300, description="For a connection, DNS and TLS included.")
    first_byte_s: float | None = Field(default=None, gt=0, le=DAY_S, description="Until the first data of a stream.")
    answer_s: float | None = Field(
        default=None, gt=0, le=DAY_S, description="Until the end of an answer that is not streamed."
    )
    idle_s: float | None = Field(
        default=None, gt=0, le=DAY_S, description="Between two signs of life of a stream that has begun."
    )
    total_s: float | None = Field(default=None, gt=0, le=WEEK_S, description="For the whole call.")
    write_stall_s: float | None = Field(
        default=None, gt=0, le=3600, description="That a client may take nothing of its answer before it is cut off."
    )


class BoundsGiven(_Given):
    """Limits of what a provider may send in one answer."""

    max_event_bytes: int | None = Field(
        default=None, ge=1024, le=1 << 30, description="One event of a stream; 4194304 (4 MiB) if left out."
    )
    max_events: int | None = Field(
        default=None, ge=1, le=1_000_000_000, description="Events in one stream; 1000000 if left out."
    )
    max_answer_bytes: int | None = Field(
        default=None,
        ge=1024,
        le=1 << 30,
        description="A whole answer that is not streamed; 67108864 (64 MiB) if left out.",
    )


class CapabilitiesGiven(_Given):
    """What a model can do. It is not asked for what it cannot do; what is left out is not known."""

    tools: bool | None = Field(default=None, description="Whether it can call tools.")
    vision: bool | None = Field(default=None, description="Whether it can look at pictures.")
    json_schema: bool | None = Field(default=None, description="Whether it can answer in the form of a schema.")
    context: int | None = Field(
        default=None, ge=1, description="Tokens of the request and the answer together. Longer ones go to others first."
    )

    def capabilities(self) -> Capabilities:
        """Give them as the value that travels."""
        return Capabilities(**self.given())


class TermsGiven(_Given):
    """The options that a provider and a model's name share."""

    clocks: ClocksGiven = Field(default=ClocksGiven(), description="Clocks of its own; below.")
    bounds: BoundsGiven = Field(default=BoundsGiven(), description="Limits of what may come in one answer; below.")
    retries: int | None = Field(
        default=None,
        ge=0,
        le=10,
        description="How often one call may ask a target again that failed or was busy, before its answer has begun; 2"
        " if left out, 0 for never.",
    )
    fallback: bool | None = Field(
        default=None,
        description="Whether the next target is tried when this one fails or is not to be asked; true if left out.",
    )
    retry_ambiguous: bool | None = Field(
        default=None,
        description="Whether another target is tried when the connection is lost, or the first byte is late, after the"
        " request was sent. The provider may be working, and billing, already; false if left out.",
    )
    breaker: bool | None = Field(
        default=None,
        description="Whether a provider that could not be reached five times in a row is left alone for five seconds;"
        " true if left out.",
    )

    def over(self, terms: Terms) -> Terms:
        """
        Give ``terms`` with what is set here in its place.

        Args:
            terms: Those of the level above.
        """
        own = {name: value for name, value in self.given().items() if name in _PLAIN}
        clocks: Clocks = replace(terms.clocks, **self.clocks.given())
        bounds: Bounds = replace(terms.bounds, **self.bounds.given())
        return replace(terms, clocks=clocks, bounds=bounds, **own)
