"""Issue 6, "Pages": the usage."""

import csv
import re

import pytest

from tests.browser.chat import until
from tests.browser.office import ANNA, BOT, call

DAY = 24 * 60

CALLS = [
    *(call(number) for number in range(10)),
    *(call(20 + number, model="o9", provider="groq", target="o9", cost=100, key_id="", team="") for number in range(5)),
    call(DAY + 40, status="client_closed", code="client_closed", counted="estimated", cost=1),
    call(2 * DAY + 40, model="free", priced=0, cost=0, key_id=ANNA.id, team=""),
    call(80 * DAY, model="old", cost=1_000_000),
]


def cells(opened, name):
    return opened.page.locator(".usage-table tr", has=opened.page.get_by_role("rowheader", name=name)).locator("td")


async def cost(opened, name="Total"):
    return (await cells(opened, name).last.inner_text()).split()[-1]


async def test_sums(office):
    """The page shows what the log comes to: in cards, as a chart and in a table with its total."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/usage")
    await opened.page.locator(".chart-box canvas").wait_for()

    assert ["17", "1", "17,000", "3,400", "6,800", "850"] == (await cells(opened, "Total").all_inner_texts())[:6]
    assert "$0.033" == await cost(opened)
    assert "$0.0325" == await cost(opened, "gpt-5")
    usage = await opened.api("GET", "/admin/v1/usage?by=model")
    assert 10 * 3250 + 5 * 100 + 1 + 1_000_000 == usage["total"]["cost_micros"]
    cards = await opened.get("usage-cards").inner_text()
    assert "17\n5.9% failed" in cards
    await opened.page.get_by_text("1 call was cut off or not counted").wait_for()
    await opened.page.get_by_text("1 call had no price").wait_for()
    legend = await opened.page.locator(".legend-name").all_inner_texts()
    assert ["gpt-5", "o9", "free"] == legend


async def test_the_address_says_what_is_shown(office):
    """Period, group, filter, order and chart are in the address: a reload shows the same."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/usage")
    await opened.page.locator(".usage-table").wait_for()

    await opened.page.get_by_text("90 days", exact=True).click()
    await opened.page.get_by_role("rowheader", name="old").wait_for()
    await opened.get("usage-by").select_option("key")
    await opened.page.get_by_role("rowheader", name="Without a key").wait_for()
    await opened.get("filter-key_id").select_option(BOT.id)
    await opened.page.get_by_role("rowheader", name="Without a key").wait_for(state="detached")
    await opened.page.get_by_role("button", name="Calls").click()
    await opened.page.locator(".chart-head").get_by_text("Tokens").click()
    address = opened.page.url
    shown = await opened.page.locator(".usage-table").inner_text()
    await opened.page.reload()
    await opened.page.locator(".usage-table").wait_for()

    assert address == opened.page.url
    assert f"range=90d&by=key&key_id={BOT.id}&sort=-calls&chart=tokens" in address
    assert shown == await opened.page.locator(".usage-table").inner_text()
    assert ["bot"] == await opened.page.locator(".usage-table tbody th").all_inner_texts()


async def test_order(office):
    """A heading orders the rows by its column, the greatest first, then the least."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/usage")
    names = opened.page.locator(".usage-table tbody th")
    await names.first.wait_for()
    heading = opened.page.get_by_role("columnheader", name="Calls")

    assert ["gpt-5", "o9", "free"] == await names.all_inner_texts()
    await heading.get_by_role("button").press("Enter")
    await heading.get_by_role("button").press("Enter")
    await until(opened.page, "() => document.querySelector('.usage-table tbody th').innerText === 'free'")

    assert "ascending" == await heading.get_attribute("aria-sort")
    assert ["free", "o9", "gpt-5"] == await names.all_inner_texts()


async def test_days_and_their_calls(office):
    """By day, and from a day to its calls."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/usage?by=day&range=7d")
    days = opened.page.locator(".usage-table tbody th a")
    await days.first.wait_for()

    count = int(await opened.page.locator(".usage-table tbody tr").first.locator("td").first.inner_text())
    await days.first.click()
    await opened.get("calls").wait_for()

    assert re.search(r"/ui/logs\?since=\d+&until=\d+$", opened.page.url)
    assert count == await opened.page.locator(".call-row").count()


async def test_csv(office, tmp_path):
    """The table is downloaded as CSV, with the filters of the page."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/usage?model=o9")
    await opened.page.locator(".usage-table").wait_for()

    async with opened.page.expect_download() as download:
        await opened.get("usage-csv").click()
    await (await download.value).save_as(tmp_path / "usage.csv")

    rows = _rows(tmp_path / "usage.csv")
    assert [("o9", "5")] == [(row["model"], row["calls"]) for row in rows]


def _rows(file):
    return list(csv.DictReader(file.read_text("utf-8").splitlines()))


async def test_custom_days(office):
    """Any days can be chosen."""
    opened = await office(calls=CALLS)
    await opened.enter("/ui/usage?range=custom&from=2020-01-01&to=2020-01-31")
    await opened.page.get_by_text("No calls in this time").wait_for()

    await opened.page.get_by_label("From").fill("2020-01-15")
    await opened.page.get_by_label("From").press("Enter")

    await until(opened.page, "() => location.search.includes('from=2020-01-15')")


async def test_what_costs_nothing(office):
    """Where nothing has cost anything the chart shows tokens at first; the costs, once they are asked for, on an axis of dollars."""
    opened = await office(calls=[call(number, model="free", cost=0) for number in range(3)])
    await opened.enter("/ui/usage")
    chosen = opened.page.locator(".chart-head input:checked")

    assert "tokens" == await chosen.get_attribute("value")
    assert "3,600" == await opened.page.locator(".legend-value").inner_text()
    await opened.page.locator(".chart-head").get_by_text("Cost").click()
    await until(opened.page, "() => location.search.includes('chart=cost')")
    await opened.page.reload()
    assert "cost" == await chosen.get_attribute("value")


@pytest.mark.parametrize("width", [390, 1280])
async def test_narrow_and_wide(office, width):
    """The page is as wide as the window, on a phone too, where the filters are behind a button."""
    opened = await office(calls=CALLS, context={"viewport": {"width": width, "height": 800}})
    await opened.enter("/ui/usage")
    await opened.page.locator(".chart-box canvas").wait_for()

    assert await opened.page.locator(".page-body").evaluate("body => body.scrollWidth <= body.clientWidth")
    assert (width > 400) == await opened.get("usage-by").is_visible()
