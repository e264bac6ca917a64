"""Pages of other origins: which may call the gateway, and what lets them read its answers."""

from aiohttp import hdrs, web


def allowed_origin(request: web.Request, origins: frozenset[str]) -> str | None:
    """Give the request's origin, if it is one of those that are allowed besides the gateway's own."""
    origin = request.headers.get(hdrs.ORIGIN)
    return origin if origin in origins else None


def cross_origin(origin: str | None) -> dict[str, str]:
    """Headers that let an allowed origin's page read the answer, and see its times."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Vary": "Origin",
        "Access-Control-Expose-Headers": _EXPOSED,
        "Timing-Allow-Origin": origin,
    }


_EXPOSED = (
    "x-request-id, retry-after, retry-after-ms, x-should-retry, x-llms-provider, x-llms-model, x-llms-trail, "
    "x-idempotent-replay, server-timing"
)
