"""Charts are drawn when what they show has changed, not because a minute has passed."""

from __future__ import annotations

import pytest

from tests.hub.scripted import ScriptedSource
from tui.hub.drawing import LAG_PARTS, Drawing, trend_of
from tui.hub.poller import Poller
from tui.hub.protocol import ChartLine, ViewRequest
from tui.model import Counts, History
from tui.sources.worker import Worker

REQUEST = ViewRequest(serial=1, chart_width=40, chart_height=8)
MINUTES = 60
START = 1_700_000_040


def hour(start: int, *last: int) -> History:
    points: list[Counts | None] = [Counts(retry=5)] * (MINUTES - len(last))
    return History(start, 60, points + [Counts(retry=count) for count in last])


@pytest.mark.parametrize(
    ("later", "drawn_again"),
    [
        (hour(START + 60), False),
        (hour(START + 60 * (MINUTES // LAG_PARTS - 1)), False),
        (hour(START + 60 * MINUTES // LAG_PARTS), True),
        (hour(START + 60, 6), True),
        (hour(START - 60), True),
        (hour(START, 6), True),
    ],
)
async def test_time_alone_moves_the_axis_in_coarse_steps(
    monkeypatch: pytest.MonkeyPatch, later: History, drawn_again: bool
) -> None:
    drawn: list[History] = []

    def draw(history: History, width: int, height: int, *, ascii: bool) -> list[ChartLine]:
        drawn.append(history)
        return []

    monkeypatch.setattr("tui.hub.charts.trend_chart", draw)
    worker = Worker("test")
    drawing = Drawing(worker)
    poller = Poller(ScriptedSource("mx"), lambda: None)
    for history in (hour(START), later):
        poller.histories = {trend_of(REQUEST): history}
        await drawing.update(REQUEST, [poller], None, None)
    worker.stop()
    assert drawn == [hour(START), *([later] if drawn_again else [])]
