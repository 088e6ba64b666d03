"""Attacks by the world that mail lives in: clocks that change, jump and lie, years that begin, queue ids that come
again, mail systems that share a log, logs that are damaged, queues of half a million. `attack` enters."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests import postfix_capture
from tests.captures import EXIM_RUNS, exim_capture
from tests.fuzz.case import Room, damaged
from tests.torture.attack import Attack
from tests.torture.big_queues import very_many_held_messages
from tests.torture.log_ledger import Collected
from tests.torture.mail_lives import (
    Line,
    Truth,
    exim_life,
    exim_stamp,
    in_order,
    log_of,
    postfix_life,
    repeated_seconds,
    syslog_stamp,
)
from tui.engine.accounts import Accounts
from tui.engine.events import Deferred, Delivered, Event
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.logs.reader import LogReader
from tui.engine.queues.listing import Listing, Waiting

DAY_SECONDS = 86_400

ZONES = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "UTC"


def _moment(*parts: int) -> int:
    year, month, day, hour = parts
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


MOMENTS = (
    _moment(2026, 3, 29, 1),  # Berlin springs forward
    _moment(2026, 10, 25, 1),  # Berlin falls back
    _moment(2026, 11, 1, 6),  # New York and, half an hour apart, St. John's
    _moment(2026, 4, 4, 15),  # Lord Howe, by half an hour
    _moment(2024, 2, 29, 0),
    _moment(2026, 2, 28, 23),
    _moment(2027, 1, 1, 0),
    _moment(2024, 12, 31, 23),
)


def _no_zones() -> str:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return "this host knows no time zones (tzdata)"
    return ""


def clocks_that_change(folder: Path, chance: random.Random) -> int:
    """Local times around a change of the clocks, a leap day or a new year, read at once or up to ten months later:
    every event at its time, but for the hour that the clock shows twice."""
    zone, moment, truth = ZoneInfo(chance.choice(ZONES)), chance.choice(MOMENTS), Truth()
    is_exim = chance.random() < 0.5
    lines: list[Line] = []
    for number in range(40):
        begin = moment + chance.randrange(-7200, 7200)
        if is_exim:
            lines += exim_life(f"0t5C6f-{number:06}-00", begin, chance, truth)
        else:
            lines += postfix_life(f"4D{number:04X}A", begin, chance, truth)
    lines = in_order(lines)
    stamp = exim_stamp(zone) if is_exim else syslog_stamp(zone)
    written = lines[-1].time + chance.choice((0, 1, 3600, 30 * DAY_SECONDS, 300 * DAY_SECONDS))
    reader: LogReader = EximLog(Accounts(), zone) if is_exim else PostfixLog(Accounts(), zone)
    events = reader.events(log_of(lines, stamp), float(written))
    assert len(events) == len(lines) and not reader.unparsed.count, reader.unparsed.samples
    for event, line in zip(events, lines, strict=True):
        early = line.time - event.time
        assert early in (0, repeated_seconds(line.time, zone)), f"{line} in {zone}: {early} seconds early"
    log = folder / "log"
    log.write_bytes(log_of(lines, stamp))
    os.utime(log, (written, written))
    kind: Callable[[], LogReader] = (
        (lambda: EximLog(Accounts(), zone)) if is_exim else (lambda: PostfixLog(Accounts(), zone))
    )
    _comes_to(Collected(log, folder / "ledger", kind, lambda: float(written + 60)), truth)
    return len(lines)


def _comes_to(collected: Collected, truth: Truth) -> None:
    collected.collect()
    assert collected.sums() == truth.counts, f"{collected.sums()} instead of {truth.counts}"
    assert collected.waiting() == truth.waiting
    collected.adds_up()


def clocks_that_jump(folder: Path, chance: random.Random) -> int:
    """The clock is set forth and back, by seconds or years, while mail is logged, and in half of the rounds while
    mailtop collects: all counts once, nothing waits that is less than nothing, what nobody watched stays a gap."""
    truth, now = Truth(), float(_moment(2026, 11, 22, 12))
    ours_jumps = chance.random() < 0.5
    log = folder / "log"
    collected = Collected(log, folder / "ledger", _exim, lambda: now)
    jumps = 5
    for jump in range(jumps):
        lines = []
        for number in range(8):
            lines += exim_life(f"0t5C6f-{jump:03}{number:03}-00", int(now) - 30 * 60, chance, truth)
        # Lines keep their order; their stamps are those of a clock that is off.
        off = chance.choice((0, -3000, 3000, -5 * DAY_SECONDS, 40 * DAY_SECONDS, 3000 * DAY_SECONDS))
        with log.open("ab") as file:
            file.write(log_of([Line(line.time + off, line.text) for line in in_order(lines)], exim_stamp(UTC)))
        if ours_jumps:
            now += off
        collected.collect(2)
        assert collected.sums() == truth.counts, f"{collected.sums()} instead of {truth.counts}"
        collected.adds_up()
        now += chance.choice((2, 60, 3600))
    _comes_to(collected, truth)
    left, now = int(now), now + 4 * 3600
    collected.collect()
    watched = collected.watched(left + 600, int(now) - 600)
    assert ours_jumps or not watched, f"{watched} minutes are known that nobody watched"
    return jumps


_NOW = float(_moment(2026, 11, 23, 0))


def _exim() -> EximLog:
    return EximLog(Accounts(), UTC)


def _postfix() -> PostfixLog:
    return PostfixLog(Accounts(), UTC)


def ids_that_come_again(folder: Path, chance: random.Random) -> int:
    """Short queue ids of Postfix are used again as soon as they are free, seconds later or within the same one."""
    truth, lines = Truth(), list[Line]()
    pool = [f"{number:05X}4A" for number in range(chance.choice((1, 3, 10)))]
    free = dict.fromkeys(pool, _moment(2026, 11, 22, 0))
    for _ in range(60):
        if not free:
            break
        id_ = min(free, key=lambda each: free[each])
        begin = free.pop(id_) + chance.choice((0, 0, 1, 5, 70))
        life = postfix_life(id_, begin, chance, truth, chance.choice((1, 3, 40, 900)))
        lines += life
        if life[-1].text.endswith("removed"):
            free[id_] = life[-1].time
    # Of lines of the same second those of one id keep their order.
    _in_pieces(folder, log_of(in_order(lines), syslog_stamp(UTC)), _postfix, truth, chance)
    return len(lines)


def an_upgrade_to_long_ids(folder: Path, chance: random.Random) -> int:
    """Exim is upgraded, and ids have 23 characters from then on, while mail with 16 still waits."""
    truth, lines = Truth(), list[Line]()
    begun, upgraded = _moment(2026, 11, 22, 0), _moment(2026, 11, 22, 1)
    for number in range(60):
        begin = begun + chance.randrange(7200)
        id_ = f"0t5C6f-{number:06}-00" if begin < upgraded else f"0t5C6f-00000{number:06}-0000"
        lines += exim_life(id_, begin, chance, truth)
    _in_pieces(folder, log_of(in_order(lines), exim_stamp(UTC)), _exim, truth, chance)
    return len(lines)


def mail_systems_that_share_a_log(folder: Path, chance: random.Random) -> int:
    """Several hosts and several instances of Postfix write one log, and come to the same ids after each other."""
    truth, lines = Truth(), list[Line]()
    systems = [
        (host, name) for host in ("mx1", "mx2.shop.test") for name in ("postfix", "postfix-out", "postfix/smtps")
    ]
    begin = _moment(2026, 11, 22, 0)
    for number in range(30):
        host, system = chance.choice(systems)
        life = postfix_life(f"{chance.randrange(3):05X}{number:X}", begin, chance, truth, 60, system)
        lines += [Line(line.time, f"{host} {line.text}") for line in life]
        begin = max(begin, life[-1].time) if chance.random() < 0.5 else begin
    log = log_of(in_order(lines), syslog_stamp(UTC, "")).replace(b"  mx", b" mx")
    _in_pieces(folder, log, _postfix, truth, chance)
    return len(lines)


def equal_ids_at_a_time(folder: Path, chance: random.Random) -> int:
    """What two instances never have on one disk: the same id at the same time. Whose a message is gets mixed up, but
    each outcome counts once, nothing waits that is less than nothing, and the ledger adds up."""
    truth, lines = Truth(), list[Line]()
    for number in range(40):
        id_, begin = f"0000{number % 4}A", _moment(2026, 11, 22, 0) + chance.randrange(600)
        lines += postfix_life(id_, begin, chance, truth, 60, chance.choice(("postfix", "postfix-out")))
    log, collected = folder / "log", Collected(folder / "log", folder / "ledger", _postfix)
    log.write_bytes(log_of(in_order(lines), syslog_stamp(UTC)))
    collected.collect()
    assert collected.sums()[1:] == truth.counts[1:]
    collected.adds_up()
    return len(lines)


def _in_pieces(
    folder: Path,
    data: bytes,
    kind: Callable[[], LogReader],
    truth: Truth | None,
    chance: random.Random,
    listings: Iterator[Listing] | None = None,
) -> Collected:
    """Log ``data`` in pieces to a collector that is killed between them."""
    log, written = folder / "log", _NOW
    collected = Collected(log, folder / "ledger", kind, lambda: written)
    if listings is not None:
        collected.listings = listings
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 5)))
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        with log.open("ab") as file:
            file.write(data[start:end])
        os.utime(log, (written, written))
        collected.collect()
    if truth is not None:
        _comes_to(collected, truth)
    return collected


@cache
def _logs() -> list[tuple[Room, Callable[[], LogReader]]]:
    """Captured logs, and who reads them."""
    exim = Room("Exim", len, [exim_capture(run).log() for run in EXIM_RUNS])
    return [(exim, _exim), (Room("Postfix", len, [postfix_capture.log()]), _postfix)]


def damaged_logs(folder: Path, chance: random.Random) -> int:
    """Logs of real mail systems with damage of every kind, through reader, tracker and ledger: no crash, a ledger that
    adds up, nothing waits that is less than nothing, and in pieces the same as at once; and with listings that have
    little to do with them."""
    times = 2
    for number in range(times):
        room, kind = chance.choice(_logs())
        data = b"".join(damaged(room, chance) for _ in range(chance.choice((1, 3)))).rstrip(b"\n") + b"\n"
        one, other = folder / f"{number}a", folder / f"{number}b"
        one.mkdir()
        other.mkdir()
        try:
            pieces = _in_pieces(one, data, kind, None, chance)
            whole = _in_pieces(other, data, kind, None, _Never())
            (third := folder / f"{number}c").mkdir()
            listed = _in_pieces(third, data, kind, None, chance, _listings(kind().events(data, _NOW), chance))
            for each in (pieces, whole, listed):
                each.adds_up()
            assert pieces.state() == whole.state(), "in pieces it is not the same as at once"
        except BaseException as error:
            error.add_note(f"the log: {data[:20_000]!r}")
            raise
    return times


def _listings(events: Sequence[Event], chance: random.Random) -> Iterator[Listing]:
    """Listings of some of the messages that events name, with recipients that may be theirs, in any state."""
    ids = sorted({event.id for event in events}) or [b"0t5C6f-000001-00"]
    addresses = [event.waiting for event in events if isinstance(event, (Delivered, Deferred))] or [b"a@b.test"]
    while True:
        messages = {
            id_: Waiting(
                id_,
                chance.randrange(4),
                tuple({chance.choice(addresses) for _ in range(chance.randrange(4))}),
                chance.choice((None, b"carol")),
                b"shop.test",
                chance.choice((None, b"welcome")),
                chance.choice((-1, 500)),
                int(_NOW) - chance.randrange(10**6),
                chance.random() < 0.1,
                chance.choice((None, b"", b"c@shop.test")),
            )
            for id_ in chance.sample(ids, chance.randrange(len(ids) + 1))
        }
        yield Listing(int(_NOW), messages)


class _Never(random.Random):
    """Chances that cut nothing."""

    def randrange(self, *_: object) -> int:
        return 0


ATTACKS = [
    Attack("DST, leap days and new years in local time: each event at its time", clocks_that_change, 0.3, _no_zones),
    Attack("a clock set forth and back: all counts once, and a gap stays a gap", clocks_that_jump, 1.0),
    Attack("queue ids used again at once: each message counts for itself", ids_that_come_again, 0.5),
    Attack("Exim's ids of 16 and then 23 characters in one log: no difference", an_upgrade_to_long_ids, 0.5),
    Attack("several hosts and instances in one log: all counts once", mail_systems_that_share_a_log, 0.5),
    Attack("equal ids at one time: each outcome counts once, the ledger adds up", equal_ids_at_a_time, 0.3),
    Attack("very many held messages: listed again soon, while mail is counted", very_many_held_messages, 20.0),
    Attack("damaged logs into a ledger: it adds up, in pieces as at once", damaged_logs, 1.0),
]
