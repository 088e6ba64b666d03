"""The queue as the engine knows it: live messages, and the signed deltas of every change to them.

The tracker (events) and the reconciler (listings) change it; the collector takes batches from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tui.engine.balance import REMOVED, Accounting
from tui.engine.batch import ISP_MASK, Batch, Names, Place
from tui.engine.causes import CauseCounter
from tui.engine.counts import D_NEW, SEND, SIZE
from tui.engine.events import HOLD, NEW, Arrived
from tui.engine.messages import (
    ENDED,
    IN_QUEUE,
    STATE_BITS,
    STATE_MASK,
    SUBMISSION_KEPT_SECONDS,
    Credit,
    Message,
    decode_message,
    encode_message,
)
from tui.engine.names import Numbers
from tui.engine.tally import Tally
from tui.isp import IspTable

_NOT_ANNOUNCED = b"", 0

CREDITS_KEPT = 100
"""How many events of a message can still move to another account or campaign; older ones stay where they are."""


class QueueState:
    """Live messages and what was counted since the last batch. ``names`` and ``stored`` are what the ledger has.

    The sums of all batches do not depend on when batches were taken, nor on restarts between them. ``announced`` are
    campaigns (and when they were told, in seconds since 1970) of messages that nothing else is known of yet: mostly the
    arrival follows at once.
    """

    def __init__(self, names: Names, stored: dict[bytes, bytes], isps: IspTable) -> None:
        self.numbers = Numbers(names, isps)
        self.messages: dict[bytes, Message] = {id_: decode_message(blob) for id_, blob in stored.items()}
        # Ledgers of before have messages whose place they do not know.
        self.changed = {id_ for id_, message in self.messages.items() if message.units and message.since is None}
        self.announced: dict[bytes, tuple[bytes, int]] = {}
        self.tally = Tally()
        self.balance = Accounting()
        self.causes = CauseCounter()
        self.unknown_cell = self.numbers.unknown_cell
        self._stored = set(stored)
        self._counters: dict[str, int] = {}
        self._vanished_at = 0
        self._pruned_hours = 0, 0

    def message(self, id_: bytes, time: int) -> Message:
        """The message of this id, which a line at ``time`` names; one not known is counted as nobody's until it is."""
        self.changed.add(id_)
        message = self.messages.get(id_)
        if message is None:
            message = self.messages[id_] = Message(self.unknown_cell, [], heard=time)
            if id_ in self.announced:
                message.campaign = self._announced_campaign(id_, time)
        elif message.pending is not None:
            self.count_pending(message)
        elif message.absent != IN_QUEUE or (not message.sent and time - message.seen > SUBMISSION_KEPT_SECONDS):
            if message.forgotten(time):
                message = self.messages[id_] = Message(self.unknown_cell, [], heard=time)
            elif message.absent >= 0:
                self.back_in_queue(message)
        message.seen = time
        return message

    def arrive(self, event: Arrived, minute: int) -> None:
        """Take in the arrival of a message that is not known: all of it at once, since so most messages begin."""
        id_ = event.id
        campaign, told = self.announced.pop(id_, _NOT_ANNOUNCED)
        if event.time - told > SUBMISSION_KEPT_SECONDS:
            campaign = b""
        account = event.account or event.fallback
        cell = self.numbers.cells.get((account, campaign))
        if cell is None:
            cell = self.numbers.cell(account, campaign)
        tally, size, pending = self.tally, event.size, event.recipients or None
        if minute != tally.minute:
            tally.turn(minute)
        if pending is not None:
            if len(pending) == 1:
                self.balance.taken_on.append(cell)
            else:
                self.balance.taken_on.extend([cell] * len(pending))
        tally.more[SEND].append(cell)
        credits: list[Credit] | None = None if campaign else [(minute, 0, SEND, 1)]
        if size >= 0:
            sizes = tally.columns[SIZE]
            sizes[cell] = sizes.get(cell, 0) + size
            if credits is not None:
                credits.append((minute, 0, SIZE, size))
        self.changed.add(id_)
        self.messages[id_] = Message(
            cell,
            credits,
            account,
            campaign,
            {},
            event.state,
            False,
            False,
            True,
            size >= 0,
            pending,
            minute,
            None,
            event.time,
            -1,
            0,
            event.sender,
            event.time if event.state == NEW else None,
            event.time,
        )

    def _announced_campaign(self, id_: bytes, time: int) -> bytes:
        campaign, told = self.announced.pop(id_)
        return campaign if time - told <= SUBMISSION_KEPT_SECONDS else b""

    def pop(self, id_: bytes, time: int) -> Message | None:
        """Take the message out, ``None`` if it is not known (any more)."""
        if id_ in self.announced:
            self.message(id_, time)
        message = self.messages.get(id_)
        if message is None:
            return None
        self.forget(id_)
        if message.pending is not None:
            self.count_pending(message)
        elif message.absent != IN_QUEUE or not message.sent:
            if message.forgotten(time):
                return None
            if message.absent >= 0:
                self.back_in_queue(message)
        return message

    def forget(self, id_: bytes) -> None:
        """Drop a message; the ledger need not hear of one that it has never had."""
        del self.messages[id_]
        if id_ in self._stored:
            self.changed.add(id_)
        else:
            self.changed.discard(id_)

    def settle(self) -> None:
        """Count what waits of the messages that arrived lately, and remember those that are only announced."""
        for id_, (_, time) in list(self.announced.items()):
            if id_ not in self.messages:
                self.message(id_, time)
        self.announced.clear()
        for id_ in self.changed:
            message = self.messages.get(id_)
            if message is not None and message.pending is not None:
                self.count_pending(message)

    def count_pending(self, message: Message) -> None:
        """Count what waits of a message that arrived lately."""
        pending, early = message.pending or (), message.early or ()
        message.pending, message.early, message.declared = None, None, True
        if len(pending) > 1 and (twice := len(pending) - len(set(pending))):
            self.balance.count(message.cell, -twice)  # nobody gets it twice
            message.owed -= twice
        waiting = self.add_units(message, pending, message.minute, set(early))
        message.owed += len(pending) - len(early) - waiting

    def attribute(self, message: Message, account: bytes, minute: int) -> None:
        """Say whose a message is. The events counted for it elsewhere move, at the minutes they were counted; what
        waits moves in ``minute``. When account and campaign are certain this was the last word."""
        old = message.cell
        new = self.numbers.cells.get((account, message.campaign)) or self.numbers.cell(account, message.campaign)
        message.cell = new
        if new != old and (message.credits or message.units or message.owed):
            add = self.tally.add
            for counted, isp, column, amount in message.credits or ():
                if column != REMOVED:
                    add(counted, old | isp, column, -amount)
                    add(counted, new | isp, column, amount)
            self.balance.move(message, old)
            for unit in message.units.values():
                isp, column = unit >> STATE_BITS & ISP_MASK, D_NEW + (unit & STATE_MASK)
                add(minute, old | isp, column, -1)
                add(minute, new | isp, column, 1)
        if message.account is not None and message.campaign:
            message.credits = None

    def count(self, message: Message, minute: int, isp: int, column: int, amount: int) -> None:
        """Count an event; it can move to another cell while it is not certain whose the message is."""
        self.tally.add(minute, message.cell | isp, column, amount)
        if message.credits is not None:
            credit(message.credits, minute, isp, column, amount)

    def count_arrival(self, message: Message, minute: int, size: int) -> None:
        """Count a message that was sent, unless it was counted before, and its ``size`` (bytes, -1 unknown)."""
        tally, cell, credits = self.tally, message.cell, message.credits
        if minute != tally.minute:
            tally.turn(minute)
        if not message.sent:
            message.sent = True
            if message.unlogged:
                self.logged(message)
            tally.more[SEND].append(cell)
            if credits is not None:
                credits.append((minute, 0, SEND, 1))
        if not message.sized and size >= 0:
            message.sized = True
            sizes = tally.columns[SIZE]
            sizes[cell] = sizes.get(cell, 0) + size
            if credits is not None:
                credits.append((minute, 0, SIZE, size))

    def add_units(
        self, message: Message, recipients: Iterable[bytes], minute: int, early: Collection[bytes] = ()
    ) -> int:
        """These recipients wait, in the message's state, but for those whose outcome was logged ``early``; returns how
        many more than before."""
        units, cell, state = message.units, message.cell, message.unit_state
        domains, tally, before = self.numbers.domains, self.tally, len(units)
        if minute != tally.minute:
            tally.turn(minute)
        waiting = tally.more[D_NEW + state]
        for recipient in recipients:
            if recipient in units or recipient in early:
                continue
            isp = domains.get(recipient.rpartition(b"@")[2])
            if isp is None:
                isp = self.numbers.isp(recipient)
            units[recipient] = isp << STATE_BITS | state
            waiting.append(cell | isp)
        return len(units) - before

    def add_unit(self, message: Message, recipient: bytes, state: int, minute: int) -> int:
        """One recipient more waits, in ``state``; returns its unit."""
        isp = self.numbers.isp(recipient)
        unit = message.units[recipient] = isp << STATE_BITS | state
        self.tally.add(minute, message.cell | isp, D_NEW + state, 1)
        return unit

    def remove_unit(self, message: Message, recipient: bytes, minute: int) -> None:
        """A recipient that waited waits no more."""
        unit = message.units.pop(recipient)
        self.tally.add(minute, message.cell | unit >> STATE_BITS & ISP_MASK, D_NEW + (unit & STATE_MASK), -1)

    def remove_units(self, message: Message, minute: int) -> None:
        """Nobody waits for the message any more."""
        for unit in message.units.values():
            self.tally.add(minute, message.cell | unit >> STATE_BITS & ISP_MASK, D_NEW + (unit & STATE_MASK), -1)
        message.units = {}

    def move_unit(self, message: Message, recipient: bytes, state: int, minute: int) -> int:
        """A recipient waits in ``state`` now, whether it waited before or not; returns its unit."""
        unit = message.units.get(recipient)
        if unit is None:
            return self.add_unit(message, recipient, state, minute)
        before = unit & STATE_MASK
        if before != state:
            cell = message.cell | unit >> STATE_BITS & ISP_MASK
            unit = message.units[recipient] = unit - before + state
            self.tally.add(minute, cell, D_NEW + before, -1)
            self.tally.add(minute, cell, D_NEW + state, 1)
        return unit

    def set_state(self, message: Message, state: int, minute: int) -> None:
        """All units of a message are in ``state`` now."""
        message.held = state == HOLD
        if not message.held:
            message.state = state
        for recipient in message.units:
            self.move_unit(message, recipient, state, minute)

    def set_units(self, message: Message, recipients: Iterable[bytes], minute: int) -> int:
        """Exactly these recipients wait now; returns how many more than before."""
        before = len(message.units)
        wanted = dict.fromkeys(recipients)
        gone = [recipient for recipient in message.units if recipient not in wanted]
        for recipient in gone:
            self.remove_unit(message, recipient, minute)
        self.balance.lose(message, gone)
        new = wanted.keys() - message.units.keys()
        for recipient in wanted:
            self.move_unit(message, recipient, message.unit_state, minute)
        self.balance.gain(message, new)
        return len(message.units) - before

    def take_out(self, message: Message, recipients: int, minute: int) -> None:
        """So many recipients ended without delivery or failure, and a line says so."""
        self.balance.remove(message.cell, recipients)
        if message.credits is not None:
            credit(message.credits, minute, 0, REMOVED, recipients)

    def end(self, id_: bytes, message: Message, time: int) -> None:
        """A line ended the message. While it owes recipients it is remembered, for lines that come late."""
        if not message.units and not message.unnamed and message.owed <= 0:
            return  # as most end
        self.balance.end(message)
        self.remove_units(message, time // 60)
        if message.owed > 0:
            message.absent, message.seen = ENDED, time
            self.messages[id_] = message
            self.changed.add(id_)

    def vanish(self, id_: bytes, message: Message, time: int) -> None:
        """The message left the queue and no line said so: count it, and remember it for lines that come late."""
        self._vanished_at = time
        self.changed.add(id_)
        self.balance.close(message)
        self.balance.lose(message, message.units)
        message.absent = len(message.units)
        message.seen = time
        message.heard = None  # its recipients' attempts are forgotten with them
        self.add_to_counter("vanished", message.absent)
        self.logged(message)
        self.remove_units(message, time // 60)

    def back_in_queue(self, message: Message) -> None:
        """A message that a listing lacked is heard of again."""
        self.add_to_counter("vanished", -message.absent)
        message.absent = -1

    def first_listed(self, message: Message, units: int) -> None:
        """A listing shows ``units`` units that no line has told of."""
        message.unlogged += units
        self.add_to_counter("unlogged", units)

    def logged(self, message: Message) -> None:
        """The arrival of a message that a listing showed first is in the log after all."""
        self.add_to_counter("unlogged", -message.unlogged)
        message.unlogged = 0

    def add_to_counter(self, name: str, amount: int) -> None:
        """Add to one of the ledger's counters of what could not be explained."""
        if amount:
            self._counters[name] = self._counters.get(name, 0) + amount

    def take(self, log_time: int) -> Batch:
        """Everything since the last call as one batch, without gauges and log positions. ``log_time`` is the time of
        the newest line (seconds since 1970)."""
        self.settle()
        self._prune(log_time)
        messages: dict[bytes, bytes | None] = {}
        places: dict[bytes, Place] = {}
        for id_ in self.changed:
            message = self.messages.get(id_)
            if message is not None:
                messages[id_] = encode_message(message)
                self._stored.add(id_)
                if (place := message.place) is not None:
                    places[id_] = place
            elif id_ in self._stored:
                messages[id_] = None
                self._stored.discard(id_)
        self.changed = set()
        new = self.numbers.take_new()
        accepted, removed = self.balance.take(self.numbers.owners)
        counters, self._counters = self._counters, {}
        return Batch(
            deltas=self.tally.take(),
            accounts=new.accounts,
            campaigns=new.campaigns,
            isps=new.isps,
            causes=self.causes.take(),
            messages=messages,
            places=places,
            counters={name: amount for name, amount in counters.items() if amount},
            accepted=accepted,
            removed=removed,
        )

    def _prune(self, log_time: int) -> None:
        """Once an hour drop what is forgotten: what a line has ended at once; begun submissions, and what a listing
        lacks and another may have again, a day later: by listings too, for a log that stands still."""
        hours = log_time // 3600, self._vanished_at // 3600
        if hours == self._pruned_hours:
            return
        self._pruned_hours = hours
        long_ago = max(log_time, self._vanished_at) - SUBMISSION_KEPT_SECONDS
        forgotten = [
            id_
            for id_, message in self.messages.items()
            if message.forgotten(long_ago) or (message.absent == ENDED and message.forgotten(log_time))
        ]
        for id_ in forgotten:
            del self.messages[id_]
            self.changed.add(id_)


def credit(credits: list[Credit], minute: int, isp: int, column: int, amount: int) -> None:
    """Remember a counted event of a message whose attribution may still change; the oldest is forgotten."""
    credits.append((minute, isp, column, amount))
    if len(credits) > CREDITS_KEPT:
        del credits[0]
