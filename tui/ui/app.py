"""The app: keys, the hub and the way out; everything that is seen is the screens' work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import on
from textual.binding import BindingsMap
from textual.driver import Driver
from textual.screen import Screen

from tui.hub.protocol import HubLink, HubRestarted, View, ViewRequest
from tui.ui import leaving
from tui.ui.bindings import bindings
from tui.ui.commands import COMMANDS, Command, Scope
from tui.ui.driver import TerminalDriver
from tui.ui.hub_end import HubEnd
from tui.ui.messages import Answered, Ask, LinkEnded, LiteWished, Noticed, Replied, ThemeWished
from tui.ui.screens.main import MainScreen
from tui.ui.settings import START, Settings
from tui.ui.themed import ThemedApp
from tui.ui.themes import DEFAULT_THEME, ThemeError, find_theme

SILENCE_SECONDS = 10
"""A hub that lives says something every few seconds; one that says nothing for so long is said not to, and again every
so many seconds."""

TICK_SECONDS = 1.0
THEMES_SECONDS = 2.0

SLOW_LINK = "The link is slow: few colours, no charts and fewer looks are sent now; L sends all again."


class MailtopApp(ThemedApp):
    """The screen over one link to a hub.

    ``theme`` names a theme, shipped or in the folder ``user_themes``, as ``find_theme`` does; ``interval`` is the
    seconds between two looks of the hub at its sources; ``start`` what to ask for first; ``commands`` those with the
    user's keys; ``notices`` sentences to show first; ``lite`` sends little, ``ascii`` nothing but ASCII; ``read_only``
    keeps whoever looks from writing files (a browser's screen); ``options`` of the command line say where numbers come
    from, for whoever copies a place as a command; ``ready`` is called when all is laid out; ``told`` gives the signal
    that told this process to end before `run`, if any. What the terminal can show is read from the environment. At the
    end ``asked`` is what was asked for last, ``chosen_theme`` the theme that the user chose, if any.

    The exit code is in ``return_code``: 0, 1 when the hub cannot be started, 128 + signal.
    """

    TITLE = "mailtop"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        link: HubLink,
        theme: str = DEFAULT_THEME,
        interval: float = 2.0,
        *,
        start: ViewRequest = START,
        commands: Sequence[Command] = COMMANDS,
        user_themes: Path | None = None,
        notices: Sequence[str] = (),
        lite: bool = False,
        ascii: bool = False,
        read_only: bool = False,
        options: Sequence[str] = (),
        driver_class: type[Driver] | None = None,
        ready: Callable[[], None] = lambda: None,
        told: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(theme, user_themes, lite=lite, ascii=ascii, driver_class=driver_class)
        self._bindings = BindingsMap(bindings((Scope.PROGRAM,), commands))
        self._hub = HubEnd(link, clock)
        self._notices = [*notices, *self.theme_problems]
        settings = Settings(
            glyphs=self.glyphs,
            commands=commands,
            start=start,
            interval_seconds=interval,
            may_write=not read_only,
            options=options,
            themes=self.theme_names,
            bytes_per_second=self.sent_bytes_per_second,
        )
        self._main = MainScreen(settings)
        self._main.lite = self.lite
        self._lite_chosen = False
        self._when_ready = ready
        self._told: int | None = None
        self._told_before = told

    @property
    def asked(self) -> ViewRequest:
        """What was asked for last."""
        return self._main.asked

    def get_default_screen(self) -> Screen[None]:
        """The main screen, at the bottom of the stack."""
        return self._main

    def on_ready(self) -> None:
        """Everything is made and laid out."""
        self.look_at_themes()
        self._when_ready()

    def run(self, **options: Any) -> None:
        """Run in this process's terminal until it is left; what may end us is listened to before that is changed."""
        leaving.watch(self._leave, sys.__stdin__.fileno() if sys.__stdin__ else 0, self._give_back)
        super().run(**options)

    def on_load(self) -> None:
        """The loop runs, and the terminal is still untouched."""
        number = self._told_before()
        if number is not None:
            self._leave(128 + number)
        if self._told is not None:
            self.exit(return_code=self._told)

    def on_mount(self) -> None:
        """Start listening to the hub."""
        if self._notices:
            self._main.call_after_refresh(self._main.say, " ".join(self._notices))
        self.set_interval(THEMES_SECONDS, self.look_at_themes)
        self.run_worker(self._listen(), name="link", exclusive=True)

    async def on_unmount(self) -> None:
        """Nothing of ours outlives the screen."""
        await self._hub.close()

    async def _listen(self) -> None:
        """Start the hub and post what it says: the one worker of this process."""
        try:
            await self._hub.start()
        except OSError as error:
            self.post_message(LinkEnded(f"The hub cannot be started: {error}."))
            return
        self.set_interval(TICK_SECONDS, self.look_for_silence)
        async for answer in self._hub.answers():
            if isinstance(answer, View):
                self.post_message(Answered(answer))
            elif isinstance(answer, HubRestarted):
                self.post_message(Noticed(f"{answer.reason} It is started again."))
            else:
                self.post_message(Replied(answer))
        self.post_message(LinkEnded("The link to the hub is closed; what is shown gets old. Leave with q."))

    def look_for_silence(self) -> None:
        """Say so when a hub that should answer has not for long."""
        silent_seconds = self._hub.silent_seconds
        if silent_seconds is not None and self.is_running:
            self._main.show_silence(silent_seconds - silent_seconds % SILENCE_SECONDS)
        driver = self._driver
        is_slow = isinstance(driver, TerminalDriver) and driver.traffic.is_slow
        if is_slow and not self.lite and not self._lite_chosen:
            self._send_less(True)
            self._main.say(SLOW_LINK)

    def look_at_themes(self) -> None:
        """Take over theme files that were written since the last look; a bad one is a sentence."""
        problems = self.take_over_themes()
        if problems:
            self._main.say(" ".join(problems))

    def sent_bytes_per_second(self) -> int | None:
        """What was sent to the terminal of late, in coarse steps; ``None`` where nobody counts."""
        return self._driver.traffic.bytes_per_second if isinstance(self._driver, TerminalDriver) else None

    def _send_less(self, less: bool) -> None:
        self.lite = less
        self._main.set_lite(less)
        self.show_theme()

    @on(Answered)
    async def _answered(self, message: Answered) -> None:
        if self.is_running:  # else the widgets are already being taken down
            self._main.show(message.view)
            await self.obey_typed()

    @on(Noticed)
    def _noticed(self, message: Noticed) -> None:
        if self.is_running:
            self._main.say(message.sentence)

    @on(LinkEnded)
    def _link_ended(self, message: LinkEnded) -> None:
        if self._hub.has_started:
            self._noticed(Noticed(message.sentence))
        else:
            self.exit(return_code=1, message=Text(message.sentence))

    @on(Ask)
    def _ask(self, message: Ask) -> None:
        self._hub.ask(message.request)

    @on(Replied)
    async def _replied(self, message: Replied) -> None:
        if self.is_running:
            self._main.replied(message.answer)
            await self.obey_typed()

    @on(LiteWished)
    def _lite_wished(self, message: LiteWished) -> None:
        self._lite_chosen = True
        self._send_less(message.less)

    @on(ThemeWished)
    def _theme_wished(self, message: ThemeWished) -> None:
        try:
            self._keep_theme(find_theme(message.name, self.theme_names()))
        except ThemeError as error:
            self._main.say(str(error))

    async def action_help(self) -> None:
        """Show the help screen; the next key is for it."""
        from tui.ui.screens.help import HelpScreen  # imported when asked for: it would keep the first picture waiting

        await self.push_screen(HelpScreen(self.glyphs, self._main.settings.commands))

    async def action_theme(self) -> None:
        """Choose one of the themes that can be shown here and now."""
        from tui.ui.screens.theme_chooser import ThemeChooser

        await self.push_screen(ThemeChooser(self.glyphs, self.shown_themes(), self.theme), self._keep_theme)

    def action_copy(self) -> None:
        """Copy the place as a command."""
        if self.screen is self._main:
            self._main.action_copy()

    def action_export(self) -> None:
        """Write what is shown to a file."""
        if self.screen is self._main:
            self._main.action_export()

    async def action_quit(self) -> None:
        """Go back, and leave where there is nothing to go back from."""
        if self.screen is not self._main or not self._main.go_back():
            self.exit()

    def action_suspend(self) -> None:
        """Give the shell its terminal until it has this go on."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.suspend()
        else:
            self._main.tell("there is no shell here to go back to")

    def action_leave(self) -> None:
        """Leave at once."""
        self.exit()

    def _keep_theme(self, name: str | None) -> None:
        if name is not None:
            self.wanted_theme = name
            self.show_theme()
            if self.theme != name:
                self._main.tell(f"{name} is kept for where there are more colours; few are sent now")

    def _leave(self, code: int) -> None:
        """Leave with an exit code; from a signal handler or another thread."""
        if self._told is None:
            self._told = code
            if self._loop is not None:
                with suppress(RuntimeError):  # it has just ended
                    self._loop.call_soon_threadsafe(lambda: self.exit(return_code=code))

    def _give_back(self) -> None:
        """Have the terminal as it was, whatever the app is doing; from another thread."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.give_back()
