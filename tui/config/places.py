"""Where files are: the configuration, the ledger of a source, what else is kept. The command line and `provenance`
enter."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import NamedTuple

import platformdirs

from tui.config import ledger_place
from tui.config.declared import CollectedSource
from tui.config.messages import ConfigError

SYSTEM_STATE = Path("/var/lib/mailtop")
"""Where the ledgers of a collector that runs as a service are kept."""

LEDGER_SCHEME = "sqlite://"
VARIABLE = "MAILTOP_CONFIG"


class NamedBy(enum.Enum):
    """Who says which file the configuration is."""

    OPTION = "--config names it"
    VARIABLE = f"the variable {VARIABLE} names it"
    NOBODY = "it is the usual place"


class Place(NamedTuple):
    """A file of configuration, and who says that it is this one."""

    path: Path
    named_by: NamedBy


def config_place(option: str | None) -> Place:
    """The file that is meant, there or not: ``option`` (``--config``), else ``MAILTOP_CONFIG``, else ``config.toml`` in
    the user's configuration folder."""
    variable = os.environ.get(VARIABLE)
    if option:
        return Place(Path(option).expanduser(), NamedBy.OPTION)
    if variable:
        return Place(Path(variable).expanduser(), NamedBy.VARIABLE)
    return Place(usual_path(), NamedBy.NOBODY)


def config_path(option: str | None) -> Path | None:
    """The file to read, or ``None`` when nobody names one and there is none in the usual place. Raises ``ConfigError``
    when nobody can tell."""
    path, named_by = config_place(option)
    if named_by is not NamedBy.NOBODY:
        return path
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot tell whether there is a configuration ({error.strerror}); name one with --config"
        ) from None
    return path


def usual_path() -> Path:
    """Where the configuration is looked for when no option and no variable names a file."""
    return platformdirs.user_config_path("mailtop") / "config.toml"


def ledger_path(source: CollectedSource) -> Path:
    """The file of a source's ledger, or of this host's own beside one on ClickHouse. Where no file is named it is the
    service's in ``/var/lib/mailtop`` where that exists or this user may make it, else one in the user's state
    folder."""
    for named in (source.local_ledger, source.ledger):
        if named is not None and named.startswith(LEDGER_SCHEME):
            return sqlite_path(named)
    return state_path(f"{source.name}.sqlite")


def sqlite_path(ledger: str) -> Path:
    """The file that a ledger's ``sqlite:///`` URL names."""
    return Path("/" + ledger.removeprefix(LEDGER_SCHEME).lstrip("/"))


def clickhouse_place(ledger: str | None) -> ledger_place.Place | None:
    """The place on ClickHouse of a ledger that was checked; ``None`` for one that is a file."""
    return None if ledger is None or ledger.startswith(LEDGER_SCHEME) else ledger_place.parse(ledger)


def host_name(source: CollectedSource) -> str:
    """What this host is called in a ledger on ClickHouse."""
    return source.host or os.uname().nodename


def state_path(file: str) -> Path:
    """Where mailtop keeps ``file``: in the service's folder where that has it or this user may make it there, else in
    the user's state folder."""
    kept_by_service = SYSTEM_STATE / file
    if _is_usable(kept_by_service):
        return kept_by_service
    return platformdirs.user_state_path("mailtop") / file


def _is_usable(path: Path) -> bool:
    if os.access(path, os.F_OK):  # Path.exists fails where the folder cannot be entered
        return os.access(path, os.R_OK)
    folder = path.parent if os.access(path.parent, os.F_OK) else path.parent.parent
    return os.access(folder, os.W_OK | os.X_OK)
