"""What ClickHouse servers store of a ledger: its tables, their rows and bytes. The command line enters."""

from __future__ import annotations

from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_schema import TABLES, create


def make_tables(client: Client) -> int:
    """Make on the client's server what is not there yet; returns how many tables that were. Raises ``LedgerError``."""
    before = _count(client)
    create(client)
    return _count(client) - before


def stored(client: Client) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table, on all servers. Raises ``LedgerError``."""
    place = client.place
    parts = f"cluster({place.cluster}, system, parts)" if place.cluster else "system.parts"
    found = client.ask(
        f"SELECT table, sum(rows), sum(bytes) FROM {parts} WHERE active AND database = '{place.database}' "
        "GROUP BY table ORDER BY table"
    )
    tables = {name.decode(): (rows, size) for name, rows, size in zip(*found, strict=True)}
    return {name: tables.get(name, (0, 0)) for name in TABLES}


def _count(client: Client) -> int:
    return int(client.ask(f"SELECT count() FROM system.tables WHERE database = '{client.place.database}'")[0][0])
