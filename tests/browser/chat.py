"""The chat as a person uses it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.watch import Watch
from tests.support.gateway import Running
from tests.upstream.server import Upstream

_CORPUS = Path(__file__).parent / "corpus"

PATH = "/v1/chat/completions"

ROWS = """async () => {
  const open = indexedDB.open("llms");
  const db = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const all = db.transaction("messages").objectStore("messages").getAll();
  const rows = await new Promise((resolve) => { all.onsuccess = () => resolve(all.result); });
  db.close();
  return rows.map(({id, thread, parent, role, content, status, failure}) => ({id, thread, parent, role, content, status, failure}));
}"""
"""Every message that the page has stored, in no order."""


@dataclass
class Chat:
    """A page with the chat, and the two servers behind it."""

    gateway: Running
    upstream: Upstream
    context: Any
    watch: Watch
    page: Any

    @property
    def input(self) -> Any:
        return self.page.get_by_test_id("chat-input")

    @property
    def send_button(self) -> Any:
        return self.page.get_by_test_id("send-button")

    @property
    def cancel_button(self) -> Any:
        return self.page.get_by_test_id("cancel-button")

    @property
    def answers(self) -> Any:
        return self.page.locator(".assistant-message")

    @property
    def answer(self) -> Any:
        """The last answer."""
        return self.answers.last

    @property
    def usage(self) -> Any:
        return self.answer.locator(".usage")

    @property
    def problem(self) -> Any:
        return self.page.locator(".error-status")

    async def goto(self, path: str = "/", ready: Any = None) -> None:
        """Open a page, and wait until ``ready`` is there, else the message box."""
        await self.page.goto(self.gateway.url + path)
        await (ready or self.input).wait_for()

    async def reload(self) -> None:
        await self.page.reload()
        await self.input.wait_for()

    async def send(self, text: str) -> None:
        """Type ``text`` and press the send button."""
        await self.input.fill(text)
        await self.send_button.click()

    async def ask(self, text: str) -> None:
        """Send ``text`` and wait for the end of its answer."""
        before = await self.answers.count()
        await self.send(text)
        await self.answers.nth(before).wait_for()
        await self.idle()

    async def idle(self) -> None:
        """Wait until no answer is coming."""
        await self.cancel_button.wait_for(state="detached")

    async def corpus(self, script: str) -> Any:
        """Run a script that imports from ``/corpus/``, as if that were the gateway's own."""

        async def serve(route: Any) -> None:
            name = route.request.url.partition("/corpus/")[2]
            await route.fulfill(body=(_CORPUS / name).read_bytes(), content_type="text/javascript")

        await self.page.route("**/corpus/**", serve)
        return await self.page.evaluate(script)

    def script(self, *reactions: Any) -> None:
        """Say what the upstream answers, one after the other."""
        self.upstream.on("POST", PATH, *reactions)

    async def second_tab(self, path: str | None = None) -> "Chat":
        """Open the same address, or ``path``, in another tab."""
        page = await self.context.new_page()
        other = Chat(self.gateway, self.upstream, self.context, self.watch, page)
        await page.goto(self.page.url if path is None else self.gateway.url + path)
        await other.input.wait_for()
        return other


async def until(page: Any, condition: str, argument: Any = None) -> None:
    """
    Wait until the JavaScript function ``condition`` gives something true, ten seconds at most.

    Not ``page.wait_for_function``: that evaluates text inside the page, which the page's policy forbids.
    """
    async with asyncio.timeout(10):
        while not await page.evaluate(condition, argument):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.02)
