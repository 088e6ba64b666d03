"""What the screen is measured beside: Textual with nothing on it, and the table one would make with ``DataTable``.

python -m benchmarks.rivals bare
python -m benchmarks.rivals datatable ROWS
"""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """The least app there is."""

    def compose(self) -> ComposeResult:
        yield Static("bare", markup=False)


def datatable(rows: int) -> App[None]:
    """The rows of the flood in a DataTable of the same process, all changed every second."""
    import asyncio

    from textual.widgets import DataTable

    from benchmarks.flood import Flood
    from tui.model import QueueQuery, QueueTable

    class Table(App[None]):
        """Fills the table once, then changes every cell that differs."""

        def compose(self) -> ComposeResult:
            yield DataTable[str](cursor_type="row")

        def on_mount(self) -> None:
            self.flood = Flood(rows)
            self.run_worker(self.follow())

        async def follow(self) -> None:
            table = self.query_one(DataTable)
            columns = table.add_columns("account", "campaign", "new", "proc", "retry", "hold", "total")
            shown = await self.answer()
            keys = table.add_rows(zip(*shown, strict=True))
            while True:
                await asyncio.sleep(1)
                newer = await self.answer()
                for column, before, after in zip(columns, shown, newer, strict=True):
                    for key, old, new in zip(keys, before, after, strict=True):
                        if old != new:
                            table.update_cell(key, column, new)
                shown = newer

        async def answer(self) -> list[list[str]]:
            told = await self.flood.queue(QueueQuery())
            assert isinstance(told, QueueTable)
            counts = [told.new, told.proc, told.retry, told.hold]
            totals = [sum(row) for row in zip(*counts, strict=True)]
            return [told.account, told.campaign, *([f"{count:,}" for count in column] for column in (*counts, totals))]

    return Table()


if __name__ == "__main__":
    (Bare() if sys.argv[1] == "bare" else datatable(int(sys.argv[2]))).run(mouse=False)
