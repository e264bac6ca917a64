"""
Another server in front of the gateway, which reads what clients send before it does: A08.

Each stream that is no HTTP, or nearly, goes through nginx, on few connections to the gateway that all clients share:
whatever of it the two read in two ways would be left there, and answer somebody else's request.
"""

import asyncio
import shutil
from contextlib import asynccontextmanager

import pytest

from tests.faults.conftest import PATH
from tests.faults.talk import head, talk
from tests.faults.test_client_framing import REFUSED, TAKEN
from tests.support.process import free_port
from tests.support.raw import RawClient
from tests.upstream import openai


@asynccontextmanager
async def nginx(folder, port):
    """Run nginx in front of a gateway; give its port, and where it notes what it has passed on."""
    own = free_port()
    log = folder / "passed"
    (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
events {{}}
http {{
  log_format passed "$upstream_status"; access_log {log} passed;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream gateway {{ server 127.0.0.1:{port}; keepalive 2; }}
  server {{ listen 127.0.0.1:{own}; underscores_in_headers on; ignore_invalid_headers off;
    location / {{ proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host localhost; proxy_request_buffering off; proxy_next_upstream off; }} }}
}}
""")
    process = await asyncio.create_subprocess_exec("nginx", "-c", str(folder / "nginx.conf"), "-e", "stderr")
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    (await asyncio.open_connection("127.0.0.1", own))[1].close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield own, log
    finally:
        process.terminate()
        await process.wait()


async def tagged(port, tag):
    """Ask for a model of that name; the answer must be about it."""
    async with RawClient("127.0.0.1", port) as client:
        await client.request("GET", f"/v1/models/{tag}")
        return await client.read_response()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is missing: apt-get install nginx-light")
@pytest.mark.case("A08")
async def test_behind_nginx(pair, tmp_path, invariants):
    """Behind nginx nobody gets another's answer, and the gateway takes up no request that nginx has not passed on."""
    both = await pair(head_s=1, body_s=1)
    both.upstream.on("POST", PATH, openai.completion())
    streams = {**REFUSED, **{name: raw for name, (raw, *_) in TAKEN.items()}}
    async with nginx(tmp_path, both.gateway.port) as (port, log):
        for number, raw in enumerate(streams.values()):
            await talk(port, raw, head("GET", "/healthz", "Connection: close"), watch=None, within_s=0.2)
            answer = await tagged(port, f"tag-{number}-end")
            assert (404, True) == (answer.status, f"tag-{number}-end".encode() in answer.body)
        taken = both.gateway.requests_count
    passed = sum(status.isdigit() for line in log.read_text().splitlines() for status in line.split(", "))

    assert len(streams) <= taken <= passed
    invariants.notes.append(f"behind nginx: {len(streams)} streams, {passed} requests passed on, {taken} taken up")
