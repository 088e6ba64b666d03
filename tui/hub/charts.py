"""Charts as text: the only room that knows plotext. It keeps one global figure, so one thread at a time may enter."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, NamedTuple

import plotext

from tui.hub.protocol import ChartLine, Span
from tui.model import STATES, Counts, History
from tui.series import newest

AXIS_ROLE = "axis"
SPARK_ROLES = ("send", "defer")

LEGEND_ROWS = 5
"""A chart at least this high begins with a line that names its series."""

AXIS_LINE_ROWS = 8
"""A panel at least this high has a line above its times."""

EVENTS_ROWS = 20
"""A trend at least this high has a second panel, of what happened to mail."""

MOST_MARKS = 8
"""So many marks stand on a scale above its 0 at most."""

TICK_STEPS_SECONDS = (60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
LABEL_CELLS = 12
"""How many cells of the time axis a label and the space around it take."""

SOLID, DASHES, DOTS, SPARSE = (0xFF,), (0xFF, 0xFF, 0), (0x47,), (0x47, 0, 0)
"""Styles of line: which of a braille cell's dots stay, for one cell after the other."""

_AXIS_COLOR = 100
_SERIES_COLOR = 101
"""Numbers of plotext's colours that stand for roles; they never reach a terminal."""

_FEW_STEPS, _MANY_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 2.5, 5)
"""Round distances between two marks on a scale, where it has one or two, and where it has more."""

_COLORED = re.compile("\x1b\\[([0-9;]*)m")
_ASCII_AXES = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")
_ASCII_LEVELS = " ..::++##"
"""How full a braille cell is, from none to eight dots."""

Points = Sequence[float | None]


class _Line(NamedTuple):
    """One line of a chart: its word, the letter at its end, its role and style, and its points in time."""

    word: str
    letter: str
    role: str
    style: Sequence[int]
    points: Points


class _Panel(NamedTuple):
    """Lines over one scale, in ``unit``, ``rows`` high; ``ticks`` are the marks of the scale, from 0 to its top."""

    lines: Sequence[_Line]
    unit: str
    rows: int
    ticks: Sequence[float]


_STATE_STYLES = dict(zip(STATES, (DOTS, SPARSE, SOLID, DASHES), strict=True))
_EVENTS = (
    ("sent", "s", "send", DOTS),
    ("delivered", "d", "success", SOLID),
    ("deferred", "e", "defer", DASHES),
    ("failed", "f", "fail", SPARSE),
)


def trend_chart(history: History, width: int, height: int, *, ascii: bool = False) -> list[ChartLine]:
    """What waited over time, in recipients, in ``height`` rows of exactly ``width`` cells; where there is room, what
    happened to mail a minute stands below. Each line has its role, its own style and a letter at its end. The time axis
    is local time; a gap in the history is a gap in every line."""
    if width < 1 or height < 1:
        return [[] for _ in range(height)]
    history = _thinned(history, width)
    events = _events(history) if height >= EVENTS_ROWS else []
    rows = height * 3 // 5 if events else height
    panels = [_panel(_waiting(history), "recipients", rows)]
    if events:
        panels.append(_panel(events, "a minute", height - rows))
    label_width = max(len(_short(tick)) for panel in panels for tick in panel.ticks)
    return [line for panel in panels for line in _drawn(panel, history, width, label_width, ascii)]


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


def _waiting(history: History) -> list[_Line]:
    lines = []
    for state, style in _STATE_STYLES.items():
        points = [None if point is None else getattr(point, state) for point in history.points]
        lines.append(_Line(state, state[0], state, style, points))
    return lines


def _events(history: History) -> list[_Line]:
    """What happened a minute; nothing where nothing happened at all, as a source that keeps no history has it. The last
    bucket is not full yet."""
    full = [*history.points[:-1], None]
    lines = [
        _Line(word, letter, role, style, [_rate(point, role, history.step_seconds) for point in full])
        for word, letter, role, style in _EVENTS
    ]
    return lines if any(any(line.points) for line in lines) else []


