"""Builds what the commands work with: what answers for a source, and what collects for it. The one place that knows the
concrete classes."""

from __future__ import annotations

import functools
import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tui.cli.output import say
from tui.cli.sources import Collected, mail_system
from tui.config import (
    ConfigError,
    CpanelSource,
    DemoSource,
    HttpSource,
    LocalSource,
    SenderQueueSource,
    SharedLedgerSource,
    SourceConfig,
    SshSource,
    clickhouse_place,
    ledger_path,
    sqlite_path,
)
from tui.config.secrets import Secret, read_secret
from tui.engine import ledger_lock
from tui.engine.access import refusal
from tui.engine.accounts import Accounts, read_userdomains
from tui.engine.collect import Collector
from tui.engine.feeds import DemoFeed, FirstThatWorks, MtaFeed
from tui.engine.find import FoundMta
from tui.engine.ledger import LedgerBusy, LedgerError, LedgerReader, LedgerWriter
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.logs.reader import LogReader
from tui.engine.queues.command import shown
from tui.engine.queues.exim_bp import EximBp
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.listing import ListingError, QueueLister
from tui.engine.queues.postcat import Postcat
from tui.engine.queues.postqueue import Postqueue
from tui.engine.simulate import Simulation
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tail import Tail
from tui.isp import IspTable
from tui.model import Checkup
from tui.sources.ledger import LedgerSource, NoLedger
from tui.sources.source import Source, SourceError

if TYPE_CHECKING:
    from tui.engine.clickhouse_spool import Spooled

MIB = 1024 * 1024


def make_source(source: SourceConfig, interval_seconds: float) -> Source:
    """What answers for a source: its ledger, or a server. A source's own interval goes before ``interval_seconds``."""
    if isinstance(source, HttpSource):
        return _server(source, source.interval_seconds or interval_seconds)
    if isinstance(source, SshSource):
        from tui.sources.ssh import Ssh  # imported here, since a ledger needs no other host

        return Ssh(source)
    return make_ledger_source(source, interval_seconds)


def make_ledger_source(source: Collected | SharedLedgerSource, interval_seconds: float) -> LedgerSource:
    """What answers for a source with a ledger."""
    if isinstance(source, SharedLedgerSource):
        return _shared_ledger(source, source.interval_seconds or interval_seconds)
    path = ledger_path(source)
    return LedgerSource(
        source.name,
        lambda: _reader(path, source.sender_id),
        type="demo" if isinstance(source, DemoSource) else "local",
        interval_seconds=interval_seconds,
        look=lambda: look(source),
        unsent=_unsent(source, path),
        color=source.color,
    )


def _unsent(source: Collected, path: Path) -> Callable[[], Spooled | None]:
    if clickhouse_place(source.ledger) is None:
        return lambda: None
    from tui.cli import clickhouse  # imported here, since few have one

    return functools.partial(clickhouse.unsent, path)


def _reader(path: Path, sender_id: int) -> SqliteReader:
    try:
        return SqliteReader(path, sender_id)
    except LedgerError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise NoLedger(str(error)) from error
        raise


def _shared_ledger(source: SharedLedgerSource, interval_seconds: float) -> LedgerSource:
    place = clickhouse_place(source.ledger)
    if place is None:
        path = sqlite_path(source.ledger or "")
        opened: Callable[[], LedgerReader] = functools.partial(_reader, path, source.sender_id)
        look: Callable[[], Checkup] = functools.partial(_look_at_file, path)
    else:
        from tui.cli import clickhouse  # imported here, since few have one

        opened = functools.partial(clickhouse.reader, source, place)
        look = functools.partial(clickhouse.look, source, place)
    return LedgerSource(
        source.name, opened, type="ledger", interval_seconds=interval_seconds, look=look, color=source.color
    )


def _look_at_file(path: Path) -> Checkup:
    try:
        SqliteReader(path).close()
    except LedgerError as error:
        return Checkup(reached="nothing", identity=_own_name(), problems=(str(error),))
    return Checkup(reached=f"the ledger {path}", identity=_own_name(), rights=("mail totals", "queue"))


