"""The hub: polls every source, answers view requests and tells what changed. The command line builds it, in the
screen's child process or its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from msgspec.structs import replace

from tui.hub.accounts import Accounts
from tui.hub.balance import together
from tui.hub.board import Board
from tui.hub.collectors import Collectors
from tui.hub.detail import Details
from tui.hub.drawing import Drawing, wanted
from tui.hub.errands import Errand, Errands, Reply
from tui.hub.export import Material, export
from tui.hub.formats import Partial, shown_source
from tui.hub.hosts import WITHOUT_QUEUE
from tui.hub.jump import jump
from tui.hub.poller import Poller
from tui.hub.protocol import Answer, Close, Export, Jump, Refresh, Request, View, ViewRequest
from tui.hub.shared_names import Numbers, SharedNames, nameless
from tui.hub.trends import Trends
from tui.hub.views import Known, make_view, same_but_for_time, window
from tui.model import Freshness, Grouping, SourceStatus
from tui.sources.source import Source
from tui.sources.worker import Worker

PATIENCE_SECONDS = 0.1
"""How long a request waits for rows that nobody has answered yet, before a view says that they are not known."""

PUSH_SECONDS = 0.5
"""The least time between two views that nobody asked for."""

ALIVE_SECONDS = 1.5
"""A view this old is followed by another even when nothing changed, so that a screen can tell a quiet hub from a dead
one. It is looked for once a tick: views are never more than 3 s or so apart."""

GATHER_SECONDS = 0.05
"""A poll's answers come one after the other: so long the others are waited for, to be shown together."""

EAGER_SECONDS = 1.0
EAGER_PUSH_SECONDS = 0.02
"""For a second after a request what comes is its chart and its rows, and is pushed as it comes."""

DRAW_SECONDS = 0.1
"""The least time between drawings: plotext is slow, and a held key passes many rows."""

MANY_SOURCES = 8
GATHER_MANY_SECONDS, GATHER_TIMES = 1.0, 30
EAGER_GATHER_SECONDS, EAGER_GATHER_TIMES = 0.1, 2
"""Of more sources than these some answer all the time. Their rows are made ready once a second, or ten times just after
a request, and no sooner than so many times as long after the last time as that took."""

TICK_SECONDS = 1.0
CLOSE_SECONDS = 0.5
"""How long sources may take to close; one that hangs is left."""


WITH_SENDERS = ("sender_queue",)
"""The types of source that may tell several hosts apart by themselves."""

Asked = TypeVar("Asked", ViewRequest, Jump)


