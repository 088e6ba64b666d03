"""The queue listing is the truth for what waits now: it corrects the queue state, but for ids logged meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from tui.engine.events import HOLD, RETRY
from tui.engine.messages import ENDED, IN_QUEUE, STATE_MASK, Message
from tui.engine.queue_state import QueueState
from tui.engine.queues.listing import Listing, Waiting

PASSING_SECONDS = 10
"""Mail that is younger and was not put off will mostly be gone before anybody could look at it."""


class Reconciler:
    """Brings listings into a queue state; remembers the last one so that unchanged messages cost next to nothing."""

    def __init__(self, state: QueueState) -> None:
        self._state = state
        self._last: dict[bytes, Waiting] = {}
        self._taken = 0

    def reconcile(self, listing: Listing, touched: AbstractSet[bytes]) -> None:
        """Make the queue state the listing's. ``touched`` are the ids that were logged from the moment before the
        listing was begun until after it was complete: for these the log is newer and stands."""
        self._state.settle()
        listed = listing.messages
        for id_, waiting in listed.items():
            if id_ not in touched:
                self._listed(id_, waiting, listing.taken)
        missing = [
            (id_, message)
            for id_, message in self._state.messages.items()
            if id_ not in listed and id_ not in touched and message.absent < 0
        ]
        for id_, message in missing:
            self._missing(id_, message, listing.taken)
        self._last = listed
        self._taken = listing.taken

    def without_campaign(self) -> Iterator[bytes]:
        """The ids of the last listing that wait for longer and whose campaign nobody has told."""
        messages, arrived = self._state.messages, self._taken - PASSING_SECONDS
        for id_, waiting in self._last.items():
            if waiting.state in (RETRY, HOLD) or waiting.arrived <= arrived:
                message = messages.get(id_)
                if message is not None and message.absent != ENDED and not message.campaign:
                    yield id_

    def campaign(self, id_: bytes, campaign: bytes, time: int) -> None:
        """Learn the campaign of a message of the last listing from elsewhere, at ``time`` (seconds since 1970)."""
        waiting, message = self._last.get(id_), self._state.messages.get(id_)
        if waiting is None or message is None or message.campaign:
            return
        message.campaign = campaign
        account = message.account or waiting.account or waiting.fallback
        self._state.attribute(message, account, time // 60)
        self._state.changed.add(id_)

    def _listed(self, id_: bytes, waiting: Waiting, taken: int) -> None:
        state = self._state
        message = state.messages.get(id_)
        if message is None:
            message = state.messages[id_] = Message(state.unknown_cell, [], seen=taken)
        elif self._agrees(id_, message, waiting):
            return
        state.changed.add(id_)
        minute = taken // 60
        if message.absent >= 0:
            state.back_in_queue(message)
        message.absent = IN_QUEUE
        if waiting.sender is not None:
            message.sender = waiting.sender
        if message.arrived is None:
            message.arrived = waiting.arrived
        if message.credits is not None:
            message.campaign = message.campaign or waiting.campaign or b""
            message.account = message.account or waiting.account
            state.attribute(message, message.account or waiting.fallback, minute)
        if message.sent and not message.sized:
            state.count_arrival(message, minute, waiting.size)
        state.set_state(message, waiting.state, minute)
        more = state.set_units(message, waiting.recipients, minute)
        if not message.sent and not waiting.transient and more > 0:
            state.first_listed(message, more)

    def _agrees(self, id_: bytes, message: Message, waiting: Waiting) -> bool:
        """Whether the message already is as the listing says, at the price of a few comparisons."""
        if message.absent >= 0 or message.unit_state != waiting.state:
            return False
        last = self._last.get(id_)
        if last is None or (last is not waiting and last != waiting):
            return False
        state, units = waiting.state, message.units
        if len(units) != len(waiting.recipients):
            return False
        return all(units.get(recipient, -1) & STATE_MASK == state for recipient in waiting.recipients)

    def _missing(self, id_: bytes, message: Message, taken: int) -> None:
        last = self._last.get(id_)
        if last is not None and last.transient:
            self._state.balance.count(message.cell, -len(message.units) - message.owed)  # it goes on under another id
            self._state.remove_units(message, taken // 60)
            self._state.changed.add(id_)
            del self._state.messages[id_]
        elif message.sent or message.units:
            self._state.vanish(id_, message, taken)
