"""
HTTP/1.1 towards providers: as much of a client as the gateway needs, and no more.

Read in this order:

- ``request``: the bytes of a request's head, made once for all calls that are alike.
- ``head``, ``body``, ``answer``: what an answer's bytes mean. Pure: bytes in, pieces out, the same however they come.
- ``connection``: one connection as a protocol of asyncio; ``pour`` hands its bytes to a sink as they arrive.
- ``connect`` opens connections, ``pool`` keeps those that are idle.

``llms.transport`` makes exchanges of them. What an answer can be read as in more than one way is refused, and a
connection is used again only after an answer that ended as its framing said, with nothing behind it.

Why not aiohttp's client, which the server's library has anyway: of a call's cost it was two thirds (a session, a
request, a response, a stream and a timer each time), and each of its faults could be mended in private parts only.
There are no redirects, cookies, proxies, uploads and upgrades here.
"""
