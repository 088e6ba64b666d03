"""A source that does what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from tui.model import (
    Balance,
    Checkup,
    Counts,
    Freshness,
    Grouping,
    History,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
)
from tui.sources.source import Source


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.002)


def table(query: QueueQuery, rows: int = 3, retry: int = 0) -> QueueTable:
    """A table whose rows are told apart by the query's grouping; row ``n`` has ``n`` new units."""
    numbers = list(range(1, rows + 1))
    nothing, no_name = [0] * rows, [""] * rows
    by_account = query.grouping in (Grouping.ACCOUNT, Grouping.ACCOUNT_CAMPAIGN)
    by_campaign = query.grouping is Grouping.ACCOUNT_CAMPAIGN
    return QueueTable(
        query=query,
        sender_id=[1] * rows,
        account_id=numbers if by_account else nothing,
        account=[f"user{number}" for number in numbers] if by_account else no_name,
        campaign_id=numbers if by_campaign else nothing,
        campaign=[f"letter{number}" for number in numbers] if by_campaign else no_name,
        isp=[f"isp{number}" for number in numbers] if query.grouping is Grouping.ISP else no_name,
        new=numbers,
        proc=nothing,
        retry=[retry] * rows,
        hold=nothing,
        files=rows,
    )


class ScriptedSource(Source):
    """Answers ``rows`` rows to any query. ``trouble`` is raised by every call but ``status``; while ``gate`` is clear
    ``queue`` hangs; ``deaf`` makes it ignore being cancelled there. ``calls`` remembers what was asked."""

    type = "scripted"

    def __init__(self, name: str = "one", interval_seconds: float = 0.02) -> None:
        self.name = name
        self.interval_seconds = interval_seconds
        self.rows = 3
        self.retry = 0
        self.accounts: list[MailTotals] | None = [
            MailTotals(account="alice", account_id=1, send_count=7, defer_count=1)
        ]
        self.trouble: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.deaf = False
        self.quiet = False
        self.has_history = True
        self.freshness = Freshness.LIVE
        self.age_seconds: float | None = 0.5
        self.calls: list[str] = []
        self.queries: list[QueueQuery] = []
        self.shown: Collection[str] = ()
        self.accounted: list[Balance] | None = None
        self.balances_asked: list[Collection[int] | None] = []
        self.has_queue = True
        self.closed = False

    async def status(self) -> SourceStatus:
        self.calls.append("status")
        return SourceStatus(name=self.name, type=self.type, freshness=self.freshness, age_seconds=self.age_seconds)

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        self._call("totals")
        self.shown = shown
        return self.accounts

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        self._call("queue")
        self.queries.append(query)
        gate = self.gate
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                if not self.deaf:
                    raise
        return table(query, self.rows, self.retry) if self.has_queue else None

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        self._call("history")
        start = (end - span_seconds) // 60 * 60
        points: list[Counts | None] = [Counts(send=minute, new=minute) for minute in range(span_seconds // 60)]
        return History(start, 60, points) if self.has_history else None

    async def balances(self, accounts: Collection[int] | None = None) -> list[Balance] | None:
        self._call("balances")
        self.balances_asked.append(accounts)
        return self.accounted

    async def changed(self) -> bool:
        self._call("changed")
        return not self.quiet

    async def check(self) -> Checkup:
        return Checkup(reached=self.name)

    async def close(self) -> None:
        self.closed = True

    def count(self, call: str) -> int:
        return self.calls.count(call)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.trouble is not None:
            raise self.trouble
