"""The ssh source against a real sshd on loopback, with this very program as the `mailtop` there."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

import tui
from tests.hub.scripted import until
from tests.sources.ssh_host import MAILTOP, NoSshd, SshHost, processes_with, wait_until
from tui.config import SshSource
from tui.config.writing import toml
from tui.engine.sqlite_reader import SqliteReader
from tui.hub import formats
from tui.hub.poller import Poller, Wanted
from tui.model import Freshness, Grouping, QueueQuery, QueueRow, QueueTable
from tui.sources.source import SourceError, Unreachable
from tui.sources.ssh import Ssh


@pytest.fixture(scope="module")
def host() -> Iterator[SshHost]:
    with tempfile.TemporaryDirectory(prefix="mailtop-ssh-") as folder:
        try:
            running = SshHost(Path(folder))
        except NoSshd as why:
            if os.environ.get("MAILTOP_LIVE") == "required":
                raise
            pytest.skip(f"no real sshd: {why}")
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture(autouse=True)
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of kept connections; none is left behind by a test, nor any process that keeps one."""
    with tempfile.TemporaryDirectory(prefix="mt") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder) / "mailtop"
        wait_until(lambda: not processes_with(folder), "kept connections to end")


async def failure(source: Ssh, kind: type[SourceError] = SourceError) -> str:
    """What the source says when it is asked; it must be a failure of this kind and no other."""
    try:
        with pytest.raises(SourceError) as caught:
            await source.queue(QueueQuery())
    finally:
        await source.close()
    assert type(caught.value) is kind, caught.value
    return str(caught.value)


@asynccontextmanager
async def asked(config: SshSource) -> AsyncIterator[Ssh]:
    """A source that is closed again."""
    source = Ssh(config)
    try:
        yield source
    finally:
        await source.close()


def rows_of(table: QueueTable | None) -> list[QueueRow]:
    assert table is not None
    return sorted(table.rows(), key=repr)


async def test_numbers_are_those_of_the_host_over_one_login(host: SshHost) -> None:
    logins = host.logins()
    async with asked(host.source()) as source:
        with closing(SqliteReader(host.ledger, 1)) as ledger:
            by_campaign = await source.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN))
            assert by_campaign is not None
            assert [formats.queue_row(row) for row in by_campaign.rows("mx")] == host.printed
            assert by_campaign.files == host.files
            bobs = {row.campaign: row for row in by_campaign.rows() if row.account == "bob@acme.test"}
            for query in (
                QueueQuery(sender_id=1),
                QueueQuery(Grouping.ACCOUNT, isp="gmail.test"),
                QueueQuery(Grouping.ISP, campaign_id=bobs[""].campaign_id),
                QueueQuery(Grouping.ISP, campaign_id=bobs["newsletter/7"].campaign_id),
            ):
                rows = rows_of(await source.queue(query))
                assert rows == rows_of(ledger.queue(query))
                assert rows
            totals = {each.account: formats.totals_row("mx", each) for each in await source.totals() or ()}
            assert totals == {each.account: formats.totals_row("mx", each) for each in ledger.totals()}
            assert totals
        status = await source.status()
    assert (status.freshness, status.error, status.notes) == (Freshness.LIVE, None, ())
    assert status.age_seconds is not None
    assert status.age_seconds < 10
    assert host.logins() == logins + 1


async def test_a_name_that_is_not_known_yet_is_asked_for_first(host: SshHost) -> None:
    with closing(SqliteReader(host.ledger, 1)) as ledger:
        row = next(row for row in rows_of(ledger.queue(QueueQuery(Grouping.ACCOUNT))) if row.account == "root")
        async with asked(host.source()) as source:
            query = QueueQuery(Grouping.ISP, account_id=row.account_id)
            assert rows_of(await source.queue(query)) == rows_of(ledger.queue(query))


