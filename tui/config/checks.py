"""What types cannot say: what keys of a source demand of each other. `reading` enters."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from tui.config import ledger_place
from tui.config.declared import (
    CollectedSource,
    Config,
    CpanelSource,
    HttpSource,
    LocalSource,
    SecretSource,
    SharedLedgerSource,
    SourceConfig,
    SshSource,
)
from tui.config.messages import TOKEN_KEYS, alternatives, expected, mismatch, shown
from tui.config.places import clickhouse_place, host_name
from tui.text import clean

Mistake = tuple[str, str]
"""A key (or nothing: the source as a whole) and what is to be said after its place."""


def mistakes(source: SourceConfig, table: dict[str, Any]) -> Iterator[Mistake]:
    """What is wrong with a source that ``table`` says, its types apart."""
    if isinstance(source, CollectedSource):
        yield from _of_ledger(source, table)
        if isinstance(source, LocalSource) and source.time_zone is not None and not _is_zone(source.time_zone):
            yield "time_zone", f": {mismatch(LocalSource, 'time_zone', source.time_zone)}"
    elif isinstance(source, SharedLedgerSource):
        yield from _of_ledger(source, table)
    elif isinstance(source, SshSource):
        if source.host is None:
            yield "host", f" is missing: expected {expected(SshSource, 'host')}"
    elif isinstance(source, CpanelSource) and source.login == "cli":
        for key in ("url", *TOKEN_KEYS, "user", "ca_file", "fingerprint", "verify", "proxy"):
            if key in table:
                yield key, ': leave it out, since login = "cli" asks the server that mailtop runs on'
    else:
        yield from _of_url(source)
        yield from _of_token(source, 1)
        yield from _of_trust(source)
        yield from _of_names(source, table)


def settled(config: Config, tables: list[dict[str, Any]]) -> Config:
    """The configuration with those defaults that depend on another key."""
    sources = [
        msgspec.structs.replace(source, accounts=(source.user,))
        if isinstance(source, CpanelSource) and source.login == "cpanel" and source.user and "accounts" not in table
        else source
        for source, table in zip(config.source, tables, strict=True)
    ]
    return msgspec.structs.replace(config, source=tuple(sources))


def counted_twice(config: Config, index: int) -> Mistake | None:
    """What is wrong with the source ``index`` where an earlier one is the same host of the same ledger."""
    mine = _in_ledger(config.source[index])
    for first, source in enumerate(config.source[:index]):
        theirs = _in_ledger(source)
        if mine is None or theirs is None or not _overlap(mine, theirs):
            continue
        if mine.writes and theirs.writes:
            return "host", f": source[{first}] writes the same ledger by the same name; give each its own"
        return "ledger", (
            f": source[{first}] has mail of this ledger too, which would count twice; leave one of both out, or put it "
            "into a file of its own for --config"
        )
    return None


class _Part(NamedTuple):
    """What a source has of a ledger on ClickHouse: its host's mail, or that of all (``None``)."""

    place: ledger_place.Place
    host: str | None
    writes: bool


def _in_ledger(source: SourceConfig) -> _Part | None:
    if not isinstance(source, CollectedSource | SharedLedgerSource):
        return None
    place, writes = clickhouse_place(source.ledger), isinstance(source, CollectedSource)
    host = host_name(source) if isinstance(source, CollectedSource) else source.host
    return None if place is None else _Part(place, host, writes)


def _overlap(one: _Part, other: _Part) -> bool:
    if one.place.database != other.place.database or not set(one.place.nodes) & set(other.place.nodes):
        return False
    return one.host is None or other.host is None or one.host == other.host


def _of_ledger(source: CollectedSource | SharedLedgerSource, table: dict[str, Any]) -> Iterator[Mistake]:
    if source.ledger is None:
        if isinstance(source, SharedLedgerSource):
            yield "ledger", f" is missing: expected {expected(SharedLedgerSource, 'ledger')}"
            return
    elif re.match("clickhouses?:", source.ledger):
        try:
            ledger_place.parse(source.ledger)
        except ValueError as error:
            yield "ledger", f": {error}"
        yield from _of_token(source, 0)
        if (
            isinstance(source, CollectedSource)
            and source.local_ledger is not None
            and not _is_file(source.local_ledger)
        ):
            yield "local_ledger", f": {mismatch(type(source), 'local_ledger', source.local_ledger)}"
        return
    elif not _is_file(source.ledger):
        yield "ledger", f": {mismatch(type(source), 'ledger', source.ledger)}"
    for key in ("host", "local_ledger", *TOKEN_KEYS):
        if key in table:
            yield key, ": leave it out, since it is for a ledger on ClickHouse, which the key ledger does not name"


def _is_file(ledger: str) -> bool:
    return re.match("sqlite:////*[^/]", ledger) is not None


def _of_url(source: HttpSource) -> Iterator[Mistake]:
    if source.url is None:
        yield "url", f" is missing: expected {expected(type(source), 'url')}"
        return
    for key, url in (("url", source.url), ("proxy", source.proxy)):
        if url is not None and not _has_host(url):
            yield key, f": {mismatch(type(source), key, url)}"
            return
    if source.url.startswith("https:"):
        return
    host = urlsplit(source.url).hostname or ""
    if not is_this_host(host):
        yield (
            "url",
            f": http would send the secret to {host} for all to read; use https, or a tunnel whose end is on "
            "this host, such as http://127.0.0.1:8080",
        )
    if source.proxy is not None:
        yield "proxy", ": leave it out, since a proxy would read the secret that goes to an http address"


def _of_token(source: SecretSource, least: int) -> Iterator[Mistake]:
    given = [key for key in TOKEN_KEYS if getattr(source, key) is not None]
    if not least <= len(given) <= 1:
        found = alternatives(given, "and") if given else "none"
        many = "exactly one" if least else "at most one"
        yield "", f": expected {many} of {alternatives(TOKEN_KEYS, 'and')}, not {found}"


def _of_trust(source: HttpSource) -> Iterator[Mistake]:
    given = [key for key in ("ca_file", "fingerprint") if getattr(source, key) is not None]
    if not source.verify:
        given.append("verify")
    if len(given) > 1:
        yield given[-1], f": contradicts {given[0]}, since they say differently whom to trust; leave one of them out"
    elif given and source.url is not None and source.url.startswith("http:"):
        yield given[0], ": leave it out, since an http address has no certificate to check"


def _of_names(source: HttpSource, table: dict[str, Any]) -> Iterator[Mistake]:
    for key in ("accounts", "senders"):
        names = getattr(source, key, "all")
        twice = None if names == "all" else next((each for each in names if names.count(each) > 1), None)
        if twice is not None:
            yield key, f": {shown(key, twice)} stands there twice"
    if not isinstance(source, CpanelSource):
        return
    if source.user is None:
        wanted = expected(CpanelSource, "user")
        yield "user", f' is missing: expected {wanted}, which login = "{source.login}" needs'
    elif source.login == "cpanel" and "accounts" in table and source.accounts != (source.user,):
        yield (
            "accounts",
            f': login = "cpanel" sees no account but {shown("user", source.user)}; leave accounts out, '
            'or use login = "whm"',
        )


def _has_host(url: str) -> bool:
    """Whether there is a host, a port that can be one, and nothing that a terminal would not show."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and clean(url) == url
    except ValueError:
        return False


def is_this_host(host: str) -> bool:
    """Whether what is sent to ``host`` stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo  # only a log from another zone needs it

    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True
