"""What was counted while ClickHouse is away waits on disk, in order and within bounds, and gets there later."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, free_ports, skips_without_servers
from tests.engine.clickhouse_case import SECONDS, PromptWriter, new_place
from tests.engine.clickhouse_mail import batches, check_same, sums_of_hosts
from tests.engine.ledger_model import BASE, GMAIL, HOUR, START, batch, delta
from tui.config.ledger_place import Place, parse
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.sqlite_reader import SqliteReader
from tui.model import QueueQuery


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickhouseServer]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 1) as (running,):
        yield running


@pytest.fixture
def place(server: ClickhouseServer) -> Iterator[Place]:
    with new_place([server]) as made:
        yield made


@pytest.fixture
def nowhere() -> Place:
    """A server that is away."""
    return parse(f"clickhouse://127.0.0.1:{free_ports(1)[0]}/mail")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.ledger"


def noted(path: Path, key: str) -> str | None:
    """A note of the host's own ledger."""
    reader = SqliteReader(path)
    try:
        return reader.status().notes.get(key)
    finally:
        reader.close()


def test_mail_is_counted_while_the_server_is_away_and_gets_there_later(
    place: Place, server: ClickhouseServer, path: Path
) -> None:
    writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
    source = batches(1)
    writer.write(next(source))
    assert writer.flush(SECONDS), writer.trouble
    server.kill()
    try:
        deadline = time.monotonic() + SECONDS
        while noted(path, "cluster") is None:
            assert time.monotonic() < deadline
            writer.write(next(source))
            writer.flush(0.05)
        said = noted(path, "cluster")
        assert said is not None
        assert "nothing gets to ClickHouse, and waits here: no ClickHouse server answers" in said
        waiting = writer.spooled()
        assert waiting.entries >= 1
        assert waiting.size > 0
        assert waiting.since is not None
        # The host's own ledger goes on meanwhile.
        assert sums_of_hosts([path])["totals"]
        begun = time.monotonic()
        writer.close()
        assert time.monotonic() - begun < 5
    finally:
        server.start()
    again = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
    assert again.flush(SECONDS), again.trouble
    again.write(next(source))
    assert again.flush(SECONDS), again.trouble
    assert again.spooled().entries == 0
    assert noted(path, "cluster") is None
    again.close()
    check_same(place, [path])


def test_a_full_spool_takes_nothing_and_loses_nothing(nowhere: Place, place: Place, path: Path) -> None:
    writer = ClickhouseWriter(path, nowhere, "mx1", max_spool_bytes=20_000)
    source = batches(1)
    stored = 0
    made = next(source)
    with pytest.raises(LedgerError, match=r"the spool in .* is full: 0.0 MiB wait for ClickHouse"):
        while True:
            writer.write(made)
            stored += 1
            made = next(source)
    assert stored > 5
    before = sums_of_hosts([path])
    with pytest.raises(LedgerError, match="is full"):
        writer.write(made)
    assert sums_of_hosts([path]) == before
    assert writer.spooled().size <= 20_000 + 2_000
    writer.close()
    again = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0, max_spool_bytes=20_000)
    assert again.flush(SECONDS), again.trouble
    again.write(made)
    assert again.flush(SECONDS), again.trouble
    again.close()
    check_same(place, [path])


def test_a_collector_killed_at_any_moment_loses_and_doubles_nothing(
    place: Place, server: ClickhouseServer, path: Path
) -> None:
    url = f"clickhouse://{server.address}/{place.database}"
    argv = [sys.executable, "-m", "tests.engine.clickhouse_child", str(path), url, "mx1", "1"]
    for acknowledged in (1, 4, 11):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(acknowledged):
                assert process.stdout.readline()
            process.kill()
    writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
    assert writer.flush(SECONDS), writer.trouble
    (position,) = writer.positions()
    writer.close()
    check_same(place, [path])
    # What the killed ones stored is what one that was never killed stores.
    whole = path.with_name("whole.ledger")
    plain = ClickhouseWriter(whole, parse("clickhouse://127.0.0.1:1/mail"), "mx1")
    for made in islice(batches(1), position.offset):
        plain.write(made)
    plain.close()
    assert sums_of_hosts([path]) == sums_of_hosts([whole])


def test_batches_are_shipped_together(place: Place, server: ClickhouseServer, path: Path) -> None:
    writer = ClickhouseWriter(path, place, "mx1", ship_seconds=60.0)
    for made in islice(batches(1), 20):
        writer.write(made)
    assert writer.flush(SECONDS), writer.trouble
    writer.close()
    check_same(place, [path])
    inserted = server.ask(f"SELECT count() FROM {place.database}.sums WHERE level = 0")
    # Those that came while the server made its tables go at once, and the rest when it is asked for.
    assert int(inserted) <= 5


def test_old_minutes_and_hours_go_in_whole_partitions(place: Place, server: ClickhouseServer, path: Path) -> None:
    days = 20
    writer = PromptWriter(path, place, minutes_kept_hours=24, hours_kept_days=5)
    writer.write(batch({BASE + 5 * 1440 * day: {GMAIL: delta(send=1, new=1)} for day in range(days)}))
    end = START + days * 5 * 24 * HOUR
    writer.maintain(end)
    writer.close()
    kept = f"SELECT count(DISTINCT start) FROM {place.database}"
    assert int(server.ask(f"{kept}.minutes WHERE level = 1")) == 1
    assert int(server.ask(f"{kept}.hours WHERE level = 1")) <= 7
    reader = ClickhouseReader(place)
    assert [one.send_count for one in reader.totals()] == [days]
    assert [row.new for row in reader.queue(QueueQuery()).rows()] == [days]
    reader.close()


def test_one_collector_writes_for_a_host(nowhere: Place, path: Path) -> None:
    writer = ClickhouseWriter(path, nowhere, "mx1")
    with pytest.raises(LedgerBusy, match="is already written by process"):
        ClickhouseWriter(path, nowhere, "mx1")
    writer.close()
    writer.close()
