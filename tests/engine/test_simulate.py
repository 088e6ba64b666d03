from __future__ import annotations

import time
from collections import Counter
from functools import cache
from random import Random

import pytest

from tui.engine import simulate
from tui.engine.batch import Names
from tui.engine.events import (
    HOLD,
    NEW,
    PROC,
    RETRY,
    Arrived,
    CampaignSeen,
    Deferred,
    Delivered,
    Event,
    Failed,
    Gone,
    Held,
    Released,
)
from tui.engine.messages import shown
from tui.engine.queue_state import QueueState
from tui.engine.queues.listing import Listing
from tui.engine.reconcile import Reconciler
from tui.engine.simulate import HISTORY_SECONDS, LISTING_SECONDS, MOST_UNITS, Simulation
from tui.engine.simulate_world import LOCAL_PARTS, make_world
from tui.engine.tracker import Tracker
from tui.isp import IspTable

START = 1_795_000_000
MINUTE = 60


class Books:
    """What the events alone say: every unit that arrived, and where it is."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, dict[bytes, int]] = {}
        self.held: set[bytes] = set()
        self.ids: set[bytes] = set()
        self.arrived = self.delivered = self.failed = 0

    def enter(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Arrived(_, id_, recipients=recipients):
                    assert id_ not in self.ids and recipients
                    self.ids.add(id_)
                    self.waiting[id_] = dict.fromkeys(recipients, NEW)
                    self.arrived += len(recipients)
                case Delivered(_, id_, _, waiting):
                    del self.waiting[id_][waiting]
                    self.delivered += 1
                case Failed(_, id_, _, waiting):
                    del self.waiting[id_][waiting]
                    self.failed += 1
                case Deferred(_, id_, _, waiting):
                    assert self.waiting[id_][waiting] in (NEW, RETRY) and id_ not in self.held
                    self.waiting[id_][waiting] = RETRY
                case Held(_, id_):
                    self.held.add(id_)
                case Released(_, id_):
                    self.held.remove(id_)
                case Gone(_, id_):
                    assert not self.waiting.pop(id_)
                    self.held.discard(id_)
                case CampaignSeen():
                    pass
                case _:
                    raise AssertionError(event)

    def check(self, listing: Listing) -> None:
        assert listing.messages.keys() == self.waiting.keys()
        for id_, message in listing.messages.items():
            assert message.id == id_ and message.recipients
            units = self.waiting[id_]
            assert set(message.recipients) == units.keys()
            assert (message.state == HOLD) == (id_ in self.held)
            if message.state in (NEW, RETRY):
                assert set(units.values()) == {message.state}
        assert self.arrived == self.delivered + self.failed + sum(map(len, self.waiting.values()))


def begun(seed: int = 1, accounts: int = 60) -> tuple[Simulation, list[Event], Listing]:
    simulation = Simulation(seed, accounts, START)
    events, listing = simulation.step(START)
    assert listing is not None
    return simulation, events, listing


@cache
def history(seed: int = 1) -> tuple[list[Event], Listing]:
    """The first step, for who only looks at it."""
    return begun(seed, 2000)[1:]


@pytest.mark.parametrize(("seed", "accounts"), [(1, 150), (2, 1), (3, 40)])
def test_every_unit_is_delivered_failed_or_listed(seed: int, accounts: int) -> None:
    simulation, events, listing = begun(seed, accounts)
    books = Books()
    books.enter(events)
    books.check(listing)
    now = START
    for pause in (1, 1, 2, 3, 5, 8, 60, 600, 1, 1800, 3600):
        now += pause
        events, later = simulation.step(now)
        books.enter(events)
        if later is not None:
            assert later.taken == now
            books.check(later)


def test_the_tracker_finds_nothing_to_explain() -> None:
    simulation, events, listing = begun()
    state = QueueState(Names(), {}, IspTable())
    tracker, reconciler = Tracker(state), Reconciler(state)
    tracker.apply(events)
    reconciler.reconcile(listing, set())
    for now in range(START + 60, START + 1200, 60):
        events, later = simulation.step(now)
        tracker.apply(events)
        if later is not None:
            reconciler.reconcile(later, set())
    assert state.take(START + 3600).counters == {}


def test_what_waits_says_when_it_came_from_whom_and_how_often_it_was_tried() -> None:
    simulation, state = Simulation(7, 300, START), QueueState(Names({}, {}, {}), {}, IspTable())
    events, listing = simulation.step(START)
    Tracker(state).apply(events)
    senders = {event.id: event.sender for event in events if isinstance(event, Arrived)}
    tried = Counter((event.id, event.waiting) for event in events if isinstance(event, Deferred))
    assert listing is not None
    Reconciler(state).reconcile(listing, set())
    for id_, message in state.messages.items():
        for recipient, one in zip(message.units, shown(id_, message), strict=True):
            assert one.sender == (senders[id_] or b"").decode()
            assert one.arrived == listing.messages[id_].arrived
            assert one.attempts == tried[id_, recipient]
    assert len({sender for sender in senders.values() if sender and sender.count(b"@") == 1}) > 50


def test_the_same_seed_gives_the_same_however_time_is_divided() -> None:
    whole, first, _ = begun()
    rest, listing = whole.step(START + 900)
    again = Simulation(1, 60, START)
    pieces: list[Event] = []
    for now in [START - 5000, START - 4999, START - 7, *range(START, START + 900, 13), START + 900]:
        pieces += again.step(now)[0]
    assert pieces == first + rest
    assert again.step(START + 1000) == whole.step(START + 1000)
    assert listing is not None


def test_another_seed_gives_another_platform() -> None:
    assert begun(1)[1][:100] != begun(2)[1][:100]


def test_events_are_in_order_and_of_their_time() -> None:
    simulation, events, _ = begun()
    times = [event.time for event in events]
    assert times == sorted(times)
    assert START - HISTORY_SECONDS <= times[0] < START - HISTORY_SECONDS + MINUTE
    later = [event.time for event in simulation.step(START + 30)[0]]
    assert later == sorted(later) and later[0] >= START and later[-1] <= START + 30


def test_lists_every_few_seconds() -> None:
    simulation, _, _ = begun()
    listed = [now for now in range(START + 1, START + 31) if simulation.step(now)[1] is not None]
    assert listed == list(range(START + LISTING_SECONDS, START + 31, LISTING_SECONDS))


def test_a_listing_repeats_what_did_not_change() -> None:
    simulation, _, before = begun()
    _, after = simulation.step(START + LISTING_SECONDS)
    assert after is not None
    same = [id_ for id_, message in after.messages.items() if before.messages.get(id_) is message]
    assert len(same) > 0.9 * len(after.messages)


@pytest.mark.parametrize("seed", range(1, 3))
def test_the_first_step_is_bounded_and_has_something_to_show(seed: int) -> None:
    events, listing = history(seed)
    assert 50_000 < len(events) <= 150_000
    minutes = Counter(event.time // MINUTE for event in events if type(event) is Delivered)
    recent = range(START // MINUTE - 60, START // MINUTE)
    assert all(minutes[minute] for minute in recent)
    states: Counter[int] = Counter()
    for message in listing.messages.values():
        states[message.state] += len(message.recipients)
    assert 20_000 <= states.total() <= MOST_UNITS + 100
    assert all(states[state] for state in (NEW, PROC, RETRY))
    assert any(type(event) is Held for event in events)


def test_a_full_platform_takes_no_new_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "MOST_UNITS", 3000)
    simulation, _, listing = begun(5, 200)
    longest = 0
    for now in range(START, START + 4 * 3600, 300):
        listing = simulation.step(now)[1] or listing
        longest = max(longest, sum(len(message.recipients) for message in listing.messages.values()))
    assert 2500 < longest <= 3000 + 100


def test_a_long_sleep_is_not_made_up_for() -> None:
    simulation, events, listing = begun()
    books = Books()
    books.enter(events)
    awake = START + 30 * 24 * 3600
    events, later = simulation.step(awake)
    assert len(events) < 200_000 and events[0].time >= START and events[-1].time <= awake
    assert later is not None and len(later.messages) > len(listing.messages) / 3
    books.enter(events)
    books.check(later)
    assert all(message.arrived <= awake for message in later.messages.values())


def test_a_clock_that_goes_back_stands_still() -> None:
    simulation, _, _ = begun()
    assert simulation.step(START) == ([], None)
    assert simulation.step(START - 500) == ([], None)
    assert simulation.step(START + 60)[0]


def test_live_steps_cost_little() -> None:
    simulation, _, _ = begun(1, 2000)
    began = time.process_time()
    for now in range(START + 1, START + 121):
        simulation.step(now)
    assert time.process_time() - began < 0.05 * 120


def test_troubles_come_and_go() -> None:
    isps = IspTable()
    tried: Counter[tuple[str, int]] = Counter()
    deferred: Counter[tuple[str, int]] = Counter()
    for event in history()[0]:
        if isinstance(event, (Delivered, Deferred)):
            key = isps.of_address(event.address), event.time // 600
            tried[key] += 1
            deferred[key] += type(event) is Deferred
    late = {key: deferred[key] / tried[key] for key in tried if tried[key] > 50 and key[1] > (START - 4800) // 600}
    assert max(late.values()) > 0.6
    assert min(late.values()) < 0.3


def test_a_stolen_account_meets_many_refusals() -> None:
    simulation, _, _ = begun(1, 300)
    senders: dict[bytes, bytes] = {}
    failed: Counter[bytes] = Counter()
    for event in simulation.step(START + 3600)[0]:
        if isinstance(event, Arrived) and event.account is not None:
            senders[event.id] = event.account
        elif isinstance(event, Failed) and event.id in senders:
            failed[senders[event.id]] += 1
    (_, worst), (_, second) = failed.most_common(2)
    assert worst > 300 and worst > 5 * second


class TestWorld:
    def test_names_are_unique_and_of_nobody(self) -> None:
        world = make_world(Random(1), 3000)
        names = {account.name for account in world.accounts}
        assert len(names) == 3000
        assert all(account.domain.endswith((b".example", b".test")) for account in world.accounts)
        assert all(b"." not in name.partition(b"@")[0] or name.endswith((b".example", b".test")) for name in names)
        assert b"bob" in names

    def test_campaigns(self) -> None:
        seen = {event.campaign for event in history()[0] if isinstance(event, CampaignSeen)}
        assert {b"spring-2024", b"newsletter/7", b"Sale 50%"} <= seen

    def test_isps_are_the_providers_and_some_companies(self) -> None:
        isps = IspTable()
        seen: Counter[str] = Counter()
        for event in history()[0]:
            if isinstance(event, Arrived):
                seen.update(isps.of_address(recipient) for recipient in event.recipients or ())
        assert len(seen) == 60
        assert seen.most_common(1)[0][0] == "Gmail"
        assert sum(name.endswith(".example") for name in seen) == 31

    def test_activity_is_uneven(self) -> None:
        sent = Counter(event.account for event in history()[0] if isinstance(event, Arrived))
        counts = sorted(sent.values(), reverse=True)
        assert len(counts) > 1000
        assert sum(counts[:100]) > 0.4 * sum(counts)

    def test_recipients_have_plain_names(self) -> None:
        assert len(LOCAL_PARTS) == len(set(LOCAL_PARTS)) > 1000
