"""Group 7: what is kept, and what survives."""

import asyncio
import json

from tests.browser.chat import ROWS, until
from tests.upstream import openai
from tests.upstream.steps import hang, wait


async def test_answer_after_a_reload(chat):
    """A thread is the same after a reload, byte for byte of its text."""
    text = "# Title\n\n- one\n- two\n\n```py\nprint('x')\n```\n"
    opened = await chat()
    opened.script(openai.stream([text]))
    await opened.ask("Hi")
    await opened.answer.locator("code.hljs").wait_for()  # colours come a moment after the text
    before = await opened.answer.locator(".markdown").first.inner_html()

    await opened.reload()

    await opened.answer.locator("pre").wait_for()
    await until(opened.page, "n => document.querySelector('.assistant-message .markdown').innerHTML === n", before)
    assert [text] == [row["content"] for row in await opened.page.evaluate(ROWS) if row["role"] == "assistant"]


async def test_page_killed_midway(chat):
    """A page that dies midway has kept what came; the answer says that it was interrupted and offers a way on."""
    opened = await chat()
    opened.script(openai.stream(["Some words", hang()]), openai.stream([" and more"]))
    await opened.send("Hi")
    await opened.answer.get_by_text("Some words").wait_for()
    await opened.page.wait_for_url("**/ui/chat/*")
    await asyncio.sleep(1.3)  # one checkpoint a second
    address = opened.page.url

    session = await opened.context.new_cdp_session(opened.page)
    await asyncio.wait({asyncio.ensure_future(session.send("Page.crash"))}, timeout=1)
    await opened.page.close()
    page = await opened.context.new_page()
    await page.goto(address)
    opened.page = page

    await opened.problem.wait_for()
    assert "INTERRUPTED" in await opened.problem.inner_text()
    assert "Some words" in await opened.answer.inner_text()
    await opened.answer.get_by_role("button", name="Continue").click()
    await opened.answer.get_by_text("Some words and more").wait_for()


async def test_reload_midway(chat):
    """A reload keeps every word that was on the page."""
    opened = await chat()
    opened.script(openai.stream(["Some words", hang()]))
    await opened.send("Hi")
    await opened.answer.get_by_text("Some words").wait_for()
    await opened.page.wait_for_url("**/ui/chat/*")

    await opened.reload()

    await opened.answer.get_by_text("Some words").wait_for()
    await opened.problem.wait_for()


async def test_draft_is_kept(chat):
    """What was typed and not sent is there after a reload."""
    opened = await chat()
    await opened.input.fill("Not yet sent")
    await asyncio.sleep(0.6)

    await opened.reload()

    await until(opened.page, "document.querySelector('[data-testid=chat-input]').value === 'Not yet sent'")


async def test_draft_of_each_thread(chat):
    """Each thread keeps its own draft."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.ask("Hi")
    address = opened.page.url
    await opened.input.fill("For this one")
    await opened.page.get_by_role("button", name="New chat", exact=True).click()
    await until(opened.page, "() => document.querySelector('[data-testid=chat-input]').value === ''")
    await opened.input.fill("For a new one")

    await opened.page.get_by_role("navigation").get_by_role("link", name="Hi").click()

    await until(opened.page, "() => document.querySelector('[data-testid=chat-input]').value === 'For this one'")
    assert address == opened.page.url


async def test_storage_panel(chat, tmp_path):
    """The settings say how safe the chats are, how much room they take, and when they were last exported."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.ask("Hi")
    await opened.page.get_by_test_id("settings-button").click()
    panel = opened.page.get_by_test_id("storage-panel")
    await panel.get_by_text("never").wait_for()
    assert " of " in await panel.locator("dd").first.inner_text()
    await panel.get_by_test_id("persist-button").click()
    await panel.get_by_test_id("storage-result").wait_for()

    async with opened.page.expect_download():
        await panel.get_by_test_id("export-button").click()

    await panel.get_by_text("just now").wait_for()


