"""What `mailtop show` of another host is asked and answers: questions to arguments, JSON to columns. Pure; the ssh
source enters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from tui.model import DOUBTFUL, Balance, Freshness, Grouping, MailTotals, QueueQuery, QueueTable
from tui.text import clean

SCHEMA = 1
"""The version of `show`'s JSON form that is understood."""

MAX_NAME = 255
MAX_SENTENCE = 500
MAX_NUMBER = 2**63 - 1
MAX_VALUES = 8_000_000
"""How many values one answer may have, so that 64 MiB of brackets do not become gigabytes."""

MAX_SOURCES = 5


class AnswerError(Exception):
    """An answer that holds no numbers. The text goes on from "The answer": "is empty; …", what is wrong and what to
    do."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What `show` is asked for: the words of its options, ``None`` for those that are left out."""

    what: str
    group: str | None = None
    source: str | None = None
    sender: int | None = None
    account: str | None = None
    campaign: str | None = None
    isp: str | None = None
    all: bool = False

    @property
    def filtered(self) -> bool:
        """Whether it asks for less than a whole queue."""
        return (self.sender, self.account, self.campaign, self.isp) != (None,) * 4

    def arguments(self) -> list[str]:
        """The arguments of ``mailtop``. A word never stands alone, since it may begin with a dash."""
        names = ("source", "group", "sender", "account", "campaign", "isp")
        options = [f"--{name}={value}" for name in names if (value := getattr(self, name)) is not None]
        return ["show", self.what, *options, *(["--all"] if self.all else []), "--format=json"]


