"""What a hostile or unlucky person does to the chat: nothing is lost, nothing is done twice, nothing stands still."""

import asyncio
import contextlib
import random
import re
import time

from tests.browser.chat import ROWS, until
from tests.upstream import openai
from tests.upstream.steps import hang, sleep

BLOCKED = """
const denied = () => { throw new DOMException("denied", "SecurityError"); };
Object.defineProperty(window, "localStorage", { get: denied });
navigator.locks.request = navigator.locks.query = async () => denied();
"""
"""As Chromium does for a person who lets no site store anything."""

ANSWERS = f"async () => (await ({ROWS})()).filter(({{role}}) => role === 'assistant').map(({{content, status}}) => [status, content])"

COUNT = 700
WORDS = "".join(f"w{number} " for number in range(COUNT))


def counting(seen):
    """Count up, a few characters at a time; asked to go on, from exactly where the answer so far ends. Notes each such request."""

    def react(request):
        *_, before, last = [{"role": "", "content": ""}, *request.json["messages"]]
        said = before["content"] if "cut off" in str(last["content"]) else ""
        seen.append(said)
        rest = WORDS[len(said) :]
        return openai.stream([part for at in range(0, len(rest), 5) for part in (rest[at : at + 5], sleep(0.008))])

    return react


async def wipe(page):
    await page.get_by_test_id("settings-button").click()
    await page.get_by_test_id("wipe-button").click()
    await page.get_by_test_id("wipe-input").fill("delete")
    await page.get_by_test_id("wipe-confirm").click()
    await page.get_by_test_id("storage-result").wait_for()


async def test_owner_killed_again_and_again(chat):
    """Whatever way the tab dies that has the stream, the next one goes on: no word is missing, none is there twice."""
    opened = await chat()
    seen = []
    opened.script(counting(seen))
    await opened.send("Count")
    await opened.answer.get_by_text("w1").wait_for()
    await opened.page.wait_for_url("**/ui/chat/*")
    tabs = [opened, await opened.second_tab(), await opened.second_tab()]

    for ending in ("reload", "crash", "leave", "close"):
        await tabs[-1].answer.get_by_text("w9").wait_for()
        owner = tabs.pop(0)
        before = len(seen)
        await asyncio.sleep(random.uniform(0, 0.3))  # noqa: S311 - any moment will do
        if ending == "reload":
            await owner.reload()
            tabs.append(owner)
        elif ending == "crash":
            session = await owner.context.new_cdp_session(owner.page)
            with contextlib.suppress(Exception):
                await asyncio.wait_for(session.send("Page.crash"), 0.5)
        elif ending == "leave":
            await owner.page.goto("about:blank")
        else:
            await owner.page.close()
        async with asyncio.timeout(5):
            while len(seen) == before:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.02)
        if len(tabs) < 3:
            tabs.append(await tabs[0].second_tab())

    for tab in tabs:
        await tab.answer.get_by_text(f"w{COUNT - 1}").wait_for(timeout=20_000)
        await tab.idle()
        assert WORDS.strip() == (await tab.answer.locator(".markdown").last.inner_text()).strip()
    assert [["done", WORDS]] == await tabs[0].page.evaluate(ANSWERS)
    assert all(WORDS.startswith(said) for said in seen)
    assert 5 == len(seen), "one owner at a time"


async def test_storage_blocked(chat):
    """A browser that refuses storage and locks has a chat that works, and it says that nothing stays."""
    opened = await chat()
    await opened.context.add_init_script(BLOCKED)
    opened.script(openai.stream(["Hello ", hang()]))
    await opened.reload()

    await opened.send("Hi")
    await opened.answer.get_by_text("Hello").wait_for()
    await opened.page.wait_for_url("**/ui/chat/*")
    await opened.reload()

    await opened.problem.get_by_text("INTERRUPTED", exact=True).wait_for()
    assert "Hello" in await opened.answer.inner_text(), "written as the page was left, without a last word elsewhere"


