"""What the keys of the main screen do to the request that the hub is asked: pure steps from one request to the next."""

from __future__ import annotations

from msgspec.structs import replace

from tui.hub.protocol import ViewRequest
from tui.model import QueueQuery, RowKey
from tui.ui.columns import sort_names
from tui.ui.glyphs import Glyphs

SPANS_SECONDS = (300, 3600, 21600, 86400)
"""The spans of time the chart can show."""

_KEY_SORTS = ("account", "campaign", "isp")


class Places:
    """Remembers the row the cursor left each place on, and the way one went in, so that one comes back to the very
    place."""

    def __init__(self) -> None:
        self._rows: dict[tuple[QueueQuery, str | None], RowKey] = {}
        self._way: list[ViewRequest] = []

    def leave(self, asked: ViewRequest, row: RowKey | None) -> None:
        """Remember where the cursor stood."""
        if row is not None:
            self._rows[asked.query, asked.source] = row

    def row(self, query: QueueQuery, source: str | None) -> RowKey | None:
        """Where the cursor stood when this place was left."""
        return self._rows.get((query, source))

    def go_in(self, asked: ViewRequest) -> None:
        """Remember the place that one goes in from."""
        self._way.append(asked)

    def come_out(self) -> ViewRequest | None:
        """The place that one last went in from; ``None`` when one has come out as often."""
        return self._way.pop() if self._way else None


def go_to(asked: ViewRequest, query: QueueQuery, source: str | None, row: RowKey | None) -> ViewRequest:
    """Ask for another query, with the cursor on ``row`` if it is known. A sort by name ends with its grouping."""
    if asked.sort in _KEY_SORTS and query.grouping is not asked.query.grouping:
        asked = replace(asked, sort="total", descending=True)
    return replace(asked, query=query, source=source, selected=row, anchor=row, first=0)


def back_to(asked: ViewRequest, place: ViewRequest, row: RowKey | None) -> ViewRequest:
    """Ask again for what ``place`` asked for, in its order, with the cursor on ``row``."""
    asked = replace(asked, query=place.query, source=place.source, sort=place.sort, descending=place.descending)
    return replace(asked, selected=row, anchor=row, first=0)


def sorted_by_next(asked: ViewRequest, step: int, width: int, glyphs: Glyphs) -> ViewRequest:
    """Sort by the column ``step`` columns to the right of the present one, in the order that suits it: numbers from the
    top, names from A."""
    names = sort_names(asked.query, width, glyphs)
    place = next((i for i, (name, _) in enumerate(names) if name == asked.sort), -1)
    name, number = names[(place + step) % len(names)]
    return _reordered(replace(asked, sort=name, descending=number))


def reversed_order(asked: ViewRequest) -> ViewRequest:
    """The same order turned around."""
    return _reordered(replace(asked, descending=not asked.descending))


def spanned(asked: ViewRequest, step: int) -> ViewRequest:
    """The next shorter or longer span of the chart."""
    place = SPANS_SECONDS.index(asked.span_seconds) if asked.span_seconds in SPANS_SECONDS else 1
    return replace(asked, span_seconds=SPANS_SECONDS[min(max(place + step, 0), len(SPANS_SECONDS) - 1)])


def _reordered(asked: ViewRequest) -> ViewRequest:
    return replace(asked, anchor=asked.selected)
