"""Exim's time stamps: what stands before the message id, and what time it was. For the Exim log reader only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from tui.engine.logs.syslog import TIMES, Stamps, unframed

_MANY = 100_000
_SIGNS = (b"+", b"-")
_FIRST_PARTS = (b"[1\\", b"[1/")


class Layout(NamedTuple):
    """How a line begins: ``2026-11-21 19:49:21[.123][ +0100] [[pid] ]``. The first ``key`` bytes tell the second (with
    the zone and the blank behind it, unless there are ``millis``econds); ``zone`` is empty or ``b"+0100"``; ``pid``
    says whether a process id in brackets follows."""

    key: int
    millis: bool
    zone: bytes
    pid: bool

    @property
    def words(self) -> int:
        """How many words stand before the message id."""
        return 2 + bool(self.zone) + self.pid


PLAIN = Layout(key=20, millis=False, zone=b"", pid=False)
"""As Exim logs when nothing else is asked for."""


def layout_of(line: bytes) -> Layout:
    """The layout of a line that begins with a stamp; it says nothing of lines that do not."""
    clock, zone, process = (*line[11:].split(b" ", 3), b"", b"", b"")[:3]
    millis = len(clock) == 12 and clock[8:9] == b"."
    key = 12 + len(clock)
    if zone[:1] in _SIGNS and len(zone) == 5 and zone[1:].isdigit():
        key += 6
    else:
        zone, process = b"", zone
    return Layout(19 if millis else key, millis, zone, process[:1] == b"[" and process[-1:] == b"]")


class Clock:
    """Tells the seconds since 1970 of Exim's stamps. ``zone`` is the one of stamps that name none, ``None`` the
    system's. An hour that a change of the clocks repeats is taken for its first pass."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._minutes: dict[bytes, int] = {}
        self._syslog = Stamps(zone)

    def seconds(self, line: bytes, layout: Layout) -> int | None:
        """The time of a line of this layout, ``None`` when it does not begin with a stamp."""
        minute, second, zone = line[:16], line[17:19], layout.zone
        ending = line[23:24] if layout.millis else line[layout.key - 1 : layout.key]
        if line[10:11] + line[13:14] + line[16:17] + ending != b" :: " or not second.isdigit():
            return None
        try:
            known = self._minutes.get(minute + zone)
            if known is None:
                known = self._minute(minute, zone)
            return known + int(second)
        except (ValueError, OverflowError, OSError):
            return None

    def _minute(self, minute: bytes, zone: bytes) -> int:
        if len(self._minutes) >= _MANY:
            self._minutes.clear()
        moment = datetime.fromisoformat(minute.decode("ascii")).replace(tzinfo=_zone(zone) if zone else self._zone)
        known = int(moment.timestamp())
        if known not in TIMES:
            raise ValueError
        self._minutes[minute + zone] = known
        return known

    def without_syslog(self, line: bytes, written: float) -> bytes | None:
        """A line that syslog wrote for Exim, as Exim itself would have logged it; ``None`` for any other line.

        Exim's own stamp is kept where it stands behind syslog's. ``written`` (seconds since 1970) gives the year to
        stamps without one. Of a long line that was cut in parts (``[1\\3]``) the first is kept.
        """
        line = unframed(line)
        start = line.find(b": ") + 2
        if start < 2:
            return None
        self._syslog.written(written)
        time = self._syslog.read(line)
        if time is None or b"exim" not in line[self._syslog.columns.host : start]:
            return None
        text = line[start:]
        if text[:3] in _FIRST_PARTS:
            text = text[text.find(b"] ") + 2 :]
        if self.seconds(text, layout_of(text)) is not None:
            return text
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 ").encode() + text


def _zone(zone: bytes) -> tzinfo:
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return timezone(timedelta(minutes=-minutes if zone.startswith(b"-") else minutes))
