"""What is built to answer for a source, where that is not plain from the commands."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from tui import config
from tui.cli import clickhouse, compose
from tui.config import CpanelSource, DemoSource, LocalSource, SenderQueueSource, SharedLedgerSource
from tui.engine.ledger import LedgerError
from tui.model import Checkup, Freshness
from tui.sources.ledger import NoLedger
from tui.sources.source import Source

SERVER = {"url": "https://h.example", "token_env": "TOKEN"}


def test_each_kind_of_source_is_built_with_its_own_interval_first(source: LocalSource) -> None:
    queues = msgspec.convert({**SERVER, "interval_seconds": 30.0}, SenderQueueSource)
    whm = msgspec.convert({**SERVER, "user": "root"}, CpanelSource)
    shared = SharedLedgerSource(ledger="clickhouse://ch1.example/mail", interval_seconds=5.0)
    file = SharedLedgerSource(name="file", ledger="sqlite:///srv/mx1.sqlite")
    built = [compose.make_source(each, 2.0) for each in (source, DemoSource(), whm, queues, shared, file)]
    assert [(each.name, each.type, each.interval_seconds) for each in built] == [
        ("mx", "local", 2.0),
        ("demo", "demo", 2.0),
        ("cpanel", "cpanel", 2.0),
        ("queue", "sender_queue", 30.0),
        ("fleet", "ledger", 5.0),
        ("file", "ledger", 2.0),
    ]


async def test_a_password_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    shared = SharedLedgerSource(ledger="clickhouse://ch1.example/mail", token_file=str(missing))
    made = compose.make_source(shared, 2.0)
    status, checkup = await made.status(), await made.check()
    await made.close()
    told = f'the source "fleet": the token file {missing} cannot be read: No such file or directory'
    assert (status.freshness, status.error, checkup.problems) == (Freshness.ERROR, told, (told,))


def test_a_ledger_in_a_file_that_is_not_there_is_wrong_and_not_made(tmp_path: Path) -> None:
    async def checked(source: Source) -> Checkup:
        checkup = await source.check()
        await source.close()
        return checkup

    shared = SharedLedgerSource(ledger=f"sqlite://{tmp_path}/none/mx1.sqlite")
    checkup = asyncio.run(checked(compose.make_source(shared, 2.0)))
    assert (len(checkup.problems), checkup.notes, list(tmp_path.iterdir())) == (1, (), [])


@pytest.mark.parametrize(
    ("address", "is_told"),
    [
        ("clickhouse://ch1.example/mail", True),
        ("clickhouses://ch1.example/mail", False),
        ("clickhouse://[::1]/m", False),
    ],
)
def test_a_password_that_all_may_read_on_its_way_is_told(address: str, is_told: bool) -> None:
    place = config.clickhouse_place(address)
    assert place is not None
    with_password = SharedLedgerSource(ledger=address, token_env="X")
    assert bool(clickhouse.told_in_clear(with_password, place)) == is_told
    assert clickhouse.told_in_clear(SharedLedgerSource(ledger=address), place) == ()


def test_missing_ledger_is_told_apart_from_a_broken_one(source: LocalSource) -> None:
    with pytest.raises(NoLedger):
        compose._reader(config.ledger_path(source), 1)
    config.ledger_path(source).write_text("no database" * 100)
    with pytest.raises(LedgerError) as caught:
        compose._reader(config.ledger_path(source), 1)
    assert not isinstance(caught.value, NoLedger)
