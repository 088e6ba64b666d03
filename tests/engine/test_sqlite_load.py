"""A ledger made of another one's contents says the same, or is not there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.ledger_copies import fill, filled, found, rows
from tests.engine.ledger_model import CAUSES, DELTAS, HOUR, START, batches_of
from tui.engine.batch import Batch, CauseDelta, CauseKey
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_load import load
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import QueueQuery


def copy(path: Path, to: Path) -> None:
    with contents(path) as held:
        load(to, held.head(), held.parts())


def test_a_copy_has_everything(tmp_path: Path) -> None:
    source, to = filled(tmp_path / "a.ledger"), tmp_path / "b.ledger"
    copy(source, to)
    assert rows(to) == rows(source)
    assert found(to) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.ledger",
        "a.ledger.lock",
        "b.ledger",
        "b.ledger.lock",
    ]
    reader = SqliteReader(to)
    assert len(reader.messages(QueueQuery())) == 3
    assert [cause.text for cause in reader.causes(QueueQuery())] == ["421 later", "452 full"]
    reader.close()
    writer = SqliteWriter(to)
    assert writer.positions()[0].offset == 4096
    fill(writer)
    writer.close()


@settings(max_examples=30, deadline=None)
@given(
    drawn=st.lists(st.tuples(DELTAS, CAUSES), min_size=1, max_size=4),
    rolled=st.sampled_from([0, 2 * HOUR, 10 * HOUR, 100 * 24 * HOUR]),
)
def test_a_copy_of_any_ledger_says_the_same(
    drawn: list[tuple[dict[int, dict[int, tuple[int, ...]]], dict[CauseKey, CauseDelta]]], rolled: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, to = Path(folder) / "a.ledger", Path(folder) / "b.ledger"
        writer = SqliteWriter(source, minutes_kept_hours=1)
        for made in batches_of(drawn):
            writer.write(made)
        if rolled:
            # Time goes on only where something was heard of it.
            writer.write(Batch(gauges={"log_time": START + rolled}))
            writer.maintain(START + rolled)
        writer.close()
        copy(source, to)
        assert rows(to) == rows(source)
        # No messages were made for what waits.
        assert [said for said in found(to) if "messages that wait" not in said] == []


def test_a_ledger_that_is_there_stays(tmp_path: Path) -> None:
    source, to = filled(tmp_path / "a.ledger"), filled(tmp_path / "b.ledger")
    before = to.read_bytes()
    with pytest.raises(LedgerError, match=r"there is a ledger at .*b\.ledger already"):
        copy(source, to)
    assert to.read_bytes() == before


def test_an_empty_ledger_is_filled(tmp_path: Path) -> None:
    source, to = filled(tmp_path / "a.ledger"), tmp_path / "b.ledger"
    SqliteWriter(to).close()
    copy(source, to)
    assert rows(to) == rows(source)


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    source, to = filled(tmp_path / "a.ledger"), tmp_path / "new" / "b.ledger"

    def broken(parts: Iterator[Batch]) -> Iterator[Batch]:
        yield next(parts)
        raise LedgerError("cut off")

    with contents(source) as held, pytest.raises(LedgerError, match="cut off"):
        load(to, held.head(), broken(held.parts()))
    assert [path.name for path in to.parent.iterdir()] == ["b.ledger.lock"]


def test_sums_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    source, to = filled(tmp_path / "a.ledger"), tmp_path / "b.ledger"
    with contents(source) as held, pytest.raises(LedgerError, match="its rows add up to"):
        load(to, held.head(), (part for part in held.parts() if 0 not in part.deltas))
    assert not to.exists()


def test_a_ledger_that_is_written_is_left_alone(tmp_path: Path) -> None:
    source, to = filled(tmp_path / "a.ledger"), tmp_path / "b.ledger"
    writer = SqliteWriter(to)
    with pytest.raises(LedgerBusy, match="is already written by process"):
        copy(source, to)
    writer.close()
