"""Issue 6, "Pages": the keys."""

import time

import pytest

from llms.keys import Limits, Role, VirtualKey
from tests.browser.chat import until
from tests.browser.office import ANNA, BOT, PEOPLE, call, key, secret

HOSTILE = "<img src=x onerror=globalThis.ran=1>"


def row(opened, name):
    return opened.page.get_by_role("row", name=name)


async def test_make(office):
    """A key is made with all that its form says, its dollars to the micro-dollar."""
    opened = await office()
    await opened.enter("/ui/keys")
    await opened.get("key-new").click()
    for name, text in {
        "name": "CI",
        "owner": "ops",
        "team": "red",
        "rpm": "60",
        "tpm": "100000",
        "concurrency": "4",
        "day": "0.1",
        "month": "$1234.56",
        "expires": "2030-01-02T03:04",
    }.items():
        await opened.get(f"key-{name}").fill(text)
    form = opened.get("key-form-dialog")
    await form.get_by_label("Models").fill("gpt-*\ndemo")
    await form.get_by_text("embeddings").click()
    await form.get_by_text("Viewer").click()
    await opened.get("key-keeps").check()

    await opened.get("key-save").click()
    shown = await opened.get("secret-text").text_content()
    await opened.get("secret-done").click()
    await row(opened, "CI").wait_for()

    made = next(one for one in (await opened.api("GET", "/admin/v1/keys"))["data"] if one["name"] == "CI")
    assert {
        "rpm": 60,
        "tpm": 100_000,
        "concurrency": 4,
        "budgets_micros": {"total": None, "day": 100_000, "week": None, "month": 1_234_560_000},
    } == made["limits"]
    assert ("viewer", "ops", "red", ["gpt-*", "demo"], ["embeddings"], True) == tuple(
        made[name] for name in ("role", "owner", "team", "models", "endpoints", "keeps_bodies")
    )
    assert 1_893_553_440 == made["expires_at"]
    assert shown.startswith(made["prefix"])


async def test_what_is_wrong_is_said_at_its_field(office):
    """What no number is is not sent; what the gateway refuses stands beside the field that it names."""
    opened = await office()
    opened.watch.expect("status of 400")
    await opened.enter("/ui/keys")
    await opened.get("key-new").click()
    await opened.get("key-rpm").fill("many")
    await opened.get("key-month").fill("1,000")
    await opened.get("key-save").click()
    wrong = "[aria-invalid=true]"
    await opened.page.locator(wrong).first.wait_for()

    assert ["key-rpm", "key-month"] == await opened.page.locator(wrong).evaluate_all(
        "all => all.map(one => one.dataset.testid)"
    )
    await until(opened.page, "() => document.activeElement.dataset.testid === 'key-rpm'")

    await opened.get("key-rpm").fill("60")
    await opened.get("key-month").fill("1000")
    form = opened.get("key-form-dialog")
    await form.get_by_label("Models").fill("g*t")
    await opened.get("key-save").click()

    await form.locator(".field", has=opened.page.get_by_label("Models")).get_by_text("beginning of one").wait_for()
    await until(opened.page, "() => document.activeElement.matches('textarea')")


async def test_change(office):
    """A key is changed: what was changed only, so that what others changed meanwhile stays."""
    opened = await office()
    await opened.enter("/ui/keys")
    await opened.choose("bot", "key-edit")
    await opened.api("PATCH", f"/admin/v1/keys/{BOT.id}", team="blue")

    await opened.get("key-name").fill("bot 2")
    await opened.get("key-save").click()

    await row(opened, "bot 2").get_by_text("team blue").wait_for()
    await row(opened, "bot 2").get_by_text("$0.00 of $20.00").wait_for()


