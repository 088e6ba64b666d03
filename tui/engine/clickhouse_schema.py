"""The tables of a ledger on ClickHouse, what each is for, and how they are made. Only the ``clickhouse_*`` rooms enter.

Counts are additive rows, and each insert of them is applied once however often it comes; all else is absolute, and the
newest stands.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tui.config.ledger_place import Place
from tui.engine.clickhouse_client import Client

MARK, TOTAL, ACCOUNT, CAMPAIGN, ISP, CELL = LEVELS = range(6)
"""What a row is the sum of. The mark of a host says in ``applied`` which insert of the host was added last: it stands
in the same part as what was added, so either both are there or neither."""

COUNTS = ("send", "success", "defer", "fail", "size", "new", "proc", "retry", "hold")
STATES = COUNTS[5:]
BALANCE = ("accepted", "delivered", "failed", "removed", "waiting")

MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 86400
MONTH_SECONDS = 30 * DAY_SECONDS
"""What a partition of hours holds."""

IN_SUMS, IN_HOURS, IN_MINUTES = range(3)
"""How much history is kept of a row: none, its hour, its minute too."""

DELTAS = {
    "host": "String",
    "serial": "UInt64",
    "kept": "UInt8",
    "day": "UInt32",
    "month": "UInt32",
    "began": "UInt32",
    "account": "UInt64",
    "campaign": "UInt64",
    "isp": "UInt64",
    **{f"d_{name}": "Int64" for name in COUNTS},
}
"""What a collector inserts: counts by minute and cell. One insert is of one host, one serial, one day and month."""


class Table(msgspec.Struct, frozen=True):
    """A table: ``columns`` with their types, its ``engine``, and what it is sorted by; ``partition`` is what is
    dropped in one piece."""

    columns: dict[str, str]
    engine: str
    order: tuple[str, ...]
    partition: str = ""


_KEY = {"level": "UInt8", "account_id": "UInt64", "campaign_id": "UInt64", "isp_id": "UInt64"}
_COUNTED = {**dict.fromkeys(COUNTS, "Int64"), "applied": "Int64"}
_HISTORY = {**_KEY, "start": "UInt32", "host": "String", **_COUNTED}

TABLES = {
    # The sums of all time. Of campaigns, ISPs and cells only what waits: rows of nothing go when parts are merged.
    "sums": Table({**_KEY, "host": "String", **_COUNTED}, "SummingMergeTree", (*_KEY, "host")),
    "minutes": Table(_HISTORY, "SummingMergeTree", (*_KEY, "start", "host"), f"intDiv(start, {DAY_SECONDS})"),
    "hours": Table(_HISTORY, "SummingMergeTree", (*_KEY, "start", "host"), f"intDiv(start, {MONTH_SECONDS})"),
    # Ids are made from names, so hosts agree on them; whoever says a name again says the same.
    "names": Table(
        {"kind": "UInt8", "id": "UInt64", "account_id": "UInt64", "name": "String"},
        "ReplacingMergeTree",
        ("kind", "id", "account_id"),
    ),
    "hosts": Table(
        {"host": "String", "version": "UInt64", "state": "String"}, "ReplacingMergeTree(version)", ("host",)
    ),
    # Whether all of a host's mail is accounted for, by account (0: all of it); ``since`` 0: it is.
    "balances": Table(
        {
            "account_id": "UInt64",
            "host": "String",
            "version": "UInt64",
            **dict.fromkeys(BALANCE, "Int64"),
            "since": "Int64",
        },
        "ReplacingMergeTree(version)",
        ("account_id", "host"),
    ),
    # The replies of a cell in one row, as its host has them: four arrays beside each other.
    "causes": Table(
        {
            **dict(list(_KEY.items())[1:]),
            "host": "String",
            "version": "UInt64",
            "seen": "UInt32",
            "text": "Array(String)",
            "count": "Array(Int64)",
            "first_seen": "Array(Int64)",
            "last_seen": "Array(Int64)",
            "last_reply": "Array(String)",
        },
        "ReplacingMergeTree(version)",
        ("account_id", "campaign_id", "isp_id", "host"),
        f"intDiv(seen, {MONTH_SECONDS})",
    ),
    # Messages that wait, and for a while those that did (no ISPs). ``numbers`` are the host's for ``isps``.
    "messages": Table(
        {
            "host": "String",
            "id": "String",
            "version": "UInt64",
            "seen": "UInt32",
            "since": "UInt32",
            "account_id": "UInt64",
            "campaign_id": "UInt64",
            "isps": "Array(UInt64)",
            "numbers": "Array(UInt64)",
            "state": "String",
        },
        "ReplacingMergeTree(version)",
        ("host", "id"),
        f"intDiv(seen, {MONTH_SECONDS})",
    ),
}

EVERYWHERE = "_everywhere"
"""What the tables over all shards are called, beside those of one."""


_VIEWS = (
    ("sums", "", 0, IN_SUMS),
    ("minutes", "day", MINUTE_SECONDS, IN_MINUTES),
    ("hours", "month", HOUR_SECONDS, IN_HOURS),
)
"""What rolls inserts of counts up: the table, what tells its partitions apart, its step, and which rows it takes."""


def everywhere(place: Place, table: str) -> str:
    """What readers ask: the table of all shards where there are several."""
    return f"{place.database}.{table}{EVERYWHERE if place.cluster else ''}"


def create(client: Client) -> None:
    """Make on the client's server what is not there yet. Raises ``LedgerError``."""
    # The views come last: when the last of them is there, so is all that ledgers had before they had balances.
    names = f"'to_{_VIEWS[-1][0]}', 'balances{EVERYWHERE if client.place.cluster else ''}'"
    made = f"SELECT count() FROM system.tables WHERE database = '{client.place.database}' AND name IN ({names})"
    if client.ask(made)[0][0] < 2:
        for statement in statements(client.place, replicated=_replicates(client)):
            client.tell(statement)


