"""What goes to ClickHouse counts once: repeated, cut off, answered to nobody, or taken by a server that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.cutting_proxy import CuttingProxy
from tests.engine.clickhouse_case import HOST, SECONDS, new_place
from tests.engine.clickhouse_mail import END, batches, check_same
from tui.config.ledger_place import Place
from tui.engine.clickhouse_client import Client, ClusterRefused
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_rows import Entry, Insert, inserts
from tui.engine.clickhouse_schema import create
from tui.engine.clickhouse_shipper import drop_host
from tui.engine.clickhouse_spool import Spool, SpoolingLedger
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_writer import SqliteWriter


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickhouseServer]]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 2) as running:
        yield running


@pytest.fixture
def server(servers: list[ClickhouseServer]) -> ClickhouseServer:
    return servers[0]


@pytest.fixture
def place(server: ClickhouseServer) -> Iterator[Place]:
    with new_place([server]) as made:
        yield made


def write(path: Path, seed: int, count: int, place: Place) -> None:
    writer = ClickhouseWriter(path, place, f"mx{seed}", ship_seconds=0.0)
    for made in islice(batches(seed), count):
        writer.write(made)
    assert writer.flush(SECONDS), writer.trouble
    writer.close()


def trouble_of(writer: ClickhouseWriter) -> str:
    """What keeps it from shipping."""
    deadline = time.monotonic() + SECONDS
    while (trouble := writer.trouble) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return trouble


def packages(path: Path, count: int) -> list[list[Insert]]:
    """The inserts of so many packages, of a batch each, that are in nobody's hands yet."""
    ledger = SpoolingLedger(path, minutes_kept_hours=24, hours_kept_days=90, max_bytes=1 << 30, max_spool_bytes=1 << 30)
    spool = Spool(path)
    made = []
    for one in islice(batches(1), count):
        ledger.write(one)
        package = spool.package()
        assert package is not None
        made.append(list(inserts(HOST, package.serial, package.entries)))
        spool.shipped(0)
    spool.close()
    ledger.close()
    return made


def send(client: Client, made: list[Insert]) -> None:
    for insert in made:
        client.insert(insert.table, insert.columns, insert.block)


