"""Requests a second of `group=total` and their p99 while a collector writes, beside a bare starlette answer of the same
length in the same run; then beside somebody who asks for all campaigns again and again; and the server's memory.

    python -m benchmarks.serve [--seconds N] [--campaigns N] [--clients N] [--requests N]

The server has a core of its own where there are two; clients and the collector share the rest. `--requests` is how many
are sent between the first and the last look at the memory (0: none). Rounds take turns; medians over them are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tui.engine.batch import Batch, cell_key
from tui.engine.counts import COLUMNS, D_NEW, SEND, SUCCESS
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.listening import listen
from tui.serve.answers import Answers
from tui.serve.app import make_app
from tui.serve.gate import App, Gate
from tui.serve.guard import Guard, Limits
from tui.serve.queue_stats import Sender
from tui.serve.server import serve
from tui.serve.tokens import TokenStore
from tui.sources.ledger import LedgerSource

ISPS = 20
PATH = "/api/v1.1/admin/senders/queue/stats/"
SPAWN = multiprocessing.get_context("spawn")
ROUNDS = 3


def columns(cells: dict[int, int]) -> list[dict[int, int]]:
    """New mail that waits, sent and partly delivered."""
    return [cells if column in (SEND, SUCCESS, D_NEW) else {} for column in COLUMNS]


def collect(path: Path, campaigns: int, ready: Connection) -> None:
    """Write a large ledger, and then a batch of 1,000 cells a second until killed."""
    chance = random.Random(1)
    accounts = {f"user{number}": number for number in range(1, campaigns // 50 + 2)}
    names = {(number % len(accounts) + 1, f"letter {number}"): number for number in range(1, campaigns + 1)}
    isps = {f"isp{number}": number for number in range(1, ISPS + 1)}
    with closing(SqliteWriter(path)) as writer:
        cells = {cell_key(number, number % ISPS + 1): number % 50 + 1 for number in range(1, campaigns + 1)}
        now = int(time.time())
        gauges = {"listed_at": now, "log_time": now, "queue_files": campaigns}
        writer.write(Batch({now // 60: columns(cells)}, accounts=accounts, campaigns=names, isps=isps, gauges=gauges))
        ready.send(True)
        while True:
            time.sleep(1)
            some = {cell_key(number, number % ISPS + 1): 1 for number in chance.sample(range(1, campaigns + 1), 1000)}
            writer.write(Batch({int(time.time()) // 60: columns(some)}))


def ledger_app(path: Path) -> tuple[App, str]:
    """What `mailtop serve` serves, and a token."""
    store = TokenStore(path.with_name("tokens.json"))
    guard = Guard(store, Limits(per_second=0))
    sources = (LedgerSource("mx", lambda: SqliteReader(path, 1)) for _ in range(2))
    return Gate(make_app(Answers(*sources), guard, [Sender(1, "mx", "exim")]), guard), store.new("all")


def bare_app(length: int) -> App:
    """Starlette and nothing else."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(b"x" * length, media_type="application/json")

    return Starlette(routes=[Route(PATH, answer, methods=["POST"])])


def run_server(path: Path | None, length: int, core: int, ready: Connection) -> None:
    """Serve on one core until killed; tells port and token."""
    os.sched_setaffinity(0, {core})
    logging.getLogger("mailtop").setLevel(logging.ERROR)
    app, token = (bare_app(length), "") if path is None else ledger_app(path)
    sockets = listen("127.0.0.1", 0)
    ready.send((sockets[0].getsockname()[1], token))
    asyncio.run(serve(app, sockets, None, asyncio.Event()))


@contextmanager
def child(target: Any, *arguments: object) -> Iterator[tuple[int, Any]]:
    """Pid and first word of a process that goes with the block."""
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=target, args=(*arguments, there), daemon=True)
    process.start()
    try:
        yield process.pid or 0, here.recv()
    finally:
        process.kill()
        process.join()


def question(token: str, body: bytes = b'{"id":1}') -> bytes:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Authorization: Bearer {token}\r\n\r\n".encode() + body


async def answer_to(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))


async def ask(port: int, asked: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    answer = await answer_to(reader)
    writer.close()
    return answer


async def load(port: int, asked: bytes, clients: int, seconds: float = 0.0, requests: int = 0) -> list[float]:
    """How long each answer took, in seconds, of so many clients that ask one after the other."""
    times: list[float] = []
    ends = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (len(times) < requests) if requests else (time.perf_counter() < ends):
            began = time.perf_counter()
            writer.write(asked)
            await answer_to(reader)
            times.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return times


class Figures:
    """Medians over the rounds of one kind."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.rates: list[float] = []
        self._cpus: list[float] = []
        self._p50s: list[float] = []
        self._p99s: list[float] = []

    async def take(self, pid: int, port: int, asked: bytes, clients: int) -> None:
        """One round at the server that is process ``pid``."""
        before = cpu_seconds(pid)
        times = sorted(await load(port, asked, clients, self._seconds))
        self._cpus.append((cpu_seconds(pid) - before) / len(times))
        self.rates.append(len(times) / self._seconds)
        self._p50s.append(times[len(times) // 2])
        self._p99s.append(times[len(times) * 99 // 100])

    def __str__(self) -> str:
        rate, cpu, p50, p99 = map(statistics.median, (self.rates, self._cpus, self._p50s, self._p99s))
        return f"{rate:6,.0f}/s, {cpu * 1e3:.2f} ms CPU each, p50 {p50 * 1e3:5.2f} ms, p99 {p99 * 1e3:6.2f} ms"


def cpu_seconds(pid: int) -> float:
    """How much a process has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(options: argparse.Namespace, server: tuple[int, Any], length: int) -> None:
    pid, (port, token) = server
    total, rows = question(token), question(token, b'{"id":1,"group":"account_campaign"}')
    bare, ledger, beside = (Figures(options.seconds) for _ in range(3))
    with child(run_server, None, length, options.core) as (bare_pid, (bare_port, _)):
        for _ in range(ROUNDS):
            await bare.take(bare_pid, bare_port, total, options.clients)
            await ledger.take(pid, port, total, options.clients)
            flood = asyncio.create_task(load(port, rows, 1, options.seconds))
            await beside.take(pid, port, total, options.clients)
            long = await flood
    size = len(await ask(port, rows))
    print(f"bare starlette             {bare}")
    print(
        f"group=total                {ledger}  ({statistics.median(ledger.rates) / statistics.median(bare.rates):.0%})"
    )
    print(f"group=total beside a flood {beside}")
    print(f"the flood: {len(long)} answers of {size / 1e6:.1f} MB, the slowest {max(long) * 1e3:,.0f} ms")
    if options.requests:
        before = memory_mib(pid)
        half = await load(port, total, options.clients, requests=options.requests // 2)
        middle = memory_mib(pid)
        await load(port, total, options.clients, requests=options.requests - len(half))
        print(f"memory: {before:.1f} MiB, after {len(half):,} more {middle:.1f}, in the end {memory_mib(pid):.1f}")


def memory_mib(pid: int) -> float:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--campaigns", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=0)
    options = parser.parse_args()
    cores = os.sched_getaffinity(0)
    options.core = min(cores)
    os.sched_setaffinity(0, cores - {options.core} or cores)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mx.ledger"
        with child(collect, path, options.campaigns), child(run_server, path, 0, options.core) as server:
            port, token = server[1]
            length = len(asyncio.run(ask(port, question(token))))
            asyncio.run(measure(options, server, length))


if __name__ == "__main__":
    main()
