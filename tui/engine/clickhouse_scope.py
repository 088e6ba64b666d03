"""What a query on ClickHouse is about: which hosts, which of them stand in no sum, which rows. Pure. Only the reader
enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tui.engine.clickhouse_hosts import Standing, left_out, together
from tui.engine.clickhouse_names import host_id, isp_id
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_schema import STATES
from tui.engine.clickhouse_text import quoted
from tui.model import QueueQuery
from tui.text import clean

EVERY_HOST = "1"
"""The condition that all rows meet."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that a query is about, those of them that stand in no sum of what waits, and what all together are
    called as one sender. ``rows`` is the condition for their rows, ``counted_rows`` that for what waits."""

    hosts: dict[str, HostState]
    without: tuple[str, ...] = ()
    sender_id: int
    sender: str = ""
    rows: str
    counted_rows: str

    def counted(self) -> HostState:
        """The hosts that count, as one."""
        counted = {host: state for host, state in self.hosts.items() if host not in self.without}
        return together(counted, named=len(self.hosts) > 1)

    def sums(self, columns: Sequence[str]) -> list[str]:
        """Each column added up, those of what waits of the hosts that count."""
        some = bool(self.without)
        return [
            f"sum(if({self.counted_rows}, {name}, 0))" if some and name in STATES else f"sum({name})"
            for name in columns
        ]


def everyone(states: dict[str, HostState], standings: Mapping[str, Standing], sender_id: int, rows: str) -> Scope:
    """All hosts as one sender."""
    without = tuple(left_out(standings))
    counted = f"{rows} AND host NOT IN ({', '.join(map(quoted, without))})" if without else rows
    return Scope(hosts=states, without=without, sender_id=sender_id, rows=rows, counted_rows=counted)


def one_host(states: Mapping[str, HostState], sender_id: int) -> Scope | None:
    """The host of this number; ``None``: there is none."""
    for host, state in states.items():
        if host_id(host) == sender_id:
            rows = is_host(host)
            return Scope(hosts={host: state}, sender_id=sender_id, sender=clean(host), rows=rows, counted_rows=rows)
    return None


def is_host(host: str) -> str:
    """The condition that rows of a host meet."""
    return f"host = {quoted(host)}"


def filters(query: QueueQuery) -> dict[str, int]:
    """The query's filters by column."""
    found = {}
    for column, number in (("account_id", query.account_id), ("campaign_id", query.campaign_id)):
        if number is not None:
            # Nothing has the largest id of all: that is the filter for what no id can be.
            found[column] = number if 0 <= number < 1 << 63 else (1 << 64) - 1
    if query.isp is not None:
        found["isp_id"] = isp_id(clean(query.isp))
    return found


def where(values: Mapping[str, int], rows: str) -> str:
    """The condition for rows that have these values and meet ``rows``."""
    return " AND ".join([*(f"{column} = {value}" for column, value in values.items()), rows])
