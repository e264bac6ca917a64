"""
Bodies that no JSON parser should trust: C25–C34, C37, C38.

Where the catalogue's source leaves a policy open: ``1.0`` is a whole number (JSON has one kind of number; it is passed on
as 1), ``-0`` is zero, one byte order mark at the start is taken, half a surrogate pair is taken (``llms.apis.body`` says
why), and pictures are passed on by their address, whatever that is, as the provider fetches them and not the gateway.
"""

import asyncio
import codecs
import json

import pytest

from tests.faults.conftest import PATH, case_table
from tests.support.raw import RawClient
from tests.upstream import openai

JSON = [("Content-Type", "application/json")]
MESSAGES = b'"messages":[{"role":"user","content":"Hi"}]'
WELL = b'{"model":"m",' + MESSAGES + b"}"


def with_(fields):
    return b'{"model":"m",' + MESSAGES + b"," + fields + b"}"


def nested(levels):
    return b"[" * levels + b"]" * levels


def schema(levels):
    parameters = b'{"type":"object","properties":{"a":' * levels + b"{}" + b"}}" * levels
    return b'"tools":[{"type":"function","function":{"name":"f","parameters":' + parameters + b"}}]"


BODIES = {
    "C25 65 levels": (with_(b'"user":' + nested(65)), "json_too_deep"),
    "C25 500 levels": (with_(b'"user":' + nested(500)), "json_too_deep"),
    "C25 1,000 levels": (with_(b'"user":' + nested(1_000)), "json_too_deep"),
    "C25 100,000 levels": (with_(b'"user":' + nested(100_000)), "json_too_deep"),
    "C25 unclosed": (with_(b'"user":' + b'{"a":' * 100_000), "json_too_deep"),
    "C25 in a tool": (with_(schema(40)), "json_too_deep"),
    "C26 NaN": (with_(b'"temperature":NaN'), "invalid_json"),
    "C26 Infinity": (with_(b'"temperature":Infinity'), "invalid_json"),
    "C26 -Infinity": (with_(b'"temperature":-Infinity'), "invalid_json"),
    "C26 1e999": (with_(b'"temperature":1e999'), "invalid_json"),
    "C27 model twice": (b'{"model":"m","model":"m",' + MESSAGES + b"}", "duplicate_key"),
    "C27 stream twice": (with_(b'"stream":true,"stream":false'), "duplicate_key"),
    "C27 in a message": (b'{"model":"m","messages":[{"role":"user","role":"system","content":"x"}]}', "duplicate_key"),
    "C27 by an escape": (b'{"model":"m","\\u006dodel":"m",' + MESSAGES + b"}", "duplicate_key"),
    "C27 in a tool": (with_(b'"metadata":{"a":"1","b":"2","a":"3"}'), "duplicate_key"),
    "C29 5,000 digits": (with_(b'"seed":' + b"9" * 5_000), "invalid_json"),
    "C29 5,000 digits of a float": (with_(b'"temperature":0.' + b"9" * 5_000 + b"e5000"), "invalid_json"),
    "C29 1E400": (with_(b'"n":1E400'), "invalid_json"),
    "C29 1.5": (with_(b'"n":1.5'), "invalid_value"),
    "C29 true": (with_(b'"max_tokens":true'), "invalid_value"),
    "C29 true for a number": (with_(b'"temperature":true'), "invalid_value"),
    "C29 leading zero": (with_(b'"n":01'), "invalid_json"),
    "C29 plus": (with_(b'"n":+1'), "invalid_json"),
    "C29 hexadecimal": (with_(b'"n":0x1'), "invalid_json"),
    "C30 UTF-16": (WELL.decode().encode("utf-16"), "invalid_encoding"),
    "C30 UTF-16 without a mark": (WELL.decode().encode("utf-16-le"), "invalid_encoding"),
    "C30 UTF-32": (WELL.decode().encode("utf-32"), "invalid_encoding"),
    "C30 not UTF-8": (with_(b'"user":"\xff"'), "invalid_encoding"),
    "C30 cut character": (with_(b'"user":"\xe2\x82"'), "invalid_encoding"),
    "C30 overlong": (with_(b'"user":"\xc0\xaf"'), "invalid_encoding"),
    "C30 surrogate": (with_(b'"user":"\xed\xa0\x80"'), "invalid_encoding"),
    "C30 beyond the last": (with_(b'"user":"\xf4\x90\x80\x80"'), "invalid_encoding"),
    "C30 two marks": (codecs.BOM_UTF8 * 2 + WELL, "invalid_encoding"),
    "C31 empty": (b"", "malformed_request"),
    "C31 blanks": (b" \n\t ", "malformed_request"),
    "C31 null": (b"null", "malformed_request"),
    "C31 list": (b"[]", "malformed_request"),
    "C31 text": (b'"x"', "malformed_request"),
    "C31 number": (b"7", "malformed_request"),
    "C31 trailing garbage": (WELL + b"x", "invalid_json"),
    "C31 two documents": (WELL + WELL, "invalid_json"),
    "C31 NUL after it": (WELL + b"\x00", "invalid_encoding"),
    "C31 comment": (WELL[:-1] + b"/* x */}", "invalid_json"),
    "C31 trailing comma": (WELL[:-1] + b",}", "invalid_json"),
    "C31 single quotes": (WELL.replace(b'"', b"'"), "invalid_json"),
    "C31 cut off": (WELL[:-1], "invalid_json"),
    "C31 control character": (with_(b'"user":"a\nb"'), "invalid_json"),
    "C31 form": (b"model=m", "invalid_json"),
}


