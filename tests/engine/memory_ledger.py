"""A ledger writer that keeps everything in plain dicts and can be told to fail: what the collector's tests write to."""

from __future__ import annotations

from collections import Counter

from tui.engine.batch import Batch, LogPosition, Names
from tui.engine.ledger import LedgerError


class MemoryLedger:
    """Adds up batches by name, as a ledger does by number."""

    def __init__(self) -> None:
        self._names = Names({}, {}, {})
        self._messages: dict[bytes, bytes] = {}
        self._positions: dict[str, LogPosition] = {}
        self.rows: Counter[tuple[int, int, int]] = Counter()
        self.counters: Counter[str] = Counter()
        self.gauges: dict[str, int] = {}
        self.notes: dict[str, str] = {}
        self.maintained: list[float] = []
        self.failures: list[str] = []

    def names(self) -> Names:
        return self._names

    def messages(self) -> dict[bytes, bytes]:
        return self._messages

    def positions(self) -> list[LogPosition]:
        return list(self._positions.values())

    def write(self, batch: Batch) -> None:
        if self.failures:
            raise LedgerError(self.failures.pop())
        self._names.accounts.update(batch.accounts)
        self._names.campaigns.update(batch.campaigns)
        self._names.isps.update(batch.isps)
        for minute, columns in batch.deltas.items():
            for column, cells in enumerate(columns):
                for cell, amount in cells.items():
                    self.rows[minute, cell, column] += amount
        for id_, blob in batch.messages.items():
            if blob is None:
                del self._messages[id_]
            else:
                self._messages[id_] = blob
        self.counters.update(batch.counters)
        self.gauges |= batch.gauges
        for position in batch.positions:
            self._positions[position.path] = position

    def note(self, key: str, text: str | None) -> None:
        self.notes.pop(key, None)
        if text is not None:
            self.notes[key] = text

    def maintain(self, now: float) -> None:
        self.maintained.append(now)

    def close(self) -> None:
        pass

    def sums(self) -> list[int]:
        sums = [0] * 9
        for (_, _, column), amount in self.rows.items():
            sums[column] += amount
        return sums
