"""Sums of causes: what all the cells say, and not made anew all the time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.ledger_model import BASE, CAUSES, DELTAS, START, Model, batch, batches_of, delta, every_filter
from tui.engine import sqlite_causes
from tui.engine.batch import Batch, CauseDelta, CauseKey, cell_key
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import QueueQuery


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two cells are many, and sums are always due."""
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_causes, "MANY_CELLS", 1)
        patch.setattr(sqlite_causes, "SUM_SECONDS", 0.0)
        patch.setattr(sqlite_causes, "SUM_SHARE", 0)
        yield


EVERYTHING = QueueQuery()
Drawn = list[tuple[dict[int, dict[int, tuple[int, ...]]], dict[CauseKey, CauseDelta]]]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(st.tuples(DELTAS, CAUSES), min_size=1, max_size=4))
def test_sums_say_what_all_cells_say(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sums") / "mail.ledger"
    model, writer = Model(), SqliteWriter(path)
    reader = SqliteReader(path, sender_id=7)
    for made in batches_of(drawn):
        model.add(made)
        writer.write(made)
        for filters in every_filter():
            model.check_causes(filters, reader.causes(filters))
    reader.close()
    writer.close()


def counts(reader: SqliteReader, query: QueueQuery = EVERYTHING) -> list[tuple[str, int]]:
    return [(cause.text, cause.count) for cause in reader.causes(query)]


def test_sums_are_as_old_as_they_may_be_and_few_cells_are_always_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_causes, "SUM_SECONDS", 3600.0)
    path = tmp_path / "mail.ledger"
    writer = SqliteWriter(path)
    cells = [cell_key(1, 1), cell_key(1, 2), cell_key(4, 1)]
    causes = {CauseKey(cell, "421"): CauseDelta(1, START, START, "421 no") for cell in cells}
    writer.write(batch({BASE: {cell: delta(retry=1) for cell in cells}}, causes=causes))
    reader = SqliteReader(path)
    writer.write(Batch(causes=causes))
    assert counts(reader) == [("421", 3)]
    assert counts(reader, QueueQuery(account_id=1)) == [("421", 2)]
    assert counts(reader, QueueQuery(isp="Gmail")) == [("421", 2)]
    assert counts(reader, QueueQuery(isp="Yahoo")) == [("421", 2)]
    assert counts(reader, QueueQuery(account_id=2)) == [("421", 2)]
    assert counts(reader, QueueQuery(account_id=1, isp="Gmail")) == [("421", 2)]
    reader.close()
    writer.close()


def test_few_cells_need_no_sums(tmp_path: Path) -> None:
    path = tmp_path / "mail.ledger"
    writer = SqliteWriter(path)
    causes = {CauseKey(cell_key(1, 1), "421"): CauseDelta(2, START, START, "421 no")}
    writer.write(batch({BASE: {cell_key(1, 1): delta(retry=1)}}, causes=causes))
    reader = SqliteReader(path)
    assert counts(reader) == [("421", 2)]
    with reader.snapshot():
        assert reader._db.execute("SELECT count(*) FROM cause_sums").fetchone() == (0,)
    reader.close()
    writer.close()
