"""
What a call may take, and what it came to: admission before anything is sent, a bill and a ledger's row at its end.

The bill is that of the target that answered: a provider that failed before it is in the row's attempts and costs the
caller nothing. What the provider counted is exact. An answer that was cut off is estimated from what was seen of it; a
client that left before there was any pays for what went in, which the provider has read.

A call is counted by those who have limits as it is admitted. Whoever is given limits while it runs starts from what the
ledger has, which it is not in yet: so its cost is added when it ends. Only then, since a call that was not held to a
budget cannot be refused by it any more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from llms import estimate
from llms.books import Books
from llms.errors import EndpointNotAllowedError, ModelNotFoundError, UnpricedError
from llms.kept import KeepingMeter
from llms.keys import Role, VirtualKey
from llms.ledger import row
from llms.ledger.spool import Entry
from llms.ledger.strangers import Strangers
from llms.limits import Need, Scope
from llms.prices import Prices, cost
from llms.records import Bill, Call, CallRecord, Route
from llms.store import KeptBody
from llms.trail import Trail

_NOTHING = Bill(None, None, "none", 0, priced=True)
"""What a call comes to that reached nobody."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What holds of every call.

    Args:
        assumed_output_tokens: What an answer is taken to have at most if nothing says so.
        require_price: Whether what has no price is refused.
    """

    assumed_output_tokens: int = 4096
    require_price: bool = False


class Accounts:
    """
    Keeps the accounts of calls.

    Args:
        prices: Of targets.
        rules: What holds of every call.
        books: Where calls are counted and written down; ``None``: nowhere.
    """

    def __init__(self, prices: Prices, rules: Rules, books: Books | None = None) -> None:
        self._prices = prices
        self._rules = rules
        self._books = books
        self._ledger = None if books is None else books.ledger
        self._scopes_found: dict[tuple[str, str, str], list[Scope]] = {}
        self._scopes_of = -1
        self._strangers = Strangers()

    async def admit(self, trail: Trail, route: Route) -> None:
        """
        Admit a call, and note what is held for it, or do not.

        Raises:
            LedgerUnavailableError: It could not be written down.
            OverLimitError: As ``Limiter.admit``, and so the others that it raises.
        """
        books, call = self._books, trail.call
        if books is None:
            return
        if self._ledger is not None:
            self._ledger.require_room()
        trail.version = version = books.keys.version
        trail.scopes = scopes = self._scopes(call.key, call.model, version)
        if self._ledger is None and not scopes:
            return  # nobody reads it
        trail.estimate = estimated = estimate.before(
            call, route.targets, self._prices, self._rules.assumed_output_tokens
        )
        if scopes:
            need = Need(estimated.input_tokens + estimated.output_tokens, estimated.cost)
            trail.held = await books.limiter.admit(scopes, need)

    def affordable(self, route: Route, call: Call) -> Route:
        """
        Give ``route`` without the targets that may not be called because they have no price.

        Raises:
            UnpricedError: None is left.
        """
        if not self._rules.require_price:
            return route
        unpriced = [target for target in route.targets if self._prices.of(target) is None]
        if not unpriced:
            return route
        priced = tuple(target for target in route.targets if target not in unpriced)
        if not priced:
            message = f"The model {call.model[:200]!r} has no price here, and none is served without one. See `prices`."
            raise UnpricedError(message, param="model")
        return replace(route, targets=priced, off=(*route.off, *((target, _UNPRICED) for target in unpriced)))

    def close(self, trail: Trail, sink: Callable[[CallRecord], None]) -> None:
        """Settle a call that has ended: bill it, write it down, give back what was held for it. Never waits."""
        held, books = trail.held, self._books
        if books is None or (self._ledger is None and held is None):
            sink(trail.record())
            return
        bill = self._bill(trail)
        record = trail.record(bill, books.clock() if held is None else held.at)
        if held is not None:
            usage = bill.usage
            held.settle(0 if usage is None else usage.input_tokens + usage.output_tokens, bill.cost)
        if self._ledger is not None:
            kept = row(record, bill)
            if bill.target is None and (trail.estimate is None or record.code == ModelNotFoundError.default_code):
                kept = self._strangers.noted(kept)
            self._ledger.put(Entry(kept, _body(trail)))
            if not trail.held_back:
                self._ledger.written()
        if trail.version != books.keys.version and bill.cost:
            self._count_late(books, trail, record)
        sink(record)

    def scopes(self, key: VirtualKey | None, model: str | None = None) -> list[Scope]:
        """
        Give who has limits that count a call: its key and all that it comes from, its team, its model, the gateway.

        Args:
            model: ``None``: whatever the model.
        """
        books = self._books
        if books is None:
            return []
        found = ((subject, books.limits(subject)) for subject in _subjects(books, key, model))
        return [Scope(subject, limits) for subject, limits in found if limits is not None]

    def _scopes(self, key: VirtualKey | None, model: str, version: int) -> list[Scope]:
        """Give the same of a call; what was found for these keys is found again."""
        if self._scopes_of != version:
            self._scopes_of = version
            self._scopes_found.clear()
        named = ("", "", model) if key is None else (key.id, key.team, model)
        found = self._scopes_found.get(named)
        if found is None:
            if len(self._scopes_found) >= _MOST_SCOPES:
                self._scopes_found.clear()
            found = self._scopes_found[named] = self.scopes(key, model)
        return found

    def _count_late(self, books: Books, trail: Trail, record: CallRecord) -> None:
        """Have a call counted by those who were given limits while it ran."""
        counted = {scope.subject for scope in trail.scopes}
        now = [scope.subject for scope in self.scopes(trail.call.key, trail.call.model)]
        bill = record.bill
        assert bill is not None, "asked only for what has one"  # noqa: S101
        books.limiter.add([subject for subject in now if subject not in counted], record.at, bill.cost)

    def _bill(self, trail: Trail) -> Bill:
        target, usage = trail.served, trail.meter.usage
        if target is None:
            asked = [attempt.target for attempt in trail.attempts if attempt.outcome == "cancelled"]
            if not asked:
                return _NOTHING
            target, usage = asked[-1], None
        assert trail.estimate is not None, "asked only for what was admitted"  # noqa: S101
        used, exact = estimate.counted(usage, trail.estimate, trail.meter.seen_bytes)
        price = trail.estimate.price(target)
        total = 0 if price is None else cost(price.at(trail.meter.tier or trail.call.body.get("service_tier")), used)
        return Bill(target, used, "exact" if exact else "estimated", total, priced=price is not None)


_MOST_SCOPES = 4096
"""Pairs of a key and a model; clients choose the models' names."""


