"""`mailtop config`: begins, finds, explains and describes the configuration. Only `main` enters."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tui.cli.arguments import Exit
from tui.cli.output import OutputError, say, write
from tui.cli.sources import found_sources
from tui.config import Config, ConfigError, config_path, with_options
from tui.config.example import example
from tui.config.places import config_place
from tui.config.provenance import Explained, explained, explained_find, explained_source
from tui.config.reading import read
from tui.config.schema import schema
from tui.text import cell_width, clean

_ORIGIN_COLUMN = 44


def run(options: argparse.Namespace) -> int:
    """Do what ``options`` say; returns the exit code. Raises ``ConfigError`` and ``OutputError``."""
    if options.what == "init":
        _init(options)
    elif options.what == "path":
        _path(options)
    elif options.what == "show":
        write(_shown(options), utf8=True)
    else:
        write([json.dumps(schema(), indent=2, ensure_ascii=False), "\n"], utf8=True)
    return Exit.OK


def _init(options: argparse.Namespace) -> None:
    path = config_place(options.config).path
    try:
        for folder in [*reversed(path.parents)]:
            if not folder.exists():
                folder.mkdir(0o700)
        _write_new(path, example().encode())
    except FileExistsError:
        raise ConfigError(
            f"{clean(str(path))}: this file is there already and was left as it is; "
            "write the example to another place with --config FILE"
        ) from None
    except OSError as error:
        raise OutputError(f"{clean(str(path))} could not be written: {error.strerror}") from None
    say(f"wrote {clean(str(path))}; everything in it is commented out, so nothing changes until you edit it")


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        path.unlink()
        raise


def _path(options: argparse.Namespace) -> None:
    path, named_by = config_place(options.config)
    if config_path(options.config) is None:
        raise ConfigError(
            f"{clean(str(path))}: there is no configuration, and none is needed; begin one with: mailtop config init"
        )
    try:
        path.stat()
    except OSError as error:
        raise ConfigError(f"{clean(str(path))}: the configuration cannot be read: {error.strerror}") from None
    write([f"{path}\n"], utf8=True)
    say(f"this file is read, since {named_by.value}")


def _shown(options: argparse.Namespace) -> Iterator[str]:
    """Every value in effect, as TOML with its origin as a comment."""
    place, path = config_place(options.config), config_path(options.config)
    config, text = (Config(), "") if path is None else read(path)
    config = with_options(config, options.interval, options.theme)
    given = [key for key in ("interval", "theme") if getattr(options, key) is not None]
    if path is None:
        yield f"# no file is read: there is no {clean(str(place.path))}\n\n"
    else:
        yield f"# {clean(str(path))} is read, since {place.named_by.value}\n\n"
    yield from _lines(explained(config, given, path, text))
    yield from (f"# {problem}\n" for problem in key_problems(config))
    for index in range(len(config.source)):
        yield "\n[[source]]\n"
        yield from _lines(explained_source(config, index, path, text))
    if config.source:
        return
    found = found_sources()
    for source in found:
        yield "\n[[source]]\n"
        yield from _lines(explained_find(msgspec.structs.replace(config, source=found), source))
    if not found:
        yield "\n# no source: none is configured, and no mail system was found on this host\n"


def key_problems(config: Config) -> list[str]:
    """A sentence for each key of the screen that cannot be what the configuration says."""
    from tui.ui.keymap import with_keys

    return with_keys(config.keys)[1]


def _lines(keys: Iterable[Explained]) -> Iterator[str]:
    for key, value, origin in keys:
        said = f"# {key} is not set" if value is None else f"{key} = {value}"
        yield f"{said}{' ' * max(_ORIGIN_COLUMN - cell_width(said), 1)} # {clean(origin)}\n"
