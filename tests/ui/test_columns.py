"""The queue table's columns fill their width exactly, at every width and for every grouping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.scripted import cell
from tui.model import API_GROUPINGS, STATES, Grouping, QueueQuery, QueueRow
from tui.text import cell_width
from tui.ui.columns import EDGE, GAP, MARGIN, RowFacts, Whose, columns_for, sort_names, trend_cells
from tui.ui.glyphs import ASCII, UNICODE, Glyphs

QUERIES = [QueueQuery(grouping=grouping) for grouping in API_GROUPINGS] + [
    QueueQuery(grouping=Grouping.ACCOUNT_CAMPAIGN, account_id=1)
]
counts = st.integers(0, 10**10)


@given(
    st.sampled_from(QUERIES),
    st.integers(40, 250),
    st.sampled_from([UNICODE, ASCII]),
    st.tuples(st.text("aé日", max_size=60), st.text(max_size=5), st.text(max_size=5), counts, counts, counts, counts),
    st.none() | st.floats(-1e6, 1e6),
    st.none() | st.text("012345678 ", max_size=30),
    st.sampled_from([(), ("mx1",), ("mx1", "mail.with-a-long-name.test")]),
    st.booleans(),
)
def test_cells_have_exactly_their_width(
    query: QueueQuery,
    width: int,
    glyphs: object,
    values: tuple[str, str, str, int, int, int, int],
    delta: float | None,
    trend: str | None,
    sources: tuple[str, ...],
    senders: bool,
) -> None:
    signs = UNICODE if glyphs is UNICODE else ASCII
    row = cell(*values)
    columns = columns_for(query, width, signs, Whose(sources, senders))
    for column in columns:
        text = "".join(span.text for span in column.cell(RowFacts(row, delta, row.total, trend), column.width, signs))
        assert cell_width(text) == column.width
    assert MARGIN + sum(column.width + GAP for column in columns) - GAP + EDGE <= width
    assert all(column.width >= len(column.header) for column in columns if not column.key)
    least = 3 if len(sources) > 1 or senders else 6
    assert all(column.width >= least for column in columns if column.key)


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
    assert headers == [*names, "new", "proc", "retry", "hold", "total", "Δ/min", "share", "trend", "drain"]


def test_rows_of_several_sources_begin_with_their_source() -> None:
    for query, names in zip(QUERIES[1:3], (["source", "account"], ["source", "account", "campaign"]), strict=True):
        for width in (40, 80, 140):
            headers = [column.header for column in columns_for(query, width, UNICODE, Whose(["mx1", "mx2"]))]
            assert headers[: len(names)] == names
    assert columns_for(QUERIES[0], 80, UNICODE, Whose(["mx1", "mx2"]))[0].header == "queue"
    assert columns_for(QUERIES[1], 80, UNICODE, Whose(["mx1"]))[0].header == "account"


@pytest.mark.parametrize(
    ("width", "numbers"),
    [
        (40, ["retry", "hold", "total"]),
        (60, ["new", "proc", "retry", "hold", "total"]),
        (80, ["new", "proc", "retry", "hold", "total", "Δ/min", "drain"]),
        (100, ["new", "proc", "retry", "hold", "total", "Δ/min", "share", "trend", "drain"]),
        (200, ["new", "proc", "retry", "hold", "total", "Δ/min", "share", "trend", "drain", " made up of"]),
    ],
)
def test_narrow_tables_keep_the_counts_and_then_what_becomes_of_them(width: int, numbers: list[str]) -> None:
    columns = columns_for(QUERIES[1], width, UNICODE)
    assert [column.header for column in columns] == ["account", *numbers]
    assert bool(trend_cells(columns)) is (width >= 100)


def test_two_names_keep_room_to_be_read() -> None:
    for width in (80, 100, 140):
        assert all(column.width >= 12 for column in columns_for(QUERIES[2], width, UNICODE) if column.key)


def test_a_wider_table_never_shows_less_beside_the_names() -> None:
    for query in QUERIES:
        seen = 0
        for width in range(40, 250):
            columns = [column for column in columns_for(query, width, UNICODE) if not column.key]
            assert len(columns) >= seen
            seen = len(columns)


def test_every_column_but_the_bar_can_be_sorted_by() -> None:
    columns = columns_for(QUERIES[2], 200, UNICODE, Whose(["mx1", "mx2"], several_senders=True))
    assert sort_names(columns) == [
        *[(name, False) for name in ("source", "sender", "account", "campaign")],
        *[(name, True) for name in ("new", "proc", "retry", "hold", "total", "delta", "share", "trend", "drain")],
    ]


def _text(header: str, facts: RowFacts, glyphs: Glyphs = UNICODE, width: int = 200) -> str:
    column = next(column for column in columns_for(QUERIES[1], width, glyphs) if column.header == header)
    return "".join(span.text for span in column.cell(facts, column.width, glyphs))


def test_a_gap_in_a_trend_is_not_taken_for_nothing() -> None:
    row = QueueRow(new=50)
    assert _text("trend", RowFacts(row, None, 50, "08 0")).strip() == "_▇ _"
    assert _text("trend", RowFacts(row, None, 50, "08 0"), ASCII).strip() == "_@ _"
    assert _text("trend", RowFacts(row, None, 50, "    ")).strip() == "–"
    assert _text("trend", RowFacts(row, None, 50, "")).strip() == "–"
    assert _text("trend", RowFacts(row, None, 50)).strip() == ""


def test_a_row_says_how_long_it_still_takes() -> None:
    for delta, text in ((-10.0, "5 min"), (3.0, "growing"), (0.0, "steady"), (None, "–")):
        assert _text("drain", RowFacts(QueueRow(new=50), delta, 50)).strip() == text


def test_the_share_is_that_of_all_that_waits() -> None:
    assert _text("share", RowFacts(QueueRow(new=50), None, 200)).strip() == "25.0%"
    assert _text("share", RowFacts(QueueRow(), None, 0)).strip() == "–"


def test_only_counts_are_marked_when_they_change() -> None:
    columns = columns_for(QUERIES[2], 200, UNICODE, Whose(["mx1", "mx2"], several_senders=True))
    assert [column.header for column in columns if column.counted] == [*STATES, "total"]


def test_the_bar_shows_the_parts_of_the_row() -> None:
    row = QueueRow(new=40, retry=40, hold=20)
    text = _text(" made up of", RowFacts(row, None, 100), ASCII)
    assert text.strip() == "nnnnnnnnnnrrrrrrrrrrhhhhh"
    assert _text(" made up of", RowFacts(QueueRow(), None, 0), ASCII).strip() == ""
