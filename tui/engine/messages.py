"""The live messages of a mail system: whose each is and which recipients wait. The tracker's memory, a blob each."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tui.engine.batch import ISP_BITS, ISP_MARKS, ISP_MASK, Place
from tui.engine.events import HOLD, NEW, PROC, RETRY
from tui.model import STATES, WaitingMessage
from tui.text import clean

SUBMISSION_KEPT_SECONDS = 24 * 3600
"""How long a message that was begun and never arrived is remembered (a client that hung up)."""

ABSENT_KEPT_SECONDS = 3600
"""How long a message that left the queue without a line is remembered, for lines that come late."""

WATCHED_SECONDS = 5
"""A message that the log told of so soon after it came was not tried before: no mail system tries again sooner."""

SHORT = 16
"""Among so many recipients one is found at once, without a table of them."""

LONGEST_ADDRESS = 320
"""So much is shown of an address (RFC 5321: 64 and 255 octets, and the ``@``)."""

IN_QUEUE, ENDED = -1, -2
"""What ``absent`` says of a message that waits, and of one that a line ended though nobody said what became of all its
recipients."""

STATE_BITS = 2
STATE_MASK = 3
ATTEMPT = 1 << STATE_BITS + ISP_BITS

Credit = tuple[int, int, int, int]
"""An event that was counted for a message whose attribution is not certain yet: minute, ISP id, column, amount."""


class Message(msgspec.Struct, array_like=True, gc=False):
    """One live message.

    ``cell`` is the key of its campaign's cell without the ISP: what is counted for it goes there. ``account`` and
    ``campaign`` are what is certain of them. ``units`` are the recipients that wait: address -> state, above it the ISP
    id, above that the attempts: deferral events that named the recipient (of an alias each address counts).
    ``state`` is the state of its units but for ``held``. ``credits`` is kept while the attribution may still change.
    ``pending`` are the recipients of its arrival in ``minute`` while their waiting is not counted yet: most mail is
    finished in the minute it came. ``early`` are recipients that were finished before they counted. ``seen`` is when it
    was last heard of (seconds since 1970). ``absent`` is how many units the last listing lacked, else ``IN_QUEUE`` or
    ``ENDED``; ``unlogged`` how many a listing showed before any line did. ``sender`` is its envelope sender,
    ``arrived`` when it came, by the log or else the listing, ``heard`` when a line first told of it: long after it came
    when the log does not reach back so far, and then its attempts are not known. All three are ``None`` where nobody
    told.

    ``owed`` is its part of ``Balance.difference``: recipients that were accepted, do not wait, and no line says how
    they ended; below zero: outcomes of recipients that nobody accepted. ``unnamed`` are those that its arrival
    declared by number and no line has named yet; ``declared`` says that it named them all. ``aliases`` are recipients
    of which addresses that they stood for had outcomes, ``failed`` those that failed: Exim's queue has them until the
    bounce is sent.
    """

    cell: int
    credits: list[Credit] | None = None
    account: bytes | None = None
    campaign: bytes = b""
    units: dict[bytes, int] = {}
    state: int = NEW
    held: bool = False
    submitted: bool = False
    sent: bool = False
    sized: bool = False
    pending: tuple[bytes, ...] | None = None
    minute: int = 0
    early: list[bytes] | None = None
    seen: int = 0
    absent: int = IN_QUEUE
    unlogged: int = 0
    sender: bytes | None = None
    arrived: int | None = None
    heard: int | None = None
    owed: int = 0
    unnamed: int = 0
    declared: bool = False
    aliases: set[bytes] | None = None
    failed: list[bytes] | None = None

    @property
    def unit_state(self) -> int:
        """The state that a unit of the message has now."""
        return HOLD if self.held else self.state

    @property
    def is_long(self) -> bool:
        """Whether ``awaits`` takes a search among many."""
        return self.pending is not None and len(self.pending) + len(self.early or ()) > SHORT

    def awaits(self, recipient: bytes) -> bool:
        """Whether it waits for a recipient."""
        if self.pending is not None:
            return recipient in self.pending and recipient not in (self.early or ())
        return recipient in self.units

    def release(self) -> None:
        """No longer held: tried mail goes back to ``retry``."""
        self.held = False
        if self.state == PROC:
            self.state = RETRY

    @property
    def since(self) -> int | None:
        """When it came, or at the latest; ``None`` where nobody told."""
        return self.heard if self.arrived is None else self.arrived

    @property
    def watched(self) -> bool:
        """Whether the log told of it from its beginning, so that all attempts are counted."""
        return self.heard is not None and self.arrived is not None and self.heard - self.arrived <= WATCHED_SECONDS

    @property
    def place(self) -> Place | None:
        """Where the ledger finds it among those that wait; ``None`` when nobody waits for it."""
        if not self.units:
            return None
        isps = 0
        for unit in self.units.values():
            isps |= isp_mark(unit >> STATE_BITS & ISP_MASK)
        return self.since or 0, self.cell >> ISP_BITS, isps

    def forgotten(self, time: int) -> bool:
        """Whether at ``time`` it is only a begun submission of long ago, or left the queue long ago."""
        if self.absent != IN_QUEUE:
            return not self.units and time - self.seen > ABSENT_KEPT_SECONDS
        return not self.sent and not self.units and time - self.seen > SUBMISSION_KEPT_SECONDS


def isp_mark(isp_id: int) -> int:
    """The bit of a ``Place`` that says that mail may wait for this ISP; some ISPs share one."""
    return 1 << isp_id % ISP_MARKS


def shown(id_: bytes, message: Message, isp_id: int | None = None) -> Iterator[WaitingMessage]:
    """What waits of a message, of one ISP where it is given, a recipient each; cleaned."""
    sender = None if message.sender is None else clean(message.sender[:LONGEST_ADDRESS])
    for recipient, unit in message.units.items():
        if isp_id is None or unit >> STATE_BITS & ISP_MASK == isp_id:
            attempts, state = unit // ATTEMPT, unit & STATE_MASK
            # Put off, and no line says so: a listing named the recipient first.
            known = message.watched and (attempts > 0 or state != RETRY)
            yield WaitingMessage(
                id=clean(id_),
                sender=sender,
                recipient=clean(recipient[:LONGEST_ADDRESS]),
                state=STATES[state],
                arrived=message.arrived,
                attempts=attempts if known else None,
            )


encode_message = msgspec.msgpack.Encoder().encode
"""The blob of a message, as the ledger keeps it."""

decode_message = msgspec.msgpack.Decoder(Message).decode
"""The message in a blob; raises ``msgspec.DecodeError``."""
