"""Text in queries for ClickHouse. Only the ``clickhouse_*`` rooms enter."""

from __future__ import annotations


def quoted(text: str) -> str:
    """A text as ClickHouse reads it in a query."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
