"""The rows of a query as columns, merged from all sources, added up, filtered and sorted. Only the hub enters: a sheet
is made in its worker thread and read by its loop."""

from __future__ import annotations

import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, compress, repeat
from typing import Any

from tui.hub.filters import Columns
from tui.hub.fleet import Together
from tui.hub.order import Order, SortKey
from tui.hub.part import Part
from tui.hub.part import sum_known as sum_known
from tui.hub.problems import problems
from tui.hub.protocol import HostFacts
from tui.hub.selection import MAX_SELECTIONS, Selection, keep
from tui.model import (
    DOUBTFUL,
    NO_ACCOUNT_NAME,
    NO_CAMPAIGN_NAME,
    NO_ISP_NAME,
    STATES,
    Grouping,
    QueueQuery,
    QueueRow,
    RowKey,
)

KEY_COLUMNS = ("campaign_id", "isp", "account_id", "sender_id", "source")
"""The columns that make a row's key. Rows that are equal otherwise stand in their order, ascending."""

TABLE_COLUMNS = ("sender_id", "account_id", "account", "campaign_id", "campaign", "isp", *STATES)

QUICK_ROWS = 8192
"""So many rows are sorted fast enough for the hub's loop to do it."""

_SAMPLE_ROWS = 512
_FEW = 4

