"""Who a message belongs to: the account by authentication, local user or sender domain, as the mail systems log
them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

BOUNCE = b"<>"
"""Mail with an empty envelope sender belongs to no account."""


class Accounts:
    """Names the account of a message. ``owners`` maps a domain (lower case) to the user who owns it, as cPanel's
    ``/etc/userdomains`` does; without it the names stand as the mail system logged them."""

    def __init__(self, owners: Mapping[bytes, bytes] | None = None) -> None:
        self._owners = dict(owners or {})

    def authenticated(self, user: bytes) -> bytes:
        """The account of an authenticated user, ``user`` or ``user@domain``."""
        return self._owner(user) if self._owners else user

    def by_sender(self, sender: bytes) -> bytes:
        """The account by the envelope sender: its domain (or its owner), ``<>`` for a bounce, the sender itself
        without a domain."""
        if not sender or sender == BOUNCE:
            return BOUNCE
        domain = sender[sender.rfind(b"@") + 1 :].lower()
        return self._owners.get(domain, domain)

    def _owner(self, user: bytes) -> bytes:
        at = user.rfind(b"@")
        return self._owners.get(user[at + 1 :].lower(), user) if at >= 0 else user


def read_userdomains(path: Path) -> dict[bytes, bytes]:
    """The owners of domains in cPanel's ``userdomains`` file, lines of ``domain: user``.

    Raises ``OSError`` when the file cannot be read.
    """
    owners = {}
    for line in path.read_bytes().splitlines():
        domain, colon, user = line.partition(b":")
        if colon and user.strip() not in (b"", b"nobody"):
            owners[domain.strip().lower()] = user.strip()
    return owners
