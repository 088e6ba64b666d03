"""Cells to the fewest bytes that a terminal needs for them: only what a style changes is said, and no place that the
cursor stands at anyway. For what paints the screens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style

_BOLD, _DIM, _UNDERLINE, _BLINK, _REVERSE = 1 << 0, 1 << 1, 1 << 3, 1 << 4, 1 << 6
_ATTRIBUTES = {
    _BOLD: ("1", "22"),
    _DIM: ("2", "22"),
    1 << 2: ("3", "23"),
    _UNDERLINE: ("4", "24"),
    _BLINK: ("5", "25"),
    _REVERSE: ("7", "27"),
    1 << 8: ("9", "29"),
}
"""Each attribute's bit in Rich, and how it begins and ends; ECMA-48. Others are not used here."""

_LETTERS_ONLY = _BOLD | _DIM | 1 << 2
"""Attributes that a blank does not show."""

_FOREGROUND, _BACKGROUND = "39", "49"

JUMP_BYTES = 8
"""About what it costs to go to another place: fewer cells than that are sent again instead."""


class Look(NamedTuple):
    """How a cell looks: its colours and its attributes."""

    color: Color | None
    bgcolor: Color | None
    attributes: int


class Cell(NamedTuple):
    """What stands in a cell; a wide character's second cell is empty."""

    text: str
    look: Look


PLAIN = Look(None, None, 0)

_MAX_KNOWN = 4096


class _Known(dict[str, Cell]):
    """The cells of one look that have been seen, so that equal ones are the same and quickly compared."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def __missing__(self, text: str) -> Cell:
        cell = Cell(text, self._look)
        if len(self) < _MAX_KNOWN:
            self[text] = cell
        return cell


def cells_of(segments: Iterable[Segment]) -> list[Cell]:
    """The cells that segments take. What has no width goes with the character before it."""
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        known = _PLAIN_CELLS if style is None else _cells_like(style)
        if text.isascii():
            cells += map(known.__getitem__, text)
            continue
        for character in text:
            width = get_character_cell_size(character)
            if width:
                cells.append(known[character])
                cells += [known[""]] * (width - 1)
            elif cells:
                cells[-1] = Cell(cells[-1].text + character, cells[-1].look)
    return cells


@lru_cache(maxsize=1024)
def _cells_like(style: Style) -> _Known:
    return _cells_of_look(Look(style.color, style.bgcolor, style._attributes & style._set_attributes))


@lru_cache(maxsize=1024)
def _cells_of_look(look: Look) -> _Known:
    return _Known(look)


_PLAIN_CELLS = _cells_of_look(PLAIN)


class Pen:
    """One frame's sequences, from a terminal in its plain style and back to it."""

    def __init__(self, color_system: ColorSystem, width: int) -> None:
        self._color_system = color_system
        self._width = width
        self._sequences: list[str] = []
        self._look = PLAIN
        self._place: tuple[int, int] | None = None

    def write(self, x: int, y: int, cells: Sequence[Cell]) -> None:
        """Write cells from a place on, counted from 0."""
        self._go_to(x, y)
        for cell in cells:
            text, look = cell
            if look is not self._look and not (text == " " and _same_ground(look, self._look)):
                self._sequences.append(change(self._look, look, self._color_system))
                self._look = look
            self._sequences.append(text)
        x += len(cells)
        # After its last cell terminals differ in where the cursor is.
        self._place = (x, y) if x < self._width else None

    def scroll(self, top: int, bottom: int, lines: int) -> None:
        """Move the lines from ``top`` to before ``bottom`` up by ``lines``, down where that is negative. The lines that
        come in are blank."""
        self._sequences.append(change(self._look, PLAIN, self._color_system))
        self._look, self._place = PLAIN, None
        move = f"{lines}M" if lines > 0 else f"{-lines}L"
        self._sequences.append(f"\x1b[{top + 1};{bottom}r\x1b[{top + 1};1H\x1b[{move}\x1b[r")

    def finished(self) -> str:
        """All that was written."""
        self._sequences.append(change(self._look, PLAIN, self._color_system))
        self._look = PLAIN
        return "".join(self._sequences)

    def _go_to(self, x: int, y: int) -> None:
        if self._place != (x, y):
            same_line = self._place is not None and self._place[1] == y
            self._sequences.append(f"\x1b[{x + 1}G" if same_line else f"\x1b[{y + 1};{x + 1}H")


@lru_cache(maxsize=1024)
def _same_ground(look: Look, other: Look) -> bool:
    """Whether blanks look the same in both."""
    ground, others = look.attributes & ~_LETTERS_ONLY, other.attributes & ~_LETTERS_ONLY
    if ground != others or look.bgcolor != other.bgcolor:
        return False
    return look.color == other.color or not ground


@lru_cache(maxsize=4096)
def change(before: Look, after: Look, color_system: ColorSystem) -> str:
    """The shortest sequence that turns one look into another; none where they are the same."""
    steps = _ends(before.attributes, after.attributes)
    for old, new, default, foreground in (
        (before.color, after.color, _FOREGROUND, True),
        (before.bgcolor, after.bgcolor, _BACKGROUND, False),
    ):
        code = _color(new, color_system, default, foreground=foreground)
        if code != _color(old, color_system, default, foreground=foreground):
            steps.append(code)
    if not steps:
        return ""
    anew = ["0"]
    anew += [code for bit, (code, _) in _ATTRIBUTES.items() if after.attributes & bit]
    for new, default, foreground in ((after.color, _FOREGROUND, True), (after.bgcolor, _BACKGROUND, False)):
        code = _color(new, color_system, default, foreground=foreground)
        anew += [code] if code != default else []
    return "\x1b[m" if after == PLAIN else f"\x1b[{min(';'.join(anew), ';'.join(steps), key=len)}m"


def _ends(before: int, after: int) -> list[str]:
    """What ends attributes that are no more, and begins new ones. Bold and dim have one end."""
    codes: list[str] = []
    for bit, (_, end) in _ATTRIBUTES.items():
        if before & bit and not after & bit:
            codes += [end] if end not in codes else []
            if end == "22":
                before &= ~(_BOLD | _DIM)
    return codes + [begin for bit, (begin, _) in _ATTRIBUTES.items() if after & bit and not before & bit]


def _color(color: Color | None, color_system: ColorSystem, default: str, *, foreground: bool) -> str:
    if color is None:
        return default
    return ";".join(color.downgrade(color_system).get_ansi_codes(foreground))
