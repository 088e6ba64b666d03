"""Builds what collects for a source: its mail system, its ledger, and the collector between them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from zoneinfo import ZoneInfo

from tui.cli.mail_systems import MAIL_SYSTEMS
from tui.cli.output import say
from tui.cli.sources import Collected, mail_system
from tui.config import DemoSource, LocalSource, clickhouse_place, ledger_path
from tui.engine import ledger_lock
from tui.engine.access import refusal
from tui.engine.accounts import Accounts, read_userdomains
from tui.engine.collect import Collector
from tui.engine.feeds import DemoFeed, MtaFeed
from tui.engine.find import FoundMta
from tui.engine.ledger import LedgerBusy, LedgerError, LedgerWriter
from tui.engine.queues.postcat import Postcat
from tui.engine.simulate import Simulation
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.steady import SteadyClock
from tui.engine.tail import Tail
from tui.isp import IspTable
from tui.sources.source import SourceError

MIB = 1024 * 1024


@contextmanager
def collector(source: Collected) -> Iterator[Collector]:
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
        yield Collector(feed, writer, IspTable(source.isp), source.minutes_kept_hours, SteadyClock())


def catch_up(source: Collected, running: ExitStack) -> str | None:
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


def problems(collecting: Collector, source: Collected) -> list[str]:
    """What a collector cannot read now, with what the search for the mail system knows of the remedy; none ends in a
    full stop, since they are joined."""
    found = (collecting.log_problem, collecting.queue_problem)
    own = [each.removesuffix(".") for each in found if each is not None]
    if not own or isinstance(source, DemoSource):
        return own
    return list(dict.fromkeys([*own, *mail_system(source).problems]))


def sending_problem(source: Collected) -> str | None:
    """Why what a collector of the source has counted does not get to ClickHouse now; ``None`` where it does, or is not
    meant to."""
    if clickhouse_place(source.ledger) is None:
        return None
    from tui.cli import clickhouse  # imported here, since few have one

    try:
        return clickhouse.trouble(ledger_path(source))
    except LedgerError as error:
        return str(error)


def _open_ledger(source: Collected) -> LedgerWriter:
    path, place = ledger_path(source), clickhouse_place(source.ledger)
    limits = {}
    if isinstance(source, LocalSource):
        limits = {
            "minutes_kept_hours": source.minutes_kept_hours,
            "hours_kept_days": source.hours_kept_days,
            "max_bytes": source.max_ledger_mib * MIB,
        }
    try:
        if place is None:
            return SqliteWriter(path, **limits)
        from tui.cli import clickhouse  # imported here, since few have one

        if not os.access(path, os.F_OK):
            for problem in clickhouse.make_tables(source, place):
                say(problem)
        return clickhouse.writer(source, place, path, limits)
    except LedgerBusy:
        raise
    except LedgerError:
        # A service's ledger, which this user may read but not write, is no trouble while the service runs.
        other = ledger_lock.holder(path)
        if other is None:
            raise
        raise LedgerBusy(f"the ledger {path} is already written by process {other.pid}") from None


def _fresh_ledger(source: DemoSource) -> LedgerWriter:
    """The ledger of a demo, with nothing in it: each simulation begins with its own past."""
    path, place = ledger_path(source), clickhouse_place(source.ledger)
    if os.access(path, os.F_OK):
        with closing(SqliteWriter(path)) as before:
            has_begun = bool(before.names().accounts)
            if has_begun and place is not None:
                from tui.cli import clickhouse  # imported here, since few have one

                clickhouse.forget(source, place)
        if has_begun:
            path.unlink()
    return _open_ledger(source)


def _feed(found: FoundMta, source: LocalSource, writer: LedgerWriter) -> MtaFeed:
    reads, accounts = MAIL_SYSTEMS[found.mta], _owners(found)
    zone = ZoneInfo(source.time_zone) if source.time_zone is not None else None
    position = next((each for each in writer.positions() if each.path == str(found.log)), None)
    headers = Postcat(found.postcat) if found.postcat is not None else None
    return MtaFeed(Tail(found.log, position), reads.log(accounts, zone), reads.queue(found, accounts), headers)


def _owners(found: FoundMta) -> Accounts:
    """Whose mail is whose on this host."""
    path = found.userdomains
    return Accounts({} if path is None or refusal(path) is not None else read_userdomains(path))
