"""Reads the queue table off mailtop's screen, as a person would: by its header."""

from __future__ import annotations

import re

from tests.live.mail import Rows
from tests.pty_driver import Terminal

COUNTS = ("new", "proc", "retry", "hold", "total")
NAMES = ("account", "campaign", "isp")


def rows_on(terminal: Terminal) -> Rows | None:
    """The rows that the screen shows now; ``None`` when it shows no table."""
    lines = terminal.lines()
    for number, line in enumerate(lines):
        words = {match[0]: match for match in re.finditer(r"\w+", line)}
        if all(word in words for word in COUNTS):
            starts = [words[name].start() for name in NAMES if name in words]
            ends = [words[count].end() for count in COUNTS]
            return _rows(lines[number + 1 :], starts, ends)
    return None


def _rows(lines: list[str], starts: list[int], ends: list[int]) -> Rows:
    rows: Rows = {}
    for line in lines:
        counts = [match for end in ends if (match := re.search(r"(?<!\S)\d[\d,]*$", line[:end]))]
        if len(counts) < len(ends):
            break
        columns = zip(starts, [*starts, counts[0].start()][1:], strict=True)
        names = tuple(line[start:end].strip() for start, end in columns)
        rows[names] = [int(match[0].replace(",", "")) for match in counts]
    return rows
