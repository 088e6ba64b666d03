"""How Exim writes addresses, lists and quoted text, in its log and on its spool. Exim's log reader and queue listings
may enter."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_AT, _BLANK, _QUOTE, _BACKSLASH, _NEWLINE = b'@ "\\\n'
_FIELDS = (b" R=", b" T=", b" F=<", b" Q=", b" P=<", b" SRS=<", b" defer (", b" routing defer ", b": ")
_NOT_AT_END = b">):"
"""What ends the word of an address that is not alone."""

_NO_ADDRESS = (b"|", b"/", b">", b":", b"save ")
"""What a pipe, a file, a reply and a discarded message are logged as in an address's place."""


def folded(address: bytes) -> bytes:
    """``address`` with its domain in lower case: Exim logs a recipient's domain as it was given on arrival and in lower
    case afterwards."""
    if address.islower():
        return address
    at = address.rfind(b"@") + 1
    return address[:at] + address[at:].lower() if at else address


def word_end(text: bytes, at: int) -> int:
    """The column of the blank (or the end) after the word at ``at``. Blanks and escaped quotes between double quotes
    that the word begins with belong to it."""
    close = at
    while text[at : at + 1] == b'"':
        close = text.find(b'"', close + 1)
        if close < 0:
            close = at
            break
        before = text[at + 1 : close]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            break
    end = text.find(b" ", close)
    return end if end >= 0 else len(text)


def parties(word: bytes, rest: bytes) -> tuple[bytes, bytes, bytes]:
    """The addresses that an outcome line names: where the message went, the envelope recipient that waited for it (the
    same object when they are the same), and the text behind them. ``word`` is the first word of the addresses.

    ``address[ (parent, parent)][ <recipient>]``; local deliveries log a bare user, a pipe, a file or a reply in the
    address's place, and then the recipient stands for it. Quotes around a local part stand only in the recipient. The
    address is empty when there is none (``string_log_address`` in Exim's ``deliver.c``).
    """
    if word.islower() and _QUOTE not in word:  # so most are, and need not be searched for what comes behind
        if rest[:2] == b"R=" and _AT in word and word[-1] not in _NOT_AT_END:
            return word, word, rest
        waiting, closed, fields = rest.partition(b"> ") if rest[:1] == b"<" else (b"", b"", b"")
        if closed and waiting.islower() and _QUOTE not in waiting:
            return *_told_apart(word, waiting[1:]), fields
    text = (word + b" " + rest).lstrip(b" ")
    start = text.find(b" ") if text[:1] == b":" else 0
    end = min((found for found in (text.find(field, start) for field in _FIELDS) if found >= 0), default=len(text))
    names, rest = text[:end], text[end:]
    waiting = b""
    if names[-1:] == b">":
        opening = b' <"' if b' <"' in names else b" <"
        names, _, waiting = names[:-1].rpartition(opening)
        waiting = opening[2:] + waiting
    if names[-1:] == b")":
        names = names.partition(b" (")[0]
    if not waiting:
        address = folded(names)
        return address, address, rest
    return *_told_apart(folded(names), folded(waiting)), rest


def _told_apart(address: bytes, waiting: bytes) -> tuple[bytes, bytes]:
    """Address and recipient; the recipient for both when the address says no more than it: a user, pipe or file of this
    host, or the recipient without its quotes or in lower case."""
    if _AT not in address or address.startswith(_NO_ADDRESS):
        return waiting, waiting
    return (waiting if _bare(waiting) == _bare(address) else address), waiting


def _bare(address: bytes) -> bytes:
    return address.replace(b'"', b"").replace(b"\\", b"").lower()


def recipients_of(rest: bytes) -> tuple[bytes, ...] | None:
    """The recipients listed behind the last `` for `` of an arrival; ``None`` when they are not logged.
    ``rest`` is the size and what follows it, to the end of the line."""
    _, found, listed = rest.rpartition(b" for ")
    if not found:
        return None
    listed = listed.rstrip(b"\n")
    if _QUOTE in listed:
        return _quoted_recipients(rest.rstrip(b"\n"))
    if not listed.islower():
        return tuple(map(folded, listed.split(b" ")))
    return tuple(listed.split(b" ")) if _BLANK in listed else (listed,)


def _quoted_recipients(rest: bytes) -> tuple[bytes, ...] | None:
    """The same where `` for `` may stand in a subject, and blanks in a quoted recipient."""
    subject = rest.find(b' T="')
    at = word_end(rest, subject + 3) if subject >= 0 else rest.find(b" ")
    if rest.startswith(b" from <", at):
        at = word_end(rest, at + 7)
    at = rest.find(b" for ", at)
    if at < 0:
        return None
    recipients = []
    at += 5
    while at < len(rest):
        end = word_end(rest, at)
        recipients.append(folded(rest[at:end]))
        at = end + 1
    return tuple(recipients)


def unquoted(text: bytes) -> bytes:
    """The value that Exim's ``${quote:…}`` and its escapes of unprintable bytes stand for."""
    if text[:1] != b'"':
        return text
    inside = text[1:].removesuffix(b'"')
    if _BACKSLASH in inside:
        inside = _ESCAPE.sub(_unescaped, inside)
    return unfolded(inside)


def unfolded(text: bytes) -> bytes:
    """A header's text on one line (RFC 5322, 2.2.3)."""
    return text.replace(b"\r", b"").replace(b"\n", b"") if _NEWLINE in text else text


def _unescaped(match: re.Match[bytes]) -> bytes:
    escape: bytes = match[1]
    return bytes([int(escape, 8) & 0xFF]) if len(escape) == 3 else _ESCAPED.get(escape, escape)