def _rate(point: Counts | None, event: str, seconds: int) -> float | None:
    return None if point is None else getattr(point, event) * 60 / seconds


def _thinned(history: History, most: int) -> History:
    """The history in no more than ``most`` points: the highest that waited of several, the sum of what happened. A gap
    in one of them is a gap, but among the newest, where what is known by now is shown."""
    count = -(-len(history.points) // most)
    if count <= 1:
        return history
    over = len(history.points) % count
    points = history.points[over:]
    groups = [points[first : first + count] for first in range(0, len(points), count)]
    if any(points[-2:]):  # the bucket that has only just begun may not be known yet
        groups[-1] = [point for point in groups[-1] if point is not None]
    return History(
        history.start + over * history.step_seconds,
        history.step_seconds * count,
        [_together(group, count) for group in groups],
    )


def _together(points: Sequence[Counts | None], count: int) -> Counts | None:
    """Several points as one, which stands for at least ``count``: what happened in fewer is taken to go on so."""
    known = [point for point in points if point is not None]
    if not known or len(known) < len(points):
        return None
    waited = {state: max(getattr(point, state) for point in known) for state in STATES}
    stands_for = max(count, len(known))
    happened = {
        event: sum(getattr(point, event) for point in known) * stands_for // len(known) for _, _, event, _ in _EVENTS
    }
    return Counts(**waited, **happened)


def _panel(lines: Sequence[_Line], unit: str, rows: int) -> _Panel:
    most = max([1.0, *(value for line in lines for value in line.points if value is not None)])
    return _Panel(lines, unit, rows, _ticks(most, min(max(1, rows // 4), MOST_MARKS)))


def _ticks(most: float, steps: int) -> list[float]:
    """The marks of a scale from 0 that reaches ``most``: whole round numbers, at most ``steps`` above 0."""
    power = 10.0 ** math.floor(math.log10(max(most / steps, 1.0)))
    factors = _FEW_STEPS if steps <= 2 else _MANY_STEPS
    sizes = (factor * size for size in (power, power * 10) for factor in factors)
    step = next(size for size in sizes if size == int(size) and size * steps >= most)
    return [step * mark for mark in range(math.ceil(most / step) + 1)]


def _drawn(panel: _Panel, history: History, width: int, label_width: int, ascii: bool) -> list[ChartLine]:
    """The panel's legend, where it is high enough for one, and its plot."""
    if panel.rows < LEGEND_ROWS:
        return _plot_panel(panel, history, width, panel.rows, label_width, ascii)
    plot = _plot_panel(panel, history, width, panel.rows - 1, label_width, ascii)
    return [_legend(panel, width, ascii), *plot]


def _plot_panel(
    panel: _Panel, history: History, width: int, height: int, label_width: int, ascii: bool
) -> list[ChartLine]:
    figure = _figure(width, height)
    with_axis = panel.rows >= AXIS_LINE_ROWS
    figure.xaxes(with_axis, False)
    figure.yaxes(True, False)
    last, top = max(1, len(history.points) - 1), panel.ticks[-1]
    figure.xlim(0, last)
    figure.ylim(0, top)
    figure.xticks(*_time_ticks(history, width - label_width - 1))
    figure.yticks(list(panel.ticks), [_short(tick).rjust(label_width) for tick in panel.ticks])
    figure.scatter([0], [0], marker=" ")  # without any data plotext draws no ticks
    numbered = sorted(enumerate(panel.lines), key=lambda each: max(filter(None, each[1].points), default=0.0))
    for number, line in numbered:  # the highest last: it is over the others where they meet
        for xs, ys in _runs(line.points):
            figure.plot(xs, ys, color=_SERIES_COLOR + number, marker=line.letter if ascii else "braille")
    canvas = max(width - label_width - 1, 1), max(height - 1 - with_axis, 1)
    for number, x, y in _ends(panel.lines, last, top, *canvas):
        figure.text(panel.lines[number].letter, x, y, color=_SERIES_COLOR + number)
    lines = _lines(figure, width, height, [line.role for line in panel.lines])
    return _translated(lines, _ascii_axes) if ascii else _styled(lines, {line.role: line.style for line in panel.lines})


def _ends(lines: Sequence[_Line], last: int, top: float, columns: int, rows: int) -> list[tuple[int, float, float]]:
    """Where each line's letter stands (number of the line, x, y): at its end, beside another's that ends there too."""
    taken: set[tuple[int, int]] = set()
    ends = []
    for number, line in enumerate(lines):
        for xs, ys in _runs(line.points)[-1:]:
            column, row = (
                math.floor(0.5 + (cells - 1) * at) for cells, at in ((columns, xs[-1] / last), (rows, ys[-1] / top))
            )
            while (column, row) in taken:
                column -= 1
            taken.add((column, row))
            ends.append((number, max(column, 0) * last / max(columns - 1, 1), ys[-1]))
    return ends


def _styled(lines: list[ChartLine], styles: Mapping[str, Sequence[int]]) -> list[ChartLine]:
    """Each line in its own style, where it runs flat: what stands alone or climbs keeps all its dots."""
    cells = [[(char, span.role) for span in line for char in span.text] for line in lines]
    heights = Counter(
        (x, role) for row in cells for x, (char, role) in enumerate(row) if role in styles and "⠀" < char <= "⣿"
    )
    for row in cells:
        for x, (char, role) in enumerate(row):
            if heights[x, role] == 1 and "⠀" < char <= "⣿" and heights[x - 1, role] and heights[x + 1, role]:
                kept = _kept(char, styles[role], x)
                row[x] = (kept, role if kept != " " else "")
    return [_joined([Span(char, role) for char, role in row]) for row in cells]


def _kept(char: str, style: Sequence[int], x: int) -> str:
    """What a style leaves of a braille cell in column ``x``."""
    dots = ord(char) & style[x % len(style)]
    return chr(0x2800 | dots) if dots & 0xFF else " "


def _legend(panel: _Panel, width: int, ascii: bool) -> ChartLine:
    """The unit, then the lines by style, letter and word, each with its newest value; with shorter samples of the
    styles where there is little room."""
    unit = Span(f"{panel.unit} ", AXIS_ROLE)
    for sample in (3, 1, 0):
        line = [unit, *(Span(_legend_item(each, sample, ascii), each.role) for each in panel.lines)]
        if sum(len(span.text) for span in line) <= width:
            break
    while sum(len(span.text) for span in line) > width:
        del line[0]
    return [*line, Span(" " * (width - sum(len(span.text) for span in line)))]


def _legend_item(line: _Line, sample: int, ascii: bool) -> str:
    value = newest(line.points)
    drawn = line.letter * sample if ascii else "".join(_kept("⠤", line.style, x) for x in range(sample))
    return f" {drawn}{line.letter} {line.word} {'?' if value is None else _short(value)} "


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
    """Round local times along the axis, as many as there is room for: places (in buckets) and words. A point stands at
    its bucket's end, since it is what waited then."""
    begin = history.start + history.step_seconds
    span = max(1, (len(history.points) - 1) * history.step_seconds)
    room = max(1, width // LABEL_CELLS)
    step = next((step for step in TICK_STEPS_SECONDS if span / step <= room), TICK_STEPS_SECONDS[-1])
    offset = time.localtime(begin).tm_gmtoff
    first = -(-(begin + offset) // step) * step - offset
    times = range(first, begin + span + 1, step)
    pattern = "%H:%M" if step < 86400 else "%d %b"
    places = [(moment - begin) / history.step_seconds for moment in times]
    return places, [time.strftime(pattern, time.localtime(moment)) for moment in times]


def _short(value: float) -> str:
    """A number in few cells: 950, 1.2k, 35k, 4.1M."""
    thousands = 0
    while value >= 999.5 and thousands < 4:
        value /= 1000
        thousands += 1
    text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return text.removesuffix(".0") + ("", "k", "M", "G", "T")[thousands]
