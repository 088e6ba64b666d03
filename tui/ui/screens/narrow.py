"""Sends a changed piece of a line as that piece, and nothing while the terminal does not read: Textual 8 sends all that
stands left of a change too, once for each, and queues pictures. For our screens only."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual.screen import Screen, ScreenResultType

from tui.ui.driver import TerminalDriver
from tui.ui.pen import Pen


class NarrowUpdate(ChopsUpdate):
    """A partial update that starts where the change starts."""

    def render_segments(self, console: Console) -> str:
        """The update as text and escape sequences."""
        pen = Pen(console._color_system or ColorSystem.TRUECOLOR)
        for y, x1, x2 in self.spans:
            ends = self.chop_ends[y]
            for end, (x, strip) in zip(ends, self.chops[y].items(), strict=False):
                left, right = max(x, x1), min(end, x2)
                if strip is not None and left < right:
                    pen.move_to(left, y)
                    piece = strip.crop(left - x, right - x)
                    pen.write(list(piece), right - left, at_edge=right == ends[-1])
        return pen.finished()


class WholeUpdate(LayoutUpdate):
    """All of the screen."""

    def render_segments(self, console: Console) -> str:
        """The update as text and escape sequences."""
        pen = Pen(console._color_system or ColorSystem.TRUECOLOR)
        for y, line in enumerate(self.strips, self.region.y):
            x = self.region.x
            for strip in line:
                pen.move_to(x, y)
                x += strip.cell_length
                pen.write(list(strip), strip.cell_length, at_edge=x >= self.region.right)
        return pen.finished()


class NarrowCompositor(Compositor):
    """Textual's compositor with narrow updates. What changes while the terminal of ``screen`` is busy stays marked as
    changed, and is painted in one go when it is free."""

    def __init__(self, screen: Screen[ScreenResultType] | None = None) -> None:
        super().__init__()
        self._screen = screen

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[ScreenResultType]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        """The update to paint; ``None`` when nothing changed, or the terminal is busy. ``simplify`` asks for a picture
        to keep."""
        screen = self._screen
        if screen is not None and not simplify and (driver := _busy(screen)) is not None:
            if full:
                self._dirty_regions.add(self.size.region)
            driver.call_when_free(self._free)
            return None
        return super().render_update(full, screen_stack, simplify)

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """All of the screen."""
        update = super().render_full_update(simplify)
        return update if simplify else WholeUpdate(update.strips, update.region)

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update; ``None`` when nothing did."""
        update = super().render_partial_update()
        return NarrowUpdate(update.chops, update.spans, update.chop_ends) if update else None

    def _free(self) -> None:
        if self._screen is not None and self._screen.is_attached:
            self._screen.call_later(self._paint_held)

    def _paint_held(self) -> None:
        if self._screen is not None and self._dirty_regions:
            self._screen._compositor_refresh()


class NarrowScreen(Screen[ScreenResultType]):
    """A screen that is painted so."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name, id, classes)
        self._compositor = NarrowCompositor(self)


def _busy(screen: Screen[ScreenResultType]) -> TerminalDriver | None:
    """The driver of a terminal that has not taken what was written."""
    driver = screen.app._driver
    return driver if isinstance(driver, TerminalDriver) and driver.is_busy else None
