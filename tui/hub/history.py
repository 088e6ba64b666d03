"""What waited about a minute ago, by row, so that a change a minute can stand beside each row. Used in the hub's worker
thread."""

from __future__ import annotations

import operator
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

from tui.hub.part import Changes, Part, RowId, totals_of
from tui.model import QueueQuery, QueueTable

BASE_SECONDS = 60.0
"""A change is measured against the newest snapshot that is at least this old."""

LEAST_SECONDS = 10.0
"""Until there is one, against the oldest, if it is at least this old: less would multiply chance."""

SPACING_SECONDS = 25.0
FORGET_SECONDS = 150.0
MAX_ROWS = 600_000
"""Of all snapshots together; the places of the drill-down that were left longest ago are forgotten first."""

BLOCK_ROWS = 512
"""Most rows stand where they stood among their neighbours: so many are compared at once, before each is looked for."""

Key = tuple[Any, ...]


class Snapshot:
    """The totals of the rows with these key columns at ``time`` (seconds of a clock that never goes back)."""

    def __init__(self, time: float, columns: Sequence[list[Any]], totals: list[int]) -> None:
        self.time = time
        self.columns = columns
        self.totals = totals
        self.sum = sum(totals)
        self._places: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self.totals)

    def totals_of(self, columns: Sequence[list[Any]]) -> list[int]:
        """The total of each of these rows then; a row that was not there had nothing waiting."""
        if all(map(operator.is_, columns, self.columns)):
            return self.totals
        found: list[int] = []
        after = 0  # where the next block is expected
        for start in range(0, len(columns[0]), BLOCK_ROWS):
            block = [column[start : start + BLOCK_ROWS] for column in columns]
            rows = len(block[0])
            place: int | None = after
            if not self._has(block, after):
                place = self._index().get(tuple(part[0] for part in block))
                place = place if place is not None and self._has(block, place) else None
            if place is not None:
                found += self.totals[place : place + rows]
                after = place + rows
                continue
            places = list(map(self._index().get, zip(*block, strict=True)))
            found += [0 if place is None else self.totals[place] for place in places]
            after = after + rows if places[-1] is None else places[-1] + 1
        return found

    def gone(self, columns: Sequence[list[Any]]) -> list[tuple[RowId, int]]:
        """The rows that are not among those of these columns, and the total of each."""
        present = set(zip(*columns, strict=True))
        rows = zip(zip(*self.columns, strict=True), self.totals, strict=True)
        return [(row, total) for row, total in rows if total and row not in present]

    def _has(self, block: Sequence[list[Any]], place: int) -> bool:
        end = place + len(block[0])
        return all(column[place:end] == part for column, part in zip(self.columns, block, strict=True))

    def _index(self) -> dict[Key, int]:
        """Row by row: one call for all would hold the interpreter's lock while 100,000 keys are made."""
        if not self._places:
            for place, key in enumerate(zip(*self.columns, strict=True)):
                self._places[key] = place
        return self._places


class Recent:
    """The recent snapshots of each place in the drill-down, by source and query."""

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, QueueQuery], deque[Snapshot]] = OrderedDict()

    def part(
        self,
        source: str,
        query: QueueQuery,
        table: QueueTable,
        time: float,
        *,
        complete: bool = True,
        with_gone: bool = False,
    ) -> Part:
        """What ``source`` answered to ``query`` at ``time`` (seconds of a clock that never goes back), with totals and
        changes, and the rows that are gone if asked for; remembered for later answers. A row that was not there before
        had nothing waiting then. Numbers that are not ``complete`` (a log still being read) have no changes, and none
        are measured against them."""
        totals = totals_of(table)
        if not complete:
            self._places.pop((source, query), None)
            return Part(source, table, Changes(totals))
        columns: list[list[Any]] = [table.sender_id, table.account_id, table.campaign_id, table.isp]
        snapshots = self._visit((source, query), time)
        base = snapshots[0] if snapshots and snapshots[0].time <= time - LEAST_SECONDS else None
        if not snapshots or snapshots[-1].time <= time - SPACING_SECONDS:
            same = next((old.columns for old in snapshots if old.columns == columns), columns)
            snapshots.append(Snapshot(time, same, totals))
            self._forget_surplus()
        if base is None:
            return Part(source, table, Changes(totals))
        per_minute = 60 / (time - base.time)
        before = base.totals_of(columns)
        gone = base.gone(columns) if with_gone and sum(before) != base.sum else []
        changes = Changes(totals, before, per_minute)
        return Part(source, table, changes, (sum(totals) - base.sum) * per_minute, gone)

    def _visit(self, place: tuple[str, QueueQuery], time: float) -> deque[Snapshot]:
        """The place's snapshots; first the one that changes are measured against."""
        snapshots = self._places.setdefault(place, deque())
        self._places.move_to_end(place)
        while snapshots and snapshots[0].time < time - FORGET_SECONDS:
            snapshots.popleft()
        while len(snapshots) > 1 and snapshots[1].time <= time - BASE_SECONDS:
            snapshots.popleft()
        return snapshots

    def _forget_surplus(self) -> None:
        rows = sum(len(snapshot) for snapshots in self._places.values() for snapshot in snapshots)
        while rows > MAX_ROWS and len(self._places) > 1:
            _, snapshots = self._places.popitem(last=False)
            rows -= sum(len(snapshot) for snapshot in snapshots)
