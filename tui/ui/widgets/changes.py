"""Which rows have other numbers than at the last look. Values only: tables enter, and tests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")


class Changes(Generic[Key, Row]):
    """The rows that changed with the newest numbers, as they were before. A row that was not known then has not
    changed, whatever brought it here."""

    def __init__(self) -> None:
        self._now: Mapping[Key, Row] = {}
        self._before: dict[Key, Row] = {}

    @property
    def now(self) -> object:
        """What has changed: another object when something else has."""
        return self._before

    def take(self, rows: Mapping[Key, Row]) -> bool:
        """Take over the rows of another view. Whether it has new numbers; what changed before stands until then."""
        before = {key: self._now[key] for key, row in rows.items() if key in self._now and self._now[key] != row}
        self._now = rows
        if before:
            self._before = before
        return bool(before)

    def before(self, key: Key | None) -> Row | None:
        """What the row with this key was before it changed; ``None`` where it did not."""
        return None if key is None else self._before.get(key)

    def settle(self) -> bool:
        """Let what changed be as it always was. Whether anything had."""
        had = bool(self._before)
        self._before = {}
        return had

    def forget(self) -> None:
        """Other rows are coming, of another question."""
        self._now, self._before = {}, {}
