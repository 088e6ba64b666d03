"""Addresses of ledgers on ClickHouse."""

from __future__ import annotations

import pytest

from tui.config.ledger_place import Place, parse
from tui.engine.clickhouse_writer import home


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("clickhouse://mail@ch1:9123/db", Place(("http://ch1:9123",), "mail", "db")),
        ("clickhouse://ch1/db?cluster=fleet", Place(("http://ch1:8123",), "default", "db", "fleet")),
        ("clickhouses://a%40b@ch1,[::1]:1/db_2", Place(("https://ch1:8443", "https://[::1]:1"), "a@b", "db_2")),
    ],
)
def test_an_address_is_a_place(url: str, place: Place) -> None:
    assert parse(url) == place


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:////var/lib/x", "no address of a ClickHouse ledger"),
        ("clickhouse:/ch1/db", "no address of a ClickHouse ledger"),
        ("clickhouse://[::1/db", "the server must be HOST or HOST:PORT"),
        ("clickhouse://mail:secret@ch1/db", "the password must not stand in the address"),
        ("clickhouse://ch1", "the database must be named"),
        ("clickhouse://ch1/db;DROP", "the database must be named"),
        ("clickhouse://ch1:0/db", "the server must be HOST or HOST:PORT"),
        ("clickhouse://ch1:99999/db", "the server must be HOST or HOST:PORT"),
        ("clickhouse:///db", "the server must be HOST or HOST:PORT"),
        ("clickhouse://ch1,/db", "the server must be HOST or HOST:PORT"),
        ("clickhouse://ch1/db?cluster=a'b", "the cluster must be named"),
        ("clickhouse://ch1/db?cluster=", "the cluster must be named"),
        ("clickhouse://ch1/db#x", "nothing but cluster=NAME may follow"),
        ("clickhouse://ch1/db?clustre=x", "nothing but cluster=NAME may follow"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as told:
        parse(url)
    assert "secret" not in str(told.value)


def test_hosts_are_spread_and_stay_when_a_server_is_added() -> None:
    hosts = [f"mx{number}.example" for number in range(300)]
    two = Place(("http://a:1", "http://b:1"), "u", "db")
    three = Place((*two.nodes, "http://c:1"), "u", "db")
    before, after = [[home(place, host) for host in hosts] for place in (two, three)]
    assert min(before.count(node) for node in two.nodes) > 100
    assert all(new in (old, "http://c:1") for old, new in zip(before, after, strict=True))
    assert 60 < after.count("http://c:1") < 140
