"""Builds what answers for a source: its ledger, or a server. The one place that knows the concrete sources."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.sources import Collected
from tui.config import (
    CpanelSource,
    DemoSource,
    HttpSource,
    SenderQueueSource,
    SharedLedgerSource,
    SourceConfig,
    SshSource,
    clickhouse_place,
    ledger_path,
    sqlite_path,
)
from tui.config.secrets import Secret, read_secret
from tui.engine.ledger import LedgerError, LedgerReader
from tui.engine.sqlite_reader import SqliteReader
from tui.model import Checkup
from tui.sources.ledger import LedgerSource, NoLedger
from tui.sources.source import Source

if TYPE_CHECKING:
    from tui.engine.clickhouse_spool import Spooled


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
        look=lambda: _look(source),
        unsent=_unsent(source, path),
        color=source.color,
    )


def _look(source: Collected) -> Checkup:
    from tui.cli.looking import look  # imported here, since it knows every mail system and only a check asks

    return look(source)


def _look_at_file(path: Path) -> Checkup:
    from tui.cli.looking import look_at_file

    return look_at_file(path)


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
        seen: Callable[[], Checkup] = functools.partial(_look_at_file, path)
    else:
        from tui.cli import clickhouse  # imported here, since few have one

        opened = functools.partial(clickhouse.reader, source, place)
        seen = functools.partial(clickhouse.look, source, place)
    return LedgerSource(
        source.name, opened, type="ledger", interval_seconds=interval_seconds, look=seen, color=source.color
    )


def _server(source: CpanelSource | SenderQueueSource, interval_seconds: float) -> Source:
    secret: Callable[[], Secret] = functools.partial(read_secret, source, source.name)
    if isinstance(source, CpanelSource):  # imported here, since a ledger needs no HTTP
        from tui.sources.cpanel import Cpanel

        return Cpanel(source, secret, interval_seconds=interval_seconds)
    from tui.sources.sender_queue import SenderQueue

    return SenderQueue(source, secret, interval_seconds=interval_seconds)
