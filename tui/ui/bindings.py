"""Commands as Textual's bindings. Only the app and the screens enter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding

from tui.ui.commands import COMMANDS, Command, Scope
from tui.ui.keymap import FIXED


def bindings(scopes: Iterable[Scope], commands: Sequence[Command] = COMMANDS) -> list[Binding]:
    """Textual's bindings of the commands in ``scopes``. The one that always leaves goes before whatever takes keys."""
    wanted = set(scopes)
    return [
        Binding(
            ",".join(command.keys),
            command.action,
            command.help,
            show=False,
            priority=command.name == FIXED,
            id=f"mailtop.{command.name}",
        )
        for command in commands
        if command.scope in wanted and command.keys
    ]
