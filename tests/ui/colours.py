"""How far colours are apart for eyes of every kind, as pure functions; for tests of themes."""

from __future__ import annotations

import math

from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color

SEEN_BY = {
    "all": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Linear RGB as it is seen: Machado, Oliveira and Fernandes 2009, table 1, severity 1.0."""


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def distance(one: Color, other: Color, eyes: str = "all") -> float:
    """How different two colours look to ``eyes`` (a key of ``SEEN_BY``), in CIELAB delta E of 1976: 2 can just be told
    apart side by side, 20 at a glance."""
    return math.dist(_lab(one, eyes), _lab(other, eyes))


def in_256(color: Color) -> Color:
    """The colour that a terminal of 256 shows, by Rich, which chooses it."""
    red, green, blue = RichColor.from_rgb(*color.rgb).downgrade(ColorSystem.EIGHT_BIT).get_truecolor()
    return Color(red, green, blue)


def _linear(color: Color) -> tuple[float, ...]:
    parts = [part / 255 for part in color.rgb]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def _luminance(color: Color) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), _linear(color), strict=True))


def _lab(color: Color, eyes: str) -> tuple[float, float, float]:
    """CIELAB for D65 of what ``eyes`` see."""
    linear = _linear(color)
    red, green, blue = (
        min(max(sum(weight * part for weight, part in zip(row, linear, strict=True)), 0.0), 1.0)
        for row in SEEN_BY[eyes]
    )
    x, y, z = (
        _curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505),
        _curve(0.2126 * red + 0.7152 * green + 0.0722 * blue),
        _curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089),
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _curve(part: float) -> float:
    return part ** (1 / 3) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116
