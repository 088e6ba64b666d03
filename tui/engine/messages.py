"""The live messages of a mail system: whose each is and which recipients wait. The tracker's memory, a blob each."""

from __future__ import annotations

import msgspec

from tui.engine.events import HOLD, NEW, PROC, RETRY

SUBMISSION_KEPT_SECONDS = 24 * 3600
"""How long a message that was begun and never arrived is remembered (a client that hung up)."""

ABSENT_KEPT_SECONDS = 3600
"""How long a message that left the queue without a line is remembered, for lines that come late."""

STATE_BITS = 2
STATE_MASK = 3

Credit = tuple[int, int, int, int]
"""An event that was counted for a message whose attribution is not certain yet: minute, ISP id, column, amount."""


class Message(msgspec.Struct, array_like=True, gc=False):
    """One live message.

    ``cell`` is the key of its campaign's cell without the ISP: what is counted for it goes there. ``account`` and
    ``campaign`` are what is certain of them. ``units`` are the recipients that wait: address -> ISP id << 2 | state.
    ``state`` is the state of its units but for ``held``. ``credits`` is kept while the attribution may still change.
    ``pending`` are the recipients of its arrival in ``minute`` while their waiting is not counted yet: most mail is
    finished in the minute it came. ``early`` are recipients that were finished before they counted. ``seen`` is when it
    was last heard of (seconds since 1970). ``absent`` is how many units the last listing lacked, -1 when it was in the
    queue; ``unlogged`` how many a listing showed before any line did.
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
    absent: int = -1
    unlogged: int = 0

    @property
    def unit_state(self) -> int:
        """The state that a unit of the message has now."""
        return HOLD if self.held else self.state

    def release(self) -> None:
        """No longer held: tried mail goes back to ``retry``."""
        self.held = False
        if self.state == PROC:
            self.state = RETRY

    def forgotten(self, time: int) -> bool:
        """Whether at ``time`` it is only a begun submission of long ago, or left the queue long ago."""
        if self.absent >= 0:
            return time - self.seen > ABSENT_KEPT_SECONDS
        return not self.sent and not self.units and time - self.seen > SUBMISSION_KEPT_SECONDS


encode_message = msgspec.msgpack.Encoder().encode
"""The blob of a message, as the ledger keeps it."""

decode_message = msgspec.msgpack.Decoder(Message).decode
"""The message in a blob; raises ``msgspec.DecodeError``."""
