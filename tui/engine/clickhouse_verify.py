"""Whether a ledger on ClickHouse adds up: every roll-up against the cells below it, host by host. What the command line
does with ledgers enters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from tui.engine.clickhouse_balances import unequal_question
from tui.engine.clickhouse_client import UNKNOWN_TABLE, Client, ClusterRefused
from tui.engine.clickhouse_hosts import host_states, hosts_question
from tui.engine.clickhouse_names import ACCOUNT_NAME, ISP_NAME
from tui.engine.clickhouse_schema import (
    ACCOUNT,
    CAMPAIGN,
    CELL,
    COUNTS,
    HOUR_SECONDS,
    ISP,
    STATES,
    TOTAL,
    everywhere,
)
from tui.engine.clickhouse_text import quoted

LOOK_AGAIN_SECONDS = 5.0
"""How long what was shipped needs at the most to be complete, mostly."""

_LEVELS = {TOTAL: "all", ACCOUNT: "all accounts", CAMPAIGN: "all campaigns", ISP: "all ISPs", CELL: "all cells"}
_SUMS = ", ".join(f"sum({name})" for name in COUNTS)
_WHAT = {"sums": "the sums", "hours": "the hours", "minutes": "the minutes"}


def differences(client: Client, host: str | None = None) -> Iterator[str]:
    """A sentence for all that does not add up in ``client``'s ledger, of one host where it is named. What is in one
    part was inserted at once, so mail that goes on changes nothing. Raises ``LedgerError``."""
    hosts = "1" if host is None else f"host = {quoted(host)}"
    for table in _WHAT:
        yield from _levels_off(client, table, hosts)
        yield from _groups_off(client, table, hosts, ACCOUNT, "account_id")
        yield from _groups_off(client, table, hosts, ISP, "isp_id")
    yield from _negative(client, hosts)
    yield from _balances_off(client, hosts)
    yield from _minutes_off(client, hosts)


def _levels_off(client: Client, table: str, hosts: str) -> Iterator[str]:
    """Each level adds up to the same, in each bucket of history."""
    when = "0" if table == "sums" else "start"
    found = client.ask(
        f"SELECT host, {when}, level, {_SUMS} FROM {everywhere(client.place, table)} "
        f"WHERE level >= {TOTAL} AND {hosts} GROUP BY {'host, start, level' if when == 'start' else 'host, level'}"
    )
    places: dict[tuple[bytes, int], dict[int, Sequence[int]]] = {}
    for host, start, level, *sums in zip(*found, strict=True):
        places.setdefault((host, start), {})[level] = sums
    for (host, start), levels in sorted(places.items()):
        for level in (TOTAL, ACCOUNT, ISP, *([CAMPAIGN] if table == "sums" else [])):
            # Of the sums of all time, ISPs, campaigns and cells keep what waits alone.
            first = 0 if table != "sums" else 5
            mine, right = (levels.get(each, [0] * len(COUNTS))[first:] for each in (level, CELL))
            if more := _more(COUNTS[first:], mine, right):
                at = f" at {start}" if start else ""
                yield f"host {host.decode()}, {_WHAT[table]}{at}: {_LEVELS[level]} come to {more} than all cells"
        if table == "sums" and (more := _more(COUNTS, *(levels.get(each, [0] * 9) for each in (TOTAL, ACCOUNT)))):
            yield f"host {host.decode()}, the sums: the total comes to {more} than all accounts"


def _groups_off(client: Client, table: str, hosts: str, level: int, key: str) -> Iterator[str]:
    """Each account's and each ISP's row is the sum of its cells."""
    columns = STATES if table == "sums" else COUNTS
    apart = ", ".join(f"sum(if(level = {level}, {name}, -{name}))" for name in columns)
    found = client.ask(
        f"SELECT host, {key}, {apart} FROM {everywhere(client.place, table)} WHERE level IN ({level}, {CELL}) "
        f"AND {hosts} GROUP BY host, {key} "
        f"HAVING {' OR '.join(f'sum(if(level = {level}, {name}, -{name})) != 0' for name in columns)}"
    )
    kind = ACCOUNT_NAME if level == ACCOUNT else ISP_NAME
    for host, id_, *more in zip(*found, strict=True):
        told = _more(columns, more, [0] * len(columns))
        what = f'{"account" if level == ACCOUNT else "ISP"} "{_name(client, kind, id_)}"'
        yield f"host {host.decode()}, {_WHAT[table]}: {what} has {told} than its cells"


def _negative(client: Client, hosts: str) -> Iterator[str]:
    keys = "host, account_id, campaign_id, isp_id"
    found = client.ask(
        f"SELECT {keys}, {', '.join(f'sum({name})' for name in STATES)} FROM {everywhere(client.place, 'sums')} "
        f"WHERE level = {CELL} AND {hosts} GROUP BY {keys} "
        f"HAVING {' OR '.join(f'sum({name}) < 0' for name in STATES)}"
    )
    for host, account, _, isp, *states in zip(*found, strict=True):
        names = f'account "{_name(client, ACCOUNT_NAME, account)}", ISP "{_name(client, ISP_NAME, isp)}"'
        below = ", ".join(f"{name} is {count:,}" for name, count in zip(STATES, states, strict=True) if count < 0)
        yield f"host {host.decode()}, {names}: {below}, and none can be below zero"


def _balances_off(client: Client, hosts: str) -> Iterator[str]:
    """Each account's balance is about what was counted. Both are inserted one after the other: what is under way is
    another number at a second look."""
    question = unequal_question(client.place, hosts)
    try:
        first = set(zip(*client.ask(question), strict=True))
    except ClusterRefused as error:
        if error.code != UNKNOWN_TABLE:  # hosts of before do not tell
            raise
        return
    if not first:
        return
    time.sleep(LOOK_AGAIN_SECONDS)
    for host, account, *more in sorted(first & set(zip(*client.ask(question), strict=True))):
        told = _more(("delivered", "failed", "waiting"), more, [0] * 3)
        name = _name(client, ACCOUNT_NAME, account)
        yield f'host {host.decode()}, account "{name}": its balance has {told} than its sums'


def _minutes_off(client: Client, hosts: str) -> Iterator[str]:
    """An hour of which every minute is kept is the sum of its minutes."""
    states = host_states(client.ask(hosts_question(client.place, hosts)))
    for host, state in states.items():
        hours: dict[int, list[int]] = {}
        for table, sign in (("hours", 1), ("minutes", -1)):
            found = client.ask(
                f"SELECT intDiv(start, {HOUR_SECONDS}) AS hour, {_SUMS} FROM {everywhere(client.place, table)} "
                f"WHERE level = {TOTAL} AND host = {quoted(host)} AND start >= {state.minutes_from} GROUP BY hour"
            )
            for hour, *sums in zip(*found, strict=True):
                row = hours.setdefault(hour * HOUR_SECONDS, [0] * len(COUNTS))
                row[:] = [a + sign * b for a, b in zip(row, sums, strict=True)]
        # The newest may have got more between both questions.
        newest = max(hours, default=0)
        for start, more in sorted(hours.items()):
            if start != newest and any(more):
                yield f"host {host}: the hour at {start} has {_more(COUNTS, more, [0] * 9)} than its minutes"


def _name(client: Client, kind: int, id_: int) -> str:
    found = client.ask(f"SELECT any(name) FROM {everywhere(client.place, 'names')} WHERE kind = {kind} AND id = {id_}")
    return found[0][0].decode(errors="replace") if found else f"(number {id_})"


def _more(columns: Sequence[str], one: Sequence[int], other: Sequence[int]) -> str:
    """By how much counts differ; nothing where they do not."""
    told = [
        f"{abs(a - b):,} {'more' if a > b else 'fewer'} {name}"
        for name, a, b in zip(columns, one, other, strict=True)
        if a != b
    ]
    return ", ".join(told)
