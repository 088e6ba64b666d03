"""Made-up events and listings for the tests of tracker and ledger: few ids and names, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from tui.engine import events as ev
from tui.engine.queues.listing import Listing, Waiting

IDS = [b"1xUr5N-00000U-31", b"1xUr5O-00000g-0T", b"679C526EC91", b"4bXyZ1", b"q"]
RECIPIENTS = [b"a@gmail.test", b"b@gmail.test", b"c@yahoo.test", b'"d d"@Corp.test', b"postmaster"]
ACCOUNTS = [b"alice@acme.test", b"bob", b"<>"]

ids = st.sampled_from(IDS)
recipients = st.sampled_from(RECIPIENTS)
accounts = st.sampled_from(ACCOUNTS)
campaigns = st.sampled_from([b"spring-2024", b"Sale 50%", b""])
replies = st.sampled_from([b"451 4.7.1 Try again later", b"Connection refused"])


@st.composite
def one_event(draw: st.DrawFn, time: int) -> ev.Event:
    id_ = draw(ids)
    where = draw(recipients)
    waiting = where if draw(st.integers(0, 4)) else b"list@acme.test"
    kind = draw(st.integers(0, 13))
    some = st.none() | st.lists(recipients, max_size=4, unique=True).map(tuple)
    made: list[ev.Event] = [
        ev.Submitted(time, id_, draw(st.none() | accounts)),
        ev.CampaignSeen(time, id_, draw(campaigns)),
        ev.Arrived(
            time, id_, draw(st.none() | accounts), b"acme.test", draw(st.integers(-1, 999)), draw(some), 0, b"x@y"
        ),
        ev.Arrived(time, id_, draw(accounts), b"acme.test", draw(st.integers(-1, 999)), draw(some), ev.PROC, b""),
        ev.Delivered(time, id_, where, waiting),
        ev.Delivered(time, id_, where, where),
        ev.Deferred(time, id_, where, waiting, draw(replies), draw(st.booleans())),
        ev.Failed(time, id_, where, waiting, draw(replies)),
        ev.Expired(time, id_),
        ev.Dropped(time, id_, where),
        ev.Added(time, id_, where),
        ev.Held(time, id_),
        ev.Released(time, id_),
        ev.Gone(time, id_) if draw(st.booleans()) else ev.Renamed(time, id_, draw(ids)),
    ]
    return made[kind]


@st.composite
def event_lists(draw: st.DrawFn, most: int = 40) -> list[ev.Event]:
    time = 1_800_000_000
    events: list[ev.Event] = []
    for step in draw(st.lists(st.sampled_from([0, 1, 30, 90, 3600, 90_000]), max_size=most)):
        time += step
        events.append(draw(one_event(time)))
    return events


@st.composite
def listings(draw: st.DrawFn, taken: int = 1_800_000_000) -> Listing:
    messages = {}
    for id_ in draw(st.lists(ids, unique=True)):
        messages[id_] = Waiting(
            id=id_,
            state=draw(st.integers(0, 3)),
            recipients=tuple(draw(st.lists(recipients, max_size=4, unique=True))),
            account=draw(st.none() | accounts),
            fallback=b"acme.test",
            campaign=draw(st.none() | campaigns),
            size=draw(st.integers(-1, 9999)),
            arrived=taken - 60,
            transient=draw(st.booleans()),
        )
    return Listing(taken, messages)
