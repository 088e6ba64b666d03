"""What the ledger says of the messages that wait: over captured runs, what the mail system itself lists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from tests import postfix_capture
from tests.captures import EXIM_RUNS, EximCapture, exim_bp_units, exim_capture
from tui.engine.accounts import Accounts
from tui.engine.batch import Names
from tui.engine.events import Event
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.messages import ATTEMPT, WATCHED_SECONDS, Message, decode_message, encode_message, shown
from tui.engine.queue_state import QueueState
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.listing import Listing
from tui.engine.queues.postqueue import Postqueue
from tui.engine.reconcile import Reconciler
from tui.engine.sqlite_reader import SqliteReader
from tui.engine.sqlite_writer import SqliteWriter
from tui.engine.tracker import Tracker
from tui.isp import IspTable
from tui.model import Grouping, QueueQuery, WaitingMessage

EXIM_QUIET = [(run, listing) for run in EXIM_RUNS for listing in exim_capture(run).quiet]
HEAD = re.compile(rb" +(?:\d+[mhd]) +\S+ (\S+) <(.*?)>(?: \(\S+\))?(?: \*\*\* frozen \*\*\*)?")
EXIM_DEFERRAL = re.compile(rb"^\S+ \S+ (?:\S+ )*?([\w]{6}-\w{6,11}-\w{2,4}) == (?:.* <)?([^ >]+)>? R=.*?: (.*)", re.M)
REQUEUED = re.compile(rb": (\w+): uid=.* orig_id=(\w+)")
POSTFIX_DEFERRAL = re.compile(rb": (\w+): to=<(.*?)>, (?:orig_to=.*?, )?relay=.* status=deferred ")


def collected(path: Path, events: list[Event], listing: Listing | None = None) -> SqliteReader:
    """A ledger of what was logged and then listed."""
    writer = SqliteWriter(path)
    state = QueueState(writer.names(), writer.messages(), IspTable())
    tracker = Tracker(state)
    tracker.apply(events)
    if listing is not None:
        Reconciler(state).reconcile(listing, set())
    writer.write(state.take(tracker.log_time))
    writer.close()
    return SqliteReader(path)


def everything(reader: SqliteReader) -> list[WaitingMessage]:
    """All that waits; each cell's are among them and nowhere else."""
    found = reader.messages(QueueQuery(), 10_000)
    table = reader.queue(QueueQuery(grouping=Grouping.TOTAL))
    assert len(found) == sum(row.total for row in table.rows())
    assert [message.arrived or 0 for message in found] == sorted(message.arrived or 0 for message in found)
    for grouping in (Grouping.ACCOUNT, Grouping.ACCOUNT_CAMPAIGN, Grouping.ISP):
        parts = []
        for row in reader.queue(QueueQuery(grouping=grouping)).rows():
            query = QueueQuery(grouping=grouping).into(row)
            assert query is not None
            part = reader.messages(query, 10_000)
            assert Counter(one.state for one in part) == Counter(states(row.new, row.proc, row.retry, row.hold))
            parts += part
        assert sorted(parts, key=repr) == sorted(found, key=repr)
    reader.close()
    return found


def states(*counts: int) -> Iterator[str]:
    for name, count in zip(("new", "proc", "retry", "hold"), counts, strict=True):
        yield from [name] * count


def exim_events(capture: EximCapture, end: int) -> list[Event]:
    return EximLog(Accounts(), UTC).events(capture.log()[:end], capture.written)


@pytest.mark.parametrize(("run", "listing"), EXIM_QUIET)
def test_exims_messages_are_those_of_its_own_listing(run: str, listing: str, tmp_path: Path) -> None:
    capture = exim_capture(run)
    before, _ = capture.offsets(listing)
    capture.unpack_spool(listing, tmp_path)
    listed = EximSpool(tmp_path, Accounts()).list()
    found = everything(collected(tmp_path / "ledger", exim_events(capture, before), listed))
    printed = capture.bp(listing)
    senders = {head[1]: head[2] for line in printed.split(b"\n") if (head := HEAD.fullmatch(line))}
    assert {(one.id.encode(), (one.sender or "").encode(), one.recipient.encode()) for one in found} == {
        (id_, senders[id_], recipient)
        for id_, (_, recipients) in exim_bp_units(printed).items()
        for recipient in recipients
    }
    deferrals = Counter(
        (id_.decode(), recipient.decode().lower())
        for id_, recipient, why in EXIM_DEFERRAL.findall(capture.log()[:before])
        if b"etry time not " not in why
    )
    told = [one for one in found if one.attempts is not None]
    assert len(told) >= len(found) - 1
    assert [one.attempts for one in told] == [deferrals[one.id, one.recipient.lower()] for one in told]
    for one in found:
        assert one.arrived is not None
        assert abs(one.arrived - listed.messages[one.id.encode()].arrived) <= 1


