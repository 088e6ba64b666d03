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
    st.integers(1, 15) | st.sampled_from([30, 90]),
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
        ends = [text_of(line)[-1] for line in lines[1:-2] if roles_at(line)[-1] == state]
        assert ends == [state[0]]
    assert "\x1b" not in whole(lines)


def test_the_first_line_names_the_unit_the_series_their_letters_and_what_waits_now() -> None:
    legend = text_of(trend_chart(history([Counts(new=1234, proc=7)]), 70, 10, ascii=True)[0])
    words = ["recipients", "nnnn", "new", "1.2k", "pppp", "proc", "7", "rrrr", "retry", "0", "hhhh", "hold", "0"]
    assert legend.split() == words
    assert text_of(trend_chart(history([Counts()]), 52, 10)[0]).split()[:4] == ["recipients", "n", "new", "0"]
    assert "new 5" in text_of(trend_chart(history([Counts(new=5), None]), 70, 10)[0])
    assert "new ?" in text_of(trend_chart(history([Counts(new=5), None, None]), 70, 10)[0])


def test_each_series_has_a_style_of_its_own_as_its_legend_shows() -> None:
    points: list[Counts | None] = [Counts(new=90, proc=60, retry=30, hold=10)] * 60
    lines = trend_chart(history(points), 70, 15)
    drawn = {}
    for line in lines[1:-2]:
        for state in STATES:
            cells = [char if role == state else " " for char, role in zip(text_of(line), roles_at(line), strict=True)]
            if any(cell != " " for cell in cells):
                drawn[state] = "".join(cells)
    masks = {state: ["⠀" < char <= "⣿" and (ord(char) & 0xB8 > 0) for char in drawn[state][20:60]] for state in STATES}
    assert all(masks["retry"]) and not any(masks["new"]), "one is solid, another of half the dots"
    assert any(masks["hold"]) and not all(masks["hold"]), "one has holes"
    assert drawn["proc"][20:60].count(" ") > drawn["hold"][20:60].count(" ") > 0
    samples = {span.text[1:4] for span in lines[0] if span.role in STATES}
    assert samples == {"⠄⠄⠄", "⠄  ", "⠤⠤⠤", "⠤⠤ "}


def test_a_peak_stays_whole_in_every_style() -> None:
    for place in range(20, 32):
        points: list[Counts | None] = [None] * 60
        points[place] = Counts(proc=900, new=500, hold=100)
        lines = trend_chart(history(points), 70, 15)
        shown = {role for line in lines[1:-2] for role in roles_at(line)} - {"axis", ""}
        assert shown == set(STATES)


def test_ends_that_meet_stand_side_by_side() -> None:
    lines = trend_chart(history([Counts(retry=50)] * 60), 70, 10)
    assert text_of(lines[-3]).endswith("hpn")


def test_a_long_history_keeps_its_peaks_and_its_gaps() -> None:
    day: list[Counts | None] = [Counts(retry=5)] * 1440
    day[700], day[1000] = Counts(retry=4000), None
    lines = trend_chart(history(day), 70, 12)
    assert text_of(lines[1]).startswith("4k")
    heads = [next((char for char in text_of(line)[4 + 31 : 4 + 36] if char != " "), "") for line in lines[1:-2]]
    assert any(heads[:3]), "the peak reaches the top"
    assert " " in text_of(lines[-3])[4 + 43 : 4 + 49], "the gap is open"


def test_the_newest_point_of_a_long_history_is_shown_as_soon_as_it_is_known() -> None:
    told = [*[None] * 239, Counts(retry=7)]
    assert "retry 7" in text_of(trend_chart(history([*told]), 70, 12)[0])
    assert "retry 7" in text_of(trend_chart(history([*told, None]), 70, 12)[0]), "the next bucket has only just begun"
    assert "retry ?" in text_of(trend_chart(history([*told, None, None]), 70, 12)[0])


def test_a_high_chart_shows_what_happened_too_but_only_where_that_is_known() -> None:
    rising = [Counts(retry=10, send=30, success=20, defer=9, fail=1)] * 60
    lines = trend_chart(history([*rising]), 100, 30, ascii=True)
    assert_exact(lines, 100, 30)
    legend = next(text_of(line) for line in lines[1:] if "a minute" in text_of(line)).split()
    assert legend[:2] == ["a", "minute"]
    assert [legend[place : place + 3] for place in range(2, 14, 3)] == [
        ["ssss", "sent", "30"],
        ["dddd", "delivered", "20"],
        ["eeee", "deferred", "9"],
        ["ffff", "failed", "1"],
    ]
    for without in (trend_chart(history([*rising]), 100, 19), trend_chart(history([Counts(retry=10)] * 60), 100, 30)):
        assert "a minute" not in whole(without)
    columns = {text_of(line).index("+") for line in lines if "+" in text_of(line)}
    assert len(columns) == 1, "the panels stand under one another"


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
    assert minutes[0] == (local.tm_hour * 60 + local.tm_min) // 10 * 10 + 10, "a point is what waited at a minute's end"


def test_a_long_span_shows_days() -> None:
    days = History(START, 3600, [Counts()] * (24 * 14 + 1))
    assert any(word.isalpha() for word in text_of(trend_chart(days, 100, 10)[-1]).split())


@pytest.mark.parametrize(
    ("most", "rows", "labels"),
    [
        (731, 10, ["800", "400", "0"]),
        (731, 12, ["750", "500", "250", "0"]),
        (210, 5, ["300", "0"]),
        (1, 120, ["1", "0"]),
        (3, 17, ["3", "2", "1", "0"]),
        (12_400, 19, ["15k", "10k", "5k", "0"]),
    ],
)
def test_the_scale_starts_at_zero_and_has_whole_round_numbers(most: int, rows: int, labels: list[str]) -> None:
    lines = trend_chart(history([Counts(retry=most)] * 10), 60, rows)
    assert [text_of(line).split("┤")[0].strip() for line in lines if "┤" in text_of(line)] == labels
