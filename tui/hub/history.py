"""What waited about a minute ago, by row, so that a change a minute can stand beside each row. Used in the hub's worker
thread."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any

import msgspec

from tui.hub.sheet import Part
from tui.model import QueueQuery, QueueTable

BASE_SECONDS = 60.0
"""A change is measured against the newest snapshot that is at least this old."""

LEAST_SECONDS = 10.0
"""Until there is one, against the oldest, if it is at least this old: less would multiply chance."""

SPACING_SECONDS = 25.0
FORGET_SECONDS = 150.0
MAX_ROWS = 600_000
"""Of all snapshots together; the places of the drill-down that were left longest ago are forgotten first."""

Key = tuple[Any, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """The total of each row at ``time`` (seconds of a clock that never goes back)."""

    time: float
    totals: dict[Key, int]


class Recent:
    """The recent snapshots of each place in the drill-down, by source and query."""

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, QueueQuery], deque[Snapshot]] = OrderedDict()

    def part(self, source: str, query: QueueQuery, table: QueueTable, time: float, *, complete: bool = True) -> Part:
        """What ``source`` answered to ``query`` at ``time`` (seconds of a clock that never goes back), with totals and
        changes; remembered for later answers. A row that was not there before had nothing waiting then. Numbers that
        are not ``complete`` (a log still being read) have no changes, and none are measured against them."""
        totals = [
            new + proc + retry + hold
            for new, proc, retry, hold in zip(table.new, table.proc, table.retry, table.hold, strict=True)
        ]
        if not complete:
            self._places.pop((source, query), None)
            return Part(source, table, totals, [None] * len(totals), None)
        snapshots = self._visit((source, query), time)
        base = snapshots[0] if snapshots and snapshots[0].time <= time - LEAST_SECONDS else None
        if not snapshots or snapshots[-1].time <= time - SPACING_SECONDS:
            snapshots.append(_snapshot(time, table, totals))
            self._forget_surplus()
        if base is None:
            return Part(source, table, totals, [None] * len(totals), None)
        per_minute = 60 / (time - base.time)
        before = base.totals.get
        deltas: list[float | None] = [
            (total - before(key, 0)) * per_minute for key, total in zip(_keys(table), totals, strict=True)
        ]
        return Part(source, table, totals, deltas, (sum(totals) - sum(base.totals.values())) * per_minute)

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
        rows = sum(len(snapshot.totals) for snapshots in self._places.values() for snapshot in snapshots)
        while rows > MAX_ROWS and len(self._places) > 1:
            _, snapshots = self._places.popitem(last=False)
            rows -= sum(len(snapshot.totals) for snapshot in snapshots)


def _keys(table: QueueTable) -> Iterable[Key]:
    return zip(table.sender_id, table.account_id, table.campaign_id, table.isp, strict=True)


def _snapshot(time: float, table: QueueTable, totals: list[int]) -> Snapshot:
    """Row by row: one call for all would hold the interpreter's lock while 100,000 keys are made."""
    snapshot = Snapshot(time, {})
    for key, total in zip(_keys(table), totals, strict=True):
        snapshot.totals[key] = total
    return snapshot