async def test_question_in_the_address_takes_no_draft_away(chat):
    """A link with ``?q=`` adds to what is written; opened again, it adds nothing."""
    opened = await chat()
    await opened.input.fill("Half a thought")
    await opened.reload()

    await opened.goto("/?q=Why")
    await opened.goto("/?q=Why")

    assert "Half a thought\n\nWhy" == await opened.input.input_value()
    assert [] == opened.upstream.requests


async def test_sent_before_the_models_are_known(chat):
    """Who is faster than the list of models waits for it, and gets an answer."""
    opened = await chat()
    listed = asyncio.Event()

    async def late(route):
        await listed.wait()
        await route.continue_()

    await opened.context.route("**/v1/models", late)
    await opened.reload()
    opened.script(openai.stream(["Hello"]))
    await opened.send("Hi")
    await opened.cancel_button.wait_for()
    listed.set()

    await opened.answer.get_by_text("Hello").wait_for()
    assert "gpt-up" == opened.upstream.requests[0].json["model"]


async def test_stopped_before_it_began(chat):
    """Esc in the moment of sending counts."""
    opened = await chat()
    opened.script(openai.stream(["Hello ", hang()]))
    await opened.input.fill("Hi")

    await opened.page.evaluate("""() => {
      document.querySelector("[data-testid=send-button]").click();
      dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
    }""")

    await opened.answer.get_by_text("Stopped", exact=True).wait_for()
    await opened.idle()


