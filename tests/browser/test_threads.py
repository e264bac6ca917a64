"""Threads: found, named, pinned, deleted and brought back; branches; settings of one thread."""

import asyncio
import io
import shutil
from contextlib import redirect_stdout

import pytest

from tests.browser.chat import Chat, until
from tests.upstream import openai


async def ask_in_new_thread(opened, question, answer="Hello"):
    await opened.page.goto(opened.gateway.url + "/")
    await opened.input.wait_for()
    opened.script(openai.stream([answer]))
    await opened.ask(question)


def entry(opened, text):
    """The thread's row in the sidebar."""
    return opened.page.get_by_role("navigation").get_by_role("listitem").filter(has_text=text)


async def menu(opened, text, item):
    """Choose from the menu of a thread."""
    await entry(opened, text).hover()
    await entry(opened, text).get_by_role("button").last.click()
    await opened.page.get_by_role("menuitem", name=item).click()


async def test_rename(chat):
    """A thread takes the name that it is given, and keeps it."""
    opened = await chat()
    await ask_in_new_thread(opened, "What is a monad?")

    await menu(opened, "What is a monad?", "Rename")
    await opened.page.keyboard.press("Control+A")
    await opened.page.keyboard.type("Monads")
    await opened.page.keyboard.press("Enter")

    await entry(opened, "Monads").wait_for()
    await opened.reload()
    await entry(opened, "Monads").wait_for()
    assert "Monads" in await opened.page.title()


async def test_delete_and_undo(chat):
    """A deleted thread can be brought back, with all that is in it."""
    opened = await chat()
    await ask_in_new_thread(opened, "Keep me", "Precious words")

    await menu(opened, "Keep me", "Delete")
    await entry(opened, "Keep me").wait_for(state="detached")
    await opened.page.get_by_role("button", name="Undo").click()
    await entry(opened, "Keep me").get_by_role("link").first.click()

    await opened.answer.get_by_text("Precious words").wait_for()


async def test_deleted_for_good(chat):
    """A deleted thread is gone after a reload."""
    opened = await chat()
    await ask_in_new_thread(opened, "Forget me")
    await menu(opened, "Forget me", "Delete")
    await entry(opened, "Forget me").wait_for(state="detached")

    await opened.page.goto(opened.gateway.url + "/")
    await opened.input.wait_for()

    assert 0 == await entry(opened, "Forget me").count()


async def test_pin(chat):
    """A pinned thread stands first."""
    opened = await chat()
    await ask_in_new_thread(opened, "First asked")
    await ask_in_new_thread(opened, "Second asked")

    await menu(opened, "First asked", "Pin")

    await opened.page.get_by_role("navigation").get_by_text("Pinned").wait_for()
    items = opened.page.get_by_role("navigation").get_by_role("listitem").filter(has_text="asked")
    await until(
        opened.page,
        "() => [...document.querySelectorAll('nav li')].map(li => li.textContent).filter(t => t.includes('asked'))[0].includes('First')",
    )
    assert 2 == await items.count()
    await opened.reload()
    await opened.page.get_by_role("navigation").get_by_text("Pinned").wait_for()


async def test_date_groups(chat):
    """Threads stand under the day, week or month in which they were last used."""
    opened = await chat()
    await opened.page.evaluate(AGED, [0, 1, 4, 40])
    await opened.reload()

    sections = opened.page.get_by_role("navigation").locator("section")
    await sections.nth(3).wait_for()

    assert ["Today", "Yesterday", "Previous 7 days"] == (await sections.locator("h2").all_inner_texts())[:3]
    assert [f"{days} days ago" for days in (0, 1, 4, 40)] == await sections.get_by_role("link").all_inner_texts()


AGED = """async (ages) => {
  const open = indexedDB.open("llms");
  const db = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const work = db.transaction("threads", "readwrite");
  const noon = new Date().setHours(0, 0, 0, 0);
  for (const days of ages) {
    const used = days === 0 ? Date.now() : noon - (days - 0.5) * 86_400_000;
    work.objectStore("threads").put({ id: String(days).padStart(32, "0"), title: `${days} days ago`, opening: "x", pinned: false,
      created: 1, updated: used, deleted: null, model: "", system: "", parameters: {}, head: null });
  }
  await new Promise((resolve) => { work.oncomplete = resolve; });
  db.close();
}"""


