"""Issue 6, "Pages": the log."""

import pytest

from llms.keys import Role
from tests.browser.chat import until
from tests.browser.office import BOT, PEOPLE, call, key

FAILED = call(
    2, status="upstream_error", code="upstream_unreachable", provider="", target="", counted="none", attempts="[]"
)
CALLS = [call(1), FAILED, *(call(number, model="o9", target="o9", key_id="", team="") for number in range(3, 130))]


def rows(opened):
    return opened.page.locator(".call-row")


async def test_pages(office):
    """The newest calls come first; scrolling brings the older ones, to the last."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/logs")
    await rows(opened).first.wait_for()
    assert CALLS[0].id == await rows(opened).first.get_attribute("data-call")
    assert 50 == await rows(opened).count()

    for _ in range(3):
        await opened.page.locator(".page-body").evaluate("body => body.scrollTo(0, body.scrollHeight)")
        await opened.page.wait_for_timeout(50)
    await opened.page.get_by_text("That is all.").wait_for()

    found = await rows(opened).evaluate_all("all => all.map(one => one.dataset.call)")
    assert [one.id for one in CALLS] == found


async def test_filters_are_in_the_address(office):
    """Filters narrow the list; the address holds them, and leads to the same list."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/logs")
    await opened.get("logs-status").select_option("failed")
    await until(opened.page, "() => document.querySelectorAll('.call-row').length === 1")
    await opened.get("logs-code").fill("nothing_like_it")
    await opened.get("logs-code").press("Enter")
    await opened.page.get_by_text("No call fits").wait_for()
    assert opened.page.url.endswith("/ui/logs?failed=true&code=nothing_like_it")

    await opened.page.get_by_role("button", name="Clear").click()
    await opened.get("filter-key_id").select_option(BOT.id)
    await until(opened.page, "() => document.querySelectorAll('.call-row').length === 2")
    await opened.get("logs-range").select_option("1h")
    await opened.page.reload()
    await rows(opened).first.wait_for()

    assert opened.page.url.endswith(f"?key_id={BOT.id}&range=1h")
    assert 2 == await rows(opened).count()


async def test_one_call(office):
    """A call opens over the list by its own address: what was tried, its times, tokens, cost and error."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/logs?key_id=" + BOT.id)
    await rows(opened).first.get_by_role("link").click()
    dialog = opened.get("call-dialog")
    await dialog.get_by_text("Where the time went").wait_for()

    text = await dialog.inner_text()
    for part in (
        "openai/gpt-5-2026",
        "groq/gpt-5",
        "rate_limit_exceeded",
        "2.9 s",
        "100 tokens/s",
        "$0.00325",
        "400 from the cache",
        "50 reasoning",
        "Waiting for the provider",
        "Streaming the answer",
        "3.4 kB",
        "not kept",
    ):
        assert part in text, part
    assert opened.page.url.endswith(f"/ui/logs/{CALLS[0].id}?key_id={BOT.id}")
    assert ["auth", "parse", "retries", "upstream", "gateway", "stream"] == await dialog.locator(
        ".timing-part"
    ).evaluate_all("all => all.map(one => one.dataset.part)")

    await dialog.get_by_role("link", name="Older call").click()
    await dialog.get_by_text("upstream_unreachable").wait_for()
    await dialog.get_by_text("No provider was asked.").wait_for()
    await opened.page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    assert opened.page.url.endswith(f"/ui/logs?key_id={BOT.id}")


async def test_deep_link(office):
    """A link to a call shows it to whoever may see it, and says where there is none."""
    opened = await office(calls=CALLS)
    opened.watch.expect("status of 404")
    await opened.enter(f"/ui/logs/{FAILED.id}")
    await opened.get("call-dialog").get_by_text("upstream_unreachable").wait_for()

    await opened.goto("/ui/logs/req_000000000000000000000000")

    await opened.get("call-dialog").get_by_text("There is no such call").wait_for()


async def test_kept_words(office):
    """What a key keeps of its calls is shown, as text."""
    keeper = key("keeper", Role.ADMIN, keeps_bodies=True)
    opened = await office(keys=(*PEOPLE, keeper))
    called = await opened.say("<img src=x onerror=alert(1)> count to 3", "keeper")
    await opened.enter(f"/ui/logs/{called}", "keeper")

    prompt = opened.get("call-prompt")
    await prompt.wait_for()

    assert "<img src=x onerror=alert(1)>" in await prompt.inner_text()
    assert "1" in await opened.get("call-answer").inner_text()
    assert 0 == await opened.get("call-dialog").locator("img").count()


async def test_nothing_of_the_chat_is_loaded(office):
    """The log, also one that is followed, loads nothing that only an answer needs."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/logs?live=1")
    await opened.page.locator('.live-state[data-state="live"]').wait_for()

    loaded = await opened.page.evaluate("() => performance.getEntriesByType('resource').map(entry => entry.name)")
    bundles = sorted(name.rpartition("/")[2] for name in loaded if "/vendor/" in name)
    assert ["core.js", "events.js"] == bundles


