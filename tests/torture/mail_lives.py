"""Mail with a life of its own: when it came, was put off and left is known, and what a mail system logs of it. For the
attacks on the mail world."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec


class Line(msgspec.Struct, frozen=True):
    """One line of a log: when it was written (seconds since 1970), and what stands behind stamp and host."""

    time: int
    text: str


class Truth(msgspec.Struct):
    """What happened: counts, and recipients that wait at the end."""

    sends: int = 0
    successes: int = 0
    deferrals: int = 0
    failures: int = 0
    waiting: int = 0

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Sent, delivered, put off, failed."""
        return self.sends, self.successes, self.deferrals, self.failures


def exim_life(id_: str, begin: int, chance: random.Random, truth: Truth, gap_seconds: int = 900) -> list[Line]:
    """What Exim logs of one message; a line each is an event."""
    to = [f"r{number}@{chance.choice(('gmail.com', 'corp.test'))}" for number in range(chance.choice((1, 1, 2, 3)))]
    sender = f"u@shop{chance.randrange(3)}.test"
    head = f"{id_} <= {sender} H=c [192.0.2.1] P=esmtps S={chance.randrange(500, 9000)} for {' '.join(to)}"
    lines, now = [Line(begin, head)], begin
    truth.sends += 1
    left = list(to)
    while left and chance.random() < 0.9:
        now += chance.randrange(gap_seconds)
        address = chance.choice(left)
        match chance.randrange(4):
            case 0:
                lines.append(Line(now, f"{id_} == {address} R=dnslookup T=smtp defer (-44): SMTP error: 451 later"))
                truth.deferrals += 1
                continue
            case 1:
                lines.append(Line(now, f"{id_} ** {address} R=dnslookup T=smtp: SMTP error: 550 no such user"))
                truth.failures += 1
            case _:
                lines.append(Line(now, f'{id_} => {address} R=dnslookup T=smtp H=mx [192.0.2.2] C="250 OK"'))
                truth.successes += 1
        left.remove(address)
    if not left:
        lines.append(Line(now, f"{id_} Completed"))
    truth.waiting += len(left)
    return lines


def postfix_life(
    id_: str, begin: int, chance: random.Random, truth: Truth, gap_seconds: int = 900, system: str = "postfix"
) -> list[Line]:
    """What Postfix logs of one message; a line each is an event."""
    to = [f"r{number}@{chance.choice(('gmail.com', 'corp.test'))}" for number in range(chance.choice((1, 1, 2, 3)))]
    user = chance.randrange(3)
    size = chance.randrange(500, 9000)
    active = f"{system}/qmgr[7]: {id_}: from=<u@shop{user}.test>, size={size}, nrcpt={len(to)} (queue active)"
    lines = [
        Line(begin, f"{system}/smtpd[{chance.randrange(99)}]: {id_}: client=c[192.0.2.1], sasl_username=user{user}"),
        Line(begin, active),
    ]
    truth.sends += 1
    now, left, known = begin, list(to), set[str]()
    while left and (known != set(to) or chance.random() < 0.9):
        now += chance.randrange(gap_seconds)
        address = chance.choice(left)
        known.add(address)
        said = f"{system}/smtp[{chance.randrange(99)}]: {id_}: to=<{address}>, relay=mx[192.0.2.2]:25, delay=1, "
        match chance.randrange(4):
            case 0:
                lines.append(Line(now, said + "dsn=4.0.0, status=deferred (host mx said: 451 later)"))
                truth.deferrals += 1
                continue
            case 1:
                lines.append(Line(now, said + "dsn=5.1.1, status=bounced (host mx said: 550 no such user)"))
                truth.failures += 1
            case _:
                lines.append(Line(now, said + "dsn=2.0.0, status=sent (250 OK)"))
                truth.successes += 1
        left.remove(address)
    if not left:
        lines.append(Line(now, f"{system}/qmgr[7]: {id_}: removed"))
    truth.waiting += len(left)
    return lines


def exim_stamp(zone: tzinfo) -> Callable[[int], str]:
    """How Exim stamps a line, in local time without the zone."""
    return lambda time: f"{datetime.fromtimestamp(time, zone):%Y-%m-%d %H:%M:%S} "


def syslog_stamp(zone: tzinfo, host: str = "mx") -> Callable[[int], str]:
    """How syslog has stamped lines for ever, in local time without zone and year."""

    def stamp(time: int) -> str:
        local = datetime.fromtimestamp(time, zone)
        return f"{local:%b} {local.day:2} {local:%H:%M:%S} {host} "

    return stamp


def in_order(lines: list[Line]) -> list[Line]:
    """As they were written: what was logged first comes first."""
    return sorted(lines, key=lambda line: line.time)


def log_of(lines: list[Line], stamp: Callable[[int], str]) -> bytes:
    """The bytes of a log."""
    return "".join(f"{stamp(line.time)}{line.text}\n" for line in lines).encode()


def repeated_seconds(time: int, zone: tzinfo) -> int:
    """By how much a local time can be too early, since the clock showed it twice; 0 mostly."""
    first = datetime.fromtimestamp(time, zone).replace(fold=0)
    return time - int(first.timestamp())
