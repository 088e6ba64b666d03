"""One widget alone in an app, for tests of what it does on a screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from tui.ui.messages import PaneChosen, WindowMoved
from tui.ui.themes import COLOUR_VARIABLES, STYLE_VARIABLES, TEXTUALS_VARIABLES
from tui.ui.widgets.lines import Lines


class Host(App[None]):
    """Shows ``widget`` as large as the screen and keeps what it says was chosen and how often it moved."""

    def __init__(self, widget: Lines) -> None:
        super().__init__()
        self.widget = widget
        self.chosen: list[PaneChosen] = []
        self.moved = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {**dict.fromkeys(COLOUR_VARIABLES, "ansi_default"), **STYLE_VARIABLES, **TEXTUALS_VARIABLES}

    def get_default_screen(self) -> Screen[None]:
        screen: Screen[None] = Screen()
        screen.compose_add_child(self.widget)
        return screen

    def on_mount(self) -> None:
        self.widget.display = True
        self.widget.styles.height = "1fr"

    def on_pane_chosen(self, message: PaneChosen) -> None:
        self.chosen.append(message)

    def on_window_moved(self, _message: WindowMoved) -> None:
        self.moved += 1

    def shown(self) -> list[str]:
        """The lines of the screen, as wide as it is."""
        return ["".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()]


@asynccontextmanager
async def hosted(widget: Lines, size: tuple[int, int]) -> AsyncIterator[tuple[Host, Pilot[None]]]:
    """The widget in a running app."""
    host = Host(widget)
    async with host.run_test(size=size) as pilot:
        await pilot.pause()
        yield host, pilot
