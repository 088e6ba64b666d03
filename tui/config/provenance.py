"""Where each value of the configuration comes from. `mailtop config show` enters."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tui.config.declared import (
    Config,
    CpanelSource,
    DemoSource,
    HttpSource,
    LocalSource,
    SharedLedgerSource,
    SourceConfig,
)
from tui.config.places import LEDGER_SCHEME, clickhouse_place, host_name, ledger_path
from tui.config.writing import keys_of, toml

FOUND = "found on this host"
_FOUND_KEYS = ("type", "name", "mta", "sender_id")

Lines = dict[tuple[int | None, str], int]
"""The line of a key: of the source with this number, or of the whole configuration."""


class Explained(NamedTuple):
    """A key with its value in effect, as TOML (``None``: not set), and where that comes from."""

    key: str
    value: str | None
    origin: str


def explained(config: Config, options: Collection[str], file: Path | None, text: str) -> list[Explained]:
    """The keys of the configuration but for its sources. ``options`` are those given on the command line, ``text`` is
    what ``file`` says."""
    lines = key_lines(text)
    found = []
    for key in Config.__struct_fields__:
        if key != "source":
            origin = f"option --{key}" if key in options else _origin(lines, None, key, file)
            found.append(Explained(key, toml(getattr(config, key)), origin))
    return found


def explained_source(config: Config, index: int, file: Path | None, text: str) -> list[Explained]:
    """The keys of one source, which stands in ``file`` with the text ``text``."""
    lines = key_lines(text)
    source = config.source[index]
    found = [Explained("type", toml(source.__struct_config__.tag), _origin(lines, index, "type", file))]
    for key in keys_of(type(source)):
        origin = _origin(lines, index, key, file)
        found.append(_default(config, source, key) if origin == "default" else _said(source, key, origin))
    return found


def explained_find(config: Config, source: LocalSource) -> list[Explained]:
    """The keys of a mail system that was found on this host, without any configuration of it."""
    found = [Explained("type", toml("local"), FOUND)]
    return found + [
        _said(source, key, FOUND) if key in _FOUND_KEYS else _default(config, source, key)
        for key in keys_of(LocalSource)
    ]


def key_lines(text: str) -> Lines:
    """The line on which each key of a valid configuration begins, counted from 1.

    A statement of TOML ends at a line end, and no beginning of one is TOML: so it is read as lines until they are.
    """
    lines: Lines = {}
    source: int | None = None
    inside: tuple[int | None, str] | None = None
    for number, statement in _statements(text):
        said = tomllib.loads(statement)
        if not statement.lstrip().startswith("["):
            for place in [inside] if inside is not None else [(source, key) for key in said]:
                lines.setdefault(place, number)
            continue
        [(name, header)] = said.items()
        inside = None
        if isinstance(header, list):
            source = 0 if source is None else source + 1
        else:
            inside = (source, next(iter(header))) if name == "source" else (None, name)
            lines.setdefault(inside, number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement that says something, with the number of its first line."""
    begun, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        statement += f"{line}\n"
        try:
            is_empty = not tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        if not is_empty:
            yield begun, statement
        begun, statement = number + 1, ""


def _origin(lines: Lines, index: int | None, key: str, file: Path | None) -> str:
    inline = (None, "source")  # source = [{ … }] says all keys at one place, and which of them is not told
    line = lines.get((index, key)) or (lines.get(inline) if index is not None else None)
    return "default" if line is None or file is None else f"{file.name}:{line}"


def _said(source: SourceConfig, key: str, origin: str) -> Explained:
    value: Any = getattr(source, key)
    if key == "token_command" and value is not None and len(value) > 1:  # its arguments may hold a secret
        return Explained(key, toml([value[0], "…"]), f"{origin}, its arguments are not shown")
    return Explained(key, None if value is None else toml(value), origin)


def _default(config: Config, source: SourceConfig, key: str) -> Explained:
    value: Any = getattr(source, key)
    origin = "default"
    if isinstance(source, HttpSource | SharedLedgerSource) and key == "interval_seconds":
        value, origin = config.interval, "default: interval"
    elif isinstance(source, CpanelSource) and key == "accounts" and value != "all":
        origin = "default: user"
    elif isinstance(source, LocalSource | DemoSource) and key == "host":
        if clickhouse_place(source.ledger) is not None:
            value, origin = host_name(source), "default: this machine's name"
    elif isinstance(source, LocalSource | DemoSource) and key == "local_ledger":
        if clickhouse_place(source.ledger) is not None:
            value = f"{LEDGER_SCHEME}{ledger_path(source)}"
    elif isinstance(source, LocalSource) and key == "ledger":
        value = f"{LEDGER_SCHEME}{ledger_path(source)}"
    elif isinstance(source, DemoSource) and key == "ledger":
        origin = "default: a file that goes with the screen"
    return Explained(key, None if value is None else toml(msgspec.to_builtins(value)), origin)
