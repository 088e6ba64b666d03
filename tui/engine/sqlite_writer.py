"""The embedded ledger's one writer: a batch is one transaction, old minutes become hours. The collector enters, and
what loads and mends ledgers."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tui.engine import coverage, sqlite_history
from tui.engine.batch import ISP_BITS, ISP_MASK, Batch, LogPosition, Names, Place
from tui.engine.counts import COLUMNS, D_NEW, FAIL, SUCCESS, Columns, columns_of, counted, counts_of
from tui.engine.ledger import LedgerError, LedgerLost
from tui.engine.ledger_lock import LedgerLock, is_at
from tui.engine.sqlite_causes import CauseSums, add_causes
from tui.engine.sqlite_contents import positions
from tui.engine.sqlite_history import HOUR_SECONDS, MINUTE_SECONDS, Kept
from tui.engine.sqlite_schema import BALANCED, explained, open_to_write
from tui.engine.sqlite_sums import add_up, together
from tui.model import Counts

_DAY_SECONDS = 86400

_SUMS = Counts.__struct_fields__
# What is off balance notes since when; the parameters are by how much more it is off now, and the time.
_OFF_SINCE = " ".join(["off_since = CASE WHEN ? +", BALANCED, "THEN NULL ELSE coalesce(off_since, ?) END"])
_ADD_TO_CELL = """
    INSERT INTO cells (campaign_id, isp_id, account_id, new, proc, retry, hold) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (campaign_id, isp_id) DO UPDATE SET
    new = new + excluded.new, proc = proc + excluded.proc,
    retry = retry + excluded.retry, hold = hold + excluded.hold"""
_DROP_CELL = """
    DELETE FROM cells
    WHERE campaign_id = ? AND isp_id = ? AND new = 0 AND proc = 0 AND retry = 0 AND hold = 0"""
_FLIP_CAMPAIGN = """
    UPDATE campaigns SET waits = 1 - waits
    WHERE campaign_id = ? AND waits <> (new + proc + retry + hold > 0)"""
_PUT_MESSAGE = """
    INSERT INTO messages (id, state, since, campaign_id, isps) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, since = excluded.since, campaign_id = excluded.campaign_id, isps = excluded.isps"""
_NO_PLACE = None, None, None

_LEFT_UNTIDY = sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY
"""Why a closed ledger may stay more than one file, with nothing lost: readers are there, the disk is full or closed, or
the file was moved away."""


class SqliteWriter:
    """Writes the ledger at ``path``, which it makes and locks. Minutes are kept ``minutes_kept_hours``, hours
    ``hours_kept_days``; above ``max_bytes`` ``maintain`` shortens both. One thread at a time.

    Raises ``LedgerBusy`` when another process writes this ledger, ``LedgerError`` when the file cannot be used; what
    writes raises ``LedgerLost``, too.
    """

    def __init__(
        self,
        path: Path,
        *,
        minutes_kept_hours: int = 24,
        hours_kept_days: int = 90,
        max_bytes: int = 2 * 1024**3,
    ) -> None:
        self._path = path
        self._minutes_kept_seconds = minutes_kept_hours * HOUR_SECONDS
        self._hours_kept_seconds = hours_kept_days * _DAY_SECONDS
        self._max_bytes = max_bytes
        self._run_until: int | None = None
        self._lock = LedgerLock(path)
        try:
            self._db = open_to_write(path)
            self._cause_sums = CauseSums(self._db)
            with explained(path):
                self._owners: dict[int, int] = dict(self._db.execute("SELECT campaign_id, account_id FROM campaigns"))
                self._serial = self._stored_serial()
            files = path, path.with_name(path.name + "-wal")
            self._files = {file: file.stat() for file in files if file.exists()}
        except BaseException:
            self._lock.release()
            raise

    def names(self) -> Names:
        """Every name the ledger has numbered."""
        with explained(self._path):
            return Names(
                accounts=dict(self._db.execute("SELECT name, account_id FROM accounts")),
                campaigns={
                    (account_id, name): campaign_id
                    for account_id, name, campaign_id in self._db.execute(
                        "SELECT account_id, name, campaign_id FROM campaigns"
                    )
                },
                isps=dict(self._db.execute("SELECT name, isp_id FROM isps")),
            )

    def messages(self) -> dict[bytes, bytes]:
        """The stored states of live messages, by id."""
        with explained(self._path):
            return dict(self._db.execute("SELECT id, state FROM messages"))

    def positions(self) -> list[LogPosition]:
        """How far each log was read when the last batch was written."""
        with explained(self._path):
            return positions(self._db)

    def write(self, batch: Batch) -> None:
        """Add a batch in one transaction. Raises ``LedgerError`` (full disk, no right), and then nothing of it is
        stored."""
        with self._transaction():
            self._add_names(batch)
            self._add_deltas(batch)
            add_causes(self._db, batch.causes)
            self._put_messages(batch.messages, batch.places)
            self._put_numbers(batch)
            until = self._cover(batch)
            self._cause_sums.update()
            self._db.execute("UPDATE ledger SET serial = serial + 1, updated = ?", (time.time(),))
        self._run_until = until

    def note(self, key: str, text: str | None) -> None:
        """Keep one sentence for readers under ``key`` (``log``, ``queue``: what went wrong there), or take it away."""
        with explained(self._path):
            stored = self._db.execute("SELECT text FROM notes WHERE key = ?", (key,)).fetchone()
        if (stored[0] if stored else None) != text:
            with self._transaction():
                self._put_note(key, text)
                self._db.execute("UPDATE ledger SET serial = serial + 1")

    def maintain(self, now: float) -> None:
        """Roll old minutes into hours and drop old hours; totals stay. When the ledger is too large, history is kept
        shorter, and a note says so.

        Called before the first batch of a back-fill, it lets old minutes go straight to their hours.
        """
        with self._transaction():
            before = self._db.total_changes
            last = self._db.execute("SELECT max(last_minute) FROM covered").fetchone()[0]
            # A clock that jumps ahead must not drop the history.
            self._keep_history(now if last is None else min(now, (last + 1) * MINUTE_SECONDS))
            hours_from = sqlite_history.kept(self._db).hours_from
            self._db.execute("DELETE FROM covered WHERE last_minute < ?", (hours_from // MINUTE_SECONDS,))
            self._db.execute("DELETE FROM causes WHERE last_seen < ?", (hours_from,))
            if self._db.total_changes > before:
                self._db.execute("UPDATE ledger SET serial = serial + 1")
        with explained(self._path):
            if sqlite_history.file_bytes(self._db) > self._max_bytes:
                # execute() would free one page only.
                self._db.executescript("PRAGMA incremental_vacuum(4096)")

    def close(self) -> None:
        """Give up the lock and the file. With no reader left the ledger is one plain file then, which can be read
        where the folder cannot be written."""
        if not self._lock.held:
            return
        try:
            with explained(self._path):
                self._leave_one_file()
        finally:
            self._db.close()
            self._lock.release()

    def _leave_one_file(self) -> None:
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            self._db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _LEFT_UNTIDY:
                raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self._path):
            if gone := [file for file, opened in self._files.items() if not is_at(opened, file)]:
                raise self._lost(f"{gone[0]} was removed or replaced")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._look()
                yield
                serial = self._stored_serial()
                self._db.execute("COMMIT")
                self._serial = serial
            except OverflowError as error:
                raise LedgerError(
                    f"a batch for the ledger {self._path} has a count beyond 64 bits; nothing of it was stored; please "
                    "report this"
                ) from error
            finally:
                # SQLite itself has rolled back after some errors, such as a full disk.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _look(self) -> None:
        """Raise ``LedgerLost`` where another one may be writing, too: then all would be counted twice."""
        if not self._lock.is_known:
            raise self._lost("its lock file was removed or replaced")
        if self._stored_serial() != self._serial:
            raise self._lost("something else wrote to it")

    def _lost(self, why: str) -> LedgerLost:
        return LedgerLost(
            f"the ledger {self._path} has to be opened anew, since {why}; what is in it goes on from its place in the "
            "log, and a new one begins with all logs that are still there"
        )

    def _stored_serial(self) -> int:
        serial: int = self._db.execute("SELECT serial FROM ledger").fetchone()[0]
        return serial

    def _add_names(self, batch: Batch) -> None:
        # A number that names something else already is refused: a name cannot be NULL.
        self._db.executemany(
            """INSERT INTO accounts (account_id, name) VALUES (?, ?)
            ON CONFLICT (account_id) DO UPDATE SET name = NULL WHERE name <> excluded.name""",
            [(number, name) for name, number in batch.accounts.items()],
        )
        self._db.executemany(
            """INSERT INTO campaigns (campaign_id, account_id, name) VALUES (?, ?, ?)
            ON CONFLICT (campaign_id) DO UPDATE SET name = NULL
            WHERE name <> excluded.name OR account_id <> excluded.account_id""",
            [(number, *campaign) for campaign, number in batch.campaigns.items()],
        )
        self._db.executemany(
            """INSERT INTO isps (isp_id, name) VALUES (?, ?)
            ON CONFLICT (isp_id) DO UPDATE SET name = NULL WHERE name <> excluded.name""",
            [(number, name) for name, number in batch.isps.items()],
        )
        self._owners.update((number, account_id) for (account_id, _), number in batch.campaigns.items())

    def _add_deltas(self, batch: Batch) -> None:
        """Add to the history and to the roll-ups: campaigns, accounts, ISPs and the ledger keep all nine sums; cells
        only what waits, and only where anything does. Accounts and the ledger keep the balance too."""
        try:
            buckets = sqlite_history.add(self._db, batch.deltas, self._owners)
        except KeyError as error:
            raise self._nameless("campaigns") from error
        if not buckets and not batch.accepted and not batch.removed:
            return
        sums = together(buckets or [add_up([{}] * len(COLUMNS), {})], self._owners)
        now, totals = _last_seen(batch), [sum(each.values()) for each in (batch.accepted, batch.removed)]
        self._add_sums("campaigns", "campaign_id", sums.campaigns)
        self._add_sums("accounts", "account_id", sums.accounts, (batch.accepted, batch.removed, now))
        self._add_sums("isps", "isp_id", sums.isps)
        self._add_sums("ledger", "id", columns_of({1: sums.total}), ({1: totals[0]}, {1: totals[1]}, now))
        cells = sorted(counted(sums.waiting))
        waiting = zip(*[counts_of(column, cells) for column in sums.waiting], strict=True)
        changed = [(*_split(cell), counts) for cell, counts in zip(cells, waiting, strict=True)]
        self._db.executemany(
            _ADD_TO_CELL, [(campaign, isp, self._owners[campaign], *counts) for campaign, isp, counts in changed]
        )
        fewer = [(campaign, isp) for campaign, isp, counts in changed if min(counts) < 0]
        self._db.executemany(_DROP_CELL, fewer)
        self._db.executemany(_FLIP_CAMPAIGN, [(number,) for number in sorted({campaign for campaign, _, _ in changed})])

    def _add_sums(
        self,
        table: str,
        key: str,
        columns: Columns,
        balance: tuple[Mapping[int, int], Mapping[int, int], int] | None = None,
    ) -> None:
        """Add nine sums by key, and with ``balance`` what was accepted and removed by then (seconds since 1970)."""
        accepted, removed, now = balance or ({}, {}, 0)
        waiting = counted(columns[D_NEW:])
        # Columns that an index names are left alone where nothing changes: each is rewritten with them.
        others = set(accepted).union(removed, *columns) - waiting
        for width, numbers in ((D_NEW, sorted(others)), (len(COLUMNS), sorted(waiting))):
            if not numbers:
                continue
            values = [counts_of(column, numbers) for column in columns[:width]]
            if balance is not None:
                more, fewer = counts_of(accepted, numbers), counts_of(removed, numbers)
                known = zip(values[SUCCESS], values[FAIL], *values[D_NEW:], strict=True)
                off = [came - went - sum(there) for came, went, there in zip(more, fewer, known, strict=True)]
                values += [more, fewer, off, [now] * len(numbers)]
            statement = _adding(table, key, width, balanced=balance is not None)
            added = self._db.executemany(statement, zip(*values, numbers, strict=True))
            if added.rowcount != len(numbers):
                raise self._nameless(table)

    def _nameless(self, table: str) -> LedgerError:
        return LedgerError(
            f"a batch for the ledger {self._path} counts mail of {table} that nobody has named; nothing of it was "
            "stored; please report this"
        )

    def _put_messages(self, messages: Mapping[bytes, bytes | None], places: Mapping[bytes, Place]) -> None:
        place = places.get
        self._db.executemany(
            _PUT_MESSAGE,
            [(id, state, *place(id, _NO_PLACE)) for id, state in messages.items() if state is not None],
        )
        self._db.executemany(
            "DELETE FROM messages WHERE id = ?", [(id,) for id, state in messages.items() if state is None]
        )

    def _put_numbers(self, batch: Batch) -> None:
        self._db.executemany(
            """INSERT INTO counters (name, value) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET value = value + excluded.value""",
            batch.counters.items(),
        )
        self._db.executemany(
            "INSERT INTO gauges (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            batch.gauges.items(),
        )
        self._db.executemany(
            """INSERT INTO positions (path, device, inode, head, offset) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (path) DO UPDATE SET
            device = excluded.device, inode = excluded.inode, head = excluded.head, offset = excluded.offset""",
            [(at.path, str(at.device), str(at.inode), at.head, at.offset) for at in batch.positions],
        )

    def _cover(self, batch: Batch) -> int | None:
        seen = [batch.gauges[name] // MINUTE_SECONDS for name in ("log_time", "listed_at") if name in batch.gauges]
        ranges = self._db.execute("SELECT first_minute, last_minute FROM covered ORDER BY 1").fetchall()
        after, run_until = coverage.after_batch(ranges, batch.deltas, max(seen, default=None), self._run_until)
        if after != ranges:
            self._db.execute("DELETE FROM covered")
            self._db.executemany("INSERT INTO covered (first_minute, last_minute) VALUES (?, ?)", after)
        return run_until

    def _put_note(self, key: str, text: str | None) -> None:
        if text is None:
            self._db.execute("DELETE FROM notes WHERE key = ?", (key,))
        else:
            self._db.execute(
                "INSERT INTO notes (key, text) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text",
                (key, text),
            )

    def _keep_history(self, present: float) -> None:
        """Keep minutes and hours as long as asked, or as long as there is room."""
        minutes_from = _hour(present - self._minutes_kept_seconds)
        asked = Kept(minutes_from, min(_hour(present - self._hours_kept_seconds), minutes_from))
        stored = sqlite_history.kept(self._db)
        keep = Kept(max(stored.minutes_from, asked.minutes_from), max(stored.hours_from, asked.hours_from))
        sqlite_history.keep_from(self._db, keep)
        shorter = sqlite_history.shorten(self._db, keep, _hour(present), self._max_bytes)
        used_bytes = sqlite_history.used_bytes(self._db)
        limit = f"its limit of {_mebibytes(self._max_bytes)}"
        if used_bytes > self._max_bytes:
            self._put_note("size", f"the ledger needs {_mebibytes(used_bytes)} without any history, above {limit}")
        elif shorter != keep:
            minutes, hours = _iso(shorter.minutes_from), _iso(shorter.hours_from)
            self._put_note(
                "size", f"to stay below {limit} the ledger keeps minutes since {minutes}, hours since {hours}"
            )
        elif keep == asked:
            self._put_note("size", None)


def _adding(table: str, key: str, width: int, *, balanced: bool) -> str:
    """Adds to the first ``width`` of the nine sums: so many counts; ``balanced``: what was accepted and removed, and
    the parameters of ``_OFF_SINCE``; the key."""
    added = [" ".join([name, "=", name, "+ ?"]) for name in _SUMS[:width]]
    if balanced:
        added += ["accepted = accepted + ?", "removed = removed + ?", _OFF_SINCE]
    return " ".join(["UPDATE", table, "SET", ", ".join(added), "WHERE", key, "= ?"])


def _last_seen(batch: Batch) -> int:
    """When the batch ends (seconds since 1970): its newest line or listing, else now."""
    known = [batch.gauges[name] for name in ("log_time", "listed_at") if name in batch.gauges]
    return max(known, default=int(time.time()))


def _split(cell: int) -> tuple[int, int]:
    """The campaign and the ISP of a cell key."""
    return cell >> ISP_BITS, cell & ISP_MASK


def _hour(seconds: float) -> int:
    """The start of the hour."""
    return int(seconds // HOUR_SECONDS) * HOUR_SECONDS


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%MZ")


def _mebibytes(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB"
