"""Long lists as JSON and XML in pieces, none of which holds the interpreter for long. Pure; what writes answers
enters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from xml.sax.saxutils import escape

import msgspec

from tui.text import REPLACEMENT, clean

PIECE_ROWS = 1000
"""How many rows one piece has: well below a millisecond of encoding."""

_NOT_IN_XML = {0xFFFE: REPLACEMENT, 0xFFFF: REPLACEMENT}

Pieces = list[bytes]
"""A body, to be sent in this order; a short one is one piece."""


def json_list(before: bytes, items: Iterable[object], after: bytes) -> Pieces:
    """``before``, the items of a JSON list without its brackets, ``after``."""
    pieces, rest, comma = [before], iter(items), b""
    while some := list(islice(rest, PIECE_ROWS)):
        pieces.append(comma + msgspec.json.encode(some)[1:-1])
        comma = b","
    return _whole([*pieces, after])


def xml_list(before: str, items: Iterable[str], after: str, none: str) -> Pieces:
    """``before``, the items one after the other (``none`` where there is none), ``after``."""
    pieces, rest = [before.encode()], iter(items)
    while some := "".join(islice(rest, PIECE_ROWS)):
        pieces.append(some.encode())
    if len(pieces) == 1:
        pieces.append(none.encode())
    return _whole([*pieces, after.encode()])


def xml_text(text: str) -> str:
    """A text as the content of an element; what XML cannot hold is replaced."""
    if text.isalnum() and text.isascii():
        return text
    return escape(clean(text).translate(_NOT_IN_XML))


def _whole(pieces: Pieces) -> Pieces:
    return pieces if len(pieces) > 3 else [b"".join(pieces)]
