"""What all pollers know, made ready for a request in the hub's worker thread: rows merged and sorted. The hub's
loop enters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tui.hub.fleet import Together, by_host, rows_of
from tui.hub.history import Recent
from tui.hub.hosts import EVERY_HOST, Hosts, never_told
from tui.hub.hosts import WITHOUT_QUEUE as WITHOUT_QUEUE
from tui.hub.part import Part
from tui.hub.past import MAX_TRENDS, Past
from tui.hub.poller import Poller
from tui.hub.protocol import HostFacts, ViewRequest
from tui.hub.shared_names import nameless
from tui.hub.sheet import Sheet
from tui.hub.sums import HostKey
from tui.hub.views import is_prepared, prepare, rows_around, trend_query
from tui.model import STATES, Freshness, Grouping, QueueQuery, QueueRow, QueueTable, RowKey, SourceStatus
from tui.sources.worker import Worker

DELTA_SECONDS = 10.0
"""How old changes a minute may become while the rows stay as they are."""

TRAILS = 4
"""So many trends of each source have a past at least: all of it, the place that is shown, and a few rows."""


_NONE: dict[str, Any] = {name: [0] for name in ("sender_id", "account_id", "campaign_id", *STATES)}
_UNTOLD = QueueTable(query=EVERY_HOST, account=[""], campaign=[""], isp=[""], **_NONE)
"""The row of a host that has told nothing: its counts stand for nothing, and no sum holds them."""


class Answered(msgspec.Struct, frozen=True):
    """What the source of ``poller`` answered to a query, when that was last known to be so (loop time), whether it is
    complete, and how the source is."""

    poller: Poller
    table: QueueTable
    time: float
    complete: bool
    status: SourceStatus

    @property
    def source(self) -> str:
        """The source's name."""
        return self.poller.source.name


class Shown(msgspec.Struct, frozen=True):
    """What a sheet is of."""

    query: QueueQuery = QueueQuery()
    source: str | None = None
    together: bool = False


