"""Hosts of files that write one ledger on a real ClickHouse server, and a configuration that reads it."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.cli.postfix_in_files import PostfixInFiles
from tests.clickhouse_server import PASSWORD, ClickhouseServer

STATES = ("new", "proc", "retry", "hold")
SECONDS = 60.0

Sums = Counter[tuple[str, ...]]


class HostInFiles(PostfixInFiles):
    """A host called ``name`` that keeps its own ledger in a file, and one on ``server`` with the others."""

    def __init__(self, folder: Path, name: str, server: ClickhouseServer, number: int) -> None:
        folder.mkdir()
        super().__init__(folder, name)
        self.shared = ledger_of(server)
        self.token = folder / "password"
        self.token.touch(0o600)
        self.token.write_text(f"{PASSWORD}\n")
        own = self.table
        self.own = own + f"sender_id = {number}\n"
        self.table = own.replace(f'ledger = "sqlite://{self.ledger}"\n', "") + (
            f'ledger = "{self.shared}"\nlocal_ledger = "sqlite://{self.ledger}"\ntoken_file = "{self.token}"\n'
            f'host = "{name}"\n'
        )
        self.config.write_text(self.table)
        self.alone = folder / "alone.toml"
        self.alone.write_text(self.own)
        self.more_mail(number)

    def more_mail(self, count: int) -> None:
        """So many recipients more got what carol sent: a message each."""
        with self.log.open("a") as log:
            for number in range(count):
                id_ = f"{self.config.stem.upper()}{time.time_ns() % 10**9:09d}{number:03d}"
                id_ = "".join(char for char in id_ if char in "0123456789ABCDEF")
                log.write(
                    f"2026-11-21T19:59:09+00:00 mx postfix/smtpd[1]: {id_}: client=localhost[127.0.0.1], "
                    "sasl_method=PLAIN, sasl_username=carol\n"
                    f"2026-11-21T19:59:09+00:00 mx postfix/qmgr[2]: {id_}: from=<carol@shop.test>, size=700, nrcpt=1 "
                    "(queue active)\n"
                    f"2026-11-21T19:59:09+00:00 mx postfix/smtp[3]: {id_}: to=<a@gmail.com>, relay=mx[127.0.0.1]:25, "
                    "delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 ok)\n"
                    f"2026-11-21T19:59:09+00:00 mx postfix/qmgr[2]: {id_}: removed\n"
                )


def ledger_of(server: ClickhouseServer) -> str:
    """The address of the ledger that all hosts write."""
    return f"clickhouse://mail@{server.address}/mail"


@contextmanager
def collecting(hosts: Sequence[PostfixInFiles], *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """A collector's process for each host; ended, if they have not, with the block."""
    with ExitStack() as running:
        processes = []
        for host in hosts:
            process = host.start("collect", *arguments)
            running.callback(process.communicate)
            running.callback(process.kill)
            processes.append(process)
        yield processes


def until(told: Callable[[], object], what: str) -> Any:
    """What ``told`` says once that is true."""
    deadline = time.monotonic() + SECONDS
    while not (answer := told()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return answer


def shown(mail: PostfixInFiles, *arguments: str, config: Path | None = None) -> dict[str, Any]:
    """What ``mailtop show`` prints as JSON."""
    done = mail.run(
        "show", *arguments, "--format", "json", environ={} if config is None else {"MAILTOP_CONFIG": str(config)}
    )
    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def queue_of(answers: Sequence[dict[str, Any]]) -> Sums:
    """What waits by the names of each row, added up over answers."""
    found: Sums = Counter()
    for answer in answers:
        for row in answer["rows"]:
            for state in STATES:
                found[row["account"] or "", row["campaign"] or "", row["isp"] or "", state] += row[state]
    return found
