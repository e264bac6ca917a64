"""
What the admin API does, apart from HTTP: who may ask for what, and what is answered.

The handlers (``llms.web.admin``) and the command line without a gateway (``llms keys --offline``) both use it.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from llms.admin import shapes
from llms.admin.book import Book
from llms.admin.calls import Calls
from llms.admin.keys import Keys
from llms.keys import Role, VirtualKey
from llms.limits import Scope, Taken
from llms.store import Store

Kind = Literal["sqlite", "postgresql", "none"]

Takings = Callable[[VirtualKey | None], Awaitable[Sequence[tuple[Scope, Taken]]]]
"""Says what was taken so far of all that counts a caller."""


async def nothing() -> None:
    """Nobody else wants to know."""


class Admin:
    """
    Looks after keys and calls.

    Args:
        kind: What the store is.
        fixed: The configuration's keys, which nobody changes here.
        renew: Has this process know at once what was changed; others learn of it within a second or two.
        now: Gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        kind: Kind,
        fixed: Sequence[VirtualKey] = (),
        renew: Callable[[], Awaitable[None]] = nothing,
        now: Callable[[], float] = time.time,
    ) -> None:
        book = Book(store, fixed, now)
        self.kind = kind
        self.keys = Keys(store, book, renew)
        self.calls = Calls(store, book)


async def me(caller: VirtualKey | None, admin: Admin | None, takings: Takings | None) -> dict[str, Any]:
    """Say who asks, and what was taken so far."""
    if admin is None or caller is None:
        key = None if caller is None else shapes.key(caller, None, changeable=False)
    else:
        key = await admin.keys.own(caller)
    return {
        "key": key,
        "role": (Role.ADMIN if caller is None else caller.role).value,
        "open": caller is None,
        "taken": [] if takings is None else shapes.taken(await takings(caller)),
        "store": "none" if admin is None else admin.kind,
    }
