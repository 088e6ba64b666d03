"""Made-up mail as real mail systems log it, with what truly waits after each line; and a naive book of it, by names."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tui.engine import events as ev
from tui.engine.queues.listing import Listing, Waiting

BEGIN = 1_800_000_000
RECIPIENTS = (b"a@gmail.com", b"b@gmail.com", b"c@yahoo.com", b'"d d"@corp.example', b"postmaster", b"e@corp.example")
CHILDREN = (b"x@gmail.com", b"y@yahoo.com", b"z@corp.example")
ACCOUNTS = (b"alice@acme.test", b"bob@acme.test", b"carol")


class Line(NamedTuple):
    """A line of the log and what truly waits of its message after it; ``waits`` is ``None`` when it is not in the
    queue."""

    event: ev.Event
    waits: tuple[bytes, ...] | None
    state: int


def history(rng: random.Random, messages: int, *, seconds: float = 1.0) -> list[Line]:
    """The lines of so many messages, mixed; between two of them pass ``seconds`` on average."""
    stories = [(_exim if rng.random() < 0.5 else _postfix)(rng, b"%06d-id" % number) for number in range(messages)]
    lines: list[Line] = []
    time = BEGIN
    while stories:
        story = rng.choice(stories)
        for _ in range(rng.randint(1, 3)):
            if story:
                event, waits, state = story.pop(0)
                time += int(rng.expovariate(1 / seconds)) if seconds else 0
                lines.append(Line(replace(event, time=time), waits, state))
        stories = [story for story in stories if story]
    return lines


def queue(lines: Iterable[Line], taken: int) -> Listing:
    """What waits after these lines, as the mail system lists it."""
    last = {line.event.id: line for line in lines}
    owners = {line.event.id: line.event for line in lines if isinstance(line.event, ev.Arrived)}
    listed = {}
    for id_, line in last.items():
        if line.waits:
            account = owners[id_].account if id_ in owners else None
            listed[id_] = Waiting(id_, line.state, line.waits, account, b"acme.test", None, 10, BEGIN)
    return Listing(taken, listed)


def difference(lines: Sequence[Line], listing: Listing) -> int:
    """By how much the mail of these lines is off balance after ``listing``, by a book of names that knows nothing of
    batches, restarts and corrections."""
    by_message: dict[bytes, list[ev.Event]] = {}
    for line in lines:
        by_message.setdefault(line.event.id, []).append(line.event)
    ids = by_message.keys() | listing.messages.keys()
    return sum(_owed(by_message.get(id_, []), listing.messages.get(id_)) for id_ in ids)


def _owed(events: Sequence[ev.Event], listed: Waiting | None) -> int:
    """Recipients of a message that were accepted, less those that ended and those that wait."""
    kinds = {type(event) for event in events}
    own = [e.waiting for e in events if isinstance(e, ev.Delivered | ev.Failed) and e.waiting == e.address]
    dropped = {e.waiting for e in events if isinstance(e, ev.Dropped)}
    seen = set(own) | dropped | {e.waiting for e in events if isinstance(e, ev.Deferred | ev.Added)}
    waiting = set(listed.recipients) if listed is not None else set()
    named = {r for e in events if isinstance(e, ev.Arrived) for r in e.recipients or ()}
    added = {e.waiting for e in events if isinstance(e, ev.Added)}
    numbers = [e.declared for e in events if isinstance(e, ev.Arrived)]
    unaccounted = ((named | added) or seen) - set(own) - dropped
    aliases = {e.waiting for e in events if isinstance(e, ev.Delivered | ev.Failed) and e.waiting != e.address}
    # An outcome that is told twice is one too many where the arrival named all.
    twice = len(own) - len(set(own)) if named else 0
    if ev.Removed in kinds or (aliases and ev.Gone in kinds):
        return -twice
    # Whom a listing shows and no line before may be somebody by another name.
    left = max(0, len(unaccounted - waiting - aliases) - len(waiting - unaccounted))
    if listed is None and ev.Submitted in kinds and numbers:
        left += max(0, numbers[0] - len(seen))
    return left - twice


def _outcomes(rng: random.Random, id_: bytes, recipients: Sequence[bytes], aliases: bool) -> list[tuple[ev.Event, int]]:
    """Rounds of tries, each with the number of the recipient that is done after it; -1: none is."""
    tried: list[tuple[ev.Event, int]] = []
    for number, recipient in enumerate(recipients):
        tried += [
            (ev.Deferred(0, id_, recipient, recipient, b"451 later", rng.random() < 0.8), -1)
            for _ in range(rng.choice((0, 0, 1, 2)))
        ]
        if rng.random() < 0.15:
            continue  # it waits for ever
        if aliases and rng.random() < 0.25:
            children = rng.sample(CHILDREN, rng.randint(1, 3))
            for place, child in enumerate(children):
                done = number if place == len(children) - 1 else -1
                tried.append((ev.Delivered(0, id_, child, recipient), done))
        elif rng.random() < 0.1:
            tried.append((ev.Dropped(0, id_, recipient), number))
        elif rng.random() < 0.2:
            tried.append((ev.Failed(0, id_, recipient, recipient, b"550 no"), number))
        else:
            tried.append((ev.Delivered(0, id_, recipient, recipient), number))
    return tried


def _told(rng: random.Random, id_: bytes, first: Line, recipients: Sequence[bytes], aliases: bool) -> list[Line]:
    story, waits, state = [first], list(recipients), first.state
    for event, done in _outcomes(rng, id_, recipients, aliases):
        if isinstance(event, ev.Deferred):
            state = ev.RETRY
        if done >= 0:
            waits.remove(recipients[done])
        story.append(Line(event, tuple(waits), state))
    if not waits:
        story.append(Line(ev.Gone(0, id_), None, state))
    elif rng.random() < 0.3:
        story.append(Line(ev.Removed(0, id_), None, state))
    elif rng.random() < 0.3:
        story.append(Line(ev.Held(0, id_), tuple(waits), ev.HOLD))
    return story


def _exim(rng: random.Random, id_: bytes) -> list[Line]:
    recipients = tuple(rng.sample(RECIPIENTS, rng.randint(1, 4)))
    account = rng.choice(ACCOUNTS)
    named = recipients if rng.random() < 0.8 else None
    arrival = Line(ev.Arrived(0, id_, account, account, 10, named, ev.NEW, b"x@y"), recipients, ev.NEW)
    story = _told(rng, id_, arrival, recipients, aliases=True)
    if rng.random() < 0.3:
        story.insert(0, Line(ev.CampaignSeen(0, id_, b"spring"), None, ev.NEW))
    return story


def _postfix(rng: random.Random, id_: bytes) -> list[Line]:
    recipients = tuple(rng.sample(RECIPIENTS, rng.randint(1, 4)))
    account = rng.choice(ACCOUNTS)
    active = ev.Arrived(0, id_, None, b"acme.test", 10, None, ev.PROC, b"x@y", len(recipients))
    story = _told(rng, id_, Line(active, recipients, ev.PROC), recipients, aliases=False)
    if rng.random() < 0.7:
        story.insert(0, Line(ev.Submitted(0, id_, account), None, ev.NEW))
    for place in range(len(story) - 1, 1, -1):
        if isinstance(story[place].event, ev.Deferred) and rng.random() < 0.5:
            story.insert(place, Line(active, story[place - 1].waits, ev.PROC))
    return story
