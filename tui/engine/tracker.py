"""Events and queue listings to batches of signed deltas: who each message belongs to, what waits, what happened.

The collector (and the simulation through it) may enter. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tui.engine import events as ev
from tui.engine.batch import D_NEW, DEFER, FAIL, ISP_BITS, SEND, SIZE, SUCCESS, Batch, Names
from tui.engine.causes import CauseCounter
from tui.engine.events import HOLD, PROC, RETRY, Event
from tui.engine.messages import Message, decode_message, encode_message
from tui.engine.names import Numbers
from tui.engine.tally import Tally
from tui.isp import IspTable

SUBMISSION_KEPT_SECONDS = 24 * 3600
"""How long a message that was begun and never arrived is remembered (a client that hung up)."""

ABSENT_KEPT_SECONDS = 3600
"""How long a message that left the queue without a line is remembered, for lines that come late."""

CREDITS_KEPT = 100
"""How many events of a message can still move to another account or campaign; older ones stay where they are."""

_STATE_BITS = 2
_STATE_MASK = 3


class Tracker:
    """The state machine. ``names`` and ``stored`` (live messages by id) are what the ledger has.

    Feed it with ``apply`` and ``reconcile``, and ``take`` a batch whenever one is to be written: the sums of all
    batches do not depend on how the events were divided among the calls.
    """

    def __init__(self, names: Names, stored: dict[bytes, bytes], isps: IspTable) -> None:
        self._numbers = Numbers(names, isps)
        self.messages: dict[bytes, Message] = {id_: decode_message(blob) for id_, blob in stored.items()}
        self._stored = set(stored)
        self._changed: set[bytes] = set()
        self._tally = Tally()
        self._causes = CauseCounter()
        self._counters: dict[str, int] = {}
        self._unknown = self._numbers.unknown_campaign << ISP_BITS
        self._pruned_hour = 0
        self.log_time = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.Arrived: self._arrived,
            ev.Delivered: self._delivered,
            ev.Gone: self._gone,
            ev.Deferred: self._deferred,
            ev.Submitted: self._submitted,
            ev.CampaignSeen: self._campaign_seen,
            ev.Failed: self._failed,
            ev.Expired: self._expired,
            ev.Dropped: self._dropped,
            ev.Added: self._added,
            ev.Held: self._held,
            ev.Released: self._released,
            ev.Renamed: self._renamed,
        }

    # What the log says

    def apply(self, events: Iterable[Event]) -> None:
        """Take in events in the order of the log."""
        handlers = self._handlers
        event = None
        for event in events:
            handlers[type(event)](event)
        if event is not None:
            self.log_time = max(self.log_time, event.time)

    def _message(self, id_: bytes, time: int) -> Message:
        """The message of this id; one that is not known is counted as nobody's until it is."""
        self._changed.add(id_)
        message = self.messages.get(id_)
        if message is None or _forgotten(message, time):
            message = self.messages[id_] = Message(credits=[])
        elif message.absent >= 0:
            self.back_in_queue(message)
        message.seen = time
        return message

    def _submitted(self, event: ev.Submitted) -> None:
        self._used_again(event.id, event.time)
        message = self._message(event.id, event.time)
        message.submitted = True
        message.account = event.account

    def _campaign_seen(self, event: ev.CampaignSeen) -> None:
        self._message(event.id, event.time).campaign = event.campaign

    def _arrived(self, event: ev.Arrived) -> None:
        message = self._message(event.id, event.time)
        minute = event.time // 60
        if message.credits is not None:
            message.account = event.account or message.account or event.fallback
            self.attribute(message, message.account, minute)
        if not message.sent:
            message.sent = True
            self._counters_add("unlogged", -message.unlogged)
            message.unlogged = 0
            self._count(message, minute, 0, SEND, 1)
        if not message.sized and event.size >= 0:
            message.sized = True
            self._count(message, minute, 0, SIZE, event.size)
        if event.state == PROC:
            message.held = False
            self.set_state(message, PROC, minute)
        early = message.early
        if event.recipients:
            units = message.units
            for recipient in event.recipients:
                if recipient not in units and (early is None or recipient not in early):
                    self.add_unit(message, recipient, minute)
        message.early = None

    def _delivered(self, event: ev.Delivered) -> None:
        message = self._message(event.id, event.time)
        minute = event.time // 60
        self._count(message, minute, self._numbers.isp(event.address), SUCCESS, 1)
        if event.waiting is event.address:
            self._finish(message, event.waiting, minute)

    def _failed(self, event: ev.Failed) -> None:
        message = self._message(event.id, event.time)
        minute = event.time // 60
        self._count(message, minute, self._numbers.isp(event.address), FAIL, 1)
        if event.waiting is event.address:
            self._finish(message, event.waiting, minute)

    def _deferred(self, event: ev.Deferred) -> None:
        message = self._message(event.id, event.time)
        minute = event.time // 60
        if event.attempt:
            isp = self._numbers.isp(event.address)
            self._count(message, minute, isp, DEFER, 1)
            self._causes.add(self._cell(message) | isp, event.reply, event.time)
        if message.state != PROC:
            message.state = RETRY
        unit = message.units.get(event.waiting)
        if unit is None:
            self.add_unit(message, event.waiting, minute)
            unit = message.units[event.waiting]
        self._move_unit(message, event.waiting, unit, HOLD if message.held else RETRY, minute)

    def _expired(self, event: ev.Expired) -> None:
        message = self._message(event.id, event.time)
        minute = event.time // 60
        for recipient, unit in list(message.units.items()):
            self._count(message, minute, unit >> _STATE_BITS, FAIL, 1)
            self._remove_unit(message, recipient, minute)

    def _dropped(self, event: ev.Dropped) -> None:
        self._finish(self._message(event.id, event.time), event.waiting, event.time // 60)

    def _added(self, event: ev.Added) -> None:
        message = self._message(event.id, event.time)
        if event.waiting not in message.units:
            self.add_unit(message, event.waiting, event.time // 60)

    def _held(self, event: ev.Held) -> None:
        message = self._message(event.id, event.time)
        minute = event.time // 60
        if message.submitted and not message.sent:
            message.sent = True
            if message.account is not None:
                self.attribute(message, message.account, minute)
            self._count(message, minute, 0, SEND, 1)
        message.held = True
        self._move_units(message, HOLD, minute)

    def _released(self, event: ev.Released) -> None:
        message = self._message(event.id, event.time)
        message.release()
        self._move_units(message, message.state, event.time // 60)

    def _renamed(self, event: ev.Renamed) -> None:
        old = self.messages.pop(event.old, None)
        self._changed.add(event.old)
        if old is not None and not _forgotten(old, event.time):
            self._used_again(event.id, event.time)
            self.messages[event.id] = old
            old.submitted = True
        self._message(event.id, event.time)

    def _used_again(self, id_: bytes, time: int) -> None:
        """Short queue ids come again: what is known of an earlier message of this id is over."""
        known = self.messages.get(id_)
        if known is not None and (known.sent or known.units):
            if known.absent < 0:
                self.vanish(id_, known, time)
            del self.messages[id_]

    def _gone(self, event: ev.Gone) -> None:
        message = self.messages.pop(event.id, None)
        self._changed.add(event.id)
        if message is None or _forgotten(message, event.time):
            return
        if message.absent >= 0:
            self.back_in_queue(message)
        minute = event.time // 60
        for recipient in list(message.units):
            self._remove_unit(message, recipient, minute)

    # What both the log and the listing do to a message

    def attribute(self, message: Message, account: bytes, minute: int) -> None:
        """Say whose a message is. The events counted for it elsewhere move, at the minutes they were counted; what
        waits moves in ``minute``. When account and campaign are certain this was the last word."""
        old = self._cell(message)
        message.campaign_id = self._numbers.campaign(account, message.campaign)
        new = self._cell(message)
        if new != old:
            for counted, isp, column, amount in message.credits or ():
                self._tally.row(counted, old | isp)[column] -= amount
                self._tally.row(counted, new | isp)[column] += amount
            for unit in message.units.values():
                isp, column = unit >> _STATE_BITS, D_NEW + (unit & _STATE_MASK)
                self._tally.row(minute, old | isp)[column] -= 1
                self._tally.row(minute, new | isp)[column] += 1
        if message.account is not None and message.campaign:
            message.credits = None

    def add_unit(self, message: Message, recipient: bytes, minute: int) -> None:
        """One recipient more waits, in the message's state."""
        isp = self._numbers.isp(recipient)
        state = message.unit_state
        message.units[recipient] = isp << _STATE_BITS | state
        self._wait(message, minute, isp, state, 1)

    def set_state(self, message: Message, state: int, minute: int) -> None:
        """All units of a message are in ``state`` now."""
        if state == HOLD:
            message.held = True
        else:
            message.held = False
            message.state = state
        self._move_units(message, state, minute)

    def set_units(self, message: Message, recipients: Iterable[bytes], minute: int) -> int:
        """Exactly these recipients wait now; returns how many more than before."""
        before = len(message.units)
        wanted = dict.fromkeys(recipients)
        for recipient in [unit for unit in message.units if unit not in wanted]:
            self._remove_unit(message, recipient, minute)
        for recipient in wanted:
            if recipient not in message.units:
                self.add_unit(message, recipient, minute)
        return len(message.units) - before

    def vanish(self, id_: bytes, message: Message, time: int) -> None:
        """The message left the queue and no line said so: count it, and remember it for lines that come late."""
        self._changed.add(id_)
        message.absent = len(message.units)
        message.seen = time
        self._counters_add("vanished", message.absent)
        self._counters_add("unlogged", -message.unlogged)
        message.unlogged = 0
        for recipient in list(message.units):
            self._remove_unit(message, recipient, time // 60)

    def forget(self, id_: bytes, message: Message, time: int) -> None:
        """The message goes on under an id that is not known: what waited under this one waits no more."""
        self._changed.add(id_)
        self.set_units(message, (), time // 60)
        del self.messages[id_]

    def back_in_queue(self, message: Message) -> None:
        """A message that a listing lacked is there again."""
        self._counters_add("vanished", -message.absent)
        message.absent = -1

    def first_listed(self, id_: bytes, message: Message, units: int) -> None:
        """A listing shows ``units`` units that no line has told of."""
        self._changed.add(id_)
        message.unlogged += units
        self._counters_add("unlogged", units)

    def changed(self, id_: bytes) -> None:
        """The message's state must be stored again."""
        self._changed.add(id_)

    def _finish(self, message: Message, recipient: bytes, minute: int) -> None:
        if recipient in message.units:
            self._remove_unit(message, recipient, minute)
        elif not message.sent:
            message.early = [*(message.early or ()), recipient]

    def _remove_unit(self, message: Message, recipient: bytes, minute: int) -> None:
        unit = message.units.pop(recipient)
        self._wait(message, minute, unit >> _STATE_BITS, unit & _STATE_MASK, -1)

    def _move_units(self, message: Message, state: int, minute: int) -> None:
        for recipient, unit in message.units.items():
            self._move_unit(message, recipient, unit, state, minute)

    def _move_unit(self, message: Message, recipient: bytes, unit: int, state: int, minute: int) -> None:
        if unit & _STATE_MASK == state:
            return
        isp = unit >> _STATE_BITS
        message.units[recipient] = isp << _STATE_BITS | state
        self._wait(message, minute, isp, unit & _STATE_MASK, -1)
        self._wait(message, minute, isp, state, 1)

    def _cell(self, message: Message) -> int:
        return message.campaign_id << ISP_BITS or self._unknown

    def _count(self, message: Message, minute: int, isp: int, column: int, amount: int) -> None:
        """Count an event; it can move to another cell while it is not certain whose the message is."""
        self._tally.row(minute, self._cell(message) | isp)[column] += amount
        credits = message.credits
        if credits is not None:
            credits.append((minute, isp, column, amount))
            if len(credits) > CREDITS_KEPT:
                del credits[0]

    def _wait(self, message: Message, minute: int, isp: int, state: int, amount: int) -> None:
        """``amount`` more units of the message wait in ``state``."""
        self._tally.row(minute, self._cell(message) | isp)[D_NEW + state] += amount

    def _counters_add(self, name: str, amount: int) -> None:
        if amount:
            self._counters[name] = self._counters.get(name, 0) + amount

    # What goes to the ledger

    def take(self) -> Batch:
        """Everything since the last call, as one batch (without gauges and log positions)."""
        self._prune()
        messages: dict[bytes, bytes | None] = {}
        for id_ in self._changed:
            message = self.messages.get(id_)
            if message is not None:
                messages[id_] = encode_message(message)
                self._stored.add(id_)
            elif id_ in self._stored:
                messages[id_] = None
                self._stored.discard(id_)
        self._changed = set()
        new = self._numbers.take_new()
        counters, self._counters = self._counters, {}
        return Batch(
            deltas=self._tally.take(),
            accounts=new.accounts,
            campaigns=new.campaigns,
            isps=new.isps,
            causes=self._causes.take(),
            messages=messages,
            counters={name: amount for name, amount in counters.items() if amount},
        )

    def _prune(self) -> None:
        """Once an hour of log time drop what is long forgotten."""
        hour = self.log_time // 3600
        if hour == self._pruned_hour:
            return
        self._pruned_hour = hour
        long_ago = self.log_time - SUBMISSION_KEPT_SECONDS
        for id_ in [id_ for id_, message in self.messages.items() if _forgotten(message, long_ago)]:
            del self.messages[id_]
            self._changed.add(id_)


def _forgotten(message: Message, time: int) -> bool:
    """Whether at ``time`` the message is only a begun submission of long ago, or left the queue long ago."""
    if message.absent >= 0:
        return time - message.seen > ABSENT_KEPT_SECONDS
    return not message.sent and not message.units and time - message.seen > SUBMISSION_KEPT_SECONDS
