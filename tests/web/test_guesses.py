"""Wrong keys, and who sends very many of them."""

import pytest

from llms.errors import OverLimitError
from llms.web.guesses import Guesses
from tests.support.raw import RawClient


@pytest.mark.case("A10")
def test_so_many_in_a_minute():
    """Twenty are told that they are wrong; what comes after them is told to wait until the minute has passed."""
    now = [100.0]
    guesses = Guesses(lambda: now[0])
    for _ in range(20):
        guesses.wrong("1.2.3.4")
        now[0] += 1
    with pytest.raises(OverLimitError) as told:
        guesses.wrong("1.2.3.4")
    guesses.wrong("1.2.3.5")
    now[0] = 160.0
    guesses.wrong("1.2.3.4")

    assert 40 == told.value.retry_after_s


def test_many():
    """An address that has no guess left has some again when its minute is over."""
    now = [100.0]
    guesses = Guesses(lambda: now[0])
    before = guesses.many("1.2.3.4")
    for _ in range(20):
        guesses.wrong("1.2.3.4")
    after = guesses.many("1.2.3.4"), guesses.many("1.2.3.5")
    now[0] = 160.0

    assert (False, (True, False), False) == (before, after, guesses.many("1.2.3.4"))


@pytest.mark.case("A10")
def test_bounded():
    """Very many addresses take no more memory than some."""
    guesses = Guesses(lambda: 0.0)
    for number in range(20_000):
        guesses.wrong(f"address {number}")

    assert 10_000 == len(guesses._counts)


@pytest.mark.case("A10")
async def test_right_key_from_the_same_address(gateway):
    """Whoever else guesses from there, a right key is let in; asking without any is no guess."""
    running = await gateway(server={"keys": ["$K"]}, environ={"K": "sk-right"})
    wrong = [await status(running, [("Authorization", "Bearer sk-wrong")]) for _ in range(25)]
    without = [await status(running, []) for _ in range(25)]

    assert [401] * 20 + [429] * 5 == wrong
    assert [401] * 25 == without
    assert 200 == await status(running, [("Authorization", "Bearer sk-right")])


async def status(running, headers):
    async with RawClient("127.0.0.1", running.port) as client:
        await client.request("GET", "/v1/models", headers)
        return (await client.read_response()).status
