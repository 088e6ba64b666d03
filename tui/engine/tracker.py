"""Events to changes of the queue state: whose each message is, who waits, what happened. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tui.engine import events as ev
from tui.engine.batch import ISP_MASK
from tui.engine.counts import D_NEW, DEFER, FAIL, SUCCESS
from tui.engine.events import HOLD, NEW, PROC, RETRY, Delivered, Event
from tui.engine.messages import ATTEMPT, ENDED, STATE_BITS, STATE_MASK
from tui.engine.queue_state import QueueState, credit


class Tracker:
    """The state machine: the sums that come of a log do not depend on how it was divided among calls of ``apply``."""

    def __init__(self, state: QueueState) -> None:
        self._state = state
        self.log_time = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.Arrived: self._arrived,
            Delivered: self._outcome,
            ev.Gone: self._gone,
            ev.Deferred: self._deferred,
            ev.Submitted: self._submitted,
            ev.CampaignSeen: self._campaign_seen,
            ev.Failed: self._outcome,
            ev.Expired: self._expired,
            ev.Dropped: self._dropped,
            ev.Added: self._added,
            ev.Held: self._held,
            ev.Released: self._released,
            ev.Renamed: self._renamed,
            ev.Removed: self._removed,
        }

    def apply(self, events: Iterable[Event]) -> None:
        """Take in events in the order of the log."""
        handlers = self._handlers
        event = None
        for event in events:
            handlers[type(event)](event)
        if event is not None:
            self.log_time = max(self.log_time, event.time)

    def _submitted(self, event: ev.Submitted) -> None:
        state = self._state
        if event.id in state.messages:
            self._used_again(event.id, event.time)
        message = state.message(event.id, event.time)
        message.submitted = True
        message.account = event.account
        message.arrived = event.time

    def _campaign_seen(self, event: ev.CampaignSeen) -> None:
        state = self._state
        if event.id in state.messages:
            state.message(event.id, event.time).campaign = event.campaign
        else:
            state.announced[event.id] = event.campaign, event.time

    def _arrived(self, event: ev.Arrived) -> None:
        state, minute = self._state, event.time // 60
        if event.id not in state.messages:
            state.arrive(event, minute)
            return
        message = state.message(event.id, event.time)
        if message.absent == ENDED and message.sent:  # the id of another one
            state.forget(event.id)
            state.arrive(event, minute)
            return
        if message.credits is not None:
            message.account = event.account or message.account or event.fallback
            state.attribute(message, message.account, minute)
        if not message.sized:
            if event.state == NEW:  # of Postfix it is an attempt, not always the first
                message.arrived = event.time
            if message.heard is None:
                message.heard = event.time
            if message.sender is None:
                message.sender = event.sender
            if message.submitted and event.declared > 0:
                known = len(message.units) + message.owed + len(message.early or ())
                message.unnamed = max(0, event.declared - known)
            state.count_arrival(message, minute, event.size)
        if event.state == PROC:
            if message.units or message.held:
                state.set_state(message, PROC, minute)
            else:
                message.state = PROC
        early, message.early = message.early, None
        if event.recipients and not message.declared:
            message.declared, known_already = True, set(early or ())
            new = [
                recipient
                for recipient in dict.fromkeys(event.recipients)
                if recipient not in message.units and recipient not in known_already
            ]
            state.balance.accept(message, len(new))
            message.pending, message.minute = tuple(new) or None, minute

    def _outcome(self, event: Delivered | ev.Failed) -> None:
        """One recipient got the message or never will: count it, and it waits no more.

        A child address of an alias leaves its parent waiting: the rest of the alias may be open."""
        state, address, minute = self._state, event.address, event.time // 60
        message = state.messages.get(event.id)
        if message is None or message.pending is None or message.minute != minute or message.units:
            message = state.message(event.id, event.time)
        isp = state.numbers.domains.get(address.rpartition(b"@")[2])
        if isp is None:
            isp = state.numbers.isp(address)
        cell, column, tally = message.cell | isp, SUCCESS if type(event) is Delivered else FAIL, state.tally
        if minute != tally.minute:
            tally.turn(minute)
        tally.more[column].append(cell)
        if message.credits is not None:
            message.credits.append((minute, isp, column, 1))
        if event.waiting is not address:
            if message.is_long:
                message = state.message(event.id, event.time)
            alone = not message.awaits(address)
            state.balance.replace(message, event.waiting, address)
            if alone:
                return
        if column == FAIL:
            if message.failed is None:
                message.failed = [address]
            else:
                message.failed.append(address)
        pending = message.pending
        if pending is None:
            unit = message.units.pop(address, None)
            if unit is not None:
                tally.add(minute, cell, D_NEW + (unit & STATE_MASK), -1)
            else:
                state.balance.meet(message)
                if message.absent == ENDED and not message.owed and not message.units:
                    state.forget(event.id)
            if message.sent:
                return
        if message.early is None:
            message.early = [address]
        else:
            message.early.append(address)

    def _deferred(self, event: ev.Deferred) -> None:
        state, minute, address = self._state, event.time // 60, event.address
        message = state.message(event.id, event.time)
        if event.attempt:
            isp = state.numbers.domains.get(address.rpartition(b"@")[2])
            if isp is None:
                isp = state.numbers.isp(address)
            cell, tally = message.cell | isp, state.tally
            if minute != tally.minute:
                tally.turn(minute)
            tally.more[DEFER].append(cell)
            if message.credits is not None:
                credit(message.credits, minute, isp, DEFER, 1)
            state.causes.add(cell, event.reply, event.time)
        if message.state != PROC:
            message.state = RETRY
        waits = HOLD if message.held else RETRY
        unit = message.units.get(event.waiting)
        if unit is None:
            state.balance.meet(message)
        if unit is None or unit & STATE_MASK != waits:
            unit = state.move_unit(message, event.waiting, waits, minute)
        if event.attempt:
            message.units[event.waiting] = unit + ATTEMPT

    def _expired(self, event: ev.Expired) -> None:
        message = self._state.message(event.id, event.time)
        minute = event.time // 60
        for unit in message.units.values():
            self._state.count(message, minute, unit >> STATE_BITS & ISP_MASK, FAIL, 1)
        self._state.remove_units(message, minute)

    def _dropped(self, event: ev.Dropped) -> None:
        state, minute = self._state, event.time // 60
        message = state.message(event.id, event.time)
        if not message.sent:
            message.early = message.early or []
            message.early.append(event.waiting)
        if event.waiting in message.units:
            state.remove_unit(message, event.waiting, minute)
        elif message.owed > 0 or not message.declared:
            state.balance.meet(message)
        else:
            return  # it had ended before
        state.take_out(message, 1, minute)

    def _added(self, event: ev.Added) -> None:
        message = self._state.message(event.id, event.time)
        self._state.balance.accept(message, self._state.add_units(message, (event.waiting,), event.time // 60))

    def _held(self, event: ev.Held) -> None:
        state, minute = self._state, event.time // 60
        message = state.message(event.id, event.time)
        if message.submitted and not message.sent:
            if message.account is not None:
                state.attribute(message, message.account, minute)
            state.count_arrival(message, minute, -1)
        state.set_state(message, HOLD, minute)

    def _released(self, event: ev.Released) -> None:
        message = self._state.message(event.id, event.time)
        message.release()
        self._state.set_state(message, message.state, event.time // 60)

    def _renamed(self, event: ev.Renamed) -> None:
        old = self._state.pop(event.old, event.time)
        if old is not None:
            self._used_again(event.id, event.time)
            self._state.messages[event.id] = old
            old.submitted = True
        self._state.message(event.id, event.time)

    def _used_again(self, id_: bytes, time: int) -> None:
        """Short queue ids come again: what is known of an earlier message of this id is over."""
        known = self._state.messages.get(id_)
        if known is not None and known.pending is not None:
            self._state.count_pending(known)
        # What no line ever told of a listing showed first, and its lines are late.
        if known is not None and (known.sent or (known.units and known.heard is not None) or known.absent == ENDED):
            if known.absent < 0:
                self._state.vanish(id_, known, time)
            del self._state.messages[id_]

    def _gone(self, event: ev.Gone) -> None:
        state, minute = self._state, event.time // 60
        message = state.messages.get(event.id)
        if message is not None and message.pending is not None and message.minute == minute and not message.units:
            early = message.early
            if early is not None and len(early) == len(message.pending):
                state.forget(event.id)  # it came and went within the minute
                return
        message = state.pop(event.id, event.time)
        if message is not None:
            state.end(event.id, message, event.time)

    def _removed(self, event: ev.Removed) -> None:
        state, minute = self._state, event.time // 60
        message = state.pop(event.id, event.time)
        if message is not None:
            state.balance.close(message)
            left = len(message.units) + max(message.owed, 0)
            state.remove_units(message, minute)
            if left:
                state.take_out(message, left, minute)
