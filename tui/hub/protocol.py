"""What screen and hub say to each other: requests down, views up, as msgpack frames. The only room of the hub the
screen may enter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any, Literal, Protocol

import msgspec

from tui.model import (
    Balance,
    Cause,
    Counts,
    Freshness,
    MailTotals,
    QueueQuery,
    QueueRow,
    RowKey,
    SourceStatus,
    WaitingMessage,
)
from tui.text import clean

MAX_FRAME_BYTES = 16 * 1024 * 1024

MAX_MARKS = 1000
"""So many rows can be marked."""

TREND_LEVELS = "012345678"
TREND_GAP = " "
"""What a row's trend is written in, a character a step: how high it is on the row's own scale, 8 its highest; a gap is
what is not known."""


class Seek(msgspec.Struct, frozen=True):
    """The next row that is a problem, or that matches ``filter``, ``step`` +1 downwards or -1 upwards from the selected
    one in the order asked for, from the other end after the last."""

    kind: Literal["problem", "match"]
    step: int
    filter: str = ""


class AccountKey(msgspec.Struct, frozen=True):
    """Which account of which source this is."""

    source: str
    account: str


class AccountsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The table of all accounts: its order (a name of ``sorts.ACCOUNT_SORTS``), the rows that match ``filter``, a
    window of these. ``selected`` is the account under the cursor; with ``anchor`` the window is placed so that this
    account stands at ``anchor_offset`` in it."""

    sort: str = "attention"
    descending: bool = True
    filter: str = ""
    first: int = 0
    rows: int = 50
    selected: AccountKey | None = None
    anchor: AccountKey | None = None
    anchor_offset: int = 0


class ViewRequest(msgspec.Struct, frozen=True, kw_only=True, tag="request"):
    """What the screen wants to see. ``serial`` grows with each request; a view says which one it answers.

    ``first`` and ``rows`` are the window of the sorted table that is wanted; with ``anchor`` the window is instead
    placed so that this
    row stands at the offset ``anchor_offset`` within it. ``chart_width`` and ``chart_height`` are cells (0: no
    chart); the chart shows the row
    ``selected`` (or all rows of the query when it is ``None``) over ``span_seconds``. ``panes`` is how many account
    panes are shown, each with a
    sparkline of ``pane_width`` by ``pane_height`` cells. ``ascii`` asks for charts of ASCII characters only.

    ``filter`` is what the user typed to see fewer rows (``hub/filters.py`` has its grammar), ``problems`` leaves only
    rows that are a problem. ``marked`` are the rows to add up, at most ``MAX_MARKS``. ``seek`` asks where another row
    is. ``trend_cells`` is how many steps of the last hour's trend stand beside each row of the window (0: none).
    ``detail`` asks for all that is known of the selected row, with the oldest ``messages``. ``accounts`` asks for the
    table of accounts. Unless something was asked, views come no sooner than ``push_seconds`` after one another.

    ``together`` adds rows and accounts up over all sources and senders by their names; such rows have no source and no
    sender, and negative numbers of the hub's own where they have names. Grouping ``HOST`` always tells them apart.
    """

    serial: int
    query: QueueQuery = QueueQuery()
    source: str | None = None
    sort: str = "total"
    descending: bool = True
    first: int = 0
    rows: int = 50
    anchor: RowKey | None = None
    anchor_offset: int = 0
    selected: RowKey | None = None
    span_seconds: int = 3600
    chart_width: int = 0
    chart_height: int = 0
    panes: int = 0
    pane_width: int = 0
    pane_height: int = 0
    ascii: bool = False
    paused: bool = False
    filter: str = ""
    problems: bool = False
    marked: list[RowKey] = []
    seek: Seek | None = None
    trend_cells: int = 0
    detail: bool = False
    messages: int = 0
    accounts: AccountsRequest | None = None
    push_seconds: float = 0.0
    together: bool = False


class Jump(msgspec.Struct, frozen=True, kw_only=True, tag="jump"):
    """Find the row of ``dimension`` that ``text`` means (its name, the beginning of it, a part of it, or its number)
    within ``query`` of ``source``. ``together``: rows are added up over all sources, and it is not asked whose the row
    is. ``Jumped`` answers."""

    serial: int
    dimension: Literal["sender", "host", "account", "campaign", "isp"]
    text: str
    query: QueueQuery
    source: str | None = None
    together: bool = False


