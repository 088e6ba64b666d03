"""What all pollers know, made ready for a request in the hub's worker thread: rows merged and sorted, accounts ranked.
The hub's loop enters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from tui.hub.history import Recent
from tui.hub.poller import Poller
from tui.hub.protocol import ViewRequest
from tui.hub.sheet import QUICK_ROWS, Sheet
from tui.hub.views import Ranking, rank, sort_of
from tui.model import MailTotals, QueueQuery, QueueTable
from tui.sources.worker import Worker

DELTA_SECONDS = 10.0
"""How old changes a minute may become while the rows stay as they are."""


class Answered(msgspec.Struct, frozen=True):
    """What a source answered to a query, when that was last known to be so (loop time), and whether it is complete."""

    source: str
    table: QueueTable
    time: float
    complete: bool


class Board:
    """The newest sheet and ranking. ``update`` makes them in the worker's thread; only one task may call it."""

    def __init__(self, pollers: Sequence[Poller], worker: Worker) -> None:
        self.ranking: Ranking | None = None
        self._pollers = pollers
        self._worker = worker
        self._recent = Recent()
        self._sheet: Sheet | None = None
        self._source: str | None = None
        self._tables: list[QueueTable] = []
        self._made = 0.0
        self._totals: list[list[MailTotals]] = []
        self._ranked: tuple[str | None, int | None] = (None, None)

    def shown(self, request: ViewRequest) -> list[Poller]:
        """The pollers whose numbers the request asks for."""
        return [poller for poller in self._pollers if request.source in (None, poller.source.name)]

    def sheet(self, request: ViewRequest) -> Sheet | None:
        """The rows that the request asks for, if any source has answered its query."""
        if self._sheet is None or self._sheet.query != request.query or self._source != request.source:
            return None
        return self._sheet

    def is_ready(self, request: ViewRequest) -> bool:
        """Whether a view of the rows can be made at once."""
        sheet = self.sheet(request)
        return sheet is not None and (
            len(sheet) <= QUICK_ROWS or sheet.is_sorted_by(sort_of(request), request.descending)
        )

    async def update(self, request: ViewRequest) -> None:
        """Bring sheet and ranking up to what is known now, for this request."""
        shown = self.shown(request)
        await self._update_sheet(request, shown)
        await self._update_ranking(request, shown)

    async def _update_sheet(self, request: ViewRequest, shown: Sequence[Poller]) -> None:
        answers = [
            Answered(poller.source.name, poller.table, poller.confirmed, poller.complete)
            for poller in shown
            if poller.query == request.query and poller.table is not None
        ]
        if not answers:
            return
        sheet, sort, descending = self.sheet(request), sort_of(request), request.descending
        if sheet is None or self._is_outdated(sheet, answers):
            made = asyncio.get_running_loop().time()
            sheet = await self._worker.run(lambda: self._make(request.query, answers, sort, descending))
            old, self._sheet = self._sheet, sheet
            self._source, self._tables, self._made = request.source, [answer.table for answer in answers], made
            if old is not None:
                await self._worker.run(old.release)
        elif not self.is_ready(request):
            await self._worker.run(lambda: sheet.order(sort, descending))

    def _is_outdated(self, sheet: Sheet, answers: Sequence[Answered]) -> bool:
        if [id(table) for table in self._tables] != [id(answer.table) for answer in answers]:
            return True
        return sheet.moving and asyncio.get_running_loop().time() - self._made > DELTA_SECONDS

    def _make(self, query: QueueQuery, answers: Sequence[Answered], sort: str, descending: bool) -> Sheet:
        parts = [
            self._recent.part(answer.source, query, answer.table, answer.time, complete=answer.complete)
            for answer in answers
        ]
        sheet = Sheet(query, parts)
        sheet.order(sort, descending)
        return sheet

    async def _update_ranking(self, request: ViewRequest, shown: Sequence[Poller]) -> None:
        answers = [(poller.source.name, poller.totals) for poller in shown if poller.totals is not None]
        asked = request.source, request.query.account_id
        same = [id(totals) for totals in self._totals] == [id(totals) for _, totals in answers]
        if not answers:
            self.ranking = None
        elif self.ranking is None or not same or asked != self._ranked:
            self.ranking = await self._worker.run(lambda: rank(answers, request.query.account_id))
            self._totals, self._ranked = [totals for _, totals in answers], asked
