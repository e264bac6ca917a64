"""The gateway's own section of ``config.json``. Every number has a bound, so that no typing error turns a limit off."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from llms import terms
from llms.providers.given import DAY_S, WEEK_S

KEY = r"^(\$[A-Za-z_][A-Za-z0-9_]*|sha256:[0-9a-f]{64})$"
HOST = r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+)$"
ORIGIN = r"^[a-z][a-z0-9+.-]*://[A-Za-z0-9._-]+(:[0-9]{1,5})?$|^https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$"
STORE = r"^(none|sqlite:.+|postgres(ql)?://[^\s]+|\$[A-Za-z_][A-Za-z0-9_]*)$"


_Host = Annotated[str, StringConstraints(pattern=HOST, max_length=253, to_lower=True)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clocks(_Section):
    """How long a call may wait for the provider, in seconds."""

    connect_s: float = Field(default=5, gt=0, le=300, description="For a connection, DNS and TLS included.")
    first_byte_s: float = Field(default=120, gt=0, le=DAY_S, description="Until the first data of a stream.")
    answer_s: float = Field(default=600, gt=0, le=DAY_S, description="Until the end of an answer that is not streamed.")
    idle_s: float = Field(
        default=120,
        gt=0,
        le=DAY_S,
        description="Between two signs of life of a stream that has begun; any byte is one, a comment too.",
    )
    total_s: float = Field(default=3600, gt=0, le=WEEK_S, description="For the whole call.")


class Server(_Section):
    """Where the gateway listens, whom it lets in, and its limits."""

    host: _Host = Field(
        default="127.0.0.1",
        description="The address to listen on. On any that other machines can reach, `keys` must not be empty.",
    )
    port: int = Field(default=8000, ge=0, le=65_535, description="The port to listen on; 0 for any that is free.")
    keys: tuple[Annotated[str, Field(pattern=KEY)], ...] = Field(
        default=(),
        description="The keys that clients may use: `$NAME` of an environment variable, or `sha256:` and the key's "
        "SHA-256 in 64 hex digits. Empty: no key is needed.",
    )
    allowed_hosts: tuple[_Host, ...] = Field(
        default=(),
        description="Host names by which clients may address the gateway, besides localhost, 127.0.0.1 and ::1.",
    )
    allowed_origins: tuple[Annotated[str, Field(pattern=ORIGIN)], ...] = Field(
        default=(), description="Origins of other web pages that may call the gateway, as `https://chat.example.com`."
    )
    max_body_bytes: int = Field(default=64 << 20, ge=1024, le=1 << 30, description="The longest request body.")
    head_s: float = Field(
        default=10,
        gt=0,
        le=3600,
        description="Seconds a client may take to send the head of a request, and to begin the first one.",
    )
    max_memory_bytes: int | None = Field(
        default=None,
        ge=64 << 20,
        le=1 << 50,
        description="What a process may use: while it is at 85 % of this or more, new calls are refused with 503. Left "
        "out, it is the limit of its cgroup, or of `ulimit -v`, where there is one.",
    )
    body_s: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="Seconds a client may take to send the body of a request; more while a kilobyte a second comes.",
    )
    keepalive_s: float = Field(
        default=15, ge=0, le=300, description="Seconds of silence in a stream before a comment is sent; 0 for none."
    )
    write_stall_s: float = Field(
        default=60,
        gt=0,
        le=3600,
        description="Seconds that a client may take nothing of its answer before it is cut off.",
    )
    send_buffer_bytes: int = Field(
        default=64 << 10,
        ge=4 << 10,
        le=64 << 20,
        description="Bytes of an answer that the system holds ready for a client that reads slowly, besides those on "
        "their way to it.",
    )
    drain_s: float = Field(
        default=30, ge=0, le=3600, description="Seconds that running calls are given when the gateway is told to stop."
    )
    reasoning: Literal["reasoning_content", "reasoning", "both", "none"] = Field(
        default="reasoning_content",
        description="The key of a message or delta in which chat completions show a model's reasoning. Most clients "
        "read `reasoning_content`; those made for OpenRouter or for vLLM since 2026 read `reasoning`. `both` is for a "
        "mix of the two; a client that reads every key shows the text twice. `none` leaves it out, for clients that "
        "refuse keys that OpenAI does not have.",
    )
    clocks: Clocks = Clocks()
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least serious messages that are logged."
    )

    @property
    def terms(self) -> terms.Terms:
        """The terms of every target that neither its provider nor its model gives others."""
        clocks = terms.Clocks(**self.clocks.model_dump(), write_stall_s=self.write_stall_s)
        return terms.Terms(clocks)