class Export(msgspec.Struct, frozen=True, kw_only=True, tag="export"):
    """Write all rows that ``request`` selects, in its order, to a new file at ``path``. ``Exported`` answers."""

    serial: int
    request: ViewRequest
    format: Literal["text", "csv", "json"]
    path: str


class Refresh(msgspec.Struct, frozen=True, tag="refresh"):
    """Poll every source now, without waiting for its interval."""


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Stop polling, stop what the hub started, and end."""


Request = ViewRequest | Jump | Export | Refresh | Close


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A run of chart text in one role: ``""`` plain, ``axis``, or the name of a series (``new``, ``retry``,
    ``success``, …)."""

    text: str
    role: str = ""


ChartLine = list[Span]


class AccountPane(msgspec.Struct, frozen=True, kw_only=True):
    """One account's totals in ``source``, its messages sent a minute (``None`` unknown) and its sparkline."""

    source: str
    totals: MailTotals
    rate_per_minute: float | None = None
    defer_rate_per_minute: float | None = None
    chart: list[ChartLine] = []

    @property
    def key(self) -> AccountKey:
        """The account's identity across refreshes."""
        return AccountKey(self.source, self.totals.account)


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A window of the table of accounts, from ``first`` of ``count`` that match; ``all_count`` is how many there are.
    ``sort``, ``descending`` and ``filter`` are those it was made for, which can be those before: one that takes long
    comes later. ``selected`` is the account that was asked for, at ``selected_index`` where it is there. ``sums`` adds
    up those that match, ``None`` where any part is unknown. ``filter_problem`` says why the filter cannot be used; then
    all match."""

    sort: str
    descending: bool
    filter: str = ""
    first: int = 0
    count: int = 0
    all_count: int = 0
    rows: list[AccountPane] = []
    sums: MailTotals = MailTotals(account="")
    selected: AccountKey | None = None
    selected_index: int | None = None
    filter_problem: str = ""


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a row of grouping ``HOST``: how far its numbers can be trusted and how old they are; which
    part of all attempts was put off (``None`` unknown), and the mailbox provider where most waits that was put off or
    held. ``counted`` says whether the sums hold the row: those of a host that is stale or cannot be read do not.
    ``known`` is false for a host that has never told what waits there: its counts stand for nothing."""

    freshness: Freshness
    age_seconds: float | None = None
    error: str | None = None
    defer_share: float | None = None
    worst_isp: str = ""
    worst_waiting: int = 0
    counted: bool = True
    known: bool = True


