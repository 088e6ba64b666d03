"""The protocol of a source: it offers what it has, and says in one sentence why it has not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from tui.model import (
    Balance,
    Cause,
    Checkup,
    History,
    HostStatus,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
    WaitingMessage,
)


class SourceError(Exception):
    """A source could not answer; the text is one sentence that says what, where and what to do.

    ``retry_after_seconds`` is how long the source wants to be left alone, when it says so (HTTP ``Retry-After``).
    """

    def __init__(self, text: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds

    def anew(self, text: str | None = None) -> SourceError:
        """The same failure, in other words where they are given, without its frames and causes, which may hold a
        question with its secret."""
        kind = Unreachable if isinstance(self, Unreachable) else SourceError
        return kind(str(self) if text is None else text, self.retry_after_seconds)


class Unreachable(SourceError):
    """Nobody is there to answer: no address, no route, connection refused, not taken, or closed or silent without an
    answer. To try again costs a server next to nothing, so such a source is tried at every interval, and is seen as
    soon as it is back."""


class Busy(SourceError):
    """A server that was reached asks to be left alone, now or for a while; ``body`` is what it says beside that."""

    def __init__(self, text: str, retry_after_seconds: float | None, body: bytes) -> None:
        super().__init__(text, retry_after_seconds)
        self.body = body

    def anew(self, text: str | None = None) -> Busy:
        """The same failure, as every other one."""
        return Busy(str(self) if text is None else text, self.retry_after_seconds, self.body)


class Source(Protocol):
    """Where numbers come from. Each method may raise ``SourceError``. What a source does not offer it answers with
    ``None``, as a class that names this as its base does of whatever it leaves out."""

    name: str
    type: str
    interval_seconds: float

    async def status(self) -> SourceStatus:
        """How the source is now; never raises."""
        ...

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        """The mail totals of every account. Where each account costs a request those in ``shown`` are asked for first
        and at every call; the others' last answers may be given again for a while."""
        return None

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        """The queue cells that ``query`` selects, added up by its grouping."""
        return None

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        """Counts over the ``span_seconds`` before ``end`` (seconds since 1970) of all cells that the query's filters
        select, whatever its grouping."""
        return None

    async def causes(self, query: QueueQuery) -> list[Cause] | None:
        """Why the mail that the query's filters select waits, most frequent first."""
        return None

    async def messages(self, query: QueueQuery, limit: int) -> list[WaitingMessage] | None:
        """The ``limit`` oldest messages that wait among what the query's filters select, a recipient each, the oldest
        first."""
        return None

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        """Whether all mail is accounted for: of the whole host first, then of each account; with ``accounts`` (ids) of
        these alone and of all that are off."""
        return None

    async def hosts(self) -> list[HostStatus] | None:
        """How each of its hosts is, where the source adds up several; ``None`` where it is one host, or tells all its
        rows apart by sender."""
        return None

    async def changed(self) -> bool:
        """Whether any number may differ from the last call's; a source that cannot tell says yes."""
        return True

    async def check(self) -> Checkup:
        """Try once whether and how well it answers; never raises."""
        ...

    async def close(self) -> None:
        """Give back connections and files."""
        return
