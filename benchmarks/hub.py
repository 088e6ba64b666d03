"""How long a request waits for its view while a source answers 100,000 rows a second: prints p50 and p99.

    python benchmarks/hub.py [--rows N] [--seconds N] [--no-chart] [--full] [--accounts N]

The hub runs in a child process as it does for the screen; this process moves the selection as a held-down key does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import sys
import time
from collections.abc import Collection

from msgspec.structs import replace

from tui.hub.hub import Hub
from tui.hub.process import ChildLink, inherited_socket, serve
from tui.hub.protocol import AccountsRequest, View, ViewRequest
from tui.model import (
    Cause,
    Checkup,
    Counts,
    Freshness,
    Grouping,
    History,
    MailTotals,
    QueueQuery,
    QueueTable,
    RowKey,
    SourceStatus,
    WaitingMessage,
)
from tui.sources.source import Source
from tui.sources.worker import Worker

QUERY = QueueQuery(Grouping.ACCOUNT_CAMPAIGN)
WINDOW_ROWS = 60
KEY_SECONDS = 1 / 30


class Flood(Source):
    """A source whose every row differs at every poll."""

    name = "flood"
    type = "benchmark"
    interval_seconds = 1.0

    def __init__(self, rows: int, accounts: int) -> None:
        self._worker = Worker("flood")
        self._random = random.Random(1)
        self._campaigns = list(range(1, rows + 1))
        self._random.shuffle(self._campaigns)
        self._totals = [
            MailTotals(account=f"user{number}", account_id=number, send_count=number, defer_count=0, fail_count=0)
            for number in range(1, accounts + 1)
        ]
        self._accounts = [campaign % 2000 + 1 for campaign in self._campaigns]
        self._account_names = [f"user{account}" for account in self._accounts]
        self._campaign_names = [f"letter {campaign}" for campaign in self._campaigns]

    async def status(self) -> SourceStatus:
        return SourceStatus(name=self.name, type=self.type, freshness=Freshness.LIVE, age_seconds=0)

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        del shown  # it tells them all
        return list(self._totals)

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        return await self._worker.run(lambda: self._table(query))

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        start = (end - span_seconds) // 60 * 60
        seed = (query.campaign_id or 0) % 97
        points: list[Counts | None] = [
            Counts(send=minute, new=(minute * seed) % 50, retry=minute + seed) for minute in range(span_seconds // 60)
        ]
        return History(start, 60, points)

    async def causes(self, query: QueueQuery) -> list[Cause] | None:
        del query
        return [Cause(text="421 4.7.0 try later", count=9, first_seen=1, last_seen=2, last_reply="421 4.7.0 try later")]

    async def messages(self, query: QueueQuery, limit: int) -> list[WaitingMessage] | None:
        del query
        message = WaitingMessage(id="1abc", sender="a@b", recipient="c@d", state="retry", arrived=1, attempts=2)
        return [message] * limit

    async def check(self) -> Checkup:
        return Checkup(reached="nothing")

    async def close(self) -> None:
        self._worker.stop()

    def _table(self, query: QueueQuery) -> QueueTable:
        if query.grouping is Grouping.TOTAL:
            nothing, no_name = [0], [""]
            return QueueTable(
                query=query,
                sender_id=[1],
                account_id=nothing,
                account=no_name,
                campaign_id=nothing,
                campaign=no_name,
                isp=no_name,
                new=[1],
                proc=nothing,
                retry=nothing,
                hold=nothing,
            )
        rows, chance = len(self._campaigns), self._random.random
        return QueueTable(
            query=query,
            sender_id=[1] * rows,
            account_id=self._accounts,
            account=self._account_names,
            campaign_id=self._campaigns,
            campaign=self._campaign_names,
            isp=[""] * rows,
            new=[int(chance() * 1000) for _ in range(rows)],
            proc=[int(chance() * 20) for _ in range(rows)],
            retry=[int(chance() * 5000) for _ in range(rows)],
            hold=[0 for _ in range(rows)],
        )


async def measure(options: argparse.Namespace) -> tuple[list[float], float]:
    """The waits in seconds, and how long the hub took until it showed all rows."""
    rows, seconds = options.rows, options.seconds
    sizes = ["--rows", str(rows), "--accounts", str(options.accounts)]
    link = ChildLink([sys.executable, __file__, "--child", *sizes])
    await link.start()
    answers = link.answers()
    began, serial = time.perf_counter(), 1
    request = ViewRequest(serial=serial, query=QUERY, rows=WINDOW_ROWS)
    if not options.no_chart:
        request = replace(request, chart_width=80, chart_height=12)
    if options.full:
        accounts = AccountsRequest(sort="rate")
        request = replace(request, panes=8, pane_width=16, pane_height=2, trend_cells=12, detail=True, messages=20)
        request = replace(request, accounts=accounts)
    link.send(request)
    async for view in answers:
        if isinstance(view, View) and view.row_count == rows:
            break
    ready_seconds = time.perf_counter() - began
    waits: list[float] = []
    selected = random.Random(2)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        serial += 1
        key = RowKey("flood", 1, 0, 0)
        if isinstance(view, View) and view.rows:
            key = selected.choice(view.rows).key
        sent = time.perf_counter()
        link.send(
            replace(request, serial=serial, anchor=key, anchor_offset=selected.randrange(WINDOW_ROWS), selected=key)
        )
        async for view in answers:
            if isinstance(view, View) and view.serial == serial:
                break
        waits.append(time.perf_counter() - sent)
        await asyncio.sleep(selected.uniform(0.5, 1.5) * KEY_SECONDS)
    await link.close()
    return waits, ready_seconds


async def child(rows: int, accounts: int) -> None:
    """The hub's process."""
    await serve(Hub([Flood(rows, accounts)]), inherited_socket())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--no-chart", action="store_true")
    parser.add_argument("--full", action="store_true", help="with panes, trends, details and the table of accounts")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(child(options.rows, options.accounts))
        return
    waits, ready_seconds = asyncio.run(measure(options))
    waits.sort()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    percentiles = {name: waits[int(len(waits) * share)] * 1000 for name, share in (("p50", 0.5), ("p99", 0.99))}
    print(
        f"{options.rows:,} rows a second, {len(waits)} requests: "
        f"p50 {percentiles['p50']:.1f} ms, p99 {percentiles['p99']:.1f} ms, longest {waits[-1] * 1000:.1f} ms; "
        f"first rows after {ready_seconds:.2f} s; "
        f"hub {(used.ru_utime + used.ru_stime) / (options.seconds + ready_seconds):.0%} of a core, "
        f"{used.ru_maxrss / 1024:.0f} MB; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
