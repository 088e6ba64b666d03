"""A ledger that was kept without ClickHouse becomes one that is shipped there: all that it has goes into its spool.
What the command line does with ledgers enters."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from tui.engine import sqlite_history
from tui.engine.batch import Batch
from tui.engine.clickhouse_rows import Entry, delta_rows, message_rows
from tui.engine.clickhouse_spool import WRITTEN, SpoolingLedger, is_spooled
from tui.engine.sqlite_contents import SqliteContents
from tui.engine.sqlite_history import Kept
from tui.engine.sqlite_writer import SqliteWriter

_FOR_EVER_HOURS, _FOR_EVER_DAYS = 24 * 36500, 36500
_UNLIMITED = 1 << 62


def spool_all(path: Path, *, replaces: bool) -> bool:
    """Put all that the ledger at ``path`` has into its spool, in one transaction, unless it is there or was shipped
    already; ``replaces``: in any case, and what the cluster has of the host goes before. Returns whether that was to be
    done. Raises ``LedgerBusy``, ``LedgerError``.

    Whoever ships the spool then, now or after a crash, ships it once, as any other package.
    """
    ledger = _Migrating(path, replaces)
    try:
        return ledger.was_filled
    finally:
        ledger.close()


class _Migrating(SpoolingLedger):
    """The writer of the ledger while its spool is filled."""

    def __init__(self, path: Path, replaces: bool) -> None:
        self._replaces = replaces
        self.was_filled = False
        super().__init__(
            path,
            minutes_kept_hours=_FOR_EVER_HOURS,
            hours_kept_days=_FOR_EVER_DAYS,
            max_bytes=_UNLIMITED,
            max_spool_bytes=_UNLIMITED,
        )

    def _begin(self) -> None:
        if is_spooled(self._db) and not self._replaces:
            return
        with SqliteWriter._transaction(self):
            self._fill()
            self._db.execute(WRITTEN)
        self.was_filled = True

    def _fill(self) -> None:
        """Begin the spool anew. Readers of the cluster are told that the numbers grow until all is there."""
        self._db.execute("DELETE FROM spool")
        # Numbers go on from the clock's, as in a spool made anew.
        now_ms = time.time_ns() // 1_000_000
        self._db.execute(
            """UPDATE shipping SET version = max(version, ?), serial = max(serial, ?), sealed = NULL, mark = 0,
            replaces = max(replaces, ?)""",
            (now_ms, now_ms, self._replaces),
        )
        state = self._state()
        growing = msgspec.structs.replace(state, gauges=state.gauges | {"backfill": 1}, collector=None)
        self._put(Entry(state=msgspec.json.encode(growing)))
        keep = sqlite_history.kept(self._db)
        for part in SqliteContents(self._db, self._path).parts():
            self._put(self._entry(part, keep))
        self._put(Entry(state=msgspec.json.encode(msgspec.structs.replace(state, collector=None))))

    def _entry(self, part: Batch, keep: Kept) -> Entry:
        return Entry(
            names=self._numbering.add(part),
            deltas=delta_rows(part, self._numbering, keep.minutes_from, keep.hours_from),
            messages=message_rows(part, self._numbering, ()),
            causes=self._causes(sorted({key.cell for key in part.causes})),
            balances=self._balances(Batch(accepted=part.accepted, removed=part.removed)),
        )
