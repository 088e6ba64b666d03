"""The embedded ledger's history: blocks by level, step and time, added, rolled into hours and read. Only the ledger's
writer and reader enter."""

from __future__ import annotations

import operator
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from tui.engine import sqlite_blocks
from tui.engine.counts import Columns, columns_of, merged
from tui.engine.sqlite_blocks import NOTHING, Selection
from tui.engine.sqlite_sums import Sums, add_up

MINUTE_SECONDS, HOUR_SECONDS = 60, 3600

TOTAL, ACCOUNT, ISP, CELL = LEVELS = range(4)
"""What the keys of a block are: 0, an account's id, an ISP's id, a cell key."""

_FORGOTTEN = (0, 0)
"""The bucket of what is too old for any."""

_FULL_BLOCK = 2048
"""Counts from which a block is not rewritten any more: what comes next for its minute stands beside it."""


class Kept(msgspec.Struct, frozen=True):
    """Since when minutes and hours are kept: whole hours, in seconds since 1970."""

    minutes_from: int
    hours_from: int


def kept(db: sqlite3.Connection) -> Kept:
    """What the ledger keeps now."""
    return Kept(*db.execute("SELECT minutes_from, hours_from FROM ledger").fetchone())


def add(db: sqlite3.Connection, deltas: Mapping[int, Columns], owners: Mapping[int, int]) -> list[Sums]:
    """Add counts by minute and cell at every level; the sums of each bucket. ``owners`` gives a campaign's account
    (``KeyError``: it has none).

    Minutes that are kept no longer go to their hour, or nowhere, but into the sums.
    """
    keep = kept(db)
    buckets: defaultdict[tuple[int, int], list[Columns]] = defaultdict(list)
    for minute, cells in deltas.items():
        start = minute * MINUTE_SECONDS
        if not any(cells):
            continue
        if start >= keep.minutes_from:
            buckets[MINUTE_SECONDS, start].append(cells)
        elif start >= keep.hours_from:
            buckets[HOUR_SECONDS, start - start % HOUR_SECONDS].append(cells)
        else:
            buckets[_FORGOTTEN].append(cells)
    added = []
    for place, parts in sorted(buckets.items()):
        cells = merged(parts)
        sums = add_up(cells, owners)
        added.append(sums)
        if place != _FORGOTTEN:
            total = columns_of({0: sums.total})
            for level, columns in zip(LEVELS, (total, sums.accounts, sums.isps, cells), strict=True):
                _add_block(db, level, *place, columns)
    return added


def keep_from(db: sqlite3.Connection, keep: Kept) -> None:
    """Roll minutes before ``keep.minutes_from`` into their hours and drop hours before ``keep.hours_from``."""
    old = db.execute(
        """SELECT DISTINCT level, start - start % 3600 FROM history
        WHERE level IN (0, 1, 2, 3) AND step = 60 AND start < ?""",
        (keep.minutes_from,),
    ).fetchall()
    for level, hour in old:
        if hour >= keep.hours_from:
            blocks = db.execute(
                "SELECT block FROM history WHERE level = ? AND step = 60 AND start >= ? AND start < ?",
                (level, hour, hour + HOUR_SECONDS),
            ).fetchall()
            _add_block(db, level, HOUR_SECONDS, hour, merged([sqlite_blocks.decode(block) for (block,) in blocks]))
    drop = "DELETE FROM history WHERE level IN (0, 1, 2, 3) AND step = ? AND start < ?"
    db.execute(drop, (MINUTE_SECONDS, keep.minutes_from))
    db.execute(drop, (HOUR_SECONDS, keep.hours_from))
    db.execute(
        "UPDATE ledger SET minutes_from = ?, hours_from = ? WHERE minutes_from <> ? OR hours_from <> ?",
        (keep.minutes_from, keep.hours_from) * 2,
    )


def shorten(db: sqlite3.Connection, keep: Kept, newest_hour: int, max_bytes: int) -> Kept:
    """Roll and drop more than ``keep`` says, minutes first, until the ledger uses ``max_bytes`` or no history before
    ``newest_hour`` is left; what is kept then."""
    while used_bytes(db) > max_bytes:
        minute, hour = _oldest(db, MINUTE_SECONDS), _oldest(db, HOUR_SECONDS)
        if minute is not None and minute < newest_hour:
            keep = Kept(minute - minute % HOUR_SECONDS + HOUR_SECONDS, keep.hours_from)
        elif hour is not None:
            keep = Kept(keep.minutes_from, min(hour + 24 * HOUR_SECONDS, keep.minutes_from))
        else:
            break
        keep_from(db, keep)
    return keep


def file_bytes(db: sqlite3.Connection) -> int:
    """How large the file is, without its log (WAL)."""
    return _number(db, "PRAGMA page_count") * _number(db, "PRAGMA page_size")


def used_bytes(db: sqlite3.Connection) -> int:
    """How much of the file holds anything."""
    return file_bytes(db) - _number(db, "PRAGMA freelist_count") * _number(db, "PRAGMA page_size")


def sums_since(
    db: sqlite3.Connection, level: int, selection: Selection, step: int, since: int
) -> dict[int, Sequence[int]]:
    """The nine counts of the selected keys in each bucket of ``step`` seconds from ``since`` on, by its start."""
    sums: dict[int, Sequence[int]] = {}
    for stored in {MINUTE_SECONDS, step}:
        for start, block in db.execute(
            "SELECT start, block FROM history WHERE level = ? AND step = ? AND start >= ?", (level, stored, since)
        ):
            bucket, more = start - start % step, sqlite_blocks.sums(block, selection)
            sums[bucket] = tuple(map(operator.add, sums.get(bucket, NOTHING), more))
    return sums


def _add_block(db: sqlite3.Connection, level: int, step: int, start: int, columns: Columns) -> None:
    place = (level, step, start)
    last = db.execute(
        "SELECT part, block FROM history WHERE level = ? AND step = ? AND start = ? ORDER BY part DESC LIMIT 1", place
    ).fetchone()
    if last is not None and sqlite_blocks.length(last[1]) + sum(map(len, columns)) <= _FULL_BLOCK:
        columns = merged((sqlite_blocks.decode(last[1]), columns))
        db.execute(
            "UPDATE history SET block = ? WHERE level = ? AND step = ? AND start = ? AND part = ?",
            (sqlite_blocks.encode(columns), *place, last[0]),
        )
    else:
        part = 0 if last is None else last[0] + 1
        db.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?)", (*place, part, sqlite_blocks.encode(columns)))


def _oldest(db: sqlite3.Connection, step: int) -> int | None:
    """Where the oldest block of ``step`` starts, ``None`` when there is none."""
    start: int | None = db.execute("SELECT min(start) FROM history WHERE level = 0 AND step = ?", (step,)).fetchone()[0]
    return start


def _number(db: sqlite3.Connection, query: str) -> int:
    value: int = db.execute(query).fetchone()[0]
    return value
