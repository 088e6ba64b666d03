"""Three hosts as real processes that write one ledger on a real ClickHouse server, and what is read of it."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.cli.fleet import SECONDS, HostInFiles, Sums, collecting, queue_of, shown, until
from tests.cli.test_serve_command import QUEUE, USERS, serving, tokens_of
from tests.clickhouse_server import PASSWORD, ClickhouseServer, clickhouse_servers, skips_without_servers
from tests.engine.clickhouse_mail import check_same
from tui.cli.arguments import Exit
from tui.cli.collecting import collector as collector_of
from tui.cli.collecting import sending_problem
from tui.cli.sources import collected
from tui.config import DemoSource, load
from tui.config.ledger_place import Place, parse
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.ledger import LedgerError, LedgerReader
from tui.engine.sqlite_reader import SqliteReader


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickhouseServer]:
    with skips_without_servers(), clickhouse_servers(tmp_path_factory.mktemp("clickhouse"), 1) as [running]:
        yield running


@pytest.fixture
def hosts(tmp_path: Path, server: ClickhouseServer) -> Iterator[list[HostInFiles]]:
    yield [HostInFiles(tmp_path / f"mx{number}", f"mx{number}", server, number) for number in (1, 2, 3)]
    server.ask("DROP DATABASE IF EXISTS mail")


@pytest.fixture
def fleet(tmp_path: Path, hosts: list[HostInFiles]) -> Path:
    """The configuration of somebody who reads what the hosts write."""
    path = tmp_path / "fleet.toml"
    path.write_text(f'[[source]]\ntype = "ledger"\nledger = "{hosts[0].shared}"\ntoken_file = "{hosts[0].token}"\n')
    return path


def sent(hosts: Sequence[HostInFiles]) -> int:
    """How many messages were sent, as the shared ledger says."""
    with closing(ClickhouseReader(place_of(hosts))) as reader:
        try:
            return sum(each.send_count or 0 for each in reader.totals())
        except LedgerError:
            return 0


def place_of(hosts: Sequence[HostInFiles]) -> Place:
    """The ledger of all, for a user who needs no password."""
    return parse(hosts[0].shared.replace("mail@", ""))


def wait_for_the_same(hosts: Sequence[HostInFiles]) -> None:
    """Wait until the shared ledger says in every grouping what the hosts' own say together."""
    paths, deadline = [host.ledger for host in hosts], time.monotonic() + SECONDS
    while True:
        try:
            check_same(place_of(hosts), paths)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def check_sums(hosts: Sequence[HostInFiles], fleet: Path) -> None:
    """What is shown of the shared ledger is the sum of what is shown of the hosts' own."""
    wait_for_the_same(hosts)
    question = ("queue", "--group", "account_campaign")
    together = shown(hosts[0], *question, config=fleet)
    own = queue_of([shown(host, *question, config=host.alone) for host in hosts])
    assert queue_of([together]) == own
    assert sum(own.values()) > 0
    assert [source["freshness"] for source in together["sources"]] == ["live"]


def checked(host: HostInFiles, told: str) -> str:
    """What ``mailtop check`` says, once that is told in it."""
    said = host.run("check").stdout
    return said if re.search(told, said) else ""


def test_what_is_read_is_the_sum_of_the_hosts(hosts: list[HostInFiles], fleet: Path) -> None:
    debug = [host.config.with_suffix(".debug") for host in hosts]
    with collecting(hosts[:1], "--debug", str(debug[0])) as [first], collecting(hosts[1:]) as others:
        until(lambda: sent(hosts) == 2 * 3 + 6, "not all has arrived")
        check_sums(hosts, fleet)
        check = hosts[0].run("check", environ={"MAILTOP_CONFIG": str(fleet)})
        assert (check.returncode, "3 hosts of it are known" in check.stdout) == (Exit.OK, True), check.stdout
        secret = PASSWORD.encode()
        for process in (first, *others):
            for part in ("cmdline", "environ"):
                assert secret not in Path(f"/proc/{process.pid}/{part}").read_bytes()
            process.send_signal(signal.SIGTERM)
        for process in (first, *others):
            said = process.communicate(timeout=20)
            assert (process.returncode, said) == (Exit.OK, ("", ""))
        assert debug[0].stat().st_size > 0
        assert secret not in debug[0].read_bytes()
    late = shown(hosts[0], "queue", config=fleet)
    assert [source["freshness"] for source in late["sources"]] == ["stale"], "nobody writes any more"


