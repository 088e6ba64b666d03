"""What is built to collect, where that is not plain from the command."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from tests.clickhouse_server import free_ports
from tests.ordinary_user import shut_out_of
from tui import config
from tui.cli import collecting, compose
from tui.config import LocalSource
from tui.engine.find import FoundMta
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_lock import LedgerLock


def refuse(*arguments: object, **limits: object) -> None:
    raise LedgerError("its folder must be writable to collect")


def test_ledger_of_a_service_is_no_trouble_while_the_service_runs(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "SqliteWriter", refuse)
    lock = LedgerLock(config.ledger_path(source))
    with ExitStack() as running:
        assert collecting.catch_up(source, running) is None
    with pytest.raises(LedgerBusy), collecting.collector(source):
        pass
    lock.release()
    with ExitStack() as running:
        assert collecting.catch_up(source, running) == "its folder must be writable to collect"


def test_caught_up_ledger_stays_locked_until_it_was_read(source: LocalSource) -> None:
    with ExitStack() as running:
        assert collecting.catch_up(source, running) is None
        with pytest.raises(LedgerBusy), collecting.collector(source):
            pass
    with collecting.collector(source) as collector:
        collector.tick()


def test_ledger_in_a_folder_that_cannot_be_entered_is_one_sentence(source: LocalSource, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    source = msgspec.structs.replace(source, ledger=f"sqlite://{folder}/mx.sqlite")
    with shut_out_of(folder), ExitStack() as running:
        trouble = collecting.catch_up(source, running)
    assert trouble is not None
    assert trouble.startswith(f"cannot tell who writes the ledger {folder}/mx.sqlite")
    assert trouble.endswith("Permission denied)")


def test_host_without_the_mail_system_gets_no_ledger(source: LocalSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.sources.find", lambda source: [])
    with ExitStack() as running:
        trouble = collecting.catch_up(source, running)
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
    with collecting.collector(source) as collector:
        collector.tick()
        assert collecting.problems(collector, source) == [told, "name the log"]


def test_exim_without_a_spool_or_a_program_still_says_what_is_missing(
    source: LocalSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tui.cli.sources.find", lambda source: [FoundMta(mta="exim", log=tmp_path / "mx.log")])
    with collecting.collector(source) as collector:
        collector.tick()
        assert collector.queue_problem is not None
        assert "exim -bp" in collector.queue_problem


async def test_a_server_that_is_away_delays_no_collecting_and_is_told_by_check(source: LocalSource) -> None:
    [port] = free_ports(1)
    away = msgspec.structs.replace(
        source, ledger=f"clickhouse://127.0.0.1:{port}/mail", local_ledger=source.ledger, host="mx1"
    )
    with collecting.collector(away) as collector:
        while collecting.sending_problem(away) is None:
            collector.tick()
    made = compose.make_source(away, 2.0)
    totals, checkup = await made.totals(), await made.check()
    await made.close()
    assert [each.account for each in totals or []] == ["bob", "eve"]
    [problem] = checkup.problems
    assert problem.startswith(f"no ClickHouse server answers (127.0.0.1:{port}: ")
    assert any("wait to be sent to ClickHouse; the next collector sends them." in note for note in checkup.notes)
    assert collecting.sending_problem(away) is not None and collecting.sending_problem(source) is None
