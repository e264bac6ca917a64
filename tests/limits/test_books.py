"""Several processes' books and the states between them, without anything that waits: a model of what may go wrong."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from llms.errors import BudgetSpentError, OverLimitError
from llms.keys import Limits
from llms.limits import Need, Scope, rules
from llms.limits.books import MEMBERS, Books
from llms.limits.documents import Document, Seeding, Spending, members
from llms.limits.holdings import Holding, SharedHeld
from llms.limits.state import DAY_MS, starts
from llms.limits.states import Change, Loaded
from tests.limits.ledger import ms

NOON = ms("2026-11-28 12:00:00")
BUDGET = 100
SCOPES = (
    Scope("key:k", Limits(budget_day=BUDGET, concurrency=4)),
    Scope("team:t", Limits(budget_total=10 * BUDGET, rpm=50)),
)
SUBJECTS = [scope.subject for scope in SCOPES]


class Process:
    """One process: its books, the calls that it runs, and what they overran since others could know."""

    def __init__(self, world):
        self.world = world
        self.books = Books(1)
        self.calls = []
        self.overrun = 0

    def round(self, *, need=None, lost=None):
        """Load, decide and swap; give the states. ``lost``: the answer is lost of a swap that was done, or was not."""
        world, books = self.world, self.books
        loaded = Loaded(world.now, "one", dict(world.kept))
        found, changed = books.meet(loaded, world.now, forgets=False, leaving=False)
        documents = books.read(loaded, SUBJECTS, found, world.now)
        books.bring(documents, world.now)
        for subject, document in documents.items():
            holding = books.holding(subject)
            if not document.state.known and holding.seeding is None:
                holding.seeding = Seeding(document.state.starts)
                holding.seeding.asked_at = world.now
                holding.seeding.spent = tuple(world.spent(start) for start in document.state.starts)
        documents = books.read(loaded, SUBJECTS, found, world.now)
        books.bring(documents, world.now)
        admitted = need is not None and self._admit(documents, need)
        changes = books.changes(loaded, documents, world.now)
        if changed:
            changes.append(Change(MEMBERS, loaded.kept.get(MEMBERS, (0, b""))[0], found.encoded(world.now)))
        if lost is not False:
            world.swap(changes)
        if lost is None:
            books.kept(documents)
            self.overrun = 0
            if admitted:
                self._hold(documents, need)
        return documents

    def _admit(self, documents, need):
        try:
            rules.admit(
                SCOPES, list(documents.values()) and [one.state for one in documents.values()], need, self.world.now
            )
        except (OverLimitError, BudgetSpentError):
            return False
        for document in documents.values():
            document.changed = True
        return True

    def _hold(self, documents, need):
        world = self.world
        holdings = [self.books.holding(subject) for subject in SUBJECTS]
        for holding in holdings:
            holding.state.take(need.tokens, need.cost)
        states = [one.state for one in documents.values()]
        held = SharedHeld(lambda: world.now, lambda _: None, SCOPES, states, holdings, need, world.now, counted=True)
        self.calls.append((held, need))
        world.admitted()

    def settle(self, number, tokens, cost):
        held, need = self.calls.pop(number % len(self.calls))
        self.world.rows.append((held.at, cost))
        held.settle(tokens, cost)
        self.overrun += max(cost - need.cost, 0)


class Exact(RuleBasedStateMachine):
    """Processes that do not die, and states that are not lost: everything adds up to the last micro-dollar."""

    def __init__(self):
        super().__init__()
        self.now = NOON
        self.kept = {}
        self.rows = []
        self.processes = [Process(self) for _ in range(3)]

    def swap(self, changes):
        assert all(self.kept.get(change.subject, (0, b""))[0] == change.version for change in changes)
        self.kept.update({change.subject: (change.version + 1, change.state) for change in changes})

    def spent(self, start):
        return sum(cost for at, cost in self.rows if at // DAY_MS >= start)

    def admitted(self):
        """A call was: so there was enough for it, but for what overran and is not known yet."""
        today = self.now // DAY_MS
        reserved = sum(need.cost for process in self.processes for _, need in process.calls)
        assert self.spent(today) + reserved <= BUDGET + sum(process.overrun for process in self.processes)
        assert sum(len(process.calls) for process in self.processes) <= 4

    @rule(process=st.integers(0, 2), cost=st.integers(0, 60))
    def admit(self, process, cost):
        self.processes[process].round(need=Need(10, cost))

    @rule(process=st.integers(0, 2), number=st.integers(0, 9), cost=st.integers(0, 80))
    def settle(self, process, number, cost):
        if self.processes[process].calls:
            self.processes[process].settle(number, 5, cost)

    @rule(process=st.integers(0, 2))
    def bring(self, process):
        self.processes[process].round()

    @rule(process=st.integers(0, 2), done=st.booleans())
    def lose_an_answer(self, process, done):
        self.processes[process].round(lost=done)

    @rule(seconds=st.sampled_from([1, 30, 3600, 86_400]))
    def pass_time(self, seconds):
        self.now += seconds * 1000
        for process in self.processes:  # each says that it lives, sooner than its lease ends
            process.round()

    def settled(self):
        """Give the states when every process has brought what it has."""
        documents = {}
        for process in self.processes:
            documents = process.round()
        return documents

    @invariant()
    def adds_up(self):
        key, team = self.settled().values()
        calls = [need for process in self.processes for _, need in process.calls]
        assert [len(calls)] * 2 == [key.state.running, team.state.running]
        assert [sum(need.cost for need in calls)] * 2 == [key.state.reserved, team.state.reserved]
        self.check(key.state.spent, team.state.spent)

    def check(self, key, team):
        assert self.counted() == key == team

    def counted(self):
        return [self.spent(start) for start in starts(self.now)]

    def teardown(self):
        for process in self.processes:
            while process.calls:
                process.settle(0, 5, 3)
        key, team = self.settled().values()
        assert [(0, 0)] * 2 == [(one.state.running, one.state.reserved) for one in (key, team)]
        self.check(key.state.spent, team.state.spent)


class Rough(Exact):
    """Processes are killed, and the states are lost: a budget gives too little rather than too much, for a while."""

    def __init__(self):
        super().__init__()
        self.unsaid = 0

    @rule(process=st.integers(0, 2))
    def kill(self, process):
        died = self.processes[process]
        self.unsaid += sum(
            cost for settled in _unsaid(died.books.holding("key:k")) for _, _, cost in settled.spending.parts
        )
        self.processes[process] = Process(self)
        found = members(self.kept[MEMBERS][1], "one")
        if found is not None:  # and its lease ends
            found.live.pop(died.books.process, None)
            self.kept[MEMBERS] = (self.kept[MEMBERS][0] + 1, found.encoded(self.now))

    @precondition(lambda self: self.kept)
    @rule()
    def lose_the_states(self):
        self.kept.clear()
        for process in self.processes:  # before the ledger is asked they all find out
            process.books.meet(Loaded(self.now, "one", {}), self.now, forgets=True, leaving=False)

    def admitted(self):
        assert sum(len(process.calls) for process in self.processes) <= 4

    def check(self, key, team):
        for state in (key, team):
            assert all(have >= true - self.unsaid for have, true in zip(state, self.counted(), strict=True))


def _unsaid(holding):
    return [*holding.tried, holding.fresh]


@pytest.mark.parametrize("machine", [Exact, Rough])
def test_b05_b16_everything_adds_up(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None))


def seeded(spent=10):
    seeding = Seeding(starts(NOON))
    seeding.asked_at = NOON
    seeding.spent = (spent,) * 4
    return seeding


def document():
    made = Document("me")
    made.state.turn(NOON)
    return made


def test_what_was_settled_and_not_brought_in_is_in_what_the_ledger_says():
    holding = Holding()
    holding.fresh.spending.add(NOON, starts(NOON), 7)
    holding.seeding = seeded()
    made = document()

    holding.bring(made)

    assert [10] * 4 == made.state.spent


def test_a_window_that_has_ended_is_not_put_right():
    made = document()
    made.seed(seeded())
    day = starts(NOON)[1]

    assert made.repair(0, {(1, day - 1): 5, (2, starts(NOON)[2]): 3})
    assert [10, 10, 13, 10] == made.state.spent
    assert not made.repair(0, {(1, day): 5})


def test_what_is_settled_in_a_long_outage_takes_little_room():
    spending = Spending()
    for second in range(10_000):
        spending.add(NOON + second * 1000, starts(NOON), 1)

    assert len(spending.parts) < 100
    assert 10_000 == sum(cost for _, _, cost in spending.parts)


def test_forgotten_is_what_is_not_seen_and_holds_nothing():
    books = Books(1)
    books.holding("key:old").state.turn(NOON - 11 * 60_000)
    books.holding("key:new").state.turn(NOON)
    books.holding("key:held").state.take(1, 1)

    books.forget(NOON)

    assert ["key:new", "key:held"] == list(books.holdings)
