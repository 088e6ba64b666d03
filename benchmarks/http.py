"""How long 1,000 accounts of a cPanel server take, one question each, and all in one answer; and the CPU a question.

    python -m benchmarks.http [--accounts N] [--latency MILLISECONDS] [--cycles N]

The server is a process of its own, which answers each question so many milliseconds after it came. Prints medians over
the cycles; the first one, which opens the connections, stands by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

from tui.config import CpanelSource
from tui.config.secrets import Secret
from tui.sources.cpanel import Cpanel

COUNTS = {"SENDCOUNT": 7, "SUCCESSCOUNT": 2, "DEFERCOUNT": 18, "FAILCOUNT": 5, "DEFERFAILCOUNT": 23, "TOTALSIZE": 1150}
STATS = {"cpanelresult": {"apiversion": 2, "data": [COUNTS | {"INPROGRESSCOUNT": 3}], "event": {"result": 1}}}
NO_FUNCTION = {"metadata": {"result": 0, "reason": "Could not find function 'emailtrack_user_stats'"}}


class Answering(asyncio.Protocol):
    """Answers one question after the other, each after the latency."""

    def __init__(self, accounts: int, latency_seconds: float, at_once: bool) -> None:
        records = [COUNTS | {"USER": name, "DOMAIN": f"{name}.example"} for name in names(accounts)]
        everyone = {"data": {"records": records}, "metadata": {"result": 1}} if at_once else NO_FUNCTION
        self._one, self._all = written(STATS), written(everyone)
        self._latency_seconds = latency_seconds
        self._come = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._come += data
        while b"\r\n\r\n" in self._come:
            head, _, self._come = self._come.partition(b"\r\n\r\n")
            asked = parse_qs(urlsplit(head.split(b" ", 2)[1]).query)
            answer = self._one if b"cpanel_jsonapi_user" in asked else self._all
            asyncio.get_running_loop().call_later(self._latency_seconds, self._transport.write, answer)


def written(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def names(accounts: int) -> list[str]:
    return [f"user{number:05}" for number in range(accounts)]


async def serve(accounts: int, latency_seconds: float, at_once: bool) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(accounts, latency_seconds, at_once), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def measure(options: argparse.Namespace, port: int, shown: list[str]) -> list[tuple[float, float]]:
    """Wall-clock and CPU seconds of each cycle."""
    accounts = tuple(names(options.accounts))
    config = CpanelSource(url=f"http://127.0.0.1:{port}", login="whm", user="root", accounts=accounts)
    source = Cpanel(config, lambda: Secret("A1B2C3D4E5F6G7H8"), interval_seconds=5.0)
    taken = []
    for _ in range(options.cycles + 1):
        began, cpu = time.perf_counter(), time.process_time()
        totals = await source.totals(shown)
        taken.append((time.perf_counter() - began, time.process_time() - cpu))
        assert totals is not None
        assert [each.send_count for each in totals] == [7] * options.accounts
        assert not shown or {each.in_progress_count for each in totals} == {3}
    await source.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=20.0, help="milliseconds (default: %(default)s)")
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--serve", choices=("each", "all"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.accounts, options.latency / 1000, options.serve == "all"))
        return
    again = [sys.executable, "-m", "benchmarks.http", f"--accounts={options.accounts}", f"--latency={options.latency}"]
    for way, shown in (("each", names(options.accounts)), ("all", [])):
        with subprocess.Popen([*again, "--serve", way], stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                first, *rest = asyncio.run(measure(options, int(server.stdout.readline()), shown))
            finally:
                server.terminate()
        seconds, cpu = (statistics.median(each) for each in zip(*rest, strict=True))
        asked = len(shown) or 1
        print(
            f"{options.accounts:,} accounts, {'one question each' if shown else 'one question for all'}: "
            f"{seconds:.2f} s a cycle ({first[0]:.2f} s the first), {cpu / asked * 1000:.2f} ms CPU a question"
        )


if __name__ == "__main__":
    main()
