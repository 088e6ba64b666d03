"""A ledger that was kept without ClickHouse is sent there whole and once, whatever is killed on the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, free_ports, skips_without_servers
from tests.engine.clickhouse_case import SECONDS, new_place
from tests.engine.clickhouse_mail import batches, check_same, sums_of, sums_of_hosts
from tests.engine.ledger_copies import filled
from tests.engine.ledger_model import START
from tui.config.ledger_place import Place, parse
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_migration import spool_all
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_shipper import forget_host
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_rebuild import rebuild
from tui.engine.sqlite_writer import SqliteWriter
from tui.model import QueueQuery


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickhouseServer]]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 2) as running:
        yield running


@pytest.fixture
def place(servers: list[ClickhouseServer]) -> Iterator[Place]:
    with new_place(servers[:1]) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.ledger"


def collected(path: Path, first: int, count: int) -> None:
    """Batches of a host that has no ClickHouse yet."""
    writer = SqliteWriter(path)
    for made in islice(batches(1), first, first + count):
        writer.write(made)
    writer.close()


def ship(path: Path, place: Place, host: str = "mx1") -> None:
    writer = ClickhouseWriter(path, place, host, ship_seconds=0.0)
    assert writer.flush(SECONDS), writer.trouble
    writer.close()


def test_all_that_a_ledger_has_is_sent_and_collecting_goes_on(place: Place, path: Path) -> None:
    collected(path, 0, 20)
    with pytest.raises(LedgerError, match="'mailtop ledger migrate' sends it"):
        ClickhouseWriter(path, place, "mx1")
    assert spool_all(path, replaces=False)
    ship(path, place)
    check_same(place, [path])
    assert not spool_all(path, replaces=False)
    writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
    for made in islice(batches(1), 20, 25):
        writer.write(made)
    assert writer.flush(SECONDS), writer.trouble
    writer.close()
    check_same(place, [path])


def test_causes_messages_and_what_is_in_no_history_go_too(place: Place, path: Path) -> None:
    filled(path)
    local = sums_of_hosts([path])
    spool_all(path, replaces=False)
    ship(path, place)
    reader = ClickhouseReader(place, clock=lambda: START)
    there = sums_of(reader)
    assert there["totals"] == local["totals"]
    assert there["causes"] == local["causes"]
    assert {one.id for one in reader.messages(QueueQuery())} == {"1a", "1b"}
    assert reader.status().gauges["queue_files"] == 2
    assert "backfill" not in reader.status().gauges
    reader.close()


def test_what_was_written_without_the_spool_since_is_noticed_and_sent(place: Place, path: Path) -> None:
    collected(path, 0, 3)
    spool_all(path, replaces=False)
    ship(path, place)
    collected(path, 3, 3)
    with pytest.raises(LedgerError, match="kept without ClickHouse"):
        ClickhouseWriter(path, place, "mx1")
    assert spool_all(path, replaces=True)
    ship(path, place)
    check_same(place, [path])


def test_one_host_is_replaced_on_every_server_and_no_other(servers: list[ClickhouseServer], tmp_path: Path) -> None:
    with new_place(servers) as place:
        paths = [tmp_path / f"mx{number}.ledger" for number in range(3)]
        for number, path in enumerate(paths):
            writer = SqliteWriter(path)
            for made in islice(batches(number), 5):
                writer.write(made)
            writer.close()
            spool_all(path, replaces=False)
            ship(path, place, f"mx{number}")
        check_same(place, paths)
        for node in place.nodes:
            alone = msgspec.structs.replace(place, nodes=(node,))
            forget_host(place, "mx1", lambda each: Client(place, only=each))
            check_same(place, [paths[0], paths[2]])
            spool_all(paths[1], replaces=True)
            ship(paths[1], alone, "mx1")
            check_same(place, paths)
            # Wherever its rows were, they are at home then.
            spool_all(paths[1], replaces=True)
            ship(paths[1], place, "mx1")
            check_same(place, paths)


def test_rows_on_a_server_that_the_address_does_not_name_are_told(servers: list[ClickhouseServer], path: Path) -> None:
    collected(path, 0, 3)
    with new_place(servers) as place:
        one, other = (msgspec.structs.replace(place, nodes=(node,)) for node in place.nodes)
        spool_all(path, replaces=False)
        ship(path, one)
        spool_all(path, replaces=True)
        writer = ClickhouseWriter(path, other, "mx1", ship_seconds=0.0)
        assert not writer.flush(1.0)
        assert writer.trouble is not None and "name all servers there" in writer.trouble
        writer.close()
        check_same(place, [path])


def test_a_migration_killed_at_any_moment_goes_on_where_it_was(
    place: Place, servers: list[ClickhouseServer], path: Path
) -> None:
    collected(path, 0, 60)
    url = f"clickhouse://{servers[0].address}/{place.database}"
    program = (
        "import sys; from pathlib import Path; from tui.engine.clickhouse_migration import spool_all;"
        "from tui.engine.clickhouse_writer import ClickhouseWriter; from tui.config.ledger_place import parse;"
        "path = Path(sys.argv[1]); spool_all(path, replaces=bool(sys.argv[3])); print('spooled', flush=True);"
        "ClickhouseWriter(path, parse(sys.argv[2]), 'mx1', ship_seconds=0.0).flush(9); print('sent', flush=True)"
    )
    for replaces in ("", "yes"):
        for delay in (0.05, 0.3, 0.35, 0.4, 0.5):
            argv = [sys.executable, "-c", program, str(path), url, replaces]
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
                try:
                    process.wait(delay)
                except subprocess.TimeoutExpired:
                    process.kill()
        spool_all(path, replaces=False)
        ship(path, place)
        check_same(place, [path])


def test_a_host_that_is_there_already_is_left_alone(place: Place, tmp_path: Path) -> None:
    first, second = tmp_path / "1.ledger", tmp_path / "2.ledger"
    collected(first, 0, 3)
    collected(second, 1, 3)
    spool_all(first, replaces=False)
    ship(first, place)
    spool_all(second, replaces=False)
    writer = ClickhouseWriter(second, place, "mx1", ship_seconds=0.0)
    assert not writer.flush(0.5)
    assert writer.trouble is not None and "another collector writes by the same name" in writer.trouble
    writer.close()
    check_same(place, [first])


def test_a_spool_is_filled_whole_or_not_at_all(path: Path) -> None:
    collected(path, 0, 5)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE ledger SET send = send + 1")
    db.execute("UPDATE campaigns SET send = send + 1 WHERE campaign_id = 1")
    with pytest.raises(LedgerError, match="does not add up"):
        spool_all(path, replaces=False)
    assert db.execute("SELECT count(*) FROM spool").fetchone() == (0,)
    db.close()
    nowhere = parse(f"clickhouse://127.0.0.1:{free_ports(1)[0]}/mail")
    with pytest.raises(LedgerError, match="kept without ClickHouse"):
        ClickhouseWriter(path, nowhere, "mx1")


def test_what_is_rebuilt_on_the_host_needs_no_sending(place: Place, path: Path) -> None:
    collected(path, 0, 5)
    spool_all(path, replaces=False)
    ship(path, place)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE accounts SET send = send + 1")
    db.close()
    before, _ = rebuild(path)
    assert any(one.mends for one in before)
    ship(path, place)
    check_same(place, [path])