LeftOut = Collection[tuple[str, int | None]]
"""The hosts whose rows no sum holds: source and sender, ``None`` for all of a source."""


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
        summed = [part for part in parts if (part.source, None) not in left_out]
        self.source_sums = {part.source: _sums(part, left_out) for part in parts}
        self.sums = _sum_of([self.source_sums[part.source] for part in summed])
        self.sum_delta = sum_known([_sum_delta(part, left_out) for part in summed])
        self.files = sum_known([part.table.files for part in summed])
        self.answers: Sequence[Part] = parts
        if len(parts) == 1 and _constant(parts[0].table.sender_id):
            together = None  # it is one host: its rows stand for themselves
        self.together = together is not None
        if together is not None:
            parts = [together.part(summed, query)]
        self.counted = None if together is not None or not left_out else _flags(parts, left_out)
        self._columns: dict[str, list[Any]] = {
            "source": _joined([[part.source] * len(part) for part in parts]),
            "total": _joined([part.changes.totals for part in parts]),
        }
        for name in TABLE_COLUMNS:
            self._columns[name] = _joined([getattr(part.table, name) for part in parts])
        self._columns["sender"] = _joined([part.table.sender or [""] * len(part) for part in parts])
        self._columns |= {name: [fact(each) for each in facts] for name, fact in _FACTS.items()}
        self.several_senders = any(not _constant(part.table.sender_id) for part in parts)
        self._changes = [part.changes for part in parts]
        # Joined columns are copies: the parts' own are kept too, so that only release frees them.
        every = parts if together is None else [*parts, *self.answers]
        self._parts = [[getattr(part.table, name) for name in TABLE_COLUMNS] for part in every]
        self._keys = [name for name in KEY_COLUMNS if not _constant(self._columns[name])]
        self._telling = max(KEY_COLUMNS, key=self._sampled_values)
        self._found: dict[RowKey, int | None] = {}
        self._selections: OrderedDict[tuple[tuple[str, ...], bool], Selection] = OrderedDict()
        self.moving = any(changes.moving for changes in self._changes)
        self.problems = b"".join(problems(part.table.retry, part.table.hold, part.changes) for part in parts)
        self.problem_count = self.problems.count(1)

    def __len__(self) -> int:
        return len(self.problems)

    def order(self, sort: str, descending: bool) -> Order:
        """The indices of all rows sorted by a column of ``sorts.SORTS``."""
        return self.selection().order(sort, descending)

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

    def find(self, key: RowKey) -> int | None:
        """The index of the row with this key."""
        if key not in self._found:
            self._found[key] = self._look_for(key)
        return self._found[key]

    def find_all(self, keys: Iterable[RowKey]) -> None:
        """Look for many rows at once: ``has_found`` them, and ``find`` costs nothing."""
        wanted = {key for key in keys if key not in self._found}
        if len(wanted) < _FEW:
            for key in wanted:
                self.find(key)
            return
        telling = {getattr(key, self._telling) for key in wanted}
        found: dict[RowKey, int] = {}
        if telling and self._columns:
            for index, value in enumerate(self._columns[self._telling]):
                if value in telling and (key := self._key(index)) in wanted:
                    found[key] = index
        for key in wanted:
            self._found[key] = found.get(key)

    def has_found(self, keys: Iterable[RowKey]) -> bool:
        """Whether all these rows have been looked for."""
        return all(key in self._found for key in keys)

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
        self._found[row.key] = index  # what is shown is asked for next
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
        keys = [SortKey(column, descending) for column in columns if not _constant(column)]
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
        columns, self._columns = self._columns, {}  # from now on no row is found
        self.answers = ()
        self._found.clear()
        while self._selections:
            self._selections.popitem()
        while columns:
            columns.popitem()
        while self._changes:
            self._changes.pop()
        for part in self._parts:
            while part:
                part.pop()

    def _look_for(self, key: RowKey) -> int | None:
        if not self._columns:
            return None
        column, wanted, index = self._columns[self._telling], getattr(key, self._telling), -1
        with suppress(ValueError):  # there is none any more
            while (index := column.index(wanted, index + 1)) >= 0:
                if self._key(index) == key:
                    return index
        return None

    def _key(self, index: int) -> RowKey:
        columns = self._columns
        return RowKey(
            columns["source"][index],
            columns["sender_id"][index],
            columns["account_id"][index],
            columns["campaign_id"][index],
            columns["isp"][index],
        )

    def _sampled_values(self, name: str) -> int:
        column = self._columns[name]
        return len(set(column[:: len(column) // _SAMPLE_ROWS + 1]))

    def _shares(self) -> list[float | None]:
        whole = self.sums.total
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


def _flags(parts: Sequence[Part], left_out: LeftOut) -> bytes:
    """1 for each row that sums hold, 0 for each other."""
    flags = []
    for part in parts:
        if (part.source, None) in left_out:
            flags.append(bytes(len(part)))
        else:
            flags.append(bytes([(part.source, sender) not in left_out for sender in part.table.sender_id]))
    return b"".join(flags)


def _sums(part: Part, left_out: LeftOut) -> QueueRow:
    """What waits in one source, without those of its hosts that are left out; of the sender whose rows these are, where
    there is only one."""
    senders, table = part.table.sender_id, part.table
    flags = _flags([part], left_out) if _leaves_out_some(part, left_out) else None
    columns: dict[str, Any] = {state: getattr(table, state) for state in STATES}
    if flags is not None:
        columns = {state: compress(column, flags) for state, column in columns.items()}
    return QueueRow(
        source=part.source,
        sender_id=senders[0] if senders and _constant(senders) else 0,
        **{state: sum(column) for state, column in columns.items()},
    )


def _sum_delta(part: Part, left_out: LeftOut) -> float | None:
    if not _leaves_out_some(part, left_out):
        return part.sum_delta
    return sum_known(list(compress(part.changes.deltas(), _flags([part], left_out))))


def _leaves_out_some(part: Part, left_out: LeftOut) -> bool:
    """Whether sums hold some of the source's hosts and others not."""
    return any(source == part.source and sender is not None for source, sender in left_out)


def _sum_of(rows: Sequence[QueueRow]) -> QueueRow:
    return QueueRow(**{state: sum(getattr(row, state) for row in rows) for state in STATES})


def _joined(columns: Sequence[list[Any]]) -> list[Any]:
    return columns[0] if len(columns) == 1 else list(chain.from_iterable(columns))


def _constant(column: Sequence[Any]) -> bool:
    return not column or (column[0] == column[-1] and column.count(column[0]) == len(column))
