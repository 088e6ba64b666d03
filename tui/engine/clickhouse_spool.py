"""The host's own ledger on disk, and in the same file what is still to go to ClickHouse. Only the ``clickhouse_*``
rooms enter.

A batch and its way to the cluster are one transaction: whatever is killed, both are there or neither.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tui.engine import sqlite_history
from tui.engine.batch import ISP_BITS, ISP_MASK, Batch
from tui.engine.clickhouse_names import Numbering
from tui.engine.clickhouse_rows import Entry, HostState, Row, delta_rows, message_rows, packed, unpacked
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_schema import explained
from tui.engine.sqlite_writer import SqliteWriter

_BUSY_SECONDS = 30.0
_PACKAGE_BYTES = 4 * 1024 * 1024
"""So much of the spool, packed, goes as one package at the most."""

_TABLES = (
    """CREATE TABLE IF NOT EXISTS spool (
        version INTEGER PRIMARY KEY, written INTEGER NOT NULL, size INTEGER NOT NULL, payload BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS spool_size ON spool (version, written, size)",
    # ``sealed`` is the last version of the package that is under way and never changes once it may have been sent;
    # ``mark`` the serial of the last counts that the cluster has for certain, 0 while it has none; ``written`` the
    # serial of the ledger when it was last written by way of the spool; ``replaces`` whether the cluster must forget
    # all that it has of the host before anything is sent.
    """CREATE TABLE IF NOT EXISTS shipping (
        id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, serial INTEGER NOT NULL, sealed INTEGER,
        mark INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT 0, replaces INTEGER NOT NULL DEFAULT 0)""",
)


_BALANCE = "accepted, success, fail, removed, new + proc + retry + hold, coalesce(off_since, 0)"
_BALANCES = " ".join(["SELECT account_id,", _BALANCE, "FROM accounts"])
_ALL_BALANCED = " ".join(["SELECT 0,", _BALANCE, "FROM ledger"])

WRITTEN = "UPDATE shipping SET written = (SELECT serial FROM ledger)"
"""The ledger has nothing now that did not go by way of the spool."""


class Spooled(msgspec.Struct, frozen=True):
    """What waits to be shipped: how many entries, their bytes, and when the oldest was written (seconds since 1970;
    ``None``: nothing waits)."""

    entries: int
    size: int
    since: int | None


class Package(msgspec.Struct, frozen=True):
    """Entries that go together, with their versions and when they were written. ``mark`` is what the cluster had
    before; ``replaces`` says that it must first forget all that it has of the host."""

    serial: int
    mark: int
    replaces: bool
    entries: list[tuple[int, int, Entry]]


