"""What `mailtop check` finds on this host for a source: the log, the queue, the ledger; nothing is collected."""

from __future__ import annotations

import os
import pwd
import time
from pathlib import Path

import msgspec

from tui.cli.mail_systems import MAIL_SYSTEMS
from tui.cli.sources import Collected, mail_system
from tui.config import ConfigError, DemoSource, clickhouse_place, ledger_path
from tui.engine import ledger_lock
from tui.engine.access import refusal
from tui.engine.accounts import Accounts
from tui.engine.ledger import LedgerError
from tui.engine.queues.listing import ListingError
from tui.engine.sqlite_reader import SqliteReader
from tui.model import Checkup
from tui.sources.source import SourceError


def look(source: Collected) -> Checkup:
    """What there is to collect from, without collecting any of it: the log, the queue listed once, and ClickHouse where
    the counts go there."""
    found, place = _look(source), clickhouse_place(source.ledger)
    if place is None:
        return found
    from tui.cli import clickhouse  # imported here, since few have one

    return clickhouse.with_server(found, source, place)


def look_at_file(path: Path) -> Checkup:
    """The ledger in a file that others write."""
    known = Checkup(reached=f"the ledger {path}", identity=_own_name())
    try:
        SqliteReader(path).close()
    except LedgerError as error:
        return msgspec.structs.replace(known, problems=(str(error),))
    return msgspec.structs.replace(known, rights=("mail totals", "queue"))


def _look(source: Collected) -> Checkup:
    if isinstance(source, DemoSource):
        return Checkup(
            reached=f"a simulated mail system of {source.accounts:,} accounts", rights=("mail totals", "queue")
        )
    try:
        found = mail_system(source)
    except (SourceError, ConfigError) as error:
        return Checkup(reached="no mail system", identity=_own_name(), problems=(str(error),))
    reads = MAIL_SYSTEMS[found.mta]
    rights = ["mail totals"] if _is_readable(found.log) else []
    problems, began = [], time.monotonic()
    try:
        reads.queue(found, Accounts({})).list()
        rights.append("queue")
    except ListingError as error:
        problems.append(str(error))
    seconds = time.monotonic() - began
    whole = len(rights) == 2
    unwritable = _not_writable(ledger_path(source))
    return Checkup(
        reached=f"{reads.title}: log {found.log}, {reads.queue_place(found)}",
        identity=_own_name(),
        seconds=seconds,
        rights=tuple(rights),
        problems=tuple(problem for problem in (*problems, *(() if whole else found.problems), unwritable) if problem),
        notes=found.problems if whole else (),
    )


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
