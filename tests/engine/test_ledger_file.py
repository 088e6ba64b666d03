"""A ledger goes through a file and is the same; a file that is not whole is refused."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.ledger_copies import filled, found, rows
from tests.engine.ledger_model import CAUSES, DELTAS, START, batches_of
from tui.engine.batch import CauseDelta, CauseKey
from tui.engine.ledger import LedgerError
from tui.engine.ledger_file import ExportedLedger, export
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_load import load
from tui.engine.sqlite_writer import SqliteWriter


def exported(path: Path, host: str = "mx1") -> list[bytes]:
    with contents(path, host) as held:
        return list(export(held))


def imported(lines: list[bytes], path: Path) -> None:
    file = ExportedLedger(lines, "mail.jsonl")
    load(path, file.head(), file.parts())


@pytest.fixture
def lines(tmp_path: Path) -> list[bytes]:
    return exported(filled(tmp_path / "a.ledger"))


def test_a_ledger_comes_back_whole(tmp_path: Path, lines: list[bytes]) -> None:
    imported(lines, tmp_path / "b.ledger")
    assert rows(tmp_path / "b.ledger") == rows(tmp_path / "a.ledger")
    assert found(tmp_path / "b.ledger") == []
    assert exported(tmp_path / "b.ledger") == lines


@settings(max_examples=25, deadline=None)
@given(drawn=st.lists(st.tuples(DELTAS, CAUSES), min_size=1, max_size=4), rolled=st.booleans())
def test_any_ledger_comes_back_with_equal_sums(
    drawn: list[tuple[dict[int, dict[int, tuple[int, ...]]], dict[CauseKey, CauseDelta]]], rolled: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, to = Path(folder) / "a.ledger", Path(folder) / "b.ledger"
        writer = SqliteWriter(source, minutes_kept_hours=1)
        for made in batches_of(drawn):
            writer.write(made)
        if rolled:
            writer.maintain(START + 36_000)
        writer.close()
        imported(exported(source), to)
        assert rows(to) == rows(source)


def test_the_first_line_says_what_it_is_and_the_last_how_much(lines: list[bytes]) -> None:
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    assert (first["form"], first["version"], first["host"]) == ("mailtop ledger", 2, "mx1")
    assert first["sums"]["send"] == 13
    assert first["positions"][0]["offset"] == 4096
    assert last["end"]["lines"] == len(lines) - 1


def test_a_file_that_was_cut_off_anywhere_is_refused(tmp_path: Path, lines: list[bytes]) -> None:
    whole = b"".join(lines)
    to = tmp_path / "b.ledger"
    for length in range(0, len(whole) - 1, 101):
        with pytest.raises(LedgerError, match="nothing was stored"):
            imported(whole[:length].splitlines(keepends=True), to)
        assert not to.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda lines: [lines[0].replace(b'"version":2', b'"version":3'), *lines[1:]], "version 3 of its form"),
        (lambda lines: [b"{}\n", *lines[1:]], "does not begin as the file of a ledger does"),
        (lambda lines: [b"\x1f\x8b\xff\n"], "line 1 is none of a ledger"),
        (lambda lines: [*lines[:-2], lines[-1]], "checksum"),
        (lambda lines: [*lines, b"\n"], "something follows its last line"),
        (lambda lines: [lines[0], b'{"counts":[[1,2,3]]}\n', *lines[1:]], "1 counts of a cell, and not 9"),
        (lambda lines: [lines[0], b'{"counts":[[1,-2,0,0,0,0,0,0,0,0,0]]}\n'], "the number of an ISP is -2"),
        (lambda lines: [lines[0], b'{"what":1}\n'], "line 2 is none of a ledger"),
        (lambda lines: [lines[0].replace(b'"send":13', b'"sent":13'), *lines[1:]], "nine sums"),
    ],
)
def test_what_is_no_whole_ledger_is_refused(tmp_path: Path, lines: list[bytes], change: object, sentence: str) -> None:
    assert callable(change)
    with pytest.raises(LedgerError, match=sentence):
        imported(change(lines), tmp_path / "b.ledger")
    assert not (tmp_path / "b.ledger").exists()