async def test_bad_file(chat):
    """A file that is not an export is refused with a sentence, and changes nothing."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.ask("Hi")
    before = await opened.page.evaluate(ROWS)
    await opened.page.get_by_test_id("settings-button").click()

    file = {"name": "x.json", "mimeType": "application/json", "buffer": b'{"threads": [{"__proto__": {}}]}'}
    await opened.page.get_by_test_id("import-file").set_input_files(file)

    await opened.page.get_by_test_id("storage-result").get_by_text("Nothing was imported").wait_for()
    assert before == await opened.page.evaluate(ROWS)


async def test_branches_after_a_reload(chat):
    """An answer that was asked for again keeps the first one beside it."""
    opened = await chat()
    opened.script(openai.stream(["Answer A"]), openai.stream(["Answer B"]))
    await opened.ask("Hi")
    await opened.answer.hover()
    await opened.answer.get_by_role("button", name="Retry").first.click()
    await opened.answer.get_by_text("Answer B").wait_for()
    await opened.idle()

    await opened.reload()

    await opened.answer.get_by_text("Answer B").wait_for()
    await opened.answer.hover()
    await opened.answer.get_by_text("2/2").wait_for()
    await opened.answer.get_by_role("button", name="Previous").click()
    await opened.answer.get_by_text("Answer A").wait_for()
    assert 1 == await opened.answers.count()


async def test_export_wipe_import(chat, tmp_path):
    """What is exported comes back whole after everything was wiped."""
    opened = await chat()
    opened.script(openai.stream(["Answer **one**"]), openai.stream(["Answer two"]))
    await opened.ask("Question one")
    await opened.ask("Question two")
    before = await opened.page.evaluate(ROWS)

    await opened.page.get_by_test_id("settings-button").click()
    async with opened.page.expect_download() as download:
        await opened.page.get_by_role("button", name="Export").first.click()
    file = tmp_path / "chats.json"
    await (await download.value).save_as(file)
    assert "llms-chats" == json.loads(file.read_bytes())["format"]
    await wipe(opened)
    assert [] == await opened.page.evaluate(ROWS)
    async with opened.page.expect_file_chooser() as chooser:
        await opened.page.get_by_role("button", name="Import").first.click()
    await (await chooser.value).set_files(file)
    await until(opened.page, f"async () => (await ({ROWS})()).length === {len(before)}")

    assert sorted(before, key=str) == sorted(await opened.page.evaluate(ROWS), key=str)


async def wipe(opened):
    """Delete everything, by the settings dialog."""
    await opened.page.get_by_role("button", name="Delete all").click()
    await opened.page.get_by_label("Type “delete” to go on").fill("delete")
    await opened.page.get_by_role("button", name="Delete everything").click()
    await until(opened.page, f"async () => (await ({ROWS})()).length === 0")


async def test_writes_while_streaming(chat):
    """An answer is written once a second at most, not once a token."""
    more = asyncio.Event()
    opened = await chat()
    await opened.page.evaluate(COUNT_WRITES)
    opened.script(openai.stream([*(f"word{number} " for number in range(1000)), wait(more)]))
    await opened.send("Hi")
    await opened.answer.get_by_text("word999").wait_for()
    more.set()
    await opened.idle()

    assert await opened.page.evaluate("globalThis.writes") <= 12


COUNT_WRITES = """() => {
  globalThis.writes = 0;
  for (const name of ["put", "add"]) {
    const original = IDBObjectStore.prototype[name];
    IDBObjectStore.prototype[name] = function (...args) { globalThis.writes += 1; return original.apply(this, args); };
  }
}"""


async def test_no_space_left(chat):
    """A browser that has no space left says so; the answer stays on the page."""
    opened = await chat()
    await opened.page.evaluate("""() => {
      IDBObjectStore.prototype.put = function () { throw new DOMException("no space", "QuotaExceededError"); };
    }""")
    opened.script(openai.stream(["Hello there"]))

    await opened.ask("Hi")

    assert "Hello there" in await opened.answer.inner_text()
    await opened.page.get_by_text("STORAGE_FULL").first.wait_for()
