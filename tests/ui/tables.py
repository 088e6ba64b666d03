"""A table alone on a screen, over a scripted world, for tests of what it draws and says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual import events
from textual.message import Message
from textual.pilot import Pilot

from tests.ui.host import Host
from tui.ui.messages import RowChosen, SortBy
from tui.ui.widgets.accounts_table import AccountsTable
from tui.ui.widgets.queue_table import QueueTable


class TableHost(Host):
    """Keeps what the table says was clicked."""

    def __init__(self, widget: QueueTable | AccountsTable) -> None:
        super().__init__(widget)
        self.said: list[str | bool] = []

    def on_sort_by(self, message: SortBy) -> None:
        self.said.append(message.sort)

    def on_row_chosen(self, message: RowChosen) -> None:
        self.said.append(message.into)

    def lines(self) -> list[str]:
        """What stands on the screen, without the blanks at the lines' ends."""
        return [line.rstrip() for line in self.shown()]


@asynccontextmanager
async def shown(
    widget: QueueTable | AccountsTable, size: tuple[int, int] = (80, 12)
) -> AsyncIterator[tuple[TableHost, Pilot[None]]]:
    """The table in a running app."""
    host = TableHost(widget)
    async with host.run_test(size=size) as pilot:
        await pilot.pause()
        yield host, pilot


def wheel(widget: QueueTable | AccountsTable, *, down: bool) -> Message:
    """A notch of the mouse wheel over the table."""
    kind = events.MouseScrollDown if down else events.MouseScrollUp
    return kind(widget, 5, 5, 0, 0, 0, False, False, False)


def changed(widget: QueueTable | AccountsTable) -> list[str]:
    """The cells that are marked as changed."""
    return [span.text.strip() for line in widget._drawn for span in line if "changed" in span.role]