def test_a_server_that_is_away_delays_what_is_read_and_loses_nothing(
    hosts: list[HostInFiles], server: ClickhouseServer
) -> None:
    server.kill()
    try:
        with collecting(hosts):
            [source] = collected(load(hosts[0].config).source)
            until(lambda: sending_problem(source), "nobody notes that nothing is sent")
            told = (
                r"! \d+ batch(es)? \(\S+ kB, the oldest .* old\) waits? to be sent to ClickHouse: no ClickHouse server"
            )
            waiting = until(lambda: checked(hosts[0], told), "no batch that waits is told of")
            assert len(re.findall(told, waiting)) == waiting.count("no ClickHouse server") == 1, waiting
            for number, host in enumerate(hosts):
                host.more_mail(number + 4)
            until(lambda: own_totals(hosts)["carol", "send_count"] == 6 + 15, "collecting does not go on")
            server.start()
            until(lambda: sent(hosts) == 2 * 3 + 6 + 15, "not all has arrived")
            wait_for_the_same(hosts)
            until(lambda: sending_problem(source) is None, "it is still noted that nothing is sent")
            assert "to be sent" not in hosts[0].run("check").stdout
    finally:
        server.kill()
        server.start()


def own_totals(hosts: Sequence[HostInFiles]) -> Sums:
    """What the hosts' own ledgers say."""
    found: Sums = Counter()
    for host in hosts:
        with closing(SqliteReader(host.ledger)) as reader:
            for each in reader.totals():
                found[each.account, "send_count"] += each.send_count or 0
    return found


def test_what_is_served_and_shown_of_all_of_one_and_of_a_file(hosts: list[HostInFiles], fleet: Path) -> None:
    for host in hosts:
        [source] = collected(load(host.config).source)
        with collector_of(source) as collector:
            collector.tick()
    secret = tokens_of(hosts[0]).new("all")
    with serving(hosts[0], "--config", str(fleet)) as served:
        assert 'serving "fleet" (sender 1)' in served.said[0]
        answer = httpx.post(served.url + QUEUE, json={"token": secret, "id": 1, "group": "isp"}).json()
        assert {row["isp"]: row["retry"] for row in answer["data"]} == {"Gmail": 3, "corp.test": 3}
        totals = httpx.get(served.url + USERS, headers={"Authorization": f"whm root:{secret}"}).json()
        records = {each["USER"]: each["SENDCOUNT"] for each in totals["data"]["records"]}
        assert records == {"bob": 3, "carol": 6, "eve": 3}
        numbers = httpx.get(f"{served.url}/metrics", headers={"Authorization": f"Bearer {secret}"}).text
        assert len(re.findall(r'mailtop_host_counted\{host="mx[123]"\} 1\n', numbers)) == 3
    fleet.write_text(
        f'{fleet.read_text()}host = "mx2"\n[[source]]\ntype = "ledger"\nname = "file"\n'
        f'ledger = "sqlite://{hosts[1].ledger}"\n'
    )
    rows = shown(hosts[0], "totals", config=fleet)["rows"]
    assert {(row["source"], row["account"]): row["send_count"] for row in rows} == {
        (source, account): count
        for source in ("fleet", "file")
        for account, count in (("bob", 1), ("carol", 2), ("eve", 1))
    }


def test_a_demo_begins_anew_in_the_ledger_of_all_too(server: ClickhouseServer, tmp_path: Path) -> None:
    demo = DemoSource(
        accounts=5, ledger=f"clickhouse://{server.address}/demo", local_ledger=f"sqlite://{tmp_path}/d.sqlite", host="d"
    )
    place = parse(demo.ledger or "")
    for _ in range(2):
        with collector_of(demo) as collector:
            collector.tick()
        with closing(SqliteReader(tmp_path / "d.sqlite")) as own, closing(ClickhouseReader(place)) as shared:
            until(lambda: counts_of(shared) == counts_of(own), "not all has arrived, or more than there is")
    server.ask("DROP DATABASE demo")


def counts_of(reader: LedgerReader) -> dict[str, tuple[int | None, int | None]]:
    """What each account has sent, and what of it waits."""
    return {each.account: (each.send_count, each.in_progress_count) for each in reader.totals()}


def test_a_ledger_that_is_only_read_is_never_made(hosts: list[HostInFiles], tmp_path: Path) -> None:
    config = tmp_path / "none.toml"
    config.write_text(f'[[source]]\ntype = "ledger"\nledger = "sqlite://{tmp_path}/none/mx.sqlite"\n')
    done = hosts[0].run("show", "queue", environ={"MAILTOP_CONFIG": str(config)})
    assert (done.returncode, (tmp_path / "none").exists()) == (Exit.SOURCE, False)
