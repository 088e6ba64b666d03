"""Two ledgers of one host are compared by name, on disk and on ClickHouse; what is copied between them is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.clickhouse_case import SECONDS, emptied_place, new_place
from tests.engine.clickhouse_mail import batches
from tests.engine.ledger_copies import filled, found
from tests.engine.ledger_model import BASE, CAUSES, DELTAS, START, batches_of, delta, nameless
from tui.config.ledger_place import Place
from tui.engine.batch import Batch, CauseDelta, CauseKey
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_contents import ClickhouseContents
from tui.engine.clickhouse_migration import spool_all
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_compare import Compared, compare
from tui.engine.ledger_contents import Contents
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_load import load
from tui.engine.sqlite_writer import SqliteWriter


def differences(one: Contents, other: Contents) -> list[str]:
    return list(compare(one, other, ("a", "b"), Compared()))


def between(one: Path, other: Path) -> list[str]:
    with contents(one) as left, contents(other) as right:
        return differences(left, right)


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
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "a.ledger")


def test_a_ledger_is_the_same_as_itself(path: Path) -> None:
    compared = Compared()
    with contents(path) as one, contents(path) as other:
        assert list(compare(one, other, ("a", "b"), compared)) == []
    assert compared == Compared(accounts=2, cells=2, buckets=4, messages=2)


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (
            nameless({BASE + 61: {3 << 24 | 1: delta(fail=2)}}),
            'the hour 2025-06-15 17:00Z, account "bob", ISP "Gmail": fail is 1 in a and 3 in b',
        ),
        (nameless({5: {2 << 24: delta(send=1)}}), 'the sums, account "alice": send is 11 in a and 12 in b'),
        (
            nameless({5: {3 << 24 | 2: delta(hold=1)}}),
            'what waits, account "bob", ISP "Yahoo": hold is 1 in a and 2 in b',
        ),
        (
            nameless({}, causes={CauseKey(2 << 24 | 1, "421 later"): CauseDelta(1, START, START, "x")}),
            "causes: 1 of a are not, or not so, in the other ledger",
        ),
        (nameless({}, messages={b"1b": None}), "messages that wait: 1 of a are not, or not so, in the other ledger"),
        (nameless({}, counters={"vanished": 3}), "the counter vanished is 2 in a and 5 in b"),
        (nameless({}, gauges={"log_time": START + 3_600_000}), "a and b do not know of the same minutes"),
    ],
)
def test_a_difference_is_told_by_name(path: Path, tmp_path: Path, batch: Batch, sentence: str) -> None:
    other = filled(tmp_path / "b.ledger")
    writer = SqliteWriter(other)
    writer.write(batch)
    writer.close()
    said = between(path, other)
    assert sentence in said, said


def test_ledgers_that_keep_history_for_another_time_are_compared_where_both_do(path: Path, tmp_path: Path) -> None:
    other = filled(tmp_path / "b.ledger")
    shorter = SqliteWriter(other, minutes_kept_hours=0, hours_kept_days=1)
    shorter.maintain(START + 400 * 3600)
    shorter.close()
    with contents(path) as one, contents(other) as two:
        assert one.head().minutes_from < two.head().minutes_from
    assert between(path, other) == []


class TestOnClickhouse:
    """The same host's ledger there and here."""

    def shipped(self, path: Path, place: Place) -> None:
        spool_all(path, replaces=False)
        writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
        assert writer.flush(SECONDS), writer.trouble
        writer.close()

    def there_and_back(self, path: Path, place: Place) -> None:
        self.shipped(path, place)
        back = path.with_name("back.ledger")
        with closing(Client(place)) as client, contents(path) as held:
            there = ClickhouseContents(client, "mx1")
            assert differences(held, there) == []
            again = ClickhouseContents(client, "mx1")
            load(back, again.head(), again.parts())
        assert between(path, back) == []
        assert [said for said in found(back) if "messages that wait" not in said] == []

    def test_a_ledger_goes_there_and_back(self, path: Path, place: Place) -> None:
        self.there_and_back(path, place)
        assert found(path.with_name("back.ledger")) == []

    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(drawn=st.lists(st.tuples(DELTAS, CAUSES), min_size=1, max_size=4), rolled=st.booleans())
    def test_any_ledger_goes_there_and_back(
        self,
        server: ClickhouseServer,
        tmp_path_factory: pytest.TempPathFactory,
        drawn: list[tuple[dict[int, dict[int, tuple[int, ...]]], dict[CauseKey, CauseDelta]]],
        rolled: bool,
    ) -> None:
        path = tmp_path_factory.mktemp("drawn") / "a.ledger"
        writer = SqliteWriter(path, minutes_kept_hours=1)
        for made in batches_of(drawn):
            writer.write(made)
        if rolled:
            writer.maintain(START + 36_000)
        writer.close()
        with emptied_place([server]) as place:
            self.there_and_back(path, place)

    def test_a_host_that_sends_meanwhile_is_told(self, place: Place, tmp_path: Path) -> None:
        path = tmp_path / "mail.ledger"
        writer = ClickhouseWriter(path, place, "mx1", ship_seconds=0.0)
        source = batches(1)
        for made in islice(source, 3):
            writer.write(made)
        assert writer.flush(SECONDS), writer.trouble
        with closing(Client(place)) as client:
            parts = ClickhouseContents(client, "mx1").parts()
            next(parts)
            writer.write(next(source))
            assert writer.flush(SECONDS), writer.trouble
            with pytest.raises(LedgerBusy, match="has sent more meanwhile"):
                list(parts)
            with pytest.raises(LedgerError, match="knows no host called mx9"):
                ClickhouseContents(client, "mx9").head()
        writer.close()
