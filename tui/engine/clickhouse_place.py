"""The address of a ClickHouse ledger as `config` understands it. Only the ``clickhouse_*`` rooms enter."""

from tui.config.ledger_place import Place as Place
from tui.config.ledger_place import parse as parse
