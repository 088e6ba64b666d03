"""Campaigns from the headers of Postfix's queue files, by ``postcat``: of mail whose campaign the log does not tell."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Sequence

from tui.engine.queues.command import not_run, output_lines, shown
from tui.engine.queues.listing import ListingError
from tui.text import clean

LIMIT = 2000
"""How many messages are asked for at once: ``postcat`` takes 6 ms to start and 0.12 ms for each."""

TIMEOUT_SECONDS = 0.5
PAUSE_SECONDS = 300.0
"""How long ``postcat`` is left alone after it told nothing."""

_MARK = b"*** "
_ENVELOPE = b"*** ENVELOPE RECORDS "
_MESSAGE = b"*** MESSAGE CONTENTS "
_CAMPAIGN = b"x-campaign-id:"
_LONGEST = 1000


class Postcat:
    """Asks ``command``, which shows envelope and header of the queue files whose ids follow it (it needs root or the
    user postfix), for at most ``limit`` messages in at most ``timeout_seconds`` a time."""

    def __init__(
        self,
        command: Sequence[str] = ("postcat", "-qeh"),
        limit: int = LIMIT,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._command = tuple(command)
        self._limit = limit
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._asked: set[bytes] = set()
        self._problem = ""
        self._again = 0.0

    def campaigns(self, ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """The ``X-Campaign-ID`` of the queued messages ``ids`` that have one, as far as the bounds allow.

        A message is asked for once, as long as each call names it. Raises ``ListingError`` when there is something to
        ask for and ``postcat`` tells nothing.
        """
        new = self._not_asked(ids)
        if not new:
            return {}
        told = self._told(new) if time.monotonic() >= self._again else {}
        self._asked.update(told)
        campaigns = {id_: campaign for id_, campaign in told.items() if campaign}
        if not campaigns and time.monotonic() < self._again:
            raise ListingError(self._problem)
        return campaigns

    def _not_asked(self, ids: Iterable[bytes]) -> list[bytes]:
        """The first of ``ids`` that were not asked for; of all others no memory is kept."""
        new: list[bytes] = []
        asked: set[bytes] = set()
        for id_ in ids:
            if id_ in self._asked:
                asked.add(id_)
            elif len(new) < self._limit and id_.isalnum():  # nothing that could be an option
                new.append(id_)
        self._asked = asked
        return new

    def _told(self, ids: list[bytes]) -> dict[bytes, bytes]:
        """The campaigns of the messages that were asked for, ``b""`` where there is none or nothing to be read."""
        deadline = time.monotonic() + self._timeout_seconds
        told: dict[bytes, bytes] = {}
        while ids and (seconds := deadline - time.monotonic()) > 0:
            read: dict[bytes, bytes] = {}
            trouble = self._read(ids, seconds, read)
            told |= read
            if trouble is None:
                break
            ids = [id_ for id_ in ids if id_ not in read]
            if read and time.monotonic() >= deadline:
                break
            # It ends at the first message that it cannot show, which mostly left the queue meanwhile: on to the next.
            told.update(dict.fromkeys(ids[:1], b""))
            ids = ids[1:]
            if trouble and not read:
                self._problem, self._again = trouble, time.monotonic() + self._pause_seconds
                break
        return told

    def _read(self, ids: list[bytes], timeout_seconds: float, read: dict[bytes, bytes]) -> str | None:
        """Run the command once and add what it shows to ``read``; gives why it ended too early, ``""`` when that is a
        message that is gone."""
        command = (*self._command, *(id_.decode("ascii") for id_ in ids))
        try:
            _parse(output_lines(command, timeout_seconds, self._failure), read)
        except ListingError as error:
            cause = error.__cause__
            if isinstance(cause, TimeoutError | subprocess.TimeoutExpired):
                return f"{shown(self._command)} did not end in time, so campaigns are known from the log alone."
            return str(not_run(self._command, cause)) if isinstance(cause, OSError) else str(error)
        return None

    def _failure(self, _command: Sequence[str], status: int, said: bytes) -> str:
        """One sentence for a ``postcat`` that ended with ``status`` and ``said`` this on standard error."""
        if b"No such file or directory" in said:
            return ""
        last = clean(said.strip().rpartition(b"\n")[2][:300])
        if b"Permission denied" in said:
            last = "reading queue files needs root, or the user postfix"
        return (
            f"{shown(self._command)} failed, so campaigns are known from the log alone: "
            f"{last or f'it ended with status {status} and said nothing'}."
        )


def _parse(lines: Iterable[bytes], campaigns: dict[bytes, bytes]) -> None:
    """Add to ``campaigns``, by id, the campaign (``b""``: none) of each message that is shown to the end of its header.
    No header that came over SMTP looks like a mark."""
    id_, campaign = b"", b""
    in_header = wanted = folded = False
    for line in lines:
        if line.startswith(_MARK):
            if in_header:
                campaigns[id_] = campaign.strip()
            in_header = line.startswith(_MESSAGE)
            if line.startswith(_ENVELOPE):
                id_, campaign = line[len(_ENVELOPE) :].removesuffix(b" ***").rpartition(b"/")[2], b""
                wanted, folded = True, False
        elif in_header and wanted:
            if folded and line[:1] in (b" ", b"\t"):
                campaign += b" " + line.strip()
                wanted = len(campaign) < _LONGEST
            elif folded:
                wanted = False
            elif line[: len(_CAMPAIGN)].lower() == _CAMPAIGN:
                campaign, folded = line[len(_CAMPAIGN) : _LONGEST], True
