"""Configuration: TOML to frozen structs, with one precise sentence for each mistake. Knows nothing of who uses it."""

from __future__ import annotations

import json
import os
import re
import tomllib
import typing
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import platformdirs
from msgspec import Meta

from tui.config.declared import CpanelSource as CpanelSource
from tui.config.declared import DemoSource as DemoSource
from tui.config.declared import HttpSource as HttpSource
from tui.config.declared import LocalSource as LocalSource
from tui.config.declared import SenderQueueSource as SenderQueueSource
from tui.text import clean

SYSTEM_STATE = Path("/var/lib/mailtop")
"""Where the ledgers of a collector that runs as a service are kept."""

LEDGER_SCHEME = "sqlite://"


class ConfigError(Exception):
    """The configuration cannot be used; the text names the file, the path of the key and what was expected."""


SourceConfig = LocalSource | DemoSource | CpanelSource | SenderQueueSource


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a user can set. ``interval`` in seconds."""

    interval: Annotated[
        float,
        Meta(
            ge=0.2,
            le=3600,
            title="a number of seconds from 0.2 to 3600",
            description="seconds between two looks at the sources",
        ),
    ] = 2.0
    theme: Annotated[str, Meta(min_length=1, title="the name of a theme", description="the colours of the screen")] = (
        "mailtop-dark"
    )
    source: Annotated[
        tuple[SourceConfig, ...],
        Meta(
            title="tables that are each headed [[source]]",
            description="where the numbers come from; without any, this host's mail system is looked for",
        ),
    ] = ()


SOURCES: dict[str, type[SourceConfig]] = {
    "local": LocalSource,
    "demo": DemoSource,
    "cpanel": CpanelSource,
    "sender_queue": SenderQueueSource,
}
"""The values of a source's ``type`` and the struct of each."""


def config_path(option: str | None) -> Path | None:
    """The file to read: ``option`` (``--config``), else ``MAILTOP_CONFIG``, else ``config.toml`` in the user's
    configuration folder where it exists; ``None`` when nothing is configured. Raises ``ConfigError`` when nobody
    can tell."""
    named = option or os.environ.get("MAILTOP_CONFIG")
    if named:
        return Path(named).expanduser()
    usual = usual_path()
    try:
        usual.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{usual}: cannot tell whether there is a configuration ({error.strerror}); name one with --config"
        ) from None
    return usual


def usual_path() -> Path:
    """Where the configuration is looked for when no option and no variable names a file."""
    return platformdirs.user_config_path("mailtop") / "config.toml"


def load(path: Path | None) -> Config:
    """The configuration in the file ``path``, or the defaults for ``None``; raises ``ConfigError``."""
    if path is None:
        return Config()
    try:
        raw = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"{path}: the configuration cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8 text, which TOML must be") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: this is not TOML: {clean(str(error))}") from None
    try:
        return _decode(raw)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def with_options(config: Config, interval: float | None, theme: str | None) -> Config:
    """The configuration with what the command line says instead; raises ``ConfigError``."""
    given = {key: value for key, value in (("interval", interval), ("theme", theme)) if value is not None}
    return _from_options(Config, msgspec.to_builtins(config) | given)


def demo_source(seed: int, accounts: int) -> DemoSource:
    """The demo as the command line asks for it; raises ``ConfigError``."""
    return _from_options(DemoSource, {"type": "demo", "seed": seed, "accounts": accounts})


def ledger_path(source: SourceConfig) -> Path:
    """The file of a source's ledger. Without ``ledger`` it is the service's in ``/var/lib/mailtop`` where that exists
    or this user may make it, else one in the user's state folder."""
    if source.ledger is not None:
        return Path("/" + source.ledger.removeprefix(LEDGER_SCHEME).lstrip("/"))
    file = f"{source.name}.sqlite"
    kept_by_service = SYSTEM_STATE / file
    if _is_usable(kept_by_service):
        return kept_by_service
    return platformdirs.user_state_path("mailtop") / file


def _is_usable(ledger: Path) -> bool:
    if os.access(ledger, os.F_OK):  # Path.exists fails where the folder cannot be entered
        return os.access(ledger, os.R_OK)
    folder = ledger.parent if os.access(ledger.parent, os.F_OK) else ledger.parent.parent
    return os.access(folder, os.W_OK | os.X_OK)


