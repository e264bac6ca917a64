"""What keeps the gateway from starting: one line, an exit status, no secret (P33, P36)."""

import asyncio
import json
import os
import socket
import sys

import pytest
from aiohttp import web

from llms.web.server import Runner
from llms.web.services import LIVE, Live
from tests.support.packages import needs
from tests.support.process import PATIENCE_S, environment, llms

CANARY = "sk-canary-0123456789"

DEMO = {"providers": {"demo": {}}}


async def refused(folder, *arguments, **options):
    """Start it in vain; give the status, and standard error's one line."""
    environ = {"CANARY_KEY": CANARY, **options.pop("environ", {})}
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    process = await llms(folder, "serve", *arguments, environ=environ, **options)
    async with asyncio.timeout(PATIENCE_S):
        out, errors = await process.communicate()
    took_s = loop.time() - started_at
    lines = errors.decode().splitlines()
    assert b"" == out
    assert 1 == len(lines), errors.decode()
    assert lines[0].startswith("llms: ")
    assert CANARY not in lines[0]
    assert took_s < 10  # two are promised; the machine may be busy
    return process.returncode, lines[0], took_s


BROKEN = {
    "not JSON": (78, b'{"server": ', "is not JSON: line 1"),
    "missing key": (78, {**DEMO, "server": {"keys": ["$NO_SUCH_KEY"]}}, "NO_SUCH_KEY is not set"),
    "a key written out": (78, {**DEMO, "server": {"keys": [CANARY]}}, "server.keys[0]: must be $NAME or sha256:"),
    "a provider's key written out": (
        78,
        {"providers": {"openai": {"api_key": CANARY}}},
        "providers.openai.api_key: must",
    ),
    "unknown option": (78, {**DEMO, "server": {"prot": CANARY}}, "server.prot: unknown option; did you mean `port`?"),
    "open door": (78, {**DEMO, "server": {"host": "0.0.0.0"}}, "can be reached from other machines"),
    "no such address": (
        1,
        {**DEMO, "server": {"host": "192.0.2.1", "keys": ["$CANARY_KEY"]}},
        "cannot listen on 192.0.2.1:8000",
    ),
    "no such name": (
        1,
        {**DEMO, "server": {"host": "no.such.invalid", "keys": ["$CANARY_KEY"]}},
        "cannot listen on no.such",
    ),
}


@pytest.mark.case("P33")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("name", list(BROKEN))
async def test_configuration(tmp_path, record_property, name, workers):
    """P33: a configuration that cannot be used, or an address that cannot be listened on."""
    status, content, words = BROKEN[name]
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (tmp_path / "config.json").write_bytes(data)

    found, line, took_s = await refused(tmp_path, "--workers", workers)

    assert status == found
    assert words in line
    record_property("came_out", f"status {found} after {took_s:.1f} s, one line")


@pytest.mark.case("P33")
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_port_in_use(tmp_path, record_property, workers):
    """P33: the port is taken."""
    (tmp_path / "config.json").write_text(json.dumps(DEMO))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, line, took_s = await refused(tmp_path, "--port", port, "--workers", workers)

    assert (1, f"llms: port {port} on 127.0.0.1 is taken; choose another with --port") == (status, line)
    record_property("came_out", f"status {status} after {took_s:.1f} s, one line")


@pytest.mark.case("P33")
async def test_file_that_cannot_be_read(tmp_path):
    """P33: a file without permission, a folder, a file that is not there."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(DEMO))
    path.chmod(0)
    within = ()
    if os.geteuid() == 0:  # to whom permissions mean nothing
        needs("setpriv", package="util-linux")
        within = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    status, line, _ = await refused(tmp_path, within=within)
    assert (78, "llms: config.json: no permission to read it") == (status, line)

    status, line, _ = await refused(tmp_path, "--config", str(tmp_path))
    assert (78, True) == (status, line.endswith("is a directory; name the file in it"))

    status, line, _ = await refused(tmp_path, environ={"LLMS_CONFIG": "nowhere.json"})
    assert (78, "llms: nowhere.json: there is no such file; LLMS_CONFIG names it") == (status, line)


@pytest.mark.case("P33")
async def test_a_python_that_is_too_old(tmp_path, record_property):
    """P33: another Python than those that it runs on."""
    code = "import sys, runpy; sys.version_info = (3, 10, 9, 'final', 0); runpy.run_module('llms', run_name='__main__')"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        cwd=tmp_path,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()

    assert (1, b"", b"llms: Python 3.10 is too old; 3.11 or newer is needed\n") == (process.returncode, out, errors)
    record_property("came_out", "status 1, one line")


@pytest.mark.case("P36")
@pytest.mark.parametrize("typo", [{"max_line_sise": 8190}, {"keepalive_timout": 75}, {"max_field_size": None, "x": 1}])
async def test_a_misspelt_option_of_the_server(record_property, typo):
    """P36, M24: an option that aiohttp does not know fails at the start; aiohttp itself would drop all of them instead."""
    app = web.Application()
    app[LIVE] = Live()
    runner = Runner(app, drain_s=1)
    runner._kwargs |= typo

    with pytest.raises(TypeError, match=next(name for name in reversed(typo))):
        await runner.setup()
    await runner.cleanup()
    record_property("came_out", "TypeError at the start")
