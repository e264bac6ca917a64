"""
What usually holds the chunks of a stream back, as the head of the answer tells, and the one thing to try next.

Sources: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering,
https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass (``flushpackets``),
https://developers.cloudflare.com/speed/optimization/content/compression/,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-http.html.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from llms.bench.verdict import Flow, Verdict

_SHOWN = 60  # characters of a header's value

_CDNS = {
    "cf-ray": "Cloudflare",
    "x-amz-cf-id": "CloudFront",
    "x-served-by": "Fastly",
    "x-azure-ref": "Azure Front Door",
    "x-akamai-request-id": "Akamai",
    "x-vercel-id": "Vercel",
    "x-cache": "a cache",
}
_GATEWAYS = ("apigw-requestid", "x-amz-apigw-id")

_ASK_BEHIND = "give two URLs, this one and that of the server behind it: llms bench URL URL_BEHIND"


@dataclass(frozen=True, slots=True)
class Head:
    """
    The head of an answer.

    Args:
        version: ``1.0`` or ``1.1``.
        headers: By names in lower case.
    """

    version: str
    headers: Mapping[str, str]

    def get(self, name: str) -> str:
        """Give a header's value, fit to be printed; an empty text where there is none."""
        return re.sub(r"[^\x20-\x7e]", "?", self.headers.get(name, "")).strip()[:_SHOWN]


@dataclass(frozen=True, slots=True)
class Cause:
    """
    What may hold chunks back.

    Args:
        what: And what tells of it.
        advice: The one thing to try.
    """

    what: str
    advice: str


def causes(verdict: Verdict, head: Head) -> list[Cause]:
    """Give what may be to blame, the likeliest first; nothing if nothing is held back."""
    if not verdict.held_back:
        return []
    if verdict.flow is Flow.MERGED:
        what = "each chunk holds many tokens: the service, or a gateway that writes chunks anew, puts them together"
        return [Cause(what, _ASK_BEHIND)]
    return list(_found(head)) or [_unknown(head)]


def _found(head: Head) -> Iterator[Cause]:
    coding = head.get("content-encoding")
    coded = coding not in ("", "identity")
    via = f"{head.get('server')} {head.get('via')}".lower()
    if length := head.get("content-length"):
        what = f"the answer was whole before it was sent: it has Content-Length: {length}"
        yield Cause(what, f"look for a cache, a filter or an API gateway that collects answers; {_ASK_BEHIND}")
    if "nginx" in via or "openresty" in via:
        also = " gzip off;" if coded else ""
        what = "nginx collects what it passes on unless it is told not to: proxy_buffering is on by default"
        yield Cause(
            what, f"in nginx's location: proxy_buffering off;{also} or send X-Accel-Buffering: no from behind it"
        )
    if coded:
        what = f"compression waits until it has enough to compress: Content-Encoding: {coding}"
        yield Cause(what, "leave text/event-stream out of what the server or proxy compresses")
    if cdn := next((name for header, name in _CDNS.items() if header in head.headers), None):
        what = f"a CDN is on the way, {cdn} by its headers, and may collect what it passes on"
        yield Cause(what, f"turn off its caching and compression for this path; {_ASK_BEHIND}")
    if any(header in head.headers for header in _GATEWAYS):
        what = "AWS API Gateway is on the way, which sends an answer once it is whole"
        yield Cause(what, "stream past it: from a load balancer, or a function's URL")
    if head.version == "1.0":
        what = "the answer is HTTP/1.0, so an old proxy is on the way; these collect answers"
        yield Cause(what, "speak HTTP/1.1 on the whole way (nginx: proxy_http_version 1.1;)")
    if "apache" in via:
        yield Cause("Apache's mod_proxy collects what it passes on", "add flushpackets=on to its ProxyPass")
    elif head.get("via"):
        yield Cause(f"a proxy is on the way: Via: {head.get('via')}", _ASK_BEHIND)


def _unknown(head: Head) -> Cause:
    if head.get("x-accel-buffering"):
        what = "no header tells; nginx is not to blame, since it would not pass on X-Accel-Buffering"
        return Cause(what, _ASK_BEHIND)
    what = "no header tells; mostly it is a proxy such as nginx, or the service makes the whole answer first"
    return Cause(what, f"send X-Accel-Buffering: no from the service, which nginx obeys; or {_ASK_BEHIND}")
