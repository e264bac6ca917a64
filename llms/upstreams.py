"""From a provider's options to the provider: whether it can be on, and if so its keys, its places and its way out."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from urllib.parse import urlsplit

from llms.attempts import Upstream
from llms.bulkhead import Bulkhead
from llms.catalog import Entry
from llms.exchange import Send, UpstreamRequest, UpstreamResponse
from llms.providers.options import Options, is_loopback
from llms.terms import Terms
from llms.transport import Transport


@dataclass(frozen=True, slots=True)
class Made:
    """An entry of the catalog with its provider, if that is on, and what they were made of."""

    entry: Entry
    upstream: Upstream | None
    options: Options
    terms: Terms


def _way_out(transport: Transport, default_s: float, *, private: bool) -> Send:
    """Give a provider's way out, with its own wait for a connection where a request has none."""

    def send(request: UpstreamRequest, connect_s: float | None = None) -> AbstractAsyncContextManager[UpstreamResponse]:
        return transport.send(request, connect_s or default_s, private=private)

    return send


def made(  # noqa: PLR0913, PLR0917 - a provider is made of all of them
    name: str,
    options: Options,
    environ: Mapping[str, str],
    transport: Transport,
    own_url: str | None,
    terms: Terms,
    bulkhead: Bulkhead,
) -> Made:
    """
    Give a provider's place in the catalog, and the provider if it can be on.

    Args:
        environ: Where secrets are.
        own_url: Where the gateway itself listens, so that it does not take itself for a provider.
        terms: On which the provider is called.
        bulkhead: Its places.
    """

    def off(reason: str) -> Made:
        return Made(Entry(name, None, reason), None, options, terms)

    if not options.enabled:
        return off("switched off in the configuration")
    each = options.each_key()
    usable = {credential: one for credential, one in each.items() if one.missing(environ) is None}
    if not usable:
        return off(next(iter(each.values())).missing(environ) or "")
    local_url = options.local_url
    if local_url is not None and own_url is not None and _same_place(local_url, own_url):
        return off("its address is this gateway's own")
    send = _way_out(transport, terms.clocks.connect_s, private=options.private)
    providers = {credential: one.build(name, environ, send) for credential, one in usable.items()}
    entry = Entry(
        name,
        next(iter(providers.values())),
        _why_on(next(iter(usable.values()))),
        local=local_url is not None,
        listed=options.models,
        credentials=tuple(credential for credential in providers if credential is not None),
        terms=terms,
    )
    return Made(entry, Upstream(providers, bulkhead), options, terms)


def _why_on(options: Options) -> str:
    if options.local_url is not None:
        return "its server answers"
    return f"{options.variables[0].removeprefix('$')} is set" if options.variables else "needs no key"


def _same_place(one: str, other: str) -> bool:
    ends = [urlsplit(one), urlsplit(other)]
    names = [is_loopback(end.hostname or "") or end.hostname in ("0.0.0.0", "::") for end in ends]  # noqa: S104
    return all(names) and ends[0].port == ends[1].port
