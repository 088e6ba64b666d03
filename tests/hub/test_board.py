"""Boards: what takes long for many rows is done in the worker's thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.hub.scripted import ScriptedSource, until
from tui.hub.board import Board
from tui.hub.filters import parse_filter
from tui.hub.order import Order
from tui.hub.poller import Poller, Wanted
from tui.hub.protocol import Seek, View, ViewRequest
from tui.hub.views import Known, make_view
from tui.model import Grouping, QueueQuery, RowKey
from tui.sources.worker import Worker

QUERY = QueueQuery(Grouping.ACCOUNT_CAMPAIGN)
ROWS = 20_000


class Watched:
    """Notes in which threads something is called."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.threads: list[threading.Thread] = []
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        self.threads.append(threading.current_thread())
        return self._call(*arguments)


@asynccontextmanager
async def board_of(source: ScriptedSource) -> AsyncIterator[Board]:
    poller, worker = Poller(source, lambda: None), Worker("test")
    polling = asyncio.create_task(poller.run())
    poller.want(Wanted(QUERY))
    await until(lambda: poller.table is not None)
    try:
        yield Board([poller], worker)
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        worker.stop()


def asked(**request: Any) -> ViewRequest:
    return ViewRequest(serial=1, query=QUERY, **request)


def shown(board: Board, request: ViewRequest) -> View:
    assert board.is_ready(request)
    return make_view(request, Known(time=0, sheet=board.sheet(request)))


async def test_many_rows_are_filtered_and_sorted_in_the_worker_and_none_in_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order, parse = Watched(Order), Watched(parse_filter)
    monkeypatch.setattr("tui.hub.selection.Order", order)
    monkeypatch.setattr("tui.hub.selection.parse_filter", parse)
    source = ScriptedSource(interval_seconds=3600)
    source.rows = ROWS
    marked = [RowKey("one", 1, number, number) for number in (1, 2, ROWS, ROWS + 1)]
    requests = [
        asked(),
        asked(sort="account", descending=False, first=ROWS),
        asked(filter="user77", selected=RowKey("one", 1, 77, 77)),
        asked(problems=True),
        asked(filter="/7+$/ total>1k", sort="drain", marked=marked),
        asked(seek=Seek("match", 1, "letter100"), selected=RowKey("one", 1, 5, 5)),
        asked(seek=Seek("match", 1, "retry>")),
        asked(filter="retry>=", seek=Seek("match", 1, " ")),
    ]
    async with board_of(source) as board:
        views = []
        for number, request in enumerate(requests):
            assert not board.is_ready(request), number
            await board.update(request)
            views.append(shown(board, request))
    assert [view.row_count for view in views[:5]] == [ROWS, ROWS, 111, 0, 1900]
    assert views[1].rows[-1].account == "user9999"
    assert views[2].selected_index == 110
    assert (views[4].marked_count, views[4].marked_sums.total) == (3, ROWS + 3)
    assert views[5].sought == RowKey("one", 1, 10099, 10099)
    assert views[6].sought is None
    assert views[6].filter_problem and views[7].filter_problem
    assert order.threads and parse.threads
    assert threading.current_thread() not in {*order.threads, *parse.threads}


async def test_few_rows_are_sorted_at_once_but_filtered_in_the_worker() -> None:
    source = ScriptedSource(interval_seconds=3600)
    async with board_of(source) as board:
        await board.update(asked())
        assert board.is_ready(asked(sort="account", seek=Seek("problem", 1), marked=[RowKey("one")]))
        typed = asked(filter="user2")
        assert not board.is_ready(typed), "a pattern may take its time"
        await board.update(typed)
        assert [row.account for row in shown(board, typed).rows] == ["user2"]
