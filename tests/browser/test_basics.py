"""Group 1: a question is answered, streamed and not."""

import asyncio

from tests.browser.chat import PATH
from tests.upstream import openai
from tests.upstream.steps import hang, sleep, wait

USAGE = {
    "prompt_tokens": 1204,
    "completion_tokens": 412,
    "total_tokens": 1616,
    "prompt_tokens_details": {"cached_tokens": 1000},
}


async def test_answer_grows_while_it_comes(chat):
    """The text of an answer is on the page as it comes, not at its end."""
    steps = [asyncio.Event() for _ in range(3)]
    parts = [part for event, text in zip(steps, ("One", " two", " three"), strict=True) for part in (text, wait(event))]
    opened = await chat()
    opened.script(openai.stream(parts, usage=USAGE))

    await opened.send("Count")
    seen = []
    for event, text in zip(steps, ("One", "One two", "One two three"), strict=True):
        await opened.answer.get_by_text(text, exact=True).wait_for()
        seen.append(await opened.answer.inner_text())
        event.set()
    await opened.idle()

    assert len(set(seen)) >= 3
    assert "One two three" in await opened.answer.inner_text()


async def test_usage_of_the_answer(chat):
    """An answer says what it cost in tokens, as the provider counted them, and who gave it."""
    opened = await chat()
    opened.script(openai.stream(["Hello"], usage=USAGE))

    await opened.ask("Hi")

    said = await opened.usage.inner_text()
    for part in ("1,204", "412", "up", "gpt-up"):
        assert part in said


async def test_streamed_request(chat):
    """What is sent is what the OpenAI API asks for, and asks for usage."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))

    async with opened.page.expect_request(f"**{PATH}") as request:
        await opened.ask("Hi")

    said = [{"role": "user", "content": "Hi"}]
    asked = (await request.value).post_data_json
    assert (True, {"include_usage": True}, said) == (asked["stream"], asked["stream_options"], asked["messages"])
    sent = opened.upstream.requests[-1].json
    assert (True, said) == (sent["stream"], sent["messages"])


async def test_second_question_carries_the_first(chat):
    """A question comes with what was said before."""
    opened = await chat()
    opened.script(openai.stream(["Hello"]))
    await opened.ask("Hi")

    await opened.ask("And now?")

    roles = [(message["role"], message["content"]) for message in opened.upstream.requests[-1].json["messages"]]
    assert [("user", "Hi"), ("assistant", "Hello"), ("user", "And now?")] == roles


async def test_streaming_switched_off(chat):
    """Without streaming the same question is one request and one rendering; the switch outlives a reload."""
    opened = await chat()
    await opened.page.get_by_test_id("settings-button").click()
    box = opened.page.get_by_label("Enable Streaming")
    assert await box.is_checked()
    await opened.page.get_by_text("Stream response tokens in real-time as they're generated").wait_for()
    await box.uncheck()
    await opened.reload()
    opened.script(openai.completion("**All** at once", usage=USAGE))

    await opened.ask("Hi")

    assert "stream" not in opened.upstream.requests[-1].json or opened.upstream.requests[-1].json["stream"] is False
    assert "All" == await opened.answer.locator("strong").inner_text()
    assert "412" in await opened.usage.inner_text()
    await opened.page.get_by_test_id("settings-button").click()
    assert not await opened.page.get_by_label("Enable Streaming").is_checked()


async def test_states_are_visible(chat):
    """One sees that nothing has come yet, that text is coming, and that it has ended."""
    headers, first, last = asyncio.Event(), asyncio.Event(), asyncio.Event()
    opened = await chat()
    opened.script((wait(headers), *openai.stream([wait(first), "Hel", wait(last), "lo"])))

    await opened.send("Hi")
    assert "connecting" == await status(opened)
    headers.set()
    first.set()
    await opened.answer.get_by_text("Hel").wait_for()
    assert "streaming" == await status(opened)
    await opened.page.get_by_text("Streaming…").first.wait_for()
    assert await opened.input.is_disabled()
    last.set()
    await opened.idle()

    assert "done" == await status(opened)
    assert not await opened.input.is_disabled()


async def status(opened):
    """The state that the last answer says it is in."""
    await opened.answer.wait_for()
    return await opened.answer.get_attribute("data-status")


async def test_waiting_is_a_state_of_its_own(chat):
    """A server that has taken the request but says nothing shows as waiting."""
    first = asyncio.Event()
    opened = await chat(keepalive_s=0.05)
    opened.script(openai.stream([wait(first), "Hello"]))

    await opened.send("Hi")
    await opened.page.locator('.assistant-message[data-status="waiting"]').wait_for()
    first.set()
    await opened.idle()

    assert "Hello" in await opened.answer.inner_text()


async def test_reasoning_is_apart(chat):
    """What the model thinks is folded away, timed and labelled, and never part of the answer."""
    opened = await chat()
    opened.script(
        openai.stream([{"reasoning_content": "Let me see. "}, {"reasoning_content": "Yes."}, sleep(0.1), "Four."])
    )

    await opened.ask("2+2?")

    thought = opened.answer.get_by_text("Thought for")
    assert not await opened.answer.get_by_text("Let me see.").is_visible()
    await thought.click()
    await opened.answer.get_by_text("Let me see. Yes.").wait_for()


async def test_tool_calls_are_shown(chat):
    """A tool call shows its name and its arguments, and is not run."""
    opened = await chat()
    opened.script(openai.tool_stream([("call_1", "get_weather", ['{"city":', '"Oslo"}'])]))

    await opened.ask("Weather?")

    await opened.answer.get_by_text("get_weather").click()
    await opened.answer.get_by_text("Oslo").wait_for()
    assert 1 == len(opened.upstream.requests)


async def test_ids_that_tests_rely_on(chat):
    """The ids and classes that other people's tests use are there, each when it is due."""
    opened = await chat()
    opened.script(openai.stream(["Hello"], usage=USAGE), openai.stream(["Part", hang()]))
    for name, count in (("settings-button", 1), ("chat-input", 1), ("send-button", 1), ("cancel-button", 0)):
        assert count == await opened.page.get_by_test_id(name).count(), name
    await opened.ask("Hi")
    assert [1, 1, 0] == [await part.count() for part in (opened.answers, opened.usage, opened.problem)]

    await opened.send("More")

    await opened.cancel_button.click()
    await opened.idle()


async def test_no_key_no_provider(gateway, watched):
    """The demo provider answers at once, without any key."""
    running = await gateway()
    context, _watch = await watched(running.url)
    page = await context.new_page()
    await page.goto(running.url)

    await page.get_by_test_id("chat-input").fill("Hello")
    await page.get_by_test_id("send-button").click()

    await page.locator(".assistant-message .usage").wait_for()
