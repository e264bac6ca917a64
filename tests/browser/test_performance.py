"""
Group 12: what a long answer and a long thread cost.

The bounds are far above what a quiet machine takes: they catch what grows with the square of the length, not a slow
machine. ``python -m tests.browser.figures`` measures.
"""

from tests.browser.chat import until
from tests.upstream import openai

SOME = (
    "## Part {n}\n\nSome **bold** words, `code` and a [link](https://example.org/{n}). "
    + "More words of plain text to fill a paragraph. " * 6
    + "\n\n- one\n- two\n  - three\n\n```python\n"
    + "def f(x):\n    return x + 1\n" * 8
    + "```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
)


def long_answer(size):
    """About ``size`` characters of everything."""
    parts, length, number = [], 0, 0
    while length < size:
        parts.append(SOME.format(n=number))
        length += len(parts[-1])
        number += 1
    return "".join(parts)


async def test_long_answer(chat):
    """An answer of 160,000 characters comes through whole, and the page stays alive."""
    text = long_answer(160_000)
    opened = await chat()
    await opened.page.evaluate("""() => {
      globalThis.longest = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, entry.duration); })
        .observe({ type: "longtask" });
    }""")
    opened.script(openai.stream([text[at : at + 40] for at in range(0, len(text), 40)]))

    await opened.ask("Write")

    assert text.count("## Part") == await opened.answer.locator("h2").count()
    assert await opened.page.evaluate("globalThis.longest") < 2_000


async def test_long_thread(chat):
    """A thread of 300 messages opens, whole."""
    opened = await chat()
    await opened.page.evaluate(FILL, [300, long_answer(1_500)])
    await opened.page.goto(opened.gateway.url + "/ui/chat/" + "a" * 32)

    await opened.answer.get_by_text("Part 0").wait_for()

    await until(opened.page, "document.querySelectorAll('.assistant-message h2').length >= 150")


FILL = """async ([count, text]) => {
  const open = indexedDB.open("llms");
  const db = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const work = db.transaction(["threads", "messages"], "readwrite");
  const thread = "a".repeat(32);
  const id = (number) => number.toString(16).padStart(32, "0");
  work.objectStore("threads").put({ id: thread, title: "Long", opening: "Long", pinned: false, created: 1, updated: Date.now(), deleted: null,
    model: "", system: "", parameters: {}, head: id(count - 1) });
  for (let number = 0; number < count; number += 1) {
    work.objectStore("messages").put({ id: id(number), thread, parent: number ? id(number - 1) : null, role: number % 2 ? "assistant" : "user",
      content: number % 2 ? text : `Question ${number}`, pictures: [], reasoning: "", reasoningMs: 0, tools: [], status: "done", failure: null, model: "gpt-up",
      finish: "stop", usage: null, timing: null, servedBy: null, created: number });
  }
  await new Promise((resolve, reject) => { work.oncomplete = resolve; work.onerror = () => reject(work.error); });
  db.close();
}"""
