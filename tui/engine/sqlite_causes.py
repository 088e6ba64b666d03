"""Why mail waits, in the embedded ledger: replies by cell, and sums of them where a filter selects many cells. Only its
writer and reader enter."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping

from tui.engine.batch import ISP_BITS, ISP_MASK, CauseDelta, CauseKey
from tui.model import Cause

NAMED_CAUSES = 8
"""So many causes of a cell are kept by name: those that were seen last."""

OTHER_REPLIES = "other replies"
"""The cause that the rest is added up as."""

MANY_CELLS = 2_000
"""Filters that select more cells than this are answered from sums, which are not made anew with each batch."""

SUM_SECONDS = 5.0
SUM_SHARE = 50
"""How old sums may become, or so many times as long as it took to make them, so that the writer does little else."""

_CHANGED_CELLS = 5_000
"""For so many cells one look at all causes is cheaper than a look at each cell's."""

_ADD = """
    INSERT INTO causes (campaign_id, isp_id, text, count, first_seen, last_seen, last_reply)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (campaign_id, isp_id, text) DO UPDATE SET
    count = count + excluded.count, first_seen = min(first_seen, excluded.first_seen),
    last_reply = CASE WHEN excluded.last_seen >= last_seen THEN excluded.last_reply ELSE last_reply END,
    last_seen = max(last_seen, excluded.last_seen)"""
_IS_CROWDED = "SELECT 1 FROM causes WHERE campaign_id = ? AND isp_id = ? AND text <> ? LIMIT 1 OFFSET ?"
_CROWDED = "SELECT campaign_id, isp_id FROM causes WHERE text <> ? GROUP BY campaign_id, isp_id HAVING count(*) > ?"

_WAITING = "(new + proc + retry + hold)"
# A column beside one max() comes from the row that has the maximum; beside max() and min() from either, hence two.
_ADDED_UP = """
    WITH picked AS (
        SELECT text, count, first_seen, last_seen, last_reply
        FROM OUTER CROSS JOIN INNER USING (campaign_id, isp_id) WHERE CONDITIONS)
    SELECT ? AS level, ? AS key, text, count, first_seen, last_seen, last_reply FROM
        (SELECT text, sum(count) AS count, max(last_seen) AS last_seen, last_reply FROM picked GROUP BY text)
        JOIN (SELECT text, min(first_seen) AS first_seen FROM picked GROUP BY text) USING (text)"""
_MANY = "SELECT KEY FROM cells GROUP BY KEY HAVING count(*) > ?"
_SUMMED = "SELECT * FROM cause_sums WHERE level = ? AND key = ?"
_LARGEST = " ORDER BY count DESC, last_seen DESC, text LIMIT ?"
_LEVELS = {"": 0, "account_id": 1, "campaign_id": 2, "isp_id": 3}
"""What sums are made by, and its number in the ledger; nothing: all that waits."""


def add_causes(db: sqlite3.Connection, causes: Mapping[CauseKey, CauseDelta]) -> None:
    """Add a batch's causes."""
    db.executemany(
        _ADD,
        [
            (*_split(key.cell), key.text, cause.count, cause.first_seen, cause.last_seen, cause.last_reply)
            for key, cause in sorted(causes.items(), key=lambda item: item[0].cell)
        ],
    )
    for campaign_id, isp_id in _crowded(db, {key.cell for key in causes}):
        _bound(db, campaign_id, isp_id)


class CauseSums:
    """Makes the sums of a ledger's one writer anew from time to time."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._again = 0.0

    def update(self) -> None:
        """Make the sums anew if they are due."""
        begun = time.monotonic()
        if begun < self._again:
            return
        self._again = begun + SUM_SECONDS
        self._db.execute("DELETE FROM cause_sums")
        if not _selects_many(self._db, "", 0):
            return
        self._insert("", 0)
        for column in list(_LEVELS)[1:]:
            for (value,) in self._db.execute(_MANY.replace("KEY", column), (MANY_CELLS,)).fetchall():
                self._insert(column, value)
        ended = time.monotonic()
        self._again = ended + max(SUM_SECONDS, SUM_SHARE * (ended - begun))

    def _insert(self, column: str, value: int) -> None:
        filters = {column: value} if column else {}
        self._db.execute("INSERT INTO cause_sums " + _added_up(filters), (*filters.values(), _LEVELS[column], value))


def find_causes(db: sqlite3.Connection, filters: Mapping[str, int], limit: int) -> list[Cause]:
    """The most frequent causes of all cells where mail waits that have these values in these columns."""
    rows = _summed(db, filters, limit) if len(filters) < 2 else []
    if not rows:
        rows = db.execute(_added_up(filters) + _LARGEST, (*filters.values(), 0, 0, limit)).fetchall()
    return [
        Cause(text=text, count=count, first_seen=first_seen, last_seen=last_seen, last_reply=last_reply)
        for _, _, text, count, first_seen, last_seen, last_reply in rows
    ]


def _added_up(columns: Collection[str]) -> str:
    """The statement that adds up the causes of the cells where mail waits and ``columns`` have certain values. It takes
    these, and then a level and a key that it gives back."""
    conditions = " AND ".join([_WAITING + " > 0", *(f"cells.{column} = ?" for column in columns)])
    # Without a filter far more cells wait than have causes.
    outer, inner = ("cells", "causes") if columns else ("causes", "cells")
    return _ADDED_UP.replace("OUTER", outer).replace("INNER", inner).replace("CONDITIONS", conditions)


_Row = tuple[int, int, str, int, int, int, str]


def _summed(db: sqlite3.Connection, filters: Mapping[str, int], limit: int) -> list[_Row]:
    """What the sums say of one filter or none; nothing where it selects few cells, or there are no sums yet."""
    column, value = next(iter(filters.items()), ("", 0))
    if not _selects_many(db, column, value):
        return []
    return db.execute(_SUMMED + _LARGEST, (_LEVELS[column], value, limit)).fetchall()


def _selects_many(db: sqlite3.Connection, column: str, value: int) -> bool:
    statement = " ".join(["SELECT 1 FROM cells", f"WHERE {column} = ?" if column else "", "LIMIT 1 OFFSET ?"])
    return db.execute(statement, (*((value,) if column else ()), MANY_CELLS)).fetchone() is not None


def _crowded(db: sqlite3.Connection, cells: Collection[int]) -> list[tuple[int, int]]:
    """Which of the cells have more causes by name than are kept."""
    bound = OTHER_REPLIES, NAMED_CAUSES
    if len(cells) > _CHANGED_CELLS:
        return db.execute(_CROWDED, bound).fetchall()
    return [place for place in map(_split, cells) if db.execute(_IS_CROWDED, (*place, *bound)).fetchone()]


def _bound(db: sqlite3.Connection, campaign_id: int, isp_id: int) -> None:
    rest = db.execute(
        """SELECT text, count, first_seen, last_seen, last_reply FROM causes
        WHERE campaign_id = ? AND isp_id = ? AND text <> ?
        ORDER BY last_seen DESC, count DESC, text LIMIT -1 OFFSET ?""",
        (campaign_id, isp_id, OTHER_REPLIES, NAMED_CAUSES),
    ).fetchall()
    db.executemany(_ADD, [(campaign_id, isp_id, OTHER_REPLIES, *cause) for _, *cause in rest])
    db.executemany(
        "DELETE FROM causes WHERE campaign_id = ? AND isp_id = ? AND text = ?",
        [(campaign_id, isp_id, text) for text, *_ in rest],
    )


def _split(cell: int) -> tuple[int, int]:
    return cell >> ISP_BITS, cell & ISP_MASK
