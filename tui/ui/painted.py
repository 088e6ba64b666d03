"""What stands on the terminal, cell by cell, so that only what differs is sent, and what only moved is moved there. For
what paints the screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from tui.ui.pen import JUMP_BYTES, Cell, Pen

LEAST_MOVED = 4
"""Fewer lines are not worth moving."""

MOVED_SHARE = 0.6
"""So many of the lines of a block must be old ones elsewhere for it to be moved."""

HARMLESS = 64
"""So few characters set a mode or ask something, and paint nothing."""

Line = list[Cell]


class Painted:
    """The lines of a terminal as far as they are known; a line that is not is ``None``."""

    def __init__(self) -> None:
        self._width = 0
        self._lines: list[Line | None] = []
        self.frame = ""
        """The last frame."""

    def forget(self) -> None:
        """Nothing is known any more of what stands there."""
        self._lines = [None] * len(self._lines)

    def resize(self, width: int, height: int) -> None:
        """The terminal has so many cells; of another one nothing is known."""
        if (self._width, len(self._lines)) != (width, height):
            self._width, self._lines = width, [None] * height

    def written(self, data: str) -> None:
        """``data`` is sent to the terminal: what is no frame from here may have painted anything."""
        if len(data) > HARMLESS and not (self.frame and data.startswith(self.frame)):
            self.forget()

    def paint(self, pen: Pen, pieces: Mapping[int, Sequence[tuple[int, Line]]]) -> None:
        """Bring the lines to what ``pieces`` say: by line, cells from a column on."""
        wanted: dict[int, Line] = {}
        for y, some in pieces.items():
            if not 0 <= y < len(self._lines):
                continue
            line = self._with(y, some)
            if line is not None:
                wanted[y] = line
                continue
            for x, cells in some:  # what stands beside pieces of an unknown line stays unknown
                pen.write(x, y, cells)
        for top, bottom in _blocks(sorted(wanted)):
            self._move(pen, top, [wanted[y] for y in range(top, bottom)])
        for y, line in wanted.items():
            for start, end in _differing(self._lines[y] or [], line):
                pen.write(start, y, line[start:end])
            self._lines[y] = line

    def _with(self, y: int, pieces: Sequence[tuple[int, Line]]) -> Line | None:
        """What the whole of a line is to be; ``None`` where that is not known."""
        old = self._lines[y]
        line = [] if old is None else list(old)
        for x, cells in pieces:
            if x > len(line):
                return None
            line[x : x + len(cells)] = cells
        return line if len(line) == self._width else None

    def _move(self, pen: Pen, top: int, lines: list[Line]) -> None:
        """Move the old lines of a block by as much as makes most of them the new ones."""
        height = len(lines)
        old = self._lines[top : top + height]
        if height < LEAST_MOVED or None in old:
            return
        stay = sum(before == after for before, after in zip(old, lines, strict=True))
        if stay > height * (1 - MOVED_SHARE):
            return
        for step in sorted(range(1 - height, height), key=abs):
            kept = height - abs(step)
            if not step or kept < MOVED_SHARE * height:
                continue
            start = max(step, 0)
            pairs = zip(old[start : start + kept], lines[start - step : start - step + kept], strict=True)
            if sum(before == after for before, after in pairs) >= MOVED_SHARE * height:
                pen.scroll(top, top + height, step)
                blank: list[Line | None] = [None] * abs(step)
                kept_lines = old[start : start + kept]
                self._lines[top : top + height] = [*kept_lines, *blank] if step > 0 else [*blank, *kept_lines]
                return


_PAINTED: WeakKeyDictionary[object, Painted] = WeakKeyDictionary()


def painted_by(app: object) -> Painted:
    """What stands on the terminal of ``app``: one for all that paint on it."""
    return _PAINTED.setdefault(app, Painted())


def _differing(old: Sequence[Cell], new: Sequence[Cell]) -> list[tuple[int, int]]:
    """The runs of cells (first, behind the last) to send; those close together as one, none within a wide character."""
    if not old:
        return [(0, len(new))]
    runs: list[tuple[int, int]] = []
    for place, cell in enumerate(new):
        if place < len(old) and (old[place] is cell or old[place] == cell):
            continue
        start, end = place, place + 1
        if runs and start - runs[-1][1] <= JUMP_BYTES:
            start = runs.pop()[0]
        while start and (not new[start].text or (start < len(old) and not old[start].text)):
            start -= 1
        while end < len(new) and (not new[end].text or (end < len(old) and not old[end].text)):
            end += 1
        while runs and runs[-1][1] >= start:
            start = runs.pop()[0]
        runs.append((start, end))
    return runs


def _blocks(lines: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of lines that follow one another (first, behind the last)."""
    blocks: list[tuple[int, int]] = []
    for y in lines:
        if blocks and blocks[-1][1] == y:
            blocks[-1] = (blocks[-1][0], y + 1)
        else:
            blocks.append((y, y + 1))
    return blocks
