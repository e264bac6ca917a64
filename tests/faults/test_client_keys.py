"""
Who asks, and what is written down of it: C19, C46, C50–C52, K02, K15.

Blanks around a key are not part of it: HTTP takes them off a header's value.
"""

import asyncio
import gc
import json
import re
import time
import tracemalloc

import pytest

from llms import call_log
from tests.faults.conftest import CLIENT_KEY, PATH
from tests.support import kept
from tests.support.invariants import PROMPT
from tests.support.raw import RawClient
from tests.upstream import openai

KEYED = {"keys": ["$CLIENT_KEY"]}
CARRIERS = ["Authorization", "x-api-key", "api-key", "x-goog-api-key"]


async def ask(both, headers, path="/v1/models", method="GET"):
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request(method, path, headers)
        return await client.read_response()


def carried(carrier, key):
    return [(carrier, f"Bearer {key}" if carrier == "Authorization" else key)]


@pytest.mark.case("C19", "A04")
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    "key",
    ["", "sk-other", CLIENT_KEY.upper(), CLIENT_KEY + "x", CLIENT_KEY[:-1], "x" * 8_000, f"{CLIENT_KEY},sk-other"],
)
async def test_wrong_key(pair, carrier, key):
    """A wrong key is the same 401 in each header, whatever is wrong with it."""
    both = await pair(**KEYED)

    response = await ask(both, carried(carrier, key))

    assert (401, "invalid_api_key") == (response.status, response.json["error"]["code"])
    assert response.json["error"] == (await ask(both, [])).json["error"]


@pytest.mark.case("C19")
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("size", [9_000, 65_536])
async def test_very_long_key(pair, carrier, size):
    """A key that is longer than a header may be is no HTTP."""
    both = await pair(**KEYED)

    response = await ask(both, carried(carrier, "x" * size))

    assert (400, "malformed_request") == (response.status, response.json["error"]["code"])


@pytest.mark.case("C19")
@pytest.mark.parametrize("first", CARRIERS)
@pytest.mark.parametrize("second", CARRIERS)
async def test_two_keys(pair, first, second):
    """Two keys are a conflict, in one header or two, though one of them is right."""
    both = await pair(**KEYED)

    response = await ask(both, [*carried(first, CLIENT_KEY), *carried(second, "sk-other")])

    assert (400, "malformed_request") == (response.status, response.json["error"]["code"])


@pytest.mark.case("C19")
@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("bearer {key}", 200),
        ("BEARER {key}", 200),
        ("Bearer  {key}", 200),
        ("Basic {key}", 401),
        ("Token {key}", 401),
        ("{key}", 401),
        ("Bearer", 401),
        ("Bearer{key}", 401),
        ("Bearer\u00a0{key}", 401),
        ("Digest username={key}", 401),
    ],
)
async def test_schemes(pair, value, status):
    """The scheme is Bearer, in any case; nothing else is one."""
    both = await pair(**KEYED)

    assert status == (await ask(both, [("Authorization", value.format(key=CLIENT_KEY))])).status


@pytest.mark.case("C52")
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    "key",
    [
        CLIENT_KEY.replace("sk", "ｓｋ"),
        CLIENT_KEY.replace("-", "‐"),
        CLIENT_KEY.replace("a", "а"),
        CLIENT_KEY + "\u200b",
        CLIENT_KEY + "\u0301",
        f"\ufeff{CLIENT_KEY}",
        CLIENT_KEY.replace("-", " "),
        f"%{CLIENT_KEY.encode().hex()}",
    ],
)
async def test_look_alikes(pair, carrier, key):
    """A key is compared byte by byte: what only looks like it is another one."""
    both = await pair(**KEYED)
    sent = key.encode().decode("latin-1")

    assert 401 == (await ask(both, carried(carrier, sent))).status


@pytest.mark.case("C51")
@pytest.mark.parametrize("name", ["api_key", "key", "access_token", "API_KEY", "api%5Fkey", "token"])
@pytest.mark.parametrize("path", ["/v1/models", "/healthz", "/x"])
async def test_key_in_the_url(pair, name, path, invariants):
    """A key in the URL is refused on every path and written nowhere."""
    both = await pair(**KEYED)

    response = await ask(both, [], f"{path}?a=b&{name}={CLIENT_KEY}")

    assert (400, "malformed_request") == (response.status, response.json["error"]["code"])
    assert CLIENT_KEY.encode() not in response.head.raw + response.body
    assert [] == [line for _, line in invariants.lines if CLIENT_KEY in line]


