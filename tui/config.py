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

from tui.text import clean

SYSTEM_STATE = Path("/var/lib/mailtop")
"""Where the ledgers of a collector that runs as a service are kept."""

LEDGER_SCHEME = "sqlite://"

_PATH = r"^/"
_DOMAIN = r"^[^@\s]+$"


class ConfigError(Exception):
    """The configuration cannot be used; the text names the file, the path of the key and what was expected."""


# Each key is declared once: `title` is what a message says was expected, `description` what the README says it does.
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        title="1 to 64 letters, digits, dots, dashes or underscores",
        description="what the source is called on the screen, in `show` and in its ledger's file name",
    ),
]
SenderId = Annotated[
    int,
    Meta(ge=1, title="a whole number from 1", description="the number of this sending system, for `--sender`"),
]
_LEDGER = '"sqlite:///" and an absolute path, such as "sqlite:///var/lib/mailtop/local.sqlite"'


class LocalSource(msgspec.Struct, frozen=True, kw_only=True, tag="local", forbid_unknown_fields=True):
    """A mail system on this host. Paths that are ``None`` are looked for in the usual places."""

    name: Name = "local"
    mta: Annotated[
        str,
        Meta(
            pattern="^(exim|postfix|auto)$",
            title='"exim", "postfix" or "auto"',
            description="which mail system it is",
        ),
    ] = "auto"
    log: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(title="an absolute path", description="the mail system's log (Exim: `mainlog`; Postfix: `mail.log`)"),
    ] = None
    spool: Annotated[
        Annotated[str, Meta(pattern=_PATH)] | None,
        Meta(title="an absolute path", description="Exim's spool folder, the one that holds `input`"),
    ] = None
    postqueue: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(
            min_length=1,
            title="a list of one or more words, the command and its arguments",
            description="the command that lists Postfix's queue as JSON",
        ),
    ] = ("postqueue", "-j")
    exim: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            title="a command or the path of one",
            description="Exim's program, which lists the queue where the spool cannot be read",
        ),
    ] = None
    ledger: Annotated[
        str | None,
        Meta(
            title=_LEDGER,
            description="the file that keeps the counts; without it `/var/lib/mailtop/NAME.sqlite` as root, "
            "else `mailtop/NAME.sqlite` in your state folder",
        ),
    ] = None
    isp: Annotated[
        dict[
            Annotated[str, Meta(min_length=1)],
            Annotated[tuple[Annotated[str, Meta(pattern=_DOMAIN)], ...], Meta(min_length=1)],
        ],
        Meta(
            title='provider names with lists of recipient domains, such as {"Gmail" = ["gmail.test"]}',
            description="mailbox providers that are added to the built-in table, or override it",
        ),
    ] = {}
    sender_id: SenderId = 1
    time_zone: Annotated[
        str | None,
        Meta(
            title='a time zone this host knows, such as "Europe/Berlin"',
            description="the zone that the log's times are in, when it is not this host's",
        ),
    ] = None
    minutes_kept_hours: Annotated[
        int,
        Meta(
            ge=1,
            le=24 * 31,
            title="a whole number of hours from 1 to 744",
            description="how long history is kept by the minute",
        ),
    ] = 24
    hours_kept_days: Annotated[
        int,
        Meta(
            ge=1,
            le=3660,
            title="a whole number of days from 1 to 3660",
            description="how long history is kept by the hour",
        ),
    ] = 90
    max_ledger_mib: Annotated[
        int,
        Meta(
            ge=16,
            title="a whole number of MiB from 16",
            description="the size at which the ledger drops its oldest history; totals stay",
        ),
    ] = 2048


class DemoSource(msgspec.Struct, frozen=True, kw_only=True, tag="demo", forbid_unknown_fields=True):
    """A simulated mail system: many accounts, campaigns and ISPs, and an incident now and then."""

    name: Name = "demo"
    seed: Annotated[
        int,
        Meta(
            ge=0,
            le=2**32 - 1,
            title="a whole number from 0 to 4294967295",
            description="the same seed gives the same accounts and incidents",
        ),
    ] = 1
    accounts: Annotated[
        int,
        Meta(ge=1, le=1_000_000, title="a whole number from 1 to 1000000", description="how many accounts send"),
    ] = 2000
    ledger: Annotated[
        str | None,
        Meta(title=_LEDGER, description="the file that keeps the counts; without it one that goes with the screen"),
    ] = None
    sender_id: SenderId = 1


SourceConfig = LocalSource | DemoSource


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


SOURCES: dict[str, type[LocalSource] | type[DemoSource]] = {"local": LocalSource, "demo": DemoSource}
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
