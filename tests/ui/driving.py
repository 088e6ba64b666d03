"""A table's state and a hub with a wire between them on which answers wait, for tests of where the cursor stands."""

from __future__ import annotations

from msgspec.structs import replace

from tests.ui.scripted import World, cell
from tui.hub.protocol import Seek, View, ViewRequest
from tui.model import Grouping, QueueQuery, QueueRow, RowKey
from tui.ui.widgets.queue_table import window_of
from tui.ui.widgets.table_state import TableState

BY_ACCOUNT = QueueQuery(grouping=Grouping.ACCOUNT)
BY_ISP = QueueQuery(grouping=Grouping.ISP)


def world_of(totals: list[int]) -> World:
    """A row each, every third of which is a problem; what has nothing waiting is not there."""
    held = [total if number % 3 == 2 else 0 for number, total in enumerate(totals)]
    cells = [
        cell(f"a{number}@x.test", "", "Gmail", *_counts(total, hold))
        for number, (total, hold) in enumerate(zip(totals, held, strict=True))
        if total
    ]
    return World(cells=cells)


def _counts(total: int, hold: int) -> tuple[int, int, int, int]:
    return total - hold, 0, 0, hold


class Driver:
    """A table and a hub with a wire between them on which answers wait until they are delivered."""

    def __init__(self, totals: list[int], height: int = 5) -> None:
        self.world = world_of(totals)
        self.state: TableState[RowKey, QueueRow] = TableState()
        self.state.resize(height)
        self.asked = ViewRequest(serial=0, query=BY_ACCOUNT)
        self.wire: list[View] = []
        self.question = 0
        self.state.begin(None, self.asked.query.grouping)
        self.ask_for_window()

    def ask(self, request: ViewRequest) -> None:
        request = replace(request, serial=self.asked.serial)
        if request != self.asked or not request.serial:
            self.asked = replace(request, serial=request.serial + 1)
            self.wire.append(self.world.view(self.asked))

    def ask_for_window(self) -> None:
        first, rows = self.state.wanted(self.asked.first, self.asked.rows)
        if self.state.awaiting:
            self.ask(replace(self.asked, rows=rows))
        else:
            selected = self.state.selected or self.asked.selected
            self.ask(replace(self.asked, first=first, rows=rows, selected=selected, anchor=None, anchor_offset=0))

    def move(self, rows: int) -> None:
        self.state.move_to(self.state.cursor + rows)
        self.ask_for_window()

    def resize(self, height: int) -> None:
        self.state.resize(height)
        self.ask_for_window()

    def reverse(self) -> None:
        self.begin(replace(self.asked, descending=not self.asked.descending))

    def filter(self, text: str) -> None:
        if text != self.asked.filter:
            self.begin(replace(self.asked, filter=text))

    def group(self, query: QueueQuery) -> None:
        if query != self.asked.query:
            self.begin(replace(self.asked, query=query, selected=None))

    def begin(self, request: ViewRequest) -> None:
        """Ask another question, as the table does."""
        self.state.begin(request.selected, request.query.grouping)
        row, offset = self.state.selected, self.state.anchor_offset()
        self.question = self.asked.serial + 1
        self.ask(replace(request, selected=row, anchor=row, anchor_offset=offset, first=0, seek=None))

    def seek(self, step: int) -> None:
        self.ask(replace(self.asked, seek=Seek("problem", step)))

    def deliver(self) -> None:
        if not self.wire:
            return
        view = self.wire.pop(0)
        if view.serial >= self.question:
            latest = view.serial == self.asked.serial
            self.state.show(window_of(view), latest=latest)
            if latest:
                self.asked = replace(self.asked, seek=None)
            self.ask_for_window()

    def change(self, totals: list[int]) -> None:
        self.world.cells = world_of(totals).cells
        self.wire.append(self.world.view(self.asked))

    def settle(self) -> None:
        for _ in range(100):
            if not self.wire:
                return
            self.deliver()
        raise AssertionError("the table never stops asking")

    def follow(self) -> bool:
        follows = self.state.follow()
        self.ask_for_window()
        return follows

    def gone_name(self) -> str | None:
        return self.state.gone.account if self.state.gone else None

    def check(self) -> None:
        state = self.state
        row, followed = state.row, state.followed
        if row is not None:
            assert row.key == state.key
            assert followed is None or followed.key == row.key, "the cursor is on no other row than the followed one"
        assert state.gone is None or row is None
        if not state.awaiting:
            assert 0 <= state.cursor <= max(state.count - 1, 0)
            assert state.scroll <= state.cursor < state.scroll + state.height or not state.count
            assert state.scroll == 0 or state.scroll + state.height <= state.count

    def check_settled(self) -> None:
        rows = [row for row in self.world.rows(self.asked) if self.world.is_left(row, self.asked)]
        keys = [row.key for row in rows]
        assert not self.state.awaiting
        assert self.state.count == len(rows)
        seen = range(self.state.scroll, min(self.state.scroll + self.state.height, len(rows)))
        assert [self.state.row_at(index) for index in seen] == [rows[index] for index in seen]
        followed = self.state.followed
        if followed is not None:
            assert (self.state.gone is None) is (followed.key in keys)
            assert self.state.key == (followed.key if followed.key in keys else None)
            assert self.asked.selected == followed.key
        elif rows:
            assert self.asked.selected == self.state.key
        if rows and self.state.gone is None:
            assert self.state.row == rows[self.state.cursor]
