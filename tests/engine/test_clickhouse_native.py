"""Blocks as ClickHouse reads and writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.clickhouse_native import decode, encode
from tui.engine.ledger import LedgerError

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "UInt8": st.integers(0, 255),
    "UInt64": st.integers(0, 2**64 - 1),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "String": st.binary(max_size=300),
    "Array(String)": st.lists(st.binary(max_size=3), max_size=3),
    "Array(UInt64)": st.lists(st.integers(0, 2**64 - 1), max_size=3),
}


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, tuple[str, list[Any]]]:
    rows = draw(st.integers(1, 200))
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    return {
        f"c{place}": (kind, draw(st.lists(VALUES[kind], min_size=min(rows, 5), max_size=min(rows, 5))))
        for place, kind in enumerate(kinds)
    }


def plain(columns: list[Any]) -> list[list[Any]]:
    return [[list(value) if not isinstance(value, int | bytes) else value for value in column] for column in columns]


@given(blocks(), blocks())
def test_what_is_written_is_read(
    block: dict[str, tuple[str, list[Any]]], other: dict[str, tuple[str, list[Any]]]
) -> None:
    values = [values for _, values in block.values()]
    assert plain(decode(encode(block))) == values
    assert plain(decode(encode(block) * 2)) == [[*each, *each] for each in values]


@given(blocks(), st.data())
def test_a_block_that_was_cut_off_is_refused(block: dict[str, tuple[str, list[Any]]], data: st.DataObject) -> None:
    raw = encode(block)
    with pytest.raises(LedgerError, match="an answer that nobody understands"):
        decode(raw[: data.draw(st.integers(1, len(raw) - 1))])


def test_an_answer_without_rows_is_nothing() -> None:
    assert decode(b"") == []
    assert decode(encode({"a": ("UInt8", [])})) == []


def test_a_number_that_its_type_cannot_hold_is_no_block() -> None:
    with pytest.raises(OverflowError):
        encode({"a": ("Int64", [2**63])})


@pytest.mark.parametrize(
    "raw",
    [
        encode({"a": ("UInt8", [1])}) + encode({"a": ("UInt8", [1]), "b": ("UInt8", [2])}),
        b"\x01\x01\x01a" + bytes([0x80 | 10008 & 0x7F, 10008 >> 7]) + b"Array(" * 1668,
        b"\xff" * 3000,
        b"\x01\x02\x01a\x0cArray(UInt8)" + (9).to_bytes(8, "little") + (1).to_bytes(8, "little") + b"\0" * 9,
    ],
    ids=["widths", "nested", "no-end", "falling"],
)
def test_what_no_server_sends_is_refused(raw: bytes) -> None:
    with pytest.raises(LedgerError):
        decode(raw)


def test_a_block_without_rows_has_no_rows_of_arrays_either() -> None:
    assert decode(encode({"a": ("Array(UInt8)", [])})) == []
