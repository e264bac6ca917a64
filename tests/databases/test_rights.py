"""What PostgreSQL's user needs to be allowed: no more than to use what is there."""

import pytest

from llms.databases import StoreUnfitError
from llms.keys import Limits
from llms.limits import Need, Scope
from llms.limits.clock import SharedClock
from llms.limits.open import opened as limits_at
from llms.limits.shared import SharedLimiter
from llms.shelves import Held
from llms.shelves.open import opened as shelf_at
from llms.store import CallFilter
from llms.store.open import open_store
from tests.limits.ledger import Ledger
from tests.store.rows import call

HELD = Held(b"n" * 32, b"t" * 16)
SCOPES = [Scope("key:k", Limits(rpm=10, budget_total=100))]

GRANTS = {
    "owns the schema": "CREATE SCHEMA llms AUTHORIZATION gateway",
    "may only use what is there": """
        GRANT USAGE ON SCHEMA llms TO gateway;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA llms TO gateway;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA llms TO gateway;
    """,
}


def of(server, user):
    return server.url().replace(f"postgres:{server.password}@", f"{user}:first@")


async def use(url):
    """Ask everything that is kept there for something; give what came."""
    store, states, shelf = await open_store(url), limits_at(url, None, 1), shelf_at(url, None, 1)
    limiter = SharedLimiter(states, Ledger(), 1, SharedClock())
    try:
        kept = await store.write_calls([call(1)]), len((await store.calls(CallFilter())).rows)
        (await limiter.admit(SCOPES, Need(1, 1))).settle(1, 1)
        claimed = await shelf.claim(HELD, b"d", 60)
        await shelf.keep(HELD, None, 60)
        found = await shelf.claim(HELD, b"d", 60)
        await shelf.free(HELD)
        return kept, claimed, found.running, (await limiter.taken(SCOPES))[0].requests
    finally:
        await limiter.close()
        await shelf.close()
        await store.close()


@pytest.mark.parametrize("grant", GRANTS)
async def test_enough(own_postgres, grant):
    """A user who may not make a schema can work in the one that is there, and one who may make nothing, with what is."""
    own_postgres.sql("CREATE ROLE gateway LOGIN PASSWORD 'first'")
    if grant != "owns the schema":
        await use(own_postgres.url())
        own_postgres.sql("TRUNCATE llms.calls, llms.answers, llms.limits")
    own_postgres.sql(GRANTS[grant])

    assert ((1, 1), None, False, 1) == await use(of(own_postgres, "gateway"))


@pytest.mark.parametrize("what", ["store", "limits", "shelf"])
async def test_too_little(own_postgres, what):
    """Whose user may not make what is not there is told what to do, whatever needs it."""
    own_postgres.sql("CREATE ROLE gateway LOGIN PASSWORD 'first'")
    url = of(own_postgres, "gateway")
    states, shelf = limits_at(url, None, 1), shelf_at(url, None, 1)
    asked = {
        "store": lambda: open_store(url),
        "limits": lambda: states.load(["key:k"]),
        "shelf": lambda: shelf.free(HELD),
    }

    with pytest.raises(StoreUnfitError, match="CREATE SCHEMA llms AUTHORIZATION"):
        await asked[what]()
    await states.close()
    await shelf.close()
