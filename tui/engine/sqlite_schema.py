"""The embedded ledger's file: its tables, how versions follow each other, how it is opened, and what its errors say.

Only ``sqlite_writer`` and ``sqlite_reader`` enter. Works from SQLite 3.26 (the oldest that cPanel's systems have).
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tui.engine.ledger import LedgerError
from tui.engine.ledger_files import make_folder, open_own
from tui.engine.sqlite_blocks import BlockError
from tui.text import clean

APPLICATION_ID = 0x6D616C74
"""``malt``, in the header of every ledger (``file(1)`` shows it)."""

_BUSY_SECONDS = 5.0

_COUNTS = """
    send INTEGER NOT NULL DEFAULT 0, success INTEGER NOT NULL DEFAULT 0, defer INTEGER NOT NULL DEFAULT 0,
    fail INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0, new INTEGER NOT NULL DEFAULT 0,
    proc INTEGER NOT NULL DEFAULT 0, retry INTEGER NOT NULL DEFAULT 0, hold INTEGER NOT NULL DEFAULT 0"""


def _with_counts(statement: str) -> str:
    """Nine additive columns; what waits is the sum of the last four, indexed only where it is above zero."""
    return statement.replace("COUNTS", _COUNTS).replace("WAITING", "(new + proc + retry + hold)")


# A name's row holds its roll-up too, so that the rows of a grouping are read from one table. Columns that name a
# dimension have the same name everywhere. ``waits`` says whether anything waits: SQLite rewrites every index whose
# condition names a column that is set, so the index of campaigns by account asks for a column that is seldom set.
_VERSION_1 = tuple(
    map(
        _with_counts,
        (
            """CREATE TABLE ledger (
                id INTEGER PRIMARY KEY CHECK (id = 1), serial INTEGER NOT NULL DEFAULT 0, updated REAL,
                minutes_from INTEGER NOT NULL DEFAULT 0, hours_from INTEGER NOT NULL DEFAULT 0, COUNTS)""",
            "INSERT INTO ledger (id) VALUES (1)",
            "CREATE TABLE accounts (account_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, COUNTS)",
            "CREATE INDEX accounts_waiting ON accounts (WAITING DESC) WHERE WAITING > 0",
            """CREATE TABLE campaigns (
                campaign_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, name TEXT NOT NULL,
                waits INTEGER NOT NULL DEFAULT 0, COUNTS, UNIQUE (account_id, name))""",
            "CREATE INDEX campaigns_waiting ON campaigns (WAITING DESC) WHERE WAITING > 0",
            "CREATE INDEX campaigns_account ON campaigns (account_id) WHERE waits = 1",
            "CREATE TABLE isps (isp_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, COUNTS)",
            "CREATE INDEX isps_waiting ON isps (WAITING DESC) WHERE WAITING > 0",
            "INSERT INTO isps (isp_id, name) VALUES (0, '')",
            # Where mail waits, and nowhere else: most cells of a back-fill never have a row.
            """CREATE TABLE cells (
                campaign_id INTEGER NOT NULL, isp_id INTEGER NOT NULL, account_id INTEGER NOT NULL,
                new INTEGER NOT NULL, proc INTEGER NOT NULL, retry INTEGER NOT NULL, hold INTEGER NOT NULL,
                PRIMARY KEY (campaign_id, isp_id)) WITHOUT ROWID""",
            "CREATE INDEX cells_isp ON cells (isp_id)",
            "CREATE INDEX cells_account ON cells (account_id, isp_id)",
            # Blocks only add: several may stand for one level and time.
            """CREATE TABLE history (
                level INTEGER NOT NULL, step INTEGER NOT NULL, start INTEGER NOT NULL, part INTEGER NOT NULL,
                block BLOB NOT NULL, PRIMARY KEY (level, step, start, part))""",
            "CREATE TABLE covered (first_minute INTEGER PRIMARY KEY, last_minute INTEGER NOT NULL)",
            """CREATE TABLE causes (
                campaign_id INTEGER NOT NULL, isp_id INTEGER NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL,
                first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, last_reply TEXT NOT NULL,
                PRIMARY KEY (campaign_id, isp_id, text)) WITHOUT ROWID""",
            "CREATE TABLE messages (id BLOB PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID",
            # Device and inode numbers use all 64 bits, more than an SQLite integer has.
            """CREATE TABLE positions (
                path TEXT PRIMARY KEY, device TEXT NOT NULL, inode TEXT NOT NULL, head BLOB NOT NULL,
                offset INTEGER NOT NULL)""",
            "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
            "CREATE TABLE gauges (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
            "CREATE TABLE notes (key TEXT PRIMARY KEY, text TEXT NOT NULL)",
        ),
    )
)

# One index for every filter: in the order of arrival, with all that a filter asks for. Each index more would cost every
# batch, and to walk this one past 100,000 messages that do not match takes milliseconds.
_VERSION_2 = (
    "ALTER TABLE messages ADD COLUMN since INTEGER",
    "ALTER TABLE messages ADD COLUMN campaign_id INTEGER",
    "ALTER TABLE messages ADD COLUMN isps INTEGER",
    "CREATE INDEX messages_oldest ON messages (since, id, campaign_id, isps) WHERE since IS NOT NULL",
    """CREATE TABLE cause_sums (
        level INTEGER NOT NULL, key INTEGER NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL,
        first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, last_reply TEXT NOT NULL,
        PRIMARY KEY (level, key, text)) WITHOUT ROWID""",
)

BALANCED = "accepted = success + fail + removed + new + proc + retry + hold"
"""Whether all mail is accounted for, of an account or of everybody."""

# Whether all mail is accounted for, beside what became of it. What was counted before is taken as balanced.
_VERSION_3 = tuple(
    statement.replace("UPPER", table)
    for table in ("accounts", "ledger")
    for statement in (
        "ALTER TABLE UPPER ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE UPPER ADD COLUMN removed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE UPPER ADD COLUMN off_since INTEGER",
        "UPDATE UPPER SET accepted = success + fail + new + proc + retry + hold",
    )
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2, _VERSION_3)
"""Statements that lead from each version to the next; the first from an empty file to version 1."""


def open_to_write(path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> sqlite3.Connection:
    """The ledger at ``path``, made or brought to the newest version; its folder is made too.

    Raises ``LedgerError``. A power cut can lose the last batches, whole (``synchronous=NORMAL``): their log is read
    again, since the place in the log is part of the batch.
    """
    try:
        make_folder(path.parent)
        os.close(open_own(path))
    except OSError as error:
        raise LedgerError(_CLOSED_DOOR.format(path=path, reason=error.strerror)) from error
    db = _connect(path, "rw")
    try:
        with explained(path):
            if not _stored_version(db, path, len(migrations)):
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            # Live batches dirty the same pages again and again: each is written back once in 32 MiB of log.
            db.execute("PRAGMA wal_autocheckpoint = 8192")
            db.execute("PRAGMA journal_size_limit = 33554432")
            db.execute("PRAGMA cache_size = -32768")
            db.execute("PRAGMA temp_store = MEMORY")
            _migrate(db, path, migrations)
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> sqlite3.Connection:
    """The ledger at ``path`` for reading beside its writer. Raises ``LedgerError``."""
    nothing = f"there is no ledger at {path}; 'mailtop collect' makes it"
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LedgerError(nothing) from error
    except OSError as error:
        raise LedgerError(_CLOSED_DOOR.format(path=path, reason=error.strerror)) from error
    if not stat.S_ISREG(found.st_mode):
        raise LedgerError(f"{path} is no file, so no ledger; name the ledger's file")
    db = _connect(path, "ro")
    try:
        with explained(path):
            version = _stored_version(db, path, len(migrations))
            if version == 0:
                raise LedgerError(nothing)
            if version < len(migrations):
                raise LedgerError(
                    f"the ledger {path} was written by an older mailtop (version {version}, this one reads "
                    f"{len(migrations)}); 'mailtop collect' brings it up to date"
                )
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of the file into a ``LedgerError`` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(_sentence(path, error)) from error
    except (BlockError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


@contextmanager
def reading_values(path: Path) -> Iterator[None]:
    """The same for whoever computes with what is read: values of another kind than their column's are damage, too."""
    try:
        with explained(path):
            yield
    except (TypeError, ValueError, OverflowError) as error:
        raise _damaged(path, error) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    with explained(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )


def _stored_version(db: sqlite3.Connection, path: Path, known: int) -> int:
    """The schema version of the file, 0 when it is empty. Raises ``LedgerError`` for what is no ledger or too new."""
    version = _number(db, "PRAGMA user_version")
    application = _number(db, "PRAGMA application_id")
    if application != APPLICATION_ID and (application or version or _number(db, "SELECT count(*) FROM sqlite_master")):
        raise LedgerError(f"{path} is the database of another program, not a ledger; name another file")
    if version > known:
        raise LedgerError(
            f"the ledger {path} was written by a newer mailtop (version {version}, this one knows {known}); upgrade "
            "this one or name another file"
        )
    return version


def _migrate(db: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]]) -> None:
    """Climb from the file's version to the newest, each rung in a transaction of its own."""
    while True:
        db.execute("BEGIN IMMEDIATE")
        try:
            version = _stored_version(db, path, len(migrations))
            if version == len(migrations):
                return
            for statement in migrations[version]:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {version + 1}")
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


def _number(db: sqlite3.Connection, query: str) -> int:
    value: int = db.execute(query).fetchone()[0]
    return value


_DAMAGED = (
    "the ledger {path} is damaged ({reason}); move it away, and the logs that still exist are read again into a new one"
)
_CLOSED_DOOR = "cannot open the ledger {path} ({reason}); it and its folder must be readable, and writable to collect"

_LEFT_OPEN = (
    "the collector of the ledger {path} was killed while it wrote, and only a collector can tidy up after it; "
    "'mailtop collect' does so, and nothing is lost"
)

_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk is full: the ledger {path} cannot grow; free some room, nothing is lost meanwhile",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: "{path} is not a ledger ({reason}); name another file or move this one away",
    sqlite3.SQLITE_BUSY: "the ledger {path} is locked by another program ({reason}); try again when that has ended",
    sqlite3.SQLITE_READONLY: _CLOSED_DOOR,
    sqlite3.SQLITE_CANTOPEN: _CLOSED_DOOR,
    sqlite3.SQLITE_PERM: _CLOSED_DOOR,
    # Of all readonly errors those that a reader meets where a writer has died.
    sqlite3.SQLITE_READONLY_ROLLBACK: _LEFT_OPEN,
    sqlite3.SQLITE_READONLY_RECOVERY: _LEFT_OPEN,
    sqlite3.SQLITE_IOERR_SHORT_READ: _DAMAGED,
    sqlite3.SQLITE_IOERR: "reading or writing the ledger {path} failed ({reason}); look at the disk and its quota",
}


def _damaged(path: Path, error: Exception) -> LedgerError:
    return LedgerError(_DAMAGED.format(path=path, reason=clean(str(error))))


def _sentence(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", None)
    reason = clean(f"{error}, {name}" if name else str(error))
    # The low byte is the kind, the rest says where it happened.
    sentence = _SENTENCES.get(code, _SENTENCES.get(code & 0xFF)) if code is not None else None
    return (sentence or "the ledger {path} failed ({reason})").format(path=path, reason=reason)
