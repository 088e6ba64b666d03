"""Why mail waits and which, on ClickHouse: questions, and what their answers mean. Pure; only the reader enters."""

from __future__ import annotations

import msgspec

from tui.config.ledger_place import Place
from tui.engine.clickhouse_native import Column
from tui.engine.clickhouse_schema import CELL, STATES, everywhere
from tui.engine.ledger import LedgerError
from tui.engine.messages import decode_message, shown
from tui.model import Cause, WaitingMessage

_CELL_OF_HOST = "account_id, campaign_id, isp_id, host"
_PARTS = ("text", "count", "first_seen", "last_seen", "last_reply")


def causes_question(place: Place, where: str, limit: int) -> str:
    """Asks for the replies of all cells of hosts where mail waits and ``where`` is true, most frequent first."""
    waiting = (
        f"SELECT {_CELL_OF_HOST} FROM {everywhere(place, 'sums')} WHERE level = {CELL} AND {where} "
        f"GROUP BY {_CELL_OF_HOST} HAVING sum({' + '.join(STATES)}) > 0"
    )
    newest = (
        f"SELECT {_CELL_OF_HOST}, {', '.join(_PARTS)} FROM {everywhere(place, 'causes')} WHERE {where} "
        f"ORDER BY version DESC LIMIT 1 BY {_CELL_OF_HOST}"
    )
    parts = ", ".join(_PARTS)
    joined = f"SELECT {parts} FROM ({newest}) AS newest ANY INNER JOIN ({waiting}) AS waiting USING ({_CELL_OF_HOST})"
    return (
        f"SELECT one_text, sum(one_count) AS number, min(one_first), max(one_last) AS latest, "
        f"argMax(one_reply, one_last) FROM ({joined}) AS replies ARRAY JOIN text AS one_text, count AS one_count, "
        f"first_seen AS one_first, last_seen AS one_last, last_reply AS one_reply "
        f"GROUP BY one_text ORDER BY number DESC, latest DESC, one_text LIMIT {limit}"
    )


def causes(answer: list[Column]) -> list[Cause]:
    """The causes in the answer."""
    return [
        Cause(text=text.decode(), count=count, first_seen=first, last_seen=last, last_reply=reply.decode())
        for text, count, first, last, reply in zip(*answer, strict=True)
    ]


def messages_question(place: Place, of_host: str, where: str, isp: int | None, limit: int) -> str:
    """Asks for the oldest messages that wait of which ``where`` is true, of one ISP where its id is given; ``of_host``
    is the part of it that is true of a message whatever becomes of it."""
    waits = "notEmpty(isps)" if isp is None else f"has(isps, {isp})"
    number = "0" if isp is None else f"numbers[indexOf(isps, {isp})]"
    newest = (
        "SELECT id, since, account_id, campaign_id, host, isps, numbers, state "
        f"FROM {everywhere(place, 'messages')} WHERE {of_host} ORDER BY version DESC LIMIT 1 BY host, id"
    )
    return f"SELECT id, {number}, state FROM ({newest}) WHERE {waits} AND {where} ORDER BY since, id LIMIT {limit}"


def messages(answer: list[Column], isp: int | None) -> list[WaitingMessage]:
    """The messages in the answer, a recipient each. Raises ``LedgerError``."""
    found: list[WaitingMessage] = []
    for id_, number, state in zip(*answer, strict=True):
        try:
            found += shown(id_, decode_message(state), None if isp is None else number)
        except msgspec.DecodeError as error:
            raise LedgerError(
                f"a message of the ledger is damaged or of another version of mailtop: {error}"
            ) from error
    return found
