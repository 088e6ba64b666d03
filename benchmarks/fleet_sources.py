"""What 200 sender-queue servers on one screen cost: prints the hub's CPU seconds a minute, and whether one server that
hangs changes anything for the others.

    python -m benchmarks.fleet_sources [--sources N] [--rows N] [--seconds N] [--interval N] [--group GROUP] [--apart]

One process is all the servers, each on a port of its own; a third of the rows differ at every answer. The hub runs in a
child process as it does for the screen. Of the second half of the time one server takes questions and never answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tui.config import SenderQueueSource
from tui.config.secrets import Secret
from tui.hub.hub import Hub
from tui.hub.process import ChildLink, inherited_socket, serve
from tui.hub.protocol import View, ViewRequest, encode
from tui.model import Grouping, QueueQuery
from tui.sources.sender_queue import SenderQueue
from tui.sources.source import Source

WINDOW_ROWS = 60
VARIANTS = 8
ISPS = ("Gmail", "Outlook", "Yahoo", "iCloud", "GMX")
TICKS = os.sysconf("SC_CLK_TCK")


class Bodies:
    """The answers of one platform: rows by grouping in a few variants, and the names of its accounts."""

    def __init__(self, rows: int) -> None:
        chance = random.Random(1)
        self._chance = chance
        first = [[chance.randrange(50), chance.randrange(9), chance.randrange(400), 0] for _ in range(rows)]
        self._stats: dict[str, list[bytes]] = {}
        for group in ("total", "account", "account_campaign", "isp"):
            for _ in range(VARIANTS):
                counts = [row if chance.random() > 1 / 3 else [*row[:2], chance.randrange(400), 0] for row in first]
                self._stats.setdefault(group, []).append(answer(data_of(group, counts)))
        names = [{"id": number + 1, "name": f"customer{number}.example"} for number in range(rows)]
        self._names = answer(names, total_count=rows)

    def of(self, question: bytes) -> bytes:
        """The answer to a whole question."""
        head, _, body = question.partition(b"\r\n\r\n")
        if b"/list/" in head:
            return self._names
        return self._chance.choice(self._stats[json.loads(body)["group"]])


def data_of(group: str, counts: list[list[int]]) -> list[dict[str, int | str]]:
    if group == "total":
        counts = [[sum(column) for column in zip(*counts, strict=True)]]
    elif group == "isp":
        counts = [[sum(column) for column in zip(*counts[at :: len(ISPS)], strict=True)] for at in range(len(ISPS))]
    data: list[dict[str, int | str]] = []
    for number, (new, proc, retry, hold) in enumerate(counts):
        row: dict[str, int | str] = {"account_id": 0, "campaign_id": 0, "isp": "", "total": new + proc + retry + hold}
        row |= {"new": new, "proc": proc, "retry": retry, "hold": hold}
        if group.startswith("account"):
            row["account_id"] = number + 1
        if group == "account_campaign":
            row["campaign_id"] = number + 1
        if group == "isp":
            row["isp"] = ISPS[number]
        data.append(row)
    return data


def answer(data: object, **more: int) -> bytes:
    body = json.dumps({"data": data, **more, "error": 0, "error_text": "Successful operation"}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Answering(asyncio.Protocol):
    """One connection to a server: each whole question is answered, unless the server hangs."""

    def __init__(self, bodies: Bodies, hangs: Callable[[], bool]) -> None:
        self._bodies = bodies
        self._hangs = hangs
        self._come = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._come += data
        while (end := self._come.find(b"\r\n\r\n") + 4) > 3:
            head = self._come[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            if len(self._come) < end + length:
                return
            question, self._come = self._come[: end + length], self._come[end + length :]
            if not self._hangs():
                self._transport.write(self._bodies.of(question))


def never() -> bool:
    return False


async def be_servers(count: int, rows: int) -> None:
    """Serve until standard input ends; what comes there makes the first server hang."""
    loop, bodies, hanging = asyncio.get_running_loop(), Bodies(rows), asyncio.Event()
    ports = []
    for number in range(count):
        hangs = hanging.is_set if number == 0 else never
        server = await loop.create_server(partial(Answering, bodies, hangs), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        hanging.set()


async def be_hub(ports: list[int], interval_seconds: float) -> None:
    """The hub's process."""
    await serve(Hub([source_on(port, interval_seconds) for port in ports]), inherited_socket())


