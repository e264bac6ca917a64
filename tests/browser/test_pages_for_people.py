"""Issue 6, "Pages", for everybody: nothing that axe finds, all by keyboard, texts that are all in the tables."""

import pytest

from tests.browser.chat import until
from tests.browser.office import call
from tests.browser.test_accessibility import violations
from tests.browser.test_appearance import SEEN, marked

CALLS = [
    call(1),
    call(
        2, status="upstream_error", code="upstream_unreachable", provider="", target="", counted="none", attempts="[]"
    ),
    call(3, counted="estimated", status="client_closed", code="client_closed"),
    *(call(number, model=f"m{number}", priced=0, key_id="") for number in range(4, 14)),
]


async def every_screen(opened, look):
    """Show each screen of the pages, and have ``look`` look at it."""
    page = opened.page
    opened.watch.expect("status of 40")
    await opened.goto("/ui/keys")
    await opened.get("key-dialog").wait_for()
    await look("log in")
    await opened.log_in("anna")
    await page.get_by_role("row", name="bot").wait_for()
    await look("keys")
    await page.get_by_role("row", name="bot").get_by_test_id("key-menu").click()
    await look("menu")
    await page.keyboard.press("Escape")
    await opened.get("key-new").click()
    await opened.get("key-name").fill("K")
    await opened.get("key-rpm").fill("x")
    await opened.get("key-save").click()
    await page.locator("[aria-invalid]").wait_for()
    await look("form")
    await opened.get("key-rpm").fill("1")
    await opened.get("key-save").click()
    await opened.get("secret-done").wait_for()
    await look("secret")
    await opened.get("secret-done").click()
    for action in ("key-rotate", "key-revoke"):
        await opened.choose("bot", action)
        await opened.get(f"{action}-dialog").wait_for()
        await look(action)
        await page.keyboard.press("Escape")
    await opened.goto("/ui/usage?range=custom&from=2020-01-01&to=2020-01-02")
    await page.locator(".admin-nothing").wait_for()
    await look("no usage")
    await opened.goto("/ui/usage")
    await page.locator(".chart-box canvas").wait_for()
    await look("usage")
    await opened.goto("/ui/logs?live=1&since=1")
    await page.locator('.live-state[data-state="live"]').wait_for()
    await page.locator(".call-row").first.wait_for()
    await look("log")
    await page.locator(".logs-end").wait_for()
    await page.locator(".call-row").first.get_by_role("link").click()
    await page.locator(".timing-bar").wait_for()
    await look("call")
    await opened.goto("/ui/logs/req_none?code=none")
    await opened.get("call-dialog").locator(".admin-nothing").wait_for()
    await look("no call")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe(office, theme, width):
    """Axe finds nothing wrong with any screen of the pages."""
    opened = await office(calls=CALLS, context={"color_scheme": theme, "viewport": {"width": width, "height": 800}})
    found = {}

    async def look(name):
        found[name] = await violations(opened)

    await every_screen(opened, look)

    assert {} == {screen: lines for screen, lines in found.items() if lines}


# What is no text of the page's own: names, what the gateway says, codes, ids, times and numbers with their units.
KNOWN = (
    "anna@example.org|anna|bot|vera|ops|red|gpt-\\S*|o9|m\\d+|openai/\\S+|openai|groq/\\S+|groq|sk-llms-\\S+|key_\\w+|req_\\w+"
    "|upstream_unreachable|client_closed|rate_limit_exceeded|chat\\.completions|completions|embeddings|stop|none|K\\b|ok"
    "|\\d+(:\\d+)*\\s?[AP]M( UTC)?|(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|at (?=\\d)"
    "|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*|llms|There is no such call.*"
)


async def test_every_text_is_in_a_table(office):
    """Every text that a person meets on the pages comes from a table, so that another language needs nothing else."""
    opened = await office(calls=CALLS)
    for table in ("strings", "texts"):
        await opened.context.route(f"**/{table}.js", marked)
    found = {}

    async def look(name):
        found[name] = await opened.page.evaluate(SEEN, KNOWN)

    await every_screen(opened, look)

    assert {} == {screen: texts for screen, texts in found.items() if texts}


async def test_by_keyboard(office):
    """A key is made, and a call opened and closed, without a pointer; the focus comes back to where it was."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/keys")
    await opened.get("key-new").focus()
    await opened.page.keyboard.press("Enter")
    await until(opened.page, "() => document.activeElement.dataset.testid === 'key-name'")
    await opened.page.keyboard.type("By hand")
    await opened.page.keyboard.press("Enter")
    await until(opened.page, "() => document.activeElement.dataset.testid === 'secret-done'")
    await opened.page.keyboard.press("Enter")
    await opened.page.get_by_role("row", name="By hand").wait_for()
    await until(opened.page, "() => document.activeElement.dataset.testid === 'key-new'")

    await opened.goto("/ui/logs")
    link = opened.page.locator(".call-row a").nth(1)
    await link.focus()
    await opened.page.keyboard.press("Enter")
    await opened.page.locator(".timing-bar").or_(opened.page.get_by_text("No provider was asked")).first.wait_for()
    await opened.page.keyboard.press("Escape")

    await until(opened.page, "() => document.activeElement === document.querySelectorAll('.call-row a')[1]")


async def test_nothing_moves_for_who_wants_that(office):
    """Where the system asks for less motion, nothing of the pages moves."""
    opened = await office(calls=CALLS, context={"reduced_motion": "reduce"})
    await opened.enter("/ui/logs?live=1")
    await opened.page.locator('.live-state[data-state="live"]').wait_for()
    await opened.page.wait_for_timeout(50)

    assert 0 == await opened.page.evaluate("document.getAnimations().length")


async def test_the_chat_loads_nothing_of_the_pages(office):
    """The chat's first load has no module, text or style of the pages in it."""
    opened = await office(keys=())
    asked = []
    opened.page.on("request", lambda request: asked.append(request.url))
    await opened.goto("/")
    await opened.get("chat-input").wait_for()

    assert [] == [url for url in asked if any(f"/{folder}/" in url for folder in ("admin", "keys", "usage", "logs"))]
    assert [] == [url for url in asked if "admin.css" in url or "uplot" in url]
