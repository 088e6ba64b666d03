"""What does not add up in a ledger is told, with whose it is and by how much, and mended where that can be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.engine.collector_child import collecting
from tests.engine.ledger_copies import filled, found, rows
from tests.engine.test_same_sums import LOGS
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_load import load
from tui.engine.sqlite_rebuild import rebuild
from tui.engine.sqlite_writer import SqliteWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "mail.ledger")


def spoil(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE accounts SET send = send + 2, hold = hold + 1 WHERE name = 'bob'",
            'account "bob": its sums have 2 more send, 1 more hold than its campaigns add up to',
        ),
        (
            "UPDATE campaigns SET retry = 0 WHERE campaign_id = 2",
            'account "alice", campaign "spring": its sums have 1 fewer retry than its cells add up to',
        ),
        ("UPDATE isps SET new = 12 WHERE name = 'Gmail'", 'ISP "Gmail": its sums have 11 more new than its cells add'),
        ("UPDATE ledger SET size = size - 5", "the total has 5 fewer size than all accounts add up to"),
        ("UPDATE cells SET account_id = 2", 'account "alice", campaign "spring", ISP "Gmail": its cell is counted for'),
        (
            "DELETE FROM history WHERE level = 0 AND step = 60",
            "the minute 2025-06-17 07:03Z: the total has 1 fewer success than its cells add up to",
        ),
        ("UPDATE history SET block = (SELECT block FROM history WHERE level = 1 LIMIT 1) WHERE level = 2", "the hour"),
        ("UPDATE messages SET since = 5 WHERE id = CAST('1a' AS BLOB)", "the message 1a is found at another place"),
    ],
)
def test_a_roll_up_that_is_off_is_told_and_rebuilt(path: Path, statement: str, sentence: str) -> None:
    right = rows(path)
    spoil(path, statement)
    said = found(path)
    assert any(sentence in one for one in said), said
    before, after = rebuild(path)
    assert [one.sentence for one in before] == said
    assert after == []
    assert found(path) == []
    assert rows(path) == right


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE cells SET hold = 5 WHERE campaign_id = 3",
            'account "bob", campaign "", ISP "Yahoo": 4 more hold than the messages that wait say',
        ),
        ("UPDATE cells SET hold = -1 WHERE campaign_id = 3", 'ISP "Yahoo": hold is -1, and none can be below zero'),
        ("UPDATE isps SET send = send + 1 WHERE isp_id = 0", "the total has 1 fewer send than all ISPs add up to"),
        ("UPDATE history SET block = x'00' WHERE level = 3", "a block of 1 bytes ends within its head"),
        ("UPDATE messages SET state = x'00'", "the message 1a is damaged"),
    ],
)
def test_what_the_ledger_cannot_tell_anew_is_named(path: Path, statement: str, sentence: str) -> None:
    spoil(path, statement)
    assert any(sentence in one for one in found(path)), found(path)
    _, after = rebuild(path)
    assert any(sentence in one.sentence and not one.mends for one in after)


def test_history_that_was_lost_is_noticed_where_none_was_dropped(tmp_path: Path) -> None:
    path = filled(tmp_path / "mail.ledger")
    with contents(path) as held:
        assert held.head().hours_from
    spoil(path, "UPDATE ledger SET hours_from = 0, minutes_from = 0")
    assert any("than its whole history adds up to" in one for one in found(path))
    with contents(path) as held, pytest.raises(LedgerError, match="does not add up"):
        list(held.parts())


def test_a_damaged_file_is_told(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * 4096)
        file.write(b"\xff" * 4096)
    try:
        assert any("damaged" in one for one in found(path))
    except LedgerError as error:
        assert "damaged" in str(error)


def test_nothing_is_rebuilt_where_all_adds_up(path: Path) -> None:
    spoil(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    before = rows(path)
    assert rebuild(path) == ([], [])
    assert rows(path) == before


def test_a_ledger_that_is_written_is_not_rebuilt(path: Path) -> None:
    writer = SqliteWriter(path)
    with pytest.raises(LedgerBusy, match="is already written by process"):
        rebuild(path)
    writer.close()


@pytest.mark.parametrize("mta", sorted(LOGS))
def test_what_a_collector_makes_of_a_captured_run_adds_up(mta: str, tmp_path: Path) -> None:
    log, path = tmp_path / "log", tmp_path / "mail.ledger"
    whole = LOGS[mta]()
    for part in (1, 2, 3):
        log.write_bytes(whole[: len(whole) * part // 3])
        with collecting(mta, log, path) as collector:
            collector.tick()
        assert found(path) == []
    with contents(path) as held:
        load(tmp_path / "copy.ledger", held.head(), held.parts())
    assert rows(tmp_path / "copy.ledger") == rows(path)
    assert found(tmp_path / "copy.ledger") == []
