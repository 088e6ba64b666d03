"""The chooser of themes: a list over the right edge of what is shown, which takes on each theme as the cursor comes to
it. Gives the theme to keep, or ``None``."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tui.ui.glyphs import Glyphs
from tui.ui.screens.narrow import NarrowScreen
from tui.ui.widgets.theme_list import ThemeList


class ThemeChooser(NarrowScreen[str | None], ModalScreen[str | None]):
    """``names`` are the themes to choose from. Esc gives back the theme there was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j,T", "move(1)", show=False),
        Binding("home,g,pageup", "move(-9999)", show=False),
        Binding("end,G,pagedown", "move(9999)", show=False),
        Binding("enter,right", "keep", show=False),
        Binding("escape,q,backspace,left", "restore", show=False),
    ]

    DEFAULT_CSS = """
    ThemeChooser { background: transparent; align: right middle; &:ansi { background: transparent; } }
    """

    def __init__(self, glyphs: Glyphs, names: list[str], current: str) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.themes = ThemeList(glyphs, names, current)  # there for keys that come before or after it is seen
        self._before = current

    def compose(self) -> ComposeResult:
        """Nothing but the list."""
        yield self.themes

    def on_resize(self, event: events.Resize) -> None:
        """As large as the list needs, as far as there is room."""
        self.themes.styles.width = min(self.themes.wanted_width, event.size.width)
        self.themes.styles.height = min(self.themes.wanted_height, event.size.height)

    def action_move(self, steps: int) -> None:
        """Move the cursor."""
        self.themes.move(steps)
        self._preview()

    @on(ThemeList.Chosen)
    def _preview(self) -> None:
        """Take on the theme under the cursor; a click may come when this is closed."""
        if self.is_current:
            self.app.theme = self.themes.chosen

    @on(ThemeList.Kept)
    def action_keep(self) -> None:
        """Keep the theme under the cursor."""
        if self.is_current:
            self.dismiss(self.themes.chosen)

    def action_restore(self) -> None:
        """Give back the theme there was."""
        self.app.theme = self._before
        self.dismiss(None)
