"""Charts as text: the only room that knows plotext. It keeps one global figure, so one thread at a time may enter."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any

import plotext

from tui.hub.protocol import ChartLine, Span
from tui.model import STATES, Counts, History
from tui.series import newest
from tui.text import fit

AXIS_ROLE = "axis"
SPARK_ROLES = ("send", "defer")

LEGEND_ROWS = 6
"""A chart at least this high begins with a line that names its series."""

TICK_STEPS_SECONDS = (60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
LABEL_CELLS = 12
"""How many cells of the time axis a label and the space around it take."""

_AXIS_COLOR = 100
_SERIES_COLOR = 101
"""Numbers of plotext's colours that stand for roles; they never reach a terminal."""

_COLORED = re.compile("\x1b\\[([0-9;]*)m")
_ASCII_AXES = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")
_ASCII_LEVELS = " ..::++##"
"""How full a braille cell is, from none to eight dots."""

Points = Sequence[float | None]


def trend_chart(history: History, width: int, height: int, *, ascii: bool = False) -> list[ChartLine]:
    """What waited over time, one line a state, in ``height`` rows of exactly ``width`` cells. The time axis is local
    time; a gap in the history is a gap in every line. The letter at a line's end names its state."""
    series = [(state, [_waiting(point, state) for point in history.points]) for state in STATES]
    if width < 1 or height < 1:
        return [[] for _ in range(height)]
    if height < LEGEND_ROWS:
        return _plot_trend(history, series, width, height, ascii)
    return [_legend(series, width), *_plot_trend(history, series, width, height - 1, ascii)]


def spark_chart(rates: Sequence[Points], width: int, height: int, *, ascii: bool = False) -> list[ChartLine]:
    """Rates over time as filled areas without axes, the first in role ``send``, the next in role ``defer``, on one
    scale from zero. An unknown rate leaves its columns empty, where zero draws the ground line."""
    if width < 1 or height < 1:
        return [[] for _ in range(height)]
    shown = rates if height > 1 else rates[:1]
    last = max([1, *(len(points) - 1 for points in shown)])
    top = max([1.0, *(rate for points in shown for rate in points if rate is not None)])
    layers = [
        _plot_area(points, last, top, width, height, role) for points, role in zip(shown, SPARK_ROLES, strict=False)
    ]
    lines = [_overlaid(layers) for layers in zip(*layers, strict=True)]
    return _translated(lines, _ascii_braille) if ascii else lines


def _plot_area(points: Points, last: int, top: float, width: int, height: int, role: str) -> list[ChartLine]:
    figure = _figure(width, height)
    figure.frame(False)
    figure.xticks([], [])
    figure.yticks([], [])
    figure.xlim(0, last)
    figure.ylim(0, top)
    for xs, ys in _runs(points):
        figure.plot(xs, ys, color=_SERIES_COLOR, marker="braille", fillx=True)
    return _lines(figure, width, height, [role])


def _overlaid(layers: Sequence[ChartLine]) -> ChartLine:
    """One line of several areas: each cell has the dots of all and the role of the last that draws there, since plotext
    itself would erase the dots of the others."""
    line = []
    for column in zip(*[[(char, span.role) for span in layer for char in span.text] for layer in layers], strict=True):
        drawn = [(ord(char), role) for char, role in column if role]
        dots = reduce(or_, [code for code, _ in drawn], 0)
        line.append(Span(chr(dots), drawn[-1][1]) if drawn else Span(" "))
    return _joined(line)


def _plot_trend(
    history: History, series: Sequence[tuple[str, Points]], width: int, height: int, ascii: bool
) -> list[ChartLine]:
    figure = _figure(width, height)
    figure.xaxes(True, False)
    figure.yaxes(True, False)
    last = max(1, len(history.points) - 1)
    top = _round_up(max([1.0, *(value for _, points in series for value in points if value is not None)]))
    figure.xlim(0, last)
    figure.ylim(0, top)
    figure.xticks(*_time_ticks(history, width))
    levels = [0, top] if height < 8 else [0, top / 2, top]
    figure.yticks(levels, [_short(level) for level in levels])
    figure.scatter([0], [0], marker=" ")  # without any data plotext draws no ticks
    for number, (state, points) in enumerate(series):
        marker = state[0] if ascii else "braille"
        for xs, ys in _runs(points):
            figure.plot(xs, ys, color=_SERIES_COLOR + number, marker=marker)
        if xs_ys := _runs(points)[-1:]:
            xs, ys = xs_ys[0]
            figure.text(state[0], xs[-1], ys[-1], color=_SERIES_COLOR + number)
    lines = _lines(figure, width, height, STATES)
    return _translated(lines, _ascii_axes) if ascii else lines


