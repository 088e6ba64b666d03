"""Every size has a plan whose parts fit into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ui.commands import Part
from tui.ui.screens.plan import FILLS, LEAST_HEIGHT, LEAST_WIDTH, plan
from tui.ui.widgets.account_pane import LEFT_WIDTH, chart_size

FIXED_LINES = 6
"""Status, tabs, breadcrumb, header, sums and keys."""


@given(st.integers(1, 400), st.integers(1, 200), st.integers(0, 5000), st.booleans())
def test_rows_always_have_room(width: int, height: int, accounts: int, detail: bool) -> None:
    place = plan(width, height, accounts, detail=detail)
    if place.fits:
        assert height - FIXED_LINES - place.panes_height - place.chart_height >= 4
        assert (place.queue, place.detail, place.accounts) == (not detail, detail, False)
    if place.places:
        pane_width, pane_height = chart_size(width, place.places, place.panes_height)
        assert pane_width + LEFT_WIDTH + 1 <= width // place.places
        assert pane_width >= 8 and pane_height >= 3


@pytest.mark.parametrize(
    ("size", "places", "chart"),
    [((80, 24), 2, 6), ((140, 45), 4, 11), ((110, 30), 3, 7), ((60, 15), 0, 0), ((80, 18), 0, 5)],
)
def test_plans(size: tuple[int, int], places: int, chart: int) -> None:
    place = plan(*size, 0)
    assert (place.fits, place.places, place.chart_height) == (True, places, chart)


def test_fewer_accounts_get_wider_panes() -> None:
    assert plan(140, 45, 2).places == 2


def test_too_small_is_told() -> None:
    assert not plan(LEAST_WIDTH - 1, 50, 0).fits
    assert not plan(200, LEAST_HEIGHT - 1, 0).fits
    assert plan(LEAST_WIDTH, LEAST_HEIGHT, 0).fits


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 45)])
def test_what_is_zoomed_stands_alone(size: tuple[int, int]) -> None:
    for part in (Part.QUEUE, Part.ACCOUNTS, Part.TREND):
        assert plan(*size, 5, zoomed=part).parts == (part,)
    assert plan(*size, 5, zoomed=Part.DETAIL, detail=True).parts == (Part.DETAIL,)
    assert plan(*size, 5, zoomed=Part.TREND).chart_height == FILLS


def test_parts_stand_from_the_top() -> None:
    assert plan(80, 24, 5).parts == (Part.ACCOUNTS, Part.QUEUE, Part.TREND)
    assert plan(80, 24, 5, detail=True).parts == (Part.DETAIL, Part.TREND)
    assert plan(80, 24, 5, charts=False, totals=False).parts == (Part.QUEUE,)
