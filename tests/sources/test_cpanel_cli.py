"""The cPanel source on the server itself: scripted commands in place of cPanel's own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import msgspec
import pytest

from tests.hub.scripted import until
from tests.sources.cpanel_server import STATS_PAGE, api1, record
from tui.config import CpanelSource
from tui.config.secrets import Secret
from tui.model import Freshness
from tui.sources.cpanel import Cpanel
from tui.sources.source import SourceError


def no_secret() -> Secret:
    raise AssertionError("nothing is secret here")


class Host:
    """Commands in a folder; each call's arguments and environment are noted in ``calls``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        self.cpapi2 = folder / "cpapi2"
        self.whmapi1 = folder / "whmapi1"

    def script(self, path: Path, body: str) -> None:
        """Make a command that notes its call and runs ``body`` (Python; ``call`` is the list of arguments)."""
        path.write_text(
            f"#!{sys.executable} -IS\nimport json, os, sys, time\ncall = sys.argv[1:]\n"
            f"with open({str(self.log)!r}, 'a') as log:\n    print(json.dumps([call, sorted(os.environ)]), file=log)\n"
            f"{body}\n"
        )
        path.chmod(0o755)

    def prints(self, path: Path, *outputs: bytes) -> None:
        """Make a command that prints these outputs, by the function it is called for where there are two."""
        self.script(path, f"outputs = {outputs!r}\nsys.stdout.buffer.write(outputs['listaccts' in call or 0])")

    def calls(self) -> list[tuple[list[str], list[str]]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def source(self, **options: object) -> Cpanel:
        config = msgspec.convert({"type": "cpanel", "login": "cli"} | options, CpanelSource)
        return Cpanel(config, no_secret, interval_seconds=2.0, cpapi2=str(self.cpapi2), whmapi1=str(self.whmapi1))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def listing(*names: str) -> bytes:
    return json.dumps(api1({"acct": [{"user": name} for name in names]})).encode()


REFUSED = json.dumps(api1({}, 0, "Access denied")).encode()


async def failure(source: Cpanel) -> str:
    with pytest.raises(SourceError) as caught:
        await source.totals()
    return str(caught.value)


async def test_all_accounts_at_once_and_what_waits_of_the_shown_ones(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_TOKEN", "s3cr3t")
    host.prints(host.whmapi1, json.dumps(api1({"records": [record("bob", 31), record("eve")]})).encode())
    host.prints(host.cpapi2, STATS_PAGE)
    source = host.source()
    totals = await source.totals(["bob"]) or []
    assert [(each.account, each.send_count, each.in_progress_count) for each in totals] == [
        ("bob", 31, 0),
        ("eve", 7, None),
    ]
    assert [call for call, _ in host.calls()] == [
        ["--output=json", "emailtrack_user_stats"],
        ["--user=bob", "--output=json", "EmailTrack", "stats"],
    ]
    assert all("MAIL_TOKEN" not in environment for _, environment in host.calls())
    assert (await source.status()).freshness is Freshness.LIVE


async def test_account_by_account(host: Host) -> None:
    host.prints(host.whmapi1, REFUSED, listing("bob", "eve"))
    host.prints(host.cpapi2, STATS_PAGE)
    totals = await host.source().totals() or []
    assert [(each.account, each.send_count) for each in totals] == [("bob", 7), ("eve", 7)]
    totals = await host.source(accounts=["$(touch_x);-rf"]).totals() or []
    assert [each.account for each in totals] == ["$(touch_x);-rf"]
    assert host.calls()[-1][0][0] == "--user=$(touch_x);-rf"


async def test_no_more_than_four_commands_run_at_once(host: Host) -> None:
    host.prints(host.whmapi1, REFUSED, listing(*(f"user{each}" for each in range(9))))
    host.script(
        host.cpapi2,
        f"here = {str(host.folder)!r} + '/running'\n"
        "open(f'{here}{os.getpid()}', 'w').close()\n"
        "count = sum(name.startswith('running') for name in os.listdir(os.path.dirname(here)))\n"
        "time.sleep(0.05)\nos.unlink(f'{here}{os.getpid()}')\n"
        "assert count <= 4, count\n"
        f"sys.stdout.buffer.write({STATS_PAGE!r})",
    )
    assert len(await host.source().totals() or []) == 9


async def test_a_command_that_is_not_there(host: Host) -> None:
    text = await failure(host.source())
    assert text.startswith("cPanel on this server does not offer listaccts")
    assert "whmapi1: No such file or directory" in text


async def test_a_command_that_refuses(host: Host) -> None:
    host.prints(host.whmapi1, REFUSED, REFUSED)
    assert '("Access denied"): run mailtop as root.' in await failure(host.source())


async def test_a_command_that_fails_says_why(host: Host) -> None:
    host.prints(host.whmapi1, REFUSED, listing("bob"))
    host.script(host.cpapi2, r"sys.stderr.write('\n\x1b[31mno license\n'); sys.exit(3)")
    assert 'failed at EmailTrack::stats ("status 3: \ufffd[31mno license")' in await failure(host.source())
    host.script(host.cpapi2, "sys.exit(1)")
    assert '("status 1")' in await failure(host.source())
    host.script(host.cpapi2, """print('{"cpanelresult":{"error":"Disk is full"}}'); sys.exit(1)""")
    assert '("Disk is full")' in await failure(host.source())


async def test_a_command_that_hangs_is_ended_with_what_it_started(host: Host) -> None:
    host.script(host.whmapi1, f"open({str(host.folder)!r} + f'/pid{{os.getpid()}}', 'w').close()\ntime.sleep(600)")
    text = await failure(host.source(timeout_seconds=0.5))
    assert "did not end within 0.5 seconds" in text
    await until(lambda: not any(is_alive(int(path.name[3:])) for path in host.folder.glob("pid*")))


async def test_a_command_that_prints_without_end(host: Host) -> None:
    host.script(host.whmapi1, "while True: sys.stdout.write('x' * 65536)")
    assert "printed more than 1,048,576 bytes" in await failure(host.source(max_answer_mib=1))


async def test_check_says_as_whom(host: Host) -> None:
    host.prints(host.whmapi1, json.dumps(api1({"records": [record("bob")]})).encode(), listing("bob", "eve"))
    host.prints(host.cpapi2, STATS_PAGE)
    checkup = await host.source().check()
    assert checkup.reached == "cPanel on this server"
    assert checkup.identity
    assert checkup.rights == ("all accounts at once", "list of accounts (2)", "in-progress counts")
    assert not checkup.problems


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