def _legend(series: Sequence[tuple[str, Points]], width: int) -> ChartLine:
    """The states by name, with what waits in each at the end."""
    line, left = [], width
    for state, points in series:
        now = newest(points)
        text = f" {state} {'?' if now is None else _short(now)} "
        if len(text) <= left:
            line.append(Span(text, state))
            left -= len(text)
    unit = "recipients "
    line.append(Span(fit(unit, left, right=True) if len(unit) <= left else " " * left, AXIS_ROLE))
    return line


def _figure(width: int, height: int) -> Any:
    """The figure, as new. Only numbers and this file's own words go into it: plotext lets escape sequences through."""
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(width, height)
    plotext.theme("clear")
    plotext.ticks_color(_AXIS_COLOR)
    return plotext


def _lines(figure: Any, width: int, height: int, roles: Sequence[str]) -> list[ChartLine]:
    """What plotext drew, its colours turned back to roles."""
    rows = figure.build().split("\n")[:height]
    lines = []
    for row in rows + [""] * (height - len(rows)):
        pieces = _COLORED.split(row)
        line = [
            Span(text, _role(code, roles)) for code, text in zip(["", *pieces[1::2]], pieces[::2], strict=True) if text
        ]
        missing = width - sum(len(span.text) for span in line)
        lines.append(_joined([*line, Span(" " * missing)] if missing > 0 else line))
    return lines


def _joined(spans: Sequence[Span]) -> ChartLine:
    """Neighbours of one role as one span."""
    return [
        Span("".join(span.text for span in group), role) for role, group in groupby(spans, key=lambda span: span.role)
    ]


def _translated(lines: list[ChartLine], translate: Callable[[str], str]) -> list[ChartLine]:
    return [[Span(translate(span.text), span.role) for span in line] for line in lines]


def _role(code: str, roles: Sequence[str]) -> str:
    prefix, _, number = code.rpartition(";")
    if prefix != "38;5":
        return ""
    place = int(number) - _SERIES_COLOR
    return roles[place] if 0 <= place < len(roles) else AXIS_ROLE


def _ascii_axes(text: str) -> str:
    return text.translate(_ASCII_AXES)


def _ascii_braille(text: str) -> str:
    return "".join(_ASCII_LEVELS[(ord(char) - 0x2800).bit_count()] if "⠀" <= char <= "⣿" else char for char in text)


def _waiting(point: Counts | None, state: str) -> float | None:
    return None if point is None else float(getattr(point, state))


def _runs(points: Points) -> list[tuple[list[int], list[float]]]:
    """The stretches between gaps, as indices and values: drawn one by one, so that no line crosses a gap."""
    runs: list[tuple[list[int], list[float]]] = []
    open_ = False
    for index, value in enumerate(points):
        if value is None:
            open_ = False
            continue
        if not open_:
            runs.append(([], []))
            open_ = True
        runs[-1][0].append(index)
        runs[-1][1].append(value)
    return runs


def _time_ticks(history: History, width: int) -> tuple[list[float], list[str]]:
    """Round local times along the axis, as many as there is room for: places (in buckets) and words."""
    span = max(1, (len(history.points) - 1) * history.step_seconds)
    room = max(1, width // LABEL_CELLS)
    step = next((step for step in TICK_STEPS_SECONDS if span / step <= room), TICK_STEPS_SECONDS[-1])
    offset = time.localtime(history.start).tm_gmtoff
    first = -(-(history.start + offset) // step) * step - offset
    times = range(first, history.start + span + 1, step)
    pattern = "%H:%M" if step < 86400 else "%d %b"
    places = [(moment - history.start) / history.step_seconds for moment in times]
    return places, [time.strftime(pattern, time.localtime(moment)) for moment in times]


def _round_up(value: float) -> float:
    """The next number of the row 1, 2, 4, 6, 8, 10, 20, 40 …, so that the scale jumps seldom and halves evenly."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((factor * power for factor in (1, 2, 4, 6, 8) if factor * power >= value), 10 * power)


def _short(value: float) -> str:
    """A number in few cells: 950, 1.2k, 35k, 4.1M."""
    thousands = 0
    while value >= 999.5 and thousands < 4:
        value /= 1000
        thousands += 1
    text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return text.removesuffix(".0") + ("", "k", "M", "G", "T")[thousands]
