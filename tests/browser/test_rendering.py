"""Groups 3 and 8: what an answer looks like, while it comes and afterwards."""

import asyncio
import random
from itertools import pairwise

from tests.upstream import openai
from tests.upstream.steps import sleep

INNER = "() => document.querySelector('.assistant-message:last-of-type .markdown').innerHTML"


async def test_streamed_is_the_same_as_at_once(chat):
    """Every document of the corpus looks the same streamed, in pieces of any size, as after a reload."""
    opened = await chat()
    documents = await opened.corpus(
        "async () => (await import('/corpus/documents.js')).documents.map((document) => document.text ?? document)"
    )
    text = "\n\n---\n\n".join(documents)
    dice = random.Random(7)  # noqa: S311 - the same cuts in every run
    pieces, at = [], 0
    while at < len(text):
        size = dice.choice([1, 2, 3, 7, 40, 200])
        pieces.append(text[at : at + size])
        at += size
    opened.script(openai.stream(pieces))
    await opened.ask("All of it")
    await asyncio.sleep(1)  # highlighting and maths come late
    streamed = await opened.answer.locator(".markdown").last.inner_html()

    await opened.reload()
    await opened.answer.locator(".markdown").last.wait_for()
    await asyncio.sleep(1)

    assert streamed == await opened.answer.locator(".markdown").last.inner_html()


async def test_text_never_shrinks(chat):
    """While an answer comes, what is on the page never blanks."""
    opened = await chat()
    await opened.page.evaluate("""() => {
      globalThis.lengths = [];
      new MutationObserver(() => {
        const body = document.querySelector(".assistant-message .markdown");
        if (body) globalThis.lengths.push(body.textContent.length);
      }).observe(document.body, { childList: true, characterData: true, subtree: true });
    }""")
    text = "Some words with **bold** and `code`.\n\n```py\nx = 1\ny = 2\n```\n\n1. one\n2. two\n\nEnd of it.\n"
    opened.script(openai.stream([part for letter in text for part in (letter, sleep(0.004))]))

    await opened.ask("Hi")

    lengths = await opened.page.evaluate("globalThis.lengths")
    worst = max((before - after for before, after in pairwise(lengths)), default=0)
    assert len(set(lengths)) > 10, "it was looked at on the way"
    assert worst <= 4, "markers may turn into formatting; text may not go"


async def test_copy_code(chat):
    """A code block is copied as it was written."""
    opened = await chat(context={"permissions": ["clipboard-read", "clipboard-write"]})
    opened.script(openai.stream(["```py\nprint('x')\nif True:\n    pass\n```\n"]))
    await opened.ask("Hi")

    await opened.answer.get_by_role("button", name="Copy").first.click()

    copied = await opened.page.evaluate("navigator.clipboard.readText()")
    assert "print('x')\nif True:\n    pass" == copied.rstrip("\n")


async def test_dollars_are_dollars(chat):
    """Prices are not formulas; formulas are."""
    opened = await chat()
    opened.script(openai.stream([r"It costs $5 and $6, and \(x^2\) is a formula."]))

    await opened.ask("Hi")

    await opened.answer.locator("math").wait_for()
    assert "$5 and $6" in await opened.answer.inner_text()
    assert 1 == await opened.answer.locator("math").count()


async def test_each_construct(chat):
    """Headings, lists, tables, code with its language, quotes, formulas: each is what it should be."""
    opened = await chat()
    text = (
        "# Title\n\n1. one\n2. two\n   - deep\n\n> quoted\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n"
        "```python\nprint(1)\n```\n\n$$x^2$$\n\n- [x] done\n- [ ] open\n"
    )
    opened.script(openai.stream([text[at : at + 3] for at in range(0, len(text), 3)]))

    await opened.ask("Hi")

    counts = {"h1": 1, "ol > li": 2, "ol ul > li": 1, "blockquote": 1, "th": 2, "td": 2, "pre": 1, "input:checked": 1}
    for selector, count in counts.items():
        assert count == await opened.answer.locator(f".markdown {selector}").count(), selector
    await opened.answer.locator("math[display=block]").wait_for()
    await opened.answer.locator("pre [class^=hljs-]").first.wait_for()
    assert "python" in (await opened.answer.locator(".md-code").inner_text()).lower()


async def test_long_code(chat):
    """20,000 lines of code come through whole, and the page stays alive."""
    lines = [f"value_{number} = {number}\n" for number in range(20_000)]
    opened = await chat()
    opened.script(openai.stream(["```py\n", *("".join(lines[at : at + 500]) for at in range(0, 20_000, 500)), "```\n"]))

    await opened.ask("Hi")

    assert "".join(lines).strip() == (await opened.answer.locator("pre").text_content()).strip()
    await opened.input.fill("still alive")


async def test_unfinished_marks_do_not_flash(chat):
    """Half a construct is never seen as its marks, wherever the text stands for a while."""
    text = "This is **bold and `code`** [a link](https://example.org/).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx\n```\n"
    opened = await chat()
    await opened.page.evaluate("""() => {
      globalThis.seen = new Set();
      new MutationObserver(() => globalThis.seen.add(document.querySelector(".assistant-message .markdown")?.textContent ?? ""))
        .observe(document.body, { childList: true, characterData: true, subtree: true });
    }""")
    opened.script(openai.stream([part for letter in text for part in (letter, sleep(0.004))]))

    await opened.ask("Hi")

    seen = await opened.page.evaluate("[...globalThis.seen]")
    assert len(seen) > 10, "it was looked at on the way"
    assert [] == [shown for shown in seen if any(mark in shown for mark in ("**", "`", "](", "|"))]
