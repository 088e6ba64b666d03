"""A mail log made up, of which is known what a ledger must count; with the queue that is left. Attacks on crash and
disk enter."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tui.engine.sqlite_reader import SqliteReader
from tui.model import Grouping, QueueQuery

START = 1_795_291_146
"""When the first message came, seconds since 1970."""

USERS = ("alice", "bob", "carol")
CAMPAIGNS = ("spring", "sale", "")
DOMAINS = ("gmail.com", "yahoo.com", "corp.test")

Totals = dict[str, tuple[int, ...]]
"""By account: send, success, defer, fail, bytes, and how many units wait."""


class Message(msgspec.Struct, kw_only=True):
    """A message as it will have gone: ``lines`` of the log, and ``waits``, the recipients that are left."""

    account: str
    counts: list[int]
    lines: list[bytes]
    id: str
    time: int
    size: int
    waits: list[str]


class KnownMail:
    """``count`` messages in the log of an ``mta``, ``exim`` or ``postfix``, their lines among each other's."""

    def __init__(self, mta: str, rng: random.Random, count: int) -> None:
        self.mta = mta
        make = _exim if mta == "exim" else _postfix
        self.messages = [make(rng, number) for number in range(count)]
        left = [list(message.lines) for message in self.messages]
        self.lines: list[bytes] = []
        begun = 1
        while any(left):
            begun = min(count, begun + (rng.random() < 0.4))
            open_now = [lines for lines in left[:begun] if lines]
            if open_now:
                self.lines.append(rng.choice(open_now[-8:]).pop(0))
            else:
                begun = min(count, begun + 1)

    def log(self) -> bytes:
        """All of the log."""
        return b"".join(self.lines)

    def truth(self) -> Totals:
        """What a ledger must say when all was read."""
        totals: dict[str, list[int]] = {}
        for message in self.messages:
            sums = totals.setdefault(message.account, [0] * 6)
            for place, count in enumerate((*message.counts, len(message.waits))):
                sums[place] += count
        return {account: tuple(sums) for account, sums in totals.items()}

    def queue(self) -> str:
        """What ``postqueue -j`` prints in the end."""
        return "".join(
            json.dumps(
                {
                    "queue_name": "deferred",
                    "queue_id": message.id,
                    "arrival_time": message.time,
                    "message_size": message.size,
                    "forced_expire": False,
                    "sender": f"{message.account}@shop.test",
                    "recipients": [{"address": address} for address in message.waits],
                }
            )
            + "\n"
            for message in self.messages
            if message.waits
        )


def counted(ledger: Path) -> Totals:
    """What a ledger says. Raises ``AssertionError`` where its own sums do not agree, ``LedgerError``."""
    with closing(SqliteReader(ledger)) as reader, reader.snapshot():
        totals = {
            each.account: (
                each.send_count or 0,
                each.success_count or 0,
                each.defer_count or 0,
                each.fail_count or 0,
                each.total_size or 0,
                each.in_progress_count or 0,
            )
            for each in reader.totals()
        }
        waiting = {
            sum(sum(column) for column in (table.new, table.proc, table.retry, table.hold))
            for grouping in Grouping
            for table in [reader.queue(QueueQuery(grouping=grouping))]
        }
        assert waiting == {sum(each[-1] for each in totals.values())}, f"groupings add up to {waiting}: {totals}"
        return {account: sums for account, sums in totals.items() if any(sums)}


def pieces(data: bytes, rng: random.Random, count: int) -> Iterator[bytes]:
    """``data`` in pieces, cut anywhere."""
    cuts = sorted(rng.randrange(len(data)) for _ in range(count))
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        yield data[begin:end]


def append(log: Path, data: bytes) -> None:
    """What a mail system does with its log."""
    with log.open("ab") as file:
        file.write(data)


def _outcomes(rng: random.Random, number: int) -> Iterator[tuple[str, list[str]]]:
    """Recipients, and what becomes of each."""
    for place in range(rng.randrange(1, 4)):
        address = f"r{number}.{place}@{rng.choice(DOMAINS)}"
        yield address, ["defer"] * rng.choice((0, 0, 1, 2)) + [rng.choice(("sent", "sent", "sent", "fail", "wait"))]


