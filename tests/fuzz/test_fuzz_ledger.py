"""The ledger's file with bytes flipped, cut off or overwritten: a `LedgerError` that says so, or an answer."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.engine.ledger_model import BASE, START, batch, delta
from tests.fuzz.case import Room, attack_often
from tui.engine.batch import CauseDelta, CauseKey, cell_key
from tui.engine.ledger import LedgerError
from tui.engine.messages import Message, encode_message
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_schema import open_to_read
from tui.engine.sqlite_verify import differences
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import Grouping, QueueQuery

FOLDER = tempfile.TemporaryDirectory(prefix="mailtop-fuzz-")
PATH = Path(FOLDER.name) / "mail.ledger"


def _whole() -> bytes:
    """A ledger of one file with something in every table."""
    writer = SqliteWriter(PATH)
    cells = {
        cell_key(campaign, isp): delta(send=5, new=3, retry=2, size=70) for campaign in (1, 2, 4) for isp in (1, 2)
    }
    causes = {CauseKey(cell_key(1, 1), "4.2.2 over quota"): CauseDelta(3, START, START + 9, "452 4.2.2 Over quota")}
    writer.write(batch({BASE: cells, BASE + 1: cells}, causes=causes))
    writer.close()
    db = sqlite3.connect(PATH)
    message = Message(cell_key(1, 1), account=b"alice", units={b"a@b.test": 4}, arrived=START, heard=START)
    since, campaign, isps = message.place or (0, 0, 0)
    db.execute(
        "INSERT OR REPLACE INTO messages (id, state, since, campaign_id, isps) VALUES (?, ?, ?, ?, ?)",
        (b"0t5C6f-0000c8-00", encode_message(message), since, campaign, isps),
    )
    db.commit()
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    return PATH.read_bytes()


def _fresh(data: bytes) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        PATH.with_name(PATH.name + suffix).unlink(missing_ok=True)
    PATH.write_bytes(data)


def _read(data: bytes) -> object:
    _fresh(data)
    reader = SqliteReader(PATH)
    try:
        reader.status()
        reader.version()
        found: list[object] = [reader.totals()]
        for query in (QueueQuery(), *(QueueQuery(grouping) for grouping in Grouping), QueueQuery(isp="Gmail")):
            found += [reader.queue(query), reader.history(query, START + 7200, 7200), reader.causes(query)]
            found.append(reader.messages(query))
    finally:
        reader.close()
    return None


def _verify(data: bytes) -> object:
    _fresh(data)
    db = open_to_read(PATH)
    try:
        db.execute("BEGIN")
        return [one.sentence for one in differences(db, PATH)] and None
    finally:
        db.close()


def _write(data: bytes) -> object:
    _fresh(data)
    writer = SqliteWriter(PATH)
    try:
        writer.names()
        writer.messages()
        writer.positions()
        writer.write(batch({BASE + 2: {cell_key(1, 1): delta(send=1, new=1)}}))
        writer.maintain(float(START))
    finally:
        with suppress(LedgerError):
            writer.close()
    return None


LEDGER = _whole()
TOKENS = [b"\0" * 100, b"\x0d", b"\x05", b"alice", b"Gmail", b"CREATE TABLE", b"INTEGER", b"\xff" * 9, b"NOT NULL"]
ROOMS = [
    Room("reading a ledger", _read, [LEDGER], TOKENS, (LedgerError,), factor=2000, examples=60, whole=True),
    Room("verifying a ledger", _verify, [LEDGER], TOKENS, (LedgerError,), factor=2000, examples=40, whole=True),
    Room("writing to a ledger", _write, [LEDGER], TOKENS, (LedgerError,), factor=2000, examples=40, whole=True),
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_ledger(room: Room) -> None:
    attack_often(room)
