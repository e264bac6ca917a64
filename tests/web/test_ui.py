from tests.support.raw import RawClient


async def get(gateway, target, headers=()):
    async with RawClient("127.0.0.1", gateway.port) as client:
        await client.request("GET", target, headers)
        return await client.read_response()


async def test_page(gateway):
    """The page at / needs no key, says what to do, and may run nothing but the gateway's own scripts."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-one"})

    page = await get(running, "/")
    style = await get(running, "/style.css")

    assert (200, "text/html; charset=utf-8") == (page.status, page.header("content-type"))
    assert b"/v1/chat/completions" in page.body
    policy = page.header("content-security-policy")
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ):
        assert part in policy
    assert ("nosniff", "no-referrer") == (page.header("x-content-type-options"), page.header("referrer-policy"))
    assert (200, "text/css; charset=utf-8") == (style.status, style.header("content-type"))


async def test_unchanged_page_is_not_sent_again(gateway):
    """A page that the browser has is not sent again."""
    running = await gateway()
    first = await get(running, "/")

    second = await get(running, "/", [("If-None-Match", first.header("etag"))])

    assert (304, b"") == (second.status, second.body)


async def test_no_other_file(gateway):
    """Only the known pages are served, whatever the path says."""
    running = await gateway()

    for target in ("/index.html", "/../pyproject.toml", "/%2e%2e/pyproject.toml", "/ui/index.html"):
        assert 404 == (await get(running, target)).status
