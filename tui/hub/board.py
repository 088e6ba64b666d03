"""What all pollers know, made ready for a request in the hub's worker thread: rows merged and sorted. The hub's
loop enters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from tui.hub.history import Recent
from tui.hub.past import MAX_TRENDS, Past
from tui.hub.poller import Poller
from tui.hub.protocol import ViewRequest
from tui.hub.sheet import Sheet
from tui.hub.views import is_prepared, prepare, rows_around, trend_query
from tui.model import DOUBTFUL, Freshness, Grouping, QueueTable
from tui.sources.worker import Worker

DELTA_SECONDS = 10.0
"""How old changes a minute may become while the rows stay as they are."""


NAMELESS_CAMPAIGNS = ("sender_queue",)
"""The types of source that tell campaigns by their ids alone: elsewhere a campaign without a name is mail without a
campaign."""


WITHOUT_QUEUE = ("cpanel",)
"""The types of source that tell mail totals alone: nothing of a queue is missing while they do not answer."""


class Answered(msgspec.Struct, frozen=True):
    """What a source of some type answered to a query, when that was last known to be so (loop time), and whether it is
    complete."""

    source: str
    type: str
    table: QueueTable
    time: float
    complete: bool


class Board:
    """The newest sheet, and what waited in the rows that were shown. ``update`` makes it in the worker's thread; only
    one task may call it."""

    def __init__(self, pollers: Sequence[Poller], worker: Worker, clock: Callable[[], float] = time.time) -> None:
        self.past = Past()
        self._pollers = pollers
        self._worker = worker
        self._clock = clock
        self._remembered: dict[str, float] = {}
        self._recent = Recent()
        self._sheet: Sheet | None = None
        self._source: str | None = None
        self._tables: list[QueueTable] = []
        self._made = 0.0

    def shown(self, request: ViewRequest) -> list[Poller]:
        """The pollers whose queues the request asks for."""
        return [poller for poller in self._pollers if request.source in (None, poller.source.name)]

    def queue_freshness(self, request: ViewRequest) -> Freshness:
        """How far the sums of the rows can be trusted: as far as the worst source, and only in part where one of those
        that have a queue has not answered."""
        found = {Freshness.LIVE}
        for poller in self.shown(request):
            if poller.query == request.query and poller.table is not None:
                found.add(poller.status().freshness)
            elif poller.query != request.query and poller.source.type not in WITHOUT_QUEUE:
                found.add(Freshness.PARTIAL)
        return next((freshness for freshness in DOUBTFUL if freshness in found), Freshness.LIVE)

    def sheet(self, request: ViewRequest) -> Sheet | None:
        """The rows that the request asks for, if any source has answered its query."""
        if self._sheet is None or self._sheet.query != request.query or self._source != request.source:
            return None
        return self._sheet

    def is_ready(self, request: ViewRequest) -> bool:
        """Whether a view of the rows can be made at once."""
        sheet = self.sheet(request)
        return sheet is not None and is_prepared(request, sheet)

    async def update(self, request: ViewRequest) -> None:
        """Bring the sheet up to what is known now, for this request."""
        shown = self.shown(request)
        if await self._update_sheet(request, shown) and (sheet := self.sheet(request)) is not None:
            self._remember(request, sheet, shown)
        for poller in shown:
            if poller.failing:
                self.past.break_off(poller.source.name, self._clock())

    async def _update_sheet(self, request: ViewRequest, shown: Sequence[Poller]) -> bool:
        """Whether there is a new one."""
        answers = [
            Answered(poller.source.name, poller.source.type, poller.table, poller.confirmed, poller.complete)
            for poller in shown
            if poller.query == request.query and poller.table is not None
        ]
        if not answers:
            return False
        sheet = self.sheet(request)
        if sheet is None or self._is_outdated(sheet, answers):
            made = asyncio.get_running_loop().time()
            sheet = await self._worker.run(lambda: self._make(request, answers))
            old, self._sheet = self._sheet, sheet
            self._source, self._tables, self._made = request.source, [answer.table for answer in answers], made
            if old is not None:
                await self._worker.run(old.release)
            return True
        if not self.is_ready(request):
            await self._worker.run(lambda: prepare(request, sheet))
        return False

    def _is_outdated(self, sheet: Sheet, answers: Sequence[Answered]) -> bool:
        if [id(table) for table in self._tables] != [id(answer.table) for answer in answers]:
            return True
        return sheet.moving and asyncio.get_running_loop().time() - self._made > DELTA_SECONDS

    def _make(self, request: ViewRequest, answers: Sequence[Answered]) -> Sheet:
        query = request.query
        parts = [
            self._recent.part(answer.source, query, answer.table, answer.time, complete=answer.complete)
            for answer in answers
        ]
        sheet = Sheet(query, parts, {answer.source for answer in answers if answer.type in NAMELESS_CAMPAIGNS})
        prepare(request, sheet)
        return sheet

    def _remember(self, request: ViewRequest, sheet: Sheet, shown: Sequence[Poller]) -> None:
        """Keep what waits now, by row and in all, for the charts of sources that keep no history."""
        rows = rows_around(request, sheet, MAX_TRENDS // 2)
        for poller in shown:
            source, query = poller.source.name, request.query
            if poller.keeps_history or poller.failing or source not in sheet.source_sums:
                continue
            if self._remembered.get(source) != poller.confirmed:
                self._remembered[source] = poller.confirmed
                sums = sheet.source_sums[source]
                kept = [(trend_query(query, row.key), row) for row in rows if row.source == source]
                kept += [(trend_query(query, None), sums), (trend_query(query.grouped(Grouping.TOTAL), sums.key), sums)]
                self.past.add(source, self._clock(), kept)
