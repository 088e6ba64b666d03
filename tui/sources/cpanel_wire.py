"""What a cPanel or WHM server says, bytes to values: mail totals, names of accounts, or why there are none. Pure; the
cPanel source and its ways in enter."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from tui.model import UNKNOWN_ACCOUNT, MailTotals
from tui.sources.masking import clean


class Call(enum.StrEnum):
    """What can be asked of the server."""

    ALL = "emailtrack_user_stats"
    LIST = "listaccts"
    STATS = "EmailTrack::stats"


class Trouble(enum.Enum):
    """Why there are no numbers, as far as the answer tells."""

    REFUSED = enum.auto()
    LOGIN_PAGE = enum.auto()
    TWO_FACTOR = enum.auto()
    NO_FUNCTION = enum.auto()
    FAILED = enum.auto()
    GARBLED = enum.auto()


class NoAnswer(Exception):
    """The server's answer holds no numbers. ``reason`` is what it said, or how the answer is not one, cleaned."""

    def __init__(self, trouble: Trouble, reason: str) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason


class Totals(msgspec.Struct, frozen=True):
    """Mail totals, an entry an account, in the order of the answer. ``oddities`` are parts of it that could not be
    understood and so are unknown; ``cut`` says that the server left accounts out."""

    accounts: list[MailTotals]
    oddities: tuple[str, ...] = ()
    cut: bool = False


COUNTS = {
    "SENDCOUNT": "send_count",
    "SUCCESSCOUNT": "success_count",
    "DEFERCOUNT": "defer_count",
    "FAILCOUNT": "fail_count",
    "INPROGRESSCOUNT": "in_progress_count",
    "TOTALSIZE": "total_size",
}
"""The server's names of the numbers, and ours."""

_QUOTAS = {"REACHED_MAXEMAILS": "emails", "REACHED_MAXDEFERFAIL": "deferred and failed"}
_MAX_DIGITS = 15
_MAX_REASON = 200
_MAX_SHOWN = 40
_MAX_NAME = 255
_PAGE = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<", re.ASCII)
_SECURITY_TOKEN = re.compile(r"/cpsess[A-Za-z0-9]{1,64}")
_REFUSAL = re.compile(
    r"access denied|permission|privilege|not (?:have )?access|not authorized|forbidden", re.IGNORECASE
)


def check_status(status: int, body: bytes) -> None:
    """Raise ``NoAnswer`` for an HTTP answer that no call gives: a login or other web page, or a status that is not
    200."""
    if status in (401, 403):
        raise NoAnswer(Trouble.TWO_FACTOR if _is_two_factor(body) else Trouble.REFUSED, _said(body) or f"HTTP {status}")
    if status != 200:
        said = _said(body)
        trouble = Trouble.NO_FUNCTION if status == 404 else Trouble.FAILED
        raise NoAnswer(trouble, f"HTTP {status}: {said}" if said else f"HTTP {status}")
    if _PAGE.match(body):
        if _is_two_factor(body):
            raise NoAnswer(Trouble.TWO_FACTOR, "a page that asks for a two-factor code")
        raise NoAnswer(Trouble.LOGIN_PAGE, "a web page")


def decode_stats(body: bytes, account: str) -> Totals:
    """The one account's totals in an answer to ``EmailTrack::stats``: ``null`` is 0 (no mail yet), a number that is
    missing or none is unknown. Raises ``NoAnswer``."""
    answer = _object(body)
    result = answer.get("cpanelresult")
    if not isinstance(result, dict):
        _fail(_reason(answer), "it has no cpanelresult")
    event, data = result.get("event"), result.get("data")
    if "error" in result and result["error"] not in (None, "", 0):
        _fail(_text(result["error"]) or _reason(data), "it says that there was an error")
    if not (isinstance(event, dict) and _is_one(event.get("result"))):
        _fail(_reason(event) or _reason(data), "it does not say that the call succeeded")
    numbers: object = data[0] if isinstance(data, list) and data else None
    if not isinstance(numbers, dict):
        _fail(_reason(data), "its data holds no numbers")
    oddities: list[str] = []
    return Totals([_totals(account, numbers, oddities)], tuple(oddities))


