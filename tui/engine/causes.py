"""Why mail waits: replies brought to code, enhanced code and first words, and counted by cell. For the tracker."""

from __future__ import annotations

import re

import msgspec

from tui.engine.batch import CauseDelta, CauseKey
from tui.text import clean

LONGEST_REPLY = 1000
"""So many bytes are kept of the last reply of a cause: what providers say has some hundred."""

WORDS = 7
"""First words of a reply that tell causes apart."""

_CODE = re.compile(rb"(?:(?<=[ :(])|^)[245]\d\d[ -]#?(?=[245]\.\d|\D)")
_TELLING = 72
"""Bytes from the code on that tell why: what follows the first words varies, and would only be normalised again."""

_SMTP = re.compile(r"([245]\d\d)(?:[ -]#?([245]\.\d{1,3}\.\d{1,3}))?[ :-]*")
_PREFIX = re.compile(
    r"^(?:R=\S+ )?(?:T=\S+ )?(?:(?:routing )?defer )?(?:\(-?\d+\)(?: DT=\S+)?:? ?)?(?:H=\S+ (?:\[\S*\]:?)? ?)?"
)
_BRACKETS = re.compile(r"\(in reply to .*|<[^<>]*>|\[[^\[\]]*\]|\([^()]*\d[^()]*\)")
_VARIES = re.compile(r"@|://|\d\D*\d\D*\d")
_CACHE_LIMIT = 4_000


def telling(reply: bytes) -> bytes:
    """The words of a reply that say why: from its SMTP code on, from its beginning without one."""
    start = reply.find(b": 4") + 2
    if start < 2 or not reply[start + 1 : start + 3].isdigit():
        code = _CODE.search(reply)
        start = code.start() if code else 0
    part = reply[start : start + _TELLING]
    return part if len(part) < _TELLING else part[: part.rfind(b" ")]


def normalise(reply: str) -> str:
    """A reply as ``CODE ENHANCED first words``: what the provider repeats, without addresses, hosts and numbers.

    ``reply`` is the telling part of what the mail system logged as the reason. Without an SMTP code the first words
    stand alone.
    """
    found = _SMTP.match(reply)
    head = " ".join(part for part in found.groups() if part) if found else ""
    reply = reply[found.end() :] if found else _PREFIX.sub("", reply)
    words = [word for word in _BRACKETS.sub(" ", reply).split() if not _VARIES.search(word)]
    text = " ".join(words[:WORDS]).strip(" .,:;-(")
    return f"{head} {text}".strip() or "no reason given"


class _Counted(msgspec.Struct, gc=False):
    """How often a cause came, when first and last (seconds since 1970), and what was said then."""

    count: int
    first: int
    last: int
    reply: bytes


class CauseCounter:
    """Counts replies by cell and normalised cause between two batches."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str], _Counted] = {}
        self._normalised: dict[bytes, str] = {}

    def add(self, cell: int, reply: bytes, time: int) -> None:
        """Count one deferral of ``cell`` at ``time`` (seconds since 1970)."""
        part = telling(reply)
        text = self._normalised.get(part)
        if text is None:
            if len(self._normalised) >= _CACHE_LIMIT:
                self._normalised.clear()
            text = self._normalised[part] = normalise(clean(part))
        key = (cell, text)
        counted = self._counts.get(key)
        if counted is None:
            self._counts[key] = _Counted(1, time, time, reply)
            return
        counted.count += 1
        if time >= counted.last:
            counted.last, counted.reply = time, reply
        elif time < counted.first:
            counted.first = time

    def take(self) -> dict[CauseKey, CauseDelta]:
        """What was counted since the last call."""
        taken = {
            CauseKey(*key): CauseDelta(told.count, told.first, told.last, clean(told.reply[:LONGEST_REPLY]))
            for key, told in self._counts.items()
        }
        self._counts = {}
        return taken
