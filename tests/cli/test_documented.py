"""The documented example of each API's page, byte for byte, gives the documented numbers in `mailtop show` and on the
screen."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.postfix_in_files import MAILTOP
from tests.forked import forks
from tests.http_server import HttpServer, Request, Response
from tests.pty_driver import Terminal
from tui.cli.arguments import Exit

DATA = Path(__file__).parent.parent / "data"
Show = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
def mailtop(tmp_path: Path) -> Show:
    """Runs mailtop with `table` as its configuration, beside the server in the test's own loop."""

    async def run(table: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        config = tmp_path / "config.toml"
        config.write_text(table)
        environ = os.environ | {
            "MAILTOP_CONFIG": str(config),
            "HOME": str(tmp_path),
            "TOKEN": "abcdefghijklmnqrstuvwxyz",
        }
        return await asyncio.to_thread(forks().run, arguments, environ)

    return run


def rows(done: subprocess.CompletedProcess[str]) -> Any:
    assert (done.returncode, done.stderr) == (Exit.OK, ""), done.stderr
    return json.loads(done.stdout)["rows"]


async def test_mail_totals_of_a_cpanel_account(mailtop: Show) -> None:
    async def answer(request: Request) -> Response:
        assert request.query["cpanel_jsonapi_module"] == "EmailTrack"
        return Response(body=(DATA / "cpanel/stats.json").read_bytes())

    async with HttpServer(answer) as server:
        table = (
            f'[[source]]\ntype = "cpanel"\nurl = "{server.url}"\nlogin = "cpanel"\nuser = "bob"\ntoken_env = "TOKEN"\n'
        )
        shown = await mailtop(table, "show", "totals", "--format", "json")
        printed = await mailtop(table, "show", "totals")
    assert rows(shown) == [
        {
            "source": "cpanel",
            "account": "bob",
            "send_count": 7,
            "success_count": 2,
            "defer_count": 18,
            "fail_count": 5,
            "in_progress_count": 0,
            "defer_fail_count": 23,
            "total_size": 1150,
            "quotas": "",
        }
    ]
    assert [line.split() for line in printed.stdout.splitlines()[:2]] == [
        ["account", "send", "success", "defer", "fail", "in_progress", "defer_fail", "total_size"],
        ["bob", "7", "2", "18", "5", "0", "23", "1,150"],
    ]


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_queue_of_a_sender(mailtop: Show, form: str) -> None:
    async def answer(request: Request) -> Response:
        if request.path != "/api/v1.1/admin/senders/queue/stats/":
            return Response(body=b'{"error": 403, "error_text": "No rights"}')
        return Response(
            headers={"Content-Type": f"application/{form}"},
            body=(DATA / f"sender-queue/documented.{form}").read_bytes(),
        )

    async with HttpServer(answer) as server:
        table = (
            f'[[source]]\ntype = "sender_queue"\nurl = "{server.url}"\nsenders = [119]\nformat = "{form}"\n'
            'token_env = "TOKEN"\n'
        )
        question = ("show", "queue", "--group", "account_campaign")
        shown = await mailtop(table, *question, "--format", "json")
        printed = await mailtop(table, *question)
        by_id = await mailtop(table, *question, "--sender", "119", "--account", "306", "--format", "json")
        other = await mailtop(table, *question, "--sender", "7")
    known = {
        "source": "queue",
        "sender_id": 119,
        "sender": None,
        "account_id": 306,
        "account": None,
        "campaign": None,
        "isp": "",
    }
    assert rows(shown) == [
        {**known, "campaign_id": 4591, "new": 100, "proc": 100, "retry": 0, "hold": 0, "total": 200},
        {**known, "campaign_id": 4914, "new": 10, "proc": 10, "retry": 40, "hold": 80, "total": 140},
    ]
    assert printed.stdout.splitlines() == [
        "account  campaign  new  proc  retry  hold  total",
        "306      4591      100   100      0     0    200",
        "306      4914       10    10     40    80    140",
        "total              110   110     40    80    340",
    ]
    assert rows(by_id) == rows(shown)
    assert (other.returncode, other.stdout) == (Exit.USAGE, "")
    assert other.stderr == "mailtop: --sender: no source has the number 7; there is only 119\n"


@pytest.mark.parametrize("columns, rows", [(140, 45), (80, 24)])
async def test_both_on_one_screen(tmp_path: Path, columns: int, rows: int) -> None:
    """Whatever is asked the server answers with the examples, as if it knew no grouping."""

    async def answer(request: Request) -> Response:
        example = "cpanel/stats.json" if request.path == "/json-api/cpanel" else "sender-queue/documented.json"
        if request.path.endswith("/list/"):
            return Response(body=b'{"error": 403, "error_text": "No rights"}')
        return Response(body=(DATA / example).read_bytes())

    def look(url: str) -> None:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[[source]]\ntype = "cpanel"\nurl = "{url}"\nlogin = "cpanel"\nuser = "bob"\ntoken_env = "TOKEN"\n'
            f'[[source]]\ntype = "sender_queue"\nurl = "{url}"\nsenders = [119]\ntoken_env = "TOKEN"\n'
        )
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8", "TOKEN": "abcdefghijklmnqrstuvwxyz"}
        with Terminal([*MAILTOP, "--config", str(config)], columns=columns, rows=rows, env=env) as terminal:
            terminal.wait_for("by account")
            terminal.press("c")
            terminal.wait_for(lambda shown: "all 2 campaigns" in shown.text() and "100┤" in shown.text())
            text = terminal.text()
            terminal.press("a")
            terminal.wait_for(lambda shown: re.search(r"account 306 +100 +100 +0 +0 +200\b", shown.text()) is not None)
            terminal.wait_for(lambda shown: "100┤" in shown.text() and "campaign 4591 - last" in shown.text())
            terminal.press("q")
            assert terminal.wait_exit() == Exit.OK
        assert "cpanel live" in text and "queue live" in text
        for words in (
            r"sent +7\b|\b7 sent\b",
            r"\b1\.15 kB",
            r"delivered +2\b",
            r"deferred +18\b",
            r"failed +5\b",
            r"waiting +0\b",
        ):
            assert re.search(words, text), f"{words}:\n{text}"
        for words in (r"\b4591 +100 +100 +0 +0 +200\b", r"\b4914 +10 +10 +40 +80 +140\b"):
            assert re.search(words, text), f"{words}:\n{text}"
        assert re.search(r"all 2 campaigns +110 +110 +40 +80 +340\b", text), text

    async with HttpServer(answer) as server:
        await asyncio.to_thread(look, server.url)
