"""Who the gateway is measured beside: how each is found, installed in a folder of its own, and started."""

import functools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import BenchError

KEY = "sk-bench"
"""What ``load.c`` sends to everyone; those who want a key are told to want this one."""

_INSTALL_S = 900.0


class AbsentError(Exception):
    """A peer is not there; the message says what would bring it."""


@dataclass(frozen=True, slots=True)
class Program:
    """
    How a peer is started.

    Args:
        model: The name to ask it for.
        headers: Lines that each request to it needs.
        slow: Whether it takes milliseconds for what others do in microseconds, so that some loads have to be smaller.
    """

    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    model: str = "bench"
    headers: tuple[str, ...] = ()
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A program to be measured beside.

    Args:
        program: From the folder of installations, one for files, its own port and the upstream's, to how it is started.
        version: From the folder of installations.
        packages: From PyPI or, of ``npm``, from there; empty for what comes from the system.
    """

    program: Callable[[Path, Path, int, int], Program]
    version: Callable[[Path], str]
    packages: tuple[str, ...] = ()
    npm: bool = False


def install(name: str, work: Path) -> None:
    """
    Put a peer below ``work``, unless it is there.

    Raises:
        BenchError: It cannot be installed; the message is the installer's.
    """
    peer, home = PEERS[name], work / name
    if not peer.packages or home.exists():
        return
    if peer.npm:
        _command([_found("npm"), "install", "--prefix", home, "--no-audit", "--no-fund", *peer.packages])
    else:
        _command([sys.executable, "-m", "venv", home])
        _command([home / "bin" / "pip", "install", "--quiet", *peer.packages])


def installed_mb(home: Path) -> float | None:
    """Megabytes that an installation takes, without the installer's own; ``None`` if there is none."""
    roots = [*home.glob("lib/python3*/site-packages"), home / "node_modules"]
    if not any(root.exists() for root in roots):
        return None
    not_ours = re.compile(r"(pip|setuptools|pkg_resources|_distutils_hack)\b")
    entries = [entry for root in roots if root.exists() for entry in root.iterdir() if not not_ours.match(entry.name)]
    files = (file for entry in entries for file in ([entry] if entry.is_file() else entry.rglob("*")))
    return sum(file.lstat().st_size for file in files if not file.is_dir()) / 1e6


def _command(command: Sequence[str | Path]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_S)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} did not end."
        raise BenchError(message) from error
    if done.returncode:
        message = f"{' '.join(map(str, command))}:\n{done.stderr[-2000:]}"
        raise BenchError(message)


def _found(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        message = f"install {name}"
        raise AbsentError(message)
    return found


def _below(work: Path, *parts: str) -> Path:
    path = work.joinpath(*parts)
    if not path.exists():
        message = "not installed: --install puts it into --work"
        raise AbsentError(message)
    return path


def _dist(package: str, work: Path) -> str:
    """The version of a package, read from the name of its folder."""
    name = package.replace("-", "_")
    found = next(work.glob(f"{package}/lib/python3*/site-packages/{name}-*.dist-info"), None)
    return found.name.removesuffix(".dist-info").rpartition("-")[2] if found else "?"


def _npm_version(work: Path) -> str:
    return str(json.loads((_portkey_home(work) / "package.json").read_text())["version"])


_NGINX = """\
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 12000; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 8m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 8192; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer sk-upstream"; proxy_buffering off; proxy_read_timeout 300s;
    }}
  }}
}}
"""


def _nginx(_work: Path, folder: Path, port: int, upstream: int) -> Program:
    program, settings = _found("nginx"), folder / "nginx.conf"
    settings.write_text(_NGINX.format(folder=folder, port=port, upstream=upstream))
    return Program([program, "-e", folder / "nginx.err", "-c", settings])


def _nginx_version(_work: Path) -> str:
    said = subprocess.run([_found("nginx"), "-v"], capture_output=True, text=True, check=False, timeout=10).stderr  # noqa: S603
    return said.strip().rpartition("/")[2]


def _litellm(work: Path, folder: Path, port: int, upstream: int) -> Program:
    program, settings = _below(work, "litellm", "bin", "litellm"), folder / "litellm.json"  # its YAML may be JSON
    asked = {"model": "openai/bench", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-upstream"}
    settings.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": "bench", "litellm_params": asked}],
                "general_settings": {"master_key": KEY},
                "litellm_settings": {"telemetry": False, "request_timeout": 600, "set_verbose": False},
            }
        )
    )
    # The map of prices that it is shipped with: it would ask the internet for a newer one.
    environment = {"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [program, "--config", settings, "--host", "127.0.0.1", "--port", str(port)]
    return Program(command, environment, slow=True)


# Version 1.15.2 with today's dependencies answers each stream with 500 ("TypeError: immutable"): it adds to the headers
# of what fetch gave. With this loaded first it is given headers that it may change, so that its streams can be measured.
_PORTKEY_SHIM = """\
const fetched = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const response = await fetched(...asked);
  Object.defineProperty(response, "headers", { value: new Headers(response.headers) });
  return response;
};
"""


def _portkey_home(work: Path) -> Path:
    return _below(work, "portkey", "node_modules", "@portkey-ai", "gateway")


def _portkey(work: Path, folder: Path, port: int, upstream: int) -> Program:
    server, shim = _portkey_home(work) / "build" / "start-server.js", folder / "portkey.mjs"
    shim.write_text(_PORTKEY_SHIM)
    headers = ("x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1")
    command = [_found("node"), "--import", shim, server, f"--port={port}", "--headless"]
    return Program(command, {"NODE_ENV": "production"}, headers=headers)


def _vllm_router(work: Path, _folder: Path, port: int, upstream: int) -> Program:
    program = _below(work, "vllm-router", "bin", "vllm-router")
    command = [program, "--host", "127.0.0.1", "--port", str(port), "--policy", "round_robin", "--log-level", "error"]
    # Its metrics have a port of their own; below those that Linux gives out, where closed connections still hold many.
    more = ["--worker-urls", f"http://127.0.0.1:{upstream}", "--prometheus-port", str(port // 2)]
    return Program([*command, *more])


PEERS = {
    "nginx": Peer(_nginx, _nginx_version),
    "litellm": Peer(_litellm, functools.partial(_dist, "litellm"), ("litellm[proxy]",)),
    "portkey": Peer(_portkey, _npm_version, ("@portkey-ai/gateway",), npm=True),
    "vllm-router": Peer(_vllm_router, functools.partial(_dist, "vllm-router"), ("vllm-router",)),
}
