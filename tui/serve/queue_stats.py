"""The sender-queue API as the platform answers it: a body to a question or a refusal, a table to JSON or XML. Pure; the
app enters."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import add
from typing import TypeVar

import msgspec

from tui.model import API_GROUPINGS, STATES, Grouping, QueueQuery, QueueRow, QueueTable, RowKey
from tui.serve.pieces import Pieces, json_list, xml_list, xml_text
from tui.sources.sender_queue_envelope import AnswerError, read_xml
from tui.text import clean

INCORRECT, NO_TOKEN, NO_RIGHT, UNAVAILABLE = 400, 401, 403, 503
"""The API's errors; 503 is ours: the ledger does not know yet."""

TYPES = {"json": "application/json", "xml": "application/xml; charset=utf-8"}

_GOOD = "Successful operation"
_NO_FILTER = (None, "", 0, -1)
_INTEGER = re.compile(r"\s*-?[0-9]{1,19}\s*", re.ASCII)
_MAX_ECHO = 40
_Item = TypeVar("_Item", bound=msgspec.Struct)


class Refused(Exception):
    """The question is not answered: the API's ``error`` and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Sender(msgspec.Struct, frozen=True):
    """A sending system as ``senders/list`` shows it."""

    id: int
    name: str
    type: str
    channel_type: str = "email"


class _Account(msgspec.Struct, gc=False):
    """An account as ``accounts/list`` shows it; what a ledger does not know is null."""

    id: int
    name: str
    timezone: str | None = None
    is_active: bool | None = None


class _Row(msgspec.Struct, gc=False):
    """A row in the documented order of its keys."""

    account_id: int
    campaign_id: int
    hold: int
    isp: str
    new: int
    proc: int
    retry: int
    total: int


def read_fields(body: bytes, content_type: str) -> dict[str, object]:
    """The parameters that a body holds: JSON or XML by its type, or by its first character where the type is neither.
    Raises ``Refused``."""
    kind = content_type.partition(";")[0].strip().lower()
    is_xml = kind.endswith("xml") or (not kind.endswith("json") and body.lstrip()[:1] == b"<")
    if not body.strip():
        return {}
    if is_xml:
        try:
            return read_xml(body)[1]
        except AnswerError:
            raise Refused(
                INCORRECT, "The body is not well-formed <xml>…</xml>, or has a document type or entities."
            ) from None
    try:
        fields = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Refused(INCORRECT, "The body is not a JSON object.")
    return fields


def format_of(fields: Mapping[str, object]) -> str:
    """``json`` or ``xml``. Raises ``Refused``."""
    wanted = fields.get("format")
    if wanted in (None, ""):
        return "json"
    if wanted not in ("json", "xml"):
        raise Refused(INCORRECT, 'The parameter "format" must be "json" or "xml".')
    return str(wanted)


def query_of(fields: Mapping[str, object], senders: Collection[int]) -> QueueQuery:
    """The question of ``senders/queue/stats`` with the defaults of its page: sender 1, grouped as total; account,
    campaign and ISP that are absent, empty, 0 or -1 are no filter. Raises ``Refused``."""
    sender_id = _integer(fields, "id", 1)
    if sender_id not in senders:
        raise Refused(INCORRECT, f'The parameter "id" names no sender: there is no {sender_id}.')
    group = fields.get("group")
    if group in (None, ""):
        group = Grouping.TOTAL.value
    if not (isinstance(group, str) and group in list(API_GROUPINGS)):
        raise Refused(INCORRECT, f'The parameter "group" must be one of {", ".join(API_GROUPINGS)}.')
    isp = fields.get("isp")
    if isp in _NO_FILTER:
        isp = None
    elif not isinstance(isp, str):
        raise Refused(INCORRECT, 'The parameter "isp" must be a text.')
    return QueueQuery(
        Grouping(group),
        sender_id=sender_id,
        account_id=_filter(fields, "account_id"),
        campaign_id=_filter(fields, "campaign_id"),
        isp=isp,
    )


def narrowed(query: QueueQuery, account_ids: Sequence[int]) -> list[QueueQuery]:
    """The questions that make up ``query`` for who may see these accounts only, and asks for none or one of them."""
    if query.account_id is not None:
        return [query] if query.account_id in account_ids else []
    return [msgspec.structs.replace(query, account_id=account_id) for account_id in account_ids]


def added_up(query: QueueQuery, tables: Sequence[QueueTable]) -> QueueTable:
    """The answers of ``narrowed`` as one, the longest queues first; a total is one row also where there is none."""
    sums: dict[RowKey, QueueRow] = {}
    if query.grouping is Grouping.TOTAL:
        nothing = QueueRow(sender_id=query.sender_id or 0)
        sums[nothing.key] = nothing
    for table in tables:
        for row in table.rows():
            key = RowKey(
                sender_id=query.sender_id or 0, account_id=row.account_id, campaign_id=row.campaign_id, isp=row.isp
            )
            known = sums.get(key, QueueRow())
            counts = {state: getattr(known, state) + getattr(row, state) for state in STATES}
            sums[key] = msgspec.structs.replace(row, **counts)
    ranked = sorted(sums.values(), key=lambda row: (-row.total, row.account_id, row.campaign_id, row.isp))
    whole = QueueTable(query=query)
    for name in QueueRow.__struct_fields__[1:]:  # all but the source
        setattr(whole, name, [getattr(row, name) for row in ranked])
    return whole


def rows(table: QueueTable, form: str) -> Pieces:
    """The answer that a table is, every row with all eight keys."""
    waiting = map(add, map(add, table.new, table.proc), map(add, table.retry, table.hold))
    columns = (table.account_id, table.campaign_id, table.hold, table.isp, table.new, table.proc, table.retry, waiting)
    return _listed(map(_Row, *columns), _row_in_xml, form)


def senders_page(senders: Iterable[Sender], fields: Mapping[str, object], form: str) -> Pieces:
    """A page of ``senders/list``. Raises ``Refused``."""
    return _page(sorted(senders, key=lambda sender: sender.id), fields, form)


def accounts_page(names: Mapping[int, str], fields: Mapping[str, object], form: str) -> Pieces:
    """A page of ``accounts/list``: accounts by id. Raises ``Refused``."""
    return _page([_Account(number, names[number]) for number in sorted(names)], fields, form)


def refusal(code: int, text: str, form: str) -> bytes:
    """The answer that refuses."""
    if form == "xml":
        return f"<xml><error>{code}</error><error_text>{xml_text(text)}</error_text></xml>".encode()
    return msgspec.json.encode({"error": code, "error_text": text})


def _integer(fields: Mapping[str, object], name: str, default: int) -> int:
    value = fields.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    shown = f', not "{clean(value[:_MAX_ECHO])}"' if isinstance(value, str) else ""
    raise Refused(INCORRECT, f'The parameter "{name}" must be an integer{shown}.')


def _filter(fields: Mapping[str, object], name: str) -> int | None:
    number = _integer(fields, name, 0)
    return None if number in _NO_FILTER else number


def _page(items: Sequence[Sender] | Sequence[_Account], fields: Mapping[str, object], form: str) -> Pieces:
    """Those from the id ``from_id`` on, at most ``limit``; neither given, all."""
    first, limit = _integer(fields, "from_id", 0), _integer(fields, "limit", 0)
    found = [each for each in items if each.id >= first]
    return _listed(found[:limit] if limit > 0 else found, _struct_in_xml, form, total_count=len(items))


def _listed(
    items: Iterable[_Item], in_xml: Callable[[_Item], str], form: str, total_count: int | None = None
) -> Pieces:
    if form == "json":
        count = "" if total_count is None else f',"total_count":{total_count}'
        return json_list(b'{"data":[', items, f']{count},"error":0,"error_text":"{_GOOD}"}}'.encode())
    count = "" if total_count is None else f"<total_count>{total_count}</total_count>"
    after = f"{count}<error>0</error><error_text>{_GOOD}</error_text></xml>"
    return xml_list("<xml>", map(in_xml, items), after, none="<data/>")


def _row_in_xml(row: _Row) -> str:
    return (
        f"<data><account_id>{row.account_id}</account_id><campaign_id>{row.campaign_id}</campaign_id>"
        f"<hold>{row.hold}</hold><isp>{xml_text(row.isp)}</isp><new>{row.new}</new><proc>{row.proc}</proc>"
        f"<retry>{row.retry}</retry><total>{row.total}</total></data>"
    )


def _struct_in_xml(item: msgspec.Struct) -> str:
    leaves = []
    for name in item.__struct_fields__:
        value = getattr(item, name)
        leaves.append(f"<{name}>{'' if value is None else xml_text(str(value))}</{name}>")
    return f"<data>{''.join(leaves)}</data>"
