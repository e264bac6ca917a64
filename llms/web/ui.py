"""
Serves the web chat: its pages, which all are one document, and its assets.

An asset is there under its own version only. A page that was opened before an upgrade and imports a module after it
gets a 404 that no cache keeps: the import fails at once, and the page can say "reload". The new version's file in its
place would work until the two halves of the page disagree, which nobody could explain.
"""

import asyncio
import re

from aiohttp import hdrs, web

from llms.errors import NotFoundError
from llms.web import respond
from llms.web.guard import REQUEST_ID
from llms.web.ui_files import File, Site

PAGES = ("/", "/ui/chat/{id}", "/ui/models", "/ui/keys", "/ui/usage", "/ui/logs", "/ui/logs/{id}")
"""The addresses of pages. What it shows there the document decides itself."""

SITE = web.AppKey("ui_site", Site)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "llms",
}


async def page(request: web.Request) -> web.StreamResponse:
    """Every page of the chat."""
    return await _answer(request, request.app[SITE].document, "no-cache")


async def asset(request: web.Request) -> web.StreamResponse:
    """``GET /ui/{version}/{path}``, and whatever else is asked for under ``/ui/``."""
    site = request.app[SITE]
    file = site.assets.get(request.path.removeprefix(f"{site.base}/"))
    if file is not None:
        return await _answer(request, file, "public, max-age=31536000, immutable")
    message = "There is no such page, or it belongs to another version of the chat. Open / or reload the page."
    response = respond.failure(NotFoundError(message), request[REQUEST_ID])
    response.headers.update(_HEADERS)
    return response


async def home(request: web.Request) -> web.StreamResponse:
    """``GET /ui``: leads to the chat, with the query."""
    return web.Response(
        status=302, headers={**_HEADERS, hdrs.LOCATION: str(request.rel_url.with_path("/", keep_query=True))}
    )


async def no_icon(_request: web.Request) -> web.StreamResponse:
    """``GET /favicon.ico``: the document names its icon; browsers ask for this one beside JSON, unasked."""
    return web.Response(status=204, headers={**_HEADERS, hdrs.CACHE_CONTROL: "public, max-age=86400"})


async def _answer(request: web.Request, file: File, caching: str) -> web.Response:
    headers = {**_HEADERS, hdrs.CONTENT_TYPE: file.type, hdrs.CACHE_CONTROL: caching}
    etag = f'"{file.digest[:16]}"'
    zipped = False
    if file.compressible:
        headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        zipped = takes_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ())))
    if zipped:
        etag = f'"{file.digest[:16]}-gzip"'
    headers[hdrs.ETAG] = etag
    if _has(request, etag):
        return web.Response(status=304, headers=headers)
    if zipped:
        body = await asyncio.to_thread(file.compressed)
        return web.Response(body=body, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
    return web.Response(body=file.content, headers=headers)


def _has(request: web.Request, etag: str) -> bool:
    known = ",".join(request.headers.getall(hdrs.IF_NONE_MATCH, ())).split(",")
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in known)


def takes_gzip(accepted: str) -> bool:
    """
    Say whether a client would rather have gzip than the plain text.

    Args:
        accepted: Its ``Accept-Encoding``.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
    """
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        if match := _CODING.fullmatch(part.strip()):
            weights[match[1]] = float(match[2] or 1)
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0)))
    return weight > 0 and weight >= weights.get("identity", 0)


_CODING = re.compile(r"([a-z*-]+)(?:\s*;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")
