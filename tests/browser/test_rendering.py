"""Groups 3 and 8: what an answer looks like, while it comes and afterwards."""

import asyncio
import random
from itertools import pairwise

from tests.upstream import openai
from tests.upstream.steps import wait

INNER = "() => document.querySelector('.assistant-message:last-of-type .markdown').innerHTML"


async def test_streamed_is_the_same_as_at_once(chat):
    """Every document of the corpus looks the same streamed, in pieces of any size, as after a reload."""
    opened = await chat()
    await opened.page.route("**/corpus/**", corpus)
    documents = await opened.page.evaluate(
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


async def corpus(route):
    """Serve the corpus as if it were the gateway's own."""
    name = route.request.url.partition("/corpus/")[2]
    folder = __import__("pathlib").Path(__file__).parent / "corpus"
    await route.fulfill(body=(folder / name).read_bytes(), content_type="text/javascript")


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
    opened.script(openai.stream(list(text)))

    await opened.ask("Hi")

    lengths = await opened.page.evaluate("globalThis.lengths")
    worst = max((before - after for before, after in pairwise(lengths)), default=0)
    assert len(lengths) > 5
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


async def test_unfinished_marks_do_not_flash(chat):
    """Half a construct is never seen as its marks."""
    more = asyncio.Event()
    opened = await chat()
    opened.script(openai.stream(["This is **bold and", wait(more), " more** text"]))
    await opened.send("Hi")
    await opened.answer.get_by_text("bold and").wait_for()

    shown = await opened.answer.locator(".markdown").inner_text()
    more.set()
    await opened.idle()

    assert "**" not in shown
