"""Rows as a table, as JSON or as CSV: what `show` prints and the screen exports. Pure: values in, lines of text out.
The command line and the export enter."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Protocol

import msgspec

from tui.hub.protocol import HostFacts
from tui.model import Balance, Grouping, MailTotals, QueueRow, SourceStatus
from tui.sources.accounting import on_calendar
from tui.text import cell_width, fit

SCHEMA = 1
"""The version of the JSON form; it grows when a key goes away or changes its meaning."""

UNKNOWN = "-"
"""What a table shows for a number that nobody knows."""

QUEUE_COUNTS = ("new", "proc", "retry", "hold", "total")
QUEUE_KEYS = ("source", "sender_id", "sender", "account_id", "account", "campaign_id", "campaign", "isp", *QUEUE_COUNTS)
TOTALS_COUNTS = (
    "send_count",
    "success_count",
    "defer_count",
    "fail_count",
    "in_progress_count",
    "defer_fail_count",
    "total_size",
)
HOST_FACTS = ("defer_share", "worst_isp", "freshness", "age_seconds")
HOST_KEYS = ("host", *QUEUE_KEYS, *HOST_FACTS, "counted")
"""Those of rows that are hosts: ``defer_share`` is the part of all attempts that was put off, from 0 to 1,
``worst_isp`` where most waits that was put off or held; a host that is not ``counted`` is in no sum."""

BALANCE_COUNTS = ("accepted", "delivered", "failed", "removed", "waiting", "difference")
BALANCE_KEYS = ("source", "account_id", "account", *BALANCE_COUNTS, "since")
"""Those of balances: a row of a whole host has the account ``""``; ``difference`` is what is not accounted for, and
``since`` is when that began, in UTC."""

TOTALS_KEYS = ("source", "account", *TOTALS_COUNTS, "quotas")

_TEXTS_OF = {
    Grouping.TOTAL: ("source",),
    Grouping.HOST: ("host",),
    Grouping.ACCOUNT: ("account",),
    Grouping.ACCOUNT_CAMPAIGN: ("account", "campaign"),
    Grouping.ISP: ("isp",),
}
_WORDS = ("worst_isp", "freshness", "since")
_HEADS = {"defer_share": "deferred", "age_seconds": "age"}
_LEAST_TEXT = 8
_FORMULA_SIGNS = frozenset("=+-@＝＋－＠")

Cell = str | int | float | None
Row = dict[str, Cell]


class Rows(Protocol):
    """Rows that can be gone through again and again; they may be made as they are asked for."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Row]: ...


class ShownSource(msgspec.Struct, frozen=True, kw_only=True):
    """One source as the JSON form tells it. ``queue_files`` is the number of messages that the mail system itself
    counts."""

    name: str
    type: str
    freshness: str
    age_seconds: float | None
    error: str | None
    queue_files: int | None


class Partial(msgspec.Struct, frozen=True):
    """The sums are of ``counted`` of ``hosts``."""

    counted: int
    hosts: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to print: ``rows`` have the ``keys``; ``texts``, ``counts`` and ``facts`` are the columns that a table
    shows of them, of which it adds up the counts. ``complete`` is false when a source is missing, so that no sum is
    taken for the whole; ``partial`` says how much is, where rows of several hosts are added up or stand for hosts.
    ``summed``: a table ends in sums."""

    time: str
    query: dict[str, Cell]
    sources: list[ShownSource]
    keys: tuple[str, ...]
    texts: tuple[str, ...]
    counts: tuple[str, ...]
    rows: Rows
    complete: bool
    facts: tuple[str, ...] = ()
    partial: Partial | None = None
    summed: bool = True


def shown_source(status: SourceStatus, queue_files: int | None = None) -> ShownSource:
    """A source's status as it is printed."""
    age = None if status.age_seconds is None else round(status.age_seconds, 1)
    return ShownSource(
        name=status.name,
        type=status.type,
        freshness=status.freshness.value,
        age_seconds=age,
        error=status.error,
        queue_files=queue_files,
    )


def queue_texts(grouping: Grouping, many_sources: bool, senders: Collection[str] = ()) -> tuple[str, ...]:
    """The columns of text that a table of this grouping needs, with what tells sources apart and, in ``senders``,
    sending systems."""
    own = [text for text in _TEXTS_OF[grouping] if text != "source"]
    return (*(["source"] if many_sources or not own else []), *senders, *own)


def queue_row(row: QueueRow, names_campaigns: bool = True) -> Row:
    """A row of the queue by the keys that JSON and CSV have. ``names_campaigns``: an empty name of a campaign is mail
    without a campaign, and not one whose name the source cannot tell."""
    return named({key: getattr(row, key) for key in QUEUE_KEYS}, names_campaigns)


def named(cells: Row, names_campaigns: bool = True) -> Row:
    """``cells`` of a row, by ``QUEUE_KEYS``, with ``None`` for names that nobody knows."""
    for name in ("sender", "account") if names_campaigns else ("sender", "account", "campaign"):
        if not cells[name] and cells[f"{name}_id"]:
            cells[name] = None
    return cells


def beside_host(name: str, facts: HostFacts) -> Row:
    """What stands in the row of a host beside what waits there."""
    return {
        "host": name,
        "freshness": facts.freshness.value,
        "age_seconds": None if facts.age_seconds is None else round(facts.age_seconds, 1),
        "defer_share": None if facts.defer_share is None else round(facts.defer_share, 4),
        "worst_isp": facts.worst_isp,
        "counted": facts.counted,
    }


