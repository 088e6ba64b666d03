"""What a ledger's test must offer to ``ledger_contract``: a way to make an empty ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from tui.engine.ledger import LedgerReader, LedgerWriter


class SnapshotReader(LedgerReader, Protocol):
    """A reader that can answer several questions from one state."""

    def snapshot(self) -> AbstractContextManager[None]: ...


class Ledger(Protocol):
    """One ledger that a test may open and open again."""

    def writer(self, *, minutes_kept_hours: int = 24, hours_kept_days: int = 90) -> LedgerWriter: ...

    def reader(self) -> SnapshotReader: ...


class LedgerCase:
    """One kind of ledger under test; ``sender_id`` of its readers is 7."""

    def new_ledger(self) -> AbstractContextManager[Ledger]:
        """An empty ledger for the length of the context."""
        raise NotImplementedError

    @pytest.fixture
    def ledger(self) -> Iterator[Ledger]:
        with self.new_ledger() as ledger:
            yield ledger

    @pytest.fixture
    def writer(self, ledger: Ledger) -> Iterator[LedgerWriter]:
        writer = ledger.writer()
        yield writer
        writer.close()

    @pytest.fixture
    def reader(self, ledger: Ledger, writer: LedgerWriter) -> Iterator[SnapshotReader]:
        reader = ledger.reader()
        yield reader
        reader.close()
