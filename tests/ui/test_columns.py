"""The queue table's columns fill their width exactly, at every width and for every grouping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.scripted import cell
from tui.model import Grouping, QueueQuery, QueueRow
from tui.text import cell_width
from tui.ui.columns import EDGE, GAP, MARGIN, MIX, RowFacts, Whose, columns_for, sort_names
from tui.ui.glyphs import ASCII, UNICODE

QUERIES = [QueueQuery(grouping=grouping) for grouping in Grouping] + [
    QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN, account_id=1)
]
counts = st.integers(0, 10**10)


@given(
    st.sampled_from(QUERIES),
    st.integers(40, 250),
    st.sampled_from([UNICODE, ASCII]),
    st.tuples(st.text("aé日", max_size=60), st.text(max_size=5), st.text(max_size=5), counts, counts, counts, counts),
    st.none() | st.floats(-1e6, 1e6),
    st.sampled_from([(), ("mx1",), ("mx1", "mail.with-a-long-name.test")]),
    st.booleans(),
)
def test_cells_have_exactly_their_width(
    query: QueueQuery,
    width: int,
    glyphs: object,
    values: tuple[str, str, str, int, int, int, int],
    delta: float | None,
    sources: tuple[str, ...],
    senders: bool,
) -> None:
    signs = UNICODE if glyphs is UNICODE else ASCII
    row = cell(*values)
    columns = columns_for(query, width, signs, Whose(sources, senders))
    for column in columns:
        text = "".join(span.text for span in column.cell(RowFacts(row, delta, row), column.width, signs))
        assert cell_width(text) == column.width
    assert MARGIN + sum(column.width + GAP for column in columns) - GAP + EDGE <= width
    assert all(column.width >= len(column.header) for column in columns if column.number or column.header == MIX)
    least = 4 if len(sources) > 1 or senders else 7
    assert all(column.width >= least for column in columns if not column.number)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (QUERIES[0], ["queue"]),
        (QUERIES[1], ["account"]),
        (QUERIES[2], ["account", "campaign"]),
        (QUERIES[3], ["isp"]),
        (QUERIES[4], ["campaign"]),
    ],
)
def test_the_first_columns_name_the_row(query: QueueQuery, names: list[str]) -> None:
    headers = [column.header for column in columns_for(query, 140, UNICODE)]
    assert headers == [*names, "new", "proc", "retry", "hold", "total", "Δ/min", "share", " made up of"]


def test_rows_of_several_sources_begin_with_their_source() -> None:
    for query, names in zip(QUERIES[1:3], (["source", "account"], ["source", "account", "campaign"]), strict=True):
        for width in (40, 80, 140):
            headers = [column.header for column in columns_for(query, width, UNICODE, Whose(["mx1", "mx2"]))]
            assert headers[: len(names)] == names
    assert columns_for(QUERIES[0], 80, UNICODE, Whose(["mx1", "mx2"]))[0].header == "queue"
    assert columns_for(QUERIES[1], 80, UNICODE, Whose(["mx1"]))[0].header == "account"


def test_narrow_tables_keep_the_counts() -> None:
    for width, counts in ((60, ["new", "proc", "retry", "hold", "total"]), (40, ["retry", "hold", "total"])):
        headers = [column.header for column in columns_for(QUERIES[1], width, UNICODE)]
        assert headers == ["account", *counts]


def test_numbers_and_names_can_be_sorted_by() -> None:
    assert sort_names(QUERIES[2], 140, UNICODE) == [
        ("account", False),
        ("campaign", False),
        *[(name, True) for name in ("new", "proc", "retry", "hold", "total", "delta")],
    ]


def test_the_bar_shows_the_parts_of_the_row() -> None:
    bar = columns_for(QUERIES[1], 140, ASCII)[-1]
    row = QueueRow(new=50, retry=25, hold=25)
    text = "".join(span.text for span in bar.cell(RowFacts(row, None, row), 21, ASCII))
    assert text == " nnnnnnnnnnrrrrrhhhhh"
    empty = QueueRow()
    assert "".join(span.text for span in bar.cell(RowFacts(empty, None, empty), 21, ASCII)).strip() == ""
