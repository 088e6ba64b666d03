"""Why mail waits: replies brought to code, enhanced code and first words, and counted by cell. For the tracker."""

from __future__ import annotations

import re

from tui.engine.batch import CauseDelta, CauseKey
from tui.text import clean

LONGEST_REPLY = 300
WORDS = 7
"""First words of a reply that tell causes apart."""

_SMTP = re.compile(r"(?<![\d.:])([245]\d\d)(?:[ -]#?([245]\.\d{1,3}\.\d{1,3}))?[ -]+(?=\D|$)")
_PREFIX = re.compile(
    r"^(?:R=\S+ )?(?:T=\S+ )?(?:(?:routing )?defer )?(?:\(-?\d+\)(?: DT=\S+)?:? ?)?(?:H=\S+ (?:\[\S*\]:?)? ?)?"
)
_BRACKETS = re.compile(r"\(in reply to [^()]*\)|<[^<>]*>|\[[^\[\]]*\]|\([^()]*\d[^()]*\)")
_CACHE_LIMIT = 4_000


def normalise(reply: str) -> str:
    """A reply as ``CODE ENHANCED first words``: what the provider repeats, without addresses, hosts and numbers.

    ``reply`` is what the mail system logged as the reason. Without an SMTP code the first words stand alone.
    """
    found = _SMTP.search(reply)
    head = ""
    if found is not None:
        head = " ".join(part for part in found.groups() if part)
        reply = reply[found.end() :]
    else:
        reply = _PREFIX.sub("", reply)
    words = [word for word in _BRACKETS.sub(" ", reply).split() if not _varies(word)]
    text = " ".join(words[:WORDS]).strip(" .,:;-(")
    return f"{head} {text}".strip() or "no reason given"


def _varies(word: str) -> bool:
    return "@" in word or "://" in word or sum(map(str.isdigit, word)) >= 3


class CauseCounter:
    """Counts replies by cell and normalised cause between two batches."""

    def __init__(self) -> None:
        self._counts: dict[CauseKey, CauseDelta] = {}
        self._normalised: dict[bytes, tuple[str, str]] = {}

    def add(self, cell: int, reply: bytes, time: int) -> None:
        """Count one deferral of ``cell`` at ``time`` (seconds since 1970)."""
        known = self._normalised.get(reply)
        if known is None:
            if len(self._normalised) >= _CACHE_LIMIT:
                self._normalised.clear()
            text = clean(reply[:2000])
            known = self._normalised[reply] = (normalise(text), text[:LONGEST_REPLY])
        key = CauseKey(cell, known[0])
        delta = self._counts.get(key)
        if delta is None:
            self._counts[key] = CauseDelta(1, time, time, known[1])
            return
        delta.count += 1
        delta.first_seen = min(delta.first_seen, time)
        if time >= delta.last_seen:
            delta.last_seen = time
            delta.last_reply = known[1]

    def take(self) -> dict[CauseKey, CauseDelta]:
        """What was counted since the last call."""
        counts, self._counts = self._counts, {}
        return counts
