"""Numbers keep to their cells and never turn unknown into zero."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ui.numbers import age, change, count, drain, percent, rate, share, short, size_bytes


@given(st.integers(0, 10**18), st.integers(6, 12))
def test_a_count_fits_its_cells(value: int, width: int) -> None:
    assert len(count(value, width, "–")) <= width


@given(st.floats(-1e12, 1e12), st.integers(6, 12))
def test_a_change_fits_its_cells_and_has_its_sign(value: float, width: int) -> None:
    text = change(value, width, "–")
    assert len(text) <= width
    assert text == "0" if abs(value) < 0.05 else text[0] == "-+"[value > 0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00k"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (-1500, "-1.50k"),
    ],
)
def test_short_numbers_have_three_digits(value: int, text: str) -> None:
    assert short(value) == text


def test_counts_are_whole_while_they_fit() -> None:
    assert count(999_999, 7, "–") == "999,999"
    assert count(1_234_567, 7, "–") == "1.23M"


def test_unknown_is_never_zero() -> None:
    said = [count(None, 5, "–"), size_bytes(None, "–"), rate(None, "–"), change(None, 5, "–"), share(0, 0, "–")]
    assert [*said, percent(None, "–"), drain(7, None, "–")] == ["–"] * 7


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (512, "512 B"), (412_000_000, "412 MB"), (1_500, "1.50 kB")])
def test_sizes_have_units(value: int, text: str) -> None:
    assert size_bytes(value, "–") == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (0.25, "0.2"), (5.0, "5"), (9.96, "10"), (2310.0, "2.31k")])
def test_rates(value: float, text: str) -> None:
    assert rate(value, "–") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "<5s"), (4.9, "<5s"), (5, "5s"), (19, "10s"), (59.9, "50s"), (60, "1m"), (7199, "1h"), (200_000, "2d")],
)
def test_ages_grow_in_steps(seconds: float, text: str) -> None:
    assert age(seconds, 5) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (0.01, "0"), (-5.0, "-5"), (1.5, "+1.5"), (1234.0, "+1,234")])
def test_changes(value: float, text: str) -> None:
    assert change(value, 7, "–") == text


@given(st.integers(0, 10**12), st.none() | st.floats(-1e12, 1e12))
def test_a_drain_fits_its_cells_and_ends_only_where_the_queue_shrinks(
    total: int, change_per_minute: float | None
) -> None:
    text = drain(total, change_per_minute, "–")
    assert len(text) <= 7
    shrinks = change_per_minute is not None and change_per_minute < -0.06
    assert shrinks is (text[-1] in "nhd") or not total or -0.06 < (change_per_minute or 0.0) < 0.06


@pytest.mark.parametrize(
    ("total", "change_per_minute", "text"),
    [
        (420, -10.0, "42 min"),
        (5, -10.0, "<1 min"),
        (596, -10.0, "1 h"),
        (1795, -10.0, "3 h"),
        (28_000, -10.0, "47 h"),
        (30_000, -10.0, "2 d"),
        (10**9, -10.0, ">99 d"),
        (420, 10.0, "growing"),
        (420, 0.01, "steady"),
        (0, -1.0, "empty"),
    ],
)
def test_drains(total: int, change_per_minute: float, text: str) -> None:
    assert drain(total, change_per_minute, "–") == text
