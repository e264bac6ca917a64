"""
What must hold after every fault, however right its answer was. The marker of a case turns the watch on.

I1 and I6: the gateway lives; a plain call works on a fresh connection and on each one that a test left open. I2: no
connection of the upstream is in use a second later. I3: no place at a provider is taken. I3 and I5, tasks, descriptors and
complaints, are watched after every test there is (``tests.support.leaks``). I4: one record for each call, and attempts as the upstream saw them.
I7: memory. I8: no secret in a log line or an answer. I10: errors, answers and chunks fit OpenAI's document. I9, the
loop's lag, is measured in the cases that are about it: in a test the gateway shares its loop with the test's own work.
"""

import asyncio
import gc
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest
from jsonschema import ValidationError

from llms.records import CallRecord
from tests.support import openapi, outcome
from tests.support.gateway import Running
from tests.support.raw import RawClient, Response
from tests.upstream import ollama, openai
from tests.upstream.server import Upstream

PATH = "/v1/chat/completions"
OLLAMA_PATH = "/api/chat"
PROMPT = "prompt-canary"
"""Part of a prompt; no log line may have it."""

_CALLS = (PATH, OLLAMA_PATH, "/v1/embeddings", "/api/embed")
_SETTLE_S = 2.0  # one second is promised; the machine may be busy
_POLL_S = 0.01
_GROWTH_BYTES = 96 << 20
_UNSEEN = ("upstream_unreachable", "upstream_connect_timeout", "upstream_tls_error", "upstream_circuit_open")
"""Outcomes of attempts that the upstream never sees."""

_BEFORE_A_CALL = ("draining", "overloaded")
"""Codes of failures of 500 and more that may come before there is a call."""


class Watch:
    """
    Looks on during one test.

    Args:
        without: Names of invariants that cannot hold in it, with the reason.
        growth_bytes: What memory may grow by.

    Attributes:
        heard: What clients read.
        notes: What else came out, as the test says.
    """

    def __init__(self, without: Mapping[str, str], growth_bytes: int = _GROWTH_BYTES) -> None:
        self.heard: list[Response] = []
        self.notes: list[str] = []
        self._checked: dict[int, Running] = {}  # held, so that no other has its id
        self._records: list[CallRecord] = []
        self._without = without
        self._growth_bytes = growth_bytes
        self._secrets = {PROMPT.encode()}
        self._lines = _Lines()
        self._broken: list[str] = []
        self._level = logging.WARNING
        self._memory = 0

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self._lines)
        RawClient.listeners.append(self.heard.append)
        RawClient.farewells.append(self._still_works)
        self._memory = _memory()
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.setLevel(self._level)
        root.removeHandler(self._lines)
        RawClient.listeners.remove(self.heard.append)
        RawClient.farewells.remove(self._still_works)

    def secret(self, *values: str) -> None:
        """Note values that must be seen nowhere."""
        self._secrets |= {value.encode() for value in values}

    @property
    def lines(self) -> list[tuple[int, str]]:
        """What was logged, with its level."""
        return self._lines.seen

    def came_out(self) -> list[str]:
        """Say what tests noted and clients read, or if that is nothing what was recorded."""
        if self.heard or self.notes:
            return [*self.notes, *(outcome.of_response(response) for response in self.heard)]
        return [outcome.of_records(self._records)]

    async def check(self, running: Running, upstream: Upstream | None = None, key: str | None = None) -> None:
        """
        Fail the test if something does not hold; do nothing for a gateway that has been checked.

        Args:
            upstream: The only provider, if there is one; its model is ``m``.
            key: For a gateway that asks for one.
        """
        if id(running) in self._checked:
            return
        self._checked[id(running)] = running
        self._records += running.records
        if broken := await self.broken(running, upstream, key):
            pytest.fail("after the fault:\n" + "\n".join(broken), pytrace=False)

    async def check_each(self, running: Running, upstreams: Mapping[str, Upstream]) -> None:
        """Fail the test if one of several providers, by name, is busy, or saw what no attempt tells of; before ``check``."""
        for name, upstream in upstreams.items():
            if not await _settled(running, upstream):
                self._add("I2", f"calls or connections to {name} go on a second later")
            asked = [request for request in upstream.requests if request.path in _CALLS]
            for text in _unseen(running, asked, upstream, name):
                self._add("I4", f"{name}: {text}")

    async def broken(self, running: Running, upstream: Upstream | None = None, key: str | None = None) -> list[str]:
        """Give what does not hold; the arguments are those of ``check``."""
        asked = [] if upstream is None else [r for r in upstream.requests if r.path in _CALLS]
        if not await _settled(running, upstream):
            self._add("I2", "calls or connections to the upstream go on a second later")
        for name, count in running.places_taken.items():
            self._add("I3", f"{count} places of {name} are taken")
        for text in [*_unrecorded(running, self.heard), *(_unseen(running, asked, upstream) if upstream else ())]:
            self._add("I4", text)
        for text in self._leaks():
            self._add("I8", text)
        for text in () if "I10" in self._without else _misshapen(self.heard):
            self._add("I10", text)
        for text in await _next_call(running, upstream, key):
            self._add("I6", text)
        gc.collect()
        if (grown := _memory() - self._memory) > self._growth_bytes:
            self._add("I7", f"memory has grown by {grown >> 20} MiB")
        return self._broken

    def _add(self, name: str, text: str) -> None:
        if name not in self._without:
            self._broken.append(f"{name}: {text}")

    def _leaks(self) -> Iterator[str]:
        for _, line in self._lines.seen:
            if any(secret in line.encode("utf-8", "backslashreplace") for secret in self._secrets):
                yield f"logged: {line[:300]}"
        for response in self.heard:
            if any(secret in response.head.raw + response.body for secret in self._secrets):
                yield f"answered: {response.body[:300]!r}"

    async def _still_works(self, client: RawClient) -> None:
        """Ask something plain on a connection that a test is about to leave."""
        if not client.in_step:
            return
        client.listeners = []  # this one is not the test's
        try:
            await client.request("GET", "/healthz")
            status = (await client.read_response()).status
        except (OSError, EOFError, TimeoutError) as error:
            self._add("I6", f"a connection that was kept does not work: {error!r}")
        else:
            if status != 200:
                self._add("I6", f"a connection that was kept answers {status}")


