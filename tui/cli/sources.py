"""Which sources are meant: those of the configuration, those handed down by a parent, or what this host has. The other
rooms of the command line enter."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

import msgspec

from tui.config import Config, ConfigError, DemoSource, LocalSource, SourceConfig, config_path, load, usual_path
from tui.engine.access import refusal
from tui.engine.find import FoundMta, find
from tui.sources.source import SourceError
from tui.text import clean

LOG = logging.getLogger("mailtop.cli")

Collected = LocalSource | DemoSource
"""The sources with a ledger, which a collector feeds; the others are servers that are asked."""

HANDED_DOWN = "MAILTOP_HANDED_DOWN"
"""The variable in which the screen gives its configuration to the hub, and so to the collectors, as JSON: what was
found or asked for on the command line is then the same for all."""


def configuration(option: str | None) -> Config:
    """The configuration that a parent handed down, else the one to read with ``--config`` as ``option``; ``source`` is
    empty when nothing is configured. Raises ``ConfigError``."""
    handed_down = os.environ.get(HANDED_DOWN)
    if handed_down:
        LOG.debug("the configuration was handed down")
        return msgspec.json.decode(handed_down, type=Config)
    path = config_path(option)
    LOG.debug("the configuration is read from %s", path or "nowhere: there is none")
    return load(path)


def hand_down(config: Config) -> None:
    """Give ``config`` to every child of this process."""
    os.environ[HANDED_DOWN] = msgspec.json.encode(config).decode()


def child(*arguments: str, debug_file: str | None = None) -> list[str]:
    """The command that runs this program with ``arguments``; ``-P`` keeps the current folder from being imported."""
    debug = ("--debug", debug_file) if debug_file is not None else ()
    return [sys.executable, "-P", "-m", "tui", *arguments, *debug]


def sources_of(config: Config) -> Sequence[SourceConfig]:
    """The sources configured, else the mail systems of this host. Raises ``SourceError`` when there are none."""
    sources = config.source or found_sources()
    if not sources:
        raise SourceError(
            "no mail system was found on this host (looked for Exim and Postfix in their usual places); "
            f"name its log in {usual_path()}, or look at the demo with: mailtop demo"
        )
    return sources


def named(sources: Sequence[SourceConfig], name: str | None) -> Sequence[SourceConfig]:
    """The source called ``name`` (``--source``), all for ``None``; raises ``ConfigError`` when there is none."""
    found = [source for source in sources if name in (None, source.name)]
    if not found:
        names = ", ".join(source.name for source in sources)
        raise ConfigError(f'--source: no source is called "{clean(name or "")}"; there is {names}')
    return found


def collected(sources: Iterable[SourceConfig]) -> list[Collected]:
    """Those of ``sources`` that a collector feeds."""
    return [source for source in sources if isinstance(source, LocalSource | DemoSource)]


def collect_commands(sources: Iterable[SourceConfig], debug_file: str | None) -> dict[str, list[str]]:
    """For each of ``sources`` that a collector feeds the command that runs one for as long as this process lives."""
    return {
        source.name: child("collect", "--until-eof", "--source", source.name, debug_file=debug_file)
        for source in collected(sources)
    }


def with_demo_ledgers(config: Config, leftovers: ExitStack) -> Config:
    """A demo without a ledger of its own gets one until ``leftovers`` is closed: each demo begins anew."""
    sources = []
    for source in config.source:
        if isinstance(source, DemoSource) and source.ledger is None:
            folder = leftovers.enter_context(tempfile.TemporaryDirectory(prefix="mailtop-demo-"))
            source = msgspec.structs.replace(source, ledger=f"sqlite://{folder}/{source.name}.sqlite")
        sources.append(source)
    return msgspec.structs.replace(config, source=tuple(sources))


def found_sources() -> tuple[LocalSource, ...]:
    """A source for each mail system found on this host, without any configuration."""
    found = find(LocalSource())
    return tuple(LocalSource(name=each.mta, mta=each.mta, sender_id=place) for place, each in enumerate(found, 1))


def unreadable(source: LocalSource) -> tuple[str, ...]:
    """Why nothing of a mail system can be followed, when its log is there and may not be read; else nothing."""
    found = mail_system(source)
    try:
        closed = refusal(found.log) is not None
    except FileNotFoundError:
        closed = False
    return found.problems if closed else ()


def mail_system(source: LocalSource) -> FoundMta:
    """The one mail system of this host that a source means. Raises ``SourceError``, or ``ConfigError`` when it may mean
    several."""
    found = find(source)
    if not found:
        raise SourceError(
            f'the source "{source.name}": no mail system was found on this host; name its log with log = "/path"'
        )
    if len(found) > 1:
        names = " or ".join(f'"{each.mta}"' for each in found)
        raise ConfigError(
            f'the source "{source.name}": this host has several mail systems; say which with mta = {names}'
        )
    return found[0]
