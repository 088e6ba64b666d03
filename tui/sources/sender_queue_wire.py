"""The sender-queue API as bytes: questions to JSON or XML, answers to columns or to the reason why they are none. Pure;
the sender-queue source enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add
from typing import Annotated
from xml.sax.saxutils import escape

import msgspec
from msgspec import Meta

from tui.model import Grouping, QueueQuery
from tui.sources.masking import clean
from tui.sources.sender_queue_envelope import BOM, MAX_NUMBER, AnswerError, read_envelope, refuse_error
from tui.sources.sender_queue_xml import Cut, cut_rows

MAX_NAME = 255
COUNTS = ("new", "proc", "retry", "hold")


class Rows(msgspec.Struct, kw_only=True):
    """One sender's rows as columns of one length, each key once. ``odd_totals`` counts the rows whose ``total`` was not
    the sum of their four counts."""

    account_id: list[int] = []
    campaign_id: list[int] = []
    isp: list[str] = []
    new: list[int] = []
    proc: list[int] = []
    retry: list[int] = []
    hold: list[int] = []
    odd_totals: int = 0


class Page(msgspec.Struct, frozen=True):
    """A piece of a list of senders or accounts: names by id, and how many the whole list has, where the server says."""

    names: dict[int, str]
    total_count: int | None


_Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]


class _Row(msgspec.Struct, gc=False):
    new: _Number
    proc: _Number
    retry: _Number
    hold: _Number
    account_id: _Number | None = 0
    campaign_id: _Number | None = 0
    isp: str | None = ""
    total: _Number | None = None


class _RowsEnvelope(msgspec.Struct):
    error: object = None
    error_text: object = None
    data: list[_Row] | None = None


# Not strict: numbers may stand in quotes.
_decode_rows = msgspec.json.Decoder(_RowsEnvelope, strict=False).decode


def encode(fields: Mapping[str, int | str], format: str) -> bytes:
    """The body of a question in ``format`` (``json`` or ``xml``)."""
    if format == "json":
        return msgspec.json.encode(fields)
    leaves = (f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    return f"<xml>{''.join(leaves)}</xml>".encode()


def decode_rows(body: bytes) -> Rows:
    """The rows of a ``senders/queue/stats`` answer, JSON or XML as it comes; equal keys are added up. Names are clean.

    Raises ``AnswerError``.
    """
    body = body.removeprefix(BOM)
    if not body.lstrip().startswith(b"<"):
        try:
            quick = _decode_rows(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # read again with patience, for the reason
        else:
            refuse_error(quick.error, quick.error_text)
            return _columns(quick.data or [])
    elif (cut := cut_rows(body)) is not None:
        try:
            data = read_envelope(cut.rest).data
        except AnswerError:
            pass  # read again with patience, for a reason that speaks of the whole answer
        else:
            if not data:
                return _checked(_of_cut(cut), cut.numbers.get("total"))
    return _columns(_rows(read_envelope(body).data))


def judge(rows: Rows, query: QueueQuery) -> tuple[str, ...]:
    """What is to be said of rows that answer ``query``, a sentence each. Raises ``AnswerError`` for rows that its
    filters exclude: a filter that the server ignored must not look as if it was kept."""
    notes = []
    filters: dict[str, int | str | None] = {
        "account": query.account_id,
        "campaign": query.campaign_id,
        "isp": query.isp,
    }
    columns: dict[str, set[int] | set[str]] = {
        "account": set(rows.account_id),
        "campaign": set(rows.campaign_id),
        "isp": set(rows.isp),
    }
    for dimension, found in columns.items():
        wanted, grouped = filters[dimension], dimension in _DIMENSIONS[query.grouping]
        others = sorted(str(value) for value in found if (value or grouped) and not _is_same(value, wanted))
        if wanted is not None and others:
            raise AnswerError(
                f'has rows of {dimension} "{others[0]}" though "{wanted}" was asked for: the server ignores the '
                "filter; go back out, and tell the platform's operator"
            )
        if wanted is None and others and not grouped:
            notes.append(
                f"The server answers with rows of every {dimension} though they were asked for by "
                f"{query.grouping.value}; they are shown as they came."
            )
    if rows.odd_totals:
        notes.append(
            f"The server's own total is not the sum of its counts in {rows.odd_totals:,} of {len(rows.new):,} rows; "
            "the sum is shown."
        )
    return tuple(notes)


_DIMENSIONS = {
    Grouping.TOTAL: (),
    Grouping.HOST: (),
    Grouping.ACCOUNT: ("account",),
    Grouping.ACCOUNT_CAMPAIGN: ("account", "campaign"),
    Grouping.ISP: ("isp",),
}


def _is_same(value: int | str, wanted: int | str | None) -> bool:
    """Whether a row's dimension is the one that was asked for; names of ISPs in any case."""
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.casefold()
    return value == wanted


def decode_page(body: bytes) -> Page:
    """A page of a ``senders/list`` or ``accounts/list`` answer. Raises ``AnswerError``."""
    envelope = read_envelope(body)
    names = {}
    for place, entry in enumerate(_entries(envelope.data), 1):
        name = entry.get("name")
        number = _number(entry, "id", f"entry {place}")
        names[number] = clean(name)[:MAX_NAME] if isinstance(name, str) else ""
    try:
        total_count = msgspec.convert(envelope.total_count, _Number | None, strict=False)
    except msgspec.ValidationError:
        total_count = None
    return Page(names, total_count)


_REPORT = "the server does not keep to its documentation: tell its operator"


