"""Attacks on what is private: files that others could read or lead away, requests that no client sends, browsers' pages
from elsewhere, hosts whose names are options."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import stat
import subprocess
from pathlib import Path

from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.serve.served import API_2, STATS
from tests.serve.test_fuzz import Target
from tests.torture.attack import Attack
from tests.web.test_server import TOKEN, served
from tui.config import ConfigError
from tui.config.reading import decode
from tui.engine.ledger_lock import lock_path
from tui.sources.sender_queue_envelope import AnswerError, read_xml

ANSWER_SECONDS = 20.0


def files_that_are_written(folder: Path, chance: random.Random) -> int:
    """Commands in a folder that everybody may write to, without any mask, some of whose files are links already."""
    mail = PostfixInFiles(folder)
    places = [
        mail.ledger,
        lock_path(mail.ledger),
        *(folder / name for name in ("debug", "tokens", "tokens.lock", "out")),
    ]
    victim = folder / "victim"
    victim.write_text("precious")
    victim.chmod(0o644)
    folder.chmod(0o1777)
    links = chance.sample(places, k=chance.randrange(3))
    for place in links:
        place.symlink_to(victim)
    commands = [
        ["collect", "--once"],
        ["collect", "--once", "--debug", str(folder / "debug")],
        ["token", "new", "grafana", "--tokens", str(folder / "tokens")],
        ["ledger", "export", str(folder / "out")],
    ]
    chance.shuffle(commands)
    known = {path.name for path in folder.iterdir()}
    for command in commands:
        done = subprocess.run(
            [*MAILTOP, *command],
            env=mail.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            umask=0,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 0 or done.stderr.startswith("mailtop: "), (command, done)
    assert victim.read_text() == "precious", f"it was written through one of {links}"
    for path in folder.rglob("*"):
        if path.name not in known and not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o077 == 0, f"{path.name} has mode {mode:04o}"
    return len(commands)


def requests_that_no_client_sends(folder: Path, chance: random.Random) -> int:
    """Heads and bodies that servers and proxies read differently, cut anywhere, many in one piece."""
    count = 40
    with Target(folder) as target:
        for _ in range(count):
            answers = _talk(target, _request(chance))
            assert b"Traceback" not in answers
            for status in _statuses(answers):
                assert status in (100, 400, 401, 403, 404, 405, 408, 413, 429, 431, 501), (status, answers[:300])
        status, numbers = target.ask("GET", "/metrics", "Bearer TOKEN", "", b"")
        assert status == 200 and b"mailtop_up" in numbers, "it still answers who may ask"
    return count


def _request(chance: random.Random) -> bytes:
    path = chance.choice(
        (
            *(STATS, API_2, "/metrics", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "//", "*", "/\xe9"),
            *("http://127.0.0.1/metrics", "/cpsess0000000000/json-api/stats", f"/{'a' * chance.randrange(70_000)}"),
            "/metrics?token=a&token=b&" + "campaigns=1&" * chance.randrange(2000),
        )
    )
    lines = [
        f"Content-Length: {chance.choice(('0', '5', '-1', '+5', '5, 5', '5_0', '٥', '1e3', '9' * 30, '0x5', ''))}",
        chance.choice(("Transfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding : chunked")),
        "Content-Length: 7",
        f"X: {'y' * chance.randrange(100_000)}",
        *(f"X{number}: 1" for number in range(chance.choice((0, 0, 3000)))),
        " folded: header",
        "Authorization: Bearer \x00",
        "Authorization: Bearer a\r\nX-Injected: 1",
        "X-Forwarded-For: 127.0.0.1",
        "Upgrade: websocket\r\nConnection: upgrade",
        "Expect: 100-continue",
    ]
    words = [chance.choice(("GET", "POST", "HEAD", "get", "TRACE", "CONNECT", "A" * 9000)), path]
    words += chance.choice((["HTTP/1.1"], ["HTTP/1.0"], ["HTTP/9.9"], [], ["HTTP/1.1", "HTTP/1.1"]))
    end = chance.choice(("\r\n", "\n", "\r\n", "\r\n", "\r"))
    head = end.join([" ".join(words), "Host: x", *chance.sample(lines, k=chance.randrange(4))]) + end + end
    body = chance.choice(
        (b"", b"0\r\n\r\n", b"ffffffffffffffff\r\nx", b"5\r\nhello\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n")
    )
    raw = (head.encode("latin-1", "replace") + body) * chance.choice((1, 1, 1, 20))
    return raw if chance.random() < 0.7 else raw[: chance.randrange(len(raw))]


def _talk(target: Target, raw: bytes) -> bytes:
    """What is answered until the server closes, or until we do, having sent all."""
    host, port = target.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), ANSWER_SECONDS) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except OSError as error:  # it has closed while we were speaking
            if isinstance(error, TimeoutError):
                raise
    return answer


def _statuses(answers: bytes) -> list[int]:
    return [int(line.split()[1]) for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def pages_from_elsewhere(folder: Path, chance: random.Random) -> int:
    """Requests to the browser's screen that name other hosts, come from other pages or show other cookies."""
    del folder
    return asyncio.run(_pages_from_elsewhere(chance))


