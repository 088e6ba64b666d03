"""All that an embedded ledger holds, read row by row in one state of it. What copies and compares ledgers enters."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tui.engine import sqlite_blocks, sqlite_history
from tui.engine.batch import Batch, CauseDelta, CauseKey, LogPosition, cell_key
from tui.engine.counts import COLUMNS, D_NEW, Columns
from tui.engine.ledger import LedgerError
from tui.engine.ledger_contents import BEFORE_HISTORY, Head, Remainder, gathered
from tui.engine.sqlite_history import CELL, MINUTE_SECONDS
from tui.engine.sqlite_schema import open_to_read, reading_values

_COUNTS_AT_ONCE = 20_000
_ROWS_AT_ONCE = 2_000


class SqliteContents:
    """What the open ledger ``db``, the file ``path``, holds. The caller has begun a transaction, so that all is from
    one state."""

    def __init__(self, db: sqlite3.Connection, path: Path, host: str = "") -> None:
        self.db = db
        self._path = path
        self._host = host

    def head(self) -> Head:
        """What it knows beside its counts. Raises ``LedgerError``."""
        with reading_values(self._path):
            keep = sqlite_history.kept(self.db)
            updated, *sums = self.db.execute(
                "SELECT updated, send, success, defer, fail, size, new, proc, retry, hold FROM ledger"
            ).fetchone()
            return Head(
                host=self._host,
                updated=updated,
                minutes_from=keep.minutes_from,
                hours_from=keep.hours_from,
                covered=self.db.execute("SELECT first_minute, last_minute FROM covered ORDER BY 1").fetchall(),
                sums=tuple(sums),
                counters=dict(self.db.execute("SELECT name, value FROM counters ORDER BY name")),
                gauges=dict(self.db.execute("SELECT name, value FROM gauges ORDER BY name")),
                notes=dict(self.db.execute("SELECT key, text FROM notes ORDER BY key")),
                positions=positions(self.db),
            )

    def parts(self) -> Iterator[Batch]:
        """Batches that make an empty ledger what this one is (``Contents``). Raises ``LedgerError``."""
        with reading_values(self._path):
            yield from self._names()
            yield from self._counts()
            yield from self._balances()
            yield from self._causes()
            yield from self._messages()

    def _names(self) -> Iterator[Batch]:
        for rows in self._rows("SELECT name, account_id FROM accounts ORDER BY account_id"):
            yield Batch(accounts=dict(rows))
        for rows in self._rows("SELECT account_id, name, campaign_id FROM campaigns ORDER BY campaign_id"):
            yield Batch(campaigns={(account, name): number for account, name, number in rows})
        for rows in self._rows("SELECT name, isp_id FROM isps WHERE isp_id <> 0 ORDER BY isp_id"):
            yield Batch(isps=dict(rows))

    def _counts(self) -> Iterator[Batch]:
        left = self.sums()
        yield from gathered(self._history(left), _COUNTS_AT_ONCE)
        before = left.columns()
        if not any(before):
            return
        if not sqlite_history.kept(self.db).hours_from:
            raise LedgerError(
                f"the ledger {self._path} does not add up: its history is not what its sums say; 'mailtop ledger "
                "verify' tells where"
            )
        yield Batch(deltas={BEFORE_HISTORY: before})

    def _history(self, left: Remainder) -> Iterator[tuple[int, Columns]]:
        # The longest step first: hours are older than minutes.
        for start, block in self.db.execute(
            "SELECT start, block FROM history WHERE level = ? ORDER BY step DESC, start, part", (CELL,)
        ):
            columns = sqlite_blocks.decode(block)
            left.take(columns)
            yield start // MINUTE_SECONDS, columns

    def sums(self) -> Remainder:
        """All sums, of which history can be taken away."""
        left = Remainder()
        for key, *counts in self.db.execute("SELECT campaign_id, send, success, defer, fail, size FROM campaigns"):
            for column in COLUMNS[:D_NEW]:
                left.add_campaign(key, column, counts[column])
        for key, *counts in self.db.execute("SELECT isp_id, send, success, defer, fail, size FROM isps"):
            for column in COLUMNS[:D_NEW]:
                left.add_isp(key, column, counts[column])
        for campaign, isp, *counts in self.db.execute("SELECT campaign_id, isp_id, new, proc, retry, hold FROM cells"):
            for column in COLUMNS[D_NEW:]:
                left.add_cell(cell_key(campaign, isp), column, counts[column - D_NEW])
        return left

    def _balances(self) -> Iterator[Batch]:
        for rows in self._rows("SELECT account_id, accepted, removed FROM accounts ORDER BY account_id"):
            yield Batch(
                accepted={number: accepted for number, accepted, _ in rows},
                removed={number: removed for number, _, removed in rows if removed},
            )
        for rows in self._rows(
            "SELECT 0, off_since FROM ledger WHERE off_since IS NOT NULL "
            "UNION ALL SELECT account_id, off_since FROM accounts WHERE off_since IS NOT NULL"
        ):
            yield Batch(off_since=dict(rows))

    def _causes(self) -> Iterator[Batch]:
        for rows in self._rows(
            "SELECT campaign_id, isp_id, text, count, first_seen, last_seen, last_reply FROM causes "
            "ORDER BY campaign_id, isp_id"
        ):
            yield Batch(
                causes={
                    CauseKey(cell_key(campaign, isp), text): CauseDelta(*values)
                    for campaign, isp, text, *values in rows
                }
            )

    def _messages(self) -> Iterator[Batch]:
        for rows in self._rows("SELECT id, state, since, campaign_id, isps FROM messages"):
            yield Batch(
                messages={id_: state for id_, state, *_ in rows},
                places={id_: (since, campaign, isps) for id_, _, since, campaign, isps in rows if since is not None},
            )

    def _rows(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        answer = self.db.execute(statement)
        while rows := answer.fetchmany(_ROWS_AT_ONCE):
            yield rows


def positions(db: sqlite3.Connection) -> list[LogPosition]:
    """How far each log was read, in an open ledger."""
    return [
        LogPosition(path, int(device), int(inode), head, offset)
        for path, device, inode, head, offset in db.execute(
            "SELECT path, device, inode, head, offset FROM positions ORDER BY path"
        )
    ]


@contextmanager
def contents(path: Path, host: str = "") -> Iterator[SqliteContents]:
    """What the ledger at ``path`` holds at the beginning of the context, whoever writes it meanwhile. Raises
    ``LedgerError``."""
    db = open_to_read(path)
    try:
        with reading_values(path):
            db.execute("BEGIN")
        yield SqliteContents(db, path, host)
    finally:
        db.close()