def _message(rng: random.Random, number: int, id_: str, lines: list[bytes]) -> tuple[Message, list[tuple[str, str]]]:
    """A message with its first lines, and what happens to its recipients: the address and the outcome."""
    account, time = rng.choice(USERS), START + number // 3
    message = Message(
        account=account, counts=[1, 0, 0, 0, 0], lines=lines, id=id_, time=time, size=rng.randrange(400, 9000), waits=[]
    )
    message.counts[4] = message.size
    happens: list[tuple[str, str]] = []
    for address, outcomes in _outcomes(rng, number):
        if outcomes[-1] == "wait":
            outcomes[-1] = "defer"
            message.waits.append(address)
        happens += [(address, outcome) for outcome in outcomes]
    for _, outcome in happens:
        message.counts[{"sent": 1, "defer": 2, "fail": 3}[outcome]] += 1
    return message, happens


def _exim(rng: random.Random, number: int) -> Message:
    lines: list[bytes] = []
    message, happens = _message(rng, number, f"1xUr7C-{number:06d}-{number % 60:02d}", lines)
    stamp = f"{datetime.fromtimestamp(message.time, UTC):%Y-%m-%d %H:%M:%S} {message.id}"
    who, to = f"{message.account}@shop.test", " ".join(dict.fromkeys(address for address, _ in happens))
    told = [f"campaign={campaign}"] if (campaign := rng.choice(CAMPAIGNS)) else []
    told.append(f"<= {who} H=(c) [127.0.0.1] P=esmtpa A=dovecot_plain:{message.account} S={message.size} for {to}")
    host = "R=isp T=remote_smtp H=mx.test [127.0.0.11]"
    said = {
        "sent": "=> {} " + f'{host} C="250 ok"',
        "defer": "== {} R=isp T=remote_smtp defer (-44) H=mx.test [127.0.0.11]: SMTP error: 450 4.2.0 Greylisted",
        "fail": "** {} " + f"{host}: SMTP error from remote mail server: 550 5.1.1 no such user here",
    }
    told += [said[outcome].format(address) for address, outcome in happens]
    told += [] if message.waits else ["Completed"]
    lines += [f"{stamp} {each}\n".encode() for each in told]
    return message


def _postfix(rng: random.Random, number: int) -> Message:
    lines: list[bytes] = []
    message, happens = _message(rng, number, f"4{number:09X}", lines)
    stamp, who = (
        f"{datetime.fromtimestamp(message.time, UTC):%Y-%m-%dT%H:%M:%S}+00:00 mx",
        f"{message.account}@shop.test",
    )
    told = [f"smtpd[239]: {message.id}: client=c[127.0.0.1], sasl_method=PLAIN, sasl_username={message.account}"]
    if campaign := rng.choice(CAMPAIGNS):
        told.append(
            f"cleanup[241]: {message.id}: info: header X-Campaign-ID: {campaign} from c[127.0.0.1]; from=<{who}> "
            f"to=<{happens[0][0]}> proto=ESMTP helo=<c>"
        )
    recipients = len({address for address, _ in happens})
    told.append(f"qmgr[233]: {message.id}: from=<{who}>, size={message.size}, nrcpt={recipients} (queue active)")
    said = {
        "sent": "dsn=2.0.0, status=sent (250 2.0.0 ok)",
        "defer": "dsn=4.2.2, status=deferred (host mx.test[127.0.0.11] said: 452 4.2.2 Over quota)",
        "fail": "dsn=5.1.1, status=bounced (host mx.test[127.0.0.11] said: 550 5.1.1 No such user)",
    }
    told += [
        f"smtp[244]: {message.id}: to=<{address}>, relay=mx.test[127.0.0.11]:25, delay=0.1, delays=0/0/0/0.1, "
        f"{said[outcome]}"
        for address, outcome in happens
    ]
    told += [] if message.waits else [f"qmgr[233]: {message.id}: removed"]
    lines += [f"{stamp} postfix/{each}\n".encode() for each in told]
    return message