class Hub:
    """Knows what the sources say, and answers with views. It is a ``HubLink`` to itself: for tests the screen's
    end and the hub are one."""

    def __init__(
        self,
        sources: Sequence[Source],
        collectors: Collectors | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._collectors = collectors
        self._clock = clock
        # One thread for all that takes long: each more would compete with the loop for the interpreter's lock.
        self._worker = Worker("mailtop hub")
        if sum(source.type not in WITHOUT_QUEUE for source in sources) > 1:  # else nobody else's ids mean the same
            numbers = Numbers()
            sources = [SharedNames(source, numbers, self._worker) for source in sources]
        self._sources = sources
        is_many = len(sources) > MANY_SOURCES
        self._pollers = [
            Poller(source, self._told, clock, number / len(sources) if is_many else None)
            for number, source in enumerate(sources)
        ]
        self._writer = Worker("mailtop export")  # a disk that hangs holds nothing else up
        self._board = Board(self._pollers, self._worker, clock)
        self._accounts = Accounts(self._pollers, self._worker)
        self._drawing = Drawing(self._worker, clock)
        self._request: ViewRequest | None = None
        self._requested = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._board_due = asyncio.Event()
        self._asked = asyncio.Event()
        self._drawing_due = asyncio.Event()
        self._hurry = asyncio.Event()
        self._sent: View | None = None
        self._sent_at = 0.0
        self._outgoing: View | None = None
        self._offered = asyncio.Event()
        self._trends = Trends(self._pollers, self._board.past, self._news.set, clock)
        self._details = Details(self._pollers, self._news.set)
        self._errands = Errands(self._run, self._offered.set)
        self._closing = False

    async def start(self) -> None:
        """Begin to poll; nothing is asked for that no request wants."""
        work: list[Coroutine[Any, Any, None]] = [poller.run() for poller in self._pollers]
        work += [self._trends.keep(poller) for poller in self._pollers]
        work += [inquiry.run() for inquiry in self._details.inquiries]
        work += [self._keep_board(), self._keep_drawing(), self._push()]
        if self._collectors is not None:
            work.append(self._collectors.run(self._news.set))
        for coroutine in work:
            task = asyncio.create_task(coroutine)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def send(self, request: Request) -> None:
        """Take a request. A view request is answered at once from what is known; what is not known yet is asked for,
        and follows."""
        if isinstance(request, Close):
            self._closing = True
            self._offered.set()
        elif isinstance(request, Refresh):
            for poller in self._pollers:
                poller.refresh()
        elif isinstance(request, Export):
            self._errands.begin(replace(request, request=self._apart_if_alone(request.request)))
        elif isinstance(request, Jump):
            self._errands.begin(self._apart_if_alone(request))
        else:
            self._show(self._apart_if_alone(request))

    def _apart_if_alone(self, request: Asked) -> Asked:
        """Of one host there is nothing to add up."""
        sources = self._sources
        is_alone = len(sources) == 1 and sources[0].type not in WITH_SENDERS
        return replace(request, together=False) if is_alone and request.together else request

    async def answers(self) -> AsyncIterator[Answer]:
        """Views as they come, until closed. A newer view replaces one that nobody has taken; replies to what was asked
        once wait."""
        while not self._closing:
            await self._offered.wait()
            self._offered.clear()
            for task in self._tasks:
                if task.done() and not task.cancelled():
                    task.result()
            while (reply := self._errands.take()) is not None:
                yield reply
            view, self._outgoing = self._outgoing, None
            if view is not None:
                yield view

    async def close(self) -> None:
        """Stop polling; end the collectors, close the sources."""
        self.send(Close())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, self._errands.close(), return_exceptions=True)
        self._worker.stop()
        self._writer.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*[source.close() for source in self._sources], return_exceptions=True)

    def _show(self, request: ViewRequest) -> None:
        self._request = request
        self._requested = asyncio.get_running_loop().time()
        for poller in self._pollers:
            poller.pause(request.paused)
        if self._board.is_ready(request):
            self._offer(self._view(request))  # first of all: what is woken below runs after it has left
        self._want()
        self._asked.set()
        self._board_due.set()
        self._drawing_due.set()
        self._hurry.set()

    def _want(self) -> None:
        accounts = self._accounts
        if (request := self._request) is not None:
            self._details.want(request, self._board.sheet(request))
            for poller in self._pollers:
                totals = accounts.shows_totals(request, poller)
                listed = accounts.listed() if request.accounts is not None else ()
                needed = wanted(request, poller.source.name, accounts.ranking, totals=totals, listed=listed)
                if needed.query is not None and needed.query.grouping is Grouping.HOST:
                    needed = replace(needed, totals=True, isps=True)
                poller.want(needed)

    def _told(self) -> None:
        """A poller has something new."""
        self._board_due.set()

    async def _keep_board(self) -> None:
        while True:
            await self._board_due.wait()
            await self._gather()
            self._board_due.clear()
            if self._request is not None:
                await self._board.update(self._request)
                await self._accounts.update(self._request)
                self._want()
                self._drawing_due.set()
                self._news.set()
                if self._sent is not None and not self._sent.queue_known:
                    self._hurry.set()

    async def _gather(self) -> None:
        """Wait for the answers of other sources, where there are many, but not when something else is asked."""
        request, board = self._request, self._board
        if self._asked.is_set() or request is None or len(self._pollers) <= MANY_SOURCES:
            self._asked.clear()
            return
        least, times = GATHER_MANY_SECONDS, GATHER_TIMES
        if board.sheet(request) is None:
            return
        if self._is_eager():
            least, times = EAGER_GATHER_SECONDS, EAGER_GATHER_TIMES
        due = board.made + max(least, times * board.took_seconds)
        if (rest := due - asyncio.get_running_loop().time()) > 0:
            await _wait(self._asked, rest)

    async def _keep_drawing(self) -> None:
        while True:
            await self._drawing_due.wait()
            self._drawing_due.clear()
            if (request := self._request) is not None:
                board = self._board
                drawn = await self._drawing.update(
                    request, self._pollers, board.sheet(request), self._accounts.ranking, board.past
                )
                if drawn:
                    self._news.set()
                    await asyncio.sleep(DRAW_SECONDS)

    async def _run(self, errand: Errand) -> Reply:
        """Do what is asked once."""
        if isinstance(errand, Jump):
            return await jump(errand, self._pollers, self._worker)
        return await export(errand, self._material(errand.request), self._worker, self._writer)

    def _material(self, request: ViewRequest) -> Material:
        meant = [
            poller
            for poller in self._board.shown(request)
            if (poller.offers_totals if request.accounts is not None else poller.source.type not in WITHOUT_QUEUE)
        ]
        tables = [poller.table if poller.query == request.query else None for poller in meant]
        sheet = self._board.sheet(request)
        host_count, counted = self._board.hosts_counted(request)
        of_hosts = request.query.grouping is Grouping.HOST
        hosts = [sheet.row(index) for index in range(len(sheet))] if sheet is not None and of_hosts else []
        return Material(
            time=self._clock(),
            sheet=sheet,
            roll=self._accounts.roll,
            sources=[
                shown_source(self._status(poller), None if table is None else table.files)
                for poller, table in zip(meant, tables, strict=True)
            ],
            nameless=nameless([poller.source for poller in meant]),
            facts=self._board.host_facts(hosts),
            partial=Partial(counted, host_count),
        )

    async def _push(self) -> None:
        """Offer a new view when something in it changed, or to show that we live; look once a second whether ages
        did."""
        loop = asyncio.get_running_loop()
        while True:
            await _wait(self._news, TICK_SECONDS)
            if not self._is_eager():
                await asyncio.sleep(GATHER_SECONDS)
            self._news.clear()
            request = self._request
            if request is None:
                continue
            if self._board.leaves_out_others(request):
                self._board_due.set()
            if not self._board.is_ready(request):
                if self._board.sheet(request) is not None:
                    continue  # its rows are being filtered or sorted: news when they are
                if loop.time() < self._requested + PATIENCE_SECONDS:
                    loop.call_at(self._requested + PATIENCE_SECONDS, self._news.set)
                    continue
            if (rest := self._rest_seconds(request)) > 0:
                await _wait(self._hurry, rest)
                self._hurry.clear()
                self._news.set()
                continue
            view = self._view(request)
            sent, is_due = self._sent, loop.time() >= self._sent_at + ALIVE_SECONDS
            if is_due or sent is None or view.serial != sent.serial or not same_but_for_time(view, sent):
                self._offer(view)
            self._hurry.clear()
            await _wait(self._hurry, EAGER_PUSH_SECONDS if self._is_eager() else PUSH_SECONDS)

    def _is_eager(self) -> bool:
        return asyncio.get_running_loop().time() < self._requested + EAGER_SECONDS

    def _rest_seconds(self, request: ViewRequest) -> float:
        """How long the screen wants to be left alone, unless it waits for something."""
        sent = self._sent
        if sent is None or sent.serial != request.serial or self._is_eager():
            return 0.0
        if not sent.queue_known and self._board.is_ready(request):
            return 0.0
        return self._sent_at + request.push_seconds - asyncio.get_running_loop().time()

    def _view(self, request: ViewRequest) -> View:
        board, drawing = self._board, self._drawing
        problems = [*(self._collectors.problems if self._collectors else []), *self._trends.problems]
        sheet = board.sheet(request)
        of_hosts = request.query.grouping is Grouping.HOST
        indices = window(request, sheet) if sheet is not None and (request.trend_cells or of_hosts) else []
        rows = [sheet.row(index) for index in indices] if sheet is not None else []
        host_count, hosts_counted = board.hosts_counted(request)
        known = Known(
            time=self._clock(),
            sheet=sheet,
            ranking=self._accounts.ranking,
            queue_freshness=board.queue_freshness(request),
            host_count=host_count,
            hosts_counted=hosts_counted,
            hosts=board.host_facts(rows) if of_hosts else {},
            totals_offered=self._accounts.totals_offered,
            panes=drawing.panes(request, self._accounts),
            chart=drawing.chart(request),
            sources=[self._status(poller) for poller in self._pollers],
            problems=[*problems, *([drawing.problem] if drawing.problem else [])],
            trends=self._trends.beside(request, rows),
            detail=self._details.detail(request, sheet),
            accounts=self._accounts.page(request),
            balance=together([poller.balance() for poller in self._pollers if poller.source.type not in WITHOUT_QUEUE]),
        )
        return make_view(request, known)

    def _status(self, poller: Poller) -> SourceStatus:
        """How a source is. What cannot be read yet, because its collector is only starting, is waited for."""
        status = poller.status()
        if status.freshness is not Freshness.ERROR or status.age_seconds is not None:
            return status
        if self._collectors is None or not self._collectors.is_starting(status.name):
            return status
        note = "Its collector is starting; the first numbers come when it has read the log."
        return replace(status, freshness=Freshness.STALE, error=None, notes=(note,))

    def _offer(self, view: View) -> None:
        self._sent = self._outgoing = view
        self._sent_at = asyncio.get_running_loop().time()
        self._offered.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task never ends by itself: whoever reads the answers must learn why it did."""
        if not task.cancelled():
            self._offered.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
