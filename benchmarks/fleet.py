"""How fast a ledger of many hosts on ClickHouse takes rows and answers: ``python -m benchmarks.fleet [--hosts N]``.

Starts two servers on loopback, as two shards, fills them with mail of simulated hosts, and asks each question in turn.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec

from tests.clickhouse_server import CLUSTER, ClickhouseServer, clickhouse_servers
from tui.config.ledger_place import Place, parse
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_names import ACCOUNT_NAME, CAMPAIGN_NAME, ISP_NAME, account_id, campaign_id, isp_id
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_rows import LARGEST_PIECE, Entry, HostState, Insert, inserts
from tui.engine.clickhouse_schema import DAY_SECONDS, HOUR_SECONDS, IN_MINUTES, TABLES, create
from tui.engine.clickhouse_writer import home
from tui.model import Grouping, QueueQuery

ACCOUNT_CAMPAIGNS = 10
ISPS = 200
ISPS_A_CAMPAIGN = 10
HOSTS_A_CAMPAIGN = 5
LIVE_MINUTES = 60
PACKAGE_ROWS = 70


class Fleet:
    """``hosts`` that send ``campaigns``, each from a few hosts to a few ISPs: names, ids and cells by host."""

    def __init__(self, hosts: int, campaigns: int) -> None:
        dice = random.Random(1)
        self.hosts = [f"mx{number:02}.example" for number in range(hosts)]
        self.isps = {isp_id(name): name for name in (f"isp{number}.example" for number in range(ISPS))}
        self.names = [(ISP_NAME, id_, 0, name) for id_, name in self.isps.items()]
        self.cells: dict[str, list[tuple[int, int, int]]] = {host: [] for host in self.hosts}
        isp_ids = list(self.isps)
        for number in range(campaigns):
            account, campaign = f"account{number // ACCOUNT_CAMPAIGNS}", f"campaign {number} of this autumn"
            ids = account_id(account), campaign_id(account, campaign)
            if number % ACCOUNT_CAMPAIGNS == 0:
                self.names.append((ACCOUNT_NAME, ids[0], 0, account))
            self.names.append((CAMPAIGN_NAME, ids[1], ids[0], campaign))
            for host in dice.sample(self.hosts, min(hosts, HOSTS_A_CAMPAIGN)):
                self.cells[host] += [(*ids, isp) for isp in dice.sample(isp_ids, ISPS_A_CAMPAIGN)]

    def entries(self, host: str, end_minute: int) -> Iterator[Entry]:
        """What the host ships: names and how it stands, then every cell once, over the last hour."""
        dice = random.Random(host)
        cells = self.cells[host]
        state = HostState(
            updated=time.time(),
            collector=1,
            counters={},
            gauges={"queue_files": len(cells), "listed_at": end_minute * 60, "log_time": end_minute * 60},
            notes={},
            covered=[(end_minute - LIVE_MINUTES, end_minute)],
            minutes_from=(end_minute - LIVE_MINUTES) * 60,
            hours_from=0,
            cells=len(cells),
        )
        yield Entry(names=list(self.names), state=msgspec.json.encode(state))
        for some in pieces(cells, LARGEST_PIECE):
            minutes = [(end_minute - dice.randrange(LIVE_MINUTES)) * 60 for _ in some]
            yield Entry(
                deltas=[
                    (minute, IN_MINUTES, *cell, 1, 2, 1, 0, 9000, 1, 0, dice.randrange(9), 0)
                    for minute, cell in zip(minutes, some, strict=True)
                ]
            )


def pieces(cells: list[tuple[int, int, int]], size: int) -> Iterator[list[tuple[int, int, int]]]:
    return (cells[start : start + size] for start in range(0, len(cells), size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--campaigns", type=int, default=20_000, help="each is 50 cells of hosts")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, clickhouse_servers(Path(folder) / "servers", 2) as servers:
        nodes = ",".join(server.address for server in servers)
        place = parse(f"clickhouse://{nodes}/mail?cluster={CLUSTER}")
        for node in place.nodes:
            create(Client(place, only=node))
        fleet = Fleet(options.hosts, options.campaigns)
        fill(place, fleet)
        sizes(servers)
        answers(place, options.rounds)
        packages(place, fleet, 10.0)


def fill(place: Place, fleet: Fleet) -> None:
    """All hosts at once, each to its server; the blocks were made before."""
    end_minute = int(time.time()) // 60
    shipped: dict[str, list[Insert]] = {node: [] for node in place.nodes}
    rows = dict.fromkeys(place.nodes, 0)
    began = time.process_time()
    for host in fleet.hosts:
        node = home(place, host)
        entries = [(version, 1, entry) for version, entry in enumerate(fleet.entries(host, end_minute), 1)]
        shipped[node] += inserts(host, 1, entries)
        rows[node] += len(fleet.cells[host])
    total = sum(rows.values())
    say("blocks made", f"{total:,} rows", f"{total / (time.process_time() - began):,.0f} rows a CPU second of a host")
    seconds: dict[str, float] = {}
    threads = [threading.Thread(target=ship, args=(place, node, shipped[node], seconds)) for node in place.nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for node in place.nodes:
        size = sum(len(insert.block) for insert in shipped[node]) / 1e6
        say(
            f"ingest of {node}", f"{rows[node]:,} rows", f"{rows[node] / seconds[node]:,.0f} rows/s, {size:.0f} MB sent"
        )


def ship(place: Place, node: str, planned: list[Insert], seconds: dict[str, float]) -> None:
    client = Client(place, only=node, answer_seconds=300)
    began = time.perf_counter()
    for insert in planned:
        client.insert(insert.table, insert.columns, insert.block)
    seconds[node] = time.perf_counter() - began
    client.close()


def packages(place: Place, fleet: Fleet, seconds: float) -> None:
    """What a host ships every two seconds, small and again and again, by a thread a host on both servers at once."""
    end_minute = int(time.time()) // 60
    shipped = dict.fromkeys(place.nodes, 0)
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=ship_small, args=(place, fleet, host, end_minute, until, shipped))
        for host in fleet.hosts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for node, count in shipped.items():
        say(f"small packages to {node}", f"{PACKAGE_ROWS} rows each", f"{count / seconds:.0f} a second")


def ship_small(place: Place, fleet: Fleet, host: str, end_minute: int, until: float, shipped: dict[str, int]) -> None:
    client = Client(place, only=home(place, host), answer_seconds=300)
    state, counts = islice(fleet.entries(host, end_minute), 2)
    entry = Entry(deltas=counts.deltas[:PACKAGE_ROWS], state=state.state)
    serial = 1
    while time.perf_counter() < until:
        serial += 1
        for insert in inserts(host, serial, [(serial, 1, entry)]):
            client.insert(insert.table, insert.columns, insert.block)
        shipped[home(place, host)] += 1
    client.close()


def sizes(servers: list[ClickhouseServer]) -> None:
    for table in TABLES:
        counted = [
            server.ask(f"SELECT sum(rows), sum(bytes) FROM system.parts WHERE active AND table = '{table}'").split()
            for server in servers
        ]
        rows, size = (sum(int(each[place]) for each in counted) for place in range(2))
        say(f"table {table}", f"{rows:,} rows", f"{size / 1e6:.1f} MB, {size / max(rows, 1):.1f} bytes a row")


def answers(place: Place, rounds: int) -> None:
    """Each question in turn, again and again; of a reader's first answer the names are a part."""
    end = int(time.time())
    groupings = list(Grouping)
    first: dict[str, list[float]] = {grouping: [] for grouping in groupings}
    for _ in range(min(rounds, 5)):
        for grouping in groupings:
            reader = ClickhouseReader(place, late_seconds=DAY_SECONDS)
            first[grouping].append(timed(partial(reader.queue, QueueQuery(grouping))))
            reader.close()
    reader = ClickhouseReader(place, late_seconds=DAY_SECONDS)
    row = reader.queue(QueueQuery(Grouping.ACCOUNT_CAMPAIGN), 1).row(0)
    campaign = QueueQuery(Grouping.ISP, account_id=row.account_id, campaign_id=row.campaign_id)
    isp = reader.queue(QueueQuery(Grouping.ISP), 1).row(0).isp
    host = reader.queue(QueueQuery(Grouping.HOST), 1).row(0).sender_id
    asked: dict[str, Callable[[], object]] = {
        **{grouping: partial(reader.queue, QueueQuery(grouping)) for grouping in groupings},
        "account_campaign, top 100": partial(reader.queue, QueueQuery(Grouping.ACCOUNT_CAMPAIGN), 100),
        "campaigns of an ISP": partial(reader.queue, QueueQuery(Grouping.ACCOUNT_CAMPAIGN, isp=isp)),
        "ISPs of a campaign": partial(reader.queue, campaign),
        "accounts of a host": partial(reader.queue, QueueQuery(Grouping.ACCOUNT, sender_id=host)),
        "hosts of an account": partial(reader.queue, QueueQuery(Grouping.HOST, account_id=row.account_id)),
        "history of an hour": partial(reader.history, QueueQuery(), end, HOUR_SECONDS),
        "history of a campaign": partial(reader.history, campaign, end, HOUR_SECONDS),
        "mail totals": reader.totals,
        "hosts": reader.hosts,
        "status": reader.status,
        "version": reader.version,
    }
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            taken[name].append(timed(ask))
    for grouping in groupings:
        say(f"{grouping}, first answer", f"{len(reader.queue(QueueQuery(grouping))):,} rows", spread(first[grouping]))
    for name in asked:
        say(name, "", spread(taken[name]))
    reader.close()


def timed(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1000:7.1f} ms  worst {max(seconds) * 1000:7.1f} ms"


def say(what: str, how_much: str, result: str) -> None:
    print(f"{what:36} {how_much:18} {result}", flush=True)


if __name__ == "__main__":
    main()
