"""The last hour of each row on the screen in a few characters: asked for a few rows at a time, and kept. The hub's loop
enters."""

from __future__ import annotations

import asyncio
import math
import time
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
"""So many rows' trends are kept; those that were not shown for longest are forgotten."""

Place = tuple[str, QueueQuery]


class Course(msgspec.Struct, frozen=True):
    """What waited in the hour before ``time`` (seconds since 1970), as it was found at ``asked`` (loop time)."""

    time: float
    asked: float
    history: History | None

    def levels(self, cells: int) -> str:
        """A character a step, each for what waited at its end, on a scale from zero to the highest. Steps are whole
        parts of the clock's hours, so that all rows change at once and none between."""
        step = SPAN_SECONDS / cells
        end = step_of(self.time, cells) * step
        totals = [_total_at(self.history, end - back * step) for back in range(cells - 1, -1, -1)]
        top = max((total for total in totals if total is not None), default=0)
        return "".join(TREND_GAP if total is None else TREND_LEVELS[_level(total, top)] for total in totals)


class Trends:
    """The trends of the rows on the screen; ``told`` is called whenever there are more. ``past`` stands in for the
    history that a source does not keep."""

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
        self._courses: OrderedDict[Place, Course] = OrderedDict()
        self._drawn: dict[Place, tuple[Course, int, str]] = {}
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
        for row in rows if self._cells else ():
            place = row.source, trend_query(request.query, row.key)
            course = self._courses.get(place)
            if course is not None:
                found[row.key] = self._levels(place, course)
                self._courses.move_to_end(place)
            if row.source in due and self._is_due(course):
                due[row.source].append(place[1])
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
            self._keep((source.name, query), Course(now, asyncio.get_running_loop().time(), history))
        self._problems.pop(source.name, None)
        return len(batch) / ROWS_PER_SECOND

    def _keep(self, place: Place, course: Course) -> None:
        self._courses[place] = course
        self._courses.move_to_end(place)
        while len(self._courses) > MAX_COURSES:
            oldest, _ = self._courses.popitem(last=False)
            self._drawn.pop(oldest, None)
        source, query = place
        if query in self._due[source]:
            self._due[source].remove(query)

    def _is_due(self, course: Course | None) -> bool:
        if course is None:
            return True
        is_old = asyncio.get_running_loop().time() >= course.asked + AGAIN_SECONDS
        return is_old and step_of(self._clock(), self._cells) != step_of(course.time, self._cells)

    def _levels(self, place: Place, course: Course) -> str:
        kept = self._drawn.get(place)
        if kept is None or kept[0] is not course or kept[1] != self._cells:
            kept = self._drawn[place] = course, self._cells, course.levels(self._cells)
        return kept[2]


def step_of(time: float, cells: int) -> int:
    """The number of the last whole step before ``time`` (seconds since 1970), of ``cells`` an hour."""
    return math.floor(time * cells / SPAN_SECONDS)


def _total_at(history: History | None, time: float) -> int | None:
    """What waited at the end of the bucket that ends at ``time``, or in which it lies."""
    if history is None:
        return None
    place = math.ceil((time - history.start) / history.step_seconds) - 1
    point = history.points[place] if 0 <= place < len(history.points) else None
    return None if point is None else point.new + point.proc + point.retry + point.hold


def _level(total: int, top: int) -> int:
    """Zero for nothing, and at least one for anything."""
    return math.ceil(max(0, total) * (len(TREND_LEVELS) - 1) / top) if top > 0 else 0
