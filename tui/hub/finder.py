"""Where the rows of a sheet stand, by their keys. Only the hub enters: rows are looked for in its worker thread and in
its loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tui.model import RowKey

KEY_COLUMNS = ("campaign_id", "isp", "account_id", "sender_id", "source")
"""The columns that make a row's key. Rows that are equal otherwise stand in their order, ascending."""

_SAMPLE_ROWS = 512
_FEW = 4


class Finder:
    """Finds rows by the column that tells most of them apart, and keeps what was found."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = {name: columns[name] for name in KEY_COLUMNS}
        self._telling = max(KEY_COLUMNS, key=self._sampled_values)
        self._found: dict[RowKey, int | None] = {}

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
        if self._columns:
            for index, value in enumerate(self._columns[self._telling]):
                if value in telling and (key := self._key(index)) in wanted:
                    found[key] = index
        for key in wanted:
            self._found[key] = found.get(key)

    def has_found(self, keys: Iterable[RowKey]) -> bool:
        """Whether all these rows have been looked for."""
        return all(key in self._found for key in keys)

    def note(self, key: RowKey, index: int) -> None:
        """Find this row from now on without looking for it."""
        self._found[key] = index

    def release(self) -> None:
        """Hold the columns no more: from now on no row is found."""
        self._columns = {}
        self._found.clear()

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