NASTY = "a\r\nb\x1b[31m\u2028\u2029\u0085\x00\u202e\x7f"
PLAIN = re.compile(r"[\x20-\x7e]+")


@pytest.mark.case("C50", "C36", "K18")
async def test_log_cannot_be_forged(pair, invariants):
    """Whatever a client or a provider sends, a call's line is one line of plain characters."""
    both = await pair()
    both.upstream.on(
        "POST",
        PATH,
        openai.error(400, {"error": {"message": NASTY, "type": NASTY, "code": NASTY, "param": NASTY}}),
        openai.completion(finish=NASTY),
        openai.stream([b"data: " + json.dumps({"error": {"message": NASTY, "code": NASTY}}).encode() + b"\n\n"]),
    )
    models = ["m\u2028status=ok", "m\x1b[31m", "m\u202e", 'm" status="ok', "m" * 300]
    for fields in (*({"model": model} for model in models), {}, {"user": NASTY}, {"stream": True}):
        await both.ask(**fields)
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("GET", "/v1/models/%0d%0aforged%1b", [("User-Agent", "x\u0085y"), ("X-Request-Id", "a b")])
        await client.read_response()

    for record in both.gateway.records:
        call_log.write(record)

    lines = [line for _, line in invariants.lines]
    assert len(both.gateway.records) >= 3
    assert [] == [line for line in lines if not PLAIN.fullmatch(line)]
    assert [] == [line for line in lines if "forged" in line or PROMPT in line]
    invariants.notes.append(f"{len(both.gateway.records)} lines, all plain")


@pytest.mark.case("C46")
async def test_new_header_names_without_end(pair):
    """Ten thousand header names that nobody has used before leave nothing behind."""
    both = await pair()

    async def use_names(first, last):
        async with RawClient("127.0.0.1", both.gateway.port) as client:
            for number in range(first, last):
                names = [(f"X-{number}-{part}-{'y' * 50}", "z") for part in range(100)]
                await client.request("GET", "/healthz", names)
                assert 200 == (await client.read_response()).status

    await use_names(0, 10)
    gc.collect()
    tracemalloc.start()
    try:
        await use_names(10, 110)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 500_000  # the names alone are 700,000 bytes


@pytest.mark.case("C46")
async def test_colliding_keys(pair):
    """Names that would collide in a table without a secret are read as quickly as any."""
    both = await pair()
    both.upstream.on("POST", PATH, openai.completion())
    # Equal under the multiplicative hashes of Java and of older PHP and Python.
    colliding = [""]
    for _ in range(14):
        colliding = [name + part for name in colliding for part in ("Aa", "BB")]
    others = [f"{number:028}" for number in range(len(colliding))]

    async def work_s(names):
        took = []
        for _ in range(3):
            before = time.process_time()
            response = await both.ask(logit_bias=dict.fromkeys(names, 1))
            took.append(time.process_time() - before)
            assert response.status in (200, 400)
        return min(took)

    # A table that has them all in one place compares each with all before it: a hundred million times in all.
    assert await work_s(colliding) < 3 * await work_s(others) + 0.1


@pytest.mark.case("K02")
@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "..%2f..%2fadmin",
        "%2e%2e/m",
        "m%0d%0aX:%20y",
        "m%3fa=b",
        "m%23a",
        "%00",
        "m/../../embeddings",
        "m" * 1_900,
    ],
)
async def test_odd_names_in_paths(pair, name):
    """A model's name in a path is looked up as well: nobody is asked for it, and it is no path of the gateway's."""
    both = await pair(**KEYED)

    response = await ask(both, carried("Authorization", CLIENT_KEY), f"/v1/models/{name}")

    assert 404 == response.status
    assert [] == both.upstream.requests


@pytest.mark.case("K15")
async def test_a_key_that_is_made_later(gateway, upstream, tmp_path, invariants):
    """A key that was tried in vain works as soon as there is one: that it was wrong is not kept."""
    upstream.on("POST", PATH, openai.completion())
    async with kept.kept(gateway, upstream, tmp_path, kept.key("ann")) as both:
        for _ in range(5):
            assert 401 == (await both.ask(name="bob")).status
        await both.store.put_key(kept.key("bob"), 0)
        async with asyncio.timeout(5):
            while (await both.ask(name="bob")).status != 200:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.5)
    invariants.notes.append("401, then 200 within 5 s")
