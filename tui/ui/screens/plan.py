"""How the main screen shares out its cells: a pure function of the terminal's size and of which part has it all."""

from __future__ import annotations

import msgspec

from tui.ui.commands import Part

LEAST_WIDTH, LEAST_HEIGHT = 60, 15
"""Below this size there is one sentence."""

_PANES_FROM_WIDTH, _PANES_FROM_HEIGHT = 68, 20
_CHART_FROM_WIDTH, _CHART_FROM_HEIGHT = 60, 18
_DETAIL_CHART_FROM_HEIGHT = 22
_TALL = 36
_LEAST_PANE_WIDTH = 34
_MOST_PANES = 4

FILLS = -1
"""As many lines as the other parts leave."""

FRAME_LINES = 4
"""Status, tabs, breadcrumb and keys, which are always there."""


class Plan(msgspec.Struct, frozen=True):
    """Lines for the panes and the chart (0: not shown, ``FILLS``), and how many panes share the width. Of ``queue``,
    ``accounts`` (the table of all) and ``detail`` at most one is shown, and fills what is left."""

    fits: bool = True
    places: int = 0
    panes_height: int = 0
    chart_height: int = 0
    queue: bool = False
    accounts: bool = False
    detail: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that are shown, from the top."""
        shown = (
            (Part.ACCOUNTS, self.panes_height or self.accounts),
            (Part.QUEUE, self.queue),
            (Part.DETAIL, self.detail),
            (Part.TREND, self.chart_height),
        )
        return tuple(part for part, is_shown in shown if is_shown)


def plan(
    width: int,
    height: int,
    pane_count: int,
    *,
    totals: bool = True,
    zoomed: Part | None = None,
    detail: bool = False,
    charts: bool = True,
) -> Plan:
    """The plan for a terminal of ``width`` by ``height`` cells and ``pane_count`` accounts (0: none known yet); without
    panes where nobody tells ``totals``, and without a trend where there are no ``charts``. ``zoomed`` has all but the
    lines that frame it; ``detail`` stands in place of panes and queue."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Plan(fits=False)
    if zoomed is Part.ACCOUNTS:
        return Plan(accounts=True)
    if zoomed is Part.TREND:
        return Plan(chart_height=FILLS)
    if zoomed is not None:
        return Plan(queue=not detail, detail=detail)
    chart = charts and width >= _CHART_FROM_WIDTH and height >= _CHART_FROM_HEIGHT
    chart_height = min(max(height // 4, 5), 14) if chart else 0
    if detail:
        return Plan(detail=True, chart_height=chart_height if height >= _DETAIL_CHART_FROM_HEIGHT else 0)
    panes = totals and width >= _PANES_FROM_WIDTH and height >= _PANES_FROM_HEIGHT
    return Plan(
        queue=True,
        places=min(width // _LEAST_PANE_WIDTH, _MOST_PANES, pane_count or _MOST_PANES) if panes else 0,
        panes_height=(6 if height >= _TALL else 5) if panes else 0,
        chart_height=chart_height,
    )
