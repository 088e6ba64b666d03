"""Builds what writes and what reads a ledger on ClickHouse. `compose` enters, and only where one is configured."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tui.config import DemoSource, LocalSource, SecretSource, SharedLedgerSource, host_name
from tui.config.checks import is_this_host
from tui.config.ledger_place import Place
from tui.config.messages import TOKEN_KEYS
from tui.config.secrets import SecretError, read_secret
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_reader import ClickhouseReader
from tui.engine.clickhouse_schema import create
from tui.engine.clickhouse_shipper import forget_host
from tui.engine.clickhouse_spool import Spooled, spooled
from tui.engine.clickhouse_writer import ClickhouseWriter, home
from tui.engine.ledger import LedgerError
from tui.engine.sqlite_schema import explained, open_to_read
from tui.model import Checkup

MIB = 1024 * 1024


def password(source: SecretSource, name: str) -> Callable[[], str]:
    """What reads the password of the source called ``name``, each time that a connection needs it; it raises
    ``LedgerError``. Without a ``token_…`` key there is none."""

    def read() -> str:
        try:
            return read_secret(source, name).reveal()
        except SecretError as error:
            raise LedgerError(str(error)) from None

    return read if has_password(source) else str


def has_password(source: SecretSource) -> bool:
    """Whether a key says where a password is."""
    return any(getattr(source, key) is not None for key in TOKEN_KEYS)


def writer(source: LocalSource | DemoSource, place: Place, path: Path, limits: dict[str, int]) -> ClickhouseWriter:
    """The writer of this host's part of the ledger at ``place``, by way of the file ``path``; ``limits`` as for a file
    alone. Raises ``LedgerBusy``, ``LedgerError``."""
    # What goes wrong in its thread is noted in the ledger and told from there; without this Python prints it, too.
    logging.getLogger("mailtop.clickhouse").addHandler(logging.NullHandler())
    return ClickhouseWriter(
        path,
        place,
        host_name(source),
        password(source, source.name),
        max_spool_bytes=source.spool_mib * MIB,
        **limits,
    )


def unsent(path: Path) -> Spooled | None:
    """What of this host's part in the file ``path`` waits to be sent; ``None`` before anything was written for it.
    Raises ``LedgerError``."""
    with _read(path) as db:
        return None if db is None else spooled(db)


def trouble(path: Path) -> str | None:
    """Why nothing of the file ``path`` gets to ClickHouse now, as its collector has noted it. Raises
    ``LedgerError``."""
    with _read(path) as db:
        found = None if db is None else db.execute("SELECT text FROM notes WHERE key = 'cluster'").fetchone()
        return None if found is None else str(found[0])


@contextmanager
def _read(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The file of a host's part; ``None`` where there is no spool yet."""
    if not os.access(path, os.F_OK):
        yield None
        return
    with closing(open_to_read(path)) as db, explained(path):
        yield db if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'spool'").fetchone() else None


def make_tables(source: LocalSource | DemoSource, place: Place) -> list[str]:
    """Make on every server what is not there yet; returns why that was not possible somewhere, a sentence each."""
    problems = []
    for node in place.nodes:
        client = Client(place, password(source, source.name), only=node)
        try:
            create(client)
        except LedgerError as error:
            problems.append(f"the tables of the ledger are not made there yet: {error}")
        finally:
            client.close()
    return problems


def forget(source: LocalSource | DemoSource, place: Place) -> None:
    """Take away what this host has in the ledger at ``place``. Raises ``LedgerError``."""
    read = password(source, source.name)
    forget_host(place, host_name(source), lambda node: Client(place, read, only=node))


def reader(source: SharedLedgerSource, place: Place) -> ClickhouseReader:
    """The reader of the ledger at ``place``."""
    return ClickhouseReader(place, password(source, source.name), sender_id=source.sender_id, host=source.host)


def look(source: SharedLedgerSource, place: Place) -> Checkup:
    """Whether the ledger at ``place`` answers, and how soon."""
    addresses = ", ".join(node.partition("://")[2] for node in place.nodes)
    known = Checkup(reached=f"ClickHouse at {addresses}, database {place.database}", identity=f"user {place.user}")
    began = time.monotonic()
    opened = reader(source, place)
    try:
        opened.version()
    except LedgerError as error:
        return msgspec.structs.replace(known, problems=(str(error),))
    finally:
        opened.close()
    seconds = time.monotonic() - began
    return msgspec.structs.replace(
        known, seconds=seconds, rights=("mail totals", "queue"), notes=told_in_clear(source, place)
    )


def with_server(found: Checkup, source: LocalSource | DemoSource, place: Place) -> Checkup:
    """What was found of a source, and whether the server answers that its host's counts go to."""
    host = host_name(source)
    node = home(place, host)
    client = Client(place, password(source, source.name), only=node)
    try:
        client.ask("SELECT 1")
    except LedgerError as error:
        return msgspec.structs.replace(found, problems=(*found.problems, str(error)))
    finally:
        client.close()
    note = f"ClickHouse at {node.partition('://')[2]} is sent what is counted here, as the host {host}."
    return msgspec.structs.replace(found, notes=(*found.notes, note, *told_in_clear(source, place)))


def told_in_clear(source: SecretSource, place: Place) -> tuple[str, ...]:
    """A sentence where the password goes to another host unencrypted."""
    hosts = [urlsplit(node).hostname or "" for node in place.nodes if node.startswith("http:")]
    others = [host for host in hosts if not is_this_host(host)]
    if not others or not has_password(source):
        return ()
    return (
        f"The password goes to {others[0]} for all on the way to read; where the server has HTTPS, begin the address "
        "with clickhouses:// instead.",
    )
