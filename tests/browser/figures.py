"""
What the chat costs in the browser: ``python -m tests.browser.figures`` prints the table that the README shows.

A real ``llms serve`` as a process of its own, a scripted upstream, Chromium; medians of three runs in fresh contexts, the
longest task of all of them.
"""

import asyncio
import gzip
import json
import statistics
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.browser import chromium
from tests.browser.chat import until
from tests.browser.test_performance import FILL, long_answer
from tests.support.process import serving
from tests.upstream import openai
from tests.upstream.server import Upstream

_ROUNDS = 3
_SIZE = 160_000
_MESSAGES = 300
_LIMIT_MS = 180_000
_REST_S = 1.0
"""What an answer leaves to be done later (colours, formulas) counts, too."""

_LONG_TASKS = """() => {
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, entry.duration);
  }).observe({ type: "longtask" });
}"""

_OPENED = """
const look = () => {
  const last = [...document.querySelectorAll(".assistant-message h2")].at(-1);
  if (last && last.getBoundingClientRect().height) globalThis.opened = performance.now();
  else requestAnimationFrame(look);
};
look();
"""


async def main() -> None:
    """Measure, and print."""
    api = import_module("playwright.async_api")
    with tempfile.TemporaryDirectory() as folder:
        async with Upstream() as upstream, api.async_playwright() as playwright:
            provider = {"type": "openai", "base_url": f"{upstream.url}/v1", "api_key": "$UP", "models": ["up"]}
            config = Path(folder) / "config.json"
            config.write_text(json.dumps({"providers": {"up": provider}}))
            browser = await playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.ARGUMENTS)
            async with serving(Path(folder), "--config", str(config), environ={"UP": "x"}) as served:
                url = f"http://127.0.0.1:{served.port}"
                rows = [
                    ("first load", await _first_load(browser, url)),
                    (f"{_SIZE:,} characters, in one burst", await _stream(browser, url, upstream, 0.0)),
                    (f"{_SIZE:,} characters, 200 chunks/s", await _stream(browser, url, upstream, 0.005)),
                    (f"open a thread of {_MESSAGES} messages", await _thread(browser, url)),
                ]
            await browser.close()
            for name, figure in rows:
                sys.stdout.write(f"| {name} | {figure} |\n")


async def _first_load(browser: Any, url: str) -> str:
    context = await browser.new_context()
    page = await context.new_page()
    bodies: list[Any] = []
    page.on("response", lambda response: bodies.append(response))  # noqa: PLW0108 - Playwright marks what it is given
    await page.goto(url)
    await page.get_by_test_id("chat-input").wait_for()
    needed = await _scripts(bodies)
    painted = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    await asyncio.sleep(2)  # what the first answer will want is loaded ahead
    ahead = await _scripts(bodies)
    await context.close()
    return f"{needed:.0f} kB of JavaScript in gzip, {ahead - needed:.0f} kB more ahead; first paint {painted:.0f} ms"


async def _scripts(responses: list[Any]) -> float:
    """In kB, compressed."""
    bodies = [await response.body() for response in list(responses) if response.url.endswith(".js")]
    return sum(len(gzip.compress(body, 9)) for body in bodies) / 1000


async def _stream(browser: Any, url: str, upstream: Upstream, pause_s: float) -> str:
    text = long_answer(_SIZE)
    pieces = [text[at : at + 40] for at in range(0, len(text), 40)]
    parts = pieces if not pause_s else [part for piece in pieces for part in (piece, _pause(pause_s))]
    scripting, longest = [], []
    for _ in range(_ROUNDS):
        upstream.on("POST", "/v1/chat/completions", openai.stream(parts))
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(url)
        session = await context.new_cdp_session(page)
        await session.send("Performance.enable")
        await page.get_by_test_id("chat-input").fill("Write")
        await page.evaluate(_LONG_TASKS)
        before = await _metrics(session)
        await page.get_by_test_id("send-button").click()
        await page.locator(".assistant-message .usage").wait_for(timeout=_LIMIT_MS)
        await asyncio.sleep(_REST_S)
        after = await _metrics(session)
        scripting.append(after["ScriptDuration"] - before["ScriptDuration"])
        longest.append(await page.evaluate("globalThis.longest"))
        await context.close()
    return f"{statistics.median(scripting):.2f} s of scripting, longest task {max(longest):.0f} ms"


def _pause(seconds: float) -> Any:
    async def step(_peer: Any) -> None:
        await asyncio.sleep(seconds)

    return step


async def _metrics(session: Any) -> dict[str, float]:
    found = await session.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


async def _thread(browser: Any, url: str) -> str:
    times = []
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_test_id("chat-input").wait_for()
    await page.evaluate(FILL, [_MESSAGES, long_answer(1_500)])
    await page.add_init_script(_OPENED)
    for _ in range(_ROUNDS):
        await page.goto(f"{url}/ui/chat/{'a' * 32}")
        await until(page, "() => globalThis.opened")
        times.append(await page.evaluate("globalThis.opened"))
        await page.goto(url)
        await page.get_by_test_id("chat-input").wait_for()
    await context.close()
    return f"{statistics.median(times):.0f} ms until the last answer is on the page, the page's own load included"


if __name__ == "__main__":
    asyncio.run(main())