def _server(source: CpanelSource | SenderQueueSource, interval_seconds: float) -> Source:
    secret: Callable[[], Secret] = functools.partial(read_secret, source, source.name)
    if isinstance(source, CpanelSource):  # imported here, since a ledger needs no HTTP
        from tui.sources.cpanel import Cpanel

        return Cpanel(source, secret, interval_seconds=interval_seconds)
    from tui.sources.sender_queue import SenderQueue

    return SenderQueue(source, secret, interval_seconds=interval_seconds)


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
        yield Collector(feed, writer, IspTable(source.isp), source.minutes_kept_hours)


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
    """What a collector cannot read now, with what the search for the mail system knows of the remedy."""
    own = [each for each in (collecting.log_problem, collecting.queue_problem) if each is not None]
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


def look(source: Collected) -> Checkup:
    """What there is to collect from, without collecting any of it: the log, the queue listed once, and ClickHouse where
    the counts go there."""
    found, place = _look(source), clickhouse_place(source.ledger)
    if place is None:
        return found
    from tui.cli import clickhouse  # imported here, since few have one

    return clickhouse.with_server(found, source, place)


def _look(source: Collected) -> Checkup:
    if isinstance(source, DemoSource):
        return Checkup(
            reached=f"a simulated mail system of {source.accounts:,} accounts", rights=("mail totals", "queue")
        )
    try:
        found = mail_system(source)
    except (SourceError, ConfigError) as error:
        return Checkup(reached="no mail system", identity=_own_name(), problems=(str(error),))
    rights = ["mail totals"] if _is_readable(found.log) else []
    problems, began = [], time.monotonic()
    try:
        _lister(found, source, Accounts({})).list()
        rights.append("queue")
    except ListingError as error:
        problems.append(str(error))
    seconds = time.monotonic() - began
    whole = len(rights) == 2
    unwritable = _not_writable(ledger_path(source))
    return Checkup(
        reached=_described(found, source),
        identity=_own_name(),
        seconds=seconds,
        rights=tuple(rights),
        problems=tuple(problem for problem in (*problems, *(() if whole else found.problems), unwritable) if problem),
        notes=found.problems if whole else (),
    )


def _described(found: FoundMta, source: LocalSource) -> str:
    if found.mta == "postfix":
        return f"Postfix: log {found.log}, queue by {shown(found.postqueue or source.postqueue)}"
    queue = f"spool {found.spool}" if found.spool is not None else f"queue by {shown([found.exim or 'exim', '-bp'])}"
    return f"Exim: log {found.log}, {queue}"


def _is_readable(log: Path) -> bool:
    try:
        return refusal(log) is None
    except FileNotFoundError:
        return False


def _own_name() -> str:
    try:
        return f"user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"user {os.geteuid()}"


def _not_writable(ledger: Path) -> str | None:
    """Why a collector of this user could not write the ledger; nothing while another one does."""
    try:
        if ledger_lock.holder(ledger) is not None:
            return None
    except LedgerError as error:
        return str(error)
    folder = next(each for each in ledger.parents if os.access(each, os.F_OK))
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"the ledger {ledger} cannot be written: {folder} is closed to {_own_name()}; run mailtop as its owner"
    if os.access(ledger, os.F_OK) and not os.access(ledger, os.W_OK):
        return f"the ledger {ledger} cannot be written by {_own_name()}; run mailtop as its owner"
    return None


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
    accounts = Accounts(_owners(found.userdomains))
    zone = ZoneInfo(source.time_zone) if source.time_zone is not None else None
    position = next((each for each in writer.positions() if each.path == str(found.log)), None)
    tail = Tail(found.log, position)
    log: LogReader = PostfixLog(accounts, zone) if found.mta == "postfix" else EximLog(accounts, zone)
    headers = Postcat(found.postcat) if found.postcat is not None else None
    return MtaFeed(tail, log, _lister(found, source, accounts), headers)


def _lister(found: FoundMta, source: LocalSource, accounts: Accounts) -> QueueLister:
    if found.mta == "postfix":
        return Postqueue(accounts, found.postqueue or source.postqueue)
    listers: list[QueueLister] = [EximBp(found.exim or "exim", accounts)]
    if found.spool is not None:
        listers.insert(0, EximSpool(found.spool, accounts))
    return FirstThatWorks(listers)


def _owners(userdomains: Path | None) -> dict[bytes, bytes]:
    if userdomains is None or refusal(userdomains) is not None:
        return {}
    return read_userdomains(userdomains)
