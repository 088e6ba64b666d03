"""Postfix's log to events: whole lines of bytes in, what they mean out. Byte slices and dispatch, since millions of
lines pass here; knows no queue and no ledger."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from datetime import tzinfo
from typing import TypeVar

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import (
    PROC,
    Arrived,
    CampaignSeen,
    Deferred,
    Delivered,
    Dropped,
    Event,
    Expired,
    Failed,
    Gone,
    Held,
    Released,
    Removed,
    Renamed,
    Submitted,
)
from tui.engine.logs.reader import Unparsed
from tui.engine.logs.syslog import Stamps, unframed

DELIVERY, QUEUED, REMOVED, CLIENT, INFO, PICKUP, HOLD, PLACED, RELEASED, REJECT, DISCARD, MILTER, FORWARDS = (
    1 << bit for bit in range(13)
)

_ACTIONS = {
    b"to=": DELIVERY,
    b"fro": QUEUED,
    b"rem": REMOVED,
    b"cli": CLIENT,
    b"inf": INFO,
    b"uid": PICKUP,
    b"hol": HOLD,
    b"pla": PLACED,
    b"rel": RELEASED,
    b"rej": REJECT,
    b"dis": DISCARD,
    b"mil": MILTER,
}
"""What a line tells, by the first three bytes after its queue id; all other lines mean nothing."""

_QMGR = DELIVERY | QUEUED | REMOVED
_DAEMONS = {
    b"smtp": DELIVERY,
    b"lmtp": DELIVERY,
    b"relay": DELIVERY,
    b"virtual": DELIVERY,
    b"pipe": DELIVERY,
    b"error": DELIVERY,
    b"retry": DELIVERY,
    b"discard": DELIVERY,
    b"local": DELIVERY | FORWARDS,
    b"qmgr": _QMGR,
    b"oqmgr": _QMGR,
    b"nqmgr": _QMGR,
    b"smtpd": CLIENT | HOLD | DISCARD | MILTER,
    b"cleanup": DELIVERY | INFO | HOLD | REJECT | DISCARD | MILTER,
    b"pickup": PICKUP,
    b"postsuper": REMOVED | PLACED | RELEASED,
}
"""What each daemon is listened to for. Any other program of a system named postfix is taken for a delivery agent."""

_NO_QUEUE_FILE = b"NOQUEUE"
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_CAMPAIGN = b"header x-campaign-id:"
_MANY = 50_000
_DIGITS, _NUMBER_DIGITS = 15, 9
_Kept = TypeVar("_Kept")


class PostfixLog:
    """Reads Postfix's log, by any of its daemons and under any ``syslog_name``, in traditional, ISO and RFC 5424 form.

    ``zone`` is the one of stamps that tell none; ``None`` is the system's.
    """

    def __init__(self, accounts: Accounts, zone: tzinfo | None = None) -> None:
        self.unparsed = Unparsed()
        self._accounts = accounts
        self._stamps = Stamps(zone)
        self._heard: dict[bytes, int] = {}
        self._owners: dict[bytes, tuple[bytes | None, bytes, bytes]] = {}
        self._numbers: dict[bytes, int] = {}
        self._users: dict[bytes, bytes] = {}
        self._uids: dict[bytes, bytes] = {}
        self._readers: dict[int, Callable[[int, bytes, bytes, int], Event | None]] = {
            DELIVERY: _delivery,
            QUEUED: _expiry,
            CLIENT: self._client,
            INFO: _campaign,
            PICKUP: self._pickup,
            HOLD: _change,
            PLACED: _change,
            RELEASED: _change,
            REJECT: _change,
            DISCARD: _change,
            MILTER: _change,
            REMOVED: _change,
        }

    def events(self, lines: bytes, written: float) -> list[Event]:
        """The events of ``lines``, in their order (see ``LogReader``)."""
        self._stamps.written(written)
        rows = lines.split(b"\n")
        if lines.startswith(b"<") or b"\n<" in lines:
            rows = [unframed(row) for row in rows]
        return self._events(rows)

    def _events(self, rows: list[bytes]) -> list[Event]:
        # One long loop: a function call a line would cost as much as all that is done here.
        events: list[Event] = []
        append, action_of = events.append, _ACTIONS.get
        heard_of, owner_of, number_of = self._heard.get, self._owners.get, self._numbers.get
        second, fraction, host, ending = self._stamps.columns
        stamp, time = b"", 0
        for row in rows:
            parts = row.split(b": ", 2)
            if len(parts) != 3:
                continue
            head, queue_id, body = parts
            action = action_of(body[:3])
            if action is None:
                continue
            if head[:second] != stamp or (
                second != host
                and (head[fraction:host] != ending or not (second == fraction or head[second:fraction].isdigit()))
            ):
                head = head.lstrip(b"\0")
                read = self._stamps.read(head)
                if read is None:
                    if self._listen(head) & action:
                        self.unparsed.add("stamp", row)
                    continue
                time = read
                second, fraction, host, ending = self._stamps.columns
                stamp = head[:second]
            heard = heard_of(head[host:])
            if heard is None:
                heard = self._listen(head[host:])
            if not heard & action:
                continue
            if not queue_id.isalnum():
                self.unparsed.add("queue id", row)
                continue
            try:
                if action == DELIVERY:
                    front, _, status = body.partition(b", status=")
                    address, _, rest = front.partition(b">, ")
                    if status[:6] == b"sent (" and heard == DELIVERY and rest[:6] == b"relay=" and address[4] != _QUOTE:
                        address = address[4:]
                        append(Delivered(time, queue_id, address, address))
                        continue
                elif action == QUEUED:
                    sender, sized, rest = body.rpartition(b">, size=")
                    if sized:
                        digits, _, rest = rest.partition(b",")
                        if not digits.isdigit() or len(digits) > _DIGITS:
                            raise ValueError
                        declared = number_of(rest)
                        if declared is None:
                            declared = self._number(rest)
                        account, fallback, address = owner_of(sender) or self._owner(sender)
                        append(Arrived(time, queue_id, account, fallback, int(digits), None, PROC, address, declared))
                        continue
                elif body == b"removed":
                    append(Gone(time, queue_id) if heard & QUEUED else Removed(time, queue_id))
                    continue
                event = self._readers[action](time, queue_id, body, heard)
            except (ValueError, IndexError):
                self.unparsed.add(body[:3].decode(), row)
                continue
            if event is not None:
                append(event)
        return events

    def _listen(self, tag: bytes) -> int:
        """What the daemon of a tag (``host postfix/smtp[123]``) is listened to for."""
        name = tag[tag.rfind(b" ") + 1 :].partition(b"[")[0]
        system, slash, program = name.rpartition(b"/")
        heard = _DAEMONS.get(program, DELIVERY if b"postfix" in system else 0) if slash else 0
        return _kept(self._heard, tag, heard)

    def _owner(self, sender: bytes) -> tuple[bytes | None, bytes, bytes]:
        """The account, the fallback and the address of ``from=<sender``."""
        address = sender.removeprefix(b"from=<")
        owner = (None if address else BOUNCE, self._accounts.by_sender(address), address)
        return _kept(self._owners, sender, owner)

    def _number(self, told: bytes) -> int:
        """The number of recipients of `` nrcpt=2 (queue active)``; -1 where it is not told."""
        number = told.partition(b"nrcpt=")[2].partition(b" ")[0]
        declared = int(number) if number.isdigit() and len(number) <= _NUMBER_DIGITS else -1
        return _kept(self._numbers, told, declared)

    def _client(self, time: int, queue_id: bytes, body: bytes, _heard: int) -> Event | None:
        """``client=host[ip], sasl_method=PLAIN, sasl_username=carol@shop.test, sasl_sender=…`` of ``smtpd``."""
        if queue_id == _NO_QUEUE_FILE:
            return None
        user = body.partition(b", sasl_username=")[2]
        if not user:
            return Submitted(time, queue_id, None)
        account = self._users.get(user)
        if account is None:
            account = _kept(self._users, user, self._accounts.authenticated(user.partition(b", ")[0]))
        return Submitted(time, queue_id, account)

    def _pickup(self, time: int, queue_id: bytes, body: bytes, _heard: int) -> Event | None:
        """``uid=0 from=<bob@acme.test>`` of ``pickup``; with `` orig_id=OLD`` after ``postsuper -r``, when the uid is
        the queue's owner and tells nothing."""
        _, requeued, old = body.rpartition(b"> orig_id=")
        if requeued and old.isalnum():
            return Renamed(time, queue_id, old)
        uid = body.partition(b" ")[0]
        return Submitted(time, queue_id, self._uids.get(uid) or _kept(self._uids, uid, _user(uid[4:])))


