"""The few signs the screen draws with, in Unicode and in plain ASCII, and text cut to cells with them. No widget in
here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec
from msgspec.structs import replace

from tui.hub.protocol import TREND_GAP, TREND_LEVELS
from tui.model import STATES, Freshness
from tui.text import cell_width, fit, shown
from tui.ui.abilities import abilities


class Glyphs(msgspec.Struct, frozen=True):
    """One set of signs, each one cell wide but ``well``, that all is as it should be; ``per_minute`` is a column's
    head. ``states`` are what a row's bar is made of: one sign a state where colour cannot tell them apart. ``levels``
    are what a trend is drawn with, from nothing to its highest; ``gap`` stands for what is not known in it. ``focus``
    is the edge of the part that has the keys, as ``edge`` is of the others."""

    ascii: bool
    step: str
    cursor: str
    down: str
    up: str
    edge: str
    unknown: str
    wait: str
    problem: str
    well: str
    unverified: str
    marked: str
    follow: str
    focus: str
    bullet: str
    gap: str
    levels: str
    per_minute: str
    states: Mapping[str, str]
    freshness: Mapping[Freshness, str]

    def plain(self, text: str) -> str:
        """``text`` as this terminal can show it, in the same cells: as it is, or with a sign for what would harm it or
        would not keep its place, and ``?`` for what ASCII lacks."""
        if text.isascii() and text.isprintable():
            return text
        text = shown(text)
        return text.encode("ascii", "replace").decode("ascii") if self.ascii else text

    def fit(self, text: str, width: int, *, right: bool = False) -> str:
        """``text`` cut or padded to ``width`` cells, in signs this terminal can show."""
        if not self.ascii:
            return fit(text, width, right=right)
        return fit(self.plain(text[: width + 1]), width, right=right).replace("…", self.wait)

    def width(self, text: str) -> int:
        """The cells that ``text`` takes when shown."""
        return cell_width(self.plain(text))

    def trend(self, levels: str) -> str:
        """A row's trend, in the protocol's ``TREND_LEVELS``, as signs."""
        return levels.translate(_trend_signs(self.levels, self.gap))


@cache
def _trend_signs(levels: str, gap: str) -> dict[int, int]:
    return str.maketrans(TREND_LEVELS + TREND_GAP, levels + gap)


LETTERS = {state: state[0] for state in STATES}

UNICODE = Glyphs(
    ascii=False,
    step="▸",
    cursor="▌",
    down="▼",
    up="▲",
    edge="▎",
    unknown="–",
    wait="…",
    problem="✖",
    well="✓",
    unverified="!",
    marked="✓",
    follow="»",
    focus="▍",
    bullet="•",
    gap=" ",
    levels="_▁▂▃▄▅▆▇█",
    per_minute="Δ/min",
    states=dict(zip(STATES, "─╌━╍", strict=True)),
    freshness={
        Freshness.LIVE: "●",
        Freshness.STALE: "◌",
        Freshness.PARTIAL: "◐",
        Freshness.ERROR: "✖",
        Freshness.PAUSED: "■",
        Freshness.REPLAY: "▶",
    },
)

ASCII = Glyphs(
    ascii=True,
    step=">",
    cursor=">",
    down="v",
    up="^",
    edge="|",
    unknown="-",
    wait="~",
    problem="!",
    well="ok",
    unverified="!",
    marked="x",
    follow="&",
    focus="#",
    bullet="*",
    gap=" ",
    levels="_.:-=+*#@",
    per_minute="+-/min",
    states=LETTERS,
    freshness={
        Freshness.LIVE: "*",
        Freshness.STALE: "~",
        Freshness.PARTIAL: "%",
        Freshness.ERROR: "!",
        Freshness.PAUSED: "=",
        Freshness.REPLAY: ">",
    },
)


def glyphs_for(environ: Mapping[str, str], *, colour: bool, ascii: bool = False) -> Glyphs:
    """The signs for the terminal that ``environ`` describes, or ``ascii`` ones; with ``colour`` or without."""
    if abilities(environ, ascii=ascii).ascii:
        return ASCII
    return UNICODE if colour else replace(UNICODE, states=LETTERS)
