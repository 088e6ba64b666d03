"""Looks at the screen as text and waits for conditions on it; for tests with a Pilot."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

from tests.ui.scripted import ScriptedLink
from tui.ui.app import MailtopApp
from tui.ui.columns import MARGIN

UTF8 = {"LANG": "C.UTF-8"}
SECONDS = 20.0
LOOKED_AT = ("LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR", "TERM", "COLORTERM", "TEXTUAL_DRIVER")


class Looker:
    """A running app, its link and its pilot."""

    def __init__(self, app: MailtopApp, link: ScriptedLink, pilot: Pilot[None]) -> None:
        self.app = app
        self.link = link
        self.pilot = pilot

    def lines(self) -> list[str]:
        """What stands on the screen, without the blanks at the lines' ends."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines())

    def line(self, start: str) -> str:
        """The first line that begins so, after blanks."""
        return next((line for line in self.lines() if line.strip().startswith(start)), "")

    def cursor_line(self) -> str:
        """The row under the cursor, without its signs."""
        sign = self.app.glyphs.cursor
        return next((line[MARGIN:].strip() for line in self.lines() if line.startswith(sign)), "")

    async def press(self, *keys: str) -> None:
        """Press keys and let them be handled."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def wait_for(self, condition: str | Callable[[], bool]) -> None:
        """Wait until a text stands on the screen or a condition holds; fails with the screen after ``SECONDS``."""
        holds = condition if callable(condition) else lambda: condition in self.text()
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"never came: {condition!r}; the screen shows:\n{self.text()}")
            await asyncio.sleep(0.01)
            await self.pilot.pause()


@asynccontextmanager
async def running(
    link: ScriptedLink | None = None,
    size: tuple[int, int] = (80, 24),
    environ: Mapping[str, str] = UTF8,
    **arguments: Any,
) -> AsyncIterator[Looker]:
    """A running app over a scripted link; ``environ`` is all it knows of its terminal."""
    link = link or ScriptedLink()
    others = {name: value for name, value in os.environ.items() if name not in LOOKED_AT}
    with patch.dict(os.environ, {**others, **environ}, clear=True):
        app = MailtopApp(link, **arguments)
        async with app.run_test(size=size) as pilot:
            yield Looker(app, link, pilot)
