"""What a log line means, whatever mail system wrote it. Log readers make these, the tracker adds them up.

Ids, addresses and replies stay bytes as logged: text is cleaned when a name first gets its number. Times are whole
seconds since 1970 UTC. Structs are positional and outside the garbage collector's care: millions are made in a row.
"""

from __future__ import annotations

import msgspec

NEW, PROC, RETRY, HOLD = range(4)
"""The four states of a waiting recipient, in the order of ``model.STATES``."""


class Submitted(msgspec.Struct, frozen=True, gc=False):
    """Who handed a message in, told before it is known to be one: Postfix ``smtpd`` ``client=`` with
    ``sasl_username=``,
    ``pickup`` ``uid=``. ``account`` is ``None`` when the line names nobody."""

    time: int
    id: bytes
    account: bytes | None


class CampaignSeen(msgspec.Struct, frozen=True, gc=False):
    """The campaign of a message: Exim's ACL ``logwrite`` line, Postfix's ``header_checks`` INFO line."""

    time: int
    id: bytes
    campaign: bytes


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """A message is in the queue: Exim ``<=``, Postfix ``qmgr`` ``from=`` (again at each retry; only the first counts
    as a send). ``account`` is ``None`` when the line does not tell (an earlier ``Submitted`` may), ``fallback`` is then
    the account by the envelope sender's domain. ``size`` in bytes, -1 unknown. ``recipients`` is ``None`` when the line
    does not list them, and ``declared`` how many there are then (Postfix ``nrcpt=``, at each retry those of before
    too), -1 unknown. ``state`` is NEW for Exim, PROC for Postfix (``queue active``). ``sender`` is the envelope sender
    as logged, ``b""`` for a bounce."""

    time: int
    id: bytes
    account: bytes | None
    fallback: bytes
    size: int
    recipients: tuple[bytes, ...] | None
    state: int
    sender: bytes | None = None
    declared: int = -1


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """One recipient got the message: Exim ``=>`` ``->`` ``>>``, Postfix ``status=sent``. ``address`` is where it went
    (it has the
    domain that names the ISP), ``waiting`` the envelope recipient that waited for it; the same object when they are
    the same."""

    time: int
    id: bytes
    address: bytes
    waiting: bytes


class Deferred(msgspec.Struct, frozen=True, gc=False):
    """One recipient was put off: Exim ``==``, Postfix ``status=deferred``. ``attempt`` is false when nothing was tried
    (Exim's "retry time not reached"), which is not a deferral event. ``reply`` is the reason as logged."""

    time: int
    id: bytes
    address: bytes
    waiting: bytes
    reply: bytes
    attempt: bool


class Failed(msgspec.Struct, frozen=True, gc=False):
    """One recipient failed for good: Exim ``**``, Postfix ``status=bounced`` and ``undeliverable``."""

    time: int
    id: bytes
    address: bytes
    waiting: bytes
    reply: bytes


class Expired(msgspec.Struct, frozen=True, gc=False):
    """Every recipient that still waits failed for good: Postfix ``qmgr`` ``status=expired``."""

    time: int
    id: bytes


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """One recipient no longer waits, without delivery or failure: Exim ``address <…> marked delivered by``, ``*>``
    (``-N``); Postfix ``forwarded as`` another message."""

    time: int
    id: bytes
    waiting: bytes


class Added(msgspec.Struct, frozen=True, gc=False):
    """One recipient more waits: Exim ``recipient <…> added by``."""

    time: int
    id: bytes
    waiting: bytes


class Held(msgspec.Struct, frozen=True, gc=False):
    """The message was frozen or put on hold: Exim ``frozen by``, ``Frozen (``, ``Message is frozen``; Postfix
    ``hold:``, ``placed on hold``."""

    time: int
    id: bytes


class Released(msgspec.Struct, frozen=True, gc=False):
    """The message is no longer held: Exim ``unfrozen by``, Postfix ``released from hold``."""

    time: int
    id: bytes


class Renamed(msgspec.Struct, frozen=True, gc=False):
    """The message goes on under another id: Postfix ``pickup`` ``orig_id=`` after ``postsuper -r``."""

    time: int
    id: bytes
    old: bytes


class Gone(msgspec.Struct, frozen=True, gc=False):
    """The message left the queue, or never got in: Exim ``Completed`` and rejections that name the id; Postfix
    ``removed``, and a
    cleanup reject or discard, after which no ``removed`` follows."""

    time: int
    id: bytes


class Removed(msgspec.Struct, frozen=True, gc=False):
    """The message left the queue, and whoever waited for it will not get it: Exim ``removed by``, ``cancelled by`` and
    ``=> blackhole (``, ``=> discarded (`` (``Completed`` follows), Postfix ``removed`` of ``postsuper``."""

    time: int
    id: bytes


Event = (
    Submitted
    | CampaignSeen
    | Arrived
    | Delivered
    | Deferred
    | Failed
    | Expired
    | Dropped
    | Added
    | Held
    | Released
    | Renamed
    | Gone
    | Removed
)
