"""Which rows of all answers `mailtop show` prints, and in which order: as the screen adds up, filters and sorts. Only
`show` enters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain

from tui.config import ConfigError
from tui.hub.account_sums import AddedUp
from tui.hub.accounts import Attention
from tui.hub.filters import ACCOUNTS, QUEUE, FilterError, parse_filter
from tui.hub.formats import QUEUE_COUNTS, Row, totals_row
from tui.hub.part import Changes, Part, totals_of
from tui.hub.protocol import AccountKey, AccountsRequest, HostFacts
from tui.hub.roll import Roll, Telling, Told
from tui.hub.sheet import TABLE_COLUMNS, Sheet
from tui.model import Freshness, Grouping, MailTotals, QueueQuery, QueueTable
from tui.sorts import ROW_NAMES

OF_CHANGE = ("delta", "drain", "trend", "rate", "defer_rate")
"""What nobody knows from one look."""

Answered = tuple[str, list[Row]]


def check_filter(text: str, *, of_queue: bool = True) -> None:
    """Raises ``ConfigError`` for a filter of the queue, or else of accounts, that cannot be used."""
    try:
        needs = parse_filter(text, QUEUE if of_queue else ACCOUNTS).needs
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
    facts = [_facts(row) for _, rows in answers for row in rows] if grouping is Grouping.HOST else []
    parts = [_part(grouping, source, rows) for source, rows in answers]
    sheet = Sheet(QueueQuery(grouping), parts, nameless, facts=facts)
    selection = sheet.selection((text,) if text else (), problems)
    for sentence in selection.problems.values():
        raise ConfigError(f"--filter: {sentence}")
    rows = list(chain.from_iterable(rows for _, rows in answers))
    if sort is None:
        return list(selection.of(rows))
    return [rows[index] for index in selection.order(sort, (sort in ROW_NAMES) is reverse)]


def together(rows: Iterable[Row], *, one_source: bool) -> list[Answered]:
    """The rows of all sources added up by their names, as rows that have no source and no sender; where several sources
    were asked they have no ids either, since each numbers names in its own way. What has only an id there is still a
    row of its source."""
    sums: dict[tuple[object, ...], Row] = {}
    for row in rows:
        is_nameless = row["account"] is None or row["campaign"] is None
        source = row["source"] if is_nameless and not one_source else None
        ids = (row["account_id"], row["campaign_id"]) if is_nameless or one_source else (None, None)
        key = (source, *ids, row["account"], row["campaign"], row["isp"])
        known = sums.setdefault(
            key,
            {**row, "source": source, "sender_id": None, "sender": None, "account_id": ids[0], "campaign_id": ids[1]}
            | dict.fromkeys(QUEUE_COUNTS, 0),
        )
        for count in QUEUE_COUNTS:
            known[count] = _number(known[count]) + _number(row[count])
    by_source: dict[str, list[Row]] = {}
    for row in sums.values():
        by_source.setdefault(str(row["source"] or ""), []).append(row)
    return list(by_source.items())


def picked_accounts(
    answers: Sequence[tuple[str, Sequence[MailTotals]]],
    text: str | None,
    sort: str | None,
    *,
    reverse: bool = False,
    together: bool = False,
) -> list[Row]:
    """The accounts of all sources (name, totals) that pass the filter, sorted by a column of ``ACCOUNT_SORTS``, or as
    they come; ``together``: those of one name added up. Raises ``ConfigError`` for a filter that cannot be used."""
    told = [Told(source, totals, 0.0) for source, totals in answers]
    telling: Sequence[Telling] = [AddedUp(told)] if together else told
    if text is None and sort is None:
        return [totals_row(each.source or None, totals) for each in telling for totals in each.totals]
    keys = [AccountKey(each.source, totals.account) for each in telling for totals in each.totals]
    roll = Roll(telling, Attention().places(telling, keys), {})
    asked = AccountsRequest(
        sort=sort or "attention", descending=(sort in ROW_NAMES) is reverse, filter=text or "", rows=len(roll)
    )
    page = roll.page(asked, None)
    if page.filter_problem:
        raise ConfigError(f"--filter: {page.filter_problem}")
    return [totals_row(pane.source or None, pane.totals) for pane in page.rows]


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
        unknown = 0 if name.endswith("_id") else ""
        setattr(table, name, [unknown if row[name] is None else row[name] for row in rows])
    return Part(source, table, Changes(totals_of(table)))


def _facts(row: Row) -> HostFacts:
    """What hosts are sorted by."""
    share = row["defer_share"]
    return HostFacts(
        freshness=Freshness(str(row["freshness"])),
        defer_share=share if isinstance(share, float) else None,
        worst_isp=str(row["worst_isp"]),
    )


def _number(cell: object) -> int:
    return cell if isinstance(cell, int) else 0
