"""A ledger on ClickHouse that adds up is found to, and one that does not is told of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import pytest

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.clickhouse_case import SECONDS, new_place
from tests.engine.clickhouse_mail import batches
from tui.config.ledger_place import Place
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_names import account_id, isp_id
from tui.engine.clickhouse_schema import ACCOUNT, CELL, ISP, TOTAL
from tui.engine.clickhouse_verify import differences
from tui.engine.clickhouse_writer import ClickhouseWriter


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickhouseServer]]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 2) as running:
        yield running


@pytest.fixture(scope="module")
def place(servers: list[ClickhouseServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A ledger of two hosts on two servers, which every test leaves as it was."""
    folder = tmp_path_factory.mktemp("writers")
    with new_place(servers) as made:
        for seed in (1, 2):
            writer = ClickhouseWriter(folder / f"{seed}.ledger", made, f"mx{seed}", ship_seconds=0.0)
            for batch in islice(batches(seed), 5):
                writer.write(batch)
            assert writer.flush(SECONDS), writer.trouble
            writer.close()
        yield made


def test_what_hosts_shipped_adds_up(place: Place) -> None:
    with closing(Client(place)) as client:
        assert list(differences(client)) == []
        assert list(differences(client, "mx1")) == []


@pytest.mark.parametrize(
    ("table", "cell", "send", "hold", "sentence"),
    [
        (
            "sums",
            f"{ACCOUNT}, {account_id('alice')}, 0, 0",
            3,
            0,
            "the sums: the total comes to 3 fewer send than all",
        ),
        (
            "sums",
            f"{ISP}, 0, 0, {isp_id('Gmail')}",
            0,
            7,
            'the sums: ISP "Gmail" has 7 more hold than its cells',
        ),
        ("sums", f"{CELL}, {account_id('bob')}, 9, {isp_id('Gmail')}", 0, -900, "hold is -"),
        ("minutes", f"{TOTAL}, 0, 0, 0", 5, 0, "all come to 5 more send than all cells"),
        ("hours", f"{CELL}, {account_id('bob')}, 9, 1", 5, 0, 'account "bob" has 5 fewer send than its cells'),
    ],
)
def test_a_roll_up_that_is_off_is_told(
    place: Place, table: str, cell: str, send: int, hold: int, sentence: str
) -> None:
    into = f"INSERT INTO {place.database}.{table} (level, account_id, campaign_id, isp_id, host, send, hold) VALUES"
    with closing(Client(place)) as client:
        client.tell(f"{into} ({cell}, 'mx1', {send}, {hold})")
        found = list(differences(client))
        assert any(sentence in one and "mx1" in one for one in found), found
        assert list(differences(client, "mx2")) == []
        client.tell(f"{into} ({cell}, 'mx1', {-send}, {-hold})")
        assert list(differences(client)) == []


def test_an_empty_ledger_adds_up(servers: list[ClickhouseServer]) -> None:
    with new_place(servers[:1]) as empty, closing(Client(empty)) as client:
        assert list(differences(client)) == []
