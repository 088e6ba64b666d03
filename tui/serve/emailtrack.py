"""cPanel's mail totals as its servers answer them: parameters and totals in, bodies of JSON out. Pure; the app
enters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tui.model import MailTotals
from tui.serve.pieces import Pieces, json_list
from tui.text import clean

DENIED = (
    b'{"cpanelresult":{"apiversion":"2","error":"Access denied","data":{"reason":"Access denied","result":"0"},'
    b'"type":"text"}}'
)
"""What everyone gets, on every path, who may not ask; HTTP 403, ``text/plain``."""

NO_USER = "User parameter is invalid or was not supplied"

_COUNTS = {
    "TOTALSIZE": "total_size",
    "SUCCESSCOUNT": "success_count",
    "SENDCOUNT": "send_count",
    "DEFERCOUNT": "defer_count",
    "FAILCOUNT": "fail_count",
    "INPROGRESSCOUNT": "in_progress_count",
    "DEFERFAILCOUNT": "defer_fail_count",
}
"""The numbers in the order of the documented example (API 2, EmailTrack::stats)."""

_RECORD = ("SENDCOUNT", "SUCCESSCOUNT", "DEFERCOUNT", "FAILCOUNT", "DEFERFAILCOUNT", "TOTALSIZE")
"""The numbers of a record of ``emailtrack_user_stats``, which has none of what is in progress."""

_WINDOWS = ("starttime", "startdate", "endtime", "enddate", "deliverytype")
"""Parameters that ask for a part of the mail, which the totals cannot tell."""

_MAX_ECHO = 80


class Sight(msgspec.Struct, frozen=True):
    """What somebody may see. ``totals``: by account, ``None`` when nothing is known, with ``why`` in a sentence.
    ``named``: accounts that exist whether or not they ever sent. ``own``: the account that asks about itself and
    nobody else."""

    totals: Mapping[str, MailTotals] | None
    why: str = ""
    named: tuple[str, ...] = ()
    own: str | None = None

    def has(self, account: str) -> bool:
        """Whether there is such an account."""
        return account in self.named or (self.totals is not None and account in self.totals)


def stats(parameters: Mapping[str, str], sight: Sight) -> Pieces:
    """The answer of ``/json-api/cpanel`` to ``cpanel_jsonapi_*`` parameters (the page on EmailTrack::stats)."""
    user = parameters.get("cpanel_jsonapi_user", sight.own or "")
    is_there = user == sight.own if sight.own else sight.totals is None or sight.has(user)
    module, function = (clean(parameters.get(f"cpanel_jsonapi_{key}", ""))[:_MAX_ECHO] for key in ("module", "func"))
    version = parameters.get("cpanel_jsonapi_apiversion", "2")
    if not user or not is_there:
        return [_no_user(version)]
    if version == "3":
        return [_no_uapi(module, function)]
    known = (module, function) == ("EmailTrack", "stats") and version == "2"
    error = None if known else f"Could not find function '{function}' in module '{module}'"
    if known and sight.totals is None:
        error = sight.why
    if error is not None or sight.totals is None:
        said = {"apiversion": 2, "func": function, "data": [], "error": error}
        return [_encode({"cpanelresult": said | {"event": {"result": 0, "reason": error}, "module": module}})]
    numbers = {key: None if count is None else str(count) for key, count in _numbers(sight.totals.get(user)).items()}
    said = {"apiversion": 2, "func": function, "data": [numbers]}
    return [_encode({"cpanelresult": said | {"event": {"result": 1}, "module": module}})]


def whm(call: str, parameters: Mapping[str, str], sight: Sight) -> Pieces:
    """The answer of ``/json-api/CALL`` of WHM API 1. What the ledger cannot know is ``null``, or left out where a
    client would take it for nothing."""
    call = clean(call)[:_MAX_ECHO]
    version = clean(parameters.get("api.version", "0"))[:_MAX_ECHO]
    answer = _CALLS.get(call)
    if answer is None or version != "1":
        return [_failed(call, f"Unknown app (“{call}”) requested for this version ({version}) of the API.")]
    if sight.totals is None:
        return [_failed(call, sight.why)]
    asked = next((each for each in _WINDOWS if parameters.get(each)), None)
    if asked is not None:
        return [_failed(call, f"The parameter “{asked}” is not offered here: the totals are of all mail")]
    return answer(call, parameters, sight.totals, sight)


def _user_stats(call: str, parameters: Mapping[str, str], totals: Mapping[str, MailTotals], _: Sight) -> Pieces:
    left_out = _left_out(parameters)

    def record(each: MailTotals) -> dict[str, object]:
        numbers = _numbers(each)
        counts = {key: numbers[key] for key in _RECORD if key in numbers and key not in left_out}
        return {"USER": each.account, "DOMAIN": None, "OWNER": None, "PRIMARY_DOMAIN": None, **counts}

    return _listed(call, "records", map(record, totals.values()))


def _all_stats(call: str, parameters: Mapping[str, str], totals: Mapping[str, MailTotals], sight: Sight) -> Pieces:
    """One record: the sums over all accounts, or of one ``user``."""
    user = parameters.get("user")
    if user and not sight.has(user):
        return [_failed(call, NO_USER)]
    record: dict[str, int | None] = _numbers(totals.get(user)) if user else _sums(totals.values())
    left_out = _left_out(parameters)
    return _listed(call, "records", [{key: count for key, count in record.items() if key not in left_out}])


def _accounts(call: str, _: Mapping[str, str], totals: Mapping[str, MailTotals], sight: Sight) -> Pieces:
    names = dict.fromkeys([*totals, *sight.named])
    return _listed(call, "acct", ({"user": name, "domain": None, "owner": None, "suspended": None} for name in names))


_CALLS = {"emailtrack_user_stats": _user_stats, "emailtrack_stats": _all_stats, "listaccts": _accounts}


def _numbers(totals: MailTotals | None) -> dict[str, int | None]:
    """What is known of an account, by the vendor's names; of one that never sent, the vendor's ``null`` for no mail
    yet."""
    if totals is None:
        return dict.fromkeys(_COUNTS)
    counts = {key: getattr(totals, field) for key, field in _COUNTS.items()}
    return {key: count for key, count in counts.items() if count is not None}


def _sums(totals: Iterable[MailTotals]) -> dict[str, int | None]:
    """The numbers of all accounts; one that is unknown of any is unknown."""
    everyone = list(map(_numbers, totals))
    return {
        key: sum(numbers[key] or 0 for numbers in everyone)
        for key in _COUNTS
        if all(key in numbers for numbers in everyone)
    }


def _left_out(parameters: Mapping[str, str]) -> list[str]:
    hidden = {"nosize": "TOTALSIZE", "nosuccess": "SUCCESSCOUNT"}
    return [key for parameter, key in hidden.items() if parameters.get(parameter) == "1"]


def _listed(call: str, key: str, records: Iterable[object]) -> Pieces:
    metadata = {"command": call, "result": 1, "reason": "OK", "version": 1, "overflowed": 0}
    return json_list(f'{{"data":{{"{key}":['.encode(), records, b']},"metadata":' + _encode(metadata) + b"}")


def _failed(call: str, reason: str) -> bytes:
    return _encode({"metadata": {"command": call, "result": 0, "reason": reason, "version": 1}})


def _no_user(version: str) -> bytes:
    said = {"data": {"reason": NO_USER, "result": "0"}, "type": "text", "error": NO_USER}
    return _encode({"cpanelresult": {"apiversion": "2"} | said} if version == "2" else said)


def _no_uapi(module: str, function: str) -> bytes:
    error = f"The system could not find the function “{function}” in the module “{module}”."
    result: dict[str, object] = {"data": None, "errors": [error], "messages": None, "metadata": {}, "status": 0}
    return _encode({"apiversion": 3, "func": function, "module": module, "result": result})


_encode = msgspec.json.encode
