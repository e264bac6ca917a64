"""Who the tests are about: an operator, two teams, members, what those have made, viewers."""

from llms.admin import Admin
from llms.keys import Limits, Role, VirtualKey, digest
from llms.store import CallRow, KeptBody, StoredKey

NOW = 1_800_000_000

BASE = {
    "models": ("gpt-*", "o3"),
    "endpoints": ("chat.completions", "embeddings"),
    "limits": Limits(rpm=60, tpm=1000, concurrency=4, budget_total=90, budget_day=10, budget_week=20, budget_month=50),
    "expires_at": NOW + 86_400,
}


def key_id(name):
    return "key_" + digest(name)[:32]


def secret(name):
    return f"sk-llms-{name}-{digest(name)}"[:51]


def key(name, role=Role.MEMBER, parent=None, **fields):
    parent = parent and key_id(parent)
    return VirtualKey(
        key_id(name), name=name, role=role, parent=parent, prefix=secret(name)[:14], created_at=NOW - 10, **fields
    )


PEOPLE = {
    "admin": key("admin", Role.ADMIN),
    "other-admin": key("other-admin", Role.ADMIN),
    "ann": key("ann", team="red", **BASE),
    "ann-child": key("ann-child", parent="ann", team="red", **BASE),
    "ann-grandchild": key("ann-grandchild", parent="ann-child", team="red", **BASE),
    "bob": key("bob", team="red", **BASE),
    "bob-child": key("bob-child", parent="bob", team="red", **BASE),
    "eve": key("eve", team="blue", **BASE),
    "eve-child": key("eve-child", parent="eve", team="blue", **BASE),
    "red-viewer": key("red-viewer", Role.VIEWER, team="red"),
    "viewer": key("viewer", Role.VIEWER),
}

IDS = {name: one.id for name, one in PEOPLE.items()}


def call(number, name, **fields):
    key = PEOPLE[name]
    row = CallRow(
        id=f"req_{NOW * 1000 + number:011x}{number:013x}",
        at=NOW * 1000 + number,
        key_id=key.id,
        team=key.team,
        api="chat.completions",
        model="gpt-4o",
        provider="openai",
        target="gpt-4o-2024",
        stream=1,
        status="ok",
        code="",
        input_tokens=10,
        output_tokens=5,
        cached_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        counted="exact",
        cost=7,
        priced=1,
        attempts='[{"target":"openai/gpt-4o-2024","outcome":"ok","ms":12}]',
        first_byte_us=1200,
        duration_us=3400,
        bytes_in=100,
        bytes_out=200,
        chunks=3,
        finish_reason="stop",
        timing="body;dur=1",
    )
    return row._replace(**fields)


CALLS = {name: call(number, name) for number, name in enumerate(PEOPLE, 1)}


async def settle_in(store):
    """Keep everybody, and a call of each."""
    for name, one in PEOPLE.items():
        await store.put_key(StoredKey(one, digest(secret(name))), 0)
    bodies = [KeptBody(row.id, f"prompt of {name}", f"answer to {name}") for name, row in CALLS.items()]
    await store.write_calls(list(CALLS.values()), bodies)


async def stored_in(store):
    """Give all keys that a store has, by id."""
    return {one.key.id: one for one in await store.keys_since(0)}


async def town(store, *, empty=False, now=lambda: NOW, fixed=()):
    if not empty:
        await settle_in(store)
    return Admin(store, "sqlite", fixed, now=now)
