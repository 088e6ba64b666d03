"""The rows of a sheet that filters leave, added up and sorted. Only the hub enters: a selection is made in its worker
thread and read by its loop."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

from tui.hub.filters import FilterError, both, parse_filter
from tui.hub.order import Order
from tui.hub.part import sum_known
from tui.model import STATES, QueueRow

if TYPE_CHECKING:
    from tui.hub.sheet import Sheet

MAX_SELECTIONS = 4
MAX_ORDERS = 4
"""How many are kept of a sheet, and of a selection: someone who types a filter leaves one behind with each letter."""

Name = TypeVar("Name")
Value = TypeVar("Value")


class Selection:
    """The rows of a sheet that pass all ``filters``, and are problems if only these are asked for. ``problems``
    says why any of the filters cannot be used; that one leaves all rows. ``sum_delta`` is unknown where that of any row
    is."""

    def __init__(self, sheet: Sheet, filters: tuple[str, ...], only_problems: bool) -> None:
        self.problems: dict[str, str] = {}
        self._sheet = sheet
        self._flags = sheet.problems if only_problems else None
        for text in filters:
            try:
                self._narrow(text)
            except FilterError as error:
                self.problems[text] = str(error)
        self._orders: OrderedDict[tuple[str, bool], Order] = OrderedDict()
        self.sums, self.sum_delta = sheet.sums.whole, sheet.sums.delta
        if self._flags is not None:
            summed = self._flags if sheet.counted is None else both(self._flags, sheet.counted)
            self.sums = QueueRow(**{state: sum(compress(sheet.column(state), summed)) for state in STATES})
            self.sum_delta = sum_known(list(compress(sheet.column("delta"), summed)))

    def __len__(self) -> int:
        return len(self._sheet) if self._flags is None else self._flags.count(1)

    def __contains__(self, index: int) -> bool:
        return self._flags is None or bool(self._flags[index])

    def of(self, column: Iterable[Value]) -> Iterable[Value]:
        """The entries of a column that belong to these rows."""
        return column if self._flags is None else compress(column, self._flags)

    def order(self, sort: str, descending: bool) -> Order:
        """The rows' indices sorted by a column of ``sorts.SORTS``. Kept once made."""
        wanted = sort, descending
        kept = self._orders.get(wanted)
        if kept is None:
            rows = range(len(self._sheet)) if self._flags is None else list(self.of(range(len(self._sheet))))
            kept = Order(rows, self._sheet.sort_keys(sort, descending))
        return keep(self._orders, wanted, kept, MAX_ORDERS)

    def has_order(self, sort: str, descending: bool) -> bool:
        """Whether this order is made already, so that asking for it costs nothing."""
        return (sort, descending) in self._orders

    def _narrow(self, text: str) -> None:
        wanted = parse_filter(text)
        if wanted.terms:
            passed = wanted.select(self._sheet.filter_columns(wanted.needs), len(self._sheet))
            self._flags = passed if self._flags is None else both(self._flags, passed)


def keep(all_kept: OrderedDict[Name, Value], name: Name, value: Value, most: int) -> Value:
    """Keep ``value``, and of the others the ``most`` that were used last. Loop and worker may be here at once."""
    all_kept[name] = value
    with suppress(KeyError):
        all_kept.move_to_end(name)
        while len(all_kept) > most:
            all_kept.popitem(last=False)
    return value
