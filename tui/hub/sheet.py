"""The rows of a query as columns, merged from all sources, added up, filtered and sorted. Only the hub enters: a sheet
is made in its worker thread and read by its loop."""

from __future__ import annotations

import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any

from tui.hub.filters import Columns
from tui.hub.finder import KEY_COLUMNS, Finder
from tui.hub.fleet import Together
from tui.hub.order import SortKey
from tui.hub.part import Part, constant
from tui.hub.problems import problems
from tui.hub.protocol import HostFacts
from tui.hub.selection import MAX_SELECTIONS, Selection, keep
from tui.hub.sums import LeftOut, counted_rows, not_left_out, sums_of
from tui.model import (
    DOUBTFUL,
    NO_ACCOUNT_NAME,
    NO_CAMPAIGN_NAME,
    NO_ISP_NAME,
    STATES,
    Grouping,
    QueueQuery,
    QueueRow,
)

TABLE_COLUMNS = ("sender_id", "account_id", "account", "campaign_id", "campaign", "isp", *STATES)

QUICK_ROWS = 8192
"""So many rows are sorted fast enough for the hub's loop to do it."""


class Sheet:
    """The rows of ``query`` from every source that answered it; ``nameless`` are the sources that tell campaigns by id
    alone. With ``together`` the rows of all sources and senders are added up. ``left_out`` are the hosts that no sum
    holds; added-up rows hold them neither. ``facts`` are those of the rows of grouping ``HOST``. Nothing changes after
    it is built but what is kept of the questions that were answered."""

    def __init__(
        self,
        query: QueueQuery,
        parts: Sequence[Part],
        nameless: Collection[str] = (),
        *,
        together: Together | None = None,
        left_out: LeftOut = (),
        facts: Sequence[HostFacts] = (),
    ) -> None:
        self.query = query
        self._nameless = nameless
        self.sources = [part.source for part in parts]
        self.answers: Sequence[Part] = parts
        self.sums = sums_of(parts, left_out)
        if len(parts) == 1 and constant(parts[0].table.sender_id):
            together = None  # it is one host: its rows stand for themselves
        self.together = together is not None
        if together is not None:
            parts = [together.part(not_left_out(parts, left_out), query)]
        self.counted = None if together is not None or not left_out else counted_rows(parts, left_out)
        self._columns: dict[str, list[Any]] = {
            "source": _joined([[part.source] * len(part) for part in parts]),
            "total": _joined([part.changes.totals for part in parts]),
        }
        for name in TABLE_COLUMNS:
            self._columns[name] = _joined([getattr(part.table, name) for part in parts])
        self._columns["sender"] = _joined([part.table.sender or [""] * len(part) for part in parts])
        self._columns |= {name: [fact(each) for each in facts] for name, fact in _FACTS.items()}
        self.several_senders = any(not constant(part.table.sender_id) for part in parts)
        self._changes = [part.changes for part in parts]
        # Joined columns are copies: the parts' own are kept too, so that only release frees them.
        every = parts if together is None else [*parts, *self.answers]
        self._parts = [[getattr(part.table, name) for name in TABLE_COLUMNS] for part in every]
        self._keys = [name for name in KEY_COLUMNS if not constant(self._columns[name])]
        self.finder = Finder(self._columns)
        self._selections: OrderedDict[tuple[tuple[str, ...], bool], Selection] = OrderedDict()
        self.problems = b"".join(problems(part.table.retry, part.table.hold, part.changes) for part in parts)
        self.problem_count = self.problems.count(1)

    def __len__(self) -> int:
        return len(self.problems)

    def selection(self, filters: tuple[str, ...] = (), only_problems: bool = False) -> Selection:
        """The rows that pass all ``filters``. Kept once made."""
        wanted = filters, only_problems
        kept = self._selections.get(wanted)
        if kept is None:
            kept = Selection(self, filters, only_problems)
        return keep(self._selections, wanted, kept, MAX_SELECTIONS)

    def has_selection(self, filters: tuple[str, ...], only_problems: bool) -> bool:
        """Whether this selection is made already, so that asking for it costs nothing."""
        return (filters, only_problems) in self._selections

    def column(self, name: str) -> Sequence[Any]:
        """A column of the rows. Changes are made of what waited when they are first asked for."""
        if name == "delta" and name not in self._columns:
            self._columns[name] = _joined([changes.deltas() for changes in self._changes])
        return self._columns[name]

    def row(self, index: int) -> QueueRow:
        """Row ``index`` as a value of its own."""
        columns = self._columns
        row = QueueRow(
            source=columns["source"][index],
            sender_id=columns["sender_id"][index],
            sender=columns["sender"][index],
            account_id=columns["account_id"][index],
            account=columns["account"][index],
            campaign_id=columns["campaign_id"][index],
            campaign=columns["campaign"][index] or self._campaign_by_id(index),
            isp=columns["isp"][index],
            new=columns["new"][index],
            proc=columns["proc"][index],
            retry=columns["retry"][index],
            hold=columns["hold"][index],
        )
        self.finder.note(row.key, index)  # what is shown is asked for next
        return row

    def _campaign_by_id(self, index: int) -> str:
        number, source = self._columns["campaign_id"][index], self._columns["source"][index]
        return f"campaign {number}" if number and source in self._nameless else ""

    def delta(self, index: int) -> float | None:
        """The change of row ``index``'s total a minute; ``None`` unknown."""
        for changes in self._changes:
            if index < len(changes.totals):
                return changes.delta(index)
            index -= len(changes.totals)
        raise IndexError(index)

    def sort_keys(self, sort: str, descending: bool) -> list[SortKey]:
        """What ``sort`` compares: names, where equal their numbers; what is unknown comes last either way; where all is
        equal the rows' keys."""
        unknown = -math.inf if descending else math.inf
        columns: list[Sequence[Any]] = []
        if sort in ("delta", "trend", "deferral"):
            rates = self.column("deferral" if sort == "deferral" else "delta")
            columns = [[unknown if rate is None else rate for rate in rates]]
        elif sort == "drain":
            longest = sys.float_info.max  # which even what is endless comes to, so that unknown is more
            columns = [[unknown if minutes is None else min(minutes, longest) for minutes in self._drains()]]
        else:
            columns = [self._columns[name] for name in _COMPARED.get(sort, (sort,))]
        if sort == "isp" and self.query.grouping is Grouping.HOST:
            columns = [self._columns["worst_isp"]]
        keys = [SortKey(column, descending) for column in columns if not constant(column)]
        return [*keys, *(SortKey(self._columns[name]) for name in self._keys)]

    def filter_columns(self, names: Collection[str]) -> Columns:
        """Columns for a filter: names as they are shown, shares in percent, minutes until a row has drained."""
        made: dict[str, Callable[[], Sequence[Any]]] = {
            "share": self._shares,
            "drain": self._drains,
            "sender": self._shown_senders,
            **{name: partial(self._shown, name) for name in ("account", "campaign", "isp")},
        }
        return {name: made[name]() if name in made else self.column(name) for name in names}

    def release(self) -> None:
        """Free the columns one by one: freeing a million values in one go would hold the interpreter's lock."""
        self.finder.release()
        columns, self._columns = self._columns, {}
        self.answers = ()
        while self._selections:
            self._selections.popitem()
        while columns:
            columns.popitem()
        while self._changes:
            self._changes.pop()
        for part in self._parts:
            while part:
                part.pop()

    def _shares(self) -> list[float | None]:
        whole = self.sums.whole.total
        counted = repeat(1, len(self)) if self.counted is None else self.counted
        rows = zip(self._columns["total"], counted, strict=True)
        return [100 * total / whole if whole and counts else None for total, counts in rows]

    def _drains(self) -> list[float | None]:
        """Minutes until nothing waits any more at the present change: endless where more and more does, unknown where
        nothing changes."""
        return [
            None if not delta else math.inf if delta > 0 else total / -delta
            for total, delta in zip(self._columns["total"], self.column("delta"), strict=True)
        ]

    def _shown(self, name: str) -> list[str]:
        column = self._columns[name]
        if not _has(self.query.grouping, name) or "" not in column:
            return column
        if name == "isp":
            return [isp or NO_ISP_NAME for isp in column]
        if name == "account":
            ids = self._columns["account_id"]
            return [
                account or (f"account {number}" if number else NO_ACCOUNT_NAME)
                for account, number in zip(column, ids, strict=True)
            ]
        return [campaign or self._campaign_by_id(at) or NO_CAMPAIGN_NAME for at, campaign in enumerate(column)]

    def _shown_senders(self) -> list[str]:
        names: list[str] = self._columns["sender"]
        if not self.several_senders or "" not in names:
            return names
        return [name or str(number) for name, number in zip(names, self._columns["sender_id"], strict=True)]


def _freshness_rank(facts: HostFacts) -> int:
    """The worst has the highest."""
    return len(DOUBTFUL) - DOUBTFUL.index(facts.freshness) if facts.freshness in DOUBTFUL else 0


_FACTS: dict[str, Callable[[HostFacts], Any]] = {
    "freshness": _freshness_rank,
    "deferral": lambda facts: facts.defer_share,
    "worst_isp": lambda facts: facts.worst_isp,
}

_COMPARED = {
    "account": ("account", "account_id"),
    "campaign": ("campaign", "campaign_id"),
    "sender": ("sender", "sender_id"),
    "share": ("total",),
}


def _has(grouping: Grouping, name: str) -> bool:
    """Whether rows of this grouping are told apart by ``name``."""
    return {
        Grouping.TOTAL: False,
        Grouping.HOST: False,
        Grouping.ACCOUNT: name == "account",
        Grouping.ACCOUNT_CAMPAIGN: name in ("account", "campaign"),
        Grouping.ISP: name == "isp",
    }[grouping]


def _joined(columns: Sequence[list[Any]]) -> list[Any]:
    return columns[0] if len(columns) == 1 else list(chain.from_iterable(columns))
