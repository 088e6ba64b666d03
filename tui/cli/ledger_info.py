"""What `mailtop ledger info` says of a ledger. Only `ledger` enters."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from tui.cli.ledger_named import Named, shown
from tui.engine import ledger_lock
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_hosts import host_states, hosts_question
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_spool import is_shipped, spooled
from tui.engine.clickhouse_stored import stored
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_schema import explained
from tui.text import cell_width, clean

SCHEMA = 1


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How one host's part stands: when the last batch was counted (UTC), how many seconds ago, who writes it, since
    when minutes and hours are kept, the first and last minute that it knows of, and how many leaf cells hold mail."""

    host: str
    updated: str | None
    behind_seconds: float | None
    collector: int | None
    minutes_from: str | None
    hours_from: str | None
    first: str | None
    last: str | None
    cells: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger is: ``size`` in bytes, ``rows`` by table; ``unsent`` batches of ``unsent_bytes`` wait to be sent to
    ClickHouse (``None``: it goes nowhere)."""

    ledger: str
    kind: str
    version: int | None
    size: int
    hosts: tuple[HostFacts, ...]
    rows: dict[str, int]
    unsent: int | None = None
    unsent_bytes: int | None = None


def facts(ledger: Named) -> Facts:
    """What a ledger is; of a file that goes to ClickHouse, what the file is. Raises ``LedgerError``."""
    if ledger.path is not None:
        return _of_file(ledger.path, ledger.host or "")
    with closing(ledger.client()) as client:
        return _of_cluster(ledger, client)


def _of_file(path: Path, host: str) -> Facts:
    writer = ledger_lock.holder(path)
    with contents(path, host) as held, explained(path):
        head, db = held.head(), held.db
        rows = {table: _count(db, table) for table in ("accounts", "campaigns", "isps", "cells", "messages", "history")}
        goes = is_shipped(db)
        waiting = spooled(db) if goes else None
        state = HostState(
            **{name: getattr(head, name) for name in ("updated", "counters", "gauges", "notes", "covered")},
            minutes_from=head.minutes_from,
            hours_from=head.hours_from,
            collector=None if writer is None else writer.pid,
            cells=rows["cells"],
        )
        return Facts(
            ledger=str(path),
            kind="SQLite, sent to ClickHouse" if goes else "SQLite",
            version=db.execute("PRAGMA user_version").fetchone()[0],
            size=_size(path),
            hosts=(_host(host, state),),
            rows=rows,
            unsent=None if waiting is None else waiting.entries,
            unsent_bytes=None if waiting is None else waiting.size,
        )


def _size(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
    return sum(file.stat().st_size for file in files if file.exists())


def _of_cluster(ledger: Named, client: Client) -> Facts:
    tables = stored(client)
    states = host_states(client.ask(hosts_question(client.place, "1")))
    return Facts(
        ledger=shown(client.place),
        kind="ClickHouse",
        version=None,
        size=sum(size for _, size in tables.values()),
        hosts=tuple(_host(host, state) for host, state in states.items() if ledger.host in (None, host)),
        rows={name: rows for name, (rows, _) in tables.items()},
    )


def _host(name: str, state: HostState) -> HostFacts:
    return HostFacts(
        host=clean(name),
        updated=None if state.updated is None else _iso(state.updated),
        behind_seconds=None if state.updated is None else round(max(0.0, time.time() - state.updated), 1),
        collector=state.collector,
        minutes_from=_iso(state.minutes_from) if state.minutes_from else None,
        hours_from=_iso(state.hours_from) if state.hours_from else None,
        first=_iso(state.covered[0][0] * 60) if state.covered else None,
        last=_iso(state.covered[-1][1] * 60) if state.covered else None,
        cells=state.cells,
    )


def as_json(found: Facts) -> Iterator[str]:
    """One object."""
    told = msgspec.json.encode({"schema": SCHEMA, **msgspec.to_builtins(found)})
    yield msgspec.json.format(told, indent=2).decode() + "\n"


def as_table(found: Facts) -> Iterator[str]:
    """A line a fact, its name before it."""
    rows = [("ledger", f"{found.ledger} ({found.kind})")]
    if found.version is not None:
        rows.append(("version", f"{found.version} of the tables"))
    rows.append(("size", f"{found.size / 1e6:,.1f} MB"))
    rows += [(table, f"{count:,} rows") for table, count in found.rows.items()]
    for host in found.hosts:
        writer = "nobody writes it" if host.collector is None else f"process {host.collector} writes it"
        behind = (
            "nothing was counted yet" if host.behind_seconds is None else f"counted {_ago(host.behind_seconds)} ago"
        )
        rows.append((f"host {host.host}".rstrip(), f"{behind}; {writer}; {host.cells:,} cells where mail waits"))
        if host.first is not None:
            rows.append(("  history", f"{host.first} to {host.last}; minutes since {host.minutes_from or 'the first'}"))
    if found.unsent is not None:
        rows.append(("unsent", f"{found.unsent:,} batches, {(found.unsent_bytes or 0) / 1e6:,.1f} MB"))
    width = max(cell_width(name) for name, _ in rows)
    for name, text in rows:
        yield f"{name}{' ' * (width - cell_width(name))}  {clean(text)}\n"


def _count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute("SELECT count(*) FROM TABLE_NAME".replace("TABLE_NAME", table)).fetchone()[0])


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
