"""Which ledger is meant: one named by its URL, or that of a source of the configuration. Only `ledger` enters."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec

from tui.cli import clickhouse
from tui.cli.sources import configuration, named, sources_of
from tui.config import (
    CollectedSource,
    ConfigError,
    SecretSource,
    SharedLedgerSource,
    clickhouse_place,
    host_name,
    ledger_path,
)
from tui.config.ledger_place import Place, parse
from tui.config.places import LEDGER_SCHEME, sqlite_path
from tui.engine.clickhouse_client import Client
from tui.engine.clickhouse_contents import ClickhouseContents
from tui.engine.clickhouse_hosts import host_states, hosts_question
from tui.engine.ledger import LedgerError
from tui.engine.ledger_contents import Contents
from tui.engine.sqlite_contents import contents
from tui.text import clean

WHOLE_SECONDS = 120.0
"""How long a question about a whole ledger may take."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger: a file on this host (``path``), one on ClickHouse (``place``), or both: then the file is this host's
    own part, and goes there. ``host`` is the one that is meant, ``None``: all. ``source`` is the one of the
    configuration whose it is; ``password`` reads ClickHouse's."""

    path: Path | None = None
    place: Place | None = None
    host: str | None = None
    password: Callable[[], str] = str
    source: CollectedSource | None = None

    def file(self) -> Path:
        """The file. Raises ``ConfigError`` where there is none."""
        if self.path is None:
            raise ConfigError("a ledger on ClickHouse has no file on this host; name one: sqlite:///FILE")
        return self.path

    def client(self, node: str | None = None) -> Client:
        """A client of one server, or of any. Raises ``ConfigError`` where there is none."""
        if self.place is None:
            raise ConfigError(f"{self.path} goes to no ClickHouse; name one: clickhouse://USER@HOST:PORT/DATABASE")
        return Client(self.place, self.password, only=node, answer_seconds=WHOLE_SECONDS)

    def nodes(self) -> tuple[str, ...]:
        """Every server."""
        return () if self.place is None else self.place.nodes

    def text(self) -> str:
        """What it is called in sentences."""
        return str(self.path) if self.path is not None else shown(self.place)


def shown(place: Place | None) -> str:
    """Where a ledger on ClickHouse is, in words."""
    if place is None:
        return "nowhere"
    return f"{place.database} on {', '.join(node.partition('://')[2] for node in place.nodes)}"


def ledger_named(options: argparse.Namespace) -> Named:
    """The ledger that the command line means. Raises ``ConfigError``, ``SourceError``."""
    if options.ledger is not None:
        if getattr(options, "source", None) is not None:
            raise ConfigError("--source: a ledger is named already, by its URL; leave one of both out")
        return by_url(options.ledger, options)
    sources = [
        source
        for source in named(sources_of(configuration(options.config)), options.source)
        if isinstance(source, CollectedSource | SharedLedgerSource)
    ]
    if not sources:
        raise ConfigError("no source here has a ledger; name one by its URL, such as sqlite:///FILE")
    if len(sources) > 1:
        names = ", ".join(source.name for source in sources)
        raise ConfigError(f"several sources have a ledger; name one with --source: {names}")
    return of_source(sources[0], options)


def by_url(url: str, options: argparse.Namespace) -> Named:
    """The ledger at a URL; its password is where ``--token-file`` or ``--token-env`` says. Raises ``ConfigError``."""
    if url.startswith(LEDGER_SCHEME):
        if not url.startswith(f"{LEDGER_SCHEME}/"):
            raise ConfigError(f'URL: "{clean(url)}" has no absolute path; a file is named so: sqlite:///FILE')
        return Named(path=sqlite_path(url), host=getattr(options, "host", None))
    try:
        place = parse(url)
    except ValueError as error:
        raise ConfigError(
            f'URL: "{clean(_without_password(url))}": {error}; a file is named so: sqlite:///FILE'
        ) from None
    secret = SharedLedgerSource(name=place.database, ledger=url)
    return Named(place=place, host=getattr(options, "host", None), password=_password(secret, secret.name, options))


def of_source(source: CollectedSource | SharedLedgerSource, options: argparse.Namespace) -> Named:
    """The ledger of a source. Raises ``ConfigError``."""
    place, password = clickhouse_place(source.ledger), _password(source, source.name, options)
    host = getattr(options, "host", None) or source.host
    if isinstance(source, SharedLedgerSource):
        path = sqlite_path(source.ledger or "") if place is None else None
        return Named(path=path, place=place, host=host, password=password)
    return Named(
        path=ledger_path(source), place=place, host=host or host_name(source), password=password, source=source
    )


@contextmanager
def reading(ledger: Named) -> Iterator[Contents]:
    """What a ledger holds of its one host: of its file, where it has one. Raises ``LedgerError``, also where several
    hosts could be meant."""
    with ExitStack() as open_things:
        if ledger.path is not None:
            yield open_things.enter_context(contents(ledger.path, ledger.host or ""))
        else:
            client = open_things.enter_context(closing(ledger.client()))
            yield ClickhouseContents(client, ledger.host or the_host(client))


def hosts_of(client: Client) -> list[str]:
    """The hosts of a ledger on ClickHouse. Raises ``LedgerError``."""
    return sorted(host_states(client.ask(hosts_question(client.place, "1"))))


def the_host(client: Client) -> str:
    """The one host of a ledger. Raises ``LedgerError`` where there are several, or none."""
    hosts = hosts_of(client)
    if len(hosts) != 1:
        told = f"has mail of {', '.join(map(clean, hosts[:20]))}; name one with --host" if hosts else "has no mail yet"
        raise LedgerError(f"the ledger {shown(client.place)} {told}")
    return hosts[0]


def _password(source: SecretSource, name: str, options: argparse.Namespace) -> Callable[[], str]:
    file, variable = getattr(options, "token_file", None), getattr(options, "token_env", None)
    if file is not None and variable is not None:
        raise ConfigError("--token-file and --token-env: give one of both")
    if file is not None or variable is not None:
        absolute = None if file is None else str(Path(file).absolute())
        source = SharedLedgerSource(name=name, token_file=absolute, token_env=variable)
    return clickhouse.password(source, name)


def _without_password(url: str) -> str:
    """A URL as it may be printed: what stands before ``@`` is nobody's business when it has a colon."""
    scheme, found, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{found}{login.partition(':')[0]}{at}{place}"
