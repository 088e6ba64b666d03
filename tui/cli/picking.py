"""Which rows of all answers `mailtop show queue` prints, and in which order: as the screen filters and sorts. Only
`show` enters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain

from tui.config import ConfigError
from tui.hub.filters import FilterError, parse_filter
from tui.hub.formats import Row
from tui.hub.part import Changes, Part, totals_of
from tui.hub.sheet import TABLE_COLUMNS, Sheet
from tui.model import Grouping, QueueQuery, QueueTable

NAMES = ("account", "campaign", "isp", "sender", "source")
"""These are sorted from A to Z, numbers from the largest, unless in reverse."""

OF_CHANGE = ("delta", "drain", "trend")
"""What nobody knows from one look."""

Answered = tuple[str, list[Row]]


def check_filter(text: str) -> None:
    """Raises ``ConfigError`` for a filter that cannot be used."""
    try:
        needs = parse_filter(text).needs
    except FilterError as error:
        raise ConfigError(f"--filter: {error}") from None
    if unknown := [name for name in OF_CHANGE if name in needs]:
        raise ConfigError(f"--filter: {unknown[0]} is not known from one look; leave it out, or look at the screen")


def picked(
    answers: Sequence[Answered],
    grouping: Grouping,
    text: str | None,
    sort: str | None,
    *,
    problems: bool = False,
    reverse: bool = False,
    nameless: Collection[str] = (),
) -> list[Row]:
    """The rows of all sources (name, rows) that pass the filter, and are ``problems`` if so asked, sorted by a column
    of ``SORTS``, or as they come. ``nameless`` are the sources that tell campaigns by id alone. Raises ``ConfigError``
    for a filter that cannot be used."""
    sheet = Sheet(QueueQuery(grouping), [_part(grouping, source, rows) for source, rows in answers], nameless)
    selection = sheet.selection((text,) if text else (), problems)
    for sentence in selection.problems.values():
        raise ConfigError(f"--filter: {sentence}")
    rows = list(chain.from_iterable(rows for _, rows in answers))
    if sort is None:
        return list(selection.of(rows))
    return [rows[index] for index in selection.order(sort, (sort in NAMES) is reverse)]


def largest_first(count: str, keys: Iterable[str]) -> Callable[[Row], tuple[object, ...]]:
    """What rows with these keys are sorted by in their usual order: ``count``, where equal names, then ids."""
    texts = [key for key in ("account", "campaign", "isp", "source") if key in keys]
    ids = [key for key in keys if key.endswith("_id")]

    def key(row: Row) -> tuple[object, ...]:
        value = row[count]
        return (-value if isinstance(value, int) else 1, *(row[text] or "" for text in texts), *map(row.get, ids))

    return key


def _part(grouping: Grouping, source: str, rows: Sequence[Row]) -> Part:
    """A source's rows as columns; their changes are not known."""
    table = QueueTable(query=QueueQuery(grouping))
    for name in ("sender", *TABLE_COLUMNS):
        setattr(table, name, ["" if row[name] is None else row[name] for row in rows])
    return Part(source, table, Changes(totals_of(table)))
