from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.engine.ledger_model import (
    BASE,
    GMAIL,
    START,
    batch,
    delta,
)
from tests.ordinary_user import unprivileged
from tui.engine.batch import ISP_BITS, cell_key
from tui.engine.events import RETRY
from tui.engine.ledger import LedgerError
from tui.engine.messages import STATE_BITS
from tui.engine.queue_state import QueueState
from tui.engine.queues.listing import Listing, Waiting
from tui.engine.reconcile import Reconciler
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_schema import MIGRATIONS, explained, open_to_read, open_to_write
from tui.engine.sqlite_writer import SqliteWriter
from tui.isp import IspTable
from tui.model import QueueQuery, WaitingMessage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.ledger"


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everyone can look into, unlike ``tmp_path``."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def waiting(path: Path) -> int:
    reader = SqliteReader(path)
    try:
        return sum(reader.queue(QueueQuery()).new)
    finally:
        reader.close()


def test_a_ledger_at_rest_is_one_file_that_can_be_read_in_a_closed_folder() -> None:
    with open_folder() as folder:
        path = folder / "mail.ledger"
        writer = SqliteWriter(path)
        writer.write(batch({BASE: {GMAIL: delta(new=2)}}))
        writer.close()
        assert {file.name for file in folder.iterdir()} == {"mail.ledger", "mail.ledger.lock"}
        path.chmod(0o644)
        folder.chmod(0o555)
        with unprivileged():
            assert waiting(path) == 2
        folder.chmod(0o755)
        writer = SqliteWriter(path)
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
        folder.chmod(0o555)
        with unprivileged():
            assert waiting(path) == 3
            reader = SqliteReader(path)
            assert reader.status().collector == os.getpid()
            reader.close()
        folder.chmod(0o755)
        writer.close()


def test_a_ledger_is_not_for_everyones_eyes(path: Path) -> None:
    SqliteWriter(path).close()
    assert path.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("closed", ["folder", "file"])
def test_who_may_not_write_is_told_which_file(closed: str) -> None:
    with open_folder() as folder:
        path = folder / "mail.ledger"
        if closed == "file":
            folder.chmod(0o777)
            SqliteWriter(path).close()
            path.chmod(0o444)
            (folder / "mail.ledger.lock").chmod(0o666)
        else:
            folder.chmod(0o555)
        with unprivileged(), pytest.raises(LedgerError, match=r"mail\.ledger.*must be .*writable"):
            SqliteWriter(path)
        folder.chmod(0o755)


@pytest.mark.parametrize("closed", ["folder", "file"])
def test_who_may_not_read_is_told_which_file(closed: str) -> None:
    with open_folder() as folder:
        path = folder / "mail.ledger"
        SqliteWriter(path).close()
        (path if closed == "file" else folder).chmod(0o000)
        with unprivileged(), pytest.raises(LedgerError, match=r"cannot open the ledger .*mail\.ledger"):
            SqliteReader(path)
        folder.chmod(0o755)


def test_a_reader_without_a_ledger_is_told_what_makes_one(path: Path) -> None:
    with pytest.raises(LedgerError, match=r"there is no ledger at .*mail\.ledger; 'mailtop collect' makes it"):
        SqliteReader(path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"2025-06-15 12:00:00 Start queue run: pid=1\n" * 200, b"SQLite format 3\x00junk"])
