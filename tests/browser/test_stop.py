"""Group 4: stopping keeps what has come, and reaches the provider."""

import asyncio

from tests.upstream import openai
from tests.upstream.steps import hang, wait


async def test_stop_keeps_the_text(chat):
    """Stop keeps the partial answer, marks it, and the provider sees the disconnect within a second."""
    opened = await chat()
    opened.script(openai.stream(["Part of it", hang()]))
    await opened.send("Hi")
    await opened.answer.get_by_text("Part of it").wait_for()

    await opened.cancel_button.click()

    assert await opened.upstream.quiet(within_s=1.0)
    await opened.idle()
    assert "stopped" == await opened.answer.get_attribute("data-status")
    assert "Part of it" in await opened.answer.inner_text()
    assert "Stopped" in await opened.answer.inner_text()


async def test_stopped_answer_after_a_reload(chat):
    """A stopped answer is there after a reload, still stopped, and does not grow."""
    opened = await chat()
    opened.script(openai.stream(["Part of it", hang()]))
    await opened.send("Hi")
    await opened.answer.get_by_text("Part of it").wait_for()
    await opened.cancel_button.click()
    await opened.idle()

    await opened.reload()

    await opened.answer.get_by_text("Part of it").wait_for()
    assert "stopped" == await opened.answer.get_attribute("data-status")
    assert 1 == len(opened.upstream.requests)


async def test_escape_stops(chat):
    """Esc stops, too."""
    opened = await chat()
    opened.script(openai.stream(["Part of it", hang()]))
    await opened.send("Hi")
    await opened.answer.get_by_text("Part of it").wait_for()

    await opened.page.keyboard.press("Escape")

    await opened.idle()
    assert "stopped" == await opened.answer.get_attribute("data-status")


async def test_stop_before_the_first_token(chat):
    """An answer that is stopped before it says anything shows as stopped; the next question goes as usual."""
    opened = await chat()
    opened.script((hang(),), openai.stream(["Hello"]))
    await opened.send("Hi")
    await opened.upstream.received()

    await opened.cancel_button.click()
    await opened.idle()

    assert "stopped" == await opened.answer.get_attribute("data-status")
    await opened.ask("Again")
    assert "Hello" in await opened.answer.inner_text()
    roles = [message["role"] for message in opened.upstream.requests[-1].json["messages"]]
    assert ["user", "user"] == roles, "an answer that never began is not sent"


async def test_stop_while_it_thinks(chat):
    """Stopped while it thinks, the thoughts are kept."""
    opened = await chat()
    opened.script(openai.stream([{"reasoning_content": "Hmm, let me"}, hang()]))
    await opened.send("Hi")
    await opened.page.locator('.assistant-message[data-status="streaming"]').wait_for()

    await opened.cancel_button.click()
    await opened.idle()

    assert "stopped" == await opened.answer.get_attribute("data-status")
    await opened.answer.get_by_text("Thought").first.click()
    await opened.answer.get_by_text("Hmm, let me").wait_for()


async def test_stop_without_streaming(chat):
    """An answer that is not streamed can be stopped, too."""
    opened = await chat()
    await opened.page.get_by_test_id("settings-button").click()
    await opened.page.get_by_label("Enable Streaming").uncheck()
    await opened.page.keyboard.press("Escape")
    opened.script((hang(),))
    await opened.send("Hi")
    await opened.upstream.received()

    await opened.cancel_button.click()

    assert await opened.upstream.quiet(within_s=1.0)
    assert "stopped" == await opened.answer.get_attribute("data-status")


async def test_continue_after_a_stop(chat):
    """Continue lets the same answer grow."""
    opened = await chat()
    opened.script(openai.stream(["One two", hang()]), openai.stream([" three four"]))
    await opened.send("Count")
    await opened.answer.get_by_text("One two").wait_for()
    await opened.cancel_button.click()
    await opened.idle()

    await opened.answer.get_by_role("button", name="Continue").click()
    await opened.answer.get_by_text("One two three four").wait_for()
    await opened.idle()

    assert 1 == await opened.answers.count()
    sent = opened.upstream.requests[-1].json["messages"]
    assert ("assistant", "One two") == (sent[1]["role"], sent[1]["content"])


async def test_leaving_the_thread_does_not_stop(chat):
    """An answer goes on while another thread is looked at."""
    more = asyncio.Event()
    opened = await chat()
    opened.script(openai.stream(["First half", wait(more), ", second half"]))
    await opened.send("Hi")
    await opened.answer.get_by_text("First half").wait_for()
    address = opened.page.url

    await opened.page.get_by_role("button", name="New chat").first.click()
    await opened.page.wait_for_url(opened.gateway.url + "/")
    more.set()
    await asyncio.sleep(0.2)
    await opened.page.go_back()

    assert address == opened.page.url
    await opened.answer.get_by_text("First half, second half").wait_for()
