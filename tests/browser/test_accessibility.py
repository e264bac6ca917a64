"""Group 11: for everybody."""

import re
from importlib.resources import files

import pytest

from tests.browser.chat import until
from tests.upstream import openai
from tests.upstream.steps import hang

ANSWER = (
    "# A heading\n\nText with `code` and a [link](https://example.org/).\n\n```python\nprint(1)\n```\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n"
)


async def violations(opened):
    """What axe finds once everything has come to rest."""
    await opened.page.evaluate(RESTED)
    await opened.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    found = await opened.page.evaluate("() => axe.run()")
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


RESTED = """() => Promise.all(document.getAnimations()
  .filter((animation) => Number.isFinite(animation.effect.getComputedTiming().endTime))
  .map((animation) => animation.finished.catch(() => {})))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_every_screen(chat, theme, width):
    """Axe finds nothing wrong with any screen."""
    opened = await chat(context={"color_scheme": theme, "viewport": {"width": width, "height": 800}})
    found = {"empty": await violations(opened)}
    opened.script(openai.stream([{"reasoning_content": "Hm."}, ANSWER]))
    await opened.ask("Hi")
    found["answer"] = await violations(opened)
    opened.script(openai.stream(["Coming", hang()]))
    await opened.send("More")
    await opened.answer.get_by_text("Coming").wait_for()
    found["streaming"] = await violations(opened)
    await opened.cancel_button.click()
    await opened.idle()
    found["stopped"] = await violations(opened)
    opened.watch.expect("status of 400")
    opened.script(openai.error(400, "No."))
    await opened.send("Fail")
    await opened.problem.wait_for()
    found["failed"] = await violations(opened)
    await opened.page.get_by_test_id("settings-button").click()
    await opened.page.get_by_role("dialog").wait_for()
    found["settings"] = await violations(opened)
    await opened.page.keyboard.press("Escape")
    await opened.page.goto(opened.gateway.url + "/ui/models")
    await opened.page.get_by_text("gpt-other").first.wait_for()
    found["models"] = await violations(opened)

    assert {} == {screen: lines for screen, lines in found.items() if lines}


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_everything_that_opens(chat, theme):
    """Axe finds nothing wrong with any dialog, menu or list, with the page behind them."""
    opened = await chat(context={"color_scheme": theme})
    opened.script(openai.stream(["Hello"]), openai.stream(["Hello again"]))
    await opened.ask("Hi")
    await opened.answer.get_by_role("button", name="Retry", exact=True).click()
    await opened.answer.get_by_text("2/2").wait_for()
    await opened.idle()
    page, found = opened.page, {}

    async def look(name, button, shown):
        await button.click()
        await shown.wait_for()
        found[name] = await violations(opened)
        await page.keyboard.press("Escape")
        await shown.wait_for(state="detached")

    for name in ("thread-settings-button", "code-button", "model-button"):
        await look(name, page.get_by_test_id(name), page.get_by_role("dialog"))
    await look("menu", page.get_by_role("button", name="Actions for “Hi”"), page.get_by_role("menu"))
    await look("edit", opened.answer.get_by_role("button", name="Edit"), opened.answer.get_by_role("textbox"))
    await page.get_by_test_id("settings-button").click()
    await look("key", page.get_by_test_id("key-change"), page.get_by_test_id("key-dialog"))
    await page.keyboard.press("Escape")
    await page.get_by_role("searchbox").fill("nothing like it")
    await page.get_by_text("No chat holds").wait_for()
    found["search"] = await violations(opened)

    assert {} == {screen: lines for screen, lines in found.items() if lines}


async def test_outline(chat):
    """What a screen reader finds on the page, in its order."""
    opened = await chat()
    opened.script(openai.stream(["# Title\n\nSome *words*."]))
    await opened.ask("Hi")

    outline = await opened.page.locator("main").aria_snapshot()

    parts = re.findall(r"""^ *- '?(heading|log|article|form|textbox|group|button) "(.*?)\"""", outline, re.MULTILINE)
    assert OUTLINE == [f"{role} {name}".split(" req_")[0] for role, name in parts], outline


