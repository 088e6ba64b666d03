"""The last hour of each row on the screen in a few characters: asked for a few rows at a time, and kept. The hub's loop
enters."""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tui.hub.past import Past
from tui.hub.poller import Poller, sentence_of
from tui.hub.protocol import TREND_GAP, TREND_LEVELS, ViewRequest
from tui.hub.views import trend_query
from tui.model import History, QueueQuery, QueueRow, RowKey

SPAN_SECONDS = 3600

ROWS_PER_SECOND = 50
BATCH_ROWS = 10
"""So many rows are asked for in a second, and in one go: the source has more to do."""

AGAIN_SECONDS = 60.0
"""How long a row's trend stands at least."""

MAX_COURSES = 2000
LEAST_ROWS = 100
"""So many trends are kept, but those of a screen of rows however many sources there are; the rows that were not shown
for longest are forgotten."""

Courses = dict[str, "Course"]
"""A row's course in each source that was asked for it."""


class Course(msgspec.Struct, frozen=True):
    """What waited in the hour before ``time`` (seconds since 1970), as it was found at ``asked`` (loop time): in all at
    the end of each of the steps from ``start``, -1 where it is not known."""

    time: float
    asked: float
    start: int = 0
    step_seconds: int = 60
    totals: array[int] = array("q")

    def total_at(self, time: float) -> int | None:
        """What waited at the end of the step that ends at ``time``, or in which it lies."""
        place = math.ceil((time - self.start) / self.step_seconds) - 1
        total = self.totals[place] if 0 <= place < len(self.totals) else -1
        return None if total < 0 else total


class Drawn(msgspec.Struct, frozen=True):
    """What was drawn of some courses in so many cells, up to the ``last`` step."""

    courses: list[Course]
    cells: int
    last: int
    levels: str


