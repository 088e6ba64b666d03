"""Ledgers, exports and settings on a disk that is full, that is closed for writing, or that lets files grow no further.
`disk` enters."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit
from unittest import mock

from tests.torture.known_mail import append, counted, pieces
from tests.torture.mail_host import MailHost, until
from tests.torture.stable import Stable
from tests.torture.tampering import Keeper, differences
from tui.cli.arguments import Exit
from tui.cli.main import main
from tui.config.remembered import Remembered, recall, remember
from tui.engine.clickhouse_migration import spool_all
from tui.engine.ledger import LedgerError
from tui.hub.export import sentence_of, write_new

BYTES = 2 * 1024 * 1024
CODES = Exit.OK, Exit.FAILED, Exit.USAGE, Exit.SOURCE, Exit.OUTPUT
"""What a command may end with whose disk is full."""


def needs_a_disk() -> str:
    """What is missing to mount a small disk."""
    if os.geteuid() != 0:
        return "only root may mount a small disk"
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return "" if done.returncode == 0 else "no small disk can be mounted here"


class SmallDisk:
    """A disk of two megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self, free_bytes: int) -> None:
        """Leave so many bytes."""
        self.free()
        status = os.statvfs(self.path)
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            file.write(bytes(max(0, status.f_bavail * status.f_frsize - free_bytes)))

    def free(self) -> None:
        """Make room."""
        self._filler.unlink(missing_ok=True)

    def close(self, *, closed: bool = True) -> None:
        """Close it for writing, or open it again."""
        subprocess.run(["mount", "-o", f"remount,{'ro' if closed else 'rw'}", str(self.path)], check=True)


@contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """Mount a small disk."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "none", str(path)], check=True)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def a_full_disk_loses_nothing(folder: Path, rng: random.Random) -> int:
    """Mail is logged while the ledger's disk is filled and freed, and its collector killed at any moment."""
    with small_disk(folder / "disk") as disk, Stable() as stable:
        host = MailHost(folder, rng, folder / "disk" / "state" / "mx.sqlite")
        keeper = Keeper(host, stable, folder / "said")
        tried = 0
        for piece in pieces(host.mail.log(), rng, 8):
            append(host.log, piece)
            disk.fill(rng.choice((0, rng.randrange(20_000), rng.randrange(300_000))))
            tried += 1
            for _ in range(rng.randrange(1, 5)):
                keeper.look()
                time.sleep(0.02)
            if rng.random() < 0.3:
                keeper.end()
            if rng.random() < 0.5:
                disk.free()
        disk.free()
        _says_the_truth(host, keeper)
    assert "Traceback" not in keeper.said(), keeper.said()
    return tried