class Board:
    """The newest sheet, and what waited in the rows that were shown. ``update`` makes it in the worker's thread; only
    one task may call it."""

    def __init__(self, pollers: Sequence[Poller], worker: Worker, clock: Callable[[], float] = time.time) -> None:
        self.past = Past(max(MAX_TRENDS, TRAILS * len(pollers)))
        self.hosts = Hosts(pollers)
        self.took_seconds = 0.0
        self.made = 0.0
        self._worker = worker
        self._clock = clock
        self._remembered: dict[str, float] = {}
        self._recent = Recent()
        self._together = Together()
        self._sheet: Sheet | None = None
        self._shown = Shown()
        self._left_out: frozenset[HostKey] = frozenset()
        self._tables: list[QueueTable] = []
        self._parts: dict[str, tuple[tuple[QueueQuery, bool], Answered, float, Part]] = {}
        self._last: dict[str, tuple[QueueTable, float]] = {}

    def shown(self, request: ViewRequest) -> list[Poller]:
        """The pollers whose queues the request asks for."""
        return self.hosts.shown(request)

    def queue_freshness(self, request: ViewRequest) -> Freshness:
        """How far the sums of the rows can be trusted."""
        return self.hosts.freshness(request, self._left_out, self._answered(request))

    def hosts_counted(self, request: ViewRequest) -> tuple[int, int]:
        """How many hosts the request asks for, and how many of them the sums hold."""
        return self.hosts.counted(request, self._left_out, self._answered(request))

    def host_facts(self, rows: Sequence[QueueRow]) -> Mapping[RowKey, HostFacts]:
        """What is known of the hosts whose rows these are."""
        pollers = {poller.source.name: (poller, poller.status()) for poller in self.hosts.pollers}
        return {row.key: self.hosts.facts(*pollers[row.source], row.sender_id, self._left_out) for row in rows}

    def sheet(self, request: ViewRequest) -> Sheet | None:
        """The rows that the request asks for, if any source has answered its query."""
        return self._sheet if self._shown == shown_by(request) else None

    def is_ready(self, request: ViewRequest) -> bool:
        """Whether a view of the rows can be made at once."""
        sheet = self.sheet(request)
        return sheet is not None and is_prepared(request, sheet)

    def leaves_out_others(self, request: ViewRequest) -> bool:
        """Whether other hosts than before are to be left out of sums: time alone makes them old."""
        return self.sheet(request) is not None and self._leaves_out(request) != self._left_out

    async def update(self, request: ViewRequest) -> None:
        """Bring the sheet up to what is known now, for this request."""
        shown = self.shown(request)
        if await self._update_sheet(request) and (sheet := self.sheet(request)) is not None:
            await self._remember(request, sheet, shown)
        for poller in shown:
            if poller.failing:
                self.past.break_off(poller.source.name, self._clock())

    async def _update_sheet(self, request: ViewRequest) -> bool:
        """Whether there is a new one."""
        answers = self._answers(request)
        if not answers:
            return False
        sheet, left_out = self.sheet(request), self._leaves_out(request)
        if sheet is None or left_out != self._left_out or self._is_outdated(answers):
            began = asyncio.get_running_loop().time()
            sheet = await self._worker.run(lambda: self._make(request, answers, left_out, began))
            old, self._sheet = self._sheet, sheet
            self._shown, self._tables = shown_by(request), [answer.table for answer in answers]
            self._left_out, self.made = left_out, began
            self.took_seconds = asyncio.get_running_loop().time() - began
            if old is not None:
                await self._worker.run(old.release)
            return True
        if not self.is_ready(request):
            await self._worker.run(lambda: prepare(request, sheet))
        return False

    def _answers(self, request: ViewRequest) -> list[Answered]:
        """What is known of the request's query. What waited last in a host that has not answered it is known where it
        is all that waits there. Beside others a host that has never told anything is a row without numbers."""
        answers = []
        for poller in self.shown(request):
            if poller.query == request.query:
                if poller.table is not None:
                    known = poller.table, poller.confirmed, poller.complete
                    answers.append(Answered(poller, *known, poller.status()))
            elif request.query == EVERY_HOST and poller.source.name in self._last:
                answers.append(Answered(poller, *self._last[poller.source.name], False, poller.status()))
            elif request.query == EVERY_HOST and never_told(poller):
                answers.append(Answered(poller, _UNTOLD, 0.0, False, poller.status()))
        if all(answer.table is _UNTOLD for answer in answers):
            return []
        return answers

    def _answered(self, request: ViewRequest) -> Sequence[str]:
        sheet = self.sheet(request)
        return () if sheet is None else sheet.sources

    def _leaves_out(self, request: ViewRequest) -> frozenset[HostKey]:
        """Nobody is asked while paused, and nobody grows old: what was left out stays so."""
        if request.paused and self.sheet(request) is not None:
            return self._left_out
        return self.hosts.left_out(request)

    def _is_outdated(self, answers: Sequence[Answered]) -> bool:
        if [id(table) for table in self._tables] != [id(answer.table) for answer in answers]:
            return True
        is_old = asyncio.get_running_loop().time() - self.made > DELTA_SECONDS
        return is_old and any(self._may_change(answer) for answer in answers)

    def _may_change(self, answer: Answered) -> bool:
        """Whether changes a minute may be others by now, though the rows are the same."""
        _, _, _, part = self._parts[answer.source]
        return part.changes.moving or (answer.complete and part.changes.before is None)

    def _make(
        self, request: ViewRequest, answers: Sequence[Answered], left_out: frozenset[HostKey], now: float
    ) -> Sheet:
        query, facts = request.query, list[HostFacts]()
        parts = [self._part(request, answer, now) for answer in answers]
        self._parts = {name: kept for name, kept in self._parts.items() if kept[0][0] == query}
        if query.grouping is Grouping.HOST:
            self.hosts.work_out(request)
            facts = [
                self.hosts.facts(answer.poller, answer.status, sender_id, left_out)
                for answer in answers
                for sender_id in answer.table.sender_id
            ]
        sheet = Sheet(
            query,
            parts,
            nameless([answer.poller.source for answer in answers]),
            together=self._together if shown_by(request).together else None,
            left_out=left_out,
            facts=facts,
        )
        prepare(request, sheet)
        return sheet

    def _part(self, request: ViewRequest, answer: Answered, now: float) -> Part:
        """The rows of one source with their changes, which are worked out anew when they may be others."""
        query, name, together = request.query, answer.source, shown_by(request).together
        if name in self._parts:
            place, kept, made, part = self._parts[name]
            is_same = place == (query, together) and kept.table is answer.table and kept.complete == answer.complete
            if is_same and now - made <= DELTA_SECONDS:
                return part
        part = self._recent.part(name, query, answer.table, answer.time, complete=answer.complete, with_gone=together)
        self._parts[name] = (query, together), answer, now, part
        if query == QueueQuery(query.grouping) and answer.table is not _UNTOLD:
            if query.grouping is Grouping.HOST:
                self._last[name] = answer.table, answer.time
            elif answer.poller.hosts is None:
                self._last[name] = by_host(answer.table), answer.time
        return part

    async def _remember(self, request: ViewRequest, sheet: Sheet, shown: Sequence[Poller]) -> None:
        """Keep what waits now, by row and in all, for the charts of sources that keep no history."""
        news = {
            poller.source.name: poller.confirmed
            for poller in shown
            if not poller.keeps_history and not poller.failing and poller.source.name in sheet.sums.by_source
        }
        rows_each = MAX_TRENDS // 2 // max(1, len(news)) or 1
        news = {source: time for source, time in news.items() if self._remembered.get(source) != time}
        if not news:
            return
        self._remembered |= news
        if not sheet.together:
            rows = rows_around(request, sheet, MAX_TRENDS // 2)
            for source in news:
                self._keep(source, request.query, {row.key: row for row in rows if row.source == source}, sheet)
            return
        keys = [row.key for row in rows_around(request, sheet, rows_each)]
        parts = {part.source: part for part in sheet.answers if part.source in news}
        found = await self._worker.run(lambda: {source: rows_of(part, keys) for source, part in parts.items()})
        for source, own in found.items():
            self._keep(source, request.query, own, sheet)

    def _keep(self, source: str, query: QueueQuery, rows: Mapping[RowKey, QueueRow], sheet: Sheet) -> None:
        sums = sheet.sums.by_source[source]
        kept = [(trend_query(query, key), row) for key, row in rows.items()]
        kept += [(trend_query(query, None), sums), (trend_query(query.grouped(Grouping.TOTAL), sums.key), sums)]
        self.past.add(source, self._clock(), kept)


def shown_by(request: ViewRequest) -> Shown:
    """What sheet a request needs; hosts are always told apart."""
    return Shown(request.query, request.source, request.together and request.query.grouping is not Grouping.HOST)