class Trends:
    """The trends of the rows on the screen, of all sources together where a row has none; ``told`` is called whenever
    there are more. ``past`` stands in for the history that a source does not keep."""

    def __init__(
        self,
        pollers: Sequence[Poller],
        past: Past,
        told: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._past = past
        self._told = told
        self._clock = clock
        self._cells = 0
        self._rows: OrderedDict[QueueQuery, Courses] = OrderedDict()
        self._max_rows = max(LEAST_ROWS, MAX_COURSES // max(1, len(pollers)))
        self._drawn: dict[tuple[QueueQuery, str], Drawn] = {}
        self._due: dict[str, list[QueueQuery]] = {poller.source.name: [] for poller in pollers}
        self._wake = {poller.source.name: asyncio.Event() for poller in pollers}
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> list[str]:
        """A sentence for each source whose trends cannot be read."""
        return [self._problems[source] for source in sorted(self._problems)]

    def beside(self, request: ViewRequest, rows: Sequence[QueueRow]) -> Mapping[RowKey, str]:
        """The trends of those of ``rows`` that have one yet; the others are asked for, the first ones first."""
        self._cells = request.trend_cells
        due: dict[str, list[QueueQuery]] = {source: [] for source in self._due}
        found: dict[RowKey, str] = {}
        asked = [source for source in due if request.source in (None, source)]
        old, step = asyncio.get_running_loop().time() - AGAIN_SECONDS, step_of(self._clock(), self._cells or 1)
        for row in rows if self._cells else ():
            query = trend_query(request.query, row.key)
            courses = self._rows.get(query, {})
            sources = [row.source] if row.source else asked
            told = [courses[source] for source in sources if source in courses]
            if told:
                found[row.key] = self._levels(query, row.source, told)
                self._rows.move_to_end(query)
            for source in sources:
                course = courses.get(source)
                if course is not None and (course.asked > old or step_of(course.time, self._cells) == step):
                    continue  # asked for again when a step has passed, and some time
                if source in due:
                    due[source].append(query)
        self._due = due
        for source, queries in due.items():
            if queries:
                self._wake[source].set()
        return found

    async def keep(self, poller: Poller) -> None:
        """Ask one source for what is due, until cancelled."""
        source = poller.source.name
        while True:
            await self._wake[source].wait()
            self._wake[source].clear()
            batch = self._due[source][:BATCH_ROWS]
            if not batch or not poller.may_be_asked:
                continue  # the next view sees what is due
            rest_seconds = await self._ask(poller, batch)
            self._told()
            await asyncio.sleep(rest_seconds)
            self._wake[source].set()

    async def _ask(self, poller: Poller, batch: Sequence[QueueQuery]) -> float:
        """Ask for these; returns how many seconds to wait before more are."""
        source = poller.source
        for query in batch:
            now = self._clock()
            try:
                history = await source.history(query, int(now), SPAN_SECONDS)
            except Exception as error:  # a source's mistake must not end the others
                self._problems[source.name] = f'The trends of "{source.name}" cannot be read: {sentence_of(error)}'
                return max(AGAIN_SECONDS, getattr(error, "retry_after_seconds", None) or 0.0)
            if history is None:
                interval = source.interval_seconds
                history = self._past.history(source.name, query, int(now), SPAN_SECONDS, interval)
            self._keep(source.name, query, course_of(history, now, asyncio.get_running_loop().time()))
        self._problems.pop(source.name, None)
        return len(batch) / ROWS_PER_SECOND

    def _keep(self, source: str, query: QueueQuery, course: Course) -> None:
        self._rows.setdefault(query, {})[source] = course
        self._rows.move_to_end(query)
        while len(self._rows) > self._max_rows:
            oldest, courses = self._rows.popitem(last=False)
            for place in ("", *courses):
                self._drawn.pop((oldest, place), None)
        if query in self._due[source]:
            self._due[source].remove(query)

    def _levels(self, query: QueueQuery, source: str, courses: list[Course]) -> str:
        """Drawn anew when there are others, or all have come to another step: within one nothing changes."""
        kept, cells = self._drawn.get((query, source)), self._cells
        if kept is not None and kept.cells == cells and kept.courses == courses:
            return kept.levels
        last = last_step(courses, cells)
        if kept is not None and (kept.cells, kept.last, len(kept.courses)) == (cells, last, len(courses)):
            text = kept.levels
        else:
            text = levels(courses, cells)
        self._drawn[query, source] = Drawn(courses, cells, last, text)
        return text


def course_of(history: History | None, time: float, asked: float) -> Course:
    """The course that a history tells, which was asked for at ``time`` (seconds since 1970) and found at ``asked``."""
    if history is None:
        return Course(time, asked)
    totals = [
        -1 if point is None else max(0, point.new + point.proc + point.retry + point.hold) for point in history.points
    ]
    return Course(time, asked, history.start, history.step_seconds, array("q", totals))


def levels(courses: Sequence[Course], cells: int) -> str:
    """A character a step, each for what waited at its end in all ``courses`` that know it, on a scale from zero to the
    highest. Steps are whole parts of the clock's hours, so that all rows change at once and none between; the last is
    the one that all have come to but those that have been left behind."""
    step, last = SPAN_SECONDS / cells, last_step(courses, cells)
    totals = [_sum_at(courses, (last - back) * step) for back in range(cells - 1, -1, -1)]
    top = max((total for total in totals if total is not None), default=0)
    return "".join(TREND_GAP if total is None else TREND_LEVELS[_level(total, top)] for total in totals)


def last_step(courses: Sequence[Course], cells: int) -> int:
    """The number of the last whole step that all courses know but those that have been left behind."""
    reached = [step_of(course.time, cells) for course in courses]
    newest = max(reached)
    return min(place for place in reached if place >= newest - 1)


def step_of(time: float, cells: int) -> int:
    """The number of the last whole step before ``time`` (seconds since 1970), of ``cells`` an hour."""
    return math.floor(time * cells / SPAN_SECONDS)


def _sum_at(courses: Sequence[Course], time: float) -> int | None:
    """What waited at ``time`` by all who know; ``None`` where nobody does."""
    known = [total for course in courses if (total := course.total_at(time)) is not None]
    return sum(known) if known else None


def _level(total: int, top: int) -> int:
    """Zero for nothing, and at least one for anything."""
    return math.ceil(max(0, total) * (len(TREND_LEVELS) - 1) / top) if top > 0 else 0