async def test_search(chat):
    """The search finds what was said, not the title alone."""
    opened = await chat()
    await ask_in_new_thread(opened, "About animals", "The quokka is a small wallaby.")
    await ask_in_new_thread(opened, "About cheese", "Gouda is from the Netherlands.")

    await opened.page.get_by_role("searchbox").first.fill("QUOKKA")

    await entry(opened, "About animals").wait_for()
    await entry(opened, "About cheese").wait_for(state="detached")


async def test_edit_makes_a_branch(chat):
    """An edited question is asked anew; what was there stays beside it."""
    opened = await chat()
    opened.script(openai.stream(["About cats"]), openai.stream(["About dogs"]))
    await opened.ask("Cats?")

    question = opened.page.locator(".user-message").last
    await question.hover()
    await question.get_by_role("button", name="Edit").click()
    await question.get_by_role("textbox").fill("Dogs?")
    await question.get_by_role("button", name="Send").click()
    await opened.answer.get_by_text("About dogs").wait_for()
    await opened.idle()

    assert [{"role": "user", "content": "Dogs?"}] == opened.upstream.requests[-1].json["messages"]
    await question.hover()
    await question.get_by_role("button", name="Previous").click()
    await opened.answer.get_by_text("About cats").wait_for()


async def test_fork(chat):
    """A fork is a thread of its own, with the same words up to there."""
    opened = await chat()
    opened.script(openai.stream(["One"]))
    await opened.ask("Count")
    address = opened.page.url

    await opened.answer.hover()
    await opened.answer.get_by_role("button", name="Fork").click()
    await until(opened.page, "address => location.href !== address", address)

    await opened.answer.get_by_text("One").wait_for()
    opened.script(openai.stream(["Two"]))
    await opened.ask("And?")
    await opened.page.goto(address)
    await opened.answer.get_by_text("One").wait_for()
    assert 1 == await opened.answers.count()


async def test_settings_of_a_thread(chat):
    """A thread's system prompt and parameters are sent, and are its own."""
    opened = await chat()
    await opened.page.get_by_role("button", name="System prompt and parameters").first.click()
    dialog = opened.page.get_by_role("dialog")
    await dialog.get_by_label("System prompt").fill("You are a pirate.")
    await dialog.get_by_label("Temperature").fill("0.3")
    await opened.page.keyboard.press("Tab")
    await opened.page.keyboard.press("Escape")
    opened.script(openai.stream(["Arr"]))

    await opened.ask("Hi")
    await opened.reload()
    await opened.answer.get_by_text("Arr").wait_for()
    await opened.ask("Again")

    sent = opened.upstream.requests[-1].json
    assert {"role": "system", "content": "You are a pirate."} == sent["messages"][0]
    assert 0.3 == sent["temperature"]


async def test_model_of_a_thread(chat):
    """The picker shows what the gateway serves; what is picked is asked."""
    opened = await chat()

    await opened.page.keyboard.press("Control+k")
    await opened.page.keyboard.type("other")
    await opened.page.keyboard.press("Enter")
    opened.script(openai.stream(["Hello"]))
    await opened.ask("Hi")

    assert "gpt-other" == opened.upstream.requests[-1].json["model"]
    await opened.reload()
    await opened.ask("Again")
    assert "gpt-other" == opened.upstream.requests[-1].json["model"]
    await ask_in_new_thread(opened, "Elsewhere")
    assert "gpt-up" == opened.upstream.requests[-1].json["model"]


async def test_retry_with_another_model(chat):
    """An answer can be asked for again from another model; the first stays beside it."""
    opened = await chat()
    opened.script(openai.stream(["From one"]), openai.stream(["From another"]))
    await opened.ask("Hi")

    await opened.answer.get_by_role("button", name="Retry with another model").click()
    await opened.page.get_by_role("menuitem", name="gpt-other").click()
    await opened.answer.get_by_text("From another").wait_for()

    assert "gpt-other" == opened.upstream.requests[-1].json["model"]
    await opened.answer.get_by_text("2/2").wait_for()


async def test_edit_of_an_answer(chat):
    """An answer can be put right; the next question carries what it says now."""
    opened = await chat()
    opened.script(openai.stream(["Wrong"]), openai.stream(["Fine"]))
    await opened.ask("Hi")

    await opened.answer.get_by_role("button", name="Edit").click()
    await opened.answer.get_by_role("textbox").fill("Right")
    await opened.answer.get_by_role("button", name="Save as a new version").click()
    await opened.answer.get_by_text("2/2").wait_for()
    await opened.ask("And?")

    assert "Right" == opened.upstream.requests[-1].json["messages"][1]["content"]


