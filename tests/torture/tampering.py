"""A ledger that somebody removes, replaces, damages or cuts while it is collected and read: what is told, and that it
leads back to the truth when it is obeyed. `disk` enters."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from tests.torture.known_mail import append, pieces
from tests.torture.mail_host import MailHost, until
from tests.torture.stable import Copy, Stable
from tui.engine import sqlite_verify
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_reader import SqliteReader
from tui.model import QueueQuery

MOVE_IT_AWAY = "move it away", "move this one away", "name another file"
"""Where one of these is said, a person has to do something."""


class Keeper:
    """Keeps a collector running as the hub does, and reads the ledger all the while as the screen does."""

    def __init__(self, host: MailHost, stable: Stable, said: Path) -> None:
        self._host, self._stable, self._said = host, stable, said
        self._copy: Copy | None = None
        self._reader: SqliteReader | None = None
        self.read: dict[str, None] = {}
        self.shown = -1

    def look(self) -> None:
        """Start the collector when it has ended; read."""
        if self._copy is None or not self._copy.runs():
            if self._copy is not None:
                self._copy.wait()
            self._copy = self._stable.start("mailtop", "collect", said=self._said, environ=self._host.environ)
        try:
            if self._reader is None:
                self._reader = SqliteReader(self._host.ledger)
            self._reader.version()
            self.shown = sum(sum(column) for column in self._columns(self._reader))
        except LedgerError as error:
            self.read[str(error)] = None
            self._forget()

    def end(self) -> None:
        """Stop both."""
        self._forget()
        if self._copy is not None:
            self._copy.kill()
            self._copy = None

    @property
    def pid(self) -> int:
        """The collector's number."""
        return -1 if self._copy is None else self._copy.pid

    def agrees(self) -> bool:
        """Whether ledger and screen say the truth."""
        self.look()
        waiting = sum(sums[-1] for sums in self._host.mail.truth().values())
        return self._host.is_counted() and self.shown == waiting

    def said(self) -> str:
        """All that the collectors said."""
        return self._said.read_text() if self._said.exists() else ""

    def _forget(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @staticmethod
    def _columns(reader: SqliteReader) -> list[list[int]]:
        table = reader.queue(QueueQuery())
        return [table.new, table.proc, table.retry, table.hold]


def _remove(host: MailHost, _rng: random.Random) -> None:
    host.ledger.unlink()


def _remove_all(host: MailHost, _rng: random.Random) -> None:
    shutil.rmtree(host.ledger.parent)


def _remove_the_lock(host: MailHost, _rng: random.Random) -> None:
    host.ledger.with_name(host.ledger.name + ".lock").unlink()


def _remove_the_wal(host: MailHost, rng: random.Random) -> None:
    for end in rng.choice((["-wal"], ["-shm"], ["-wal", "-shm"])):
        host.ledger.with_name(host.ledger.name + end).unlink(missing_ok=True)


def _put_back(host: MailHost, _rng: random.Random) -> None:
    """An older state of it, as from a backup."""
    backup = host.ledger.with_name("backup")
    with closing(sqlite3.connect(host.ledger)) as db, closing(sqlite3.connect(backup)) as copy:
        db.backup(copy)
    until(lambda: host.counted() != {}, "the collector goes on")
    backup.replace(host.ledger)


def _replace_by_garbage(host: MailHost, rng: random.Random) -> None:
    other = host.ledger.with_name("other")
    other.write_bytes(rng.choice((b"", b"not a ledger\n" * 1000, rng.randbytes(20_000))))
    other.replace(host.ledger)


def _overwrite(host: MailHost, rng: random.Random) -> None:
    """Some bytes somewhere in the middle, in the file or in the WAL."""
    path = rng.choice((host.ledger, host.ledger.with_name(host.ledger.name + "-wal")))
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(rng.randrange(max(size, 1)))
        file.write(rng.randbytes(min(rng.choice((16, 512, 4096, 40_000)), size - file.tell())))


def _truncate(host: MailHost, rng: random.Random) -> None:
    path = rng.choice((host.ledger, host.ledger.with_name(host.ledger.name + "-wal")))
    os.truncate(path, rng.choice((0, rng.randrange(path.stat().st_size + 1))))


def _rename_the_folder(host: MailHost, rng: random.Random) -> None:
    host.ledger.parent.rename(host.ledger.parent.with_name(f"elsewhere{rng.random()}"))


def _make_it_newer(host: MailHost, _rng: random.Random) -> None:
    """A newer mailtop was here."""
    with closing(sqlite3.connect(host.ledger, isolation_level=None, timeout=10)) as db:
        db.execute("PRAGMA user_version = 99")


TAMPERINGS: tuple[Callable[[MailHost, random.Random], None], ...] = (
    _remove,
    _remove_all,
    _remove_the_lock,
    _remove_the_wal,
    _put_back,
    _replace_by_garbage,
    _overwrite,
    _truncate,
    _rename_the_folder,
    _make_it_newer,
)


def what_somebody_does_to_a_ledger_is_noticed(folder: Path, rng: random.Random) -> int:
    """Mail is logged, and somebody lays hands on the ledger: once the sentences are obeyed the counts are the truth."""
    (folder / "state").mkdir()
    host = MailHost(folder, rng, folder / "state" / "mx.sqlite")
    tried: list[str] = []
    with Stable() as stable:
        keeper = Keeper(host, stable, folder / "said")
        for piece in pieces(host.mail.log(), rng, 2):
            append(host.log, piece)
            keeper.look()
            until(lambda: host.collector() is not None and host.counted() != {}, f"it collects: {keeper.said()}")
            keeper.look()
            time.sleep(0.05 * rng.random())
            tamper = rng.choice(TAMPERINGS)
            tried.append(tamper.__name__)
            with suppress(FileNotFoundError):
                tamper(host, rng)
            _mend(host, keeper, tried)
        until(keeper.agrees, f"the truth after {tried}: {keeper.said()}")
        if differences(host.ledger):  # nobody has had to read what is damaged yet
            _move_away(host, keeper, "at last")
            until(keeper.agrees, f"the truth after {tried}: {keeper.said()}")
        keeper.end()
        assert differences(host.ledger) == []
    assert "Traceback" not in keeper.said(), keeper.said()
    return len(tried)


def _mend(host: MailHost, keeper: Keeper, tried: list[str]) -> None:
    """Wait for the collector to write, or for a sentence on what to do, and do it."""
    wrote, begun = _serial(host.ledger), time.monotonic()
    heard = len(keeper.said())
    keeper.read.clear()
    while time.monotonic() < begun + 10:
        keeper.look()
        told = keeper.said()[heard:] + "".join(keeper.read)
        if any(sentence in told for sentence in MOVE_IT_AWAY) or differences(host.ledger):
            _move_away(host, keeper, f"away {len(tried)}")
            return
        if _serial(host.ledger) not in (None, wrote) and host.collector() is not None:
            return
        time.sleep(0.01)
    raise AssertionError(f"nothing is written nor said after {tried}: {keeper.said()} {keeper.read}")


def _move_away(host: MailHost, keeper: Keeper, to: str) -> None:
    keeper.end()
    host.ledger.parent.rename(host.ledger.parent.with_name(to))


def _serial(ledger: Path) -> int | None:
    try:
        with closing(SqliteReader(ledger)) as reader:
            return reader.version()
    except LedgerError:
        return None


def differences(ledger: Path) -> list[str]:
    """What `mailtop ledger verify` says is wrong."""
    try:
        with contents(ledger) as held:
            return [each.sentence for each in sqlite_verify.differences(held.db, ledger)]
    except LedgerError as error:
        return [] if "there is no ledger" in str(error) else [str(error)]
