"""What the screen is told when it is made: signs, commands with their keys, where to start. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tui.hub.protocol import ViewRequest
from tui.model import Grouping, QueueQuery
from tui.ui.commands import COMMANDS, Command
from tui.ui.glyphs import Glyphs

START = ViewRequest(serial=0, query=QueueQuery(grouping=Grouping.ACCOUNT), together=True)
"""Where one starts who has not been here yet."""


class Settings(msgspec.Struct, frozen=True):
    """``start`` is what is asked for first: place, order, filter and span. ``interval_seconds`` is how far apart the
    hub's looks at its sources are; ``may_write`` is false where no file may be written (in a browser); ``options`` are
    those of the command line that say where numbers come from. ``themes`` gives the names of all themes,
    ``bytes_per_second`` what is sent to the terminal, ``None`` where nobody counts."""

    glyphs: Glyphs
    commands: Sequence[Command] = COMMANDS
    start: ViewRequest = START
    interval_seconds: float = 2.0
    may_write: bool = True
    options: Sequence[str] = ()
    themes: Callable[[], list[str]] = list
    bytes_per_second: Callable[[], int | None] = lambda: None
