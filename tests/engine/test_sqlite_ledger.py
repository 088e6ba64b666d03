from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engine.ledger_contract import Ledger, LedgerContract
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter


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