def _kept(cache: dict[bytes, _Kept], key: bytes, value: _Kept) -> _Kept:
    """Keep ``value`` for the next line that asks; what others choose (senders, users) must not fill the memory."""
    if len(cache) >= _MANY:
        cache.clear()
    cache[key] = value
    return value


def _user(uid: bytes) -> bytes:
    try:
        return pwd.getpwuid(int(uid)).pw_name.encode("utf-8", "surrogateescape")
    except (KeyError, OverflowError):
        return b"uid " + uid


def _delivery(time: int, queue_id: bytes, body: bytes, heard: int) -> Event | None:
    """``to=<…>, [orig_to=<…>,] relay=…, delay=…, delays=…, dsn=…, status=sent (…)`` of a delivery agent, the queue
    manager or ``cleanup``. Raises ``ValueError`` when it is not of that form.

    ``to=`` is what waits and what ``postqueue`` lists: virtual aliases are expanded before the queue file is written,
    and of an alias that ``local`` expands at delivery ``postqueue`` lists the member that was put off, too.
    """
    if not body.startswith(b"to=<"):
        raise ValueError
    end = _address_end(body, 4)
    address = body[4:end]
    if body.startswith(b">, orig_to=<", end):
        end = _address_end(body, end + 12)
    status, _, reply = body[body.index(b", status=", end) + 9 :].partition(b" ")
    reply = reply.removeprefix(b"(").removesuffix(b")")
    if status == b"sent":
        if heard & FORWARDS and reply.startswith(b"forwarded as "):
            return Dropped(time, queue_id, address)
        return Delivered(time, queue_id, address, address)
    if status in (b"deferred", b"SOFTBOUNCE"):
        return Deferred(time, queue_id, address, address, reply, True)
    if status in (b"bounced", b"undeliverable"):
        return Failed(time, queue_id, address, address, reply)
    if status == b"deliverable":
        return Dropped(time, queue_id, address)
    raise ValueError


