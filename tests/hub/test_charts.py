"""Charts are exactly as large as asked, say their roles, and leave gaps open."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.hub.charts import spark_chart, trend_chart
from tui.hub.protocol import ChartLine
from tui.model import STATES, Counts, History
from tui.text import cell_width

START = 1_700_000_000 // 3600 * 3600


@pytest.fixture(autouse=True)
def time_zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kolkata"  # half an hour off whole hours
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def text_of(line: ChartLine) -> str:
    return "".join(span.text for span in line)


def whole(lines: list[ChartLine]) -> str:
    return "\n".join(map(text_of, lines))


def roles_at(line: ChartLine) -> list[str]:
    return [span.role for span in line for _ in span.text]


def history(points: list[Counts | None]) -> History:
    return History(START, 60, points)


def assert_exact(lines: list[ChartLine], width: int, height: int) -> None:
    assert len(lines) == height
    for line in lines:
        assert cell_width(text_of(line)) == width, text_of(line)


RISING: list[Counts | None] = [Counts(new=minute, proc=3, retry=2 * minute, hold=minute % 2) for minute in range(60)]
SHAPES: dict[str, list[Counts | None]] = {
    "rising": RISING,
    "zero": [Counts()] * 60,
    "one point": [Counts(new=5)],
    "gaps only": [None] * 60,
    "nothing": [],
    "holes": [point if minute % 7 else None for minute, point in enumerate(RISING)],
    "alone between gaps": [None] * 30 + [Counts(retry=10**9)] + [None] * 29,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ascii", [False, True])
def test_a_trend_has_exactly_the_size_asked_for(shape: str, ascii: bool) -> None:
    for width, height in [(1, 1), (2, 3), (7, 2), (11, 5), (24, 6), (60, 8), (79, 12), (140, 20)]:
        lines = trend_chart(history(SHAPES[shape]), width, height, ascii=ascii)
        assert_exact(lines, width, height)
        assert whole(lines).isascii() or not ascii


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ascii", [False, True])
def test_a_sparkline_has_exactly_the_size_asked_for(shape: str, ascii: bool) -> None:
    rates = [None if point is None else float(point.retry) for point in SHAPES[shape]]
    for width, height in [(1, 1), (3, 3), (20, 1), (31, 2), (60, 3)]:
        lines = spark_chart([rates, rates], width, height, ascii=ascii)
        assert_exact(lines, width, height)
        assert whole(lines).isascii() or not ascii


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.none() | st.builds(Counts, new=st.integers(0, 10**12), retry=st.integers(0, 100)), max_size=70),
    st.integers(1, 130),
    st.integers(1, 15),
    st.booleans(),
)
def test_any_history_fits_any_size(points: list[Counts | None], width: int, height: int, ascii: bool) -> None:
    assert_exact(trend_chart(history(points), width, height, ascii=ascii), width, height)


def test_no_room_is_no_chart() -> None:
    assert trend_chart(history(RISING), 0, 4) == [[], [], [], []]
    assert spark_chart([[1.0]], 5, 0) == []


def test_every_line_is_in_the_role_of_its_state_and_named_by_its_letter() -> None:
    points: list[Counts | None] = [Counts(new=90, proc=60, retry=30, hold=1)] * 60
    lines = trend_chart(history(points), 70, 14)
    roles = {role for line in lines for role in roles_at(line)}
    assert roles == {"", "axis", *STATES}
    for state in STATES:
        ends = [span.text[-1] for line in lines[1:] for span in line if span.role == state]
        assert ends == [state[0]]
    assert "\x1b" not in whole(lines)


def test_the_first_line_names_the_series_and_what_waits_now() -> None:
    legend = text_of(trend_chart(history([Counts(new=1234, proc=7)]), 70, 10)[0])
    assert legend.split() == ["new", "1.2k", "proc", "7", "retry", "0", "hold", "0", "recipients"]
    assert "new 5" in text_of(trend_chart(history([Counts(new=5), None]), 70, 10)[0])
    assert "new ?" in text_of(trend_chart(history([Counts(new=5), None, None]), 70, 10)[0])


def test_a_gap_stays_open_in_every_line() -> None:
    points = [*RISING[:20], *[None] * 20, *RISING[40:]]
    for lines in (trend_chart(history(points), 66, 12), trend_chart(history(points), 66, 12, ascii=True)):
        left = len(text_of(lines[2])) - 62
        for line in lines[1:-2]:
            assert not set(roles_at(line)[left + 23 : left + 40]) & set(STATES), text_of(line)
        drawn = [set(roles_at(line)[left : left + 18]) & set(STATES) for line in lines[1:-2]]
        assert any(drawn)


def test_a_sparklines_gap_is_empty_and_its_zero_is_the_ground() -> None:
    line = spark_chart([[0.0] * 20 + [None] * 20 + [5.0] * 20], 30, 1)[0]
    text = text_of(line)
    assert set(text[1:9]) == {"⣀"}
    assert set(text[11:19]) == {" "}
    assert set(text[21:29]) == {"⣿"}


def test_two_rates_share_a_scale_and_have_their_roles() -> None:
    both = [[10.0] * 40, [3.0] * 40]
    lines = spark_chart(both, 20, 2)
    assert [set(roles_at(line)) for line in lines] == [{"send"}, {"defer"}]
    assert set(whole(lines)) == {"⣿", "\n"}, "the lower area must not erase the dots of the higher"
    assert set(roles_at(spark_chart(both, 20, 1)[0])) == {"send"}


def test_the_time_axis_shows_round_local_times() -> None:
    labels = text_of(trend_chart(history([Counts()] * 61), 80, 10)[-1]).split()
    assert labels and all(label.endswith("0") for label in labels)
    minutes = [int(label[:2]) * 60 + int(label[3:]) for label in labels]
    assert {after - before for before, after in pairwise(minutes)} == {10}
    local = time.localtime(START)
    assert minutes[0] == -(-(local.tm_hour * 60 + local.tm_min) // 10) * 10


def test_a_long_span_shows_days() -> None:
    days = History(START, 3600, [Counts()] * (24 * 14 + 1))
    assert any(word.isalpha() for word in text_of(trend_chart(days, 100, 10)[-1]).split())


def test_the_scale_starts_at_zero_and_has_round_numbers() -> None:
    lines = trend_chart(history([Counts(retry=731)] * 10), 60, 12)
    labels = [text_of(line).split("┤")[0].strip() for line in lines if "┤" in text_of(line)]
    assert labels == ["800", "400", "0"]
