"""The queue listing is the truth for what waits now: it corrects the tracker, but for ids logged meanwhile."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from tui.engine.messages import Message
from tui.engine.queues.listing import Listing, Waiting
from tui.engine.tracker import Tracker


class Reconciler:
    """Brings listings into a tracker; remembers the last one so that unchanged messages cost next to nothing."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._last: dict[bytes, Waiting] = {}

    def reconcile(self, listing: Listing, touched: AbstractSet[bytes]) -> None:
        """Make the tracker's queue the listing's. ``touched`` are the ids that were logged from the moment before the
        listing was begun until after it was complete: for these the log is newer and stands."""
        tracker = self._tracker
        for id_, waiting in listing.messages.items():
            if id_ not in touched:
                self._listed(id_, waiting, listing.taken)
        gone = [
            (id_, message)
            for id_, message in tracker.messages.items()
            if id_ not in listing.messages and id_ not in touched and message.absent < 0
        ]
        for id_, message in gone:
            self._missing(id_, message, listing.taken)
        self._last = listing.messages

    def _listed(self, id_: bytes, waiting: Waiting, taken: int) -> None:
        tracker = self._tracker
        message = tracker.messages.get(id_)
        if message is None:
            message = tracker.messages[id_] = Message(credits=[], seen=taken)
            tracker.changed(id_)
        elif self._agrees(id_, message, waiting):
            return
        tracker.changed(id_)
        minute = taken // 60
        if message.absent >= 0:
            tracker.back_in_queue(message)
        if message.credits is not None:
            message.campaign = message.campaign or waiting.campaign or b""
            message.account = message.account or waiting.account
            tracker.attribute(message, message.account or waiting.fallback, minute)
        tracker.set_state(message, waiting.state, minute)
        more = tracker.set_units(message, waiting.recipients, minute)
        if not message.sent and not waiting.transient and more > 0:
            tracker.first_listed(id_, message, more)

    def _agrees(self, id_: bytes, message: Message, waiting: Waiting) -> bool:
        """Whether the message already is as the listing says, at the price of a few comparisons."""
        if message.absent >= 0 or message.unit_state != waiting.state:
            return False
        last = self._last.get(id_)
        if last is None or (last is not waiting and last != waiting):
            return False
        state, units = waiting.state, message.units
        return len(units) == len(waiting.recipients) and all(unit & 3 == state for unit in units.values())

    def _missing(self, id_: bytes, message: Message, taken: int) -> None:
        last = self._last.get(id_)
        if last is not None and last.transient:
            self._tracker.forget(id_, message, taken)
        elif message.sent or message.units:
            self._tracker.vanish(id_, message, taken)
