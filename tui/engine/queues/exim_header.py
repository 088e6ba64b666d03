"""One message of an Exim spool, from the bytes of its ``-H`` and ``-J`` files (Exim's specification, chapter 56)."""

from __future__ import annotations

import msgspec

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import HOLD, NEW, RETRY
from tui.engine.queues.listing import Waiting

_CAMPAIGN = b" x-campaign-id:"
_DELETED = ord("*")


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
        finished |= set(journal.split(b"\n"))
    options = envelope.options
    if b"frozen" in options:
        state = HOLD
    elif b"deliver_firsttime" in options:
        state = NEW
    else:
        state = RETRY
    return Waiting(
        id=id_,
        state=state,
        recipients=tuple([address for address in envelope.recipients if address not in finished]),
        account=_account(envelope, accounts),
        fallback=accounts.by_sender(envelope.sender),
        campaign=_campaign(envelope.headers),
        size=-1,
        arrived=envelope.arrived,
    )


def read_envelope(header: bytes) -> Envelope:
    """Parse a ``-H`` file. Raises ``HeaderError`` for one that is cut short or no ``-H`` file at all."""
    try:
        sender_at = header.index(b"\n<") + 1
        sender_end = header.index(b">\n", sender_at)
        time_end = header.index(b"\n", sender_end + 2)
        arrived = int(header[sender_end + 2 : time_end].split()[0])
        options, tree_at = _options(header, time_end + 1)
        finished, count_at = _finished(header, tree_at)
        count_end = header.index(b"\n", count_at)
        count = int(header[count_at:count_end])
        lines = header[count_end + 1 :].split(b"\n", count + 1)
        if len(lines) != count + 2 or lines[count]:
            raise HeaderError("its recipients are cut short")
        recipients = [_address(line) for line in lines[:count]]
    except (ValueError, IndexError) as error:
        raise HeaderError("it is cut short or not a header file") from error
    return Envelope(header[sender_at + 1 : sender_end], arrived, options, finished, recipients, lines[count + 1])


def _options(header: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """The lines that begin with a dash, and where they end. ACL variables give their length and may hold any byte."""
    options: dict[bytes, bytes] = {}
    while header[at : at + 1] == b"-":
        end = header.index(b"\n", at)
        name, _, value = header[at:end].lstrip(b"-").partition(b" ")
        if name.startswith(b"("):  # a tainted value with its quoting, as newer versions write it
            name = name.partition(b")")[2]
        at = end + 1
        if name[:3] == b"acl":
            at += int(value.rpartition(b" ")[2]) + 1
        options[name] = value
    return options, at


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


def _account(envelope: Envelope, accounts: Accounts) -> bytes:
    if not envelope.sender:
        return BOUNCE
    options = envelope.options
    authenticated = options.get(b"auth_id")
    if authenticated:
        return accounts.authenticated(authenticated)
    user = options.get(b"ident")
    if user and b"host_address" not in options:
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
        if flag != _DELETED and length.isdigit():
            text = headers[at + 1 : at + 1 + int(length)]
            return b" ".join(text.partition(b":")[2].split()) or None
        at = lower.find(_CAMPAIGN, at + 1)
    return None
