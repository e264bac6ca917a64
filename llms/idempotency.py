"""
What becomes of a request that is sent again: the answers that are kept under their ``Idempotency-Key``.

A client that lost its connection does not know whether its request was served. It sends it again under the same key,
and gets the answer of the first one, or is told that the first one still runs. The provider is asked once.

``Answers`` is the protocol. ``llms.idempotency_memory`` is a process's own: a restart or a crash forgets every key.
``llms.idempotency_shared`` is for several processes, on one machine or on several.

Decisions:

- A key belongs to the caller's virtual key and to the endpoint. Where no key is needed all callers are one.
- Two bodies are the same if they decode to the same; the order of fields does not matter, ``1`` and ``1.0`` differ.
- Errors are kept like answers, as Stripe keeps its 500s, if a provider may have worked on the request: else the
  client's next try could be billed twice. Not kept is what no provider was sent, and what says ``x-should-retry: true``
  (429, 503): it asks for the very request that a kept answer would bar. A stream that has begun is kept in any case.
- A client that leaves before the end frees the key, since the call to the provider was ended with it: what that has
  done so far nobody will ever see. One that leaves once the answer is whole does not. A gateway that stops is like a
  client that leaves.
- A bug of the gateway (500) frees the key too.
- Where it cannot be found out whether a key was used, the request is refused (503).
- An answer that is too long to be kept leaves a note: the key is then answered 409. To ask the provider again without a
  word would be the double call that the key is there to prevent.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson

from llms.errors import InvalidRequestError

MAX_KEY = 255
"""Stripe's limit."""


class Name(NamedTuple):
    """
    What an answer is kept under.

    Args:
        tenant: The virtual key's id; empty where none is needed.
        endpoint: The dialect's name.
        key: As the client sent it.
    """

    tenant: str
    endpoint: str
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer that can be given again.

    Args:
        body: All of it; of a stream all its events.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Claim(Protocol):
    """The right to answer the first request of a name: ends with ``keep`` or ``free``, whichever comes first."""

    def add(self, data: bytes) -> None:
        """Take down a piece of the answer's body. It is not copied."""

    def keep(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer is whole: later requests get it."""

    def free(self) -> None:
        """There is no answer to keep: the next request is the first one again."""


class Answers(Protocol):
    """Where answers are kept. Only ``claim`` may wait; the others are called while a client's task is being ended."""

    async def claim(self, name: Name, digest: bytes) -> Claim | Answer:
        """
        Take ``name``, or give the answer that is kept under it. One that is cancelled has taken nothing.

        Args:
            digest: Of the request's body.

        Raises:
            IdempotencyMismatchError: The first request had another body.
            IdempotencyInProgressError: It has not been answered yet.
            AnswerNotKeptError: Its answer was too long.
            StoreUnavailableError: It is not known whether there was one.
        """

    async def close(self) -> None:
        """Let go of everything."""


def checked(key: str) -> str:
    """
    Give ``key`` if it can be one.

    Raises:
        InvalidRequestError: It is empty, too long, or not plain ASCII.
    """
    if 0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    message = f"The header Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters, as a UUID is."
    raise InvalidRequestError(message)


def digest(body: Mapping[str, Any]) -> bytes:
    """Give what tells one decoded body from another: SHA-256 of its JSON with the fields in order."""
    found = hashlib.sha256()
    for name in sorted(body):
        found.update(_dumps(name))
        value = body[name]
        if isinstance(value, list):  # piece by piece: orjson lets nobody else run meanwhile
            found.update(b"[\n")
            for part in value:
                found.update(_dumps(part) + b"\n")
            found.update(b"]\n")
        else:
            found.update(b":" + _dumps(value) + b"\n")
    return found.digest()


def _dumps(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half a surrogate pair; see llms.wire.json_text
        return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")
