"""A current ClickHouse engine (chdb) behind as much of ClickHouse's HTTP as the client speaks: ``python -m
tests.chdb_server FOLDER``, which prints its port."""

from __future__ import annotations

import subprocess
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

HOST = "127.0.0.1"
NOT_ENGINE_SETTINGS = {"query", "query_id", "wait_end_of_query"}


def has_chdb() -> bool:
    """Whether the engine is installed."""
    return find_spec("chdb") is not None


class ChdbServer:
    """The engine in a process of its own, with its data in ``folder``; entered, it answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = ""

    def __enter__(self) -> Self:
        argv = [sys.executable, "-m", "tests.chdb_server", str(self._folder)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address = f"{HOST}:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.kill()

    def ask(self, query: str) -> str:
        """What it answers, as lines of tab-separated values."""
        answer = httpx.post(f"http://{self.address}", content=query.encode(), trust_env=False, timeout=60)
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer.text


def serve(folder: Path) -> None:
    """Answer until standard input ends with the process that started this one."""
    from chdb import session

    engine = session.Session(str(folder / "data"))
    one_at_a_time = Lock()
    settings: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                with one_at_a_time:
                    status, answer = HTTPStatus.OK, run(engine, settings, folder, asked, body)
            except Exception as error:  # whatever the engine says is the answer
                status, answer = HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests tell enough."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def run(engine: Any, settings: dict[str, str], folder: Path, asked: dict[str, str], body: bytes) -> bytes:
    """One request: a query in the body, or one that inserts the block in the body. ``settings`` are those of before."""
    for name, value in asked.items():
        if name not in NOT_ENGINE_SETTINGS and settings.get(name) != value:
            engine.query(f"SET {name} = {value}")
            settings[name] = value
    query = asked.get("query")
    if query is None:
        text, _, kind = body.decode().partition(" FORMAT ")
        found = engine.query(text, kind or "TabSeparated").bytes()
        return bytes(found) if found is not None else b""
    block = folder / "block.native"
    block.write_bytes(body)
    into, _, _ = query.partition(" FORMAT ")
    engine.query(f"{into} SELECT * FROM file('{block}', 'Native') SETTINGS max_threads = 1")
    return b""


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
