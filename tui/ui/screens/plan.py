"""How the main screen shares out its cells: a pure function of the terminal's size."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_WIDTH, LEAST_HEIGHT = 40, 10
"""Below this size there is one sentence."""

_PANES_FROM_WIDTH, _PANES_FROM_HEIGHT = 68, 20
_CHART_FROM_WIDTH, _CHART_FROM_HEIGHT = 68, 18
_TALL = 36
_LEAST_PANE_WIDTH = 34
_MOST_PANES = 4


@dataclass(frozen=True)
class Plan:
    """Lines for the panes and the chart (0: not shown), and how many panes share the width."""

    fits: bool
    places: int
    panes_height: int
    chart_height: int


def plan(width: int, height: int, pane_count: int, *, totals: bool = True) -> Plan:
    """The plan for a terminal of ``width`` by ``height`` cells and ``pane_count`` accounts (0: none known yet); without
    panes where nobody tells ``totals``."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Plan(fits=False, places=0, panes_height=0, chart_height=0)
    panes = totals and width >= _PANES_FROM_WIDTH and height >= _PANES_FROM_HEIGHT
    chart = width >= _CHART_FROM_WIDTH and height >= _CHART_FROM_HEIGHT
    places = min(width // _LEAST_PANE_WIDTH, _MOST_PANES, pane_count or _MOST_PANES)
    return Plan(
        fits=True,
        places=places if panes else 0,
        panes_height=(6 if height >= _TALL else 5) if panes else 0,
        chart_height=min(max(height // 4, 5), 14) if chart else 0,
    )
