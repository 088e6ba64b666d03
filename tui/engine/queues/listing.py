"""What every queue listing says: the messages that wait now, each with the recipients that still wait."""

from __future__ import annotations

from typing import Protocol

import msgspec

LARGEST_BYTES = 10**15
TIMES = range(10**12)
"""No message is as large, and none came before 1970 or after so many seconds: what says so is damaged, and no ledger
could keep it."""


class ListingError(Exception):
    """The queue could not be listed; the text says what, where and what to do. Never an empty queue."""


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """One message in the queue. ``state`` is one of ``events.NEW PROC RETRY HOLD`` and holds for all its
    ``recipients``.

    ``account`` and ``campaign`` are ``None`` where the listing does not tell; ``fallback`` is the account by the
    envelope sender's domain. ``size`` in bytes, -1 unknown; ``arrived`` in seconds since 1970. ``transient`` marks an
    id that the message gives up without a log line (Postfix ``maildrop``). ``sender`` is the envelope sender, ``b""``
    for a bounce, ``None`` where it could not be read.
    """

    id: bytes
    state: int
    recipients: tuple[bytes, ...]
    account: bytes | None
    fallback: bytes
    campaign: bytes | None
    size: int
    arrived: int
    transient: bool = False
    sender: bytes | None = None


class Listing(msgspec.Struct, frozen=True):
    """The whole queue at ``taken`` (seconds since 1970): ``messages`` by id; its length is what ``exim -bpc`` counts.
    ``problem`` is a sentence on what the mail system itself could not make sense of."""

    taken: int
    messages: dict[bytes, Waiting]
    problem: str | None = None


class QueueLister(Protocol):
    """Lists one mail system's queue."""

    def list(self) -> Listing:
        """List the queue now. Raises ``ListingError`` when any part of it could not be read."""
        ...
