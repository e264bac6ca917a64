"""What strangers, and requests, cost a gateway in memory: A05, A06. Seen from outside: the kernel's figures of its process."""

import gzip
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.process import configure, serving
from tests.support.raw import RawClient

PATH = "/v1/chat/completions"
STRANGERS = 600
MOST_EACH = 100 << 10
MOST_TIMES = 100


def memory(served, name="VmRSS"):
    """Give the resident memory of a gateway of one process, in bytes; ``VmHWM``: the most since it was last asked anew."""
    status = Path(f"/proc/{served.process.pid}/status").read_text("ascii")
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) << 10


def memory_from_here(served):
    """The same; from now on the most is what is there now."""
    Path(f"/proc/{served.process.pid}/clear_refs").write_text("5")
    return memory(served)


SAYS = {
    "nothing": b"",
    "half a head": b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 7_900,
    "a whole request": b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 7_900 + b"\r\n\r\n",
    "what is no HTTP, in part": b"\x00" * 4_000,
}


@pytest.mark.case("A05")
async def test_memory_of_strangers(tmp_path, record_property):
    """Six hundred connections without a key, whatever they have said, take 100 KiB each at most; others are served."""
    configure(tmp_path, {"server": {"keys": ["$K"], "head_s": 60}, "providers": {"demo": {"chunk_delay_s": 0}}})
    async with serving(tmp_path, environ={"K": "sk-one"}) as served, AsyncExitStack() as stack:

        async def come(count):
            for number in range(count):
                client = await stack.enter_async_context(RawClient("127.0.0.1", served.port))
                said = list(SAYS.values())[number % len(SAYS)]
                if said:
                    await client.send(said)
                if said.startswith(b"GET"):
                    await client.read_some()

        await come(40)
        assert 200 == (await served.chat(key="sk-one")).status
        before = memory(served)
        await come(STRANGERS)
        assert 200 == (await served.chat(key="sk-one")).status
        each = (memory(served) - before) // STRANGERS

    assert each <= MOST_EACH
    record_property("came_out", f"{each / 1024:.0f} KiB for each of {STRANGERS}")


def chat(**fields):
    """Give the bytes of a chat whose last field is made of very many parts."""
    ((name, part),) = fields.items()
    count = (4 << 20) // (len(part) + 1)
    head = b'{"model": "demo", "messages": [{"role": "user", "content": "Hi"}], "%b": [' % name.encode()
    return head + b",".join([part] * count) + b"]}"


SHAPES = {
    "empty lists": chat(x=b"[]"),
    "empty objects": chat(x=b"{}"),
    "letters": chat(x=b'"\xc3\xbc"'),
    "numbers": chat(x=b"0.5"),
    "objects": chat(x=b'{"a":1}'),
    "messages": chat(messages=b"{}"),
    "tools": chat(tools=b"{}"),
    "many fields": b"{" + b",".join(b'"%x":0' % number for number in range(400_000)) + b"}",
    "what is no JSON": b"[" * (4 << 20),
}


@pytest.mark.case("A06")
async def test_memory_of_requests(tmp_path, record_property):
    """No request takes more than a hundred times its bytes, whatever it is made of, as it stands or compressed."""
    configure(tmp_path, {"providers": {"demo": {"chunk_delay_s": 0}}})
    found = {}
    async with serving(tmp_path) as served:
        for name, body in SHAPES.items():
            for coding, sent in (("identity", body), ("gzip", gzip.compress(body, 1))):
                before = memory_from_here(served)
                headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)]
                async with RawClient("127.0.0.1", served.port) as client:
                    await client.request("POST", PATH, headers, sent)
                    status = (await client.read_response()).status
                assert status in (200, 400, 413), (name, coding)
                # What is compressed too well is refused, and small: the interpreter's own rest is allowed for it.
                found[f"{name}, {coding}"] = max(memory(served, "VmHWM") - before - (8 << 20), 0) / len(sent)

    assert {} == {name: times for name, times in found.items() if times > MOST_TIMES}
    worst = max(found, key=found.__getitem__)
    record_property("came_out", f"at most {found[worst]:.0f} times its bytes ({worst})")