def totals_row(source: str | None, totals: MailTotals) -> Row:
    """The totals of an account by the keys that JSON and CSV have; ``source`` is ``None`` where those of several are
    added up. ``quotas``: those that it has reached, in words."""
    numbers = {key: getattr(totals, key) for key in TOTALS_COUNTS}
    return {"source": source, "account": totals.account, **numbers, "quotas": ", ".join(totals.quotas)}


def balance_row(source: str, balance: Balance) -> Row:
    """A balance by the keys that JSON and CSV have."""
    since = on_calendar(balance.since)
    return {
        "source": source,
        "account_id": balance.account_id,
        "account": balance.account,
        **{key: getattr(balance, key) for key in BALANCE_COUNTS},
        "since": None if since is None else f"{datetime.fromtimestamp(since, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def as_json(report: Report) -> Iterator[str]:
    """One object, with a row a line so that line tools can be used on it; what is unknown is ``null``."""
    partial = {} if report.partial is None else {"partial": report.partial}
    head = msgspec.json.encode(
        {"schema": SCHEMA, "time": report.time, "query": report.query, **partial, "sources": report.sources, "rows": []}
    ).decode()
    yield head.removesuffix("]}")
    for index, row in enumerate(report.rows):
        yield ("," if index else "") + "\n" + msgspec.json.encode(row).decode()
    yield "\n]}\n" if report.rows else "]}\n"


def as_csv(report: Report) -> Iterator[str]:
    """A header and a line a row (RFC 4180); what is unknown is empty. A name that a spreadsheet would run as a formula
    gets an apostrophe in front, since senders choose their own domains."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(report.keys)
    for row in report.rows:
        writer.writerow([_harmless(row[key]) for key in report.keys])
        if line.tell() > 65536:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def as_table(report: Report, width: int | None = None) -> Iterator[str]:
    """Aligned columns, and a line of sums. ``width`` in cells shortens names so that a line fits; ``None`` does not."""
    heads = [_HEADS.get(column, column.removesuffix("_count")) for column in _columns(report)]
    widths = list(map(cell_width, heads))
    sums: list[int | None] = [0] * len(report.counts)
    for row in report.rows:
        widths = list(map(max, widths, map(cell_width, _cells(row, report))))
        if row.get("counted", True):
            sums = [_sum(total, row[key]) for total, key in zip(sums, report.counts, strict=True)]
    ends: list[list[str]] = []
    if _has_sums(report):
        ends = [[*map(_cell, (*_sum_label(report), *sums)), *[""] * len(report.facts)]]
        widths = list(map(max, widths, map(cell_width, ends[0])))
    if width is not None:
        widths = _shrunk(widths, len(report.texts), width)
    is_count = [False] * len(report.texts) + [True] * len(report.counts) + [key not in _WORDS for key in report.facts]
    for cells in chain([heads], (_cells(row, report) for row in report.rows), ends):
        line = "  ".join(
            [_placed(cell, size, right) for cell, size, right in zip(cells, widths, is_count, strict=True)]
        )
        yield (line if width is None else fit(line, width)).rstrip() + "\n"


def _harmless(cell: Cell) -> Cell:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA_SIGNS else cell


def _placed(cell: str, size: int, right: bool) -> str:
    if len(cell) > size or not (cell.isascii() and cell.isprintable()):
        return fit(cell, size, right=right)
    return cell.rjust(size) if right else cell.ljust(size)  # most cells, at a tenth of the price


def _columns(report: Report) -> tuple[str, ...]:
    return (*report.texts, *report.counts, *report.facts)


def _cells(row: Row, report: Report) -> list[str]:
    """A row as a table shows it: an id stands for a name that nobody knows."""
    texts = [_cell(row[key] if row[key] is not None else row.get(f"{key}_id"), is_id=True) for key in report.texts]
    return [*texts, *(_cell(row[key]) for key in report.counts), *(_fact(key, row[key]) for key in report.facts)]


def _fact(key: str, value: Cell) -> str:
    if isinstance(value, float | int):
        return f"{value:.1%}" if key == "defer_share" else f"{value:,.0f} s"
    return _cell(value)


def _cell(value: Cell, *, is_id: bool = False) -> str:
    if value is None:
        return UNKNOWN
    return str(value) if is_id or isinstance(value, str) else f"{value:,}"


def _has_sums(report: Report) -> bool:
    """One row of one source needs no sum, but where another is missing it must not be taken for all."""
    if not report.rows or not report.summed:
        return report.complete and report.summed
    is_all = report.partial is None or report.partial.counted == report.partial.hosts
    return len(report.rows) > 1 or not is_all or report.texts not in (("source",), ("host",))


def _sum_label(report: Report) -> list[Cell]:
    label, partial = "total" if report.complete else "total (incomplete)", report.partial
    if partial is not None and partial.counted < partial.hosts:
        label = f"total (partial {partial.counted}/{partial.hosts})"
    return [label, *([""] * (len(report.texts) - 1))]


def _sum(total: int | None, value: Cell) -> int | None:
    return total + value if total is not None and isinstance(value, int) else None


def _shrunk(widths: Sequence[int], texts: int, width: int) -> list[int]:
    """The widest of the first `texts` columns give way until a line has `width` cells, as far as they can."""
    shrunk = list(widths)
    too_wide = sum(shrunk) + 2 * (len(shrunk) - 1) - width
    while too_wide > 0:
        widest = max(range(texts), key=lambda column: shrunk[column])
        if shrunk[widest] <= _LEAST_TEXT:
            break
        shrunk[widest] -= 1
        too_wide -= 1
    return shrunk