async def test_everything_twice(chat):
    """Two Enters, two clicks on Retry, two on the editor's button: one request each."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    twice = "(element) => { element.click(); element.click(); }"

    await opened.input.fill("Hi")
    await opened.page.keyboard.press("Enter")
    await opened.page.keyboard.press("Enter")
    await opened.answer.get_by_text("Hello").wait_for()
    await opened.idle()
    assert 1 == len(opened.upstream.requests)

    await opened.answer.get_by_role("button", name="Retry", exact=True).evaluate(twice)
    await opened.page.get_by_text("2/2").wait_for()
    await opened.idle()
    assert 2 == len(opened.upstream.requests)

    await opened.page.locator(".user-message [data-action=edit]").click()
    await opened.page.locator(".edit-form button[type=submit]").evaluate(twice)
    await opened.page.locator(".user-message").get_by_text("2/2").wait_for()
    await opened.idle()
    assert 3 == len(opened.upstream.requests)


async def test_enter_that_is_held_stops_nothing(chat):
    """An Enter that is held sends, and does not stop what it has sent by the button that has the focus then; a new one does."""
    opened = await chat()
    opened.script(openai.stream(["Hel", hang()]))
    await opened.input.fill("Hi")

    await opened.page.keyboard.down("Enter")
    await opened.answer.get_by_text("Hel").wait_for()
    await until(opened.page, "() => document.activeElement.dataset.testid === 'cancel-button'")
    await opened.page.wait_for_timeout(700)
    await opened.page.keyboard.down("Enter")  # the key's repetition, as it is down already
    await opened.page.wait_for_timeout(200)
    assert await opened.page.get_by_test_id("cancel-button").is_visible()
    await opened.page.keyboard.up("Enter")

    await opened.page.keyboard.press("Enter")

    await opened.answer.get_by_text("Stopped", exact=True).wait_for()
    await opened.idle()


async def test_wipe_leaves_no_word(chat):
    """After everything is deleted nothing of it is anywhere: no row, no last words, no draft."""
    opened = await chat()
    opened.script(openai.stream(["secret ", hang()]))
    await opened.send("secret question")
    await opened.answer.get_by_text("secret").wait_for()
    await opened.page.wait_for_url("**/ui/chat/*")
    await opened.page.goto("about:blank")
    await opened.goto()
    await opened.input.fill("secret draft")

    await wipe(opened.page)

    await opened.reload()
    assert "secret" not in await opened.page.evaluate("JSON.stringify(localStorage)")
    assert "" == await opened.input.input_value()
    assert [] == await opened.page.evaluate(ANSWERS)


async def test_database_deleted(chat):
    """Who deletes the database under the page loses what was in it; what is said afterwards is kept."""
    opened = await chat()
    opened.script(openai.stream(["First"]), openai.stream(["Second"]))
    await opened.ask("One")
    tools = await opened.context.new_page()
    await tools.goto(f"{opened.gateway.url}/healthz")
    await tools.evaluate("new Promise((resolve) => { indexedDB.deleteDatabase('llms').onsuccess = () => resolve(); })")

    await opened.ask("Two")

    await until(opened.page, f"async () => JSON.stringify(await ({ANSWERS})()).includes('Second')")
    await opened.reload()
    await opened.answer.get_by_text("Second").wait_for()


async def test_store_that_hangs(chat):
    """A database that never answers holds up one moment, not the conversation."""
    opened = await chat()
    opened.script(openai.stream(["First"]), openai.stream(["Second"]))
    await opened.page.evaluate("""() => {
      const {transaction} = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = function (...given) {
        const made = transaction.apply(this, given);
        if (given[1] !== "readwrite") return made;
        const busy = () => { made.objectStore(made.objectStoreNames[0]).get("-").onsuccess = busy; };
        busy();
        made.commit = () => {};
        return made;
      };
    }""")

    await opened.ask("One")
    await opened.send("Two")

    await opened.answer.get_by_text("Second").wait_for()


async def test_large_paste_of_lines(chat):
    """A megabyte of short lines does not make the browser look for the direction of each."""
    opened = await chat(context={"permissions": ["clipboard-read", "clipboard-write"]})
    await opened.page.evaluate("navigator.clipboard.writeText('some words here\\n'.repeat(65536))")
    await opened.input.focus()

    before = time.monotonic()
    await opened.page.keyboard.press("Control+v")
    await until(opened.page, "document.querySelector('[data-testid=chat-input]').value.length > 1_000_000")
    await opened.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")

    assert time.monotonic() - before < 5, "a second on a quiet machine; ten if each line has its own direction"
    assert "ltr" == await opened.input.get_attribute("dir")
    await opened.input.fill("short")
    assert "auto" == await opened.input.get_attribute("dir")


async def test_soup(chat):
    """Whatever a model sends is shown or refused, the next turn works, and the export of it comes back."""
    opened = await chat()
    soups = [
        [{"content": None}, {"content": ["a", {"text": "b"}, None, 7]}, {"tool_calls": "x"}, {"content": "end"}],
        [{"tool_calls": [None, 5, {"index": -1, "function": None}]}, {"content": "end"}],
        [{"tool_calls": [{"index": 99, "id": "i" * 20_000, "function": {"name": "n" * 20_000, "arguments": "{"}}]}],
        [b'data: {"choices":[{"index":0,"delta":{"content":"lone \\ud83d"}}]}\n\n', "end"],
        [b'data: {"choices":[null,5,{"delta":null}]}\n\n', b'data: {"__proto__":{"x":1},"choices":{}}\n\n', "end"],
        [b"data: null\n\n", b"data: []\n\n", b"<html>\n\n", "\u202e\u200b\u200d\ufeff end"],
    ]
    for soup in soups:
        opened.script(openai.stream(soup))
        await opened.ask("Soup")
    opened.script(openai.stream(["fine"]))
    await opened.ask("And now")
    assert "fine" in await opened.answer.inner_text()
    kept = await opened.page.evaluate(ANSWERS)

    await opened.page.get_by_test_id("settings-button").click()
    async with opened.page.expect_download() as downloading:
        await opened.page.get_by_test_id("export-button").click()
    file = await (await downloading.value).path()
    await opened.page.keyboard.press("Escape")
    await wipe(opened.page)
    await opened.page.get_by_test_id("import-file").set_input_files(file)
    await opened.page.get_by_test_id("storage-result").get_by_text(re.compile("Imported 1 chat")).wait_for()

    assert sorted(kept) == sorted(await opened.page.evaluate(ANSWERS))
