from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.ledger_children import CAMPAIGNS
from tests.engine.ledger_contract import (
    BASE,
    GMAIL,
    HOUR,
    START,
    Ledger,
    LedgerContract,
    batch,
    delta,
)
from tui.engine import sqlite_writer
from tui.engine.batch import Batch, cell_key
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_schema import MIGRATIONS, open_to_read, open_to_write
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import Grouping, QueueQuery

NOBODY = 65534


class SqliteLedger:
    def __init__(self, path: Path) -> None:
        self.path = path

    def writer(self, *, minutes_kept_hours: int = 24, hours_kept_days: int = 90) -> SqliteWriter:
        return SqliteWriter(self.path, minutes_kept_hours=minutes_kept_hours, hours_kept_days=hours_kept_days)

    def reader(self) -> SqliteReader:
        return SqliteReader(self.path, sender_id=7)


class TestSqliteLedger(LedgerContract):
    @contextmanager
    def new_ledger(self) -> Iterator[Ledger]:
        with tempfile.TemporaryDirectory() as folder:
            yield SqliteLedger(Path(folder) / "state" / "mail.ledger")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.ledger"


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may do everything; be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


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


def child(what: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.engine.ledger_children", what, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_writer_killed_at_any_moment_loses_and_doubles_nothing(path: Path) -> None:
    stored = 0
    for acknowledged in (1, 3, 17, 40):
        with child("write", path) as process:
            assert process.stdout is not None
            for _ in range(acknowledged):
                told = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            told = max([told, *map(int, process.stdout.read().split())])
        writer = SqliteWriter(path)
        (position,) = writer.positions()
        # A batch may have been stored and not been told yet.
        assert position.offset in (told, told + 1)
        assert position.offset >= stored + acknowledged
        stored = position.offset
        assert writer.messages() == {b"%d" % stored: b"state"}
        writer.close()
        reader = SqliteReader(path)
        assert reader.status().counters == {"batches": stored}
        for grouping in Grouping:
            assert sum(reader.queue(QueueQuery(grouping=grouping)).new) == stored * CAMPAIGNS
        (account,) = reader.totals()
        assert (account.send_count, account.total_size) == (stored * CAMPAIGNS, stored * CAMPAIGNS * 10)
        points = reader.history(QueueQuery(account_id=1), (29_000_001 + stored) * 60, stored * 60).points
        assert [point.send if point else None for point in points] == [CAMPAIGNS] * stored
        reader.close()


def test_other_processes_read_whole_states_while_one_writes(path: Path) -> None:
    with child("write", path) as writing:
        assert writing.stdout is not None
        writing.stdout.readline()
        with child("read", path) as reading:
            while reading.poll() is None:
                writing.stdout.readline()
        writing.kill()
    assert reading.returncode == 0


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


def test_a_reader_follows_when_another_ledger_takes_the_files_place(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
    writer.close()
    reader = SqliteReader(path)
    version = reader.version()
    path.rename(path.with_name("moved.ledger"))
    with pytest.raises(LedgerError, match="there is no ledger at"):
        reader.version()
    path.touch()
    with pytest.raises(LedgerError, match="there is no ledger at"):
        reader.queue(QueueQuery())
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=7)}}))
    assert reader.version() > version
    assert reader.queue(QueueQuery()).new == [7]
    reader.close()
    writer.close()


def test_a_reader_keeps_reading_when_writers_come_and_go(path: Path) -> None:
    SqliteWriter(path).close()
    reader = SqliteReader(path)
    for stored in (1, 2, 3):
        writer = SqliteWriter(path)
        writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
        assert reader.queue(QueueQuery()).new == [stored]
        writer.close()
        assert reader.queue(QueueQuery()).new == [stored]
    reader.close()


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


