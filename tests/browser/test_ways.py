"""Issue 3, "nothing silent": the ways on that a failure offers lead on, and what the page itself does wrong is told."""

import asyncio

import pytest

from tests.browser.chat import PATH, ROWS, until
from tests.browser.test_failures import fulfil_stream, sentence
from tests.upstream import openai
from tests.upstream.steps import hang


def way(opened, name):
    return opened.problem.get_by_role("button", name=name, exact=True)


async def refuse(opened, status, **error):
    """Answer the next chat completion with this refusal."""
    opened.watch.expect(f"status of {status}")
    body = {"error": {"message": "No.", "type": "x", "code": None, "param": None, **error}}
    await opened.page.route(f"**{PATH}", lambda route: route.fulfill(status=status, json=body), times=1)


async def test_silence_midway(chat):
    """Silence in the middle of an answer is a timeout, not a stop: the text stays, and Continue goes on from there."""
    opened = await chat()
    await opened.page.clock.install()
    opened.script(openai.stream(["One two", hang()]), openai.stream([" three"]))
    await opened.send("Count")
    await opened.answer.get_by_text("One two").wait_for()
    await opened.page.clock.run_for(29_000)
    assert 0 == await opened.problem.count()
    await opened.page.clock.run_for(2_000)

    assert "STREAM_TIMEOUT" in await sentence(opened)
    assert "One two" in await opened.answer.inner_text()
    assert await opened.upstream.quiet(within_s=2.0), "what nobody waits for is not paid for"
    await way(opened, "Continue").click()
    await opened.answer.get_by_text("One two three").wait_for()


async def test_life_sign_of_the_person_s_choice(chat):
    """How long silence may last is set in the settings, and outlives a reload."""
    opened = await chat()
    await opened.page.get_by_test_id("settings-button").click()
    await opened.page.get_by_label("Sign of life within").fill("1")
    await opened.page.keyboard.press("Escape")
    await opened.reload()
    opened.script(openai.stream(["Half", hang()]))

    await opened.send("Hi")

    assert "STREAM_TIMEOUT" in await sentence(opened)
    assert "Half" in await opened.answer.inner_text()


async def test_unreadable_answer_without_streaming(chat):
    """What could not be read as a stream can be asked for without one."""
    opened = await chat()
    await fulfil_stream(opened, b"data: {oops\n\n")
    await opened.send("Hi")
    assert "PARSE_ERROR" in await sentence(opened)
    opened.script(openai.completion("Whole"))

    async with opened.page.expect_request(f"**{PATH}") as request:
        await way(opened, "Retry without streaming").click()

    assert not (await request.value).post_data_json.get("stream")
    await opened.answer.get_by_text("Whole").wait_for()


async def test_too_long_goes_on_in_a_new_chat(chat):
    """A conversation that is too long goes on with the same question in a new chat."""
    opened = await chat()
    await refuse(opened, 400, code="context_length_exceeded")
    await opened.send("The question")
    assert "Too long for this model" in await sentence(opened)
    address = opened.page.url

    await way(opened, "Ask in a new chat").click()

    await until(opened.page, "() => document.querySelector('[data-testid=chat-input]').value === 'The question'")
    assert 0 == await opened.answers.count()
    assert address != opened.page.url


async def test_another_model(chat):
    """What one model cannot do, another is asked for; the answer of the first stays beside it."""
    opened = await chat()
    await refuse(opened, 404, code="model_not_found")
    await opened.send("Hi")
    await sentence(opened)
    opened.script(openai.stream(["Hello"]))

    await opened.problem.get_by_role("button", name="Retry with another model").click()
    await opened.page.get_by_role("menuitem", name="gpt-other").click()
    await opened.answer.get_by_text("Hello").wait_for()

    assert "gpt-other" == opened.upstream.requests[-1].json["model"]
    await opened.answer.get_by_text("2/2").wait_for()


async def test_key_that_was_refused(chat):
    """A key that is refused in the middle of it all can be given again, and the question asked again."""
    opened = await chat()
    await refuse(opened, 401, code="invalid_api_key")
    await opened.send("Hi")
    await sentence(opened)
    dialog = opened.page.get_by_role("dialog")
    # The page asks by itself; its dialog is fetched when it is first wanted, so it may come after the sentence.
    await dialog.locator("input[type=password]").wait_for()
    await opened.page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")

    await way(opened, "Enter a key").click()

    await dialog.locator("input[type=password]").wait_for()


@pytest.mark.parametrize(
    "parts", [["Before.\n\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\n", "After."], ["|a|b|\n|-|-|\n|1|2|"]]
)
async def test_page_that_stumbles(chat, parts):
    """Where showing the text fails, the page says so, shows it plain, and all of it is kept."""
    opened = await chat()
    opened.watch.expect("no tables today")
    await opened.page.evaluate("""() => {
      const make = document.createElement.bind(document);
      document.createElement = (name, options) => {
        if (name === "table") throw new Error("no tables today");
        return make(name, options);
      };
    }""")
    opened.script(openai.stream(parts))

    await opened.ask("Hi")

    words = "".join(parts).split()
    await until(
        opened.page,
        """(words) => {
          const shown = [...document.querySelectorAll(".assistant-message .markdown")].at(-1)?.innerText ?? "";
          return words.every((word) => shown.includes(word));
        }""",
        words,
    )
    assert "".join(parts) in [row["content"] for row in await opened.page.evaluate(ROWS)]
    await opened.page.get_by_text("no tables today").first.wait_for(state="attached")


async def test_failure_is_read_aloud(chat):
    """A failure is an alert, for those who do not see it."""
    opened = await chat()
    await refuse(opened, 503)
    await opened.send("Hi")
    await sentence(opened)

    assert "alert" == await opened.problem.get_attribute("role")


async def test_failure_after_a_reload(chat):
    """A failed answer says the same after a reload, and its ways on still lead on."""
    opened = await chat()
    await refuse(opened, 503, message="Come back later.")
    await opened.send("Hi")
    before = await sentence(opened)

    await opened.reload()

    async with asyncio.timeout(10):
        while before != await sentence(opened):  # noqa: ASYNC110 - the way to another model comes with the models
            await asyncio.sleep(0.05)
    assert "Come back later." in await opened.problem.text_content()
    opened.script(openai.stream(["Better now"]))
    await way(opened, "Retry").click()
    await opened.answer.get_by_text("Better now").wait_for()


async def test_dialogs_open_again(chat):
    """A dialog that was closed, in whichever way, opens again, and the focus is where it was."""
    opened = await chat()
    button = opened.page.get_by_test_id("settings-button")
    dialog = opened.page.get_by_role("dialog")
    for close in ("Escape", "button"):
        await button.click()
        await dialog.wait_for()
        if close == "Escape":
            await opened.page.keyboard.press("Escape")
        else:
            await dialog.get_by_role("button", name="Close").click()
        await dialog.wait_for(state="detached")
        assert await button.evaluate("button => document.activeElement === button")