def test_a_file_that_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for opening in (SqliteWriter, SqliteReader):
        with pytest.raises(LedgerError, match=r"mail\.ledger is not a ledger"):
            opening(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE addresses (name)")
    other.close()
    content = path.read_bytes()
    for opening in (SqliteWriter, SqliteReader):
        with pytest.raises(LedgerError, match="database of another program"):
            opening(path)
    assert path.read_bytes() == content


def test_a_damaged_ledger_says_so(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(
        batch({BASE + n: {cell_key(c, i): delta(new=1) for c in (1, 2, 3) for i in (1, 2, 3)} for n in range(300)})
    )
    writer.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    path.write_bytes(content)

    def use() -> None:
        reader = SqliteReader(path)
        try:
            reader.totals()
            reader.history(QueueQuery(), START + 600, 600)
        finally:
            reader.close()

    with pytest.raises(LedgerError, match=r"the ledger .*mail\.ledger is damaged .* move it away"):
        use()


def test_a_damaged_block_says_so(path: Path) -> None:
    SqliteWriter(path).close()
    other = sqlite3.connect(path)
    other.execute("INSERT INTO history VALUES (0, 60, ?, 0, x'3069ff')", (START,))
    other.commit()
    other.close()
    reader = SqliteReader(path)
    with pytest.raises(LedgerError, match="is damaged"):
        reader.history(QueueQuery(), START + 60, 60)
    reader.close()


def test_a_ledger_that_was_cut_off_is_damaged(path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR_SHORT_READ, "SQLITE_IOERR_SHORT_READ"
    with pytest.raises(LedgerError, match=r"is damaged \(.*SHORT_READ\); move it away"), explained(path):
        raise error


def test_another_programs_lock_is_waited_for_and_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.engine.sqlite_schema._BUSY_SECONDS", 0.05)
    writer = SqliteWriter(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match=r"mail\.ledger is locked by another program"):
        writer.write(batch())
    other.execute("ROLLBACK")
    writer.write(batch())
    other.close()
    writer.close()


def number(db: sqlite3.Connection, query: str) -> int:
    value: int = db.execute(query).fetchone()[0]
    return value


def test_versions_follow_each_other_and_keep_what_is_stored(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=5)}}))
    writer.close()
    second = (*MIGRATIONS, ("ALTER TABLE accounts ADD COLUMN owner TEXT NOT NULL DEFAULT ''",))
    third = (*second, ("UPDATE accounts SET owner = 'x' || name", "CREATE TABLE owners (name TEXT)"))

    now = len(MIGRATIONS)
    old = rf"older mailtop \(version {now}, this one reads {now + 2}\).*brings it up to date"
    with pytest.raises(LedgerError, match=old):
        open_to_read(path, third)
    for ladder in (third, third):
        db = open_to_write(path, ladder)
        assert number(db, "PRAGMA user_version") == now + 2
        assert number(db, "SELECT new FROM accounts WHERE owner = 'xalice'") == 5
        db.close()
    open_to_read(path, third).close()
    for opening in (SqliteWriter, SqliteReader):
        with pytest.raises(
            LedgerError, match=rf"written by a newer mailtop \(version {now + 2}, this one knows {now}\)"
        ):
            opening(path)


def test_a_ledger_of_version_1_keeps_its_messages_and_says_what_it_does_not_know(path: Path) -> None:
    db = open_to_write(path, MIGRATIONS[:1])
    for statement in (
        "INSERT INTO accounts (account_id, name, retry) VALUES (1, 'alice', 1)",
        "INSERT INTO campaigns (campaign_id, account_id, name, retry, waits) VALUES (1, 1, '', 1, 1)",
        "INSERT INTO isps (isp_id, name, retry) VALUES (1, 'Gmail', 1)",
        "INSERT INTO cells (campaign_id, isp_id, account_id, new, proc, retry, hold) VALUES (1, 1, 1, 0, 0, 1, 0)",
        "UPDATE ledger SET retry = 1",
    ):
        db.execute(statement)
    units = {b"x@gmail.com": 1 << STATE_BITS | RETRY}
    blob = [1 << ISP_BITS, None, b"alice", b"", units, RETRY, False, False, True, True, None, 0, None, START, -1, 0]
    db.execute("INSERT INTO messages (id, state) VALUES (?, ?)", (b"1a", msgspec.msgpack.encode(blob)))
    db.close()
    with pytest.raises(LedgerError, match="'mailtop collect' brings it up to date"):
        SqliteReader(path)

    writer = SqliteWriter(path)
    state = QueueState(writer.names(), writer.messages(), IspTable())
    reader = SqliteReader(path)
    writer.write(state.take(START))
    unknown = WaitingMessage(id="1a", sender=None, recipient="x@gmail.com", state="retry")
    for query in (QueueQuery(), QueueQuery(account_id=1), QueueQuery(campaign_id=1), QueueQuery(isp="Gmail")):
        assert reader.messages(query) == [unknown]
    listed = Waiting(b"1a", RETRY, (b"x@gmail.com",), b"alice", b"a.test", None, 9, START - 60, sender=b"bob@a.test")
    Reconciler(state).reconcile(Listing(START, {b"1a": listed}), set())
    writer.write(state.take(START))
    assert reader.messages(QueueQuery()) == [msgspec.structs.replace(unknown, sender="bob@a.test", arrived=START - 60)]
    reader.close()
    writer.close()


def test_a_step_that_fails_leaves_the_version_before_it(path: Path) -> None:
    broken = (*MIGRATIONS, ("CREATE TABLE half (a)",), ("CREATE TABLE other (a)", "INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(LedgerError, match="nowhere"):
        open_to_write(path, broken)
    db = open_to_read(path, broken[:-1])
    assert number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == 1
    assert number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'other'") == 0
    db.close()


def test_a_ledger_that_a_killed_collector_left_open_is_tidied_up_by_the_next(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=2)}}))
    writer.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN")
    db.execute("INSERT INTO messages (id, state) VALUES (x'00', zeroblob(1000000))")
    journal = path.with_name(path.name + "-journal")
    killed = {file: file.read_bytes() for file in (path, journal)}
    db.close()
    for file, content in killed.items():
        file.write_bytes(content)
    with pytest.raises(
        LedgerError, match=r"was killed while it wrote.*; 'mailtop collect' does so, and nothing is lost"
    ):
        SqliteReader(path)
    SqliteWriter(path).close()
    assert waiting(path) == 2