_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def _from_options(struct: type[_Struct], values: dict[str, Any]) -> _Struct:
    try:
        return msgspec.convert(values, struct)
    except msgspec.ValidationError as error:
        key = re.sub(r".*`\$\.(\w+).*", r"\1", str(error))
        raise ConfigError(f"--{key}: expected {_expected(struct, key)}, not {_shown(values[key])}") from None


def _decode(raw: dict[str, Any]) -> Config:
    _check_keys("", raw, Config)
    sources = raw.get("source", ())
    for index, table in enumerate(sources if isinstance(sources, list) else ()):
        if isinstance(table, dict):
            _check_source(f"source[{index}]", table)
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise _translated(raw, str(error)) from None
    _check_values(config, raw.get("source", []))
    return config


def _check_source(place: str, table: dict[str, Any]) -> None:
    types = " or ".join(f'"{name}"' for name in SOURCES)
    if "type" not in table:
        raise ConfigError(f"{place}.type is missing: expected {types}")
    kind = table["type"]
    if not isinstance(kind, str) or kind not in SOURCES:
        raise ConfigError(f"{place}.type: expected {types}, not {_shown(kind)}")
    _check_keys(f"{place}.", table, SOURCES[kind])


def _check_keys(prefix: str, table: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    known = [*(["type"] if struct in SOURCES.values() else []), *struct.__struct_fields__]
    for key in table:
        if key not in known:
            raise ConfigError(f"{prefix}{clean(key)} is not a known key{_hint(key, known, struct)}")


def _hint(key: str, known: list[str], struct: type[msgspec.Struct]) -> str:
    import difflib  # only a mistake needs it

    if struct is Config and any(key in each.__struct_fields__ for each in SOURCES.values()):
        return f": {key} belongs in a [[source]] table"
    near = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {near[0]}?" if near else f"; the keys here are {', '.join(known)}"


def _translated(raw: dict[str, Any], message: str) -> ConfigError:
    """msgspec's message for `raw` as ours: it ends with the place, as in ``- at `$.source[0].isp[...]` ``."""
    place = re.search(r"`\$\.(\w+)(?:\[(\d+)\](?:\.(\w+))?)?", message)
    if place is None:
        return ConfigError(message)
    outer, index, inner = place.groups()
    if inner is None:
        return ConfigError(f"{outer}: expected {_expected(Config, outer)}, not {_shown(raw[outer])}")
    table = raw[outer][int(index)]
    expected = _expected(SOURCES[table["type"]], inner)
    return ConfigError(f"{_place(int(index), table, inner)}: expected {expected}, not {_shown(table[inner])}")


def _expected(struct: type[msgspec.Struct], key: str) -> str:
    meta: Meta = typing.get_type_hints(struct, include_extras=True)[key].__metadata__[0]
    return str(meta.title)


def _place(index: int, table: dict[str, Any], key: str) -> str:
    name = table.get("name")
    called = f' (the source named "{clean(name)}")' if isinstance(name, str) and key != "name" else ""
    return f"source[{index}].{key}{called}"


def _shown(value: object) -> str:
    text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 60 else text[:59] + "…"


def _check_values(config: Config, tables: list[dict[str, Any]]) -> None:
    first_with: dict[str, int] = {}
    for index, (source, table) in enumerate(zip(config.source, tables, strict=True)):
        if source.name in first_with:
            first = first_with[source.name]
            raise ConfigError(
                f'source[{index}].name: "{source.name}" is the name of source[{first}] already; give each its own'
            )
        first_with[source.name] = index
        for key, problem in _problems(source):
            expected = _expected(type(source), key)
            raise ConfigError(f"{_place(index, table, key)}: expected {expected}, not {_shown(problem)}")


def _problems(source: SourceConfig) -> list[tuple[str, str]]:
    found = []
    if source.ledger is not None and not re.match("^sqlite:////*[^/]", source.ledger):
        found.append(("ledger", source.ledger))
    if isinstance(source, LocalSource) and source.time_zone is not None and not _is_zone(source.time_zone):
        found.append(("time_zone", source.time_zone))
    return found


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo  # only a log from another zone needs it

    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True
