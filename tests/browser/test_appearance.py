"""Issue 3, "For people": themes, phones, and texts that are all in the one table."""

import pytest

from tests.browser.chat import until
from tests.browser.test_threads import ask_in_new_thread, entry
from tests.upstream import openai
from tests.upstream.steps import hang

BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


async def test_theme(chat):
    """The page is as light or dark as the system, until a person chooses; the choice outlives a reload."""
    opened = await chat(context={"color_scheme": "light"})
    light = await opened.page.evaluate(BACKGROUND)
    await opened.page.emulate_media(color_scheme="dark")
    dark = await opened.page.evaluate(BACKGROUND)
    assert light != dark

    await opened.page.get_by_test_id("settings-button").click()
    await opened.page.get_by_role("dialog").get_by_text("Light", exact=True).click()
    await until(opened.page, f"light => ({BACKGROUND})() === light", light)

    await opened.page.add_init_script("""document.addEventListener("readystatechange", () => {
      globalThis.early ??= document.documentElement.dataset.theme;
    })""")
    await opened.reload()
    assert light == await opened.page.evaluate(BACKGROUND)
    assert "light" == await opened.page.evaluate("globalThis.early"), "before any module has run: a page must not flash"


async def test_phone(chat):
    """On a phone the list of chats is a drawer that gives way to the chat that is chosen in it."""
    opened = await chat(context=PHONE)
    await ask_in_new_thread(opened, "First", "One")
    await ask_in_new_thread(opened, "Second", "Two")
    await opened.page.get_by_role("button", name="Show the sidebar").tap()
    await until(opened.page, "() => document.activeElement.closest('#sidebar') !== null")

    await entry(opened, "First").get_by_role("link").tap()

    await opened.answer.get_by_text("One").wait_for()
    await until(opened.page, "() => document.querySelector('#sidebar').inert")
    box = await opened.input.bounding_box()
    assert box["y"] + box["height"] <= 800, "the box is on the screen"


async def test_escape_closes_the_drawer_not_the_answer(chat):
    """Esc closes what is on top: the drawer, a dialog; the answer behind it goes on."""
    opened = await chat(context={"viewport": {"width": 390, "height": 800}})
    opened.script(openai.stream(["Part", hang()]))
    await opened.send("Hi")
    await opened.answer.get_by_text("Part").wait_for()
    for open_it in (
        opened.page.get_by_role("button", name="Show the sidebar"),
        opened.page.get_by_test_id("settings-button"),
    ):
        await open_it.click()
        await until(opened.page, "() => document.activeElement.closest('#sidebar, dialog') !== null")
        await opened.page.keyboard.press("Escape")
        await until(opened.page, "() => document.activeElement.closest('#sidebar, dialog') === null")
    assert "streaming" == await opened.answer.get_attribute("data-status")

    await opened.page.keyboard.press("Escape")

    await opened.page.locator('.assistant-message[data-status="stopped"]').wait_for()


SEEN = """(known) => {
  const found = new Set();
  const foreign = (text) => {
    const rest = text.replace(/⟦[^⟦⟧]*⟧/gu, "");
    return rest === text ? rest.replace(known, "") : foreign(rest); // a text may stand in a text
  };
  const strange = (text) => /\\p{L}{2}/u.test(foreign(text));
  const look = (text, where) => { if (text && strange(text)) found.add(`${where}: ${text.trim().slice(0, 80)}`); };
  known = new RegExp(known, "gu");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Text) {
      if (node.parentElement.closest("script, noscript, .markdown, .bubble, .brand, kbd, pre") === null) look(node.data, "text");
    } else {
      for (const name of ["aria-label", "title", "placeholder", "alt"]) look(node.getAttribute(name), name);
    }
  }
  return [...found];
}"""
# What is no text of the page's own: names of models and providers, what was asked, addresses, codes, units.
KNOWN = "UP_KEY is set|gpt-up|gpt-other|up|demo|Question|HTTP_503|http\\S+|req_\\w+|JavaScript|Python|curl|English|localhost|No\\."


async def test_every_text_is_in_the_table(chat):
    """Every text that a person meets comes from the one table, so that another language needs nothing else."""
    opened = await chat()
    await opened.context.route("**/strings.js", marked)
    await opened.reload()
    found = {"empty": await opened.page.evaluate(SEEN, KNOWN)}
    opened.script(openai.stream([{"reasoning_content": "Hm."}, "Answer"]), openai.stream(["Part", hang()]))
    await opened.ask("Question")
    found["answer"] = await opened.page.evaluate(SEEN, KNOWN)
    await opened.send("Question")
    await opened.answer.get_by_text("Part").wait_for()
    found["streaming"] = await opened.page.evaluate(SEEN, KNOWN)
    await opened.cancel_button.click()
    await opened.idle()
    opened.watch.expect("status of 503")
    await opened.page.route(
        "**/v1/chat/completions", lambda route: route.fulfill(status=503, json={"error": {"message": "No."}})
    )
    await opened.send("Question")
    await opened.problem.wait_for()
    found["failed"] = await opened.page.evaluate(SEEN, KNOWN)
    for name in ("settings-button", "thread-settings-button", "code-button", "model-button"):
        await opened.page.get_by_test_id(name).first.click()
        await opened.page.get_by_role("dialog").wait_for()
        found[name] = await opened.page.evaluate(SEEN, KNOWN)
        await opened.page.keyboard.press("Escape")
    await opened.page.goto(opened.gateway.url + "/ui/models")
    await opened.page.get_by_text("gpt-other").first.wait_for()
    found["models"] = await opened.page.evaluate(SEEN, KNOWN)

    assert {} == {screen: texts for screen, texts in found.items() if texts}


async def marked(route):
    """Serve the table with a mark around each of its texts."""
    answer = await route.fetch()
    text = await answer.text()
    assert "export function t(" in text
    wrapped = "\nexport function t(key, values) { return `⟦${plain(key, values)}⟧`; }\n"
    await route.fulfill(response=answer, body=text.replace("export function t(", "function plain(") + wrapped)


@pytest.mark.parametrize("width", [390, 1280])
async def test_long_names(chat, width):
    """A long title and a long model name push nothing off the page, and can be read in full."""
    name = "organisation/" + "very-long-model-name-" * 8
    opened = await chat(context={"viewport": {"width": width, "height": 800}})
    await opened.page.evaluate("model => localStorage.setItem('llms.settings', JSON.stringify({model}))", name)
    await opened.page.route(
        "**/v1/models", lambda route: route.fulfill(json={"object": "list", "data": [{"id": name}]})
    )
    await opened.reload()
    opened.watch.expect("status of 404")

    await opened.send("A question without end " * 20)
    await opened.problem.wait_for()

    assert await opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert name == await opened.page.get_by_test_id("model-button").get_attribute("title")
    for part in ("settings-button", "code-button", "thread-settings-button"):
        box = await opened.page.get_by_test_id(part).bounding_box()
        assert 0 <= box["x"] <= width - box["width"], part
