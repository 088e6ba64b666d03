"""`mailtop check`: tries every source once and says what it reached, what is wrong and how to mend it."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

import msgspec

from tui.cli import compose
from tui.cli.arguments import Exit
from tui.cli.config import key_problems
from tui.cli.output import say, write
from tui.cli.sources import configuration, named, sources_of, with_demo_ledgers
from tui.config import HttpSource, SourceConfig, SshSource
from tui.model import Checkup
from tui.sources.source import Source
from tui.text import cell_width, clean, fit

LOCAL_SECONDS = 20.0
"""How long reading a mail system and its ledger may take."""

MARGIN_SECONDS = 10.0
"""How much longer than one answer of its server a source may take: it asks more than once, and a command that gives
the secret takes its time."""

CLOSE_SECONDS = 0.5
SCHEMA = 1
INDENT = " " * 7


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of one source found, as it is printed; see ``Checkup``."""

    name: str
    type: str
    ok: bool
    reached: str
    identity: str
    seconds: float | None
    rights: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def run(options: argparse.Namespace) -> int:
    """The command; returns the exit code."""
    with ExitStack() as leftovers:
        config = with_demo_ledgers(configuration(options.config), leftovers)
        sources = named(sources_of(config), options.source)
        tried = [(compose.make_source(source, config.interval), patience(source)) for source in sources]
        found = asyncio.run(check_all(tried))
    write(as_json(found) if options.format == "json" else as_table(found), utf8=options.format == "json")
    problems = key_problems(config)
    for problem in problems:
        say(problem)
    if not all(each.ok for each in found):
        return Exit.SOURCE
    return Exit.USAGE if problems else Exit.OK


def patience(source: SourceConfig) -> float:
    """How many seconds the check of a source may take."""
    if isinstance(source, SshSource):  # it is asked twice, for the totals too
        return 2 * source.timeout_seconds + MARGIN_SECONDS
    return source.timeout_seconds + MARGIN_SECONDS if isinstance(source, HttpSource) else LOCAL_SECONDS


async def check_all(sources: Sequence[tuple[Source, float]]) -> list[Checked]:
    """Try every source at the same time, each for as many seconds as stand beside it, and close it."""
    try:
        return list(await asyncio.gather(*(_check(source, seconds) for source, seconds in sources)))
    finally:
        with suppress(TimeoutError):  # a source that hangs is left
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(source.close() for source, _ in sources))


async def _check(source: Source, patience_seconds: float) -> Checked:
    began = time.monotonic()
    try:
        async with asyncio.timeout(patience_seconds):
            checkup = await source.check()
    except TimeoutError:
        waited = time.monotonic() - began
        problem = f"it has not answered for {waited:.0f} seconds; look whether it is overloaded, or try again"
        checkup = Checkup(reached="nothing", problems=(problem,))
    return Checked(
        name=source.name,
        type=source.type,
        ok=not checkup.problems,
        reached=clean(checkup.reached),
        identity=clean(checkup.identity),
        seconds=None if checkup.seconds is None else round(checkup.seconds, 3),
        rights=tuple(map(clean, checkup.rights)),
        problems=tuple(map(clean, checkup.problems)),
        notes=tuple(map(clean, checkup.notes)),
    )


def as_json(found: Sequence[Checked]) -> Iterator[str]:
    """One object with a source a line."""
    lines = ",\n".join(msgspec.json.encode(each).decode() for each in found)
    yield f'{{"schema":{SCHEMA},"sources":[\n{lines}\n]}}\n'


def as_table(found: Sequence[Checked]) -> Iterator[str]:
    """A line a source, in aligned columns, with what is wrong and what is worth knowing below it."""
    names = max((cell_width(each.name) for each in found), default=0)
    types = max((cell_width(each.type) for each in found), default=0)
    for each in found:
        words = "ok" if each.ok else "wrong"
        yield f"{fit(words, len(INDENT))}{fit(each.name, names)}  {fit(each.type, types)}  {_told(each)}\n"
        for problem in each.problems:
            yield f"{INDENT}! {problem}\n"
        for note in each.notes:
            yield f"{INDENT}{note}\n"


def _told(each: Checked) -> str:
    seconds = "" if each.seconds is None else f"{each.seconds:.2f} s"
    return "; ".join(filter(None, (each.reached, each.identity, seconds, ", ".join(each.rights))))
