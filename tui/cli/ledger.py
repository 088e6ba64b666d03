"""`mailtop ledger`: makes, examines, mends, moves and copies ledgers. Only `main` enters."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec

from tui.cli.arguments import Exit
from tui.cli.ledger_info import as_json, as_table, facts
from tui.cli.ledger_move import from_log, migrate
from tui.cli.ledger_named import Named, by_url, hosts_of, ledger_named, reading, shown
from tui.cli.output import OutputError, say, write
from tui.config import ConfigError
from tui.engine import clickhouse_verify, sqlite_verify
from tui.engine.clickhouse_client import UNKNOWN_DATABASE, UNKNOWN_TABLE, ClusterRefused
from tui.engine.clickhouse_contents import ClickhouseContents
from tui.engine.clickhouse_shards import AWAY, silent
from tui.engine.clickhouse_spool import is_shipped, spooled
from tui.engine.clickhouse_stored import make_tables
from tui.engine.ledger import LedgerBusy, LedgerError
from tui.engine.ledger_compare import Compared, compare
from tui.engine.ledger_file import ExportedLedger, export
from tui.engine.sqlite_contents import contents
from tui.engine.sqlite_load import load
from tui.engine.sqlite_rebuild import rebuild
from tui.engine.sqlite_schema import open_to_read
from tui.engine.sqlite_writer import SqliteWriter
from tui.text import clean

MOST_DIFFERENCES = 100
"""So many sentences are printed of what differs."""


def run(options: argparse.Namespace) -> int:
    """Do what ``options`` say; returns the exit code. Raises ``ConfigError``, ``LedgerError``, ``OutputError``."""
    what = {
        "create": _create,
        "info": _info,
        "verify": _verify,
        "rebuild": _rebuild,
        "migrate": _migrate,
        "export": _export,
        "import": _import,
    }[options.what]
    ledger = ledger_named(options)
    try:
        return what(options, ledger)
    except ClusterRefused as error:
        if error.code in AWAY:
            raise _nothing_of_the_whole(ledger, error) from None
        if error.code not in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
            raise
        raise LedgerError(
            f"there is no ledger at {shown(ledger.place)}, or not on all of its servers; 'mailtop ledger create' makes "
            f"it ({error})"
        ) from None


def _nothing_of_the_whole(ledger: Named, error: ClusterRefused) -> LedgerError:
    """What to say where a shard of the cluster is away: nothing of this is done by halves."""
    missing = [] if ledger.place is None else silent(ledger.place, ledger.password)
    if not missing:
        return error
    one = len(missing) == 1
    return LedgerError(
        f"the ClickHouse server{'' if one else 's'} {', '.join(missing)} {'does' if one else 'do'} not answer, and "
        f"without what {'it has' if one else 'they have'} nothing can be said of the whole ledger; try again when "
        f"{'it is' if one else 'they are'} back"
    )


@contextmanager
def _alone() -> Iterator[None]:
    """What is done here needs the ledger for itself; who has it is told what to do."""
    try:
        yield
    except LedgerBusy as error:
        raise LedgerBusy(f"{error}; end that first, and start it again afterwards") from None


def _create(_options: argparse.Namespace, ledger: Named) -> int:
    if ledger.path is not None:
        there = ledger.path.exists()
        with _alone():
            SqliteWriter(ledger.path).close()
        _tell(f"{ledger.path} {'is a ledger already' if there else 'is an empty ledger now'}")
        return Exit.OK
    for node in ledger.nodes():
        with closing(ledger.client(node)) as client:
            made = make_tables(client)
            what = f"{made} tables were made" if made else "nothing was missing"
            _tell(f"{node.partition('://')[2]}: {what} in the database {client.place.database}")
    return Exit.OK


def _info(options: argparse.Namespace, ledger: Named) -> int:
    found = facts(ledger)
    write(as_json(found) if options.format == "json" else as_table(found), utf8=options.format == "json")
    return Exit.OK


def _verify(options: argparse.Namespace, ledger: Named) -> int:
    """A ledger by itself, then beside the other one: the one that is named, or the one it is sent to."""
    found = _Findings()
    ledgers = [ledger, *([by_url(options.other, options)] if options.other is not None else [])]
    for each in ledgers:
        _verify_alone(each, found)
    if options.other is not None:
        _verify_two(ledger, ledgers[1], found)
    elif ledger.path is not None and ledger.place is not None:
        _verify_shipped(ledger, found)
    found.tell()
    return Exit.FAILED if found.count else Exit.OK


class _Findings:
    """What differs, printed as it is found, as far as anybody wants to read it."""

    def __init__(self) -> None:
        self.count = 0
        self.equal: list[str] = []

    def take(self, name: str, sentences: Iterable[str], all_is_well: Callable[[], str]) -> None:
        """Print what differs in the ledger called ``name``; what ``all_is_well`` says is told where nothing does."""
        before = self.count
        for sentence in sentences:
            self.count += 1
            if self.count <= MOST_DIFFERENCES:
                _tell(f"{name}: {sentence}")
        if self.count == before:
            self.equal.append(f"{name}: {all_is_well()}")

    def tell(self) -> None:
        """Print what is well, or how much is not."""
        for sentence in self.equal:
            _tell(sentence)
        if self.count:
            _tell(f"{self.count:,} difference{'' if self.count == 1 else 's'} in all")


def _verify_alone(ledger: Named, found: _Findings) -> None:
    if ledger.path is not None:
        with contents(ledger.path) as held:
            here = (one.sentence for one in sqlite_verify.differences(held.db, ledger.path))
            found.take(ledger.text(), here, lambda: "every sum is that of its cells")
    else:
        with closing(ledger.client()) as client:
            there = clickhouse_verify.differences(client, ledger.host)
            found.take(ledger.text(), there, lambda: "every sum is that of its cells, host by host")


def _verify_two(one: Named, other: Named, found: _Findings) -> None:
    for mine, theirs in _pairs(one, other):
        with ExitStack() as open_things:
            held, there = (open_things.enter_context(reading(each)) for each in (mine, theirs))
            compared = Compared()
            names = mine.text(), theirs.text()
            host = f"host {clean(mine.host or '')}, " if mine.place and theirs.place else ""
            told = (f"{host}{sentence}" for sentence in compare(held, there, names, compared))
            found.take(f"{names[0]} and {names[1]}", told, partial(_equal, compared, host))


def _pairs(one: Named, other: Named) -> Iterator[tuple[Named, Named]]:
    """What is compared with what: of two ledgers on ClickHouse each host."""
    if one.path is None and other.path is None and one.host is None:
        hosts: set[str] = set()
        for each in (one, other):
            with closing(each.client()) as client:
                hosts.update(hosts_of(client))
        for host in sorted(hosts):
            yield msgspec.structs.replace(one, host=host), msgspec.structs.replace(other, host=host)
    else:
        yield one, other


def _verify_shipped(ledger: Named, found: _Findings) -> None:
    """This host's own part and what ClickHouse has of it."""
    path = ledger.file()
    with closing(ledger.client()) as client, contents(path, ledger.host or "") as held:
        if not is_shipped(held.db):
            raise LedgerError(f"{path} was not sent to {shown(ledger.place)} yet; 'mailtop ledger migrate' does that")
        waiting = spooled(held.db)
        if waiting.entries:
            raise LedgerBusy(
                f"{waiting.entries:,} batches of {path} are not sent yet, so that ClickHouse must differ; compare "
                "again when they are, with the collector stopped: 'mailtop ledger migrate' sends them"
            )
        there = ClickhouseContents(client, ledger.host or "")
        compared = Compared()
        names = str(path), shown(ledger.place)
        told = compare(held, there, names, compared)
        found.take(f"{names[0]} and {names[1]}", told, partial(_equal, compared))