OUTLINE = [
    "heading Hi",
    "button Hi",
    "button Model: gpt-up",
    "button Chat settings: system prompt and parameters",
    "button Code for this request",
    "button Settings",
    "log Conversation",
    "article You said",
    "group Message actions",
    "button Copy",
    "button Edit",
    "button Fork into a new chat",
    "article gpt-up answered",
    "heading Title",
    "group Message actions",
    "button Copy",
    "button Edit",
    "button Retry",
    "button Retry with another model",
    "button Fork into a new chat",
    "group How this answer came about",
    "button Copy the request id",
    "form Message box",
    "button Attach pictures",
    "textbox Message",
    "button Send",
]


async def test_failure_and_stop_are_said(chat):
    """A stop is said politely; the focus stays in the box, or goes to Stop while the box is closed."""
    opened = await chat()
    opened.script(openai.stream(["Part", hang()]))
    await opened.input.fill("Hi")
    await opened.page.keyboard.press("Enter")
    await opened.answer.get_by_text("Part").wait_for()
    await until(opened.page, "() => document.activeElement.dataset.testid === 'cancel-button'")
    await opened.page.wait_for_timeout(600)  # before that it would be taken for the first one's double

    await opened.page.keyboard.press("Enter")
    await opened.idle()

    await opened.page.locator("[role=status]").get_by_text("Reply stopped").wait_for(state="attached")
    await until(opened.page, "() => document.activeElement.dataset.testid === 'chat-input'")


async def test_announcements(chat):
    """A screen reader hears three things of an answer at most, not every token."""
    opened = await chat()
    await opened.page.evaluate("""() => {
      globalThis.heard = [];
      for (const region of document.querySelectorAll('[aria-live=polite], [aria-live=assertive], [role=status]:not([aria-live=off])'))
        new MutationObserver(() => { const text = region.textContent.trim(); if (text && globalThis.heard.at(-1) !== text) globalThis.heard.push(text); })
          .observe(region, {childList: true, characterData: true, subtree: true});
    }""")
    opened.script(openai.stream([f"word{number} " for number in range(300)]))

    await opened.ask("Hi")
    await until(opened.page, "globalThis.heard.some(text => /complete/i.test(text))")

    heard = await opened.page.evaluate("globalThis.heard")
    assert 1 <= len(heard) <= 3, heard
    assert not any("word" in text for text in heard)
    assert "log" == await opened.page.locator("[role=log]").get_attribute("role")


async def test_keyboard_alone(chat):
    """Everything that matters is reached without a mouse."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.page.keyboard.type("Hi")
    await opened.page.keyboard.press("Enter")
    await opened.answer.get_by_role("button", name="Retry", exact=True).wait_for()
    reached = set()
    for _ in range(60):
        await opened.page.keyboard.press("Tab")
        reached.add(
            await opened.page.evaluate(
                "(() => { const e = document.activeElement; return e.dataset.testid || e.getAttribute('aria-label') || e.textContent.trim(); })()"
            )
        )

    for name in ("settings-button", "chat-input", "Retry", "Copy", "Edit"):
        assert any(name.lower() in found.lower() for found in reached if found), (name, reached)


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
async def test_no_sideways_scrolling(chat, width):
    """No width makes the page scroll sideways, whatever is in it."""
    opened = await chat(context={"viewport": {"width": width, "height": 700}})
    word = "x" * 400
    opened.script(
        openai.stream([f"{word}\n\n```\n{word}\n```\n\n|{word}|b|\n|-|-|\n|1|2|\n\n$$ {word} $$\n\n" + ANSWER])
    )

    await opened.ask(word)

    assert await opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_right_to_left(chat):
    """Each paragraph runs the way of its own script."""
    opened = await chat()
    opened.script(openai.stream(["שלום עולם\n\nHello world\n\n- مرحبا\n"]))

    await opened.ask("Hi")

    directions = await opened.answer.evaluate(
        "node => [...node.querySelectorAll('.markdown > p, .markdown li')].map(block => getComputedStyle(block).direction)"
    )
    assert ["rtl", "ltr", "rtl"] == directions
