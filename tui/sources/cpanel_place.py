"""Which cPanel or WHM server it is, as whom it is asked, and which ways there are to its totals: what the configuration
tells before anything is asked. The cPanel source and its ways in enter."""

from __future__ import annotations

import enum
import os
import pwd
from urllib.parse import urlsplit

import msgspec

from tui.config import CpanelSource
from tui.text import clean

CREDENTIALS = {"whm": "API token", "cpanel": "API token", "basic": "password", "session": "password"}
"""What each login shows the server."""

_WHM_PORTS = (2086, 2087)
_CPANEL_PORTS = (2082, 2083)


class Way(enum.Enum):
    """How the totals are had: of all accounts at once, of each account by itself, of the account that asks."""

    ALL = enum.auto()
    EACH = enum.auto()
    OWN = enum.auto()


class Place(msgspec.Struct, frozen=True):
    """A server as a person would name it: ``kind`` is "WHM", "cPanel" or, where the address does not tell, "cPanel or
    WHM"; ``host`` with its port; ``user`` and ``login`` as configured."""

    kind: str
    host: str
    user: str
    login: str

    def __str__(self) -> str:
        return "cPanel on this server" if self.login == "cli" else f"{self.kind} at {self.host}"

    @property
    def identity(self) -> str:
        """As whom it is asked, and with what."""
        return self.user if self.login == "cli" else f"{self.user}, {CREDENTIALS[self.login]}"

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that may lead to the totals, best first."""
        if self.kind == "cPanel":
            return (Way.OWN,)
        return (Way.ALL, Way.EACH) if self.kind == "WHM" else (Way.ALL, Way.EACH, Way.OWN)


def place_of(config: CpanelSource) -> Place:
    """The server that ``config`` means. Passwords open both WHM and cPanel: there the usual port or name tells."""
    if config.login == "cli":
        return Place("WHM", "this server", _this_user(), "cli")
    parts = urlsplit(config.url or "")
    name = parts.hostname or ""
    port = parts.port
    kind = "cPanel or WHM"
    if config.login == "whm" or (config.login != "cpanel" and (port in _WHM_PORTS or name.startswith("whm."))):
        kind = "WHM"
    elif config.login == "cpanel" or port in _CPANEL_PORTS or name.startswith("cpanel."):
        kind = "cPanel"
    return Place(kind, clean(parts.netloc), clean(config.user or ""), config.login)


def configured_accounts(config: CpanelSource) -> tuple[str, ...] | None:
    """The accounts that the configuration names, each once, as cPanel writes them; ``None`` for all."""
    if isinstance(config.accounts, str):
        return None
    return tuple(dict.fromkeys(clean(name).lower() for name in config.accounts))


def doubt(config: CpanelSource) -> str | None:
    """Why nobody can be sure whom the numbers come from, if so."""
    if config.verify or config.login == "cli":
        return None
    return "The server's certificate is not checked (`verify = false`)."


def _this_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user of a container, say, who has no entry
        return f"user {os.geteuid()}"