def _subjects(books: Books, key: VirtualKey | None, model: str | None) -> Iterator[str]:
    """Give all who may count a call."""
    if key is not None:
        yield f"key:{key.id}"
        for one in books.keys.above(key):
            yield f"key:{one.id}"
        yield f"team:{key.team}"
    if model is not None:
        yield f"model:{model}"
    yield "gateway"


_UNPRICED = "it has no price"


def require_right(call: Call) -> None:
    """
    Refuse a call that its key is not for.

    Raises:
        EndpointNotAllowedError: The endpoint, or any.
        ModelNotFoundError: The model; to the key's holder there is none of that name.
    """
    key = call.key
    if key is None:
        return
    if key.role is Role.VIEWER:
        message = "This key is for looking at usage and logs; it calls no model. Use another key."
        raise EndpointNotAllowedError(message)
    if key.endpoints and call.api not in key.endpoints:
        message = f"This key is not for {call.api}; it is for {', '.join(key.endpoints)}."
        raise EndpointNotAllowedError(message)
    if not key.may_call(call.model):
        message = f"There is no model {call.model[:200]!r} for this key. GET /v1/models lists what is."
        raise ModelNotFoundError(message, param="model")


def _body(trail: Trail) -> KeptBody | None:
    return trail.meter.kept() if isinstance(trail.meter, KeepingMeter) else None