@pytest.mark.parametrize(("run", "listing"), EXIM_QUIET)
def test_exims_log_alone_tells_when_mail_came_and_from_whom(run: str, listing: str, tmp_path: Path) -> None:
    capture = exim_capture(run)
    before, _ = capture.offsets(listing)
    capture.unpack_spool(listing, tmp_path)
    listed = EximSpool(tmp_path, Accounts()).list().messages
    for one in everything(collected(tmp_path / "ledger", exim_events(capture, before))):
        spooled = listed[one.id.encode()]
        assert one.arrived is not None
        assert abs(one.arrived - spooled.arrived) <= 1
        if spooled.sender != b"newsender@acme.test":  # set with -Mes, which no arrival tells
            assert (one.sender or "").encode() == spooled.sender


@pytest.mark.parametrize(("run", "listing"), EXIM_QUIET)
def test_exims_spool_alone_tells_it_too_and_leaves_attempts_open(run: str, listing: str, tmp_path: Path) -> None:
    capture = exim_capture(run)
    capture.unpack_spool(listing, tmp_path)
    listed = EximSpool(tmp_path, Accounts()).list()
    for one in everything(collected(tmp_path / "ledger", [], listed)):
        spooled = listed.messages[one.id.encode()]
        assert ((one.sender or "").encode(), one.arrived) == (spooled.sender, spooled.arrived)
        assert one.attempts is None


@pytest.mark.parametrize("listing", postfix_capture.QUIET)
def test_postfixs_messages_are_those_of_its_own_listing(listing: str, tmp_path: Path) -> None:
    before, _ = postfix_capture.offsets(listing)
    log = postfix_capture.log()[:before]
    file = postfix_capture.listing(listing)
    listed = Postqueue(Accounts(), ("cat", str(file))).list()
    events = PostfixLog(Accounts(), UTC).events(log, postfix_capture.WRITTEN)
    found = everything(collected(tmp_path / "ledger", events, listed))
    printed = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    assert {(one.id, one.sender, one.recipient) for one in found} == {
        (message["queue_id"], message["sender"].replace("MAILER-DAEMON", ""), recipient["address"])
        for message in printed
        for recipient in message["recipients"]
    }
    arrivals = {message["queue_id"]: message["arrival_time"] for message in printed}
    renamed = {old: new for new, old in REQUEUED.findall(log)}
    deferrals = Counter(
        (renamed.get(id_, id_).decode(), recipient.decode()) for id_, recipient in POSTFIX_DEFERRAL.findall(log)
    )
    for one in found:
        assert one.arrived is not None
        assert abs(one.arrived - arrivals[one.id]) <= 1
        if one.attempts is not None:
            assert one.attempts == deferrals[one.id, one.recipient]
    assert sum(one.attempts is None for one in found) <= 1


def test_a_log_that_does_not_reach_back_tells_no_attempts() -> None:
    """A run that is read from its middle: of what came before only the listing tells, and nobody how often it was
    tried."""
    before, _ = postfix_capture.offsets("q1")
    begin, _ = postfix_capture.offsets("s4")
    state = QueueState(Names(), {}, IspTable())
    tracker = Tracker(state)
    tracker.apply(PostfixLog(Accounts(), UTC).events(postfix_capture.log()[begin:before], postfix_capture.WRITTEN))
    listed = Postqueue(Accounts(), ("cat", str(postfix_capture.listing("q1")))).list()
    Reconciler(state).reconcile(listed, set())
    began = min(message.heard for message in state.messages.values() if message.heard is not None)
    units = [unit for id_, message in state.messages.items() for unit in shown(id_, message)]
    old = [unit for unit in units if unit.arrived is not None and unit.arrived < began - WATCHED_SECONDS]
    assert old
    assert all(unit.attempts is None for unit in old)


def test_hostile_names_are_clean_and_bounded() -> None:
    message = Message(0, units={b"\x1b[2J\xe2\x80\xae" + b"x" * 10_000 + b"@y": 1 << 2}, sender=b"\x1b]52;c;\x07\xff@z")
    [one] = shown(b"1A\x1b[0m", message)
    assert one.sender is not None
    for text in (one.id, one.sender, one.recipient):
        assert text.isprintable()
        assert len(text) <= 320


def test_messages_of_before_still_read() -> None:
    """The 16 fields of version 1, whose units know no attempts."""
    blob = msgspec.msgpack.encode(
        [7 << 24, None, b"alice", b"", {b"a@b": 5 << 2 | 2}, 2, False, True, True, True, None, 0, None, 99, -1, 0]
    )
    message = decode_message(blob)
    assert (message.sender, message.arrived, message.heard) == (None, None, None)
    [one] = shown(b"1", message)
    assert one == WaitingMessage(id="1", sender=None, recipient="a@b", state="retry")
    assert message.place == (0, 7, 1 << 5)
    message.units[b"a@b"] += 9 * ATTEMPT
    assert decode_message(encode_message(message)) == message
