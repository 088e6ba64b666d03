"""What a terminal can show, told by its environment: a pure function. Anyone in ``ui`` may enter."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping

import msgspec

FEW_COLOURS, MILLIONS = 16, 1 << 24

_FEW_SIGNS = re.compile(r"linux|vt\d|ansi|cons25|sun|wy\d|dumb|unknown")
"""Terminals whose fonts lack our signs. The fonts that Debian gives the Linux console have neither parts of a block nor
braille, nor ✖ ◌ ◐ ✓; consoles of serial lines (``vt220``) show whatever is at their other end."""

_NO_COLOUR = re.compile(r"vt\d|sun$|wy\d|dumb|unknown|.*-m(ono)?$")
_SERIAL = re.compile(r"vt\d|wy\d")
_FEW_COLOURS = re.compile(r"linux|ansi|cons25|cygwin")


class Abilities(msgspec.Struct, frozen=True):
    """What a terminal can show: ``ascii`` nothing but ASCII; ``colours`` how many, 0, 16 (``FEW_COLOURS``), 256 or
    ``MILLIONS``; ``lite`` that little should be sent to it."""

    ascii: bool
    colours: int
    lite: bool

    @property
    def colour(self) -> bool:
        """Whether it shows any colour."""
        return self.colours > 0


def abilities(environ: Mapping[str, str], *, ascii: bool = False, lite: bool = False) -> Abilities:
    """What the terminal that ``environ`` describes can show (``TERM``, ``COLORTERM``, ``NO_COLOR``, ``LC_ALL``,
    ``LC_CTYPE``, ``LANG``); less where the user says so.

    Colours are counted as Rich does, which writes them. ``NO_COLOR`` counts where it is not empty
    (https://no-color.org). Where ``TERM`` is missing, there is a web page or a test and no terminal.
    """
    term = environ.get("TERM", "").lower()
    return Abilities(
        ascii=ascii or not speaks_utf8(environ) or _FEW_SIGNS.match(term) is not None,
        colours=_colours(environ, term),
        lite=lite or _SERIAL.match(term) is not None,
    )


def speaks_utf8(environ: Mapping[str, str]) -> bool:
    """Whether the locale says UTF-8. Python's own encodings do not tell: under ``LC_ALL=C`` it switches itself to UTF-8
    (PEP 540)."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    return "utf8" in locale.lower().replace("-", "")


def tell_textual(able: Abilities, environ: MutableMapping[str, str]) -> None:
    """Have Textual, which knows ``NO_COLOR`` alone and takes it as set even when it is empty, see what we see; to be
    called before the app is made."""
    environ.pop("NO_COLOR", None)
    if not able.colour:
        environ["NO_COLOR"] = "1"


def _colours(environ: Mapping[str, str], term: str) -> int:
    if environ.get("NO_COLOR") or _NO_COLOUR.match(term):
        return 0
    if _FEW_COLOURS.match(term):
        return FEW_COLOURS
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return MILLIONS
    return 256 if not term or term.rpartition("-")[2] in ("256color", "kitty") else FEW_COLOURS
