"""An engine (tracker, reconciler, queue state) and a book that adds up its batches by name, as a ledger does by
number."""

from __future__ import annotations

from collections import Counter

from tui.engine.batch import ISP_BITS, Batch, Names
from tui.engine.counts import COLUMNS, D_NEW, FAIL, SIZE, SUCCESS
from tui.engine.queue_state import QueueState
from tui.engine.reconcile import Reconciler
from tui.engine.tracker import Tracker
from tui.isp import IspTable
from tui.model import Balance


class Book:
    """Adds up batches."""

    def __init__(self) -> None:
        self.names = Names({}, {}, {})
        self.messages: dict[bytes, bytes] = {}
        self.rows: Counter[tuple[int, int, int]] = Counter()
        self.causes: Counter[tuple[int, str]] = Counter()
        self.counters: Counter[str] = Counter()
        self.accepted: Counter[int] = Counter()
        self.removed: Counter[int] = Counter()

    def add(self, batch: Batch) -> None:
        self.names.accounts.update(batch.accounts)
        self.names.campaigns.update(batch.campaigns)
        self.names.isps.update(batch.isps)
        for minute, columns in batch.deltas.items():
            for column, cells in enumerate(columns):
                for cell, amount in cells.items():
                    self.rows[minute, cell, column] += amount
        for key, cause in batch.causes.items():
            self.causes[key.cell, key.text] += cause.count
        for id_, blob in batch.messages.items():
            if blob is None:
                del self.messages[id_]
            else:
                self.messages[id_] = blob
        self.counters.update(batch.counters)
        self.accepted.update(batch.accepted)
        self.removed.update(batch.removed)

    def by_name(self) -> dict[tuple[int, str, str, str, int], int]:
        """What was counted: (minute, account, campaign, ISP, column) -> amount, without zeros."""
        accounts = {number: name for name, number in self.names.accounts.items()}
        campaigns = {number: (accounts[account], name) for (account, name), number in self.names.campaigns.items()}
        isps = {0: "", **{number: name for name, number in self.names.isps.items()}}
        named: Counter[tuple[int, str, str, str, int]] = Counter()
        for (minute, cell, column), amount in self.rows.items():
            named[(minute, *campaigns[cell >> ISP_BITS], isps[cell & (1 << ISP_BITS) - 1], column)] += amount
        return {key: amount for key, amount in named.items() if amount}

    def cells(self) -> dict[tuple[str, str, str], list[int]]:
        """What was counted over all time: (account, campaign, ISP) -> the nine columns, without empty cells."""
        rows: dict[tuple[str, str, str], list[int]] = {}
        for (_, account, campaign, isp, column), amount in self.by_name().items():
            rows.setdefault((account, campaign, isp), [0] * 9)[column] += amount
        return {key: row for key, row in rows.items() if any(row)}

    def sums(self) -> list[int]:
        """The nine columns over all cells."""
        sums = [0] * 9
        for (_, _, column), amount in self.rows.items():
            sums[column] += amount
        return sums

    def balances(self) -> dict[str, Balance]:
        """Whether all mail is accounted for, by account; of everybody under ``""``."""
        rows: dict[str, list[int]] = {}
        for (account, _, _), counts in self.cells().items():
            row = rows.setdefault(account, [0] * len(COLUMNS))
            row[:] = [a + b for a, b in zip(row, counts, strict=True)]
        found = {}
        for name, number in self.names.accounts.items():
            row = rows.get(name, [0] * len(COLUMNS))
            accepted, removed = self.accepted[number], self.removed[number]
            if any(row) or accepted or removed:
                found[name] = Balance(
                    account=name,
                    account_id=number,
                    accepted=accepted,
                    delivered=row[SUCCESS],
                    failed=row[FAIL],
                    removed=removed,
                    waiting=sum(row[D_NEW:]),
                )
        sums = self.sums()
        everybody = Balance(
            accepted=self.accepted.total(),
            delivered=sums[SUCCESS],
            failed=sums[FAIL],
            removed=self.removed.total(),
            waiting=sum(sums[D_NEW:]),
        )
        return {"": everybody, **found}

    def difference(self) -> int:
        """By how much not all mail is accounted for."""
        return self.balances()[""].difference

    def waiting(self) -> Counter[tuple[int, int]]:
        """What waits by cell and column."""
        gauges: Counter[tuple[int, int]] = Counter()
        for (_, cell, column), amount in self.rows.items():
            if column > SIZE:
                gauges[cell, column] += amount
        return gauges

    def engine(self, isps: IspTable | None = None) -> Engine:
        """An engine that goes on from what the book has."""
        return Engine(self, isps or IspTable())


class Engine:
    """Tracker and reconciler over one queue state, as the collector puts them together."""

    def __init__(self, book: Book, isps: IspTable) -> None:
        self.state = QueueState(book.names, book.messages, isps)
        self.tracker = Tracker(self.state)
        self.apply = self.tracker.apply
        self.reconcile = Reconciler(self.state).reconcile

    def take(self) -> Batch:
        return self.state.take(self.tracker.log_time)

    def units(self) -> dict[bytes, dict[bytes, int]]:
        """Waiting recipients and their state, by message."""
        return {
            id_: {recipient: unit & 3 for recipient, unit in message.units.items()}
            for id_, message in self.state.messages.items()
            if message.units
        }
