"""Group 9: no model output runs code, phones home or acts in a person's name."""

import json

import pytest

from tests.upstream import openai

CANARY = "globalThis.__ran = (globalThis.__ran || 0) + 1"


@pytest.mark.parametrize(
    "text",
    [
        "![](http://evil.test/?q=1)",
        "![x](//evil.test/x.png)",
        "<img src=http://evil.test/x onerror=alert(1)>",
        "<link rel=prefetch href=http://evil.test/>",
        "<style>body{background:url(http://evil.test/)}</style>",
        "<iframe srcdoc='<script>parent.__ran=1</script>'></iframe>",
        "[x](javascript:alert(1))",
        "<svg onload=alert(1)>",
        "<meta http-equiv=refresh content='0;url=http://evil.test'>",
        "<base href=http://evil.test/>",
    ],
)
async def test_nothing_leaves_the_page(chat, text):
    """Nothing that a model writes loads anything or runs anything."""
    opened = await chat()
    opened.script(openai.stream([text, "\n\nEnd."]))

    await opened.ask("Hi")

    await opened.answer.get_by_text("End.").wait_for()
    unsafe = await opened.answer.evaluate(
        'node => [...node.querySelectorAll(\'script,iframe,object,embed,link,style,base,meta,form,img:not([src^="blob:"]):not([src^="data:"])\')].map(n => n.outerHTML)'
    )
    assert [] == unsafe


async def test_payloads_through_the_gateway(chat):
    """Five thousand attacks, cut anywhere, run nothing and fetch nothing, streamed as a model would."""
    opened = await chat()
    payloads = await opened.corpus(
        "async () => (await import('/corpus/payloads.js')).payloads().map((payload) => payload.text ?? payload)"
    )
    assert len(payloads) >= 5000
    pieces = json.dumps(payloads)
    assert "onerror" in pieces
    for start in range(0, len(payloads), 1000):
        text = "\n\n".join(payloads[start : start + 1000])
        opened.script(openai.stream([text[at : at + 97] for at in range(0, len(text), 97)]))
        await opened.ask(f"Attack {start}")
        assert 0 == await opened.problem.count()

    found = await opened.page.evaluate(AUDIT)

    assert [] == found
    assert await opened.page.evaluate(
        "[globalThis.__ran, globalThis.canary, globalThis.xss].every(v => v === undefined)"
    )


AUDIT = r"""() => {
  const found = [];
  for (const message of document.querySelectorAll(".assistant-message .markdown")) {
    for (const node of message.querySelectorAll("*")) {
      for (const { name, value } of node.attributes) {
        if (/^on|^srcdoc$|^style$|^formaction$|^ping$/i.test(name)) found.push(`${node.localName} ${name}=${value}`);
        if (/^(href|src|action|data|xlink:href)$/i.test(name) && !/^(https?:|mailto:|#|data:image\/(png|jpeg|gif|webp);base64,|blob:)/i.test(value))
          found.push(`${node.localName} ${name}=${value}`);
        if (name === "src" && !/^(data|blob):/.test(value)) found.push(`${node.localName} ${name}=${value}`);
      }
      if (/^(script|iframe|object|embed|link|style|base|meta|form|frame|applet|video|audio|source|foreignobject|use)$/i.test(node.localName))
        found.push(node.localName);
    }
  }
  return found.slice(0, 20);
}"""


async def test_question_in_the_address(chat):
    """``?q=`` fills the box and never sends."""
    opened = await chat(path="/?q=Delete%20all%20my%20files%3Cb%3E")

    assert "Delete all my files<b>" == await opened.input.input_value()
    assert 0 == await opened.answers.count()
    assert [] == [request for request in opened.upstream.requests if request.method == "POST"]
    assert "?q=" not in opened.page.url


async def test_error_body_is_text(chat):
    """An upstream's error with HTML in it is shown as text."""
    opened = await chat()
    opened.watch.expect("status of 4")
    opened.script(openai.error(400, "<img src=x onerror=alert(1)><b>bold</b>"))
    await opened.send("Hi")
    await opened.problem.wait_for()

    assert 0 == await opened.problem.locator("img, b").count()
    assert "<b>bold</b>" in await opened.problem.text_content()


async def test_external_image_waits_for_a_click(chat):
    """A model's picture is a button that names its host; a click opens it in a tab of its own."""
    opened = await chat()
    opened.script(openai.stream(["![a cat](http://pictures.test/cat.png)"]))
    await opened.ask("Hi")
    await opened.context.route("http://pictures.test/**", lambda route: route.fulfill(body="picture"))
    opened.watch.expect("left the origin: http://pictures.test/cat.png")
    opened.watch.expect("pictures.test")

    gate = opened.answer.get_by_text("pictures.test").first
    before = list(opened.watch.found)
    async with opened.context.expect_page() as page:
        await gate.click()
    other = await page.value
    await other.wait_for_load_state()

    assert [] == before
    assert "http://pictures.test/cat.png" == other.url
    assert await other.evaluate("window.opener === null && document.referrer === ''")


async def test_links_load_nothing_and_tell_nothing(chat):
    """A link is asked for when it is clicked and not before, tells its host nothing, and says where it really leads."""
    opened = await chat()
    opened.script(openai.stream(["[the bank](http://elsewhere.test/a) [bank.example](http://elsewhere.test/b)"]))
    await opened.ask("Hi")
    await opened.context.route("http://elsewhere.test/**", lambda route: route.fulfill(body="page"))
    link = opened.answer.get_by_role("link", name="the bank")
    await link.hover()
    assert {"noopener", "noreferrer", "nofollow"} <= set((await link.get_attribute("rel")).split())
    before = list(opened.watch.found)
    opened.watch.expect("elsewhere.test")

    async with opened.context.expect_page() as page:
        await link.click()
    other = await page.value
    await other.wait_for_load_state()

    assert [] == before
    assert await other.evaluate("window.opener === null && document.referrer === ''")
    assert "bank.example (elsewhere.test)" in await opened.answer.inner_text()


async def test_title_and_model_names_are_text(chat):
    """What a person, a provider or a model names is text everywhere."""
    evil = "<img src=x onerror=alert(1)>"
    opened = await chat()
    listing = {"object": "list", "data": [{"id": evil, "owned_by": evil}]}
    await opened.page.route("**/v1/models", lambda route: route.fulfill(json=listing))
    await opened.page.route(
        "**/v1/providers",
        lambda route: route.fulfill(json={"data": [{"id": evil, "on": True, "reason": evil, "models": 1}]}),
    )
    await opened.reload()
    await opened.page.get_by_test_id("model-button").click()
    await opened.page.get_by_role("option", name=evil).click()
    opened.script(openai.tool_stream([("call_1", evil, [evil])]))
    opened.watch.expect("status of 404")
    await opened.ask(evil)
    await opened.page.get_by_test_id("code-button").click()
    await opened.page.get_by_test_id("code-text").get_by_text(evil).first.wait_for()
    await opened.page.keyboard.press("Escape")
    await opened.page.get_by_role("link", name="Models").click()
    await opened.page.get_by_text(evil).first.wait_for()

    assert 0 == await opened.page.locator("img").count()
