"""TOML and options to structs, with one precise sentence for each mistake. The command line and `provenance` enter."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tui.config.checks import counted_twice, mistakes, settled
from tui.config.declared import SOURCES, Config, DemoSource, General, SourceConfig
from tui.config.messages import ConfigError, alternatives, mismatch, place, shown, unknown_key
from tui.text import clean

Table = dict[str, Any]


def load(path: Path | None) -> Config:
    """The configuration in the file ``path``, or the defaults for ``None``; raises ``ConfigError``."""
    return Config() if path is None else read(path)[0]


def read(path: Path) -> tuple[Config, str]:
    """The configuration in the file ``path`` and the file's text; raises ``ConfigError``."""
    import tomllib  # often there is no file

    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IWOTH:  # /dev/null is everybody's, and must stay so
                close = f"chmod o-w {shlex.quote(str(path))}"
                raise ConfigError(f"everybody may change this file, and so what is run as you; close it with: {close}")
            text = file.read().decode()
        return decode(tomllib.loads(text)), text
    except OSError as error:
        raise ConfigError(f"{path}: the configuration cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8 text, which TOML must be") from None
    except ValueError as error:
        raise ConfigError(f"{path}: this is not TOML: {clean(str(error))}") from None
    except RecursionError:
        raise ConfigError(f"{path}: this is not TOML that can be read: it is nested too deeply") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def with_options(
    config: Config, interval: float | None, theme: str | None, *, lite: bool | None = None, mouse: bool | None = None
) -> Config:
    """The configuration with what the command line says instead; raises ``ConfigError``."""
    options = {"interval": interval, "theme": theme, "lite": lite, "mouse": mouse}
    given = {key: value for key, value in options.items() if value is not None}
    said = _from_options(General, given)
    return msgspec.structs.replace(config, **{key: getattr(said, key) for key in given})


def demo_source(seed: int, accounts: int) -> DemoSource:
    """The demo as the command line asks for it; raises ``ConfigError``."""
    return _from_options(DemoSource, {"type": "demo", "seed": seed, "accounts": accounts})


_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def _from_options(struct: type[_Struct], values: Table) -> _Struct:
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        key = re.sub(r".*`\$\.(\w+).*", r"\1", str(error))
        raise ConfigError(f"--{key}: {mismatch(struct, key, values[key])}") from None


def decode(raw: Table) -> Config:
    """The configuration that a TOML document says; raises ``ConfigError``."""
    _check_keys("", raw, Config)
    tables = raw.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"source: {mismatch(Config, 'source', tables)}")
    general = _converted({key: value for key, value in raw.items() if key != "source"}, General, "{}: ".format)
    sources = tuple(_source(index, table) for index, table in enumerate(tables))
    config = Config(**msgspec.structs.asdict(general), source=sources)
    for index, (source, table) in enumerate(zip(sources, tables, strict=True)):
        _check_name(index, tables, config)
        for key, mistake in mistakes(source, table):
            raise ConfigError(f"{place(index, table, key)}{mistake}")
        if (twice := counted_twice(config, index)) is not None:
            raise ConfigError(f"{place(index, table, twice[0])}{twice[1]}")
    return settled(config, tables)


def _check_name(index: int, tables: list[Table], config: Config) -> None:
    name = config.source[index].name
    first = [source.name for source in config.source].index(name)
    if first < index:
        where = place(index, tables[index], "name")
        raise ConfigError(f'{where}: "{name}" is the name of source[{first}] already; give each its own')


def _source(index: int, table: Table) -> SourceConfig:
    """The source that a table says, by its type only: to make msgspec ready for a type takes milliseconds."""
    types = alternatives(f'"{name}"' for name in SOURCES)
    if "type" not in table:
        raise ConfigError(f"source[{index}].type is missing: expected {types}")
    kind = table["type"]
    if not isinstance(kind, str) or kind not in SOURCES:
        raise ConfigError(f"source[{index}].type: expected {types}, not {shown('type', kind)}")
    _check_keys(f"source[{index}].", table, SOURCES[kind])
    return _converted(table, SOURCES[kind], lambda key: f"{place(index, table, key)}: ")


def _check_keys(prefix: str, table: Table, struct: type[msgspec.Struct]) -> None:
    for key in table:
        if key not in struct.__struct_fields__ and not (key == "type" and struct is not Config):
            raise ConfigError(f"{prefix}{unknown_key(key, struct)}")


def _converted(table: Table, struct: type[_Struct], where: Callable[[str], str]) -> _Struct:
    """What a table says, or one sentence that begins with ``where`` the key is; msgspec's ends with it, as in
    ``- at `$.isp[...]` ``."""
    try:
        return msgspec.convert(table, struct)
    except msgspec.ValidationError as error:
        found = re.search(r"`\$\.(\w+)", str(error))
        if found is None:
            raise ConfigError(str(error)) from None
        raise ConfigError(f"{where(found[1])}{mismatch(struct, found[1], table[found[1]])}") from None
