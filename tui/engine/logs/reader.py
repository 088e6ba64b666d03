"""What every log reader offers: whole lines in, events out, and a count of the lines it could not make sense of."""

from __future__ import annotations

from typing import Protocol

import msgspec

from tui.engine.events import Event


class Unparsed(msgspec.Struct):
    """Lines that should have meant something and did not parse: how many, and one sample of each shape (at most 20)."""

    count: int = 0
    samples: dict[str, bytes] = {}

    def add(self, shape: str, line: bytes) -> None:
        """Count ``line`` and keep it (its first 500 bytes) as the sample of ``shape`` if it is the first of it."""
        self.count += 1
        if shape not in self.samples and len(self.samples) < 20:
            self.samples[shape] = line[:500]


class LogReader(Protocol):
    """Turns the bytes of one mail system's log into events. What it keeps between calls (the calibration of the
    columns,
    the last time stamp) never changes the outcome: any division of a log into whole lines gives the same events."""

    unparsed: Unparsed

    def events(self, lines: bytes, written: float) -> list[Event]:
        """The events of ``lines``: whole lines, each ended by a newline. ``written`` is when they were written at the
        latest, in seconds since 1970 (the log file's time of change): it gives the year to stamps that have none."""
        ...