def test_show_here_prints_what_show_there_prints(host: SshHost, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    settings = msgspec.to_builtins(host.source())
    config.write_text("[[source]]\n" + "".join(f"{key} = {toml(settings[key])}\n" for key in HOW_TO_REACH))
    command = [*MAILTOP, "show", "queue", "--group", "account", "--config", str(config), "--format", "json"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=True, timeout=30)
    with closing(SqliteReader(host.ledger, 1)) as ledger:
        rows = [formats.queue_row(row) for row in ledger.queue(QueueQuery(Grouping.ACCOUNT)).rows("far")]
    assert sorted(json.loads(done.stdout)["rows"], key=repr) == sorted(rows, key=repr)


HOW_TO_REACH = ("type", "name", "host", "port", "identity_file", "ssh", "command")


async def test_a_key_that_the_host_does_not_take(host: SshHost) -> None:
    said = await failure(Ssh(host.source(identity_file=str(host.other_key))))
    assert "refused the login" in said
    assert "Permission denied" in said
    assert "identity_file" in said


async def test_a_host_that_is_not_known(host: SshHost, tmp_path: Path) -> None:
    known = host.known_hosts
    host.known_hosts = tmp_path / "none"
    try:
        assert "a host key that is not known here" in await failure(Ssh(host.source()))
    finally:
        host.known_hosts = known


async def test_a_host_whose_key_has_changed(host: SshHost) -> None:
    known = host.known_hosts.read_text()
    host.know(host.other_key)
    try:
        assert "shows another host key than the one known here" in await failure(Ssh(host.source()))
    finally:
        host.known_hosts.write_text(known)


async def test_nobody_listens(host: SshHost) -> None:
    said = await failure(Ssh(host.source(port=1)), Unreachable)
    assert said.endswith("Connection refused).")


async def test_no_such_command_there(host: SshHost) -> None:
    said = await failure(Ssh(host.source(command=["mailtop-that-is-not-there"])))
    assert "does not find `mailtop-that-is-not-there`" in said
    assert "set `command` to its whole path" in said


async def test_a_configuration_there_that_cannot_be_used(host: SshHost, tmp_path: Path) -> None:
    source = host.source()
    said = await failure(Ssh(host.source(command=[*source.command[:-1], str(tmp_path / "none.toml")])))
    assert "mailtop there is not set up for this" in said
    assert "none.toml" in said


PATIENCE_SECONDS = 30.0

# ends with the session that it runs in, so that no test leaves it behind
HANGS = "import os, time\nparent = os.getppid()\nwhile os.getppid() == parent: time.sleep(0.02)"


async def test_a_command_that_hangs_is_killed_with_its_connection(host: SshHost, sockets: Path) -> None:
    async with asked(host.source(command=[sys.executable, "-c", HANGS], timeout_seconds=3)) as source:
        with pytest.raises(SourceError, match="did not end there within 3 s"):
            await source.queue(QueueQuery())
        await until(lambda: not processes_with(str(sockets)))


async def test_what_runs_ends_with_the_source(host: SshHost, sockets: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    source = Ssh(host.source(command=[sys.executable, "-c", f"open({str(begun)!r}, 'w')\n{HANGS}"]))
    asking = asyncio.create_task(source.queue(QueueQuery()))
    try:
        await until(begun.exists, PATIENCE_SECONDS)
    finally:
        await source.close()
    with pytest.raises(SourceError):
        await asking
    await until(lambda: not processes_with(str(sockets)))
    with pytest.raises(SourceError, match="closed"):
        await source.queue(QueueQuery())


async def test_an_answer_without_end(host: SshHost) -> None:
    source = Ssh(host.source(command=[sys.executable, "-c", "while True: print('x' * 9999)"], max_answer_mib=1))
    assert "printed more than 1 MiB" in await failure(source)


async def test_a_host_that_goes_and_comes_back(host: SshHost) -> None:
    poller = Poller(Ssh(host.source(interval_seconds=0.2)), lambda: None)
    poller.want(Wanted(query=QueueQuery(Grouping.ACCOUNT)))
    polling = asyncio.create_task(poller.run())
    try:
        await until(lambda: poller.table is not None and poller.status().freshness is Freshness.LIVE, PATIENCE_SECONDS)
        before = rows_of(poller.table)
        host.stop()
        # on a busy machine its numbers may be old before it is seen to be gone
        await until(lambda: poller.status().error is not None, PATIENCE_SECONDS)
        assert poller.status().freshness is Freshness.STALE
        assert rows_of(poller.table) == before
        host.start()
        await until(lambda: poller.status().freshness is Freshness.LIVE, PATIENCE_SECONDS)
    finally:
        polling.cancel()
        await poller.source.close()


async def test_a_key_that_only_reads(host: SshHost, tmp_path: Path) -> None:
    """The forced command of docs/fleet.md."""
    script, program = Path(tui.__file__).parent.parent / "docs" / "mailtop-show-only", tmp_path / "mailtop"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(MAILTOP)} --config {host.config} "$@"\n')
    program.chmod(0o755)
    host.allow(f'restrict,command="PATH={tmp_path}:$PATH {sys.executable} {script}"')
    try:
        async with asked(host.source(command=["mailtop"])) as source:
            assert rows_of(await source.queue(QueueQuery(Grouping.ISP, isp="gmail.test")))
        refused = "ended there with exit code 1: this key may run nothing but mailtop show"
        for command in (["cat", "/etc/passwd"], ["mailtop", "--config", "/etc/passwd"], ["mailtop", "check"]):
            assert refused in await failure(Ssh(host.source(command=command)))
        host.allow('restrict,command="echo 1; #"')
        assert 'begins with "1" where JSON should' in await failure(Ssh(host.source()))
    finally:
        host.allow("restrict")


async def test_check_says_whom_it_reached(host: SshHost) -> None:
    async with asked(host.source(source="mx", keep_connection=False)) as source:
        found = await source.check()
    user, _, address = str(host.source().host).partition("@")
    assert found.reached == f'{user}@{address} ({address}, port {host.port}), its source "mx" (local)'
    assert found.identity == f"user {user}"
    assert found.rights == ("mail totals", "queue")
    assert found.problems == ()
