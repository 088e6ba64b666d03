"""Rules for text from outside: cleaned once, at the source boundary, before it can reach a terminal. Also what of it
has a sure width there, in cells."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

REPLACEMENT = "�"

_NARROW = (
    " -~\xa0-\xac\xae-\u02ff\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u0482"
    "\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u22ff\u2500-\u25fc\u2800-\u28ff\u2713\u2716\ufffd"
)
_WIDE = "\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
"""Far from all, but what is common, of what takes one cell and two in every terminal."""

_is_narrow = re.compile(f"[{_NARROW}]*").fullmatch
_is_sure = re.compile(f"[{_NARROW}{_WIDE}]*").fullmatch

_LETTER_A, _FIRST_FLAG, _LAST_FLAG = ord("A"), 0x1F1E6, 0x1F1FF
_SKIN_TONES = range(0x1F3FB, 0x1F400)

MOST_MARKS = 3
"""So many combining marks stand on one character; others could not be read, and cost a slow link a lot."""


@cache  # to compile such a pattern takes milliseconds, and few texts need it
def _harmful() -> re.Pattern[str]:
    """C0, DEL, C1, soft hyphen, fillers, bidirectional, zero-width marks, separators, selectors, surrogates, tags."""
    return re.compile(
        "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
        "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U00013430-\U0001345f\U0001bca0-\U0001bca3"
        "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    )


@cache
def _unsure() -> re.Pattern[str]:
    """Vowels and endings of a Hangul syllable, which take no cell or one; symbols that Unicode 16 made wide."""
    return re.compile("[\u1160-\u11ff\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\ud7b0-\ud7ff\U0001d300-\U0001d37f]")


def clean(text: str | bytes) -> str:
    """Make text from outside safe to show: control bytes, escape sequences' bytes, bidirectional and zero-width marks,
    line separators, variation selectors, surrogates and tag characters become U+FFFD; invalid UTF-8 too.

    Printable ASCII, the common case, passes as it is.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return text
    return _harmful().sub(REPLACEMENT, text)


def shown(text: str) -> str:
    """``text`` as it is sent to a terminal: each character of which terminals do not agree how many cells it takes is
    U+FFFD, or left out where it takes none; a flag is its letters. The last defence too: what ``clean`` replaces is
    replaced here, whoever forgot. The cells it takes, by ``cell_width``, stay the same.

    xterm, VTE, kitty, tmux, the C library, Rich and wcwidth differ on: spacing marks of Indic scripts, parts of Hangul
    syllables, tones of skin, flags, and what the tables of one of them do not know yet.
    """
    if _is_sure(text):
        return text
    kept, marks = [], 0
    for char in text:
        sign = _sign(char)
        marks = 0 if sign and _char_width(sign) else marks + len(sign)
        if marks <= MOST_MARKS:
            kept.append(sign)
    return "".join(kept)


def cell_width(text: str) -> int:
    """How many terminal cells ``text`` takes when ``shown``: wide and full-width characters two, combining marks
    none."""
    if text.isascii() or _is_narrow(text):
        return len(text)
    return sum(map(_char_width, text))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut (with ``…``) or pad ``text``, as it is ``shown``, to exactly ``width`` cells; ``right`` aligns to the
    right."""
    text = shown(text[: (MOST_MARKS + 1) * (width + 1)])
    taken = cell_width(text)
    if taken > width:
        text = _cut(text, width)
        taken = cell_width(text)
    padding = " " * (width - taken)
    return padding + text if right else text + padding


def _cut(text: str, width: int) -> str:
    if width <= 0:
        return ""
    used, kept = 1, []
    for char in text:
        used += _char_width(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept) + "…"


@lru_cache(maxsize=4096)
def _char_width(char: str) -> int:
    sign = _sign(char)
    if not sign or unicodedata.category(sign) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


@lru_cache(maxsize=4096)
def _sign(char: str) -> str:
    code = ord(char)
    if _FIRST_FLAG <= code <= _LAST_FLAG:
        return chr(_LETTER_A + code - _FIRST_FLAG)
    if code in _SKIN_TONES:
        return ""
    if unicodedata.category(char) in ("Cf", "Cn", "Co", "Mc") or _unsure().match(char):
        return REPLACEMENT
    return clean(char)
