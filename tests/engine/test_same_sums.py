"""One log gives one set of sums: whole, in pieces, rotated, read again, or by a collector that is killed again and
again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import postfix_capture
from tests.captures import exim_capture
from tests.engine.collector_child import collecting
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_reader import SqliteReader
from tui.model import Grouping, QueueQuery

LOGS: dict[str, Callable[[], bytes]] = {
    "exim": lambda: exim_capture("exim-96-cpanel").log(),
    "postfix": postfix_capture.log,
}


COUNTS = ("send_count", "success_count", "defer_count", "fail_count", "in_progress_count", "total_size")


@pytest.fixture(params=sorted(LOGS))
def mta(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def whole(mta: str, tmp_path: Path) -> dict[str, Any]:
    """The sums of the log read at once."""
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "log").write_bytes(LOGS[mta]())
    read(mta, folder)
    return sums(folder)


def read(mta: str, folder: Path, ticks: Iterator[None] | None = None) -> None:
    """Collect: a tick after each step of ``ticks``, or one tick."""
    with collecting(mta, folder / "log", folder / "ledger.sqlite") as collector:
        for _ in ticks or iter([None]):
            collector.tick()


def sums(folder: Path) -> dict[str, Any]:
    """All that a ledger answers, by name."""
    with closing(SqliteReader(folder / "ledger.sqlite")) as reader:
        accounts = {each.account_id: each.account for each in reader.totals()}
        answer: dict[str, Any] = {
            "totals": sorted(
                (account.account, *(getattr(account, count) for count in COUNTS)) for account in reader.totals()
            ),
            "counters": reader.status().counters,
            "causes": sorted((each.text, each.count) for each in reader.causes(QueueQuery())),
            "hours": reader.history(QueueQuery(), 1_795_305_600, 48 * 3600).points,
        }
        for grouping in Grouping:
            answer[grouping] = sorted(
                (row.account, row.campaign, row.isp, row.new, row.proc, row.retry, row.hold)
                for row in reader.queue(QueueQuery(grouping)).rows()
            )
        for account_id, name in accounts.items():
            query = QueueQuery(Grouping.ISP, account_id=account_id)
            answer[f"isps of {name}"] = sorted(
                (row.isp, row.new, row.proc, row.retry, row.hold) for row in reader.queue(query).rows()
            )
        return answer


def pieces(data: bytes, rng: random.Random, count: int) -> Iterator[bytes]:
    cuts = sorted(rng.randrange(len(data)) for _ in range(count))
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        yield data[begin:end]


def append(log: Path, data: bytes) -> None:
    with log.open("ab") as out:
        out.write(data)


def test_in_random_pieces(mta: str, whole: dict[str, Any], tmp_path: Path) -> None:
    def grow() -> Iterator[None]:
        for piece in pieces(LOGS[mta](), random.Random(1), 60):
            append(tmp_path / "log", piece)
            yield

    read(mta, tmp_path, grow())
    assert sums(tmp_path) == whole


def test_twice(mta: str, whole: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(LOGS[mta]())
    for _ in range(3):
        read(mta, tmp_path)
    assert sums(tmp_path) == whole


@pytest.mark.parametrize("how", ["rename", "copy and truncate"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_rotations_and_restarts(mta: str, whole: dict[str, Any], tmp_path: Path, how: str, seed: int) -> None:
    rng = random.Random(seed)
    log = tmp_path / "log"
    rotated = 0
    for piece in pieces(LOGS[mta](), rng, 8):
        append(log, piece)
        if rng.random() < 0.7:
            read(mta, tmp_path)
        if rng.random() < 0.5:
            rotated += 1
            for number in range(rotated, 1, -1):
                (tmp_path / f"log.{number - 1}").rename(tmp_path / f"log.{number}")
            if how == "rename":
                log.rename(tmp_path / "log.1")
                log.touch()
            else:
                (tmp_path / "log.1").write_bytes(log.read_bytes())
                os.truncate(log, 0)
    read(mta, tmp_path)
    assert rotated
    found = sums(tmp_path)
    copies = found["counters"].pop("log_copies", 0)  # what was written between copy and cut cannot be known
    assert (copies > 0) == (how == "copy and truncate")
    assert found == whole


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again(mta: str, whole: dict[str, Any], tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    log = tmp_path / "log"
    log.touch()
    killed = 0
    parts = iter(list(pieces(LOGS[mta](), rng, 120)))
    more = True
    while more:
        with start(mta, tmp_path) as child:
            for _ in range(rng.randrange(5, 40)):
                piece = next(parts, None)
                if piece is None:
                    more = False
                    break
                append(log, piece)
                if rng.random() < 0.3:
                    until_written(child, tmp_path)
            if more:
                os.kill(child.pid, signal.SIGKILL)
                killed += 1
                child.wait()
            else:
                child.communicate()
                assert child.returncode == 0
    assert killed >= 2
    assert sums(tmp_path) == whole


def start(mta: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.engine.collector_child", mta, str(folder / "log")]
    return subprocess.Popen([*command, str(folder / "ledger.sqlite")], stdin=subprocess.PIPE)


def until_written(child: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until the collector has written once more, so that it is killed at work and not only while it starts."""
    with closing(opened(child, folder / "ledger.sqlite")) as reader:
        before = reader.version()
        while child.poll() is None and reader.version() == before:
            time.sleep(0.001)
    assert child.poll() is None


def opened(child: subprocess.Popen[bytes], ledger: Path) -> SqliteReader:
    """The ledger, once the collector has made it."""
    while True:
        try:
            return SqliteReader(ledger)
        except LedgerError:
            assert child.poll() is None
            time.sleep(0.01)
