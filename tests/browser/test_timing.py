"""What the browser's network tab shows of the gateway's times is so, and adds up with what it measures itself."""

import math

import pytest

from tests.upstream import openai
from tests.upstream.steps import sleep

SLOW_S = 0.3
CALL = "/v1/chat/completions"

ENTRY = """async (url) => {
  for (let tries = 0; tries < 200; tries += 1) {  // it is there once the body has ended, a moment later
    const found = performance.getEntriesByType("resource").filter((entry) => entry.name === url && entry.responseEnd);
    if (found.length) {
      const entry = found.at(-1);
      const parts = entry.serverTiming.map(({ name, duration }) => [name, duration]);
      return { parts, measured: entry.responseStart - entry.requestStart };
    }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(`no entry for ${url}`);
}"""

FETCH = """async ([url, body]) => {
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  await response.text();
  return response.headers.get("server-timing");
}"""

CLOCK_MS = 0.2
"""The browser's clock goes in steps of 0.1 ms, at both ends of what it measures."""


async def entry(page, url):
    """Give the parts that the browser has of a request, and how long it measured from its sending to the answer."""
    found = await page.evaluate(ENTRY, url)
    return dict(found["parts"]), found["measured"]


async def test_question(chat):
    """A question's answer has the parts in the browser; they add up to no more than it waited itself."""
    opened = await chat()
    opened.script((sleep(SLOW_S), *openai.stream(["Hello"])))
    await opened.ask("Hi")

    parts, measured = await entry(opened.page, opened.gateway.url + CALL)

    names = ["body", "auth", "parse", "limits", "route", "queue", "connect", "upstream", "answer", "gateway", "total"]
    assert names == list(parts)
    assert math.isclose(parts["total"], sum(parts.values()) - parts["total"], abs_tol=1e-6)
    assert SLOW_S * 1000 <= parts["upstream"] <= parts["total"] <= measured + CLOCK_MS


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_page_of_another_origin(chat, watched, gateway, stream):
    """A page of an allowed origin has the parts, and can read the header."""
    page = await gateway()
    opened = await chat(allowed_origins=[page.url])
    opened.script((sleep(SLOW_S), *(openai.stream(["Hello"]) if stream == "true" else openai.completion("Hello"))))
    url = opened.gateway.url + CALL
    body = f'{{"model": "up/gpt-up", "stream": {stream}, "messages": [{{"role": "user", "content": "Hi"}}]}}'

    context, watch = await watched(page.url, bypass_csp=True)
    watch.expect("request left the origin: .*/v1/chat/completions")
    other = await context.new_page()
    await other.goto(page.url)
    header = await other.evaluate(FETCH, [url, body])
    parts, measured = await entry(other, url)

    assert header.startswith("body;dur=")
    assert SLOW_S * 1000 <= parts["upstream"] <= parts["total"] <= measured + CLOCK_MS