async def test_disable_rotate_revoke(office):
    """A key is switched off and on, gets another secret, and is revoked after a question."""
    opened = await office()
    await opened.enter("/ui/keys")

    await opened.choose("bot", "key-toggle")
    await row(opened, "bot").get_by_text("Disabled").wait_for()
    await opened.choose("bot", "key-toggle")
    await row(opened, "bot").get_by_text("Active").wait_for()

    await opened.choose("bot", "key-rotate")
    await opened.page.get_by_text("No time").click()
    await opened.get("confirm").click()
    shown = await opened.get("secret-text").text_content()
    await opened.get("secret-done").click()
    assert secret("bot") != shown
    assert 0 == await opened.page.get_by_text(shown).count()

    await opened.choose("bot", "key-revoke")
    await opened.get("key-revoke-dialog").get_by_role("button", name="Cancel").click()
    await row(opened, "bot").get_by_text("Active").wait_for()
    await opened.choose("bot", "key-revoke")
    await opened.get("confirm").click()
    await row(opened, "bot").wait_for(state="detached")
    await opened.page.get_by_label("Show revoked").check()
    await row(opened, "bot").get_by_text("Revoked").wait_for()
    assert opened.page.url.endswith("?revoked=1")


async def test_budgets_and_states(office):
    """The table says what of a budget is spent, and which keys count no more; names are text."""
    tight = key("tight", limits=Limits(budget_total=3_000, budget_day=1_000_000))
    gone = key("gone", expires_at=int(time.time()) - 10)
    odd = key(HOSTILE, owner=HOSTILE)
    opened = await office(keys=(*PEOPLE, tight, gone, odd), calls=[call(0, key_id=tight.id)])
    await opened.enter("/ui/keys")

    await (
        row(opened, "tight")
        .get_by_text("$0.0033 of $0.003")
        .or_(row(opened, "tight").get_by_text("$0.00325 of $0.003"))
        .wait_for()
    )
    await row(opened, "gone").get_by_text("Expired").wait_for()
    await row(opened, HOSTILE).wait_for()

    assert "true" == await row(opened, "tight").locator("meter").last.get_attribute("data-full")
    assert 0 == await opened.page.locator(".admin-page img").count()
    await opened.page.get_by_role("searchbox", name="Search keys").fill("ops")
    await row(opened, "tight").wait_for(state="detached")
    assert "1 key" == await opened.page.locator(".admin-count").text_content()


async def test_a_viewer_changes_nothing(office):
    """What a viewer may not do is not offered."""
    opened = await office()
    await opened.enter("/ui/keys", "vera")
    await row(opened, "bot").get_by_test_id("key-menu").click()

    assert ["Usage", "Log"] == await opened.page.get_by_role("menuitem").all_text_contents()
    assert 0 == await opened.get("key-new").count()


async def test_a_member_makes_members(office):
    """A member's form begins with what it may give, and offers nothing else."""
    opened = await office()
    opened.watch.expect("status of 403")
    await opened.enter("/ui/keys", "bot")
    await opened.get("key-new").click()

    form = opened.get("key-form-dialog")
    assert "gpt-*\no9" == await form.get_by_label("Models").input_value()
    assert ("60", "20.00", "red") == tuple(
        [await opened.get(f"key-{name}").input_value() for name in ("rpm", "month", "team")]
    )
    assert 0 == await form.get_by_text("Viewer").count() + await opened.get("key-keeps").count()
    await form.get_by_label("Models").fill("o9\nother")
    await opened.get("key-name").fill("child")
    await opened.get("key-save").click()
    await form.get_by_text("would allow more than your own key").wait_for()
    await form.get_by_label("Models").fill("o9")
    await opened.get("key-save").click()
    await opened.get("secret-done").click()

    await row(opened, "child").get_by_text("o9").wait_for()
    assert 0 == await row(opened, "anna").count()


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_leaves_the_page(office, width):
    """Long names, many models, large numbers: the page is as wide as the window."""
    long = VirtualKey(
        "key_" + "0" * 32,
        "n" * 120,
        Role.MEMBER,
        "o" * 120,
        "t" * 120,
        models=("m" * 150,) * 3,
        prefix="sk-llms-abcdef",
    )
    limits = Limits(10**9, 10**12, 10**6, *[10**15] * 4)
    opened = await office(
        keys=(ANNA, VirtualKey(**{**_fields(long), "limits": limits})),
        context={"viewport": {"width": width, "height": 800}},
    )
    await opened.enter("/ui/keys")
    await opened.page.get_by_text("in total").wait_for()

    assert await opened.page.locator(".page-body").evaluate("body => body.scrollWidth <= body.clientWidth")


def _fields(one):
    return {name: getattr(one, name) for name in VirtualKey.__dataclass_fields__}