class Balanced(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all mail that hosts accepted is accounted for. Of those ``asked``, ``told`` tell how it is now; the
    others do not, or have not for long. By ``off`` recipients it is not, counted account by account, since ``since``
    (seconds since 1970, ``None`` unknown), on ``off_count`` hosts, of which ``off_hosts`` are the names, as far as
    there is room, the worst first. ``sums`` are the numbers themselves, where these are asked for."""

    asked: int
    told: int
    off: int = 0
    since: int | None = None
    off_count: int = 0
    off_hosts: list[str] = []
    sums: Balance | None = None


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of ``row``. ``sender_total`` is what waits at its sender in all. ``events`` are the sums over
    the span of the chart, ``span_seconds``, as far as its history is known. ``causes`` (most frequent first) and
    ``messages`` (oldest first) are ``None`` where the source does not tell them; ``waiting`` says that they have been
    asked for and are on their way. ``problem`` is a sentence on why something could not be read.
    ``balance`` says whether the mail of an account, or of whole hosts, is accounted for; ``None`` for other rows, and
    where nobody tells."""

    row: QueueRow
    delta: float | None = None
    sender_total: int | None = None
    span_seconds: int = 3600
    events: Counts | None = None
    causes: list[Cause] | None = None
    messages: list[WaitingMessage] | None = None
    waiting: bool = False
    problem: str = ""
    balance: Balanced | None = None


class View(msgspec.Struct, frozen=True, kw_only=True, tag="view"):
    """What anyone sees, frozen. ``rows`` is the window that begins at ``first`` of ``row_count`` sorted rows;
    ``deltas`` stands beside it:
    the change of each row's total a minute, ``None`` unknown. ``sums`` adds up all rows. ``time`` is in seconds since
    1970.
    ``selected_index`` is where the selected row stands now among all rows, ``None`` when it is gone. ``queue_known``
    is false
    before the first answer of a source: then there are no rows because nothing is known, not because nothing waits.
    ``queue_freshness`` is that of ``sums``: the worst of the sources that they add up, partial where one is missing.
    ``queue_sources`` are the names of the sources whose rows these are; ``several_senders`` says that one of them tells
    its rows apart by sender. ``totals_offered`` is false where no source tells mail totals at all. ``problems`` are
    sentences to show once.

    ``sums`` are those of the rows that the filter leaves, ``whole`` those of all ``all_count``; ``problem_count`` is
    how many of the latter are a problem, ``row_problems`` says it of each row of the window. ``filter_problem`` says
    why the filter cannot be used; then it leaves all. ``trends`` stand beside the rows, in ``TREND_LEVELS``.
    ``hosts`` stand beside the rows of grouping ``HOST``. The sums are of ``hosts_counted`` of ``host_count`` hosts
    that have a queue.
    ``marked_sums`` adds up the ``marked_count`` marked rows that are still there. ``sought`` and ``sought_index`` are
    the answer to ``seek``, ``None`` when there is no such row. ``balance`` is that of all hosts, without its numbers;
    ``None`` where nobody tells it."""

    serial: int
    time: float
    query: QueueQuery = QueueQuery()
    sort: str = "total"
    descending: bool = True
    first: int = 0
    row_count: int = 0
    rows: list[QueueRow] = []
    deltas: list[float | None] = []
    sums: QueueRow = QueueRow()
    sum_delta: float | None = None
    files: int | None = None
    queue_known: bool = False
    queue_freshness: Freshness = Freshness.LIVE
    queue_sources: list[str] = []
    several_senders: bool = False
    selected_index: int | None = None
    selected: RowKey | None = None
    panes: list[AccountPane] = []
    pane_count: int = 0
    totals_known: bool = False
    totals_offered: bool = True
    chart_title: str = ""
    chart: list[ChartLine] = []
    sources: list[SourceStatus] = []
    problems: list[str] = []
    whole: QueueRow = QueueRow()
    all_count: int = 0
    problem_count: int = 0
    row_problems: list[bool] = []
    filter_problem: str = ""
    trends: list[str] = []
    marked_count: int = 0
    marked_sums: QueueRow = QueueRow()
    marked_delta: float | None = None
    sought: RowKey | None = None
    sought_index: int | None = None
    host_count: int = 0
    hosts_counted: int = 0
    hosts: list[HostFacts] = []
    detail: Detail | None = None
    accounts: AccountsPage | None = None
    balance: Balanced | None = None


class Jumped(msgspec.Struct, frozen=True, kw_only=True, tag="jumped"):
    """Where a jump leads: ``query`` with the row as a filter, in ``source``; or, with ``query`` ``None``, a sentence
    that says what there is instead."""

    serial: int
    query: QueueQuery | None = None
    source: str | None = None
    sentence: str = ""


class Exported(msgspec.Struct, frozen=True, kw_only=True, tag="exported"):
    """What became of an export: a sentence that names the file and its rows, or says why there is none."""

    serial: int
    sentence: str
    failed: bool = False


class HubRestarted(msgspec.Struct, frozen=True, tag="restarted"):
    """The hub's process died and was started again; ``reason`` says how it ended."""

    reason: str


Answer = View | Jumped | Exported | HubRestarted


class HubLink(Protocol):
    """The screen's end of the hub, in this process or another."""

    async def start(self) -> None:
        """Start the hub; raises ``OSError`` when it cannot be started."""
        ...

    def send(self, request: Request) -> None:
        """Send without waiting; a newer view request replaces an older one that has not left yet."""
        ...

    def answers(self) -> AsyncIterator[Answer]:
        """Views as they come, until the link is closed."""
        ...

    async def close(self) -> None:
        """End the hub and wait until it is gone (at most two seconds, then it is killed)."""
        ...


def encode(message: Request | Answer) -> bytes:
    """A frame: four bytes of length, big-endian, and the message in msgpack."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


@cache  # each end reads one of the two, and what reads it takes milliseconds to make
def _decoder(message: Any) -> Callable[[bytes], Any]:
    return msgspec.msgpack.Decoder(message).decode


def decode_request(body: bytes) -> Request:
    """The request in a frame's body; raises ``msgspec.DecodeError``."""
    try:
        request: Request = _decoder(Request)(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(clean(str(error))) from error
    return request


def decode_answer(body: bytes) -> Answer:
    """The answer in a frame's body; raises ``msgspec.DecodeError``."""
    try:
        answer: Answer = _decoder(Answer)(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(clean(str(error))) from error
    return answer
