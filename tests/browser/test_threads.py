"""Threads: found, named, pinned, deleted and brought back; branches; settings of one thread."""

from tests.browser.chat import until
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


async def test_code_of_the_request(chat):
    """The current request can be copied as curl, Python and JavaScript, without any key."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.ask('It\'s "quoted" $HOME')

    await opened.page.get_by_role("button", name="Code").first.click()

    dialog = opened.page.get_by_role("dialog")
    await dialog.get_by_text("curl", exact=False).first.wait_for()
    for name in ("Python", "JavaScript", "curl"):
        await dialog.get_by_role("tab", name=name).click()
        code = await dialog.locator("pre").inner_text()
        assert "quoted" in code
        assert f":{opened.gateway.port}/v1" in code


async def test_models_page(chat):
    """The page says which providers are on, and what each model can do."""
    opened = await chat()

    await opened.page.get_by_role("link", name="Models").click()

    await opened.page.wait_for_url("**/ui/models")
    await opened.page.get_by_text("gpt-other").first.wait_for()
    await opened.page.get_by_text("up", exact=True).first.wait_for()
    await opened.page.reload()
    await opened.page.get_by_text("gpt-other").first.wait_for()