def files_that_may_not_grow_lose_nothing(folder: Path, rng: random.Random) -> int:
    """The same, where the system lets the collector's files grow no further for a while."""
    with Stable() as stable:
        host = MailHost(folder, rng)
        keeper = Keeper(host, stable, folder / "said")
        tried = 0
        for piece in pieces(host.mail.log(), rng, 8):
            append(host.log, piece)
            keeper.look()
            with suppress(ProcessLookupError):
                prlimit(keeper.pid, RLIMIT_FSIZE, (rng.randrange(200_000), RLIM_INFINITY))
                tried += 1
                time.sleep(0.1 * rng.random())
                prlimit(keeper.pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
        _says_the_truth(host, keeper)
    assert "Traceback" not in keeper.said(), keeper.said()
    return tried


def _says_the_truth(host: MailHost, keeper: Keeper) -> None:
    until(keeper.agrees, f"the truth: {keeper.said()}")
    keeper.end()
    assert differences(host.ledger) == []


def commands_on_a_full_disk_say_so(folder: Path, rng: random.Random) -> int:
    """Each command that reads or writes a ledger, on a disk with no room or closed for writing: it does all or nothing,
    and says so."""
    with small_disk(folder / "disk") as disk:
        host = MailHost(folder, rng, disk.path / "mx.sqlite")
        append(host.log, host.mail.log())
        _ran(host, "collect", "--once", code=Exit.OK)
        _ran(host, "ledger", "export", str(folder / "right.jsonl"), code=Exit.OK)
        commands = [
            ("ledger", "info"),
            ("ledger", "verify"),
            ("ledger", "rebuild"),
            ("ledger", "rebuild", "--from-log"),
            ("ledger", "export", str(disk.path / "out.jsonl")),
            ("ledger", "import", str(folder / "right.jsonl"), f"sqlite://{disk.path}/copy.sqlite"),
            ("ledger", "create", f"sqlite://{disk.path}/new.sqlite"),
            ("collect", "--once"),
            ("show", "queue"),
            ("show", "totals"),
            ("token", "new", f"t{rng.random()}", "--tokens", str(disk.path / "tokens.json")),
            ("config", "init", "--config", str(disk.path / "new.toml")),
        ]
        for command in rng.sample(commands, 6):
            _closed(disk, rng)
            _ran(host, *command)
            _reopened(disk)
            left = {file.name for file in disk.path.iterdir()}
            assert not [name for name in left if name.endswith((".unfinished", ".new"))], f"{command} left {left}"
            assert counted(host.ledger) == host.mail.truth(), command
            assert differences(host.ledger) == [], command
            (disk.path / "mx.sqlite.old").unlink(missing_ok=True)
            for name in ("copy.sqlite", "new.sqlite"):
                if name in left and (disk.path / name).stat().st_size:
                    _ran(host, "ledger", "verify", f"sqlite://{disk.path / name}")
        _settings_on_a_full_disk(disk, rng)
        _a_spool_on_a_full_disk(host, disk, rng)
    return 8


def _closed(disk: SmallDisk, rng: random.Random) -> None:
    if rng.random() < 0.25:
        disk.close()
    else:
        disk.fill(rng.choice((0, rng.randrange(20_000), rng.randrange(200_000))))


def _reopened(disk: SmallDisk) -> None:
    disk.close(closed=False)
    disk.free()


def _ran(host: MailHost, *words: str, code: Exit | None = None) -> None:
    """Run a command in this process. Raises ``AssertionError`` where it says nothing of its failure."""
    with (
        mock.patch.dict(os.environ, host.environ),
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        found = main(words)
    told = f"{words}: {found}: {err.getvalue()}"
    assert found in (CODES if code is None else (code,)), told
    assert found in (Exit.OK, Exit.FAILED) or err.getvalue().startswith("mailtop: "), told
    assert found != Exit.FAILED or out.getvalue(), told


def _settings_on_a_full_disk(disk: SmallDisk, rng: random.Random) -> None:
    """What the screen remembers and exports."""
    views, exported = disk.path / "views.json", disk.path / "rows.csv"
    remember(views, ["mx"], Remembered(filter="first"))
    _closed(disk, rng)
    told = None
    with suppress(OSError):
        remember(views, ["mx"], Remembered(filter="second"))
    try:
        write_new(exported, ["x" * 1000] * 400, mock.Mock(is_set=lambda: False))
    except OSError as error:
        told = sentence_of(str(exported), error)
    _reopened(disk)
    kept = recall(views, ["mx"])
    assert kept is not None
    assert kept.filter in ("first", "second")
    assert exported.exists() == (told is None), told
    assert told is None or "free some room" in told or "Read-only" in told, told
    assert not [*disk.path.glob("*.new"), *disk.path.glob(".mailtop-*")]


def _a_spool_on_a_full_disk(host: MailHost, disk: SmallDisk, rng: random.Random) -> None:
    """A ledger that is to be sent to ClickHouse has all of itself once more, for a while."""
    _closed(disk, rng)
    with suppress(LedgerError):
        spool_all(host.ledger, replaces=False)
    _reopened(disk)
    spool_all(host.ledger, replaces=False)
    assert counted(host.ledger) == host.mail.truth()
    assert differences(host.ledger) == []
