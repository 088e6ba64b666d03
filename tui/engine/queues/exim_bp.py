"""Exim's queue as ``exim -bp`` prints it, for when the spool itself cannot be read. It says less: see ``EximBp``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import HOLD, RETRY
from tui.engine.queues.command import output_lines, shown
from tui.engine.queues.listing import Listing, ListingError, Waiting
from tui.text import clean

_AGES = {b"m": 60, b"h": 3600, b"d": 86400, b"w": 604800}
_SIZES = {b"K": 1024, b"M": 1024 * 1024, b"G": 1024 * 1024 * 1024}
_FROZEN = b"*** frozen ***"


class EximBp:
    """Lists the queue by ``exim -bp``. That tells frozen mail from other mail and no more: what is new or being
    delivered counts as ``retry``, accounts are known by the sender's domain only, campaigns not at all."""

    def __init__(self, exim: str, accounts: Accounts, timeout_seconds: float = 120.0) -> None:
        self._command = (exim, "-bp")
        self._accounts = accounts
        self._timeout_seconds = timeout_seconds

    def list(self) -> Listing:
        """List the queue now (see ``QueueLister``)."""
        taken = int(time.time())
        lines = output_lines(self._command, self._timeout_seconds, _failure)
        try:
            messages = {message.id: message for message in self._messages(lines, taken)}
        except (ValueError, IndexError, KeyError) as error:
            raise ListingError(
                f"{shown(self._command)} printed something that is not a queue listing, so the queue is not known."
            ) from error
        return Listing(taken, messages)

    def _messages(self, lines: Iterable[bytes], taken: int) -> Iterator[Waiting]:
        head: bytes | None = None
        recipients: list[bytes] = []
        for line in lines:
            if line.startswith(b"          "):
                recipients.append(line[10:])
            elif line.startswith(b"        D "):
                continue
            elif line.strip():
                if head is not None:
                    yield self._message(head, recipients, taken)
                head, recipients = line, []
        if head is not None:
            yield self._message(head, recipients, taken)

    def _message(self, head: bytes, recipients: Iterable[bytes], taken: int) -> Waiting:
        """One message; ``head`` is `` 25m  2.9K 0t5C6f-0000c8-00 <sender> *** frozen ***``."""
        age, size, id_ = head.split(None, 3)[:3]
        opened = head.index(b"<", head.index(id_))
        sender = head[opened + 1 : head.index(b">", opened)]
        return Waiting(
            id=id_,
            state=HOLD if head.endswith(_FROZEN) else RETRY,
            recipients=tuple(recipients),
            account=None if sender else BOUNCE,
            fallback=self._accounts.by_sender(sender),
            campaign=None,
            size=_size(size),
            arrived=taken - int(age[:-1]) * _AGES[age[-1:]],
        )


def _size(text: bytes) -> int:
    unit = _SIZES.get(text[-1:])
    return int(float(text[:-1]) * unit) if unit else int(text)


def _failure(command: Sequence[str], status: int, said: bytes) -> str:
    last = clean(said.strip().rpartition(b"\n")[2][:300])
    if b"ermission denied" in said:
        return f"{shown(command)} may not list the queue for this user: {last}; run mailtop as root or as Exim's user."
    return f"{shown(command)} failed with exit status {status}, so the queue is not known: {last or 'it said nothing'}"
