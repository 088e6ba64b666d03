"""The columns of the table of hosts fill their width exactly, and what matters most stays longest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.scripted import cell
from tui.hub.protocol import HostFacts, View
from tui.model import STATES, Freshness, QueueRow
from tui.text import cell_width
from tui.ui.columns import EDGE, GAP, MARGIN, RowFacts, Whose, host_name
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.host_columns import host_columns, partial

counts = st.integers(0, 10**10)
NAMES = st.text("aé日", max_size=60)
FACTS = st.builds(
    HostFacts,
    freshness=st.sampled_from(Freshness),
    age_seconds=st.none() | st.floats(0, 1e8),
    defer_share=st.none() | st.floats(0, 1),
    worst_isp=NAMES,
    worst_waiting=counts,
    counted=st.booleans(),
    known=st.booleans(),
)


@given(
    st.integers(60, 250),
    st.sampled_from([UNICODE, ASCII]),
    NAMES,
    st.tuples(counts, counts, counts, counts),
    st.none() | FACTS,
    st.none() | st.text("012345678 ", max_size=30),
    st.booleans(),
)
def test_cells_have_exactly_their_width(
    width: int,
    glyphs: Glyphs,
    name: str,
    values: tuple[int, int, int, int],
    facts: HostFacts | None,
    trend: str | None,
    senders: bool,
) -> None:
    row = cell(name, "", "", *values)
    columns = host_columns(width, glyphs, Whose([name, "mx2"], senders), 10)
    for column in columns:
        spans = column.cell(RowFacts(row, 1.0, row.total, trend, facts), column.width, glyphs)
        assert cell_width("".join(span.text for span in spans)) == column.width
        assert column.width >= len(column.header)
    assert MARGIN + sum(column.width + GAP for column in columns) - GAP + EDGE <= width


@pytest.mark.parametrize(
    ("width", "headers"),
    [
        (60, ["state", "total", "Δ/min", "deferral"]),
        (80, ["state", "age", "total", "Δ/min", "deferral", "worst isp"]),
        (100, ["state", "age", "retry", "hold", "total", "Δ/min", "deferral", "worst isp"]),
        (140, ["state", "age", *STATES, "total", "Δ/min", "share", "deferral", "worst isp", "trend", "drain"]),
    ],
)
def test_what_decides_stays_longest(width: int, headers: list[str]) -> None:
    columns = host_columns(width, UNICODE, Whose(["mx1", "mx2"]), 10)
    assert [column.header for column in columns] == ["host", *headers]
    assert columns[0].width >= 14
    assert [column.header for column in columns if column.key] == ["host"]


def test_a_wider_table_never_shows_less() -> None:
    seen: set[str] = set()
    for width in range(60, 250):
        headers = {column.header for column in host_columns(width, UNICODE, Whose(), 10)}
        assert seen <= headers
        seen = headers


def test_a_host_is_a_source_or_a_sender_or_both() -> None:
    row = QueueRow(source="esp", sender_id=7, sender="bulk")
    assert host_name(row, Whose(["esp"])) == "esp"
    assert host_name(row, Whose(["esp"], several_senders=True)) == "bulk"
    assert host_name(row, Whose(["esp", "mx1"], several_senders=True)) == "esp bulk"
    assert host_name(QueueRow(source="esp", sender_id=7), Whose(["esp"], several_senders=True)) == "sender 7"
    assert host_name(QueueRow(source="mx1"), Whose(["esp", "mx1"], several_senders=True)) == "mx1"


def _text(header: str, facts: HostFacts | None) -> str:
    column = next(each for each in host_columns(140, UNICODE, Whose(), 10) if each.header == header)
    row = RowFacts(QueueRow(source="mx1", retry=7), None, 7, None, facts)
    return "".join(span.text for span in column.cell(row, column.width, UNICODE)).strip()


def test_what_is_not_known_of_a_host_is_not_zero() -> None:
    first = HostFacts(freshness=Freshness.STALE)
    assert [_text(header, first) for header in ("state", "age", "deferral", "worst isp")] == ["… waiting", "–", "–", ""]
    broken = HostFacts(freshness=Freshness.ERROR)
    assert _text("state", broken) == "✖ error"
    assert [_text(header, None) for header in ("state", "age", "deferral", "worst isp")] == ["", "", "", ""]


def test_a_sum_says_what_it_lacks_and_only_then() -> None:
    view = View(serial=1, time=0.0)
    assert partial(view) == ""
    assert partial(View(serial=1, time=0.0, host_count=42, hosts_counted=42)) == ""
    assert partial(View(serial=1, time=0.0, host_count=42, hosts_counted=41)) == "partial 41/42"


def test_what_no_sum_holds_is_no_share_of_it() -> None:
    host = HostFacts(freshness=Freshness.STALE, age_seconds=60.0)
    assert _text("share", host) == "100.0%"
    assert _text("share", HostFacts(freshness=Freshness.STALE, age_seconds=60.0, counted=False)) == "–"


def test_a_host_that_never_told_anything_has_no_number_at_all() -> None:
    facts = HostFacts(freshness=Freshness.ERROR, error="It is away.", counted=False, known=False)
    columns = host_columns(160, UNICODE, Whose(["mx1", "mx2"]), 10)
    row = RowFacts(cell("mx2", "", "", 0, 0, 0, 0), 0.0, 100, None, facts)
    shown = ["".join(span.text for span in column.cell(row, column.width, UNICODE)) for column in columns]
    assert not any(character.isdigit() for text in shown[1:] for character in text), shown
