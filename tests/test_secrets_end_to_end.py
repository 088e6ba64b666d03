"""No token is ever told: whatever a server does, whatever mailtop prints, logs, draws or runs."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import MAILTOP
from tests.http_server import Answer, HttpServer, Request, Response
from tests.pty_driver import Terminal
from tui.cli.arguments import Exit

TOKENS = {
    "file": "Tok3nInAFileQzXw8VrN5kLm",
    "environment": "Tok3nInAVariableHj7PbYt2Ds",
    "command": "Tok3nOfACommandFg4RcKe9Mx",
    "password": "Passw0rdInAFileUy6NnBd3Lp",
}
TOLD = [*TOKENS.values(), base64.b64encode(f"root:{TOKENS['password']}".encode()).decode()]
"""What must stand nowhere: how tokens begin, and how the password does as HTTP's Basic sends it (whole bytes of it)."""

QUEUES = "/api/v1.1/admin/"
STATS = {"cpanelresult": {"data": [{"SENDCOUNT": "7", "TOTALSIZE": "1150"}], "event": {"result": 1}}}


def token_of(request: Request) -> str:
    """What a server that means harm, or logs too much, would give back of a request."""
    return f"{request.headers.get('authorization', '')} {request.body.decode()}".strip().replace('"', "'")


def answers(request: Request) -> Answer:
    """What a server should say."""
    if not request.path.startswith(QUEUES):
        return Response(body=json.dumps(STATS).encode())
    if request.path.endswith("/list/"):
        return Response(body=b'{"error": 0, "data": [], "total_count": 0}')
    return Response(body=b'{"error": 0, "data": [{"account_id": 306, "new": 5, "proc": 0, "retry": 0, "hold": 0}]}')


def refuses(request: Request) -> Answer:
    reason = f"Access denied to {token_of(request)}"
    if request.path.startswith(QUEUES):
        return Response(body=json.dumps({"error": 403, "error_text": reason}).encode())
    refusal = {"cpanelresult": {"apiversion": "2", "error": reason, "data": {"reason": reason, "result": "0"}}}
    return Response(status=403, headers={"Content-Type": "text/plain"}, body=json.dumps(refusal).encode())


def fails(request: Request) -> Answer:
    return Response(status=500, headers={"X-Debug": token_of(request)}, body=f"<html>{token_of(request)}".encode())


def talks_nonsense(request: Request) -> Answer:
    return f"HTTP/1.1 {token_of(request)}\r\n{token_of(request)}\r\n\r\n".encode()


def redirects(request: Request) -> Answer:
    place = "".join(token_of(request).split())
    return Response(status=302, headers={"Location": f"https://other.example/{place}?token={place}"})


def answers_with_the_token_in_a_number(request: Request) -> Answer:
    token = token_of(request)
    if request.path.startswith(QUEUES):
        return Response(body=json.dumps({"error": 0, "data": [{"new": token}]}).encode())
    stats = {"cpanelresult": {"data": [{"SENDCOUNT": token}], "event": {"result": 1}}}
    return Response(body=json.dumps(stats).encode())


def answers_with_the_token_in_a_name(request: Request) -> Answer:
    token = token_of(request)
    if request.path.startswith(QUEUES):
        row = {"account_id": 306, "campaign_id": 1, "isp": token, "new": 5, "proc": 0, "retry": 0, "hold": 0}
        if request.path.endswith("/list/"):
            row = {"id": 306, "name": token}
        return Response(body=json.dumps({"error": 0, "data": [row], "total_count": 1}).encode())
    if request.path.endswith("/cpanel"):
        return Response(body=json.dumps(STATS).encode())
    numbers = {"SENDCOUNT": 7, "TOTALSIZE": 1150, "REACHED_MAXEMAILS": token, "REACHED_MAXDEFERFAIL": [token]}
    records = [{"USER": name, **numbers} for name in ("bob", token, token.rpartition(":")[2])]
    return Response(body=json.dumps({"data": {"records": records}, "metadata": {"result": 1}}).encode())


SERVERS: list[Callable[[Request], Answer]] = [
    answers,
    refuses,
    fails,
    talks_nonsense,
    redirects,
    answers_with_the_token_in_a_number,
    answers_with_the_token_in_a_name,
]


