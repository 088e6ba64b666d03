"""The main screen: what its widgets tell, and keys while a line is typed. What keys do is in the rooms it is built
on: ``ground``, ``walking``, ``finding``, ``telling``."""

from __future__ import annotations

from collections.abc import Collection

from textual import events, on

from tui.ui.messages import CommandChosen, PaneChosen, RowChosen, SortBy, WindowMoved
from tui.ui.screens.telling import Telling


class MainScreen(Telling):
    """The one screen that is always there."""

    @property
    def waiting(self) -> Collection[str]:
        """The actions that have to wait for rows; what is typed into a line does not."""
        return () if self.prompt is not None else super().waiting

    def give_up(self) -> None:
        """The hub has not said in time where to go."""
        self._jumps = False

    async def obey(self, event: events.Key) -> None:
        """Whoever presses a key has read what was said. While a line is typed, keys are letters."""
        self.notice.say("")
        self.keys.tell("")
        if self.prompt is not None:
            await self.press(event.key, event.character)
        else:
            await super().obey(event)
        self.paint_now()

    @on(WindowMoved)
    def _window_moved(self) -> None:
        self._lay_out()
        self._ask_for_window()

    @on(SortBy)
    def _sort_chosen(self, message: SortBy) -> None:
        self.sort_by(message.sort)

    @on(RowChosen)
    def _row_chosen(self, message: RowChosen) -> None:
        self._keys_to_rows()
        self._show_place()
        self._ask_for_window()
        if message.into:
            self.action_into()

    @on(PaneChosen)
    def _pane_chosen(self, message: PaneChosen) -> None:
        self._choose(message.key, into=message.into)

    @on(CommandChosen)
    async def _command_chosen(self, message: CommandChosen) -> None:
        self.keys.tell("")
        await self.do(message.action)
