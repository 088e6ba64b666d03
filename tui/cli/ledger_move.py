"""What takes long with ledgers: sending one to ClickHouse, and making one anew from its logs. Only `ledger` enters."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from tui.cli import collecting
from tui.cli.ledger_named import Named, by_url, shown
from tui.cli.output import say
from tui.config import ConfigError, LocalSource
from tui.engine.clickhouse_contents import ClickhouseContents
from tui.engine.clickhouse_migration import spool_all
from tui.engine.clickhouse_schema import create
from tui.engine.clickhouse_spool import sent_mark
from tui.engine.clickhouse_writer import ClickhouseWriter
from tui.engine.ledger import LedgerError
from tui.engine.ledger_lock import LedgerLock
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_load import load, put_in_place, remove
from tui.engine.sqlite_writer import SqliteWriter

TOLD_SECONDS = 10.0
"""How often it is said how much is left."""

TROUBLE_SECONDS = 60.0
"""How long nothing may get to ClickHouse before nobody waits any more."""


def migrate(ledger: Named, options: argparse.Namespace) -> Named:
    """Send all that a ledger on this host has; returns it with where it went. Raises ``ConfigError``, ``LedgerBusy``,
    ``LedgerError``."""
    ledger = _meant(ledger, options)
    path, host = ledger.file(), ledger.host
    if host is None or ledger.place is None:
        raise ConfigError("--host: say what the host whose mail it is shall be called on ClickHouse")
    for node in ledger.place.nodes:
        with closing(ledger.client(node)) as client:
            create(client)
    if options.origin is not None and (origin := by_url(options.origin, options).file()) != path:
        with contents(origin) as held:
            load(path, held.head(), held.parts())
    with contents(path) as held, closing(ledger.client()) as client:
        _refuse_others(ClickhouseContents(client, host).mark(), sent_mark(held.db), ledger, options)
    if spool_all(path, replaces=options.replace):
        say(f"all that {path} has is on its way to {shown(ledger.place)}, as the host {host}")
    _send(ledger, ClickhouseWriter(path, ledger.place, host, ledger.password, ship_seconds=0.0))
    return ledger


def _refuse_others(there: int, here: int | None, ledger: Named, options: argparse.Namespace) -> None:
    """``there`` is the mark of what ClickHouse has of the host, ``here`` that of what was sent (``None``: the file has
    mail that was never to be)."""
    if options.replace:
        return
    if there and here is None:
        raise LedgerError(
            f"{shown(ledger.place)} has mail of a host called {ledger.host} already; call this one otherwise with "
            "--host (and host = in the configuration), or have its mail replaced with --replace"
        )
    if here and not there:
        raise LedgerError(
            f"{ledger.path} was sent before, and not to {shown(ledger.place)} as the host {ledger.host}; where that "
            "is right, make a copy of it with export and import, and send that; where the server lost it, --replace "
            "sends all anew"
        )


def _meant(ledger: Named, options: argparse.Namespace) -> Named:
    """The file and where it goes: the URL names either, the source or ``--from`` the other one."""
    if ledger.path is None:
        if options.origin is None:
            raise ConfigError("--from: say which file is to be sent: --from sqlite:///FILE")
        return msgspec.structs.replace(ledger, path=by_url(options.origin, options).file())
    if ledger.place is None:
        raise ConfigError(
            f"{ledger.path} goes to no ClickHouse: set ledger = "
            '"clickhouse://USER@HOST:PORT/DATABASE" in the configuration of its source, or name that as URL and the '
            "file with --from"
        )
    return ledger


def _send(ledger: Named, writer: ClickhouseWriter) -> None:
    """Wait until everything has arrived. Whatever ends this, the rest is sent next time."""
    with closing(writer):
        told = time.monotonic()
        while not writer.flush(1.0):
            trouble = writer.trouble_since
            if trouble is not None and time.time() - trouble > TROUBLE_SECONDS:
                raise LedgerError(
                    f"{writer.trouble}; {writer.spooled().entries:,} batches wait in {ledger.path}, and are sent when "
                    "'mailtop ledger migrate' or the collector is started again"
                )
            if time.monotonic() - told > TOLD_SECONDS:
                told = time.monotonic()
                left = writer.spooled()
                say(f"{left.entries:,} batches of {left.size / 1e6:,.1f} MB are still to be sent")


def from_log(ledger: Named) -> Iterator[str]:
    """Make the ledger of a source anew from all logs that are still there; sentences on what was done. The old file
    stays beside it. Raises ``ConfigError``, ``LedgerBusy``, ``LedgerError``, ``SourceError``."""
    source, path = ledger.source, ledger.file()
    if not isinstance(source, LocalSource):
        raise ConfigError("--from-log: a ledger is made from the log of a source of type local; name it with --source")
    old, fresh = path.with_name(path.name + ".old"), path.with_name(path.name + ".new")
    if old.exists():
        raise LedgerError(f"{old} is there from another time; move it away, nothing was done")
    try:
        sums = _made_anew(source, path, fresh, old)
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be made anew ({error.strerror}); it is as it was") from error
    yield f"{path}: made anew from the logs that are still there; the old ledger is {old}"
    yield f"messages sent: {sums[1]:,} by those logs, {sums[0]:,} by the old ledger"
    if ledger.place is not None:
        there = shown(ledger.place)
        yield f"{there} still has what the old one sent; 'mailtop ledger migrate --replace' sends all anew"


def _made_anew(source: LocalSource, path: Path, fresh: Path, old: Path) -> list[int]:
    """How many messages were sent by the old ledger, and by the new one, which is in its place then."""
    remove(fresh)
    # Held until the new one is whole: nobody writes the old one meanwhile, and it becomes one plain file.
    before = SqliteWriter(path)
    try:
        with collecting.collector(msgspec.structs.replace(source, ledger=f"sqlite://{fresh}")) as collector:
            collector.tick()
            problems = collecting.problems(collector, source)
        if problems:
            raise LedgerError(f"the ledger {path} was left as it is, since the log is not read: {'; '.join(problems)}")
        sums = [_sums(each) for each in (path, fresh)]
    except BaseException:
        before.close()
        remove(fresh)
        raise
    before.close()
    lock = LedgerLock(path)
    try:
        put_in_place(fresh, path, old)
    finally:
        lock.release()
        remove(fresh)
    return sums


def _sums(path: Path) -> int:
    with contents(path) as held:
        return held.head().sums[0]
