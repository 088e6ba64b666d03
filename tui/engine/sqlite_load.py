"""A new embedded ledger made of another one's contents, in one piece or not at all. Only what copies ledgers enters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from tui.engine.batch import Batch
from tui.engine.ledger import LedgerError
from tui.engine.ledger_contents import Head
from tui.engine.ledger_lock import LedgerLock, lock_path
from tui.engine.sqlite_causes import add_causes
from tui.engine.sqlite_schema import explained, open_to_read
from tui.engine.sqlite_writer import SqliteWriter

_PUT_OFF_SINCE = "UPDATE TABLE SET off_since = ? WHERE KEY = ?"
UNFINISHED = ".unfinished"
"""What the file of a ledger is called besides its name while it is made."""


def load(path: Path, head: Head, parts: Iterable[Batch]) -> None:
    """Make the ledger at ``path`` of ``head`` and ``parts`` (``Contents``). It appears there when it is whole; whatever
    fails before, nothing does.

    Raises ``LedgerError``, also where a ledger is there already, ``LedgerBusy``, and what ``parts`` raises.
    """
    lock = LedgerLock(path)
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        refuse_data(path)
        remove(unfinished)
        ledger = _Loading(unfinished)
        try:
            ledger.load(head, parts)
        finally:
            ledger.close()
        put_in_place(unfinished, path)
    except OSError as error:
        raise LedgerError(f"cannot write the ledger {path} ({error.strerror})") from error
    finally:
        with suppress(OSError):
            remove(unfinished)
        lock.release()


def refuse_data(path: Path) -> None:
    """Raises ``LedgerError`` where the ledger at ``path`` has any mail in it already, or is something else."""
    if not path.exists() or not path.stat().st_size:
        return
    db = open_to_read(path)
    try:
        with explained(path):
            if db.execute("SELECT updated FROM ledger").fetchone()[0] is not None:
                raise LedgerError(f"there is a ledger at {path} already; move it away, or name another file")
    finally:
        db.close()


class _Loading(SqliteWriter):
    """The writer of a ledger that nobody reads yet."""

    def load(self, head: Head, parts: Iterable[Batch]) -> None:
        """Store everything in one transaction."""
        with self._transaction():
            self._db.execute(
                "UPDATE ledger SET minutes_from = ?, hours_from = ?, updated = ?, serial = 1",
                (head.minutes_from, head.hours_from, head.updated),
            )
            for part in parts:
                self._add_names(part)
                self._add_deltas(part)
                self._put_off_since(part.off_since)
                add_causes(self._db, part.causes)
                self._put_messages(part.messages, part.places)
            # Where the past went below zero on its way, and nothing is left.
            self._db.execute("DELETE FROM cells WHERE new = 0 AND proc = 0 AND retry = 0 AND hold = 0")
            self._put_numbers(Batch(counters=head.counters, gauges=head.gauges, positions=head.positions))
            self._db.executemany("INSERT INTO covered (first_minute, last_minute) VALUES (?, ?)", head.covered)
            for key, text in head.notes.items():
                self._put_note(key, text)
            self._cause_sums.update()
            self._check(head)

    def _put_off_since(self, off_since: Mapping[int, int]) -> None:
        for number, since in off_since.items():
            table, key = ("accounts", "account_id") if number else ("ledger", "id")
            statement = _PUT_OFF_SINCE.replace("TABLE", table).replace("KEY", key)
            self._db.execute(statement, (since, number or 1))

    def _check(self, head: Head) -> None:
        sums = "SELECT send, success, defer, fail, size, new, proc, retry, hold FROM ledger"
        found = self._db.execute(sums).fetchone()
        if found != head.sums:
            raise LedgerError(f"the ledger's sums are {list(head.sums)}, and its rows add up to {list(found)}")


def put_in_place(fresh: Path, path: Path, old: Path | None = None) -> None:
    """Let the ledger ``fresh``, one file that nobody has open, take the place of the one at ``path``, which is kept as
    ``old`` or forgotten; the caller has the lock. What a killed writer, or one with readers, has left beside the file
    goes with it: SQLite would take it for the new one's. Raises ``OSError``."""
    if old is not None:
        _move(path, old)
    try:
        for end in _BESIDE:
            Path(f"{path}{end}").unlink(missing_ok=True)
        fresh.replace(path)
    except OSError:
        if old is not None:
            _move(old, path)
        raise


def _move(path: Path, to: Path) -> None:
    for end in ("-wal", "-journal", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").replace(f"{to}{end}")


_BESIDE = "-wal", "-shm", "-journal"
"""What SQLite writes beside a file."""


def remove(path: Path) -> None:
    """Take away what is left of making a ledger at ``path``. Raises ``OSError``."""
    for file in (path, lock_path(path), *(Path(f"{path}{end}") for end in _BESIDE)):
        file.unlink(missing_ok=True)
