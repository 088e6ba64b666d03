"""What the screen needs of one source. Only the hub enters."""

from __future__ import annotations

import msgspec

from tui.model import QueueQuery


class Trend(msgspec.Struct, frozen=True):
    """Which history is wanted: filters, and how far back."""

    query: QueueQuery
    span_seconds: int


class Wanted(msgspec.Struct, frozen=True):
    """What is shown of a source. ``query`` is ``None`` when its queue is not; ``totals`` says whether its accounts may
    be shown, ``accounts`` are the names of those that are; ``isps`` whether it is to be told where most waits;
    ``balances`` are the accounts (ids) whose mail is to be accounted for in numbers, beside that of the host; ``None``:
    it is enough to know whether it is."""

    query: QueueQuery | None = None
    trends: tuple[Trend, ...] = ()
    totals: bool = False
    accounts: tuple[str, ...] = ()
    isps: bool = False
    balances: tuple[int, ...] | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing of the source is on the screen."""
        return self.query is None and not self.totals and not self.trends