class Setting:
    """A configuration with a source for each way to have a token, and what mailtop needs around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.debug = folder / "debug.log"
        self.config = folder / "config.toml"
        self.environ: dict[str, str] = os.environ | {
            "MAILTOP_CONFIG": str(self.config),
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        }

    def point_to(self, *urls: str, timeout_seconds: float = 5.0) -> None:
        """A source for each way, of each server, with a token of its own: the kind's, and the server's number."""
        common = f"timeout_seconds = {timeout_seconds}\ninterval_seconds = 0.5\n"
        sources = []
        for number, url in enumerate(urls):
            places = {}
            for kind, token in TOKENS.items():
                places[kind] = self.folder / f"{kind}{number}"
                places[kind].write_text(f"{token}{number}\n")
                places[kind].chmod(0o600)
            self.environ[f"TOKEN{number}"] = f"{TOKENS['environment']}{number}"
            ways = {
                "whm": f'type = "cpanel"\nuser = "root"\naccounts = ["bob"]\ntoken_file = "{places["file"]}"',
                "basic": f'type = "cpanel"\nlogin = "basic"\nuser = "root"\ntoken_file = "{places["password"]}"',
                "header": f'type = "sender_queue"\nsenders = [119]\ntoken_env = "TOKEN{number}"',
                "body": 'type = "sender_queue"\nformat = "xml"\nsenders = [7]\ntoken_in = "body"\n'
                f'token_command = ["cat", "{places["command"]}"]',
            }
            sources += [
                f'[[source]]\n{way}\nname = "{name}{number}"\nurl = "{url}"\n{common}' for name, way in ways.items()
            ]
        self.config.write_text("".join(sources))

    async def run(self, *arguments: str, argv: list[str] = MAILTOP) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [*argv, *arguments, "--debug", str(self.debug)],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def is_told(text: str) -> list[str]:
    """The lines that tell."""
    return [line for line in text.splitlines() if any(token in line for token in TOLD)]


@contextmanager
def no_token_in_any_command() -> Iterator[None]:
    """Watches what all processes were called with, and what they inherited, for as long as the block."""
    found: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    found.update(is_told(path.read_bytes().decode("utf-8", "replace")))
                    inherited = path.with_name("environ").read_bytes().decode("utf-8", "replace").replace("\0", "\n")
                    found.update(line for line in is_told(inherited) if TOKENS["environment"] not in line)
                except OSError:
                    continue  # it has ended

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
    assert found == set()


async def test_no_token_is_printed_or_logged(setting: Setting) -> None:
    """The first part of a path says which server is meant."""
    sent = [""] * len(SERVERS)

    async def handle(request: Request) -> Answer:
        _, number, path = request.path.split("/", 2)
        request = replace(request, path=f"/{path}")
        sent[int(number)] += token_of(request)
        return SERVERS[int(number)](request)

    async with HttpServer(handle) as there:
        setting.point_to(*(f"{there.url}/{number}" for number in range(len(SERVERS))))
        commands = [
            ("check",),
            ("check", "--format", "json"),
            ("show", "totals"),
            ("show", "queue", "--format", "json"),
            ("show", "queue", "--format", "csv"),
        ]
        with no_token_in_any_command():
            outcomes = await asyncio.gather(*(setting.run(*command) for command in commands))
    for number, tokens in enumerate(sent):
        shown = base64.b64encode(f"root:{TOKENS['password']}{number}".encode()).decode()
        kinds = ("file", "environment", "command")
        assert all(token in tokens for token in (shown, *(f"{TOKENS[kind]}{number}" for kind in kinds)))
    for done in outcomes:
        assert done.returncode == Exit.SOURCE, done.stderr
        assert "Traceback" not in done.stderr
        assert is_told(done.stdout + done.stderr) == []
    for text in ("Access denied to ", "header6", "body6", "whm6", "basic6"):
        assert text in outcomes[0].stdout
    assert "mailtop.http" in setting.debug.read_text()
    assert is_told(setting.debug.read_text()) == []


async def test_no_token_is_told_of_a_server_that_hangs(setting: Setting) -> None:
    async def handle(request: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async with HttpServer(handle) as there:
        setting.point_to(there.url, timeout_seconds=0.2)
        with no_token_in_any_command():
            done = await setting.run("check")
    assert done.returncode == Exit.SOURCE
    assert len([line for line in done.stdout.splitlines() if line.startswith("wrong")]) == 4
    assert is_told(done.stdout + done.stderr + setting.debug.read_text()) == []


async def test_no_token_is_told_by_the_configuration_or_by_a_crash(setting: Setting) -> None:
    setting.point_to("http://127.0.0.1:9")
    done = await setting.run("config", "show")
    assert done.returncode == Exit.OK, done.stderr
    assert is_told(done.stdout + done.stderr) == []
    crash = (
        "import sys; from tui.cli.main import main; from tui.sources.http import HttpClient\n"
        "async def fail(*args, **kwargs): raise RuntimeError('on purpose')\n"
        "HttpClient.ask = fail; sys.exit(main(sys.argv[1:]))"
    )
    for command in (("show", "totals"), ("show", "queue")):
        done = await setting.run(*command, argv=[sys.executable, "-c", crash])
        assert done.returncode == Exit.FAILED
        assert "RuntimeError: on purpose" in done.stderr
        assert is_told(done.stdout + done.stderr) == []
    assert "RuntimeError: on purpose" in setting.debug.read_text()
    assert is_told(setting.debug.read_text()) == []


async def test_no_token_is_drawn_on_the_screen(setting: Setting) -> None:
    servers = [answers, refuses, answers_with_the_token_in_a_number]
    now = [servers[0]]

    async def handle(request: Request) -> Answer:
        return now[0](request)

    def watch(terminal: Terminal, words: str) -> None:
        def shows(screen: Terminal) -> bool:
            assert is_told(screen.text()) == []
            return words in screen.text()

        terminal.wait_for(shows)

    exports = setting.folder / "exports"
    exports.mkdir()
    forms = ("text", "csv", "json", "svg")

    def has_files(count: int, _: Terminal) -> bool:
        return len([file for file in exports.glob("mailtop-*") if file.stat().st_size]) == count

    def look() -> None:
        inside = ["sh", "-c", 'cd "$0" && exec "$@"', str(exports)]
        with Terminal([*inside, *MAILTOP, "--debug", str(setting.debug)], env=setting.environ) as terminal:
            watch(terminal, "306")
            for server in servers[1:]:
                now[0] = server
                terminal.press("r")
                watch(terminal, "error")
            for number, form in enumerate(forms, 1):
                terminal.press("x")
                watch(terminal, "write as")
                terminal.press(*["backspace"] * 5)
                terminal.type(f"{form}\r")
                watch(terminal, "to the new file")
                terminal.press("enter")
                terminal.wait_for(partial(has_files, number))
            terminal.press("q")
            assert terminal.wait_exit() == Exit.OK

    async with HttpServer(handle) as there:
        setting.point_to(there.url)
        with no_token_in_any_command():
            await asyncio.to_thread(look)
    written = sorted(exports.iterdir())
    assert len(written) == len(forms)
    assert is_told("".join(file.read_text() for file in written)) == []
    assert " hub[" in setting.debug.read_text()
    assert is_told(setting.debug.read_text()) == []
