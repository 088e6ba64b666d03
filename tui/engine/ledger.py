"""The ledger: additive rows on disk. One writer a ledger, any number of readers in other processes.

This file holds the two protocols; ``sqlite_*`` modules hold the embedded form.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

from tui.engine.batch import Batch, LogPosition, Names
from tui.model import Balance, Cause, History, HostStatus, MailTotals, QueueQuery, QueueTable, WaitingMessage


class LedgerError(Exception):
    """The ledger could not be read or written; the text says which file and what to do."""


class LedgerAway(LedgerError):
    """Nobody is there to ask for the ledger; it may be back at any time."""


class LedgerBusy(LedgerError):
    """Another collector writes this ledger; the text says which process."""


class LedgerLost(LedgerError):
    """What a writer has open is no longer the ledger, or no longer its own; the text says why. It has to be opened
    anew."""


class LedgerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a ledger stands: ``updated`` is when the last batch was written (seconds since 1970, ``None`` never),
    ``collector`` the pid of the
    process that writes it now (``None``: none does), ``size`` its bytes on disk, ``cells`` how many leaf cells it
    has."""

    updated: float | None
    collector: int | None
    counters: dict[str, int]
    gauges: dict[str, int]
    notes: dict[str, str]
    size: int
    cells: int


class LedgerWriter(Protocol):
    """The one writer."""

    def names(self) -> Names:
        """Every name the ledger has numbered."""
        ...

    def messages(self) -> dict[bytes, bytes]:
        """The stored states of live messages, by id."""
        ...

    def positions(self) -> list[LogPosition]:
        """How far each log was read when the last batch was written."""
        ...

    def write(self, batch: Batch) -> None:
        """Add a batch in one transaction. Raises ``LedgerError`` (full disk, no right), and then nothing of it is
        stored."""
        ...

    def note(self, key: str, text: str | None) -> None:
        """Keep one sentence for readers under ``key`` (``log``, ``queue``: what went wrong there), or take it away."""
        ...

    def maintain(self, now: float) -> None:
        """Roll old minutes into hours and drop old hours; totals stay."""
        ...

    def close(self) -> None:
        """Give up the lock and the file."""
        ...


class LedgerReader(Protocol):
    """A reader; answers come from roll-ups."""

    def version(self) -> int:
        """A number that changes whenever anything was written."""
        ...

    def status(self) -> LedgerStatus:
        """How the ledger stands."""
        ...

    def hosts(self) -> list[HostStatus] | None:
        """How each host is that writes it; ``None`` where it is the ledger of one."""
        ...

    def totals(self) -> list[MailTotals]:
        """Mail totals by account."""
        ...

    def balances(self, accounts: Collection[int] | None = None) -> list[Balance]:
        """Whether all mail is accounted for: of everybody first, then of each account that ever had any; with
        ``accounts`` (ids) of these alone and of those that are off. Nothing where the ledger does not tell."""
        ...

    def queue(self, query: QueueQuery, limit: int | None = None) -> QueueTable:
        """Rows of the query's grouping where mail waits, the longest queues first; ``limit`` rows at the most. Totals
        and filters are exact whatever the limit."""
        ...

    def history(self, query: QueueQuery, end: int, span_seconds: int) -> History:
        """Counts over the ``span_seconds`` before ``end`` of all cells that the query's filters select."""
        ...

    def causes(self, query: QueueQuery, limit: int = 20) -> list[Cause]:
        """Why the mail that the query's filters select waits, most frequent first."""
        ...

    def messages(self, query: QueueQuery, limit: int = 20) -> list[WaitingMessage]:
        """The oldest messages that wait among what the query's filters select, a recipient each, the oldest first."""
        ...

    def close(self) -> None:
        """Give back the file."""
        ...