def test_inserts_may_come_any_number_of_times_and_late(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "mail.ledger"
    made = packages(path, 6)
    client = Client(place)
    for number, package in enumerate(made):
        send(client, package)
        send(client, package)
        send(client, made[number // 2])
    send(client, made[-1])
    client.close()
    check_same(place, [path])


def test_an_insert_that_is_cut_off_adds_nothing(place: Place, server: ClickhouseServer, tmp_path: Path) -> None:
    path = tmp_path / "mail.ledger"
    (package,) = packages(path, 1)
    counts = next(insert for insert in package if insert.table == "deltas")
    client = Client(place)
    for length in range(1, len(counts.block), 97):
        with pytest.raises(ClusterRefused):
            client.insert(counts.table, counts.columns, counts.block[:length])
    assert server.ask(f"SELECT count() FROM {place.database}.sums") == "0\n"
    send(client, package)
    client.close()
    check_same(place, [path])


def test_a_large_insert_is_one_part_of_each_table(place: Place, server: ClickhouseServer) -> None:
    rows = [(1_750_003_200, 2, number % 99 + 1, number % 999 + 1, number, 1, *[0] * 8) for number in range(50_000)]
    made = list(inserts(HOST, 1, [(1, 1, Entry(deltas=rows))]))
    client = Client(place)
    send(client, made)
    send(client, made)
    client.close()
    for table in ("sums", "minutes", "hours"):
        parts = f"system.parts WHERE active AND database = '{place.database}' AND table = '{table}'"
        assert server.ask(f"SELECT count() FROM {parts}") == "1\n"
        assert server.ask(f"SELECT sum(send) FROM {place.database}.{table} WHERE level = 1") == "50000\n"


@pytest.mark.parametrize(("answers", "requests"), [(3, 0), (0, 3), (2, 2)])
def test_a_connection_cut_at_any_moment_neither_loses_nor_doubles(
    place: Place, server: ClickhouseServer, tmp_path: Path, answers: int, requests: int
) -> None:
    path = tmp_path / "mail.ledger"
    with CuttingProxy(server.url, b".deltas") as proxy:
        through = Place((f"http://{proxy.address}",), place.user, place.database)
        writer = ClickhouseWriter(path, through, "mx1", ship_seconds=0.0)
        proxy.answers_cut, proxy.requests_cut = answers, requests
        for made in islice(batches(1), 6):
            writer.write(made)
            writer.flush(0.1)
        assert writer.flush(SECONDS), writer.trouble
        assert (proxy.answers_cut, proxy.requests_cut) == (0, 0)
        writer.close()
    check_same(place, [path])


def test_a_server_that_hangs_takes_what_was_sent_again_and_again_once(
    place: Place, server: ClickhouseServer, tmp_path: Path
) -> None:
    path = tmp_path / "mail.ledger"
    writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0, answer_seconds=0.2)
    made = batches(1)
    writer.write(next(made))
    assert writer.flush(SECONDS), writer.trouble
    server.signal(signal.SIGSTOP)
    try:
        for one in islice(made, 5):
            # Nothing goes before the counts, so that it is they that are sent again and again.
            writer.write(msgspec.structs.replace(one, accounts={}, campaigns={}, isps={}, causes={}))
        assert not writer.flush(1.5)
    finally:
        server.signal(signal.SIGCONT)
    assert writer.flush(SECONDS), writer.trouble
    writer.close()
    check_same(place, [path])


@contextmanager
def collectors(paths: Sequence[Path], homes: Sequence[Place]) -> Iterator[list[subprocess.Popen[str]]]:
    """A process for each ledger, which writes mail for ever; in the end they are killed like the server."""
    with ExitStack() as running:
        made = []
        for number, (path, home) in enumerate(zip(paths, homes, strict=True)):
            node = home.nodes[0].partition("://")[2]
            url = f"clickhouse://{node}/{home.database}?cluster={home.cluster}"
            argv = [sys.executable, "-m", "tests.engine.clickhouse_child", str(path), url, f"mx{number}", f"{number}"]
            argv.append("0.02")  # a busy host's pace, so that there is not much to add up in the end
            made.append(running.enter_context(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)))
            running.callback(made[-1].kill)
        yield made


def test_a_killed_shard_that_comes_back_has_what_three_hosts_counted(
    servers: list[ClickhouseServer], tmp_path: Path
) -> None:
    with new_place(servers) as place:
        paths = [tmp_path / f"mx{number}.ledger" for number in range(3)]
        # One of the hosts writes to the other shard.
        homes = [Place((place.nodes[number // 2],), place.user, place.database, place.cluster) for number in range(3)]
        with collectors(paths, homes) as running:
            for harm in (servers[0].kill, servers[0].start, servers[0].kill, servers[0].start):
                for child in running:
                    assert child.stdout is not None
                    for _ in range(15):
                        assert child.stdout.readline()
                harm()
        for number, (path, home) in enumerate(zip(paths, homes, strict=True)):
            writer = ClickhouseWriter(path, home, f"mx{number}", ship_seconds=0.0)
            assert writer.flush(SECONDS), writer.trouble
            writer.close()
        check_same(place, paths)


def test_one_host_can_be_dropped_and_begun_anew(place: Place, tmp_path: Path) -> None:
    first, second, again = (tmp_path / name for name in ("1.ledger", "2.ledger", "3.ledger"))
    write(first, 1, 3, place)
    write(second, 2, 3, place)
    check_same(place, [first, second])
    check_same(place, [first], "mx1")
    stranger = ClickhouseWriter(again, place, "mx1", ship_seconds=0.0)
    stranger.write(next(batches(5)))
    assert "another collector writes by the same name" in trouble_of(stranger)
    assert not stranger.flush(0.0)
    check_same(place, [first, second])
    client = Client(place)
    drop_host(client, "mx1")
    client.close()
    assert stranger.flush(SECONDS), stranger.trouble
    stranger.close()
    check_same(place, [second, again])


def test_each_host_says_how_it_stands(place: Place, tmp_path: Path) -> None:
    write(tmp_path / "1.ledger", 1, 1, place)
    writer = ClickhouseWriter(tmp_path / "2.ledger", place, "mx2", ship_seconds=0.0)
    writer.write(next(batches(2)))
    writer.note("log", "cannot read the log")
    assert writer.flush(SECONDS), writer.trouble
    reader = ClickhouseReader(place)
    hosts = reader.states()
    assert {name: state.collector is not None for name, state in hosts.items()} == {"mx1": False, "mx2": True}
    assert {name: state.gauges["queue_files"] for name, state in hosts.items()} == {"mx1": 1, "mx2": 2}
    status = reader.status()
    assert status.notes == {"hosts": "mx1 of 2 hosts does not count in what waits.", "log": "mx2: cannot read the log"}
    assert (status.gauges["queue_files"], status.gauges["listed_at"]) == (2, END - 60)
    assert status.cells == sum(state.cells for state in hosts.values()) > 0
    reader.close()
    writer.close()


def test_a_secret_that_cannot_be_had_is_told(place: Place, tmp_path: Path) -> None:
    def locked() -> str:
        raise OSError("the keyring is locked")

    writer = ClickhouseWriter(tmp_path / "mail.ledger", place, "mx1", locked, ship_seconds=0.0)
    assert "the keyring is locked" in trouble_of(writer)
    writer.close()


def test_a_server_that_lost_what_it_had_is_noticed(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "mail.ledger"
    write(path, 1, 2, place)
    client = Client(place)
    client.tell(f"DROP DATABASE {place.database}")
    create(client)
    client.close()
    writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
    assert "one of both lost data" in trouble_of(writer)
    writer.close()


def test_a_ledger_kept_without_a_spool_is_refused(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "mail.ledger"
    plain = SqliteWriter(path)
    plain.write(next(batches(1)))
    plain.close()
    with pytest.raises(LedgerError, match="kept without ClickHouse so far"):
        ClickhouseWriter(path, place, "mx1")
    SqliteWriter(path).close()
