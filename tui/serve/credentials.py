"""What a request shows to be let in: every documented way to send a token, as pure functions. The handlers enter."""

from __future__ import annotations

import base64
import enum
import re
from collections.abc import Iterable

import msgspec

from tui.config.secrets import Secret

MAX_CREDENTIAL_CHARACTERS = 4096
_SESSION_PATH = re.compile(r"^/(cpsess[0-9]{10})(?=/|$)")

SESSION_COOKIE = "cpsession"


class Way(enum.Enum):
    """How a token was sent."""

    WHM = "whm"
    CPANEL = "cpanel"
    BASIC = "basic"
    BEARER = "bearer"
    BODY = "body"


class Credential(msgspec.Struct, frozen=True):
    """A token that may be good, how it was sent and the user's name that came with it (empty where none did)."""

    way: Way
    user: str
    secret: Secret


def in_header(headers: Iterable[tuple[bytes, bytes]]) -> list[Credential]:
    """What the ``Authorization`` headers of an ASGI scope hold: ``whm USER:TOKEN``, ``cpanel USER:TOKEN``,
    ``Basic`` (the token as password) or ``Bearer TOKEN``. What cannot be read as one of them is none."""
    values = (value.decode("latin-1") for name, value in headers if name == b"authorization")
    return [found for value in values if (found := _read(value)) is not None]


def in_body(token: object) -> list[Credential]:
    """What the parameter ``token`` of a decoded body holds; anything but a text holds none."""
    return [_credential(Way.BODY, "", token)] if isinstance(token, str) and token else []


def session_of(path: str) -> tuple[str, str]:
    """The ``cpsess##########`` that a path begins with (empty without one), and the path without it."""
    found = _SESSION_PATH.match(path)
    return (found[1], path[found.end() :] or "/") if found else ("", path)


def cookie_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The value of the session's cookie; empty without one."""
    for name, value in headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, cookie = pair.strip().partition("=")
                if key == SESSION_COOKIE:
                    return cookie
    return ""


def _read(value: str) -> Credential | None:
    scheme, _, rest = value.strip().partition(" ")
    rest = rest.strip()
    if not rest or len(rest) > MAX_CREDENTIAL_CHARACTERS:
        return None
    match scheme.lower():
        case "bearer":
            return _credential(Way.BEARER, "", rest)
        case "whm":
            return _of_user(Way.WHM, rest)
        case "cpanel":
            return _of_user(Way.CPANEL, rest)
        case "basic":
            try:
                return _of_user(Way.BASIC, base64.b64decode(rest, validate=True).decode())
            except ValueError:
                return None
    return None


def _of_user(way: Way, text: str) -> Credential | None:
    user, colon, token = text.partition(":")
    return _credential(way, user, token) if colon and user and token else None


def _credential(way: Way, user: str, token: str) -> Credential:
    return Credential(way, user, Secret(token))
