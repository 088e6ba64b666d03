"""Text and styles to the fewest bytes that a terminal needs for them: only what a style changes is said, and no place
that the cursor stands at anyway. For what paints the screens."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style

PLAIN = Style.null()

_FOREGROUND, _BACKGROUND = "39", "49"


class Pen:
    """One frame's sequences, from a terminal in its plain style and back to it."""

    def __init__(self, color_system: ColorSystem) -> None:
        self._color_system = color_system
        self._sequences: list[str] = []
        self._style = PLAIN
        self._place: tuple[int, int] | None = None

    def move_to(self, x: int, y: int) -> None:
        """Put the cursor on a cell, counted from 0."""
        if self._place == (x, y):
            return
        same_line = self._place is not None and self._place[1] == y
        self._sequences.append(f"\x1b[{x + 1}G" if same_line else f"\x1b[{y + 1};{x + 1}H")
        self._place = x, y

    def write(self, segments: list[Segment], cells: int, *, at_edge: bool) -> None:
        """Write segments that take so many cells. ``at_edge`` says that they reach the last cell of their line, where
        terminals differ in where the cursor then is."""
        for text, style, control in segments:
            if control or not text:
                continue
            style = style or PLAIN
            if style is not self._style:
                self._sequences.append(change(self._style, style, self._color_system))
                self._style = style
            self._sequences.append(text)
        if self._place is not None:
            self._place = None if at_edge else (self._place[0] + cells, self._place[1])

    def finished(self) -> str:
        """All that was written."""
        self._sequences.append(change(self._style, PLAIN, self._color_system))
        self._style = PLAIN
        return "".join(self._sequences)


@lru_cache(maxsize=4096)
def change(before: Style, after: Style, color_system: ColorSystem) -> str:
    """The shortest sequence that turns one style into another; none where they look the same."""
    anew = ";".join(("0", *_codes(after, color_system)))
    if before.without_color == after.without_color:
        parts: list[str] = []
        for old, new, default, foreground in (
            (before.color, after.color, _FOREGROUND, True),
            (before.bgcolor, after.bgcolor, _BACKGROUND, False),
        ):
            code = _color(new, color_system, default, foreground=foreground)
            if code != _color(old, color_system, default, foreground=foreground):
                parts.append(code)
        if not parts:
            return ""
        anew = min(anew, ";".join(parts), key=len)
    return f"\x1b[{'' if anew == '0' else anew}m"


def _codes(style: Style, color_system: ColorSystem) -> list[str]:
    attributes = style.without_color.render("|", color_system=color_system).partition("|")[0]
    codes = [attributes.removeprefix("\x1b[").removesuffix("m")] if attributes else []
    colors = [
        _color(style.color, color_system, _FOREGROUND, foreground=True),
        _color(style.bgcolor, color_system, _BACKGROUND, foreground=False),
    ]
    return codes + [code for code in colors if code not in (_FOREGROUND, _BACKGROUND)]


def _color(color: Color | None, color_system: ColorSystem, default: str, *, foreground: bool) -> str:
    if color is None:
        return default
    return ";".join(color.downgrade(color_system).get_ansi_codes(foreground))
