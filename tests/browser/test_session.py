"""Issue 6, "Pages": a key is given once, a cookie stands for it, and the page keeps none."""

from llms.keys import Role
from tests.browser.chat import until
from tests.browser.office import ANNA, PEOPLE, key, secret

KEPT = """async () => {
  const databases = await indexedDB.databases();
  return JSON.stringify([databases, {...localStorage}, {...sessionStorage}, document.cookie, location.href,
    document.documentElement.outerHTML, [...document.querySelectorAll("input, textarea")].map(box => box.value)]);
}"""


async def test_log_in_and_out(office):
    """A key is asked for, a wrong one refused; after the right one no request carries a key, and nothing keeps it."""
    opened = await office()
    opened.watch.expect("status of 401")
    sent = []
    opened.page.on("request", lambda request: sent.append((request.url, request.headers.get("authorization"))))
    await opened.goto("/ui/keys")

    await opened.get("key-input").fill("sk-wrong")
    await opened.get("key-submit").click()
    await opened.get("key-dialog").get_by_text("did not take this key").wait_for()
    await opened.log_in("anna")
    await opened.page.get_by_role("row", name="bot").wait_for()

    cookies = await opened.context.cookies()
    assert [("llms_session", True, "Strict")] == [
        (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies
    ]
    assert {f"{opened.gateway.url}/admin/v1/session"} == {url for url, authorization in sent if authorization}
    assert secret("anna") not in await opened.page.evaluate(KEPT)
    await opened.page.reload()
    await opened.page.get_by_role("row", name="bot").wait_for()
    assert 0 == await opened.get("key-dialog").count()

    await opened.get("settings-button").click()
    await opened.page.get_by_text("Logged in with the key anna").wait_for()
    await opened.get("key-forget").click()

    await opened.get("key-dialog").wait_for()
    assert [] == await opened.context.cookies()


async def test_first_key(office):
    """On an open gateway whoever makes the first key goes on with it, and sees its secret once."""
    opened = await office(keys=())
    await opened.goto("/ui/keys")
    await opened.page.get_by_text("no key yet, so it answers everybody").wait_for()

    await opened.get("key-new").click()
    await opened.get("key-name").fill("Mine")
    await opened.get("key-save").click()
    shown = await opened.get("secret-text").text_content()
    await opened.get("secret-done").click()
    row = opened.page.get_by_role("row", name="Mine")
    await row.get_by_text("Admin").wait_for()

    assert shown.startswith("sk-llms-")
    assert shown not in await opened.page.evaluate(KEPT)
    assert ["llms_session"] == [cookie["name"] for cookie in await opened.context.cookies()]
    await opened.page.reload()
    await row.get_by_text("yours").wait_for()
    assert 0 == await opened.get("key-dialog").count()


async def test_a_session_that_ends_takes_nothing_that_is_typed(office):
    """A key that is revoked meanwhile is asked for again, over the form, which is still as it was."""
    other = key("other", Role.ADMIN)
    opened = await office(keys=(*PEOPLE, other))
    await opened.enter("/ui/keys")
    await opened.get("key-new").click()
    await opened.get("key-name").fill("A long story")
    await opened.get("key-month").fill("12.50")
    await opened.api("POST", f"/admin/v1/keys/{ANNA.id}/revoke", "other")

    await opened.get("key-save").click()
    await opened.log_in("other")

    assert "A long story" == await opened.get("key-name").input_value()
    await opened.get("key-save").click()
    await opened.get("secret-done").click()
    row = opened.page.get_by_role("row", name="A long story")
    await row.get_by_text("of $12.50").wait_for()


async def test_the_chat_goes_by_the_session(office):
    """The chat asks for a key once; its answers come by the cookie, and name the call in the log."""
    opened = await office()
    opened.watch.expect("status of 40[14]")  # the log may be a moment late
    await opened.goto("/")
    await opened.log_in("anna")
    await until(opened.page, "() => document.querySelector('[data-testid=model-button]').textContent.includes('demo')")

    await opened.get("chat-input").fill("count to 3")
    await opened.get("send-button").click()
    await opened.page.locator(".usage").get_by_role("link", name="Log").click()

    await opened.get("call-dialog").get_by_role("definition").get_by_text("demo/demo").wait_for()
    rows = await opened.api("GET", "/admin/v1/calls")
    assert [ANNA.id] == [row["key_id"] for row in rows["data"]]
    assert rows["data"][0]["id"] == await opened.get("call-id").text_content()


async def test_a_gateway_without_keys_or_store(chat):
    """Where nothing is kept the chat needs no key, and the pages say what to do."""
    opened = await chat()
    for page in ("keys", "usage", "logs"):
        await opened.page.goto(f"{opened.gateway.url}/ui/{page}")
        await opened.page.get_by_text("keeps no keys and no calls").wait_for()

    await opened.page.get_by_test_id("settings-button").click()
    await opened.page.get_by_text("This gateway needs no key").wait_for()
