"""The statements that make a ledger on ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.clickhouse_case import new_place
from tui.config.ledger_place import Place
from tui.engine.clickhouse_schema import TABLES, statements

PLACE = Place(("http://ch1:8123", "http://ch2:8123"), "default", "mail", "fleet")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickhouseServer]]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 2) as running:
        yield running


def engines(said: list[str]) -> dict[str, str]:
    """The engine of each table of rows, by name."""
    made = [one for one in said if one.startswith("CREATE TABLE") and "MergeTree" in one]
    return {
        one.split("mail.")[1].split(" ")[0]: one.partition("ENGINE = ")[2].partition(" ORDER")[0].partition(" PART")[0]
        for one in made
    }


def test_replicated_tables_are_the_same_tables_known_to_a_keeper() -> None:
    alone, together = list(statements(PLACE)), list(statements(PLACE, replicated=True))
    assert engines(together) == {
        "sums": "ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/sums', '{replica}')",
        "minutes": "ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/minutes', '{replica}')",
        "hours": "ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/hours', '{replica}')",
        "names": "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/names', '{replica}')",
        "hosts": "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/hosts', '{replica}', version)",
        "balances": (
            "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/balances', '{replica}', version)"
        ),
        "causes": (
            "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/causes', '{replica}', version)"
        ),
        "messages": (
            "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/mailtop/mail/messages', '{replica}', version)"
        ),
    }
    assert engines(alone) == {name: table.engine for name, table in TABLES.items()}
    for one, other in zip(alone, together, strict=True):
        for engine, replicated in zip(engines([one]).values(), engines([other]).values(), strict=True):
            other = other.replace(replicated, engine)
        assert one == other


def test_servers_without_a_keeper_get_plain_tables(servers: list[ClickhouseServer]) -> None:
    with new_place(servers) as place:
        asked = f"SELECT DISTINCT engine FROM system.tables WHERE database = '{place.database}' ORDER BY engine"
        found = servers[1].ask(asked).split()
    assert found == ["Distributed", "MaterializedView", "Null", "ReplacingMergeTree", "SummingMergeTree"]
