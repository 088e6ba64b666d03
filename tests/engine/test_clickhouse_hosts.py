"""Hosts of one ledger on ClickHouse: each as it stands, and sums without those that cannot be trusted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.clickhouse_case import SECONDS, new_place
from tests.engine.ledger_model import BASE, batch, delta
from tui.config.ledger_place import Place
from tui.engine.batch import CauseDelta, CauseKey, cell_key
from tui.engine.clickhouse_hosts import Standing, left_out, not_counted, standing
from tui.engine.clickhouse_names import account_id, host_id
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_rows import HostState
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.model import Counts, Freshness, Grouping, QueueQuery

NOW = 1_750_000_000.0
WELL = HostState(
    updated=NOW - 3,
    collector=7,
    counters={},
    gauges={"listed_at": 1, "log_time": 1},
    notes={},
    covered=[],
    minutes_from=0,
    hours_from=0,
    cells=1,
)


@pytest.mark.parametrize(
    ("state", "freshness", "age_seconds", "error", "counts"),
    [
        (WELL, Freshness.LIVE, 3.0, None, True),
        (msgspec.structs.replace(WELL, updated=NOW - 31), Freshness.STALE, 31.0, "does not write", False),
        (msgspec.structs.replace(WELL, collector=None), Freshness.STALE, 3.0, "No collector runs", False),
        (msgspec.structs.replace(WELL, notes={"queue": "no exim"}), Freshness.ERROR, 3.0, "no exim", False),
        (msgspec.structs.replace(WELL, notes={"log": "no log"}), Freshness.PARTIAL, 3.0, "no log", True),
        (msgspec.structs.replace(WELL, gauges={"listed_at": 1, "backfill": 1}), Freshness.PARTIAL, 3.0, "read", True),
        (msgspec.structs.replace(WELL, gauges={"log_time": 1}), Freshness.PARTIAL, 3.0, "not been listed", False),
        (msgspec.structs.replace(WELL, gauges={}, updated=None), Freshness.STALE, None, "does not write", False),
        (msgspec.structs.replace(WELL, updated=NOW + 9), Freshness.LIVE, 0.0, None, True),
    ],
)
def test_a_host_stands_as_its_state_says(
    state: HostState, freshness: Freshness, age_seconds: float | None, error: str | None, counts: bool
) -> None:
    found = standing(state, NOW, 30.0)
    assert (found.freshness, found.age_seconds, found.counts) == (freshness, age_seconds, counts)
    assert (found.error is None) == (error is None)
    assert error is None or (found.error is not None and error in found.error)


def test_hosts_are_left_out_only_while_another_counts() -> None:
    good = Standing(Freshness.LIVE, 1.0, None, True)
    bad = Standing(Freshness.STALE, 99.0, "late", False)
    assert left_out({"a": good, "b": bad, "c": bad}) == ["b", "c"]
    assert left_out({"a": bad, "b": bad}) == []
    assert left_out({}) == []


def test_a_sentence_names_a_few_hosts() -> None:
    assert not_counted(["b"], 2) == "b of 2 hosts does not count in what waits."
    assert not_counted(["d", "c", "b", "a", "\x1be"], 42).startswith(
        "\N{REPLACEMENT CHARACTER}e, a, b and 2 more of 42"
    )


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickhouseServer]]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with skips_without_servers(), clickhouse_servers(folder, 2) as running:
        yield running


@pytest.fixture(scope="module")
def place(servers: list[ClickhouseServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Three hosts on two servers: the first waits most, the second waits for ever, the third cannot list its queue."""
    folder = tmp_path_factory.mktemp("hosts")
    with new_place(servers) as made:
        writers = []
        for number, (new, retry) in enumerate([(1, 8), (0, 4), (2, 0)]):
            home = Place((made.nodes[number % 2],), made.user, made.database, made.cluster)
            writers.append(ClickhouseWriter(folder / f"{number}.ledger", home, f"mx{number}", ship_seconds=0.0))
            cells = {
                cell_key(1, 1): delta(new=new, send=1, defer=retry),
                cell_key(2, 2): delta(retry=retry, success=number + 1, fail=1),
            }
            cause = {CauseKey(cell_key(2, 2), "451"): CauseDelta(1, BASE * 60, BASE * 60, f"mx{number}")}
            gauges = {"queue_files": 10**number, "listed_at": BASE * 60, "log_time": BASE * 60}
            writers[-1].write(batch({BASE: cells}, causes=cause, gauges=gauges))
        writers[2].note("queue", "cannot list the queue")
        for writer in writers:
            assert writer.flush(SECONDS), writer.trouble
        try:
            yield made
        finally:
            for writer in writers:
                writer.close()


def rows(reader: ClickhouseReader, query: QueueQuery) -> list[tuple[object, ...]]:
    return [(row.sender, row.account, row.campaign, row.isp, row.new, row.retry) for row in reader.queue(query).rows()]


