"""The page in a real browser shows the numbers that `mailtop show` prints, and takes keys."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import MAILTOP
from tests.http_server import HttpServer, Request, Response
from tests.pty_driver import Terminal
from tests.web.chromium import browser, chromium
from tui.cli.arguments import Exit

DATA = Path(__file__).parent.parent / "data"


async def _answer(request: Request) -> Response:
    if request.path.endswith("/list/"):
        return Response(body=b'{"error": 403, "error_text": "No rights"}')
    return Response(body=(DATA / "sender-queue/documented.json").read_bytes())


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "MAILTOP_CONFIG": str(tmp_path / "config.toml"),
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TOKEN": "abcdefghijklmnqrstuvwxyz",
    }


async def test_a_browser_shows_the_same_numbers_and_takes_keys(tmp_path: Path, environ: dict[str, str]) -> None:
    chromium()
    async with HttpServer(_answer) as source:
        (tmp_path / "config.toml").write_text(
            f'[[source]]\ntype = "sender_queue"\nurl = "{source.url}"\nsenders = [119]\ntoken_env = "TOKEN"\n'
        )
        question = [*MAILTOP, "show", "queue", "--group", "account_campaign", "--format", "json"]
        shown = await asyncio.to_thread(subprocess.run, question, env=environ, capture_output=True, check=True)
        rows = [
            [row["campaign_id"], *(row[state] for state in ("new", "proc", "retry", "hold", "total"))]
            for row in json.loads(shown.stdout)["rows"]
        ]
        with Terminal([*MAILTOP, "web", "--bind", "127.0.0.1:0"], columns=200, env=environ) as server:
            await asyncio.to_thread(server.wait_for, "/#")
            link = re.search(r"http://\S+/#\S+", server.text())
            assert link is not None
            async with browser(tmp_path / "browser") as page:
                await page.open(link.group())
                await page.wait_for("by account")
                await page.press("c")
                text = await page.wait_for("by campaign")
                text = await page.wait_for("all 2 campaigns")
                for row in rows:
                    found = next(line for line in text.splitlines() if f" {row[0]} " in line)
                    assert [int(number) for number in re.findall(r"(?<=\s)\d+(?=\s)", found)][-6:] == row, found
                await page.press("?")
                await page.wait_for("go back out")
                await page.press("escape")
                await page.wait_for("by campaign")
                address = await page.evaluate("location.href")
                picture = await page.picture()
                hosts = {url.split("/")[2] for url in page.urls if "://" in url}
                assert page.errors == []
            server.press("ctrl+c")
            code = await asyncio.to_thread(server.wait_exit, 10)
            left = server.survivors()
    token = link.group().partition("#")[2]
    assert (code, left) == (Exit.INTERRUPTED, [])
    assert token not in address  # nor so in the browser's history
    assert hosts == {link.group().split("/")[2]}  # nothing was asked of anybody else
    assert len(picture) > 10_000


async def test_a_wrong_token_shows_no_screen(tmp_path: Path, environ: dict[str, str]) -> None:
    chromium()
    async with HttpServer(_answer) as source:
        (tmp_path / "config.toml").write_text(
            f'[[source]]\ntype = "sender_queue"\nurl = "{source.url}"\nsenders = [119]\ntoken_env = "TOKEN"\n'
        )
        token_file = tmp_path / "token"
        token_file.write_text("a-token-that-is-long-enough\n")
        token_file.chmod(0o600)
        argv = [*MAILTOP, "web", "--bind", "127.0.0.1:0", "--token-file", str(token_file)]
        with Terminal(argv, columns=200, env=environ) as server:
            await asyncio.to_thread(server.wait_for, "the screen is at")
            url = re.search(r"http://[0-9.:]+", server.text())
            assert url is not None
            async with browser(tmp_path / "browser") as page:
                await page.open(f"{url.group()}/#wrong")
                await page.wait_for("This is not the token.")
                await page.open(f"{url.group()}/#a-token-that-is-long-enough")
                await page.wait_for("by account")
            assert "a-token-that-is-long-enough" not in server.text()