def test_a_full_disk_loses_no_batch(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
    large = Batch({BASE: {GMAIL: delta(new=1)}}, messages={b"%d" % n: bytes(1000) for n in range(2000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
    try:
        for _ in range(2):
            with pytest.raises(LedgerError, match=r"mail\.ledger"):
                writer.write(large)
        assert waiting(path) == 1
        assert writer.messages() == {}
        writer.write(Batch({BASE: {GMAIL: delta(new=1)}}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.write(large)
    assert waiting(path) == 3
    assert len(writer.messages()) == 2000
    writer.close()


def test_a_ledger_that_cannot_grow_says_the_disk_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cramped(path: Path) -> sqlite3.Connection:
        db = open_to_write(path)
        db.execute("PRAGMA max_page_count = 60")
        return db

    monkeypatch.setattr(sqlite_writer, "open_to_write", cramped)
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}, messages={b"small": b""}))
    with pytest.raises(LedgerError, match=r"the disk is full: the ledger .*mail\.ledger cannot grow"):
        writer.write(Batch({BASE: {GMAIL: delta(new=1)}}, messages={b"large": bytes(400_000)}))
    writer.write(Batch({BASE: {GMAIL: delta(new=1)}}))
    assert waiting(path) == 2
    assert writer.messages() == {b"small": b""}
    writer.close()


def test_a_count_beyond_64_bits_is_refused(path: Path) -> None:
    writer = SqliteWriter(path)
    with pytest.raises(LedgerError, match="beyond 64 bits"):
        writer.write(batch({BASE: {GMAIL: delta(size=2**63)}}))
    writer.write(batch({BASE: {GMAIL: delta(size=2**62)}}))
    writer.close()


def test_an_id_that_names_something_else_is_refused(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch())
    with pytest.raises(LedgerError, match=r"mail\.ledger"):
        writer.write(Batch(accounts={"mallory": 1}))
    assert "mallory" not in writer.names().accounts
    writer.close()


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

    with pytest.raises(LedgerError, match=r"older mailtop \(version 1, this one reads 3\).*brings it up to date"):
        open_to_read(path, third)
    for ladder in (third, third):
        db = open_to_write(path, ladder)
        assert number(db, "PRAGMA user_version") == 3
        assert number(db, "SELECT new FROM accounts WHERE owner = 'xalice'") == 5
        db.close()
    open_to_read(path, third).close()
    for opening in (SqliteWriter, SqliteReader):
        with pytest.raises(LedgerError, match=r"written by a newer mailtop \(version 3, this one knows 1\)"):
            opening(path)


def test_a_step_that_fails_leaves_the_version_before_it(path: Path) -> None:
    broken = (*MIGRATIONS, ("CREATE TABLE half (a)",), ("CREATE TABLE other (a)", "INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(LedgerError, match="nowhere"):
        open_to_write(path, broken)
    db = open_to_read(path, broken[:2])
    assert number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == 1
    assert number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'other'") == 0
    db.close()


def fill(writer: SqliteWriter, hours: int) -> None:
    cells = [cell_key(campaign, isp) for campaign in range(1, 6) for isp in range(4)]
    writer.write(
        batch(
            {
                BASE + hour * 60 + minute: {cell: delta(send=1, size=10**10, new=1) for cell in cells}
                for hour in range(hours)
                for minute in range(60)
            }
        )
    )


def test_a_ledger_too_large_shortens_its_history_and_keeps_its_totals(path: Path) -> None:
    limit = 1024 * 1024
    writer = SqliteWriter(path, minutes_kept_hours=48, max_bytes=limit)
    fill(writer, 48)
    reader = SqliteReader(path)
    before = reader.totals()
    end = START + 48 * HOUR
    writer.maintain(end)
    status = reader.status()
    assert "to stay below its limit of 1.0 MiB the ledger keeps minutes since 2025-06-1" in status.notes["size"]
    assert reader.totals() == before
    assert reader.history(QueueQuery(), end, HOUR).step_seconds == 60
    hours = reader.history(QueueQuery(), end, 48 * HOUR).points
    assert [point.send if point else None for point in hours] == [1200] * 48
    reader.close()
    writer.close()
    assert path.stat().st_size <= limit

    roomy = SqliteWriter(path, minutes_kept_hours=2)
    roomy.maintain(end)
    reader = SqliteReader(path)
    assert "size" not in reader.status().notes
    reader.close()
    roomy.close()


def test_a_ledger_of_nothing_but_totals_may_be_too_large_and_says_so(path: Path) -> None:
    writer = SqliteWriter(path, max_bytes=1000)
    fill(writer, 3)
    writer.maintain(START + 3 * HOUR)
    reader = SqliteReader(path)
    assert "without any history, above its limit of 0.0 MiB" in reader.status().notes["size"]
    assert reader.totals()[0].send_count is not None
    reader.close()
    writer.close()


def test_maintaining_twice_writes_nothing(path: Path) -> None:
    writer = SqliteWriter(path)
    fill(writer, 3)
    writer.maintain(START + 3 * HOUR)
    reader = SqliteReader(path)
    version = reader.version()
    writer.maintain(START + 3 * HOUR)
    assert reader.version() == version
    reader.close()
    writer.close()


def test_closing_twice_is_closing(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.close()
    writer.close()
    SqliteWriter(path).close()
