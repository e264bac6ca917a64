"""Issue 3, "Streaming, both ways": what one sees while an answer comes, and what stands under it afterwards."""

import asyncio

import pytest

from tests.browser.chat import PATH, until
from tests.upstream import openai
from tests.upstream.steps import hang, sleep, wait

USAGE = {"prompt_tokens": 10, "completion_tokens": 40, "total_tokens": 50}
CARET = """() => { const last = document.querySelector('.assistant-message:last-of-type .markdown > :last-child');
  return last === null ? 'none' : getComputedStyle(last, '::after').animationName; }"""


async def test_typing_indicator_then_cursor(chat):
    """Dots breathe until the first word; then a cursor blinks at the end of the text; at the end there is neither."""
    first, last = asyncio.Event(), asyncio.Event()
    opened = await chat()
    opened.script(openai.stream([wait(first), "Hello", wait(last), " there"]))
    dots = opened.answer.get_by_role("img", name="An answer is coming")

    await opened.send("Hi")
    await dots.wait_for()
    assert "none" != await dots.locator("span").first.evaluate("dot => getComputedStyle(dot).animationName")
    first.set()
    await opened.answer.get_by_text("Hello").wait_for()
    await dots.wait_for(state="detached")
    await until(opened.page, f"() => ({CARET})() !== 'none'")
    last.set()
    await opened.idle()

    await until(opened.page, f"() => ({CARET})() === 'none'")
    assert 0 == await dots.count()


async def test_progress(chat):
    """While text comes one sees for how long, about how many tokens, and how fast; the seconds go on by themselves."""
    opened = await chat()
    opened.script(openai.stream([*(f"word{number} " for number in range(60)), hang()]))
    await opened.send("Hi")
    await opened.answer.get_by_text("word59").wait_for()
    shown = opened.page.locator(".progress")

    for part in ("Streaming…", " s", "≈", "tokens", "tok/s"):
        await shown.get_by_text(part).first.wait_for()
    before = await shown.inner_text()

    await until(opened.page, "before => document.querySelector('.progress').innerText !== before", before)


async def test_line_under_an_answer(chat):
    """It says who answered, how soon the first token came, how fast the rest, how many tokens, which request it was."""
    opened = await chat()
    opened.script(openai.stream([sleep(0.05), "Hello", sleep(0.2), " there"], usage=USAGE))

    await opened.ask("Hi")

    said = await opened.usage.inner_text()
    for part in ("up", "gpt-up", "s to first token", "tok/s", "10 → 40 tokens"):
        assert part in said, said
    copy = opened.usage.get_by_role("button", name="Copy the request id req_")
    assert 1 == await copy.count()


async def test_thoughts_while_they_come(chat):
    """Thoughts show as thinking, with the time, folded away; opened, they grow; then they are timed."""
    opened = await chat()
    answer = asyncio.Event()
    thoughts = [{"reasoning_content": "Let me see."}, sleep(0.2), {"reasoning_content": " Yes."}]
    opened.script(openai.stream([*thoughts, wait(answer), "Four."]))

    await opened.send("2+2?")
    await opened.answer.get_by_text("Thinking…").wait_for()
    assert 0 == await opened.answer.get_by_text("Let me see.").count()
    await opened.answer.locator("summary").first.click()
    await opened.answer.get_by_text("Let me see. Yes.").wait_for()
    answer.set()
    await opened.idle()

    await opened.answer.get_by_text("Thought for").wait_for()
    assert await opened.answer.get_by_text("Let me see. Yes.").is_visible(), "it stays as the person left it"
    assert "Let me see" not in await opened.answer.locator(".markdown").last.inner_text()


async def test_tool_call_while_it_comes(chat):
    """A tool call shows its name and its state as it comes, its arguments as far as they are, and that it is not run."""
    rest = asyncio.Event()
    opened = await chat()
    begun = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":'}}
    ended = {"function": {"arguments": '"Oslo"}'}}
    calls = [{"tool_calls": [{"index": 0, **part}]} for part in (begun, ended)]
    opened.script(openai.stream([calls[0], wait(rest), calls[1]], finish="tool_calls"))

    await opened.send("Weather?")
    call = opened.answer.locator("details.tool-call")
    await call.get_by_text("get_weather").click()
    await call.get_by_text('{"city":').wait_for()
    assert "coming" == await call.locator(".tool-state").get_attribute("data-state")
    rest.set()
    await opened.idle()

    assert "complete" == await call.locator(".tool-state").get_attribute("data-state")
    await call.get_by_text('"Oslo"').wait_for()
    await call.get_by_text("does not run it").wait_for()
    assert 1 == len(opened.upstream.requests)


@pytest.mark.parametrize(
    ("finish", "text"), [("length", "Cut off at max_tokens"), ("content_filter", "content filter")]
)
async def test_other_ends(chat, finish, text):
    """An answer that ended for another reason than that it was complete says so."""
    opened = await chat()
    opened.script(openai.stream(["Half of it"], finish=finish))

    await opened.ask("Hi")

    await opened.answer.get_by_text(text).wait_for()


async def test_empty_answer(chat):
    """An answer without a word says that there is none."""
    opened = await chat()
    opened.script(openai.stream([]))

    await opened.ask("Hi")

    await opened.answer.get_by_text("The model gave no text.").wait_for()


async def test_one_rendering_without_streaming(chat):
    """Without streaming the request says so, and the text is put on the page once."""
    opened = await chat()
    await opened.page.evaluate("localStorage.setItem('llms.settings', JSON.stringify({stream: false}))")
    await opened.reload()
    await opened.page.evaluate("""() => {
      globalThis.texts = new Set();
      new MutationObserver(() => {
        const body = document.querySelector(".assistant-message .markdown");
        if (body?.textContent) globalThis.texts.add(body.textContent);
      }).observe(document.body, { childList: true, characterData: true, subtree: true });
    }""")
    opened.script(openai.completion("One\n\n- two\n- three", usage=USAGE))

    async with opened.page.expect_request(f"**{PATH}") as request:
        await opened.ask("Hi")

    assert False is (await request.value).post_data_json.get("stream", False)
    await opened.answer.locator("li").nth(1).wait_for()
    assert 1 == len(await opened.page.evaluate("[...globalThis.texts]"))
    assert "done" == await opened.answer.get_attribute("data-status")
