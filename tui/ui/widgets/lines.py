"""The ground all our widgets stand on: lines of (text, role), of which only the cells that changed are painted again.
Text is never taken for markup."""

from __future__ import annotations

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color, ColorParseError
from textual.dom import DOMNode
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from tui.hub.protocol import Span
from tui.text import cell_width
from tui.ui.glyphs import Glyphs

Line = list[Span]

COLOR = "color:"

NEAR = 3
"""Cells between two changes that are cheaper to send again than to jump over."""

ROLES = (
    *("muted", "axis", "strong", "name", "header", "key", "tab", "sum", "cursor"),
    *("new", "proc", "retry", "hold", "send", "success", "defer", "fail"),
    *("live", "stale", "partial", "error", "paused", "replay"),
    *("problem", "changed", "marked", "follow", "focus", "prompt", "caret", "match"),
)


class _Look(NamedTuple):
    """A style; what of it is seen on blanks, as a number: in two looks of one ground blanks look alike, which saves the
    escape sequences between them, most of what a row costs on a slow link; and, where it is underlined, the style of
    the blanks that align its words."""

    style: Style
    ground: int
    flat: Style | None


class Lines(Widget, can_focus=False):
    """A widget that draws what ``lines`` says.

    A role is a component class without its ``lines--`` (found when it is first drawn: to find all of them for all
    widgets takes a good part of the start), or ``color:`` and a colour that the user chose; several, parted
    by a blank, are laid over one another.

    | component class | used for |
    |---|---|
    | `lines--muted`, `lines--axis` | labels, zeros, what matters less |
    | `lines--strong`, `lines--name`, `lines--header`, `lines--key`, `lines--tab` | words that lead the eye |
    | `lines--new`, `lines--proc`, `lines--retry`, `lines--hold` | the four states of waiting mail |
    | `lines--send`, `lines--success`, `lines--defer`, `lines--fail` | what happened to mail |
    | `lines--live`, `lines--stale`, `lines--partial`, `lines--error`, `lines--paused`, `lines--replay` | freshness |
    | `lines--sum`, `lines--cursor` | the line of sums, the row under the cursor |
    | `lines--problem`, `lines--changed` | what needs someone, a number that is new since the last look |
    | `lines--marked`, `lines--follow`, `lines--focus` | rows the user marked, follows; the part that has the keys |
    | `lines--prompt`, `lines--caret`, `lines--match` | the prompt's sign, where one types, what the filter found |
    """

    DEFAULT_CSS = """
    Lines {
        color: $foreground;
        & > .lines--muted, & > .lines--axis, & > .lines--header { color: $muted; text-style: $muted-style; }
        & > .lines--strong, & > .lines--key { text-style: bold; }
        & > .lines--tab { background: $tab; color: $tab-text; text-style: $tab-style; }
        & > .lines--new { color: $new; }
        & > .lines--proc { color: $proc; }
        & > .lines--retry, & > .lines--defer { color: $retry; }
        & > .lines--hold { color: $hold; }
        & > .lines--send { color: $sent; }
        & > .lines--success, & > .lines--live { color: $delivered; }
        & > .lines--fail { color: $failed; }
        & > .lines--error { color: $failed; text-style: bold; }
        & > .lines--stale, & > .lines--partial { color: $stale; }
        & > .lines--paused, & > .lines--replay { color: $paused; text-style: bold; }
        & > .lines--sum { background: $surface; }
        & > .lines--problem { color: $failed; text-style: bold; }
        & > .lines--changed { text-style: $changed-style; }
        & > .lines--marked { background: $marked; text-style: $marked-style; }
        & > .lines--follow, & > .lines--focus, & > .lines--prompt { color: $focus; text-style: bold; }
        & > .lines--match { color: $focus; text-style: bold underline; }
        & > .lines--caret { text-style: reverse; }
        & > .lines--cursor { background: $cursor; color: $cursor-text; text-style: $cursor-style; }
    }
    Lines:nocolor {
        & > .lines--muted, & > .lines--axis { text-style: dim; }
        & > .lines--tab, & > .lines--cursor { text-style: reverse; }
        & > .lines--marked { text-style: bold; }
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._drawn: list[Line] = []
        self._drawn_for = Size(0, 0)
        self._looks: dict[str, _Look] = {}
        self._looks_of: dict[Style, _Look] = {}
        self._grounds: dict[object, int] = {}

    def lines(self, width: int, height: int) -> list[Line]:
        """What to show in ``width`` by ``height`` cells, from the top; what is too long or too many is cut."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Ask ``lines`` again and paint the cells that differ, and no others."""
        if not self.size:
            return
        lines = self._made()
        self._draw([*lines, *[[] for _ in range(len(lines), len(self._drawn))]])

    def redraw_first(self, line: Line) -> None:
        """Show another first line; the others stay as they are, whatever ``lines`` would now say."""
        if self._drawn and self.size:
            self._draw([line])

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines as Textual paints them; at another size than they were drawn for they are drawn first, since it paints
        before it tells a widget its size."""
        if self._drawn_for != self.size and self.size:
            self._drawn = [self._showable(line) for line in self._made()]
        return super().render_lines(crop)

    def _made(self) -> list[Line]:
        self._drawn_for = self.size
        width, height = self.size
        return self.lines(width, height)[:height]

    def _draw(self, lines: list[Line]) -> None:
        """Take over lines from the first on, and paint the cells that differ."""
        width = self.size.width
        lines = [self._showable(line) for line in lines]
        regions = [
            Region(x, y, min(cells, width - x), 1)
            for y, line in enumerate(lines)
            for x, cells in changed_cells(_at(self._drawn, y), line, width)
            if x < width
        ]
        self._drawn[: len(lines)] = lines
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Line ``y`` (from 0) as Textual paints it."""
        segments: list[Segment] = []
        run, look = "", self._look("")
        for span in _at(self._drawn, y):
            text, own = span.text, self._look(span.role)
            if own is look or (own.ground == look.ground and text.isspace()):
                run += text
                continue
            if own.flat is not None and (text[0] == " " or text[-1] == " "):
                lead, word, trail = _parted(text)
                segments += [Segment(run, look.style), Segment(lead, own.flat), Segment(word, own.style)]
                run, look = trail, self._looks_of[own.flat]
                continue
            segments.append(Segment(run, look.style))
            run, look = text, own
        segments.append(Segment(run, look.style))
        segments = [segment for segment in segments if segment.text]
        return Strip(segments).adjust_cell_length(self.size.width, self._look("").style)

    def on_resize(self, _event: events.Resize) -> None:
        """The size decides what is shown; Textual repaints the whole by itself then."""
        self.redraw()

    def notify_style_update(self) -> None:
        """Forget the styles: the theme may have changed."""
        self._looks.clear()
        self._looks_of.clear()
        self._component_styles.clear()
        super().notify_style_update()

    def _showable(self, line: Line) -> Line:
        """The line without empty spans, and with nothing but what this terminal can show and what cannot harm it,
        whoever wrote it: the last defence, which takes a few percent of what painting does."""
        plain, kept = self.glyphs.plain, []
        for span in line:
            if span.text:
                text = plain(span.text)
                kept.append(span if text is span.text else Span(text, span.role))
        return kept

    def _look(self, role: str) -> _Look:
        look = self._looks.get(role)
        if look is None:
            style = self.rich_style
            for part in role.split():
                if part.startswith(COLOR):
                    style += self._user_style(part.removeprefix(COLOR))
                else:
                    style += self._component_style(part)
            look = self._looks[role] = self._look_of(style)
        return look

    def _component_style(self, role: str) -> Style:
        """The style of one role, by the rules of its component class."""
        name = f"lines--{role}"
        if role in ROLES and name not in self._component_styles:
            node = DOMNode(classes=name)
            node._attach(self)
            self.app.stylesheet.apply(node, animate=False)
            self._component_styles[name] = node.styles
        return self.get_component_rich_style(name, partial=True, default=Style.null())

    def _look_of(self, style: Style) -> _Look:
        """The one look of all roles that are drawn in this style."""
        look = self._looks_of.get(style)
        if look is None:
            flat = self._look_of(style + Style(underline=False)).style if style.underline else None
            ground = (style.bgcolor, bool(style.reverse), bool(style.underline))
            look = self._looks_of[style] = _Look(style, self._grounds.setdefault(ground, len(self._grounds)), flat)
        return look

    def _user_style(self, color: str) -> Style:
        """The style of a colour as the configuration names it; none where there are no colours, or no such one."""
        if self.app.no_color:
            return Style.null()
        try:
            return Style(color=Color.parse(color).rich_color)
        except ColorParseError:
            return Style.null()