class _Aside(RawClient):
    """A client that nobody listens to."""

    listeners = ()
    farewells = ()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[tuple[int, str]] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.levelno, self.format(record)))


async def _settled(running: Running, upstream: Upstream | None) -> bool:
    try:
        async with asyncio.timeout(_SETTLE_S):
            await running.services.gateway.idle()
            while upstream is not None and any(connection.busy for connection in upstream.connections):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    return True


def _unrecorded(running: Running, heard: list[Response]) -> Iterator[str]:
    """Say which answers have no record, and which calls have more than one."""
    counts = Counter(record.call.id for record in running.records)
    yield from (f"{count} records of call {name}" for name, count in counts.items() if count > 1)
    known = {response.header("x-request-id") for response in heard if response.header("x-llms-provider")}
    known |= {response.header("x-request-id") for response in heard if _of_a_call(response)}
    yield from (f"no record of call {name}" for name in known if name and counts[name] == 0)


def _of_a_call(response: Response) -> bool:
    return response.status >= 500 and _error(response).get("code") not in _BEFORE_A_CALL


def _unseen(running: Running, asked: list[Any], upstream: Upstream, provider: str = "") -> Iterator[str]:
    every = [attempt for record in running.records for attempt in record.attempts]
    attempts = [attempt.outcome for attempt in every if provider in ("", attempt.target.provider)]
    sent = sum(outcome not in (*_UNSEEN, "cancelled") for outcome in attempts)
    mute = sum(not connection.requests for connection in upstream.connections)  # gone before a request was read
    if not len(asked) <= len(attempts) or not sent <= len(asked) + mute:
        yield f"{len(asked)} requests at the upstream, attempts {attempts}"


def _misshapen(heard: list[Response]) -> Iterator[str]:
    for response in heard:
        for name, value in _documents(response):
            try:
                openapi.validate(name, value)
            except ValidationError as error:
                yield f"not a valid {name}: {error.message[:300]}"


def _documents(response: Response) -> Iterator[tuple[str, Any]]:
    """Give what an answer holds, each with the name of its schema."""
    kind = response.header("content-type") or ""
    if kind.startswith("text/event-stream"):
        for frame in response.body.split(b"\n\n"):
            data = frame.removeprefix(b"data: ")
            if data.startswith(b"{"):
                value = json.loads(data)
                yield "ErrorResponse" if "error" in value else "CreateChatCompletionStreamResponse", value
    elif kind == "application/json" and response.complete and response.body:
        value = response.json
        if response.status >= 400 and "status" not in value:  # readiness has a word of its own
            yield "ErrorResponse", value
        elif value.get("object") == "chat.completion":
            yield "CreateChatCompletionResponse", value


def _error(response: Response) -> Mapping[str, Any]:
    for name, value in _documents(response):
        if name == "ErrorResponse" and isinstance(value.get("error"), dict):
            return value["error"]
    return {}


async def _next_call(running: Running, upstream: Upstream | None, key: str | None) -> list[str]:
    """Make a plain call over a new connection; give what is wrong with its answer."""
    headers = [("Authorization", f"Bearer {key}")] if key else []
    body = None
    if upstream is not None:
        upstream.on_accept(())
        upstream.on("POST", PATH, openai.completion("next"))
        upstream.on("POST", OLLAMA_PATH, ollama.chat("next"))
        body = {"model": "m", "messages": [{"role": "user", "content": "Next"}]}
    try:
        async with _Aside("127.0.0.1", running.port) as client:
            await client.request("POST" if body else "GET", PATH if body else "/healthz", headers, body)
            response = await client.read_response()
    except (OSError, EOFError, TimeoutError) as error:
        return [f"the next call: {error!r}"]
    if response.status != 200 or (body and response.json["choices"][0]["message"]["content"] != "next"):
        return [f"the next call: {response.status} {response.body[:300]!r}"]
    return []


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
