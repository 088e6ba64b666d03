"""Sends a changed piece of a line as that piece, and nothing while the terminal does not read: Textual 8 sends all that
stands left of a change too, once for each, and queues pictures. For our screens only."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast
from weakref import WeakKeyDictionary

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.events import Key, Paste
from textual.screen import Screen, ScreenResultType
from textual.strip import Strip

from tui.ui.driver import TerminalDriver
from tui.ui.painted import Painted, painted_by
from tui.ui.pen import Pen, cells_of

Pieces = dict[int, list[tuple[int, Strip]]]
"""Parts of lines: by line, columns and what stands from there on."""

_ELSEWHERE: WeakKeyDictionary[App[Any], Painted] = WeakKeyDictionary()
"""What stands where an app draws on no terminal of ours, but in a browser: one for all its screens."""


class NarrowUpdate(CompositorUpdate):
    """Parts of lines, of which only the cells that differ from ``painted`` are sent."""

    def __init__(self, painted: Painted, width: int, pieces: Pieces) -> None:
        self._painted = painted
        self._width = width
        self._pieces = pieces

    def render_segments(self, console: Console) -> str:
        """The update as text and escape sequences; from then on it counts as painted."""
        pen = Pen(console._color_system or ColorSystem.TRUECOLOR, self._width)
        self._painted.paint(
            pen, {y: [(x, cells_of(strip)) for x, strip in pieces] for y, pieces in self._pieces.items()}
        )
        self._painted.frame = pen.finished()
        return self._painted.frame


class NarrowCompositor(Compositor):
    """Textual's compositor with narrow updates. What changes while the terminal of ``screen`` is busy, or the screen is
    not to be seen yet, stays marked as changed, and is painted in one go then."""

    def __init__(self, screen: NarrowScreen[ScreenResultType]) -> None:
        super().__init__()
        self._screen = screen

    def render_update(
        self, full: bool = False, screen_stack: list[Screen[ScreenResultType]] | None = None, simplify: bool = False
    ) -> RenderableType | None:
        """The update to paint; ``None`` when nothing changed, or nothing can be painted. ``simplify`` asks for a
        picture to keep."""
        if not simplify and self._has_to_wait():
            if full:
                self._dirty_regions.add(self.size.region)
            return None
        update = super().render_update(full, screen_stack, simplify)
        if isinstance(update, ChopsUpdate):
            chops = {y: update.chops[y].items() for y, _, _ in update.spans}
            return self._update({y: [(x, strip) for x, strip in line if strip] for y, line in chops.items()})
        if isinstance(update, LayoutUpdate) and not simplify:
            return self._update({y: [(0, Strip.join(list(line)))] for y, line in enumerate(update.strips)})
        return update

    def _has_to_wait(self) -> bool:
        """Whether nothing can be painted now; a terminal that is busy calls when it is free."""
        if self._screen.unseen:
            return True
        driver = _driver(self._screen)
        if driver is None or not driver.is_busy:
            return False
        driver.call_when_free(self._free)
        return True

    def _update(self, lines: Pieces) -> RenderableType:
        shown = painted_by(self._screen.app)
        shown.resize(*self.size)
        return cast(RenderableType, NarrowUpdate(shown, self.size.width, lines))

    def _free(self) -> None:
        if self._screen.is_attached:
            self._screen.call_later(self.paint_held)

    def paint_held(self) -> None:
        """Paint what could not be painted."""
        if self._dirty_regions:
            self._screen._compositor_refresh()


class NarrowScreen(Screen[ScreenResultType]):
    """A screen that is painted so. Nothing is painted while it is ``unseen``."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name, id, classes)
        self._compositor = self._narrow = NarrowCompositor(self)
        self.unseen = False

    def hide(self, seconds: float) -> None:
        """Be unseen for so long: what is to be shown comes soon, and two pictures take twice as long as one."""
        self.unseen = True
        self.set_timer(seconds, self._be_seen)

    def _be_seen(self) -> None:
        self.unseen = False
        self._narrow.paint_held()

    @property
    def waiting(self) -> Collection[str]:
        """The actions that have to wait for what was asked for and has not come yet."""
        return ()

    def expects(self, event: Key | Paste) -> bool:
        """Whether this is a key for something that has not come yet."""
        bound = self._bindings.key_to_bindings.get(event.key, ()) if isinstance(event, Key) else ()
        return any(binding.action.partition("(")[0] in self.waiting for binding in bound)

    def give_up(self) -> None:
        """What was asked for has not come in time: nothing waits for it any more."""

    async def obey(self, event: Key) -> None:
        """Do what a key says, here or in the app."""
        await self.app._check_bindings(event.key)

    def paste(self, text: str) -> None:
        """Text was pasted, and there is nothing to paste it into."""

    def paint_now(self) -> None:
        """Paint what is to be painted, without waiting for Textual's next frame: whoever pressed a key waits. Where
        cells are to be shared out anew nothing is painted before that."""
        if any(widget._layout_required for widget in (self, *self.children)):
            return
        for widget in self.children:
            if widget._repaint_required and widget.display:
                widget._repaint_required = False
                self._dirty_widgets.add(widget)
        if self._dirty_widgets:
            self._on_timer_update()


def _driver(screen: Screen[ScreenResultType]) -> TerminalDriver | None:
    driver = screen.app._driver
    return driver if isinstance(driver, TerminalDriver) else None