def changed_cells(old: Line, new: Line, width: int) -> list[tuple[int, int]]:
    """Where two lines differ: runs of (first cell, cells). Spans that keep their place are compared one by one; from
    the first that moves on, the rest of the line is one run."""
    if old == new:
        return []
    runs: list[tuple[int, int]] = []
    x = 0
    for before, after in zip(old, new, strict=False):
        cells = cell_width(after.text)
        if before != after:
            if cell_width(before.text) != cells:
                return [*runs, (x, width - x)]
            if runs and x - sum(runs[-1]) <= NEAR:
                runs[-1] = (runs[-1][0], x + cells - runs[-1][0])
            else:
                runs.append((x, cells))
        x += cells
    return [*runs, (x, width - x)] if len(old) != len(new) else runs


def _parted(text: str) -> tuple[str, str, str]:
    """The blanks before, the words, the blanks after."""
    word = text.strip(" ")
    before = text.index(word) if word else len(text)
    return text[:before], word, text[before + len(word) :]


def line_width(line: Line) -> int:
    """The cells a line takes."""
    return sum(cell_width(span.text) for span in line)


def justified(left: Line, right: Line, width: int) -> Line:
    """``left`` and ``right`` at the two ends of ``width`` cells; where both do not fit, ``left`` alone."""
    gap = width - line_width(left) - line_width(right)
    return [*left, Span(" " * gap), *right] if gap > 0 else left


def wrapped(text: str, width: int) -> list[str]:
    """``text`` broken at blanks into lines of ``width`` cells; a longer word has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and cell_width(lines[-1]) + 1 + cell_width(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _at(lines: list[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else []
