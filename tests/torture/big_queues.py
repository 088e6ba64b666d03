"""Queues of very many messages, in each way that they are listed: everything is listed, again in little time and
memory, while the log is read on. For the attacks on the mail world."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from tests.engine.log_files import append
from tests.torture.log_ledger import Collected
from tests.torture.log_world import entry, is_short
from tui.engine.accounts import Accounts
from tui.engine.collect import Collector
from tui.engine.events import HOLD
from tui.engine.feeds import MtaFeed
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.logs.reader import LogReader
from tui.engine.queues.exim_bp import EximBp
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.listing import QueueLister
from tui.engine.queues.postqueue import Postqueue
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tail import Tail
from tui.isp import IspTable

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ARRIVED = 1_795_290_676
MOST_BYTES_A_MESSAGE = 3000


def ids(count: int) -> list[str]:
    """So many message ids, spread over a split spool."""
    return [f"1xUr{LETTERS[number % 62]}N-{number:06}-31" for number in range(count)]


def people(number: int) -> tuple[str, str]:
    """Sender and recipient of a message."""
    return f"u@shop{number % 500}.test", f"r{number}@{('gmail.com', 'yahoo.com', f'd{number % 3000}.test')[number % 3]}"


def header(id_: str, number: int) -> bytes:
    """The ``-H`` file of a frozen message."""
    sender, recipient = people(number)
    return (
        f"{id_}-H\nexim 9 9\n<{sender}>\n{ARRIVED} 0\n-received_time_usec .1\n-helo_name c\n"
        f"-host_address [192.0.2.1]:5\n-frozen {ARRIVED + 9}\n-body_linecount 1\nXX\n1\n{recipient}\n\n"
        "040P Received: from x; id y\n\tfor 027  X-Z: a\n"
        f"023F From: {sender[:12]}\n"
    ).encode()


def fill_spool(spool: Path, count: int) -> None:
    """A split spool with so many frozen messages, two files each."""
    for letter in LETTERS:
        (spool / "input" / letter).mkdir(parents=True)
    for number, id_ in enumerate(ids(count)):
        path = f"{spool}/input/{id_[5 - 1]}/{id_}"
        for kind, content in (("H", header(id_, number)), ("D", b"")):
            descriptor = os.open(f"{path}-{kind}", os.O_CREAT | os.O_WRONLY)
            os.write(descriptor, content)
            os.close(descriptor)


def exim_bp(count: int) -> bytes:
    """What ``exim -bp`` prints of as many."""
    lines = []
    for number, id_ in enumerate(ids(count)):
        sender, recipient = people(number)
        lines.append(f"12h  2.9K {id_} <{sender}> *** frozen ***\n          {recipient}\n\n")
    return "".join(lines).encode()


def postqueue_j(count: int) -> bytes:
    """What ``postqueue -j`` prints of as many on hold."""
    lines = []
    for number in range(count):
        sender, recipient = people(number)
        one = {
            "queue_name": "hold",
            "queue_id": f"{number:X}A26ED",
            "arrival_time": ARRIVED,
            "message_size": 2642,
            "forced_expire": False,
            "sender": sender,
            "recipients": [{"address": recipient, "delay_reason": "host mx said: 452 4.2.2 Over quota " * 2}],
        }
        lines.append(msgspec.json.encode(one))
    return b"\n".join(lines) + b"\n"


class Seen(msgspec.Struct):
    """What listing took, in seconds of the processor's time: at first, and then; seconds of the first whole tick, of
    a tick with nothing new, and bytes of memory a message."""

    first: float = 0.0
    again: float = 0.0
    first_tick: float = 0.0
    next_tick: float = 0.0
    bytes_each: float = 0.0


def watch(folder: Path, count: int, lister: QueueLister, reader: Callable[[], LogReader]) -> Seen:
    """List ``count`` held messages with a whole collector, with mail that comes and goes beside them."""
    log, seen, now = folder / "log", Seen(), time.time()
    log.write_bytes(b"")
    before = _resident_bytes()
    begun = time.process_time()
    messages = lister.list().messages
    seen.first, begun = time.process_time() - begun, time.process_time()
    assert len(messages) == count and all(each.state == HOLD for each in messages.values())
    del messages
    assert len(lister.list().messages) == count
    seen.again = time.process_time() - begun
    with (
        closing(SqliteWriter(folder / "ledger")) as writer,
        closing(MtaFeed(Tail(log, None), reader(), lister)) as feed,
    ):
        collector = Collector(feed, writer, IspTable(), clock=lambda: now)
        begun = time.process_time()
        collector.tick()
        seen.first_tick = time.process_time() - begun
        for number in range(3):
            append(log, entry(number))
            now += 301
            begun = time.process_time()
            collector.tick()
            seen.next_tick = time.process_time() - begun
        assert collector.queue_problem is None, collector.queue_problem
        seen.bytes_each = (_resident_bytes() - before) / count
    collected = Collected(log, folder / "ledger", reader)
    assert collected.waiting() == count, f"{collected.waiting()} of {count} wait"
    collected.adds_up()
    return seen


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def listings(folder: Path, kind: str, count: int) -> Seen:
    """The queue in one of three ways: ``spool``, ``exim -bp`` or ``postqueue -j``."""
    if kind == "spool":
        fill_spool(folder / "spool", count)
        return watch(folder, count, EximSpool(folder / "spool", Accounts()), lambda: EximLog(Accounts()))
    if kind == "exim -bp":
        (folder / "printed").write_bytes(exim_bp(count))
        program = folder / "exim"
        program.write_text('#!/bin/sh\nexec cat "${0%/*}/printed"\n')
        program.chmod(0o755)
        return watch(folder, count, EximBp(str(program), Accounts()), lambda: EximLog(Accounts()))
    (folder / "printed").write_bytes(postqueue_j(count))
    command = ("cat", str(folder / "printed"))
    return watch(folder, count, Postqueue(Accounts(), command), lambda: PostfixLog(Accounts()))


def very_many_held_messages(folder: Path, chance: random.Random) -> int:
    """A queue of very many messages in one of the three ways."""
    count = 1000 if is_short() else chance.choice((20_000, 100_000))
    kind = chance.choice(("spool", "exim -bp", "postqueue -j"))
    seen = listings(folder, kind, count)
    assert kind != "spool" or seen.again < seen.first, f"an unchanged spool is listed no faster: {seen}"
    assert seen.next_tick < seen.first_tick, f"a tick with nothing new takes as long as the first: {seen}"
    assert is_short() or seen.bytes_each < MOST_BYTES_A_MESSAGE, seen
    return count


if __name__ == "__main__":  # FOLDER KIND COUNT: what it takes
    print(listings(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