async def test_live(office):
    """Calls show as they end; a pause holds them back, and counts them."""
    opened = await office()
    await opened.enter("/ui/logs")
    await opened.page.get_by_text("No calls yet").wait_for()
    await opened.get("logs-live").check()
    await opened.page.locator('.live-state[data-state="live"]').wait_for()

    first = await opened.say()
    await opened.page.locator(f'[data-call="{first}"]').wait_for()
    await opened.get("logs-pause").click()
    second = await opened.say()
    await opened.page.get_by_text("1 new call").wait_for()
    assert 1 == await rows(opened).count()
    await opened.get("logs-pause").click()

    await opened.page.locator(f'[data-call="{second}"]').wait_for()
    assert [second, first] == await rows(opened).evaluate_all("all => all.map(one => one.dataset.call)")


async def test_a_member_sees_its_own(office):
    """A member sees its own calls, and nobody else's."""
    opened = await office(calls=CALLS)
    opened.watch.expect("status of 404")
    await opened.enter("/ui/logs", "bot")
    await opened.page.get_by_text("That is all.").wait_for()

    assert 2 == await rows(opened).count()
    await opened.goto(f"/ui/logs/{CALLS[5].id}")
    await opened.page.get_by_text("There is no such call").wait_for()


async def test_the_store_is_away(office):
    """What cannot be loaded is said, and asked for again."""
    opened = await office(calls=CALLS)
    opened.watch.expect("status of 503")
    failing = {"error": {"message": "The store does not answer.", "code": "store_unavailable"}}
    await opened.page.route("**/admin/v1/calls?*", lambda route: route.fulfill(status=503, json=failing))
    await opened.enter("/ui/logs")
    await opened.page.get_by_text("The store does not answer.").wait_for()

    await opened.page.unroute("**/admin/v1/calls?*")
    await opened.page.get_by_role("button", name="Try again").click()

    await rows(opened).first.wait_for()


@pytest.mark.parametrize("width", [390, 1280])
async def test_narrow_and_wide(office, width):
    """Long names stay within the page."""
    long = call(0, model="m" * 200, provider="p" * 60, target="t" * 200, status="internal", code="c" * 60)
    opened = await office(calls=[long], context={"viewport": {"width": width, "height": 800}})
    await opened.enter("/ui/logs")
    await rows(opened).first.wait_for()

    assert await opened.page.locator(".page-body").evaluate("body => body.scrollWidth <= body.clientWidth")
    await rows(opened).first.get_by_role("link").click()
    await opened.get("call-dialog").get_by_text("Where the time went").wait_for()
    assert await opened.page.locator(".dialog-body").evaluate("body => body.scrollWidth <= body.clientWidth")


async def test_a_call_that_is_not_written_yet(office):
    """A call that has just ended may be a moment late in the log: the page waits for it."""
    opened = await office(calls=CALLS)
    opened.watch.expect("status of 404")
    late = [{"status": 404, "json": {"error": {"message": "No.", "code": "not_found"}}}] * 2

    async def answer(route):
        await (route.fulfill(**late.pop()) if late else route.continue_())

    await opened.page.route(f"**/admin/v1/calls/{CALLS[0].id}", answer)
    await opened.enter(f"/ui/logs/{CALLS[0].id}")

    await opened.get("call-dialog").get_by_text("Where the time went").wait_for()
    assert [] == late