def _equal(compared: Compared, host: str = "") -> str:
    return (
        f"{host}equal: {compared.accounts:,} accounts, {compared.cells:,} cells where mail waits, "
        f"{compared.buckets:,} hours and minutes of history, {compared.messages:,} messages that wait"
    )


def _rebuild(options: argparse.Namespace, ledger: Named) -> int:
    path = ledger.file()
    if options.from_log:
        with _alone():
            told = list(from_log(ledger))
        for sentence in told:
            _tell(sentence)
        return Exit.OK
    with _alone(), closing(open_to_read(path)):
        before, after = rebuild(path)
    mended = len(before) - len(after)
    if not before:
        _tell(f"{path}: every sum is that of its cells already")
    elif mended:
        _tell(f"{path}: {mended:,} sums were computed anew")
    for difference in islice(after, MOST_DIFFERENCES):
        _tell(f"{path}: {difference.sentence}")
    if after:
        say(
            f"{len(after):,} differences stay, and nothing in the ledger tells what is right; 'mailtop ledger rebuild "
            "--from-log' makes it anew from the logs that are still there"
        )
    return Exit.FAILED if after else Exit.OK


def _migrate(options: argparse.Namespace, ledger: Named) -> int:
    with _alone():
        ledger = migrate(ledger, options)
    found = _Findings()
    _verify_shipped(ledger, found)
    found.tell()
    return Exit.FAILED if found.count else Exit.OK


def _export(options: argparse.Namespace, ledger: Named) -> int:
    with reading(ledger) as held:
        lines = export(held)
        if options.file == "-":
            write((line.decode() for line in lines), utf8=True)
            return Exit.OK
        _write_file(Path(options.file), lines)
    say(f"{options.file} holds all that {ledger.text()} has")
    return Exit.OK


def _write_file(path: Path, lines: Iterable[bytes]) -> None:
    """The file appears when it is whole; only its owner may read it, as the ledger."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}.unfinished")  # a name that nobody can take before
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _import(options: argparse.Namespace, ledger: Named) -> int:
    if ledger.path is None:
        raise ConfigError(
            "a file is imported into a ledger on this host: sqlite:///FILE; 'mailtop ledger migrate --from' sends that "
            "to ClickHouse"
        )
    name = "standard input" if options.file == "-" else options.file
    try:
        with ExitStack() as open_things:
            lines = (
                sys.stdin.buffer if options.file == "-" else open_things.enter_context(Path(options.file).open("rb"))
            )
            file = ExportedLedger(lines, name)
            with _alone():
                load(ledger.path, file.head(), file.parts())
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from None
    host = f" of the host {clean(file.head().host)}" if file.head().host else ""
    say(f"{ledger.path} holds all that {name} has{host}")
    return Exit.OK


def _tell(sentence: str) -> None:
    write([clean(sentence) + "\n"], utf8=False)
