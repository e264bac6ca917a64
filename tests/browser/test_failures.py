"""Group 5: every failure has a code, a sentence and a way on, and keeps the text."""

import asyncio

import pytest

from tests.browser.chat import PATH, until
from tests.upstream import openai
from tests.upstream.steps import fin, rst, sleep


async def sentence(opened):
    """What the last failure says."""
    await opened.problem.last.wait_for()
    return await opened.problem.last.inner_text()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504])
async def test_refused_by_the_gateway(chat, status):
    """A refusal shows its code, a sentence, what the gateway said, and Retry works."""
    opened = await chat()
    opened.watch.expect(f"status of {status}")
    error = {"error": {"message": "The gateway's words <b>here</b>.", "type": "made_up", "code": None, "param": None}}
    refused = 0

    async def refuse(route):
        nonlocal refused
        refused += 1
        await route.fulfill(status=status, json=error)

    await opened.page.route(f"**{PATH}", refuse, times=1)
    opened.script(openai.stream(["Better now"]))
    await opened.send("Hi")

    said = await sentence(opened)

    assert f"HTTP_{status}" in said
    assert "The gateway's words <b>here</b>." in await opened.problem.last.text_content()
    assert "failed" == await opened.answer.get_attribute("data-status")
    if status == 401:  # the dialog that asks for the key, which is loaded when it is wanted
        dialog = opened.page.get_by_role("dialog")
        await dialog.wait_for()
        await opened.page.keyboard.press("Escape")
        await dialog.wait_for(state="hidden")
    await opened.answer.get_by_role("button", name="Retry").first.click()
    await opened.page.get_by_text("Better now").wait_for()
    await opened.idle()
    assert 0 == await opened.problem.count()
    assert 1 == refused


async def test_rate_limit_counts_down(chat):
    """After a 429 Retry waits as long as was asked for, and says how long."""
    opened = await chat()
    opened.watch.expect("status of 429")
    opened.script(
        openai.error(429, "Slow down.", headers=[("retry-after", "2"), ("x-should-retry", "false")]),
        openai.stream(["Better now"]),
    )
    await opened.send("Hi")

    said = await sentence(opened)
    retry = opened.answer.get_by_role("button", name="Retry").first

    assert "HTTP_429" in said
    assert await retry.is_disabled()
    assert "Retry in" in await retry.inner_text()
    await until(
        opened.page,
        "() => ![...document.querySelectorAll('.assistant-message button')].find(b => b.textContent.includes('Retry')).disabled",
    )
    await retry.click()
    await opened.page.get_by_text("Better now").wait_for()


@pytest.mark.parametrize("end", [rst, fin])
async def test_cut_midway(chat, end):
    """A stream that is cut is not a stop: the text stays, Continue goes on where it ended."""
    opened = await chat()
    opened.script(openai.stream(["One two", end()]), openai.stream([" three"]))
    await opened.send("Count")

    said = await sentence(opened)

    assert "One two" in await opened.answer.inner_text()
    assert "STREAM_ERROR" in said or "NETWORK_ERROR" in said
    await opened.answer.get_by_role("button", name="Continue").click()
    await opened.answer.get_by_text("One two three").wait_for()


async def test_connection_lost(chat):
    """A gateway that cannot be reached is a network error."""
    opened = await chat()
    opened.watch.expect("net::ERR")
    await opened.page.route(f"**{PATH}", lambda route: route.abort("connectionrefused"), times=1)
    opened.script(openai.stream(["Back again"]))
    await opened.send("Hi")

    said = await sentence(opened)

    assert "NETWORK_ERROR" in said
    await opened.answer.get_by_role("button", name="Retry").first.click()
    await opened.page.get_by_text("Back again").wait_for()


async def fulfil_stream(opened, body):
    """Answer the next chat completion with these bytes."""

    async def fulfil(route):
        await route.fulfill(status=200, content_type="text/event-stream", body=body)

    await opened.page.route(f"**{PATH}", fulfil, times=1)


async def test_ends_without_a_word(chat):
    """A stream that ends with neither a finish nor [DONE] was lost."""
    opened = await chat()
    await fulfil_stream(opened, openai.event(openai.chunk({"content": "Half"})))
    await opened.send("Hi")

    said = await sentence(opened)

    assert "NETWORK_ERROR" in said
    assert "Half" in await opened.answer.inner_text()


async def test_bad_json(chat):
    """What cannot be read is shown as it came, and the text before it stays."""
    opened = await chat()
    await fulfil_stream(opened, openai.event(openai.chunk({"content": "Half"})) + b'data: {"choices": [{oops\n\n')
    await opened.send("Hi")

    said = await sentence(opened)

    assert "PARSE_ERROR" in said
    assert "oops" in await opened.problem.text_content()
    assert "Half" in await opened.answer.inner_text()


async def test_error_inside_the_stream(chat):
    """An error in a 200 shows what the provider said, after the text that came before it."""
    opened = await chat()
    opened.script(openai.stream(["Half", openai.event({"error": {"message": "Overloaded", "code": "overloaded"}})]))
    await opened.send("Hi")

    said = await sentence(opened)

    assert "STREAM_ERROR" in said
    assert "Half" in await opened.answer.inner_text()


async def test_silence(chat):
    """30 seconds without a sign of life end the wait."""
    opened = await chat()
    await opened.page.clock.install()
    release = asyncio.Event()

    async def stall(route):
        await release.wait()
        await route.abort()

    await opened.page.route(f"**{PATH}", stall, times=1)
    await opened.send("Hi")
    await opened.answer.wait_for()
    await opened.page.clock.run_for(29_000)
    assert 0 == await opened.problem.count()
    await opened.page.clock.run_for(2_000)

    said = await sentence(opened)

    release.set()
    assert "STREAM_TIMEOUT" in said


async def test_heartbeats_are_life(chat):
    """Keep-alives are signs of life: a model may think longer than the limit."""
    opened = await chat(keepalive_s=0.1)
    await opened.page.evaluate("localStorage.setItem('llms.settings', JSON.stringify({lifeTimeoutS: 1}))")
    await opened.reload()
    opened.script(openai.stream([sleep(2.5), "At last"]))

    await opened.ask("Think")

    assert "At last" in await opened.answer.inner_text()
    assert 0 == await opened.problem.count()


async def test_the_key_is_asked_for(chat):
    """A gateway that wants a key gets one; the page keeps it in memory only."""
    opened = await chat(keys=["$K"])
    opened.watch.expect("status of 401")
    dialog = opened.page.get_by_role("dialog")
    await dialog.wait_for()

    await dialog.locator("input[type=password]").fill("sk-own")
    await opened.page.keyboard.press("Enter")
    await dialog.wait_for(state="hidden")
    opened.script(openai.stream(["Hello"]))
    await opened.ask("Hi")

    assert "Hello" in await opened.answer.inner_text()
    kept = await opened.page.evaluate(KEPT)
    assert "Hello" in kept, "all that the page keeps is looked at"
    assert "sk-own" not in kept
    assert "sk-own" not in await opened.page.content()


KEPT = """async () => {
  const open = indexedDB.open("llms");
  const db = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const rows = await Promise.all([...db.objectStoreNames].map((name) => new Promise((resolve) => {
    const all = db.transaction(name).objectStore(name).getAll();
    all.onsuccess = () => resolve(all.result);
  })));
  db.close();
  return JSON.stringify([rows, {...localStorage}, {...sessionStorage}, document.cookie, location.href]);
}"""
