"""Builds what the commands work with: what answers for a source, and what collects for it. The one place that knows the
concrete classes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from tui.cli.output import say
from tui.cli.sources import mail_system
from tui.config import DemoSource, LocalSource, SourceConfig, ledger_path
from tui.engine import ledger_lock
from tui.engine.access import refusal
from tui.engine.accounts import Accounts, read_userdomains
from tui.engine.collect import Collector
from tui.engine.feeds import DemoFeed, FirstThatWorks, MtaFeed
from tui.engine.find import FoundMta
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.queues.exim_bp import EximBp
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.listing import QueueLister
from tui.engine.queues.postqueue import Postqueue
from tui.engine.simulate import Simulation
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tail import Tail
from tui.isp import IspTable
from tui.sources.ledger import LedgerSource
from tui.sources.source import Source, SourceError

MIB = 1024 * 1024


def make_source(source: SourceConfig, interval_seconds: float) -> Source:
    """What answers for a source: its ledger."""
    path = ledger_path(source)
    kind = "demo" if isinstance(source, DemoSource) else "local"
    return LedgerSource(
        source.name,
        lambda: SqliteReader(path, source.sender_id),
        type=kind,
        interval_seconds=interval_seconds,
    )


@contextmanager
def collector(source: SourceConfig) -> Iterator[Collector]:
    """A collector for a source, with its ledger open and locked for as long as the block. Raises ``LedgerBusy``,
    ``LedgerError``, ``ConfigError``, ``SourceError``."""
    with ExitStack() as open_things:
        if isinstance(source, DemoSource):
            writer = open_things.enter_context(closing(_fresh_ledger(source)))
            yield Collector(DemoFeed(Simulation(source.seed, source.accounts, int(time.time()))), writer, IspTable())
            return
        found = mail_system(source)  # first, so that no ledger is made when there is none
        writer = open_things.enter_context(closing(_open_ledger(source)))
        feed = open_things.enter_context(closing(_feed(found, source, writer)))
        yield Collector(feed, writer, IspTable(source.isp), source.minutes_kept_hours)


def catch_up(source: SourceConfig, running: ExitStack) -> str | None:
    """Bring a source's ledger up to date, unless a collector does so already; it stays locked until ``running`` is
    closed, so that its numbers count as live. Returns why that was not possible in full."""
    if not os.access(ledger_path(source), os.F_OK) and sys.stderr is not None and sys.stderr.isatty():
        say(f'the source "{source.name}" is read for the first time; a long log takes a while')
    try:
        collecting = running.enter_context(collector(source))
        collecting.tick()
    except LedgerBusy:
        return None
    except (LedgerError, SourceError) as error:
        return str(error)
    return "; ".join(problems(collecting, source)) or None


def problems(collecting: Collector, source: SourceConfig) -> list[str]:
    """What a collector cannot read now, with what the search for the mail system knows of the remedy."""
    own = [each for each in (collecting.log_problem, collecting.queue_problem) if each is not None]
    if not own or isinstance(source, DemoSource):
        return own
    return list(dict.fromkeys([*own, *mail_system(source).problems]))


def _open_ledger(source: SourceConfig) -> SqliteWriter:
    path = ledger_path(source)
    limits = {}
    if isinstance(source, LocalSource):
        limits = {
            "minutes_kept_hours": source.minutes_kept_hours,
            "hours_kept_days": source.hours_kept_days,
            "max_bytes": source.max_ledger_mib * MIB,
        }
    try:
        return SqliteWriter(path, **limits)
    except LedgerBusy:
        raise
    except LedgerError:
        # A service's ledger, which this user may read but not write, is no trouble while the service runs.
        other = ledger_lock.holder(path)
        if other is None:
            raise
        raise LedgerBusy(f"the ledger {path} is already written by process {other.pid}") from None


def _fresh_ledger(source: DemoSource) -> SqliteWriter:
    """The ledger of a demo, with nothing in it: each simulation begins with its own past."""
    writer = _open_ledger(source)
    if not writer.names().accounts:
        return writer
    writer.close()
    ledger_path(source).unlink()
    return _open_ledger(source)


def _feed(found: FoundMta, source: LocalSource, writer: SqliteWriter) -> MtaFeed:
    accounts = Accounts(_owners(found.userdomains))
    zone = ZoneInfo(source.time_zone) if source.time_zone is not None else None
    position = next((each for each in writer.positions() if each.path == str(found.log)), None)
    tail = Tail(found.log, position)
    if found.mta == "postfix":
        return MtaFeed(tail, PostfixLog(accounts, zone), Postqueue(accounts, found.postqueue or source.postqueue))
    listers: list[QueueLister] = [EximBp(found.exim or "exim", accounts)]
    if found.spool is not None:
        listers.insert(0, EximSpool(found.spool, accounts))
    return MtaFeed(tail, EximLog(accounts, zone), FirstThatWorks(listers))


def _owners(userdomains: Path | None) -> dict[bytes, bytes]:
    if userdomains is None or refusal(userdomains) is not None:
        return {}
    return read_userdomains(userdomains)
