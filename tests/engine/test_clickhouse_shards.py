"""A ledger one of whose servers is away: the others' numbers come, in time, and it is said that some are missing."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.clickhouse_server import PASSWORD, ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.clickhouse_case import SECONDS, new_place
from tests.engine.ledger_model import BASE, batch, delta
from tui.cli.arguments import Exit
from tui.cli.main import main
from tui.config.ledger_place import Place
from tui.engine import clickhouse_shards
from tui.engine.batch import cell_key
from tui.engine.clickhouse_client import ClusterAway
from tui.engine.clickhouse_names import host_id
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.model import Freshness, Grouping, QueueQuery


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickhouseServer]]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 2) as running:
        yield running


@pytest.fixture(scope="module")
def place(servers: list[ClickhouseServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A host on each server; on the first one more waits."""
    folder = tmp_path_factory.mktemp("hosts")
    with new_place(servers) as made:
        for number in range(2):
            home = Place((made.nodes[number],), made.user, made.database, made.cluster)
            writer = ClickhouseWriter(folder / f"{number}.ledger", home, f"mx{number}", ship_seconds=0.0)
            gauges = {"listed_at": BASE * 60, "log_time": BASE * 60}
            writer.write(batch({BASE: {cell_key(1, 1): delta(new=2 - number, send=1)}}, gauges=gauges))
            assert writer.flush(SECONDS), writer.trouble
            writer._shipper.close()  # the collector is killed: nobody says that it ended
            writer._local.close()
        yield made


def waits(reader: ClickhouseReader, grouping: Grouping = Grouping.TOTAL) -> list[int]:
    return [row.total for row in reader.queue(QueueQuery(grouping)).rows()]


def until_whole(reader: ClickhouseReader) -> None:
    deadline = time.monotonic() + SECONDS
    while "shards" in reader.status().notes:
        assert time.monotonic() < deadline


def check_half(reader: ClickhouseReader, server: ClickhouseServer) -> None:
    """What the second server has is told of as before, and counts nowhere."""
    assert waits(reader) == [2]
    assert waits(reader, Grouping.HOST) == [2, 1]
    assert [row.total for row in reader.queue(QueueQuery(Grouping.HOST, isp="Gmail")).rows()] == [2]
    assert waits(reader, Grouping.ACCOUNT_CAMPAIGN) == [2]
    assert [one.send_count for one in reader.totals()] == [1]
    notes = reader.status().notes
    assert notes["shards"].startswith(f"The ClickHouse server {server.address} does not answer: what it has is missing")
    here, away = reader.hosts()
    assert (here.name, here.freshness, here.counted) == ("mx0", Freshness.LIVE, True)
    assert (away.name, away.freshness, away.counted, away.sender_id) == ("mx1", Freshness.ERROR, False, host_id("mx1"))
    assert away.error == notes["shards"]


def test_the_other_shards_answer_and_what_is_missing_is_said(
    place: Place, servers: list[ClickhouseServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(ClickhouseReader(place, late_seconds=1e9)) as reader:
        assert (waits(reader), waits(reader, Grouping.HOST)) == ([3], [2, 1])
        servers[1].kill()
        try:
            assert waits(reader) == [2]
            check_half(reader, servers[1])
            with closing(ClickhouseReader(place, late_seconds=1e9)) as stranger:
                assert waits(stranger) == waits(stranger, Grouping.HOST) == [2]
                assert "shards" in stranger.status().notes
        finally:
            servers[1].start()
        monkeypatch.setattr(clickhouse_shards, "ASK_AGAIN_SECONDS", 0.0)
        reader._shards._again = 0.0
        until_whole(reader)
        assert (waits(reader), waits(reader, Grouping.HOST)) == ([3], [2, 1])
        assert [one.counted for one in reader.hosts()] == [True, True]


def test_the_command_line_says_nothing_of_the_whole_without_a_shard(
    place: Place, servers: list[ClickhouseServer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    nodes = ",".join(server.address for server in servers)
    words = [f"clickhouse://mail@{nodes}/{place.database}?cluster={place.cluster}", "--token-file", str(password)]
    servers[1].kill()
    try:
        for what in ("info", "verify"):
            assert main(["ledger", what, *words]) == Exit.SOURCE
            assert capsys.readouterr().err == (
                f"mailtop: the ClickHouse server {servers[1].address} does not answer, and without what it has nothing "
                "can be said of the whole ledger; try again when it is back\n"
            )
    finally:
        servers[1].start()


def test_a_shard_that_hangs_is_named_in_time(
    place: Place, servers: list[ClickhouseServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_shards, "_ANSWER_SECONDS", 0.7)
    monkeypatch.setattr(clickhouse_shards, "_PING_SECONDS", 0.5)
    with closing(ClickhouseReader(place, late_seconds=1e9)) as reader:
        assert waits(reader) == [3]
        servers[1].signal(signal.SIGSTOP)
        begun = time.monotonic()
        try:
            with pytest.raises(ClusterAway, match=f"the ClickHouse servers wait for {servers[1].address}"):
                reader.queue(QueueQuery())
        finally:
            servers[1].signal(signal.SIGCONT)
        assert time.monotonic() - begun < 5
        assert waits(reader) == [3]


def test_where_the_first_server_is_away_another_is_asked(place: Place, servers: list[ClickhouseServer]) -> None:
    with closing(ClickhouseReader(place, late_seconds=1e9)) as reader:
        servers[0].kill()
        try:
            assert waits(reader) == [1]
            assert servers[0].address in reader.status().notes["shards"]
            servers[1].kill()
            with pytest.raises(ClusterAway, match="no ClickHouse server answers"):
                reader.queue(QueueQuery())
        finally:
            for server in servers:
                server.kill()
                server.start()
