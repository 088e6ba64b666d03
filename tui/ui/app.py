"""The app: owns the link to the hub, the themes and the way out; everything that is seen is the screens' work."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen

from tui.hub.protocol import HubLink, HubRestarted, View, ViewRequest
from tui.model import Grouping, QueueQuery
from tui.ui import leaving
from tui.ui.bindings import bindings
from tui.ui.commands import Scope
from tui.ui.glyphs import glyphs_for
from tui.ui.messages import Answered, Ask, LinkEnded, Noticed, Replied
from tui.ui.screens.help import HelpScreen
from tui.ui.screens.main import MainScreen
from tui.ui.themes import (
    COLOUR_VARIABLES,
    DEFAULT_THEME,
    STYLE_VARIABLES,
    TEXTUALS_VARIABLES,
    load_themes,
    shipped_folder,
)

SILENCE_SECONDS = 10
"""A hub that lives says something every few seconds; one that says nothing for so long is said not to, and again every
so many seconds."""

TICK_SECONDS = 1.0

BY_ACCOUNT = QueueQuery(grouping=Grouping.ACCOUNT)


class MailtopApp(App[None]):
    """The screen over one link to a hub.

    ``theme`` is the name of a theme, shipped or in the folder ``user_themes``; ``interval`` the seconds between two
    looks of the hub at its sources; ``query`` the place to start at; ``notice`` a sentence to show first; ``read_only``
    keeps whoever looks from writing files (a browser's screen). What the
    terminal can show is read from the environment (``LC_ALL``, ``LC_CTYPE``, ``LANG``, ``NO_COLOR``).

    The exit code is in ``return_code``: 0, 1 when the hub cannot be started, 128 + signal.
    """

    TITLE = "mailtop"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings((Scope.PROGRAM,))]

    def __init__(
        self,
        link: HubLink,
        theme: str = DEFAULT_THEME,
        interval: float = 2.0,
        *,
        query: QueueQuery = BY_ACCOUNT,
        user_themes: Path | None = None,
        notice: str = "",
        read_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        colour = "NO_COLOR" not in os.environ
        # Without colours Textual would map them to greys; told that they are the terminal's own, it leaves them out.
        super().__init__(ansi_color=None if colour else True)
        self.link = link
        self.read_only = read_only
        self.glyphs = glyphs_for(os.environ, colour=colour)
        self._main = MainScreen(self.glyphs, query, interval)
        self._link_started = self._link_closed = False
        self._clock = clock
        self._heard_at: float | None = None
        self._last_asked: ViewRequest | None = None
        self._themes, problems = load_themes([shipped_folder(), *([user_themes] if user_themes else [])])
        self._notices = [notice, *problems] if notice else problems
        for known in self._themes.values():
            self.register_theme(known)
        if theme not in self._themes:
            self._notices.append(f"There is no theme '{theme}'; there are {', '.join(self._themes)}.")
        self.theme = theme if theme in self._themes else DEFAULT_THEME

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our own variables are while a theme that lacks them is on."""
        return {**dict.fromkeys(COLOUR_VARIABLES, "ansi_default"), **STYLE_VARIABLES, **TEXTUALS_VARIABLES}

    def get_default_screen(self) -> Screen[None]:
        """The main screen, at the bottom of the stack."""
        return self._main

    def on_mount(self) -> None:
        """Start listening to the hub, and to what may end us."""
        if self._notices:
            self._main.call_after_refresh(self._main.say, " ".join(self._notices))
        if not self.is_headless:
            leaving.watch(self._leave, sys.__stdin__.fileno() if sys.__stdin__ else 0)
        self.run_worker(self._listen(), name="link", exclusive=True)

    async def on_unmount(self) -> None:
        """Nothing of ours outlives the screen."""
        if not self._link_closed:
            self._link_closed = True
            await self.link.close()

    async def _listen(self) -> None:
        """Start the hub and post what it says: the one worker of this process."""
        try:
            await self.link.start()
        except OSError as error:
            self.post_message(LinkEnded(f"The hub cannot be started: {error}."))
            return
        self._link_started = True
        self._heard_at = self._clock()
        self.set_interval(TICK_SECONDS, self.look_for_silence)
        if self._last_asked is not None:
            self.link.send(self._last_asked)
        async for answer in self.link.answers():
            self._heard_at = self._clock()
            if isinstance(answer, View):
                self.post_message(Answered(answer))
            elif isinstance(answer, HubRestarted):
                self.post_message(Noticed(f"{answer.reason} It is started again."))
            else:
                self.post_message(Replied(answer))
        self._heard_at = None
        self.post_message(LinkEnded("The link to the hub is closed; what is shown gets old. Leave with q."))

    def look_for_silence(self) -> None:
        """Say so when a hub that should answer has not for long."""
        if self._heard_at is not None and self.is_running:
            silent_seconds = int(self._clock() - self._heard_at)
            self._main.show_silence(silent_seconds - silent_seconds % SILENCE_SECONDS)

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        if self.is_running:  # else the widgets are already being taken down
            self._main.show(message.view)

    @on(Noticed)
    def _noticed(self, message: Noticed) -> None:
        if self.is_running:
            self._main.say(message.sentence)

    @on(LinkEnded)
    def _link_ended(self, message: LinkEnded) -> None:
        if self._link_started:
            self._noticed(Noticed(message.sentence))
        else:
            self.exit(return_code=1, message=Text(message.sentence))

    @on(Ask)
    def _ask(self, message: Ask) -> None:
        if isinstance(message.request, ViewRequest):
            self._last_asked = message.request
        if self._link_started:
            self.link.send(message.request)

    def action_help(self) -> None:
        """Show the help screen."""
        self.push_screen(HelpScreen(self.glyphs))

    def action_theme(self) -> None:
        """The next theme."""
        names = list(self._themes)
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]

    async def action_quit(self) -> None:
        """Leave."""
        self.exit()

    def _leave(self, code: int) -> None:
        """Leave with an exit code; from a signal handler or another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: self.exit(return_code=code))