def group_of(grouping: Grouping) -> str:
    """How `show` calls a grouping: the other host is one host, so its row is that of the total."""
    return Grouping.TOTAL.value if grouping is Grouping.HOST else grouping.value


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the other host says of its source: see ``SourceStatus``."""

    name: str
    type: str
    freshness: Freshness
    age_seconds: float | None
    error: str | None


Words = tuple[int, str | None, int, str | None]
"""The ids of a row's account and campaign, each with its name as `show` takes it in its options; ``None`` for one that
it could not be asked by."""


class QueueAnswer(msgspec.Struct, kw_only=True):
    """How the source there is, its rows, unless it knows of no queue, and what they are called there."""

    told: Told
    table: QueueTable | None = None
    words: list[Words] = []


_Count = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
_Id = Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class _Source(msgspec.Struct):
    name: str
    type: str
    freshness: Freshness
    age_seconds: Annotated[float, Meta(ge=0, le=1e12)] | None
    error: str | None
    queue_files: _Count | None


class _Query(msgspec.Struct):
    show: str
    group: str | None = None
    sender: int | None = None
    account: str | None = None
    campaign: str | None = None
    isp: str | None = None
    source: str | None = None
    filter: str | None = None
    problems: bool | None = False
    together: bool | None = False


class _QueueRow(msgspec.Struct, gc=False):
    sender_id: _Id
    sender: str | None
    account_id: _Id
    account: str | None
    campaign_id: _Id
    campaign: str | None
    isp: str
    new: _Count
    proc: _Count
    retry: _Count
    hold: _Count


class _TotalsRow(msgspec.Struct, gc=False):
    account: str
    send_count: _Count | None
    success_count: _Count | None
    defer_count: _Count | None
    fail_count: _Count | None
    in_progress_count: _Count | None
    total_size: _Count | None
    quotas: str = ""


class _BalanceRow(msgspec.Struct, gc=False):
    account_id: _Id
    account: str
    accepted: _Count
    delivered: _Count
    failed: _Count
    removed: _Count
    waiting: _Count
    since: Annotated[datetime, Meta(tz=True)] | None


class _Version(msgspec.Struct):
    schema: int


class _Queue(msgspec.Struct):
    query: _Query
    sources: list[_Source]
    rows: list[_QueueRow]


class _Totals(msgspec.Struct):
    query: _Query
    sources: list[_Source]
    rows: list[_TotalsRow]


class _Balances(msgspec.Struct):
    query: _Query
    sources: list[_Source]
    rows: list[_BalanceRow]


_decode_version = msgspec.json.Decoder(_Version).decode
_decode_queue = msgspec.json.Decoder(_Queue).decode
_decode_totals = msgspec.json.Decoder(_Totals).decode
_decode_balances = msgspec.json.Decoder(_Balances).decode

_Answer = TypeVar("_Answer", _Version, _Queue, _Totals, _Balances)


def decode_queue(body: bytes, question: Question, query: QueueQuery) -> QueueAnswer:
    """The rows that answer ``question`` as the table of ``query``. Names are clean, and ``None`` in the answer is
    ``""``, or the number of a campaign that has no name.

    Raises ``AnswerError``.
    """
    _refuse_other_schema(body)
    answer = _decoded(_decode_queue, body)
    told, files = _told(answer.query, answer.sources, question)
    rows = answer.rows
    if not rows and not (told.age_seconds is not None and (question.filtered or question.group != "total")):
        return QueueAnswer(told=told)
    shown = _shown({text for row in rows for text in (row.sender, row.account, row.campaign, row.isp)})
    table = QueueTable(
        query=query,
        sender_id=[row.sender_id for row in rows],
        sender=[shown[row.sender] for row in rows] if any(row.sender for row in rows) else [],
        account_id=[row.account_id for row in rows],
        account=[shown[row.account] for row in rows],
        campaign_id=[row.campaign_id for row in rows],
        campaign=[
            f"campaign {row.campaign_id}" if row.campaign is None and row.campaign_id else shown[row.campaign]
            for row in rows
        ],
        isp=[shown[row.isp] for row in rows],
        new=[row.new for row in rows],
        proc=[row.proc for row in rows],
        retry=[row.retry for row in rows],
        hold=[row.hold for row in rows],
        files=files,
    )
    words = {text: text if clean_text == text else None for text, clean_text in shown.items()}
    accounts = [words[row.account] for row in rows]
    campaigns = [words[row.campaign] for row in rows]
    names = list(zip(table.account_id, accounts, table.campaign_id, campaigns, strict=True))
    return QueueAnswer(told=told, table=table, words=names)


def decode_totals(body: bytes, question: Question) -> tuple[list[MailTotals] | None, Told]:
    """The mail totals that answer ``question``, and how the source there is; ``None`` for totals where it knows of
    none. Raises ``AnswerError``."""
    _refuse_other_schema(body)
    answer = _decoded(_decode_totals, body)
    told, _ = _told(answer.query, answer.sources, question)
    if not answer.rows and told.age_seconds is None:
        return None, told
    totals = [
        MailTotals(
            account=_name(row.account),
            send_count=row.send_count,
            success_count=row.success_count,
            defer_count=row.defer_count,
            fail_count=row.fail_count,
            in_progress_count=row.in_progress_count,
            total_size=row.total_size,
            quotas=tuple(_name(quota) for quota in row.quotas.split(", ")) if row.quotas else (),
        )
        for row in answer.rows
    ]
    return totals, told


def decode_balances(body: bytes, question: Question) -> list[Balance]:
    """The balances that answer ``question``: that of the host first where it asks for no account. Raises
    ``AnswerError``."""
    _refuse_other_schema(body)
    answer = _decoded(_decode_balances, body)
    _told(answer.query, answer.sources, question)
    return [
        Balance(
            account=_name(row.account),
            account_id=row.account_id,
            accepted=row.accepted,
            delivered=row.delivered,
            failed=row.failed,
            removed=row.removed,
            waiting=row.waiting,
            since=None if row.since is None else int(row.since.timestamp()),
        )
        for row in answer.rows
    ]


def _shown(texts: set[str | None]) -> dict[str | None, str]:
    """Each text as it is shown; many rows have the same."""
    return {text: "" if text is None else _name(text) for text in texts}


def _name(text: str) -> str:
    return clean(text[:MAX_NAME])


def _refuse_other_schema(body: bytes) -> None:
    start = body.lstrip()[:60]
    if not start:
        raise AnswerError("is empty; run `mailtop show queue --format json` there to see why")
    if not start.startswith(b"{"):
        line = clean(start.splitlines()[0])
        raise AnswerError(
            f'begins with "{line}" where JSON should; if the start-up files of the shell there print it, let them '
            "print to terminals only"
        )
    if body.count(b",") > MAX_VALUES:
        raise AnswerError(f"has more than {MAX_VALUES:,} values, which is too much")
    version = _decoded(_decode_version, body).schema
    if version != SCHEMA:
        older = "there" if version < SCHEMA else "here"
        raise AnswerError(f"has the form {version}, and {SCHEMA} is understood here; upgrade mailtop {older}")


def _decoded(decode: Callable[[bytes], _Answer], body: bytes) -> _Answer:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        why = f"is not what `mailtop show` prints ({clean(str(error))}); is `command` another program there"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        cut = "truncated" in str(error)
        why = "is cut short" if cut else f"is not JSON ({clean(str(error))}); is `command` another program there"
    raise AnswerError(why[: 2 * MAX_SENTENCE])


def _told(answered: _Query, sources: list[_Source], question: Question) -> tuple[Told, int | None]:
    """How the one source of an answer is, and its queue files; raises ``AnswerError`` where there is not one, and for
    the answer to another question."""
    echo = msgspec.structs.asdict(answered)
    expected = {"show": question.what, "filter": None}
    expected |= {key: getattr(question, key) for key in ("source", "group", "sender", "account", "campaign", "isp")}
    changed = any(echo[key] != value for key, value in expected.items())
    if changed or answered.problems or answered.together:
        raise AnswerError(
            "answers another question than was asked; if a forced command stands with the key there, it has to heed "
            "SSH_ORIGINAL_COMMAND"
        )
    if len(sources) != 1:
        names = ", ".join(_name(source.name) for source in sources[:MAX_SOURCES])
        more = ", …" if len(sources) > MAX_SOURCES else ""
        raise AnswerError(
            f"adds up {len(sources)} sources there ({names}{more}), whose numbers cannot be told apart; name one with "
            "`source`, and have a [[source]] for each"
        )
    source = sources[0]
    error = None if source.error is None else clean(source.error[:MAX_SENTENCE])
    freshness = source.freshness
    if error is not None and freshness not in DOUBTFUL:
        freshness = Freshness.PARTIAL
    told = Told(
        name=_name(source.name),
        type=_name(source.type),
        freshness=freshness,
        age_seconds=source.age_seconds,
        error=error,
    )
    return told, source.queue_files
