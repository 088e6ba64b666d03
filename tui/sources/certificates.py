"""What a certificate says of itself, for the sentence that tells why it is not trusted. `http_failures` enters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec

from tui.sources.masking import clean

_SET, _VERSION = 0x31, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_LONGEST_NAME: Final = 80
_NAME_PARTS: Final = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O"}
"""Object identifiers 2.5.4.3 (common name) and 2.5.4.10 (organization) of RFC 5280, as bytes."""


class Certificate(msgspec.Struct, frozen=True):
    """Who a certificate is for, who signed it, until when it holds (UTC), and its SHA-256 fingerprint with colons. What
    could not be read is empty."""

    subject: str
    issuer: str
    expires: str
    fingerprint: str


def read(der: bytes) -> Certificate:
    """The certificate ``der`` as text; never fails, since it comes from a server that is not trusted yet.

    The standard library decodes verified certificates only, hence this reader of the few fields that a message needs
    (RFC 5280, section 4.1: version, serial, algorithm, issuer, validity, subject).
    """
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    try:
        _, certificate = next(_items(der))
        _, signed = next(_items(certificate))
        fields = [content for tag, content in _items(signed) if tag != _VERSION]
        issuer, validity, subject = fields[2:5]
        _, end = list(_items(validity))[:2]
        return Certificate(_name(subject), _name(issuer), _time(*end), fingerprint)
    except (ValueError, StopIteration, IndexError):
        return Certificate("", "", "", fingerprint)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents that stand in ``data`` one after the other (DER). Raises ``ValueError``."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("cut short")
        tag, length, at = data[at], data[at + 1], at + 2
        if length >= 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("no sane length")
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length


def _name(content: bytes) -> str:
    """A distinguished name, common name and organization only."""
    parts = []
    for tag, attributes in _items(content):
        if tag != _SET:
            raise ValueError("no name")
        for _, attribute in _items(attributes):
            (_, identifier), (_, value) = list(_items(attribute))[:2]
            if identifier in _NAME_PARTS:
                parts.append(f"{_NAME_PARTS[identifier]}={clean(value)[:_LONGEST_NAME]}")
    return ", ".join(parts[:4])


def _time(tag: int, content: bytes) -> str:
    """``YYMMDDHHMMSSZ`` (until 2049) or ``YYYYMMDDHHMMSSZ`` as a date."""
    digits = content.decode("ascii", "replace")
    if tag == _UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    if not digits[:8].isdecimal():
        raise ValueError("no time")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
