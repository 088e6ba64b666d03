"""What screen and hub say to each other: requests down, views up, as msgpack frames. The only room of the hub the
screen may enter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from tui.model import Freshness, MailTotals, QueueQuery, QueueRow, RowKey, SourceStatus

MAX_FRAME_BYTES = 16 * 1024 * 1024


class ViewRequest(msgspec.Struct, frozen=True, kw_only=True, tag="request"):
    """What the screen wants to see. ``serial`` grows with each request; a view says which one it answers.

    ``first`` and ``rows`` are the window of the sorted table that is wanted; with ``anchor`` the window is instead
    placed so that this
    row stands at the offset ``anchor_offset`` within it. ``chart_width`` and ``chart_height`` are cells (0: no
    chart); the chart shows the row
    ``selected`` (or all rows of the query when it is ``None``) over ``span_seconds``. ``panes`` is how many account
    panes are shown, each with a
    sparkline of ``pane_width`` by ``pane_height`` cells. ``ascii`` asks for charts of ASCII characters only.
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


class Refresh(msgspec.Struct, frozen=True, tag="refresh"):
    """Poll every source now, without waiting for its interval."""


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Stop polling, stop what the hub started, and end."""


Request = ViewRequest | Refresh | Close


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
    sentences to show once."""

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


class HubRestarted(msgspec.Struct, frozen=True, tag="restarted"):
    """The hub's process died and was started again; ``reason`` says how it ended."""

    reason: str


Answer = View | HubRestarted


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


decode_request = msgspec.msgpack.Decoder(Request).decode
"""The request in a frame's body; raises ``msgspec.DecodeError``."""

decode_answer = msgspec.msgpack.Decoder(Answer).decode
"""The answer in a frame's body; raises ``msgspec.DecodeError``."""
