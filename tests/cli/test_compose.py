"""What is built for a source, where that is not plain from the commands."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from tests.cli.postfix_in_files import PostfixInFiles
from tests.clickhouse_server import free_ports
from tests.ordinary_user import shut_out_of
from tui import config
from tui.cli import clickhouse, compose
from tui.config import CpanelSource, DemoSource, LocalSource, SenderQueueSource, SharedLedgerSource
from tui.engine.find import FoundMta
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_lock import LedgerLock
from tui.model import Checkup, Freshness
from tui.sources.ledger import NoLedger
from tui.sources.source import Source


@pytest.fixture
def source(tmp_path: Path) -> LocalSource:
    [source] = config.load(PostfixInFiles(tmp_path).config).source
    assert isinstance(source, LocalSource)
    return source


def refuse(*arguments: object, **limits: object) -> None:
    raise LedgerError("its folder must be writable to collect")


def test_ledger_of_a_service_is_no_trouble_while_the_service_runs(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "SqliteWriter", refuse)
    lock = LedgerLock(config.ledger_path(source))
    with ExitStack() as running:
        assert compose.catch_up(source, running) is None
    with pytest.raises(LedgerBusy), compose.collector(source):
        pass
    lock.release()
    with ExitStack() as running:
        assert compose.catch_up(source, running) == "its folder must be writable to collect"


def test_caught_up_ledger_stays_locked_until_it_was_read(source: LocalSource) -> None:
    with ExitStack() as running:
        assert compose.catch_up(source, running) is None
        with pytest.raises(LedgerBusy), compose.collector(source):
            pass
    with compose.collector(source) as collector:
        collector.tick()


def test_ledger_in_a_folder_that_cannot_be_entered_is_one_sentence(source: LocalSource, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    source = msgspec.structs.replace(source, ledger=f"sqlite://{folder}/mx.sqlite")
    with shut_out_of(folder), ExitStack() as running:
        trouble = compose.catch_up(source, running)
    assert trouble is not None
    assert trouble.startswith(f"cannot tell who writes the ledger {folder}/mx.sqlite")
    assert trouble.endswith("Permission denied)")


def test_host_without_the_mail_system_gets_no_ledger(source: LocalSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.sources.find", lambda source: [])
    with ExitStack() as running:
        trouble = compose.catch_up(source, running)
    assert trouble is not None
    assert "no mail system was found" in trouble
    assert not config.ledger_path(source).exists()


def test_what_cannot_be_read_is_told_with_the_remedy_once(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "none.log"
    told = f"{log} is not there; mailtop waits for it to appear"
    found = FoundMta(mta="postfix", log=log, postqueue=source.postqueue, problems=(told, "name the log"))
    monkeypatch.setattr("tui.cli.sources.find", lambda source: [found])
    with compose.collector(source) as collector:
        collector.tick()
        assert compose.problems(collector, source) == [told, "name the log"]


def test_exim_without_a_spool_or_a_program_still_says_what_is_missing(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tui.cli.sources.find", lambda source: [FoundMta(mta="exim", log=tmp_path / "mx.log")])
    with compose.collector(source) as collector:
        collector.tick()
        assert collector.queue_problem is not None
        assert "exim -bp" in collector.queue_problem


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


async def test_a_server_that_is_away_delays_no_collecting_and_is_told_by_check(source: LocalSource) -> None:
    [port] = free_ports(1)
    away = msgspec.structs.replace(
        source, ledger=f"clickhouse://127.0.0.1:{port}/mail", local_ledger=source.ledger, host="mx1"
    )
    with compose.collector(away) as collector:
        while compose.sending_problem(away) is None:
            collector.tick()
    made = compose.make_source(away, 2.0)
    totals, checkup = await made.totals(), await made.check()
    await made.close()
    assert [each.account for each in totals or []] == ["bob", "eve"]
    [problem] = checkup.problems
    assert problem.startswith(f"no ClickHouse server answers (127.0.0.1:{port}: ")
    assert any("wait to be sent to ClickHouse; the next collector sends them." in note for note in checkup.notes)
    assert compose.sending_problem(away) is not None and compose.sending_problem(source) is None


def test_ledger_that_this_user_could_not_write_is_wrong_unless_another_writes_it(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, access = config.ledger_path(source), os.access
    assert compose.look(source).problems == ()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and access(path, mode))
    [problem] = compose.look(source).problems
    assert problem.startswith(f"the ledger {path} cannot be written: {path.parent} is closed to user ")
    lock = LedgerLock(path)
    assert compose.look(source).problems == ()
    lock.release()


def test_ledger_in_a_folder_that_cannot_be_entered_is_wrong(source: LocalSource, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    source = msgspec.structs.replace(source, ledger=f"sqlite://{folder}/mx.sqlite")
    with shut_out_of(folder):
        problems = compose.look(source).problems
    assert any(problem.startswith(f"cannot tell who writes the ledger {folder}/mx.sqlite") for problem in problems)


def test_missing_ledger_is_told_apart_from_a_broken_one(source: LocalSource) -> None:
    with pytest.raises(NoLedger):
        compose._reader(config.ledger_path(source), 1)
    config.ledger_path(source).write_text("no database" * 100)
    with pytest.raises(LedgerError) as caught:
        compose._reader(config.ledger_path(source), 1)
    assert not isinstance(caught.value, NoLedger)