def test_each_host_is_told_of(place: Place) -> None:
    with closing(ClickhouseReader(place)) as reader:
        first, second, third = reader.hosts()
    assert [(one.name, one.sender_id) for one in (first, second, third)] == [
        (name, host_id(name)) for name in ("mx0", "mx1", "mx2")
    ]
    assert (first.freshness, first.error, first.counted) == (Freshness.LIVE, None, True)
    assert first.age_seconds is not None
    assert first.age_seconds < SECONDS
    assert (first.success_count, first.defer_count, first.fail_count) == (1, 8, 1)
    assert (first.worst_isp, first.worst_waiting) == ("Yahoo", 8)
    assert (third.freshness, third.error, third.counted) == (Freshness.ERROR, "cannot list the queue", False)
    assert (third.worst_isp, third.worst_waiting) == ("", 0)


def test_each_host_is_a_row_and_sums_leave_out_who_cannot_be_trusted(place: Place) -> None:
    with closing(ClickhouseReader(place)) as reader:
        table = reader.queue(QueueQuery(grouping=Grouping.HOST))
        assert table.sender_id == [host_id(name) for name in table.sender]
        assert rows(reader, QueueQuery(grouping=Grouping.HOST)) == [
            ("mx0", "", "", "", 1, 8),
            ("mx1", "", "", "", 0, 4),
            ("mx2", "", "", "", 2, 0),
        ]
        assert rows(reader, QueueQuery(grouping=Grouping.HOST, isp="Yahoo")) == [
            ("mx0", "", "", "", 0, 8),
            ("mx1", "", "", "", 0, 4),
            ("mx2", "", "", "", 0, 0),
        ]
        assert len(reader.queue(QueueQuery(grouping=Grouping.HOST), limit=1)) == 1
        assert rows(reader, QueueQuery()) == [("", "", "", "", 1, 12)]
        assert rows(reader, QueueQuery(grouping=Grouping.ISP)) == [
            ("", "", "", "Yahoo", 0, 12),
            ("", "", "", "Gmail", 1, 0),
        ]
        assert reader.queue(QueueQuery()).files == 11
        # What happened stays true, whoever tells of it.
        (totals,) = reader.totals()
        assert (totals.account, totals.send_count, totals.success_count) == ("alice", 3, 6)
        assert totals.in_progress_count == 13
        points = reader.history(QueueQuery(), BASE * 60 + 60, 60).points
        assert points == [Counts(send=3, success=6, defer=12, fail=3, new=1, retry=12)]
        assert [cause.count for cause in reader.causes(QueueQuery())] == [2]
        assert reader.status().notes == {"hosts": "mx2 of 3 hosts does not count in what waits."}


def test_a_hosts_number_selects_it_in_every_answer(place: Place) -> None:
    with closing(ClickhouseReader(place)) as reader:
        third, second = QueueQuery(sender_id=host_id("mx2")), QueueQuery(sender_id=host_id("mx1"))
        for grouping in Grouping:
            (row,) = reader.queue(third.grouped(grouping)).rows()
            assert (row.sender, row.sender_id, row.new, row.retry) == ("mx2", host_id("mx2"), 2, 0)
        assert reader.queue(third).files == 100
        points = reader.history(third, BASE * 60 + 60, 60).points
        assert points == [Counts(send=1, success=3, fail=1, new=2)]
        assert [cause.last_reply for cause in reader.causes(second)] == ["mx1"]
        only = msgspec.structs.replace(second, account_id=account_id("alice"), isp="Gmail")
        assert rows(reader, only) == [("mx1", "", "", "", 0, 0)]
        assert len(reader.queue(QueueQuery(sender_id=1))) == 1
        nobody = QueueQuery(sender_id=2)
        assert (len(reader.queue(nobody)), reader.causes(nobody), reader.messages(nobody)) == (0, [], [])
    with closing(ClickhouseReader(place, host="mx1")) as reader:
        assert [one.name for one in reader.hosts()] == ["mx1"]
        assert rows(reader, QueueQuery()) == [("", "", "", "", 0, 4)]
        assert len(reader.queue(third)) == 0


def test_where_all_hosts_are_late_their_last_numbers_stand(place: Place) -> None:
    with closing(ClickhouseReader(place, clock=lambda: time.time() + 3600)) as reader:
        assert {one.freshness for one in reader.hosts()} == {Freshness.STALE, Freshness.ERROR}
        assert all(one.counted for one in reader.hosts())
        assert rows(reader, QueueQuery()) == [("", "", "", "", 3, 12)]
        assert reader.status().notes == {"queue": "mx2: cannot list the queue"}
    with closing(ClickhouseReader(place, late_seconds=7200, clock=lambda: time.time() + 3600)) as reader:
        assert [one.counted for one in reader.hosts()] == [True, True, False]