class SpoolingLedger(SqliteWriter):
    """The ledger at ``path`` as ``SqliteWriter`` keeps it, for this host; each write is an entry of the spool too,
    which holds ``max_spool_bytes`` at the most.

    Raises ``LedgerError`` where the ledger there was written without a spool: what it has nobody would ship.
    """

    def __init__(
        self, path: Path, *, minutes_kept_hours: int, hours_kept_days: int, max_bytes: int, max_spool_bytes: int
    ) -> None:
        super().__init__(
            path, minutes_kept_hours=minutes_kept_hours, hours_kept_days=hours_kept_days, max_bytes=max_bytes
        )
        self._max_spool_bytes = max_spool_bytes
        self._batch: Batch | None = None
        self._leaving = False
        self._shown: HostState | None = None
        try:
            with explained(path):
                self._open_spool()
            self._numbering = Numbering(self.names())
            self._begin()
        except BaseException:
            super().close()
            raise

    def write(self, batch: Batch) -> None:
        """Add a batch, and put it in the spool. Raises ``LedgerError``, also when the spool is full; then nothing of
        it is stored."""
        self._batch = batch
        try:
            super().write(batch)
        finally:
            self._batch = None

    def leave(self) -> None:
        """Tell readers of the cluster that nobody writes for this host any more."""
        self._leaving = True
        with self._transaction():
            pass

    def spooled(self) -> Spooled:
        """What waits to be shipped."""
        with explained(self._path):
            return spooled(self._db)

    def version(self) -> int:
        """The newest entry of the spool, shipped or not."""
        with explained(self._path):
            version: int = self._db.execute("SELECT version FROM shipping").fetchone()[0]
            return version

    def _begin(self) -> None:
        """Tell readers of the cluster who writes now."""
        if not is_spooled(self._db):
            raise LedgerError(
                f"the ledger {self._path} was kept without ClickHouse so far, and what it has would never get there; "
                "'mailtop ledger migrate' sends it"
            )
        with self._transaction():
            pass

    def _open_spool(self) -> None:
        # What the cluster has must never be forgotten here, not even when the power fails.
        self._db.execute("PRAGMA synchronous = FULL")
        for statement in _TABLES:
            self._db.execute(statement)
        # Numbers go on from the clock's, so that a spool made anew never takes those of the one before.
        now_ms = time.time_ns() // 1_000_000
        self._db.execute(
            "INSERT INTO shipping (id, version, serial) VALUES (1, ?, ?) ON CONFLICT DO NOTHING", (now_ms, now_ms)
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with super()._transaction():
            batch = self._batch
            gone = [] if batch is None else self._done_waiting(batch)
            yield
            self._append(batch, gone)
            self._db.execute(WRITTEN)

    def _append(self, batch: Batch | None, gone: Sequence[bytes]) -> None:
        entry = Entry()
        if batch is not None:
            keep = sqlite_history.kept(self._db)
            entry.names = self._numbering.add(batch)
            entry.deltas = delta_rows(batch, self._numbering, keep.minutes_from, keep.hours_from)
            entry.messages = message_rows(batch, self._numbering, gone)
            entry.causes = self._causes(sorted({key.cell for key in batch.causes}))
            entry.balances = self._balances(batch)
        state = self._state()
        if batch is None and state == self._shown:
            return
        entry.state = msgspec.json.encode(state)
        self._put(entry)
        waiting = spooled(self._db)
        if batch is not None and waiting.entries > 1 and waiting.size > self._max_spool_bytes:
            raise LedgerError(
                f"the spool in {self._path} is full: {waiting.size / 1024**2:.1f} MiB wait for ClickHouse; nothing is "
                "lost, the log is read on when it answers again"
            )
        self._shown = state

    def _put(self, entry: Entry) -> None:
        payload = packed(entry)
        self._db.execute("UPDATE shipping SET version = version + 1")
        self._db.execute(
            "INSERT INTO spool (version, written, size, payload) SELECT version, ?, ?, ? FROM shipping",
            (int(time.time()), len(payload), payload),
        )

    def _state(self) -> HostState:
        keep = sqlite_history.kept(self._db)
        return HostState(
            updated=self._db.execute("SELECT updated FROM ledger").fetchone()[0],
            collector=None if self._leaving else os.getpid(),
            counters=dict(self._db.execute("SELECT name, value FROM counters ORDER BY name")),
            gauges=dict(self._db.execute("SELECT name, value FROM gauges ORDER BY name")),
            notes=dict(self._db.execute("SELECT key, text FROM notes ORDER BY key")),
            covered=self._db.execute("SELECT first_minute, last_minute FROM covered ORDER BY 1").fetchall(),
            minutes_from=keep.minutes_from,
            hours_from=keep.hours_from,
            cells=self._db.execute("SELECT count(*) FROM cells").fetchone()[0],
        )

    def _done_waiting(self, batch: Batch) -> list[bytes]:
        """The messages of a batch that wait no longer, and did."""
        waited = "SELECT 1 FROM messages WHERE id = ? AND since IS NOT NULL"
        return [
            id_ for id_ in batch.messages if id_ not in batch.places and self._db.execute(waited, (id_,)).fetchone()
        ]

    def _balances(self, batch: Batch) -> list[Row]:
        """How everybody and the accounts of a batch balance."""
        campaigns = {cell >> ISP_BITS for columns in batch.deltas.values() for column in columns for cell in column}
        accounts = {self._owners[campaign] for campaign in campaigns} | batch.accepted.keys() | batch.removed.keys()
        if not accounts:
            return []
        one = " ".join([_BALANCES, "WHERE account_id = ?"])
        rows = [self._db.execute(one, (number,)).fetchone() for number in sorted(accounts)]
        rows.append(self._db.execute(_ALL_BALANCED).fetchone())
        return [(self._numbering.account(number), *row) for number, *row in rows]

    def _causes(self, cells: Sequence[int]) -> list[Row]:
        """All causes of the cells, a row each."""
        rows = []
        for cell in cells:
            found = self._db.execute(
                """SELECT text, count, first_seen, last_seen, last_reply FROM causes
                WHERE campaign_id = ? AND isp_id = ?""",
                (cell >> ISP_BITS, cell & ISP_MASK),
            ).fetchall()
            rows.append((*self._numbering.cell(cell), *map(list, zip(*found, strict=True))))
        return rows


class Spool:
    """The same file from the shipping side; one thread at a time, beside the one that writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA synchronous = FULL")

    def last(self) -> int:
        """The version of the newest entry there ever was."""
        with explained(self._path):
            version: int = self._db.execute("SELECT version FROM shipping").fetchone()[0]
            return version

    def waiting(self) -> Spooled:
        """What waits to be shipped."""
        with explained(self._path):
            return spooled(self._db)

    def package(self) -> Package | None:
        """What is to be shipped next, which stays the same until ``shipped``; ``None``: nothing waits."""
        with explained(self._path):
            serial, sealed, mark, replaces = self._db.execute(
                "SELECT serial, sealed, mark, replaces FROM shipping"
            ).fetchone()
            if sealed is None:
                sealed = self._next()
                if sealed is None:
                    return None
                serial += 1
                self._db.execute("UPDATE shipping SET serial = ?, sealed = ?", (serial, sealed))
            rows = self._db.execute(
                "SELECT version, written, payload FROM spool WHERE version <= ? ORDER BY version", (sealed,)
            ).fetchall()
            try:
                entries = [(version, at, unpacked(payload)) for version, at, payload in rows]
                return Package(serial, mark, bool(replaces), entries)
            except ValueError as error:
                raise LedgerError(
                    f"the spool in {self._path} is damaged ({error}); the host must be rebuilt"
                ) from error

    def replaced(self) -> None:
        """The cluster has nothing of the host any more."""
        with explained(self._path):
            self._db.execute("UPDATE shipping SET replaces = 0")

    def shipped(self, mark: int) -> None:
        """The package has arrived; ``mark`` is the serial of the last counts that the cluster has now."""
        with explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.execute("DELETE FROM spool WHERE version <= (SELECT sealed FROM shipping)")
                self._db.execute("UPDATE shipping SET sealed = NULL, mark = ?", (mark,))
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _next(self) -> int | None:
        """The last version of the next package."""
        size, last = 0, None
        for version, more in self._db.execute("SELECT version, size FROM spool ORDER BY version"):
            if last is not None and size + more > _PACKAGE_BYTES:
                break
            size, last = size + more, version
        return last


def is_shipped(db: sqlite3.Connection) -> bool:
    """Whether the open ledger, which may have no spool at all, was written by way of one."""
    known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shipping'").fetchone()
    return known is not None and is_spooled(db)


def sent_mark(db: sqlite3.Connection) -> int | None:
    """The serial of the last counts of the open ledger that the cluster has for certain, 0 while it has none; ``None``
    where it has mail that was not written by way of a spool."""
    if not is_shipped(db):
        return None
    mark: int = db.execute("SELECT mark FROM shipping").fetchone()[0]
    return mark


def is_spooled(db: sqlite3.Connection) -> bool:
    """Whether all that the open ledger has was written by way of its spool."""
    found: tuple[int] | None = db.execute("SELECT written = ledger.serial FROM shipping, ledger").fetchone()
    return bool(found and found[0])


def spooled(db: sqlite3.Connection) -> Spooled:
    """What waits in the spool of an open ledger."""
    return Spooled(*db.execute("SELECT count(*), coalesce(sum(size), 0), min(written) FROM spool").fetchone())
