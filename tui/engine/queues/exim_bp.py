"""Exim's queue as ``exim -bp`` prints it, for when the spool itself cannot be read. It says less: see ``EximBp``."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import HOLD, RETRY
from tui.engine.logs.exim_text import folded
from tui.engine.queues.command import output_lines, shown
from tui.engine.queues.listing import LARGEST_BYTES, TIMES, Listing, ListingError, Waiting
from tui.model import UNKNOWN_ACCOUNT
from tui.text import clean

_AGES = {b"m": 60, b"h": 3600, b"d": 86400}
_SIZES = {b"K": 1024, b"M": 1024 * 1024, b"G": 1024 * 1024 * 1024}
_FROZEN = b"*** frozen ***"
_WAITING, _DELIVERED, _DAMAGED = b"          ", b"        D ", b"    *** spool "


class _Printed(msgspec.Struct):
    """What is printed for one message: its first line, the recipients that wait, and what is wrong with its files."""

    head: bytes
    recipients: dict[bytes, None]
    damage: bytes = b""


class EximBp:
    """Lists the queue by ``exim -bp``. That tells frozen mail from other mail and no more: what is new or being
    delivered counts as ``retry``, accounts are known by the sender's domain (or the local user who set the sender),
    campaigns not at all, ages to the minute, hour or day."""

    def __init__(self, exim: str, accounts: Accounts, timeout_seconds: float = 120.0) -> None:
        self._command = (exim, "-bp")
        self._accounts = accounts
        self._timeout_seconds = timeout_seconds
        self._arrived: dict[bytes, int] = {}

    def list(self) -> Listing:
        """List the queue now (see ``QueueLister``). A message whose files are damaged is listed as held and named in
        the listing's ``problem``."""
        taken = int(time.time())
        printed = self._printed()
        try:
            messages = {message.id: message for message in (self._message(block, taken) for block in printed)}
        except (ValueError, KeyError, OverflowError) as error:
            raise ListingError(
                f"{shown(self._command)} printed something that is not a queue listing, so the queue is not known"
            ) from error
        self._arrived = {message.id: message.arrived for message in messages.values()}
        damaged = [clean(block.head.strip() + b" " + block.damage) for block in printed if block.damage]
        problem = f"Exim's spool holds {len(damaged)} damaged messages ({damaged[0]})" if damaged else None
        return Listing(taken, messages, problem)

    def _printed(self) -> Sequence[_Printed]:
        blocks: list[_Printed] = []
        for line in output_lines(self._command, self._timeout_seconds, _failure):
            if not blocks or (line and not line.startswith((_WAITING, _DELIVERED, _DAMAGED))):
                if line:
                    blocks.append(_Printed(line, {}))
            elif line.startswith(_WAITING):
                blocks[-1].recipients[folded(line[10:])] = None
            elif line.startswith(_DAMAGED):
                blocks[-1].damage = line.strip()
        return blocks

    def _message(self, printed: _Printed, taken: int) -> Waiting:
        """One message; its head is `` 25m  2.9K 0t5C6f-0000c8-00 <sender> (login) *** frozen ***``, without age, size
        and sender when its envelope could not be read."""
        words = printed.head.split(None, 3)
        at = [word.count(b"-") == 2 and len(word) in (16, 23) for word in words[:3]].index(True)
        sent = printed.head.partition(words[at])[2].strip()
        frozen = sent.endswith(_FROZEN)
        sender = sent.removesuffix(_FROZEN).rstrip()
        login = b""
        if sender.endswith(b")"):
            sender, _, login = sender[:-1].rpartition(b" (")
        sender = sender.removeprefix(b"<").removesuffix(b">")
        account = self._accounts.authenticated(login) if login else None
        return Waiting(
            id=words[at],
            state=HOLD if frozen or printed.damage else RETRY,
            recipients=tuple(printed.recipients),
            account=BOUNCE if sent and not sender else account,
            fallback=self._accounts.by_sender(sender) if sent else UNKNOWN_ACCOUNT.encode(),
            campaign=None,
            size=_size(words[1]) if at == 2 else -1,
            arrived=self._arrival(words[at], taken, words[0]) if at else taken,
            sender=sender if sent else None,
        )

    def _arrival(self, id_: bytes, taken: int, age: bytes) -> int:
        """When it came, as was said before unless its age tells otherwise: it must not change with every listing."""
        arrived = taken - _age_seconds(age)
        before = self._arrived.get(id_, arrived)
        return before if abs(arrived - before) <= _AGES[age[-1:]] else arrived


def _size(text: bytes) -> int:
    unit = _SIZES.get(text[-1:])
    size = int(float(text[:-1]) * unit) if unit else int(text)
    if not 0 <= size < LARGEST_BYTES:
        raise ValueError
    return size


def _age_seconds(text: bytes) -> int:
    age_seconds = int(text[:-1]) * _AGES[text[-1:]]
    if age_seconds not in TIMES:
        raise ValueError
    return age_seconds


def _failure(command: Sequence[str], status: int, said: bytes) -> str:
    last = clean(said.strip().rpartition(b"\n")[2][:300])
    if b"ermission denied" in said:
        return f"{shown(command)} may not list the queue for this user: {last}; run mailtop as root or as Exim's user"
    return f"{shown(command)} failed with exit status {status}, so the queue is not known: {last or 'it said nothing'}"