@pytest.fixture
async def both(pair):
    started = await pair()
    started.upstream.on("POST", PATH, openai.completion())
    return started


async def ask(both, body, headers=JSON):
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", PATH, headers, body)
        return await client.read_response()


@pytest.mark.parametrize("case", case_table(BODIES))
async def test_refused(both, case):
    """A body that is no plain JSON object is a 400 that says in what way, and goes nowhere."""
    body, code = BODIES[case]

    response = await ask(both, body)

    error = response.json["error"]
    assert (400, "invalid_request_error", code) == (response.status, error["type"], error["code"])
    assert len(error["message"]) < 400
    assert [] == both.upstream.requests
    assert [] == both.gateway.records


TAKEN = {
    "C25 60 levels": with_(b'"metadata":{"a":' + nested(60) + b"}"),
    "C29 1.0": with_(b'"max_tokens":1.0'),
    "C29 -0": with_(b'"temperature":-0'),
    "C29 exponent": with_(b'"temperature":1E-1'),
    "C30 one mark": codecs.BOM_UTF8 + WELL,
    "C31 blanks around it": b" \r\n" + WELL + b"\t\n",
}


@pytest.mark.parametrize("case", case_table(TAKEN))
async def test_taken(both, case):
    """What is odd and good JSON is taken."""
    response = await ask(both, TAKEN[case])

    assert 200 == response.status
    assert 1 == len(both.upstream.requests)


PART = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\nm\r\n'
FORMS = {
    "C34 two models": ("b", PART % b"model" + PART % b"model" + b"--b--\r\n"),
    "C34 10,000 parts": ("b", PART % b"a" * 10_000 + b"--b--\r\n"),
    "C34 part's head of a megabyte": ("b", b"--b\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\nm\r\n--b--\r\n"),
    "C34 path for a name": (
        "b",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../x"\r\n\r\nm\r\n--b--\r\n',
    ),
    "C34 _charset_": ("b", PART % b"_charset_" + b"--b--\r\n"),
    "C34 long boundary": ("b" * 100, b"--" + b"b" * 100 + b"--\r\n"),
    "C34 JSON inside": ("b", WELL),
}


@pytest.mark.parametrize("case", case_table(FORMS))
@pytest.mark.parametrize("path", [PATH, "/v1/completions", "/v1/embeddings"])
async def test_multipart(both, case, path):
    """No endpoint takes multipart: it is refused by its type, and not read."""
    boundary, body = FORMS[case]
    async with RawClient("127.0.0.1", both.gateway.port) as client:
        await client.request("POST", path, [("Content-Type", f"multipart/form-data; boundary={boundary}")], body)
        response = await client.read_response()

    assert (415, "unsupported_media_type") == (response.status, response.json["error"]["code"])
    assert [] == both.upstream.requests


@pytest.mark.case("C32", "C34")
@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/mixed; boundary=b",
        "application/json+x",
        "application/x-ndjson",
        "text/json",
        "application/json, text/plain",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "",
    ],
)
async def test_other_types(both, kind):
    """JSON under any other name is refused too: a page could send it elsewhere without asking."""
    response = await ask(both, WELL, [("Content-Type", kind)])

    assert (415, "unsupported_media_type") == (response.status, response.json["error"]["code"])


class Canary:
    """A listener that nobody should come to."""

    def __init__(self):
        self.callers = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._came, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    def _came(self, _reader, writer):
        self.callers += 1
        writer.close()


DESTINATIONS = (
    "api_base", "base_url", "api_key", "custom_host", "extra_headers", "extra_query", "proxy", "callback_url", "api_version",
    "organization", "headers", "timeout", "endpoint", "url",
)  # fmt: skip


@pytest.mark.case("C37", "K01")
@pytest.mark.parametrize("field", DESTINATIONS)
async def test_destination_in_the_body(both, field):
    """A body cannot say where a call goes or with which key: either the field is refused, or it is of no effect."""
    async with Canary() as canary:
        url = f"http://127.0.0.1:{canary.port}/"
        response = await ask(both, with_(json.dumps({field: url}).encode()[1:-1]))

        assert 0 == canary.callers
    assert response.status == 200 or "unknown_parameter" == response.json["error"]["code"]
    assert all("Bearer sk-upstream-canary" == request.header("authorization") for request in both.upstream.requests)


@pytest.mark.case("C38", "K03")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/x.png",
        "http://[::ffff:127.0.0.1]:{port}/x.png",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_GET",
        "//127.0.0.1:{port}/x.png",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_pictures_are_not_fetched(both, url, stream):
    """The gateway fetches nothing that a message names: its address goes to the provider as it stands."""
    async with Canary() as canary:
        address = url.format(port=canary.port)
        content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": address}}]
        both.upstream.on("POST", PATH, openai.stream(["no"]) if stream else openai.completion())
        response = await both.ask(messages=[{"role": "user", "content": content}], stream=stream)

        assert 0 == canary.callers
    assert 200 == response.status
    assert content == both.upstream.requests[0].json["messages"][0]["content"]
