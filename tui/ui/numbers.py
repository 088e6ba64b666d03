"""Numbers as the screen writes them: short, of a known width, and a sign of its own for what is unknown. Pure
functions."""

from __future__ import annotations

LEAST_CHANGE = 0.05
"""A change a minute below this is none."""

GROWING, STEADY, EMPTY = "growing", "steady", "empty"
"""What is said of a queue that does not drain."""

_UNITS = ("", "k", "M", "G", "T", "P", "E")


def count(value: int | None, width: int, unknown: str) -> str:
    """A count with thousands separators, shortened (``12.3k``, ``1.23M``) where ``width`` cells do not hold it."""
    if value is None:
        return unknown
    full = f"{value:,}"
    return full if len(full) <= width else short(value)


def short(value: float) -> str:
    """Three digits and a unit of a thousand: at most five characters, six with a minus."""
    size, unit = abs(float(value)), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    digits = 0 if unit == 0 or size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{'-' if value < 0 else ''}{size:.{digits}f}{_UNITS[unit]}"


def size_bytes(value: int | None, unknown: str) -> str:
    """A number of bytes: ``412 MB`` (powers of 1000)."""
    if value is None:
        return unknown
    text = short(value)
    if text[-1].isdigit():
        return f"{text} B"
    return f"{text[:-1]} {text[-1]}B"


def rate(value: float | None, unknown: str) -> str:
    """A rate a minute, without its unit: one decimal below ten, unless it is 0."""
    if value is None:
        return unknown
    return f"{value:.1f}".removesuffix(".0") if 0 < value < 9.95 else short(value)


def change(value: float | None, width: int, unknown: str) -> str:
    """A change a minute with its sign; 0 has none."""
    if value is None:
        return unknown
    if abs(value) < LEAST_CHANGE:
        return "0"
    text = f"{value:+.1f}".removesuffix(".0") if abs(value) < 9.95 else f"{value:+,.0f}"
    return text if len(text) <= width else f"{'+' if value > 0 else ''}{short(value)}"


def share(part: int, whole: int, unknown: str) -> str:
    """``part`` of ``whole`` in percent."""
    return f"{100 * part / whole:.1f}%" if whole else unknown


def percent(part: float | None, unknown: str) -> str:
    """A part of one in percent."""
    return unknown if part is None else f"{100 * part:.1f}%"


def drain(total: int, change_per_minute: float | None, unknown: str) -> str:
    """How long until nothing waits if it goes on like this: ``42 min``, ``3 h``, ``5 d``; or that it does not end."""
    if not total:
        return EMPTY
    if change_per_minute is None:
        return unknown
    if abs(change_per_minute) < LEAST_CHANGE:
        return STEADY
    if change_per_minute > 0:
        return GROWING
    minutes = total / -change_per_minute
    for size, unit, most in ((1, "min", 60), (60, "h", 48), (1440, "d", 100)):
        if round(minutes / size) < most:
            return f"{round(minutes / size)} {unit}" if minutes >= 1 else "<1 min"
    return ">99 d"


def age(seconds: float, least_seconds: int) -> str:
    """An age in steps so coarse that what is live does not change each second: ``<5s``, ``20s``, ``3m``, ``2h``,
    ``4d``. ``least_seconds`` is the age below which nothing is told apart."""
    if seconds < least_seconds:
        return f"<{least_seconds}s"
    if seconds < 60:
        return f"{int(max(seconds, 10)) // 10 * 10}s" if seconds >= 10 else f"{int(seconds)}s"
    if seconds < 3600:
        return f"{int(seconds) // 60}m"
    if seconds < 2 * 86400:
        return f"{int(seconds) // 3600}h"
    return f"{int(seconds) // 86400}d"


def span(seconds: int) -> str:
    """A span of time in its largest whole unit: ``5 min``, ``1 h``."""
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"