def statements(place: Place, *, replicated: bool = False) -> Iterator[str]:
    """What makes the tables, ``replicated`` to all servers with the same macro ``{shard}``; each may be said again."""
    database = place.database
    yield f"CREATE DATABASE IF NOT EXISTS {database}"
    for name, table in TABLES.items():
        engine = _replicated(table.engine, f"{database}/{name}") if replicated else table.engine
        parts = [f"CREATE TABLE IF NOT EXISTS {database}.{name} ({_columns(table.columns)}) ENGINE = {engine}"]
        parts += [f"PARTITION BY {table.partition}"] if table.partition else []
        yield " ".join([*parts, f"ORDER BY ({', '.join(table.order)})"])
        if place.cluster:
            yield (
                f"CREATE TABLE IF NOT EXISTS {database}.{name}{EVERYWHERE} ({_columns(table.columns)}) "
                f"ENGINE = Distributed({place.cluster}, {database}, {name})"
            )
    yield f"CREATE TABLE IF NOT EXISTS {database}.deltas ({_columns(DELTAS)}) ENGINE = Null"
    for view in _VIEWS:
        yield _roll_up(database, *view)


def _replicates(client: Client) -> bool:
    """Whether the server is one of a cluster that can keep a table on several: it has a name in it, and a keeper."""
    if client.place.cluster is None:
        return False
    named = client.ask("SELECT count() FROM system.macros WHERE macro IN ('shard', 'replica')")[0][0]
    kept = client.ask("SELECT count() FROM system.tables WHERE database = 'system' AND name = 'zookeeper'")[0][0]
    return bool(named == 2 and kept)


def _replicated(engine: str, path: str) -> str:
    """The engine that also tells the other replicas; ``path`` is what the keeper knows the table by in each shard."""
    kind, _, more = engine.rstrip(")").partition("(")
    arguments = [f"'/clickhouse/tables/{{shard}}/mailtop/{path}'", "'{replica}'", *([more] if more else [])]
    return f"Replicated{kind}({', '.join(arguments)})"


def _roll_up(database: str, table: str, slot: str, step: int, kept: int) -> str:
    """The view that adds inserts of counts to a table at all its levels: each once, since one that its host's mark
    tells of already adds nothing. ``slot`` is the column that tells the table's partitions apart, each with marks of
    its own, so that one can be dropped."""
    seconds = {"day": DAY_SECONDS, "month": MONTH_SECONDS}.get(slot, 0)
    mark_of = f", intDiv(start, {seconds}) AS {slot}" if slot else ""
    by = f"host, {slot}" if slot else "host"
    levels = [level for level in LEVELS if not slot or level != CAMPAIGN]
    start = (
        f"toUInt32(if(level = {MARK}, {slot} * {seconds}, intDiv(began, {step}) * {step})) AS start, " if slot else ""
    )
    nine = "level NOT IN (0)" if slot else f"level IN ({TOTAL}, {ACCOUNT})"
    sums = [f"sum(if({nine if name not in STATES else 'level NOT IN (0)'}, d_{name}, 0)) AS {name}" for name in COUNTS]
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.to_{table} TO {database}.{table} AS SELECT level, "
        f"if(level IN ({ACCOUNT}, {CAMPAIGN}, {CELL}), account, 0) AS account_id, "
        f"if(level IN ({CAMPAIGN}, {CELL}), campaign, 0) AS campaign_id, "
        f"if(level IN ({ISP}, {CELL}), isp, 0) AS isp_id, {start}host, {', '.join(sums)}, "
        f"any(if(level = {MARK}, toInt64(serial) - done, 0)) AS applied "
        f"FROM {database}.deltas ANY LEFT JOIN (SELECT host, sum(applied) AS done{mark_of} "
        f"FROM {database}.{table} WHERE level = {MARK} GROUP BY {by}) AS marks "
        f"USING ({by}) ARRAY JOIN {levels} AS level WHERE toInt64(serial) > done AND kept >= {kept} "
        f"GROUP BY level, account_id, campaign_id, isp_id, {'start, ' if slot else ''}host"
    )


def _columns(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())
