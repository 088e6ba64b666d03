"""What tests of copied ledgers need: a ledger with something of everything, and everything that a ledger says."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from tests.engine.ledger_messages_contract import waiting
from tests.engine.ledger_model import BASE, HOUR, START, batch, delta, nameless
from tui.engine.batch import CauseDelta, CauseKey, LogPosition, cell_key
from tui.engine.events import HOLD, NEW, RETRY
from tui.engine.ledger import LedgerWriter
from tui.engine.messages import encode_message
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_verify import differences
from tui.engine.sqlite_writer import SqliteWriter

TABLES = ("accounts", "campaigns", "isps", "cells", "covered", "causes", "messages", "positions", "counters", "gauges")
SPRING_GMAIL, BOB_YAHOO, BOB_GMAIL = cell_key(2, 1), cell_key(3, 2), cell_key(3, 1)


def fill(writer: LedgerWriter) -> None:
    """Mail of two accounts: some before any history that is kept, some in hours, some in minutes, and some that
    waits."""
    writer.maintain(START + 40 * HOUR)
    old = START - 100 * 24 * HOUR
    messages = {
        b"1a": waiting(2, START, {b"x@gmail": (1, NEW), b"z@gmail": (1, RETRY)}),
        b"1b": waiting(3, START + 60, {b"y@yahoo": (2, HOLD)}),
        b"1c": waiting(3, None, {}),
    }
    writer.write(
        batch(
            {
                old // 60: {SPRING_GMAIL: delta(send=7, new=1, size=5 << 33), cell_key(3, 0): delta(send=2)},
                BASE: {SPRING_GMAIL: delta(success=3, retry=1), cell_key(2, 0): delta(send=4, size=900)},
                BASE + 61: {BOB_YAHOO: delta(defer=2, retry=1), BOB_GMAIL: delta(fail=1)},
            },
            causes={
                CauseKey(SPRING_GMAIL, "421 later"): CauseDelta(4, START, START + 9, "421 later, please"),
                CauseKey(SPRING_GMAIL, "452 full"): CauseDelta(1, START, START, "452 \N{SNOWMAN}"),
            },
        )
    )
    recent = (START + 39 * HOUR) // 60
    writer.write(
        nameless(
            {recent: {BOB_YAHOO: delta(retry=-1, hold=1)}, recent + 3: {BOB_GMAIL: delta(success=1)}},
            messages={id_: encode_message(message) for id_, message in messages.items()},
            places={id_: message.place for id_, message in messages.items() if message.place is not None},
            counters={"vanished": 2, "unparsed": 1},
            gauges={"queue_files": 2, "listed_at": START + 39 * HOUR, "log_time": START + 39 * HOUR},
            positions=[LogPosition("/var/log/exim4/mainlog", 2**64 - 1, 2**63 + 5, b"\x00head\xff", 4096)],
        )
    )
    writer.note("queue", "the queue could not be listed: \N{SNOWMAN}")


def filled(path: Path) -> Path:
    """A ledger at ``path`` with ``fill``'s mail."""
    writer = SqliteWriter(path)
    fill(writer)
    writer.close()
    return path


def rows(path: Path) -> dict[str, Any]:
    """All that a ledger's tables say, with the history as counts by level and time."""
    with contents(path) as held:
        head = held.head()
        parts: dict[int, list[dict[int, int]]] = {}
        for part in held.parts():
            for minute, columns in part.deltas.items():
                into = parts.setdefault(minute, [{} for _ in columns])
                for column, more in zip(into, columns, strict=True):
                    for key, count in more.items():
                        column[key] = column.get(key, 0) + count
    db = sqlite3.connect(path)
    try:
        tables = {table: sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for table in TABLES}
    finally:
        db.close()
    # A count that came to nothing may stand there or not.
    history = {
        minute: [{key: n for key, n in column.items() if n} for column in each] for minute, each in parts.items()
    }
    return {"head": head, "history": {minute: each for minute, each in history.items() if any(each)}, **tables}


def found(path: Path) -> list[str]:
    """What does not add up in a ledger."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("BEGIN")
        return [difference.sentence for difference in differences(db, path)]
    finally:
        db.close()