def _entries(data: object) -> Sequence[Mapping[str, object]]:
    """The objects of the answer's list; none where there is no list."""
    if data is None:
        return ()
    if not isinstance(data, list):
        raise AnswerError(f'has {_kind(data)} as "data" instead of a list; {_REPORT}')
    for place, entry in enumerate(data, 1):
        if not isinstance(entry, dict):
            raise AnswerError(f'has {_kind(entry)} instead of an object in "data", entry {place:,}; {_REPORT}')
    return data


def _kind(value: object) -> str:
    kinds: list[tuple[type, str]] = [
        (type(None), "null"),
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
    ]
    return next((words for kind, words in kinds if isinstance(value, kind)), "an object")


def _rows(data: object) -> list[_Row]:
    """Rows of dictionaries, quickly where all is well, else one by one for the reason."""
    entries = _entries(data)
    try:
        return msgspec.convert(entries, list[_Row], strict=False)
    except msgspec.ValidationError:
        return [_row(entry, f"row {place:,}") for place, entry in enumerate(entries, 1)]


def _row(entry: Mapping[str, object], where: str) -> _Row:
    new, proc, retry, hold = (_number(entry, key, where) for key in COUNTS)
    account_id, campaign_id = (
        0 if _is_absent(entry.get(key)) else _number(entry, key, where) for key in ("account_id", "campaign_id")
    )
    isp = entry.get("isp")
    if not (isp is None or isinstance(isp, str)):
        raise AnswerError(f'has {_kind(isp)} as "isp" instead of text in {where}; {_REPORT}')
    total: int | None
    try:
        total = None if _is_absent(entry.get("total")) else _number(entry, "total", where)
    except AnswerError:  # the sum is ours anyway
        total = -1
    return _Row(new, proc, retry, hold, account_id, campaign_id, isp, total)


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _number(entry: Mapping[str, object], key: str, where: str) -> int:
    """A whole number from 0 to ``MAX_NUMBER``, in quotes or not; unknown is not zero, so one that is missing is
    refused."""
    value = entry.get(key)
    if _is_absent(value):
        raise AnswerError(f'has no "{key}" in {where}; what is unknown is not shown as zero: {_REPORT}')
    if isinstance(value, str):
        value = value.strip()
    try:
        return msgspec.convert(value, _Number, strict=False)
    except msgspec.ValidationError:
        pass
    raise AnswerError(f'has {_shown(value)} as "{key}" in {where}, not a count of at most 15 digits; {_REPORT}')


def _shown(value: object) -> str:
    """A value from outside in a few words; numbers too long to print are just that."""
    if isinstance(value, str):
        return f'"{clean(value)[:40]}"'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if abs(value) < 1e30 else "a number"
    return _kind(value)


def _columns(rows: Sequence[_Row]) -> Rows:
    """One pass a column: with 100,000 rows a loop over all of a row's values at once takes three times as long."""
    columns = Rows(
        account_id=[row.account_id or 0 for row in rows],
        campaign_id=[row.campaign_id or 0 for row in rows],
        isp=_names([row.isp for row in rows]),
        new=[row.new for row in rows],
        proc=[row.proc for row in rows],
        retry=[row.retry for row in rows],
        hold=[row.hold for row in rows],
    )
    return _checked(columns, [row.total for row in rows])


def _of_cut(cut: Cut) -> Rows:
    """The columns as they came; an id that no row has is 0."""
    none = [0] * len(cut.isp)
    account_id, campaign_id = (cut.numbers.get(name, none) for name in ("account_id", "campaign_id"))
    new, proc, retry, hold = (cut.numbers[name] for name in COUNTS)
    return Rows(
        account_id=account_id, campaign_id=campaign_id, isp=_names(cut.isp), new=new, proc=proc, retry=retry, hold=hold
    )


def _names(isps: Sequence[str | None]) -> list[str]:
    names = {isp: clean(isp or "")[:MAX_NAME] for isp in set(isps)}
    return [names[isp] for isp in isps]


def _checked(columns: Rows, totals: Sequence[int | None] | None) -> Rows:
    """The columns with each key once, and ``totals``, where there are any, compared with the sums."""
    sums = list(map(add, map(add, columns.new, columns.proc), map(add, columns.retry, columns.hold)))
    if sum(sums) > MAX_NUMBER:
        raise AnswerError(f"adds up to more than 15 digits of waiting mail; {_REPORT}")
    if totals is not None and totals != sums:
        columns.odd_totals = sum(total is not None and total != sum_ for total, sum_ in zip(totals, sums, strict=True))
    return columns if _is_distinct(columns) else _added_up(columns)


def _is_distinct(columns: Rows) -> bool:
    """Whether each key is there once; most often one dimension alone tells."""
    count = len(columns.new)
    if any(len(set(ids)) == count for ids in (columns.campaign_id, columns.account_id)):
        return True
    return len(set(zip(columns.account_id, columns.campaign_id, columns.isp, strict=True))) == count


def _added_up(columns: Rows) -> Rows:
    """The same with each key once."""
    sums: dict[tuple[int, int, str], list[int]] = {}
    keys = zip(columns.account_id, columns.campaign_id, columns.isp, strict=True)
    counts = zip(columns.new, columns.proc, columns.retry, columns.hold, strict=True)
    for key, row in zip(keys, counts, strict=True):
        known = sums.get(key)
        sums[key] = list(row) if known is None else [a + b for a, b in zip(known, row, strict=True)]
    new, proc, retry, hold = (list(column) for column in zip(*sums.values(), strict=True))
    return Rows(
        account_id=[key[0] for key in sums],
        campaign_id=[key[1] for key in sums],
        isp=[key[2] for key in sums],
        new=new,
        proc=proc,
        retry=retry,
        hold=hold,
        odd_totals=columns.odd_totals,
    )
