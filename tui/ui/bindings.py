"""Commands as Textual's bindings. Only the app and the screens enter."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding

from tui.ui.commands import COMMANDS, Scope


def bindings(scopes: Iterable[Scope]) -> list[Binding]:
    """Textual's bindings of the commands in ``scopes``."""
    wanted = set(scopes)
    return [
        Binding(",".join(command.keys), command.action, command.help, show=False, id=f"mailtop.{command.name}")
        for command in COMMANDS
        if command.scope in wanted
    ]
