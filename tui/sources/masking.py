"""Hides secrets in what servers say: many give back, in an error or a name, what they were sent. What turns their bytes
to text enters, and what reveals a secret to send it."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus
from weakref import WeakKeyDictionary

from tui import text as rules

MASK = "…"

MIN_CHARACTERS = 6
"""Shorter secrets stand in too many words: what is left out of these would tell them."""

_KEPT = 3
"""How many of an owner's last secrets are hidden: a server may still speak of one that was changed."""

_SESSION = re.compile(r"""(?<=cpsess)[^\s/?#&;,<>()"']+""", re.IGNORECASE)

_hidden: WeakKeyDictionary[object, tuple[frozenset[str], ...]] = WeakKeyDictionary()
_pattern: re.Pattern[str] | None = None


def hide(owner: object, *secrets: str, user: str = "") -> None:
    """Hide these from now on, whoever says them, for as long as ``owner`` lives: as they are, as ``user`` shows them
    in HTTP's Basic, and as addresses, JSON and XML write them."""
    global _pattern
    forms = frozenset(form for secret in secrets for form in _forms(secret, user))
    _hidden[owner] = (*_hidden.get(owner, ())[1 - _KEPT :], forms)
    every = {form for kept in _hidden.values() for forms in kept for form in forms}
    longest_first = sorted(every, key=lambda form: (-len(form), form))
    _pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if every else None


def clean(text: str | bytes) -> str:
    """Text from a server, safe to show: without secrets and the tokens of sessions, and clean as `tui.text` says."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if _pattern is not None:
        text = _pattern.sub(MASK, text)
    return rules.clean(_SESSION.sub(MASK, text))


def _forms(secret: str, user: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    shown = base64.b64encode(f"{user}:".encode("utf-8", "surrogateescape") + raw).decode()
    yield shown.rstrip("=")
    if len(secret) >= MIN_CHARACTERS:
        written = json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]
        yield from (secret, quote(raw, safe=""), quote(raw), quote_plus(raw), *written)
        yield from (html.escape(secret, quote=False), html.escape(secret))