def decode_all(body: bytes) -> Totals:
    """Every account's totals in an answer to ``emailtrack_user_stats``, which has no in-progress counts; several
    records of a user (one a domain) are added up. Raises ``NoAnswer``."""
    answer = _object(body)
    records, metadata = _list(answer, "records")
    oddities: list[str] = []
    accounts: dict[str, MailTotals] = {}
    for record in records:
        name = _name(record.get("USER")) if isinstance(record, dict) else None
        if name is None or not isinstance(record, dict):
            oddities.append("A record names no account and is left out")
            continue
        totals = _totals(name, record, oddities)
        accounts[name] = _added(accounts[name], totals) if name in accounts else totals
    cut = metadata.get("overflowed")
    return Totals(list(accounts.values()), tuple(oddities), cut=_is_one(cut))


def decode_list(body: bytes) -> list[str]:
    """The names of the accounts in an answer to ``listaccts``, in its order, each once. Raises ``NoAnswer``."""
    accounts, _ = _list(_object(body), "acct")
    names = (_name(account.get("user")) for account in accounts if isinstance(account, dict))
    return list(dict.fromkeys(name for name in names if name))


def decode_login(body: bytes) -> str:
    """The security token, such as ``/cpsess5542387976``, in an answer to a login, which every path of the session
    begins with. Raises ``NoAnswer``."""
    answer = _object(body)
    token = answer.get("security_token")
    if not _is_one(answer.get("status")):
        raise NoAnswer(Trouble.REFUSED, _reason(answer) or "invalid login")
    if not isinstance(token, str) or not _SECURITY_TOKEN.fullmatch(token):
        raise NoAnswer(Trouble.GARBLED, "it has no security_token")
    return token


def filled(totals: MailTotals, more: MailTotals) -> MailTotals:
    """``totals`` with what it does not know taken from ``more``."""
    known = {
        field: getattr(more, field)
        for field in COUNTS.values()
        if getattr(totals, field) is None and getattr(more, field) is not None
    }
    return msgspec.structs.replace(totals, **known) if known else totals


def _object(body: bytes) -> dict[str, object]:
    """The answer as JSON; text in another charset loses characters, not its numbers."""
    try:
        text = body.decode("utf-8", "replace").removeprefix("\ufeff")
        answer = json.loads(text, parse_constant=str, parse_int=_integer)
    except (ValueError, RecursionError):
        cut_off = body.lstrip()[:1] in (b"{", b"[") and body.rstrip()[-1:] not in (b"}", b"]")
        reason = "it ends in the middle" if cut_off else "it is not JSON" if body.strip() else "it is empty"
        raise NoAnswer(Trouble.GARBLED, reason) from None
    if not isinstance(answer, dict):
        raise NoAnswer(Trouble.GARBLED, "it is JSON, but not an object")
    return answer


def _integer(digits: str) -> int | str:
    """A number as long as a book is no reason to drop the whole answer: it stays text, which is no count."""
    return int(digits) if len(digits) <= _MAX_DIGITS + 1 else digits


def _list(answer: Mapping[str, object], key: str) -> tuple[list[object], dict[str, object]]:
    """``data.KEY`` and ``metadata`` of an answer of WHM API 1."""
    metadata, data = answer.get("metadata"), answer.get("data")
    if not isinstance(metadata, dict):
        _fail(_reason(answer), "it has no metadata")
    if not _is_one(metadata.get("result")):
        _fail(_reason(metadata), "it does not say that the call succeeded")
    found = data.get(key) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise NoAnswer(Trouble.GARBLED, f"its data holds no {key}")
    return found, metadata


