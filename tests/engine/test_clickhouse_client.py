"""What a real ClickHouse server says, and what becomes of its refusals and its silence."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.clickhouse_server import (
    HOST,
    PASSWORD,
    ClickhouseServer,
    clickhouse_servers,
    free_ports,
    skips_without_servers,
)
from tui.config.ledger_place import Place, parse
from tui.engine.clickhouse_client import UNKNOWN_DATABASE, Client, ClusterAway, ClusterRefused
from tui.engine.clickhouse_names import account_id, campaign_id, isp_id
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.ledger import LedgerError


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickhouseServer]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 1) as (running,):
        yield running


def test_it_answers_in_columns(server: ClickhouseServer) -> None:
    client = Client(Place((server.url,), "default", "mail"))
    assert [list(column) for column in client.ask("SELECT number, toString(number) FROM numbers(3)")] == [
        [0, 1, 2],
        [b"0", b"1", b"2"],
    ]
    client.close()


def test_a_password_opens_and_a_wrong_one_is_refused_and_not_told(server: ClickhouseServer) -> None:
    place = parse(f"clickhouse://mail@{server.address}/mail")
    client = Client(place, lambda: PASSWORD)
    assert list(client.ask("SELECT 1")[0]) == [1]
    client.close()
    client = Client(place, lambda: "guessed")
    with pytest.raises(ClusterRefused, match="Wrong password for user mail") as told:
        client.ask("SELECT 1")
    assert "guessed" not in str(told.value)
    client.close()


def test_a_refusal_is_one_clean_sentence_with_its_code(server: ClickhouseServer) -> None:
    client = Client(Place((server.url,), "default", "mail"))
    with pytest.raises(ClusterRefused, match=r"the ClickHouse server 127\.0\.0\.1:\d+ refused: Code: 81") as told:
        client.ask("SELECT * FROM nobody.nothing")
    assert told.value.code == UNKNOWN_DATABASE
    assert "\n" not in str(told.value)
    client.close()


def test_a_reader_says_that_there_is_no_ledger(server: ClickhouseServer) -> None:
    reader = ClickhouseReader(Place((server.url,), "default", "nobody"))
    with pytest.raises(LedgerError, match="there is no ledger in the database nobody; 'mailtop collect' makes it"):
        reader.totals()
    reader.close()


def test_another_server_answers_where_the_first_is_away(server: ClickhouseServer) -> None:
    away = f"http://{HOST}:{free_ports(1)[0]}"
    client = Client(Place((away, server.url), "default", "mail"))
    assert list(client.ask("SELECT 1")[0]) == [1]
    client.close()
    alone = Client(Place((away, server.url), "default", "mail"), only=away)
    with pytest.raises(ClusterAway, match=r"no ClickHouse server answers \(127\.0\.0\.1:\d+: Connection refused"):
        alone.ask("SELECT 1")
    alone.close()


def test_a_silent_server_is_waited_for_so_long_and_no_longer() -> None:
    with socket.create_server((HOST, 0)) as silent:
        place = Place((f"http://{HOST}:{silent.getsockname()[1]}",), "default", "mail")
        client = Client(place, answer_seconds=0.2)
        begun = time.monotonic()
        with pytest.raises(ClusterAway, match="timed out"):
            client.ask("SELECT 1")
        assert time.monotonic() - begun < 2
        client.close()


def test_an_idle_connection_that_the_server_ended_is_made_anew(server: ClickhouseServer) -> None:
    client = Client(Place((server.url,), "default", "mail"))
    client.ask("SELECT 1")
    server.kill()
    server.start()
    assert list(client.ask("SELECT 2")[0]) == [2]
    client.close()


def test_ids_are_the_same_everywhere_and_for_ever() -> None:
    assert (account_id("alice"), campaign_id("alice", ""), isp_id("Gmail"), isp_id("")) == (
        ALICE_ID,
        ALICE_MAIL_ID,
        GMAIL_ID,
        0,
    )
    assert campaign_id("alice", "spring") != campaign_id("bob", "spring")
    assert max(account_id(str(number)) for number in range(1000)) < 2**53


ALICE_ID, ALICE_MAIL_ID, GMAIL_ID = 8926428445353679, 1613884756525845, 1252498932075503
