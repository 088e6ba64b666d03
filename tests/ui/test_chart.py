"""The trend has a title that says what it is of, and whether it has the keys."""

from __future__ import annotations

import pytest

from tests.ui.host import hosted
from tui.hub.protocol import Span
from tui.text import cell_width
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.widgets.chart import Chart


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
async def test_the_part_that_has_the_keys_is_marked(glyphs: Glyphs) -> None:
    chart = Chart(glyphs)
    async with hosted(chart, (60, 6)) as (host, pilot):
        chart.show("Waiting: alice - last 60 min", [[Span("#" * 58, "retry")]])
        await pilot.pause()
        assert host.shown()[0].startswith(" Waiting: alice - last 60 min  ")
        assert host.shown()[1] == " " + "#" * 58 + " "
        chart.show("Waiting: alice - last 60 min", [[Span("#" * 58, "retry")]], focused=True)
        await pilot.pause()
        assert host.shown()[0].startswith(f"{glyphs.focus}Waiting: alice - last 60 min  ")
        assert [span.role for span in chart.lines(60, 6)[0]][:2] == ["focus", "tab"]


@pytest.mark.parametrize("title", ["日本語" * 3000, "[red]x[/red] é\u0301🎉" * 20, ""])
async def test_any_title_fits(title: str) -> None:
    chart = Chart(UNICODE)
    async with hosted(chart, (60, 4)) as (host, pilot):
        for focused in (False, True):
            chart.show(title, [], focused=focused)
            await pilot.pause()
            assert [cell_width(line) for line in host.shown()] == [60] * 4
            assert "no history yet" in host.shown()[1]
            assert host.shown()[0].rstrip().endswith("span")


async def test_a_chart_of_another_size_is_asked_for_anew() -> None:
    chart = Chart(UNICODE)
    async with hosted(chart, (60, 6)) as (host, pilot):
        before = host.moved
        await pilot.resize_terminal(80, 20)
        await pilot.pause()
        assert host.moved > before