def _fail(reason: str, lacks: str) -> NoReturn:
    """Raise what the server gave as its reason; where it gave none, what the answer lacks."""
    if not reason:
        raise NoAnswer(Trouble.GARBLED, lacks)
    if "could not find function" in reason.lower():
        raise NoAnswer(Trouble.NO_FUNCTION, reason)
    raise NoAnswer(Trouble.REFUSED if _REFUSAL.search(reason) else Trouble.FAILED, reason)


def _reason(part: object, depth: int = 3) -> str:
    """The reason that any known form of a failure gives, ``""`` for none; looks ``depth`` levels down."""
    if isinstance(part, list):
        part = part[0] if part else None
    if isinstance(part, dict):
        for key in ("reason", "error", "message", "statusmsg"):
            if reason := _text(part.get(key)):
                return reason
        for key in ("cpanelresult", "metadata", "data"):
            if depth and key in part and (reason := _reason(part[key], depth - 1)):
                return reason
        return ""
    return _text(part)


def _text(value: object) -> str:
    """One line of text from outside, short and clean; ``""`` for what is no text."""
    return _shortened(" ".join(value.split()), _MAX_REASON) if isinstance(value, str) else ""


def _said(body: bytes) -> str:
    try:
        return _reason(_object(body))
    except NoAnswer:
        return ""


def _is_two_factor(body: bytes) -> bool:
    return b"tfa_login_form" in body


def _is_one(value: object) -> bool:
    return value is True or (isinstance(value, int | str) and str(value).strip() == "1")


def _name(value: object) -> str | None:
    """An account's name; mail that the server attributes to nobody is the unknown account's."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**_MAX_DIGITS else None
    return _shortened(value, _MAX_NAME) or UNKNOWN_ACCOUNT if isinstance(value, str) else None


def _totals(account: str, numbers: Mapping[str, object], oddities: list[str]) -> MailTotals:
    counts: dict[str, int | None] = {}
    for key, field in COUNTS.items():
        if key not in numbers:
            continue
        counts[field] = count = _count(numbers[key])
        if count is None:
            oddities.append(f"{key} of {account} is {_shown(numbers[key])}, which is no count and so unknown")
    return msgspec.structs.replace(MailTotals(account=account, quotas=_quotas(account, numbers, oddities)), **counts)


def _count(value: object) -> int | None:
    """A count as a number or a string of digits; ``null`` is 0; ``None`` for anything else."""
    if value is None:
        return 0
    if isinstance(value, str):
        text = value.strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
            return None
        return int(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**_MAX_DIGITS:
        return None
    return int(value) if value == int(value) else None


def _quotas(account: str, record: Mapping[str, object], oddities: list[str]) -> tuple[str, ...]:
    """The limits that a record says are reached: 0 is not, 1 is, a text such as ``150/150`` is and says how far."""
    reached = []
    for key, words in _QUOTAS.items():
        value = record.get(key)
        if value in (None, False, 0) or (isinstance(value, str) and value.strip() in ("", "0")):
            continue
        if _is_one(value):
            reached.append(f"{words} at the limit")
        elif isinstance(value, str):
            reached.append(f"{words} {_shortened(' '.join(value.split()), _MAX_SHOWN)}")
        else:
            oddities.append(f"{key} of {account} is {_shown(value)}, which is no limit and so unknown")
    return tuple(reached)


def _added(one: MailTotals, other: MailTotals) -> MailTotals:
    """Two records of one account as one; a number that either lacks is unknown."""
    counts: dict[str, int | None] = {}
    for field in COUNTS.values():
        left, right = getattr(one, field), getattr(other, field)
        counts[field] = None if left is None or right is None else left + right
    quotas = tuple(dict.fromkeys(one.quotas + other.quotas))
    return msgspec.structs.replace(one, quotas=quotas, **counts)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return _shortened(json.dumps(value, ensure_ascii=False), _MAX_SHOWN)


def _shortened(text: str, limit: int) -> str:
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
