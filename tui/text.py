"""Rules for text from outside: cleaned once, at the source boundary, before it can reach a terminal. Also widths in
cells."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "�"

# C0, DEL, C1, soft hyphen, fillers, bidirectional and zero-width marks, separators, selectors, surrogates, tags.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def clean(text: str | bytes) -> str:
    """Make text from outside safe to show: control bytes, escape sequences' bytes, bidirectional and zero-width marks,
    line separators, variation selectors, surrogates and tag characters become U+FFFD; invalid UTF-8 too.

    Printable ASCII, the common case, passes as it is.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if text.isascii() and text.isprintable():
        return text
    return _HARMFUL.sub(REPLACEMENT, text)


def cell_width(text: str) -> int:
    """How many terminal cells ``text`` takes: wide and full-width characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut (with ``…``) or pad ``text`` to exactly ``width`` cells; ``right`` aligns to the right."""
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


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
