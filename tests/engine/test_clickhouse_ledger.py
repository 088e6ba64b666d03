"""The ledger on ClickHouse, on one real server and on two with tables over both, does what every ledger does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.chdb_server import ChdbServer, has_chdb
from tests.clickhouse_server import ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine import ledger_contract, ledger_messages_contract
from tests.engine.clickhouse_case import ClickhouseLedger, emptied_place
from tests.engine.ledger_case import Ledger, SnapshotReader
from tests.engine.ledger_contract import LedgerContract
from tests.engine.ledger_model import BASE, CAUSES, DELTAS, GMAIL, START, YAHOO, every_filter
from tui.engine.batch import CauseDelta, CauseKey, cell_key
from tui.engine.ledger import LedgerWriter

FULL = CauseDelta(1, START + 7, START + 7, "552 it's \\ full")
DRAWN = st.lists(st.tuples(DELTAS, CAUSES), min_size=1, max_size=4)
# An example asks nine questions of each filter, at ten milliseconds a question: few examples, each of other filters.
THOROUGH = os.environ.get("MAILTOP_LIVE") == "required"
RICH = [
    (
        {
            BASE + 3: {GMAIL: (5, 2, 1, 0, 3 << 32, 4, 0, 3, 0), YAHOO: (1, 0, 0, 1, 7, 0, 2, 0, 1)},
            BASE + 61: {cell_key(4, 1): (2, 0, 3, 0, 9, 3, 0, 0, 2), cell_key(5, 3): (0, 1, 0, 0, 0, 0, 0, 0, 0)},
        },
        {CauseKey(GMAIL, "421 too many"): CauseDelta(3, START, START + 9, "421 b"), CauseKey(YAHOO, "552"): FULL},
    ),
    (
        {
            BASE + 61: {GMAIL: (0, 2, 0, 0, 0, -2, 0, -1, 0), YAHOO: (0, 0, 0, 0, 0, 0, -2, 0, -1)},
            BASE + 140: {cell_key(4, 1): (-1, 0, 0, 0, -9, 0, 0, 4, 0), cell_key(2, 3): (1, 0, 0, 0, 1, 0, 0, 0, 5)},
        },
        {CauseKey(cell_key(4, 1), "421 too many"): CauseDelta(2, START + 5, START + 90, "421 \N{SNOWMAN}")},
    ),
]


class _Servers:
    """The servers of this file's tests, started for the first that asks."""

    running: list[ClickhouseServer]


@pytest.fixture(scope="module", autouse=True)
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with skips_without_servers(), clickhouse_servers(tmp_path_factory.mktemp("clickhouse"), 2) as _Servers.running:
        yield


class TestOneServer(LedgerContract):
    """One server, and all that is the same on more."""

    servers = 1

    @contextmanager
    def new_ledger(self) -> Iterator[Ledger]:
        with tempfile.TemporaryDirectory() as folder, emptied_place(_Servers.running[: self.servers]) as place:
            yield ClickhouseLedger(place, Path(folder) / "state" / "mail.ledger")

    def test_one_snapshot_is_one_state(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        pytest.skip("servers show several answers no common state; each answer is from one")

    def test_isps_that_share_a_mark_are_told_apart(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        pytest.skip("servers find messages by their ISPs themselves, without marks")

    @settings(
        max_examples=1,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
        phases=[Phase.explicit, *([Phase.generate] if THOROUGH else [])],
    )
    @given(drawn=DRAWN, rolled=st.booleans(), first=st.integers(0, 6))
    @example(drawn=RICH, rolled=True, first=0)
    @example(drawn=RICH, rolled=False, first=3)
    def test_answers_what_a_naive_model_answers(self, drawn: Any, rolled: bool, first: int) -> None:
        filters = list(every_filter())[first::7]
        with mock.patch.object(ledger_contract, "every_filter", lambda: iter(filters)):
            self._answer(drawn, rolled)

    def test_the_oldest_messages_of_any_filter_come_first(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        filters = list(every_filter())[:: 3 if THOROUGH else 5]
        with mock.patch.object(ledger_messages_contract, "every_filter", lambda: iter(filters)):
            super().test_the_oldest_messages_of_any_filter_come_first(writer, reader)

    def _answer(self, drawn: Any, rolled: bool) -> None:
        LedgerContract.test_answers_what_a_naive_model_answers.hypothesis.inner_test(  # type: ignore[attr-defined]
            self, drawn, rolled
        )


class TestCurrentEngine(TestOneServer):
    """The engine of today, as a library: SQL that both know is what servers of any age in between know."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def engine(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        if not has_chdb():
            pytest.skip("chdb is not installed, 500 MB: pip install --group current-clickhouse")
        with ChdbServer(tmp_path_factory.mktemp("chdb")) as cls.current:
            yield

    current: ChdbServer

    @contextmanager
    def new_ledger(self) -> Iterator[Ledger]:
        with tempfile.TemporaryDirectory() as folder, emptied_place([self.current]) as place:
            yield ClickhouseLedger(place, Path(folder) / "state" / "mail.ledger")


class TestTwoShards(TestOneServer):
    """Readers ask tables over both servers; the writer writes to one."""

    servers = 2