SAID = """It's "quoted" $HOME"""


async def test_code_of_the_request(chat):
    """The current request can be looked at as curl, Python and JavaScript."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.ask(SAID)

    await opened.page.get_by_role("button", name="Code").first.click()

    dialog = opened.page.get_by_role("dialog")
    await dialog.get_by_text("curl", exact=False).first.wait_for()
    for name in ("Python", "JavaScript", "curl"):
        await dialog.get_by_role("tab", name=name).click()
        code = await dialog.locator("pre").inner_text()
        assert "quoted" in code
        assert f":{opened.gateway.port}/v1" in code


@pytest.mark.parametrize("language", ["curl", "Python"])
async def test_copied_code_sends_the_same(chat, language):
    """What is copied runs as it stands, and sends what the page has sent."""
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("there is no curl")
    opened = await chat(context={"permissions": ["clipboard-read", "clipboard-write"]})
    opened.script(openai.stream(["Hello"]))
    await opened.ask(SAID)

    await opened.page.get_by_test_id("code-button").click()
    await opened.page.get_by_role("tab", name=language).click()
    await opened.page.get_by_role("button", name=f"Copy the {language} code").click()
    code = await opened.page.evaluate("navigator.clipboard.readText()")
    printed = await (run_shell(code) if language == "curl" else asyncio.to_thread(run_python, code))

    assert "Hello" in printed
    first, second = (request.json for request in opened.upstream.requests)
    assert first == second


async def run_shell(code):
    """What a shell prints."""
    shell = await asyncio.create_subprocess_exec("sh", "-c", code, stdout=asyncio.subprocess.PIPE)
    return (await asyncio.wait_for(shell.communicate(), 10))[0].decode()


def run_python(code):
    """What Python prints."""
    with redirect_stdout(io.StringIO()) as printed:
        exec(code, {})  # noqa: S102 - the page's own code, which is what is tested
    return printed.getvalue()


async def test_models_page(chat):
    """The page says which providers are on, and what each model can do."""
    opened = await chat()

    await opened.page.get_by_role("link", name="Models").click()

    await opened.page.wait_for_url("**/ui/models")
    await opened.page.get_by_text("gpt-other").first.wait_for()
    await opened.page.get_by_text("up", exact=True).first.wait_for()
    await opened.page.reload()
    await opened.page.get_by_text("gpt-other").first.wait_for()


async def test_what_is_known_of_a_model(gateway, upstream, watched):
    """Context, modalities, abilities and price are shown where they are known, and what an answer cost; else nothing is made up."""
    known = {
        **openai.model("seer"),
        "context_length": 131072,
        "architecture": {"input_modalities": ["text", "image"]},
        "pricing": {"prompt": "0.000001", "completion": "0.00001"},
    }
    upstream.on("GET", "/v1/models", openai.model_list([known, openai.model("plain")]))
    upstream.on("POST", "/v1/chat/completions", openai.stream(["Hello"], usage=openai.USAGE))
    up = {"type": "openai", "base_url": f"{upstream.url}/v1", "api_key": "$UP_KEY", "retries": 0}
    running = await gateway(providers={"up": up, "openai": {}}, environ={"UP_KEY": "sk-up-canary"})
    context, watch = await watched(running.url)
    opened = Chat(running, upstream, context, watch, await context.new_page())
    await opened.goto("/ui/models", ready=opened.page.get_by_role("row", name="seer"))

    row = await opened.page.get_by_role("row").filter(has_text="seer").inner_text()
    for fact in ("128k", "$1.00", "$10.00", "image"):
        assert fact in row, row
    row = await opened.page.get_by_role("row").filter(has_text="plain").inner_text()
    assert "$" not in row
    assert "—" in row
    await opened.page.get_by_text("1 provider is off").click()
    await opened.page.get_by_text("OPENAI_API_KEY").wait_for()

    await opened.page.get_by_role("button", name="Chat with seer").click()
    await opened.ask("Hi")

    assert "seer" == upstream.requests[-1].json["model"]
    assert "$0.000039" in await opened.usage.inner_text()
