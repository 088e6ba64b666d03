"""Computes an embedded ledger's roll-ups anew from its leaf cells. Only what the command line does with ledgers
enters."""

from __future__ import annotations

import sqlite3
import time
from itertools import groupby
from pathlib import Path

import msgspec

from tui.engine import sqlite_blocks
from tui.engine.counts import columns_of, merged
from tui.engine.messages import decode_message
from tui.engine.sqlite_history import ACCOUNT, CELL, ISP, TOTAL
from tui.engine.sqlite_schema import BALANCED
from tui.engine.sqlite_sums import add_up
from tui.engine.sqlite_verify import Difference, differences
from tui.engine.sqlite_writer import SqliteWriter

_WRITTEN = "UPDATE shipping SET written = written + 1 WHERE written + 1 = (SELECT serial FROM ledger)"
# Campaigns have all nine sums, cells only what waits: these are the leaves.
_SUMS = (
    """UPDATE cells SET account_id = (SELECT account_id FROM campaigns AS c WHERE c.campaign_id = cells.campaign_id)
    WHERE campaign_id IN (SELECT campaign_id FROM campaigns)""",
    """UPDATE campaigns SET (new, proc, retry, hold) = (
        SELECT coalesce(sum(new), 0), coalesce(sum(proc), 0), coalesce(sum(retry), 0), coalesce(sum(hold), 0)
        FROM cells WHERE cells.campaign_id = campaigns.campaign_id)""",
    "UPDATE campaigns SET waits = (new + proc + retry + hold > 0)",
    """UPDATE isps SET (new, proc, retry, hold) = (
        SELECT coalesce(sum(new), 0), coalesce(sum(proc), 0), coalesce(sum(retry), 0), coalesce(sum(hold), 0)
        FROM cells WHERE cells.isp_id = isps.isp_id)""",
    """UPDATE accounts SET (send, success, defer, fail, size, new, proc, retry, hold) = (
        SELECT coalesce(sum(send), 0), coalesce(sum(success), 0), coalesce(sum(defer), 0), coalesce(sum(fail), 0),
        coalesce(sum(size), 0), coalesce(sum(new), 0), coalesce(sum(proc), 0), coalesce(sum(retry), 0),
        coalesce(sum(hold), 0) FROM campaigns WHERE campaigns.account_id = accounts.account_id)""",
    """UPDATE ledger SET (send, success, defer, fail, size, new, proc, retry, hold, accepted, removed) = (
        SELECT coalesce(sum(send), 0), coalesce(sum(success), 0), coalesce(sum(defer), 0), coalesce(sum(fail), 0),
        coalesce(sum(size), 0), coalesce(sum(new), 0), coalesce(sum(proc), 0), coalesce(sum(retry), 0),
        coalesce(sum(hold), 0), coalesce(sum(accepted), 0), coalesce(sum(removed), 0) FROM accounts)""",
)

_OFF_SINCE = tuple(
    " ".join(["UPDATE", table, "SET off_since = CASE WHEN", BALANCED, "THEN NULL ELSE coalesce(off_since, ?) END"])
    for table in ("accounts", "ledger")
)


def rebuild(path: Path) -> tuple[list[Difference], list[Difference]]:
    """Compute the roll-ups of the ledger at ``path`` anew where they differ, in one transaction; what differed before,
    and what still does, which nothing in the ledger can tell. Raises ``LedgerBusy``, ``LedgerError``."""
    ledger = _Rebuilding(path)
    try:
        return ledger.rebuild()
    finally:
        ledger.close()


class _Rebuilding(SqliteWriter):
    """The writer of a ledger that nobody else writes."""

    def rebuild(self) -> tuple[list[Difference], list[Difference]]:
        """What differed before, and what still does."""
        with self._transaction():
            before = list(differences(self._db, self._path))
            if not any(difference.mends for difference in before):
                return before, before
            for statement in _SUMS:
                self._db.execute(statement)
            for statement in _OFF_SINCE:
                self._db.execute(statement, (int(time.time()),))
            _history(self._db)
            _places(self._db)
            self._db.execute("DELETE FROM cause_sums")
            self._db.execute("UPDATE ledger SET serial = serial + 1")
            # ClickHouse makes roll-ups of its own: there is nothing to ship.
            if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shipping'").fetchone():
                self._db.execute(_WRITTEN)
            return before, list(differences(self._db, self._path))


def _history(db: sqlite3.Connection) -> None:
    owners = dict(db.execute("SELECT campaign_id, account_id FROM campaigns"))
    buckets = db.execute("SELECT DISTINCT step, start FROM history").fetchall()
    for step, start in buckets:
        blocks = db.execute(
            "SELECT level, block FROM history WHERE step = ? AND start = ? ORDER BY level", (step, start)
        ).fetchall()
        try:
            by_level = {
                level: merged([sqlite_blocks.decode(block) for _, block in rows])
                for level, rows in groupby(blocks, key=lambda row: row[0])
            }
            sums = add_up(by_level[CELL], owners)
        except (sqlite_blocks.BlockError, KeyError):  # told again by what still differs
            continue
        for level, columns in {TOTAL: columns_of({0: sums.total}), ACCOUNT: sums.accounts, ISP: sums.isps}.items():
            if by_level.get(level) != columns:
                place = (level, step, start)
                db.execute("DELETE FROM history WHERE level = ? AND step = ? AND start = ?", place)
                db.execute("INSERT INTO history VALUES (?, ?, ?, 0, ?)", (*place, sqlite_blocks.encode(columns)))


def _places(db: sqlite3.Connection) -> None:
    moved: dict[bytes, tuple[int | None, int | None, int | None]] = {}
    for id_, state, *stored in db.execute("SELECT id, state, since, campaign_id, isps FROM messages"):
        try:
            place = decode_message(state).place or (None, None, None)
        except msgspec.DecodeError:  # told again by what still differs
            continue
        if place != tuple(stored):
            moved[id_] = place
    db.executemany(
        "UPDATE messages SET since = ?, campaign_id = ?, isps = ? WHERE id = ?",
        [(*place, id_) for id_, place in moved.items()],
    )
