"""Trends beside rows: a few rows at a time, seldom again, on each row's own scale, and gaps where nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub.scripted import ScriptedSource, until
from tui.hub import trends as rooms
from tui.hub.past import Past
from tui.hub.poller import Poller
from tui.hub.protocol import TREND_GAP, TREND_LEVELS, ViewRequest
from tui.hub.trends import Course, Trends, course_of, levels, step_of
from tui.model import Counts, Grouping, History, QueueQuery, QueueRow, RowKey
from tui.sources.source import SourceError

HOUR = 1_763_726_400
ISPS = QueueQuery(Grouping.ISP)


def course(*totals: int | None, time: float = HOUR) -> Course:
    """One whose minutes up to ``HOUR`` end with these totals."""
    points: list[Counts | None] = [None if total is None else Counts(retry=total) for total in totals]
    return course_of(History(HOUR - 60 * len(points), 60, points), time, 0.0)


def levels_of(told: Course, cells: int) -> str:
    return levels([told], cells)


def test_levels_are_what_waited_at_the_end_of_each_step_on_the_rows_own_scale() -> None:
    minutes = [minute // 10 for minute in range(60)]
    assert levels_of(course(*minutes), 6) == "024578"[0] + "".join(
        TREND_LEVELS[-(-value * 8 // 5)] for value in (1, 2, 3, 4, 5)
    )
    assert levels_of(course(*[0] * 60), 4) == "0000"
    assert levels_of(course(*[1] * 59, 1000), 3) == "118", "anything is more than nothing"


def test_gaps_are_gaps() -> None:
    assert levels_of(course(*[None] * 30, *[5] * 30), 4) == TREND_GAP + TREND_GAP + "88"
    assert levels_of(course(*[7] * 15), 4) == TREND_GAP * 3 + "8", "its history is short"
    assert levels_of(Course(HOUR, 0.0), 5) == TREND_GAP * 5


@given(st.lists(st.none() | st.integers(0, 10**9), min_size=60, max_size=60), st.integers(1, 60), st.floats(0, 3599))
def test_any_levels_are_of_the_alphabet_as_many_as_asked_for_and_still_for_a_step(
    totals: list[int | None], cells: int, later: float
) -> None:
    now = course(*totals)
    levels = levels_of(now, cells)
    assert len(levels) == cells and set(levels) <= set(TREND_LEVELS + TREND_GAP)
    if any(total for total in totals[-1:]):
        assert levels[-1] != "0"
    if step_of(HOUR + later, cells) == step_of(HOUR, cells):
        assert levels_of(course(*totals, time=HOUR + later), cells) == levels


class Watched(ScriptedSource):
    """Remembers whose history was asked."""

    def __init__(self, name: str = "one") -> None:
        super().__init__(name)
        self.asked: list[str | None] = []
        self.history_trouble: Exception | None = None
        self.waiting = 1

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        self.asked.append(query.isp)
        if self.history_trouble is not None:
            raise self.history_trouble
        if not self.has_history:
            return None
        return History(end - 3600, 60, [Counts(new=self.waiting)] * 60)


class Shown:
    """Trends of a source and others, and the rows of the first that a screen shows."""

    def __init__(self, source: Watched, rows: int, *others: Watched) -> None:
        self.now = float(HOUR)
        self.source = source
        self.past = Past()
        self.pollers = [Poller(each, lambda: None) for each in (source, *others)]
        self.poller = self.pollers[0]
        self.told = 0
        self.trends = Trends(self.pollers, self.past, self._tell, lambda: self.now)
        self.rows = [QueueRow(source=source.name, isp=f"isp{row}", new=1) for row in range(rows)]

    def _tell(self) -> None:
        self.told += 1

    def beside(self, cells: int = 4, **more: Any) -> dict[RowKey, str]:
        request = ViewRequest(serial=1, query=ISPS, trend_cells=cells, **more)
        return dict(self.trends.beside(request, self.rows))


@asynccontextmanager
async def shown(source: Watched, rows: int, *others: Watched) -> AsyncIterator[Shown]:
    screen = Shown(source, rows, *others)
    tasks = [asyncio.create_task(screen.trends.keep(poller)) for poller in screen.pollers]
    try:
        yield screen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_rows_are_asked_for_once_from_the_top_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ROWS_PER_SECOND", 1000)
    async with shown(Watched(), 25) as screen:
        assert screen.beside() == {}
        await until(lambda: len(screen.beside()) == 25)
        assert screen.source.asked == [f"isp{row}" for row in range(25)]
        assert screen.told == 3, "after each ten"
        assert set(screen.beside().values()) == {"8888"}
        assert screen.beside(6)[screen.rows[0].key] == "888888", "other sizes ask nothing anew"
        screen.now += 60
        screen.beside()
        await asyncio.sleep(0.02)
        assert len(screen.source.asked) == 25


async def test_rows_are_asked_for_no_faster_than_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ROWS_PER_SECOND", 100)
    async with shown(Watched(), 30) as screen:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await until(lambda: len(screen.beside()) == 30)
        assert loop.time() - began >= 0.19


async def test_a_row_is_asked_for_again_when_a_step_has_passed_and_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(Watched(), 1) as screen:
        await until(screen.beside)
        screen.now += 3600 / 4
        screen.beside()
        await asyncio.sleep(0.02)
        assert len(screen.source.asked) == 1, "not within a minute"
        monkeypatch.setattr(rooms, "AGAIN_SECONDS", 0.0)
        screen.beside()
        await until(lambda: len(screen.source.asked) == 2)
        screen.beside()
        await asyncio.sleep(0.02)
        assert len(screen.source.asked) == 2


async def test_without_a_history_there_is_what_was_seen() -> None:
    source = Watched()
    source.has_history = False
    async with shown(source, 2) as screen:
        filters = QueueQuery(isp="isp0")
        for minute in range(61):
            screen.past.add(source.name, HOUR - 3600 + 60 * minute, [(filters, QueueRow(new=minute))])
            source.interval_seconds = 60.0
        await until(lambda: len(screen.beside()) == 2)
        first, second = screen.beside().values()
        assert first[-1] == "8" and TREND_GAP not in first and second == TREND_GAP * 4


async def test_a_failure_is_told_once_and_not_repeated_in_haste() -> None:
    source = Watched("mx")
    source.history_trouble = SourceError("The ledger is locked.")
    async with shown(source, 20) as screen:
        screen.beside()
        await until(lambda: screen.told)
        assert screen.trends.problems == ['The trends of "mx" cannot be read: The ledger is locked.']
        screen.beside()
        await asyncio.sleep(0.05)
        assert source.asked == ["isp0"]


async def test_a_source_that_fails_is_not_asked_for_trends() -> None:
    async with shown(Watched(), 2) as screen:
        screen.poller._outage.error = "It is away."
        screen.beside()
        await asyncio.sleep(0.02)
        assert screen.source.asked == []
        screen.poller._outage.error = None
        await until(lambda: len(screen.beside()) == 2)


async def test_what_was_shown_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MAX_COURSES", 5)
    monkeypatch.setattr(rooms, "LEAST_ROWS", 1)
    async with shown(Watched(), 3) as screen:
        await until(lambda: len(screen.beside()) == 3)
        old, screen.rows = screen.rows, [QueueRow(source="one", isp=f"new{row}") for row in range(4)]
        await until(lambda: len(screen.beside()) == 4)
        screen.rows = old[:1]
        assert screen.beside() == {}
        screen.rows = old[2:]
        assert len(screen.beside()) == 1


def test_courses_together_are_what_waited_in_all_who_know() -> None:
    one, two = course(*[2] * 60), course(*[6] * 60)
    assert levels([one, two], 4) == "8888"
    half = course(*[6] * 30)
    assert levels([one, half], 4) == "2288", "whoever came later"
    assert levels([one, Course(HOUR, 0.0)], 4) == "8888"
    behind = course(*[6] * 60)
    ahead = course_of(History(HOUR - 3540, 60, [Counts(new=2)] * 60), HOUR + 60, 0.0)
    assert levels([ahead, behind], 60) == "6" + "8" * 59, "a step is shown when all have come to it"
    gone = course(*[6] * 50, *[None] * 10, time=HOUR - 600)
    assert levels([one, gone], 60)[-11:] == "8" + "2" * 10


async def test_a_row_without_a_source_is_of_all_that_are_asked_for_and_nobody_waits_for_who_fails() -> None:
    one, two, bad = Watched("one"), Watched("two"), Watched("bad")
    two.waiting, bad.history_trouble = 3, SourceError("It is away.")
    async with shown(one, 1, two, bad) as screen:
        screen.rows = [QueueRow(isp="isp0", new=4)]
        key = screen.rows[0].key
        await until(lambda: screen.beside() and screen.trends.problems and one.asked and two.asked)
        assert screen.beside() == {key: "8888"}
        courses = screen.trends._rows[QueueQuery(isp="isp0")]
        assert sorted(course.total_at(HOUR) or 0 for course in courses.values()) == [1, 3]
        asked = len(one.asked)
        screen.rows = [QueueRow(isp="isp1", new=4)]
        await until(lambda: screen.beside(source="two"))
        assert "isp1" in two.asked and len(one.asked) == asked, "one source alone was asked for"
