"""A source of many rows that change at every poll; and, as a program, ``mailtop`` itself with this one source.

    python -m benchmarks.flood            # the screen over 100,000 rows, all of which change every second

What the source does costs next to nothing, so that what is measured is the program. ``MAILTOP_FLOOD`` is a JSON object
with ``rows``, ``sources`` (how many of so many rows; 1), ``changing`` (how many of them change a second) and ``polls``
(a file that is told the number of polls).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections.abc import Collection, Sequence
from itertools import cycle, islice
from operator import add
from pathlib import Path
from typing import Any

from tui.model import (
    Checkup,
    Counts,
    Freshness,
    History,
    MailTotals,
    QueueQuery,
    QueueTable,
    SourceStatus,
)
from tui.sources.source import Source

VARIABLE = "MAILTOP_FLOOD"
ACCOUNTS = 2000
LEAST_POLLS = 100
"""The first row's ``hold`` is this and the number of polls: so the screen shows how new it is."""


class Flood(Source):
    """``rows`` campaigns of 2,000 accounts, sizes by Zipf's law. At every poll the first ``changing`` of them differ
    from the last one by some per cent; the first row is the biggest, and its ``hold`` counts the polls."""

    type = "benchmark"
    interval_seconds = 1.0

    def __init__(
        self, rows: int = 100_000, changing: int | None = None, polls: str | None = None, name: str = "flood"
    ) -> None:
        self.name = name
        self._rows, self._changing = rows, rows if changing is None else changing
        self._polls_file = Path(polls) if polls else None
        self._polls = 0
        self._campaigns = list(range(1, rows + 1))
        # The accounts come again and again: so they are made quickly, and the start is not the source's.
        accounts = [campaign * 7919 % ACCOUNTS + 1 for campaign in range(1, ACCOUNTS + 1)]
        self._accounts = list(islice(cycle(accounts), rows))
        self._account_names = list(islice(cycle([f"user{account}@example.com" for account in accounts]), rows))
        self._campaign_names = list(map("letter {}".format, self._campaigns))
        self._retry = [3_000_000 // (rank + 3) + 40 for rank in range(rows)]
        self._new = [retry // 9 for retry in self._retry]
        # Any two neighbours differ, so that a shift by one changes every row.
        self._noise = list(islice(cycle([(place * 7) % 31 for place in range(31)]), self._changing + 64))
        self._zeros = [0] * rows

    async def status(self) -> SourceStatus:
        return SourceStatus(name=self.name, type=self.type, freshness=Freshness.LIVE, age_seconds=0)

    async def totals(self, shown: Collection[str] = ()) -> list[MailTotals] | None:
        del shown  # it tells them all
        moved = self._polls if self._changing == self._rows else 0
        return [
            MailTotals(
                account=f"user{number}@example.com",
                account_id=number,
                send_count=5_000_000 // number + moved,
                success_count=4_900_000 // number + moved,
                defer_count=90_000 // number,
                fail_count=10_000 // number,
                total_size=number * 1_000_000,
            )
            for number in range(1, ACCOUNTS + 1)
        ]

    async def queue(self, query: QueueQuery) -> QueueTable | None:
        self._polls += 1
        if self._polls_file is not None:
            self._polls_file.write_text(str(self._polls))
        return QueueTable(
            query=query,
            sender_id=[1] * self._rows,
            account_id=self._accounts,
            account=self._account_names,
            campaign_id=self._campaigns,
            campaign=self._campaign_names,
            isp=[""] * self._rows,
            new=self._new,
            proc=self._zeros,
            retry=self._moved(),
            hold=[LEAST_POLLS + (self._polls if self._changing else 0), *self._zeros[1:]],
        )

    async def history(self, query: QueueQuery, end: int, span_seconds: int) -> History | None:
        step = 60 if span_seconds <= 3600 else 600
        start = (end - span_seconds) // step * step
        seed = (query.campaign_id or 0) % 97
        # As real numbers do, these stay with their minute; where nothing changes they are all the same.
        minutes = [(start // step + place) * bool(self._changing) for place in range(span_seconds // step)]
        points: list[Counts | None] = [
            Counts(send=minute % 40, new=minute * seed % 50, retry=minute % 60 + seed) for minute in minutes
        ]
        return History(start, step, points)

    async def changed(self) -> bool:
        return self._changing > 0

    async def check(self) -> Checkup:
        return Checkup(reached="nothing")

    def _moved(self) -> list[int]:
        """The retries of this poll. A few changing rows differ by one, so that they keep their places."""
        changing = self._changing
        if changing < self._rows:
            step = self._polls % 2
            return [*(value + step for value in self._retry[:changing]), *self._retry[changing:]]
        shift = self._polls % 64
        return list(map(add, self._retry, self._noise[shift : shift + changing]))


def _settings() -> dict[str, Any]:
    """What each source is made of."""
    settings: dict[str, Any] = json.loads(os.environ.get(VARIABLE, "{}"))
    settings.pop("sources", None)
    return settings


def _sources() -> int:
    return int(json.loads(os.environ.get(VARIABLE, "{}")).get("sources", 1))


def _mailtop(arguments: Sequence[str]) -> int:
    """Run ``mailtop`` with its every part but the source."""
    gc.disable()  # as `tui.__main__` does
    import tui.cli.main as program
    from tui.cli import sources

    def child(*words: str, debug_file: str | None = None) -> list[str]:
        return [sys.executable, "-P", __file__, *words, *(["--debug", debug_file] if debug_file else [])]

    def main(words: Sequence[str]) -> int:
        if words[:1] == ["_hub"]:
            from tui.cli import compose

            vars(compose).update(make_source=lambda source, _: Flood(**_settings(), name=source.name))
        return program_main(words)

    program_main = program.main
    vars(program).update(main=main)
    vars(sources).update(child=child)
    if arguments[:1] == ["_hub"]:
        return main(arguments)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        names = ["flood", *(f"flood{number}" for number in range(2, _sources() + 1))]
        config.write_text(
            "".join(
                f'[[source]]\ntype = "sender_queue"\nname = "{name}"\nurl = "https://{name}.example"\n'
                'token_env = "FLOOD"\n'
                for name in names
            )
        )
        return main([*arguments, "--config", str(config), "--interval", "1"])


if __name__ == "__main__":
    sys.exit(_mailtop(sys.argv[1:]))
