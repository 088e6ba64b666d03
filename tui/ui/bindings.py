"""Commands as Textual's bindings. Only the app and the screens enter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding

from tui.ui.commands import COMMANDS, Command, Scope
from tui.ui.keymap import FIXED


def bindings(scopes: Iterable[Scope], commands: Sequence[Command] = COMMANDS) -> list[Binding]:
    """Textual's bindings of the commands in ``scopes``. Those whose keys are fixed go before all."""
    wanted = set(scopes)
    return [
        Binding(
            ",".join(command.keys),
            command.action,
            command.help,
            show=False,
            priority=command.name in FIXED,
            id=f"mailtop.{command.name}",
        )
        for command in commands
        if command.scope in wanted and command.keys
    ]