def _address_end(body: bytes, start: int) -> int:
    """Where the address that begins at ``start`` ends: at the first ``>, `` after its quoted part, if it has one.
    Raises ``ValueError`` when it does not end."""
    if body[start : start + 1] == b'"':
        start += 1
        while start < len(body) and body[start] != _QUOTE:
            start += 2 if body[start] == _BACKSLASH else 1
    return body.index(b">, ", start)


def _expiry(time: int, queue_id: bytes, body: bytes, _heard: int) -> Event:
    """``from=<…>, status=expired, returned to sender`` (or ``force-expired``) of ``qmgr``. Raises ``ValueError`` for
    anything else."""
    status = body[body.rindex(b">, status=") + 10 :]
    if not status.startswith((b"expired", b"force-expired")):
        raise ValueError
    return Expired(time, queue_id)


def _campaign(time: int, queue_id: bytes, body: bytes, _heard: int) -> Event | None:
    """``info: header X-Campaign-ID: VALUE from host[ip]; from=<…> to=<…> …`` of ``cleanup``, logged by
    ``header_checks``; ``VALUE`` is free text. Raises ``ValueError`` when it has no end."""
    if body[6:27].lower() != _CAMPAIGN:
        return None
    value, told, _origin = body[27:].rpartition(b"; from=<")[0].rpartition(b" from ")
    if not told:
        raise ValueError
    # A header that was folded after its name is logged with "?" for the line break.
    value = value.lstrip(b"? ") if value[:1] == b"?" else value.strip()
    return CampaignSeen(time, queue_id, value) if value else None


def _change(time: int, queue_id: bytes, body: bytes, heard: int) -> Event | None:
    """What ``postsuper``, ``cleanup`` or ``smtpd`` did to a message as a whole: ``placed on hold``,
    ``released from hold``, ``hold: …``, ``reject: …``, ``discard: …``, ``milter-reject: …``, ``milter-header-hold: …``.

    ``smtpd`` is not heard for rejections: those concern one command, not the message.
    """
    if queue_id == _NO_QUEUE_FILE:
        return None
    if body == b"placed on hold":
        return Held(time, queue_id)
    if body == b"released from hold":
        return Released(time, queue_id)
    verb = body.partition(b":")[0].rpartition(b"-")[2]
    if verb == b"hold":
        return Held(time, queue_id)
    if verb == b"discard" or (verb == b"reject" and heard & REJECT):
        return Gone(time, queue_id)
    return None
