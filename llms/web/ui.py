"""Serves the bundled pages, out of memory, from a list of known files: no path that a client sends reaches the disk."""

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from aiohttp import hdrs, web

from llms.web.guard import REQUEST_ID, Handler

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Server": "llms",
}


def pages() -> list[tuple[str, Handler]]:
    """Give each page's path and handler; ``index.html`` is at ``/``."""
    found: list[tuple[str, Handler]] = []
    for entry in sorted(_folder().iterdir(), key=lambda entry: entry.name):
        kind = _TYPES.get(Path(entry.name).suffix)
        if kind and entry.is_file():
            path = "/" if entry.name == "index.html" else f"/{entry.name}"
            found.append((path, _page(entry.read_bytes(), kind)))
    return found


def _folder() -> Traversable:
    packaged = resources.files("llms") / "ui"
    # In a checkout the pages are beside the package, not in it.
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "ui"


def _page(content: bytes, kind: str) -> Handler:
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {**_HEADERS, hdrs.CONTENT_TYPE: kind, hdrs.ETAG: etag}

    async def page(request: web.Request) -> web.Response:
        own = {**headers, "x-request-id": request[REQUEST_ID]}
        if request.headers.get(hdrs.IF_NONE_MATCH) == etag:
            return web.Response(status=304, headers=own)
        return web.Response(body=content, headers=own)

    return page
