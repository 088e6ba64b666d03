"""The head of a syslog line: the stamp, host and tag that log daemons put before a program's text. Knows no mail
system."""

from __future__ import annotations

from calendar import isleap
from datetime import datetime, tzinfo
from typing import NamedTuple

_MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_SECONDS = {b"%02d" % second: second for second in range(61)}
_DAY_SECONDS = 86_400
_LEAP_YEARS_APART = 9
_MANY = 10_000
_BOM = b"\xef\xbb\xbf"

TIMES = range(253_370_764_800)
"""When a line can have been logged, in seconds: from 1970 to 9998. Ledgers have no room for other times."""


class Columns(NamedTuple):
    """Where a stamp ends: ``second`` is the end of the part that tells the second, ``fraction`` the end of the digits
    after it, ``ending`` the zone and the blank that follow, ``host`` where the host begins. A head with the same
    columns and the same bytes up to ``second`` has the same time."""

    second: int
    fraction: int
    host: int
    ending: bytes


TRADITIONAL = Columns(second=16, fraction=16, host=16, ending=b"")
"""``Nov 21 19:59:06 `` with its blank."""


class Stamps:
    """Reads the stamps of one log; ``columns`` are those of the last stamp read. ``zone`` is the one of stamps that
    tell none, ``None`` the system's."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._written = 0.0
        self._minutes: dict[bytes, int | None] = {}
        self.columns = TRADITIONAL

    def written(self, written: float) -> None:
        """Say when the lines that follow were written at the latest (seconds since 1970): it gives the year to stamps
        without one."""
        if written != self._written:
            self._written = written
            self._minutes.clear()

    def read(self, head: bytes) -> int | None:
        """The time (seconds since 1970) of the stamp that ``head`` begins with, ``None`` when it is none."""
        columns: Columns | None
        if head[:1].isdigit():
            columns, minute_end = _iso_columns(head), 17
        else:
            columns, minute_end = TRADITIONAL if head[15:16] == b" " else None, 13
        second = _SECONDS.get(head[minute_end : minute_end + 2])
        if columns is None or second is None:
            return None
        minute = self._minute(head[:minute_end] + columns.ending)
        if minute is None:
            return None
        self.columns = columns
        return minute + second

    def _minute(self, stamp: bytes) -> int | None:
        """The beginning of the minute of ``Nov 21 19:59:`` or ``2026-11-21T19:59:+01:00 ``."""
        if stamp in self._minutes:
            return self._minutes[stamp]
        if len(self._minutes) >= _MANY:
            self._minutes.clear()
        try:
            minute = self._iso(stamp) if stamp[:1].isdigit() else self._without_year(stamp)
        except (ValueError, OverflowError, OSError):
            minute = None
        if minute is not None and minute not in TIMES:
            minute = None
        self._minutes[stamp] = minute
        return minute

    def _iso(self, stamp: bytes) -> int:
        moment = datetime.fromisoformat((stamp[:17] + b"00" + stamp[17:]).decode("ascii").rstrip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        return int(moment.timestamp())

    def _without_year(self, stamp: bytes) -> int | None:
        """In the latest year in which it is not later than a day after the lines were written."""
        month = _MONTHS.get(stamp[:3])
        if month is None or stamp[3:4] + stamp[6:7] + stamp[9:10] + stamp[12:] != b"  ::":
            return None
        day, hour, minute = int(stamp[4:6]), int(stamp[7:9]), int(stamp[10:12])
        limit = self._written + _DAY_SECONDS
        year = datetime.fromtimestamp(limit, self._zone).year
        for candidate in range(year, year - _LEAP_YEARS_APART, -1):
            if (month, day) == (2, 29) and not isleap(candidate):
                continue
            time = int(datetime(candidate, month, day, hour, minute, tzinfo=self._zone).timestamp())
            if time <= limit:
                return time
        return None


def _iso_columns(head: bytes) -> Columns | None:
    """Where the parts of ``2026-11-21T19:59:06[.123456][Z|+01:00] host`` stand."""
    host = head.find(b" ") + 1
    if host < 20:
        return None
    second = fraction = 19
    if head[19:20] in (b".", b","):
        second = fraction = 20
        while head[fraction : fraction + 1].isdigit():
            fraction += 1
    return Columns(second, fraction, host, head[fraction:host])


def unframed(line: bytes) -> bytes:
    """A line that begins with a priority (``<22>``) in the form without one; RFC 5424's head is put in the order
    ``stamp host tag[pid]: text``. Any other line as it is."""
    close = line.find(b">", 1, 5)
    if not line.startswith(b"<") or not line[1:close].isdigit():
        return line
    if not line.startswith(b"1 ", close + 1):
        return line[close + 1 :]
    try:
        _, stamp, host, program, process, _, rest = line.split(b" ", 6)
    except ValueError:
        return line
    text = rest[_structured_data_end(rest) :]
    return b"%b %b %b[%b]: %b" % (stamp, host, program, process, text.removeprefix(b" ").removeprefix(_BOM))


def _structured_data_end(rest: bytes) -> int:
    """Where the structured data that ``rest`` begins with ends: ``-`` or elements ``[id name="value" …]``."""
    if not rest.startswith(b"["):
        return 1
    quoted = False
    at = 0
    while at < len(rest):
        char = rest[at : at + 1]
        if quoted and char == b"\\":
            at += 1
        elif char == b'"':
            quoted = not quoted
        elif char == b"]" and not quoted and rest[at + 1 : at + 2] != b"[":
            return at + 1
        at += 1
    return len(rest)
