from __future__ import annotations

import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.engine.ledger_case import Ledger
from tests.engine.ledger_children import CAMPAIGNS
from tests.engine.ledger_contract import LedgerContract
from tests.engine.ledger_model import (
    BASE,
    GMAIL,
    HOUR,
    START,
    batch,
    delta,
    nameless,
)
from tui.engine import sqlite_writer
from tui.engine.batch import Batch, cell_key
from tui.engine.ledger import LedgerError, LedgerLost
from tui.engine.ledger_lock import lock_path
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_schema import open_to_write
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


def test_a_full_disk_loses_no_batch(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
    large = nameless({BASE: {GMAIL: delta(new=1)}}, messages={b"%d" % n: bytes(1000) for n in range(2000)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
    try:
        for _ in range(2):
            with pytest.raises(LedgerError, match=r"mail\.ledger"):
                writer.write(large)
        assert waiting(path) == 1
        assert writer.messages() == {}
        writer.write(nameless({BASE: {GMAIL: delta(new=1)}}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.write(large)
    assert waiting(path) == 3
    assert len(writer.messages()) == 2000
    writer.close()


def test_a_ledger_on_a_full_disk_can_be_closed(path: Path) -> None:
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}, messages={b"large": bytes(400_000)}))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    try:
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert waiting(path) == 1
    SqliteWriter(path).close()


def test_a_ledger_that_cannot_grow_says_the_disk_is_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cramped(path: Path) -> sqlite3.Connection:
        db = open_to_write(path)
        db.execute("PRAGMA max_page_count = 60")
        return db

    monkeypatch.setattr(sqlite_writer, "open_to_write", cramped)
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}, messages={b"small": b""}))
    with pytest.raises(LedgerError, match=r"the disk is full: the ledger .*mail\.ledger cannot grow"):
        writer.write(nameless({BASE: {GMAIL: delta(new=1)}}, messages={b"large": bytes(400_000)}))
    writer.write(nameless({BASE: {GMAIL: delta(new=1)}}))
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


def remove_the_ledger(path: Path) -> None:
    path.unlink()


def replace_the_ledger(path: Path) -> None:
    other = path.with_name("other.ledger")
    SqliteWriter(other).close()
    other.replace(path)


def remove_the_wal(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def remove_the_lock(path: Path) -> None:
    lock_path(path).unlink()


def write_beside(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("UPDATE ledger SET serial = serial + 1")
    db.commit()
    db.close()


def remove_the_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize(
    ("happens", "what"),
    [
        (remove_the_ledger, r"mail\.ledger was removed or replaced"),
        (replace_the_ledger, r"mail\.ledger was removed or replaced"),
        (remove_the_wal, r"mail\.ledger-wal was removed or replaced"),
        (remove_the_lock, "its lock file was removed or replaced"),
        (remove_the_folder, r"mail\.ledger was removed or replaced"),
        (write_beside, "something else wrote to it"),
    ],
)
def test_a_writer_writes_nothing_where_it_would_be_lost_or_counted_twice(
    tmp_path: Path, happens: Callable[[Path], None], what: str
) -> None:
    path = tmp_path / "state" / "mail.ledger"
    writer = SqliteWriter(path)
    writer.write(batch({BASE: {GMAIL: delta(new=1)}}))
    happens(path)
    for _ in range(2):
        with pytest.raises(LedgerLost, match=f"has to be opened anew, since .*{what}; what is in it goes on"):
            writer.write(nameless({BASE: {GMAIL: delta(new=1)}}))
    writer.close()
    again = SqliteWriter(path)
    again.write(batch({BASE: {GMAIL: delta(new=1)}}))
    again.close()
    assert waiting(path) == (2 if happens in (remove_the_wal, remove_the_lock, write_beside) else 1)


class Watched(sqlite3.Connection):
    """Keeps the statements that are given values."""

    told: ClassVar[list[str]] = []

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self.told.append(sql)
        return super().execute(sql, *values)

    def executemany(self, sql: str, values: Any) -> sqlite3.Cursor:
        self.told.append(sql)
        return super().executemany(sql, values)


def test_no_statement_numbers_its_values_since_python_3_12_warns_of_each(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
    with closing(SqliteWriter(path)) as writer:
        writer.write(batch({BASE: {GMAIL: delta(send=1, new=1)}}, accepted={1: 2}))
        writer.write(nameless({BASE: {GMAIL: delta(success=1, new=-1)}}))
        writer.maintain(START)
    SqliteReader(path, sender_id=7).close()
    assert any("off_since" in sql for sql in Watched.told)
    assert [sql for sql in Watched.told if re.search(r"\?\d", sql)] == []


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE covered SET last_minute = 'late'",
        "UPDATE messages SET id = x'00' || id",
        "UPDATE ledger SET hours_from = 'once'",
        "DELETE FROM ledger",
    ],
)
def test_values_that_no_ledger_has_are_damage_in_a_sentence(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "ledger"
    with closing(SqliteWriter(path)) as writer:
        writer.write(
            batch(
                {BASE: {cell_key(1, 1): delta(new=1)}},
                messages={b"1a": b"\x00"},
                gauges={"log_time": BASE * 60, "listed_at": BASE * 60},
            )
        )
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE messages SET since = 1, campaign_id = 1, isps = 2")
        db.execute(harm)
        db.commit()
    with closing(SqliteReader(path)) as reader, pytest.raises(LedgerError, match="is damaged"):
        reader.status()
        reader.history(QueueQuery(), BASE * 60 + 60, 3600)
        reader.messages(QueueQuery())