async def _pages_from_elsewhere(chance: random.Random) -> int:
    count = 40
    async with served() as one:
        await one.come_in()
        here = one.url.removeprefix("http://")
        port = here.partition(":")[2]
        [cookie] = [f"{each.key}={each.value}" for each in one.client.cookie_jar]
        for _ in range(count):
            host = chance.choice(
                (here, here, here, "evil.example", f"evil.example:{port}", "", f"{here}.evil", "127.0.0.1")
            )
            origin = chance.choice((one.url, "null", "http://evil.example", f"https://{here}", f"{one.url}.evil", None))
            shown = chance.choice((cookie, cookie, "mailtop_screen=x", f"{cookie}x", f"a={TOKEN}", ""))
            method, path = chance.choice(
                (("GET", "/ws"), ("POST", "/login"), ("GET", "/static/js/textual.js"), ("PUT", "/"))
            )
            headers = ["Connection: close", f"Host: {host}", f"Cookie: {shown}", f"Content-Length: {0}"]
            headers += [f"Origin: {origin}"] if origin is not None else []
            if path == "/ws":
                headers += [
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                ]
                headers[0] = "Connection: upgrade"
            status = await _status(here, f"{method} {path} HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n")
            is_own = host == here and (origin == one.url or (method == "GET" and path != "/ws"))
            may = is_own and (shown == cookie or path == "/login")
            refused = (400, 401, 403, 405, 421, 429)
            assert may or status in refused, f"{status} for {method} {path}, {headers}"
    return count


async def _status(here: str, request: str) -> int:
    host, port = here.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request.encode("latin-1"))
        async with asyncio.timeout(ANSWER_SECONDS):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()


def hosts_and_answers_that_mean_more(folder: Path, chance: random.Random) -> int:
    """Hosts that ssh or a shell would take for something else; answers in XML that grow or look elsewhere."""
    count = 200
    marker = folder / "run"
    for _ in range(count):
        bad = chance.choice(
            (f"-oProxyCommand=touch {marker}", f"x;touch {marker}", f"$(touch {marker})", f"a@-oX={marker}")
        )
        place = chance.randrange(len(bad) + 1)
        host = (
            bad
            if chance.random() < 0.5
            else f"{bad[:place]}{chance.choice((' ', chr(10), chr(0), '`', '|'))}{bad[place:]}"
        )
        try:
            decode({"source": [{"type": "ssh", "name": "x", "host": host}]})
            raise AssertionError(f"{host!r} was taken for a host")
        except ConfigError:
            pass
        try:
            read_xml(_bomb(chance))
            raise AssertionError("a document with entities of its own was read")
        except AnswerError:
            pass
    assert not marker.exists()
    return 2 * count


def _bomb(chance: random.Random) -> bytes:
    depth = chance.randrange(1, 30)
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(depth))
    first = chance.choice(('"lol"', f'SYSTEM "file://{os.devnull}"', 'SYSTEM "http://127.0.0.1:9/"'))
    return f"<!DOCTYPE xml [<!ENTITY e0 {first}>{entities}]><xml><error>0</error><a>&e{depth};</a></xml>".encode()


ATTACKS = [
    Attack("what is written is for its owner alone, and no planted link is followed", files_that_are_written, 3.0),
    Attack("requests that no client sends get no number and stop nothing", requests_that_no_client_sends, 2.0),
    Attack("a browser's screen obeys no page from elsewhere", pages_from_elsewhere, 2.0),
    Attack("a host is no option or command, an answer brings no entities", hosts_and_answers_that_mean_more, 0.5),
]
