"""All that a ledger holds, whatever keeps it, as values that can be written, shipped and compared. Pure; ledgers, files
of ledgers and the command line enter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from tui.engine.batch import ISP_BITS, ISP_MASK, Batch, LogPosition, cell_key
from tui.engine.counts import COLUMNS, D_NEW, Columns, merged
from tui.engine.coverage import Ranges

BEFORE_HISTORY = 0
"""The minute of what was counted before any history that is kept: it is in the sums and nowhere else."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger knows beside its counts: the ``host`` whose it is (``""``: nobody told), ``updated`` when the last
    batch was written (seconds since 1970), since when minutes and hours are kept, which minutes it knows of, and what
    ``LedgerStatus`` and ``LogPosition`` have. ``sums`` are the nine counts of everything."""

    host: str
    updated: float | None
    minutes_from: int
    hours_from: int
    covered: Ranges
    sums: tuple[int, ...]
    counters: dict[str, int] = {}
    gauges: dict[str, int] = {}
    notes: dict[str, str] = {}
    positions: list[LogPosition] = []


class Contents(Protocol):
    """One host's ledger, in one state of it."""

    def head(self) -> Head:
        """What it knows beside its counts. Raises ``LedgerError``."""
        ...

    def parts(self) -> Iterator[Batch]:
        """Batches that make an empty ledger of the same ``Head`` what this one is: names before what they name, counts
        from the oldest hour to the newest minute and then those of ``BEFORE_HISTORY``, causes, messages. An hour's
        counts stand at its first minute. Raises ``LedgerError``."""
        ...


class Remainder:
    """What is in the sums and in no history: the sums less all that ``take`` was told of."""

    def __init__(self) -> None:
        self._campaigns: list[dict[int, int]] = [{} for _ in range(D_NEW)]
        self._isps: list[dict[int, int]] = [{} for _ in range(D_NEW)]
        self._cells: list[dict[int, int]] = [{} for _ in COLUMNS[D_NEW:]]

    def add_campaign(self, campaign_id: int, column: int, count: int) -> None:
        """One of the first five sums of a campaign."""
        _add(self._campaigns[column], campaign_id, count)

    def add_isp(self, isp_id: int, column: int, count: int) -> None:
        """One of the first five sums of an ISP."""
        _add(self._isps[column], isp_id, count)

    def add_cell(self, cell: int, column: int, count: int) -> None:
        """What waits in a state, which is ``column``, in a cell."""
        _add(self._cells[column - D_NEW], cell, count)

    def take(self, columns: Columns) -> None:
        """Take away what a bucket of history has."""
        for column in range(D_NEW):
            by_campaign, by_isp = self._campaigns[column], self._isps[column]
            for cell, count in columns[column].items():
                _add(by_campaign, cell >> ISP_BITS, -count)
                _add(by_isp, cell & ISP_MASK, -count)
        for held, changes in zip(self._cells, columns[D_NEW:], strict=True):
            for cell, count in changes.items():
                _add(held, cell, -count)

    def columns(self) -> Columns:
        """Counts by cell that add up to what is left. Of the first five nobody kept which cell's they were, only whose
        campaign's and which ISP's: any cells will do that add up to both."""
        counts = [self._placed(column) for column in range(D_NEW)]
        return [_without_zeros(column) for column in (*counts, *self._cells)]

    def _placed(self, column: int) -> dict[int, int]:
        placed = {cell_key(campaign, 0): count for campaign, count in self._campaigns[column].items()}
        if placed:
            bearer = min(self._campaigns[column])
            for isp, count in self._isps[column].items():
                if isp and count:
                    _add(placed, cell_key(bearer, isp), count)
                    _add(placed, cell_key(bearer, 0), -count)
        return placed


def gathered(buckets: Iterator[tuple[int, Columns]], limit: int) -> Iterator[Batch]:
    """Counts by minute as batches, of ``limit`` counts and somewhat more each."""
    deltas: dict[int, list[Columns]] = {}
    size = 0
    for minute, columns in buckets:
        deltas.setdefault(minute, []).append(columns)
        size += sum(map(len, columns))
        if size >= limit:
            yield Batch(deltas={at: merged(parts) for at, parts in deltas.items()})
            deltas, size = {}, 0
    if deltas:
        yield Batch(deltas={at: merged(parts) for at, parts in deltas.items()})


def _add(counts: dict[int, int], key: int, count: int) -> None:
    counts[key] = counts.get(key, 0) + count


def _without_zeros(column: dict[int, int]) -> dict[int, int]:
    return {key: count for key, count in column.items() if count}
