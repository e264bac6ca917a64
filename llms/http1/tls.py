"""How providers' certificates are verified."""

import ssl


def verifying() -> ssl.SSLContext:
    """
    Give a context that trusts what the system trusts, and offers HTTP/1.1 only.

    asyncio and uvloop take no session of an earlier connection, so each connection makes a handshake of its own. What
    spares handshakes is that connections are used again.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
