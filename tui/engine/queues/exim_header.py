"""One message of an Exim spool, from the bytes of its ``-H`` and ``-J`` files (Exim's specification, chapter 56)."""

from __future__ import annotations

import msgspec

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import HOLD, NEW, RETRY
from tui.engine.logs.exim_text import folded, unfolded
from tui.engine.queues.listing import TIMES, Waiting

_CAMPAIGN = b" x-campaign-id:"
_ACL_VARIABLES = frozenset((b"-aclc", b"--aclc", b"-aclm", b"--aclm", b"-acl", b"--acl"))
_DASH, _PARENTHESIS, _REPLACED = b"-(*"
_DIGITS = 15


class HeaderError(Exception):
    """The bytes are not a whole ``-H`` file."""


class Envelope(msgspec.Struct, gc=False):
    """What a ``-H`` file says: who sent the message, who has it already, to whom it goes, and its headers."""

    sender: bytes
    arrived: int
    options: dict[bytes, bytes]
    finished: set[bytes]
    recipients: list[bytes]
    headers: bytes


def waiting(id_: bytes, header: bytes, journal: bytes, accounts: Accounts) -> Waiting:
    """The message as the queue listing has it, but for a delivery that is under way, which only a lock tells.

    ``journal`` are the addresses finished since ``header`` was written, a line each. Raises ``HeaderError``.
    """
    envelope = read_envelope(header)
    finished = envelope.finished
    if journal:
        finished.update(journal.split(b"\n")[:-1])
    options = envelope.options
    if b"-frozen" in options:
        state = HOLD
    elif b"-deliver_firsttime" in options:
        state = NEW
    else:
        state = RETRY
    return Waiting(
        id=id_,
        state=state,
        recipients=_waiting(envelope.recipients, finished),
        account=_account(envelope, accounts),
        fallback=accounts.by_sender(envelope.sender),
        campaign=_campaign(envelope.headers),
        size=-1,
        arrived=envelope.arrived,
        sender=envelope.sender,
    )


def read_envelope(header: bytes) -> Envelope:
    """Parse a ``-H`` file. Raises ``HeaderError`` for one that is cut short or no ``-H`` file at all."""
    try:
        sender_at = header.index(b"\n<") + 1
        sender_end = header.index(b">\n", sender_at)
        time_end = header.index(b"\n", sender_end + 2)
        arrived = int(header[sender_end + 2 : time_end].split()[0])
        if arrived not in TIMES:
            raise HeaderError("its time of arrival is none")
        options, tree_at = _options(header, time_end + 1)
        finished, count_at = _finished(header, tree_at)
        count_end = header.index(b"\n", count_at)
        count = _natural(header[count_at:count_end])
        lines = header[count_end + 1 :].split(b"\n", count + 1)
        if len(lines) != count + 2 or lines[count]:
            raise HeaderError("its recipients are cut short")
        recipients = [_address(line) for line in lines[:count]]
    except (ValueError, IndexError, OverflowError) as error:
        raise HeaderError("it is cut short or not a header file") from error
    return Envelope(header[sender_at + 1 : sender_end], arrived, options, finished, recipients, lines[count + 1])


def _options(header: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """The lines that begin with a dash by name, and where they end. What came from outside has two dashes, in newer
    versions perhaps with its quoting: ``--(mysql)auth_id``. ACL variables give their length and may hold any byte."""
    options: dict[bytes, bytes] = {}
    while header[at] == _DASH:
        end = header.index(b"\n", at)
        name, _, value = header[at:end].partition(b" ")
        if _PARENTHESIS in name:
            name = b"--" + name.partition(b")")[2]
        options[name] = value
        at = end + 1
        if name in _ACL_VARIABLES:
            at += _natural(value.rpartition(b" ")[2]) + 1
    return options, at


def _natural(digits: bytes) -> int:
    """A number of things. Raises ``ValueError`` for one below zero too, which would lead back in the file for ever."""
    number = int(digits)
    if number < 0:
        raise ValueError
    return number


def _finished(header: bytes, at: int) -> tuple[set[bytes], int]:
    """The tree of addresses that are finished, and where it ends: a line a node, ``YN address`` by its branches."""
    finished: set[bytes] = set()
    if header[at : at + 3] == b"XX\n":
        return finished, at + 3
    open_nodes = 1
    while open_nodes:
        end = header.index(b"\n", at)
        branches = header[at : at + 2]
        if branches.strip(b"YN") or header[at + 2 : at + 3] != b" ":
            raise HeaderError("its list of finished addresses is damaged")
        open_nodes += branches.count(b"Y") - 1
        finished.add(header[at + 3 : end])
        at = end + 1
    return finished, at


def _address(line: bytes) -> bytes:
    """The address of a recipient's line; what follows the first blank outside quotes is about it, not part of it."""
    if b" " not in line:
        return line
    if b'"' not in line:
        return line[: line.index(b" ")]
    quoted, previous = False, 0
    for at, byte in enumerate(line):
        if byte == 0x22 and previous != 0x5C:
            quoted = not quoted
        elif byte == 0x20 and not quoted:
            return line[:at]
        previous = byte
    return line


def _waiting(recipients: list[bytes], finished: set[bytes]) -> tuple[bytes, ...]:
    """The recipients that are not finished, each once. Exim notes who is finished with the domain in lower case, and as
    given too where the message names the address itself."""
    if finished:
        recipients = [given for given in recipients if given not in finished and folded(given) not in finished]
    return tuple(dict.fromkeys(map(folded, recipients)))


def _account(envelope: Envelope, accounts: Accounts) -> bytes:
    if not envelope.sender:
        return BOUNCE
    options = envelope.options
    user = options.get(b"--auth_id") or options.get(b"-auth_id")
    if not user and b"-host_address" not in options and b"--host_address" not in options:
        user = options.get(b"--ident") or options.get(b"-ident")
    if user:
        return accounts.authenticated(user)
    return accounts.by_sender(envelope.sender)


def _campaign(headers: bytes) -> bytes | None:
    """The value of the header ``X-Campaign-ID``, unfolded; each header stands as ``027F Name: value`` with its length
    and a flag, ``*`` for one that was replaced."""
    lower = headers.lower()
    at = lower.find(_CAMPAIGN)
    while at >= 0:
        start = lower.rfind(b"\n", 0, at) + 1
        length, flag = headers[start : at - 1], headers[at - 1]
        if flag != _REPLACED and length.isdigit() and len(length) <= _DIGITS:
            text = headers[at + 1 : at + 1 + int(length)]
            return unfolded(text.partition(b":")[2]).strip(b" \t\n") or None
        at = lower.find(_CAMPAIGN, at + 1)
    return None
