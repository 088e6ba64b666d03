"""Postfix's queue as ``postqueue -j`` lists it, line by line; it tells no campaigns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import HOLD, NEW, PROC, RETRY
from tui.engine.queues.command import output_lines, shown
from tui.engine.queues.listing import LARGEST_BYTES, TIMES, Listing, ListingError, Waiting
from tui.text import clean

_STATES = {"incoming": NEW, "maildrop": NEW, "active": PROC, "deferred": RETRY, "hold": HOLD}
"""Postfix's queues by the state of what they hold; ``postqueue`` lists no others (``showq.c``)."""

_NO_SENDER = "MAILER-DAEMON"
"""How ``postqueue`` prints an empty sender (Postfix's ``empty_address_recipient``)."""


class _Recipient(msgspec.Struct, gc=False):
    address: str


class _Message(msgspec.Struct, gc=False):
    queue_name: str
    queue_id: str
    arrival_time: Annotated[int, Meta(ge=0, lt=TIMES.stop)]
    message_size: Annotated[int, Meta(ge=0, lt=LARGEST_BYTES)]
    sender: str
    recipients: list[_Recipient]


_decode = msgspec.json.Decoder(_Message).decode


class Postqueue:
    """Lists Postfix's queue by ``command``, whose output is one JSON object a line; ``timeout_seconds`` is how long one
    listing may take."""

    def __init__(
        self, accounts: Accounts, command: Sequence[str] = ("postqueue", "-j"), timeout_seconds: float = 120.0
    ) -> None:
        self._accounts = accounts
        self._command = tuple(command)
        self._timeout_seconds = timeout_seconds

    def list(self) -> Listing:
        """List the queue now (see ``QueueLister``). A message that moves to another queue meanwhile can be listed in
        both: the later line stands, since that queue was read later."""
        taken = int(time.time())
        messages: dict[bytes, Waiting] = {}
        unreadable: bytes | None = None
        for line in output_lines(self._command, self._timeout_seconds, _failure):
            message = _decoded(line)
            if message is not None:
                waiting = self._waiting(message)
                messages[waiting.id] = waiting
            elif unreadable is None:
                unreadable = line
        if unreadable is not None:
            raise ListingError(
                f"{shown(self._command)} printed a line that is cut short or is no message in JSON, so the queue is "
                f"not known: {clean(unreadable[:80])}"
            )
        return Listing(taken, messages)

    def _waiting(self, message: _Message) -> Waiting:
        state = _STATES.get(message.queue_name)
        if state is None:
            raise ListingError(
                f"{shown(self._command)} lists a queue named {clean(message.queue_name)}, which mailtop does not "
                "know; please report it with the version of Postfix."
            )
        sender = b"" if message.sender == _NO_SENDER else _bytes(message.sender)
        return Waiting(
            id=_bytes(message.queue_id),
            state=state,
            recipients=tuple([_bytes(recipient.address) for recipient in message.recipients]),
            account=None if sender else BOUNCE,
            fallback=self._accounts.by_sender(sender),
            campaign=None,
            size=message.message_size,
            arrived=message.arrival_time,
            transient=message.queue_name == "maildrop",
            sender=sender,
        )


def _decoded(line: bytes) -> _Message | None:
    # An address need not be UTF-8, JSON must be.
    for text in (line, line.decode("utf-8", "replace").encode()):
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode(text)
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _failure(command: Sequence[str], status: int, said: bytes) -> str:
    """One sentence for a command that ended with ``status`` and ``said`` this on standard error."""
    name = shown(command)
    if b"not allowed to view the mail queue" in said:
        return (
            f"{name}: Postfix does not let this user see the queue; add the user to `authorized_mailq_users` in "
            "main.cf or run mailtop as root."
        )
    if b"mail system is down" in said:
        return (
            f"{name}: Postfix is not running, and then only root can list its queue; start it with `postfix start` "
            "or run mailtop as root."
        )
    if b"usage:" in said or b"invalid option" in said or b"illegal option" in said:
        return f"{name} is not understood; listing the queue needs Postfix 3.1 or newer."
    last = clean(said.strip().rpartition(b"\n")[2][:300])
    ended = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
    return f"{name} {ended}, so the queue is not known" + (f": {last}" if last else "; it said nothing.")