def source_on(port: int, interval_seconds: float) -> Source:
    config = SenderQueueSource(name=f"mx{port}", url=f"http://127.0.0.1:{port}", senders=(1,))
    return SenderQueue(config, lambda: Secret("benchmark-token"), interval_seconds=interval_seconds)


class Half:
    """What was seen in one half of the time."""

    def __init__(self) -> None:
        self.views = 0
        self.ages: list[float] = []
        self.stale: set[str] = set()

    def see(self, view: View) -> None:
        self.views += 1
        self.ages += [status.age_seconds for status in view.sources[1:] if status.age_seconds is not None]
        self.stale |= {status.name for status in view.sources[1:] if status.freshness != "live"}

    def told(self, view: View, cpu_seconds: float, seconds: float) -> str:
        return (
            f"{cpu_seconds * 60 / seconds:.1f} CPU seconds a minute, {self.views} views; the others' numbers are "
            f"{sum(self.ages) / len(self.ages):.1f} s old (the oldest {max(self.ages):.1f} s), "
            f"{len(self.stale)} of them ever stale; {view.hosts_counted} of {view.host_count} hosts counted, "
            f"{view.row_count:,} rows, {view.sums.total:,} waiting"
        )


async def measure(options: argparse.Namespace, ports: list[int], hang: Callable[[], None]) -> None:
    command = [sys.executable, "-m", "benchmarks.fleet_sources", "--hub", json.dumps(ports)]
    link = ChildLink([*command, "--interval", str(options.interval)])
    await link.start()
    query = QueueQuery(Grouping(options.group))
    link.send(ViewRequest(serial=1, query=query, rows=WINDOW_ROWS, together=not options.apart))
    answers, began = link.answers(), time.perf_counter()
    async for view in answers:
        if isinstance(view, View) and view.hosts_counted == len(ports):
            break
    print(f"all {len(ports)} sources after {time.perf_counter() - began:.1f} s")
    await_rest = time.perf_counter() + options.interval
    for name in ("all answer", "one hangs"):
        half, began, used = Half(), 0.0, 0.0
        async for view in answers:
            now = time.perf_counter()
            if not isinstance(view, View) or now < await_rest:
                continue
            if not began:
                began, used = now, cpu_seconds(link.pid)
            half.see(view)
            if now >= began + options.seconds / 2:
                break
        assert isinstance(view, View)
        print(f"{name}: {half.told(view, cpu_seconds(link.pid) - used, now - began)}")
        hang()
        await_rest = time.perf_counter() + 2 * options.interval
    print(f"frame of {len(ports)} sources: {len(encode(view)):,} bytes; load {os.getloadavg()[0]:.1f}")
    await link.close()
    memory_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"memory of the hub at most {memory_mib:.0f} MiB")


def cpu_seconds(pid: int | None) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--group", choices=[each.value for each in Grouping], default="account")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--servers", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--hub", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.servers:
        asyncio.run(be_servers(options.sources, options.rows))
        return
    if options.hub:
        asyncio.run(be_hub(json.loads(options.hub), options.interval))
        return
    sizes = [f"--sources={options.sources}", f"--rows={options.rows}"]
    command = [sys.executable, "-m", "benchmarks.fleet_sources", "--servers", *sizes]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as servers:
        assert servers.stdin is not None and servers.stdout is not None
        stdin = servers.stdin
        ports = json.loads(servers.stdout.readline())

        def hang() -> None:
            stdin.write("hang\n")
            stdin.flush()

        asyncio.run(measure(options, ports, hang))
        stdin.close()


if __name__ == "__main__":
    main()
