"""Exim's log reader against captured runs, single lines of every kind, and arbitrary bytes."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import EXIM_RUNS, exim_bp_units, exim_capture
from tui.engine import events as ev
from tui.engine.accounts import Accounts
from tui.engine.logs.exim import EximLog

WRITTEN = 1_795_400_000.0
SHORT, LONG = b"1xUr5N-00000U-31", b"1xUsvm-0000000000W-1XFj"
NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp())


def reader(owners: dict[bytes, bytes] | None = None) -> EximLog:
    return EximLog(Accounts(owners), UTC)


def read(lines: bytes, log: EximLog | None = None) -> list[ev.Event]:
    return (log or reader()).events(lines, WRITTEN)


def one(text: bytes, id_: bytes = SHORT) -> ev.Event | None:
    """The event of a line with this text behind the id."""
    log = reader()
    found = read(b"2026-11-21 12:00:00 " + id_ + b" " + text + b"\n", log)
    assert len(found) <= 1
    assert log.unparsed.count == 0
    return found[0] if found else None


# Captured runs


@pytest.mark.parametrize("name", EXIM_RUNS)
def test_every_line_of_a_real_log_is_understood(name: str) -> None:
    log = reader()
    assert len(read(exim_capture(name).log(), log)) > 200
    assert log.unparsed.count == 0


@pytest.mark.parametrize("name", EXIM_RUNS)
def test_outcomes_are_what_the_receiving_side_recorded(name: str) -> None:
    run = exim_capture(name)
    remote = re.compile(rb"@(gmail|yahoo|outlook|corp|expire)\.test$", re.IGNORECASE)
    found: Counter[tuple[str, str]] = Counter()
    for event in read(run.log()):
        match event:
            case ev.Delivered():
                result = "ok"
            case ev.Deferred(reply=reply, attempt=True) if b"SMTP error" in reply:
                result = "defer"
            case ev.Failed(reply=reply) if b"SMTP error" in reply:
                result = "reject"
            case _:
                continue
        if remote.search(event.address):
            found[result, event.address.decode().lower()] += 1
    assert found == Counter((record.res, record.r.lower()) for record in run.sink())


@pytest.mark.parametrize("name", ["exim-96-cpanel", "exim-96-default"])
def test_counts_are_those_of_eximstats(name: str) -> None:
    run = exim_capture(name)
    report = (run.folder / "eximstats.txt").read_text()
    received = re.search(r"Received +\d+KB +(\d+) +\d+ +(\d+) +[\d.]+% +(\d+)", report)
    delivered = re.search(r"Delivered +\d+KB +(\d+) +(\d+)", report)
    completed = re.search(r"Under +1m +(\d+)", report)
    assert received and delivered and completed
    found = read(run.log())
    arrived = [event for event in found if isinstance(event, ev.Arrived)]
    assert len(arrived) == int(received[1])
    ids = {event.id for event in arrived}
    assert len({event.id for event in found if isinstance(event, ev.Deferred)}) == int(received[2])
    assert len({event.id for event in found if isinstance(event, ev.Failed)}) == int(received[3])
    assert sum(isinstance(event, ev.Delivered) for event in found) == int(delivered[2])
    assert sum(isinstance(event, ev.Gone) and event.id in ids for event in found) == int(completed[1])


@pytest.mark.parametrize("name", EXIM_RUNS)
def test_messages_belong_to_those_who_sent_them(name: str) -> None:
    run = exim_capture(name)
    found = read(run.log())
    arrived = {event.id: event for event in found if isinstance(event, ev.Arrived)}
    campaigns = {event.id: event.campaign.decode() for event in found if isinstance(event, ev.CampaignSeen)}
    submitted = run.truth()
    assert submitted
    for record in submitted:
        id_ = record.reply.partition("id=")[2].encode()
        assert arrived[id_].account == record.account.encode()
        assert campaigns.get(id_) == record.campaign
        listed = arrived[id_].recipients
        assert listed is None if name == "exim-96-default" else listed == tuple(r.encode() for r in record.rcpts)


@pytest.mark.parametrize("name", EXIM_RUNS)
def test_what_the_log_leaves_waiting_is_what_exim_lists(name: str) -> None:
    run = exim_capture(name)
    for listing in run.quiet:
        waiting: set[bytes] = set()
        held: set[bytes] = set()
        for event in read(run.log()[: run.offsets(listing)[0]]):
            match event:
                case ev.Arrived():
                    waiting.add(event.id)
                case ev.Gone():
                    waiting.discard(event.id)
                case ev.Held():
                    held.add(event.id)
                case ev.Released():
                    held.discard(event.id)
        listed = exim_bp_units(run.bp(listing))
        assert waiting == set(listed)
        assert held & waiting == {id_ for id_, (frozen, _) in listed.items() if frozen}


# Lines


@pytest.mark.parametrize("id_", [SHORT, LONG])
def test_ids_are_read_in_both_lengths(id_: bytes) -> None:
    assert one(b"Completed", id_) == ev.Gone(NOON, id_)


def arrival(text: bytes, account: bytes, size: int, *recipients: bytes) -> tuple[bytes, ev.Arrived]:
    sender = text[3:].partition(b" H=")[0].partition(b" U=")[0].partition(b" R=")[0].lstrip()
    sender = b"" if sender == b"<>" else sender
    return text, ev.Arrived(NOON, SHORT, account, account, size, recipients or None, ev.NEW, sender)


H = b"H=(client.test) [127.0.0.1]"


@pytest.mark.parametrize(
    ("text", "event"),
    [
        arrival(b"<= b@a.test " + H + b' P=esmtpa A=plain:bob S=9 for a@b.test', b"bob", 9, b"a@b.test"),
        arrival(b"<= bob@acme.test " + H + b" P=esmtp S=9", b"acme.test", 9),
        arrival(b"(= bob@acme.test " + H + b" P=esmtp S=9", b"acme.test", 9),
        arrival(b"<=  bob@acme.test " + H + b" P=esmtp S=9", b"acme.test", 9),
        arrival(b"<= bob@acme.test U=www P=local S=9 for a@b.test", b"www", 9, b"a@b.test"),
        arrival(b"<= bob@acme.test U=www Ci=7 P=local-esmtp S=9", b"www", 9),
        arrival(b"<= bob@acme.test H=h [1.2.3.4] U=ident P=esmtp S=9", b"acme.test", 9),
        arrival(b"<= bob U=bob P=local S=9", b"bob", 9),
        arrival(b"<= <> R=" + SHORT + b" U=Debian-exim P=local S=9 for a@b.test", b"<>", 9, b"a@b.test"),
        arrival(b"<= <> " + H + b" P=esmtpa A=plain:bob S=9", b"<>", 9),
        arrival(b"<= b@a.test " + H + b" P=esmtpsa X=TLS CV=no A=login:bob:b@a.test PRDR K S=9", b"bob", 9),
        arrival(b"<= b@a.test " + H + b" P=esmtpa A=plain S=9", b"a.test", 9),
        arrival(b"<= b@a.test " + H + b' P=esmtp S=9 T="a for b@c.test"', b"a.test", 9),
        arrival(b"<= b@a.test " + H + b' P=esmtp S=9 T="for" for x@y.test', b"a.test", 9, b"x@y.test"),
        arrival(b"<= b@a.test " + H + b' P=e S=9 T="\\" for \\\\" for x@y.test', b"a.test", 9, b"x@y.test"),
        arrival(b"<= b@a.test " + H + b' P=esmtp S=9 T="=> A=p:x S=1"', b"a.test", 9),
        arrival(b"<= b@a.test " + H + b" P=e S=9 for X@Y.t X@y.T", b"a.test", 9, b"X@y.t", b"X@y.t"),
        arrival(
            b"<= b@a.test " + H + b' P=esmtp S=9 T="x" from <"s for t"@a.test> for "a for b"@y.test c@y.test',
            b"a.test", 9, b'"a for b"@y.test', b"c@y.test",
        ),
        arrival(b'<= "x A=plain:eve S=1"@a.test ' + H + b" P=esmtp S=9", b"a.test", 9),
        arrival(b"<= !bang@a.test " + H + b" P=esmtp S=9", b"a.test", 9),
    ],
)  # fmt: skip
def test_arrivals(text: bytes, event: ev.Arrived) -> None:
    assert one(text) == event


def test_domains_are_mapped_to_their_owners() -> None:
    log = reader({b"acme.test": b"acme"})
    lines = b"".join(
        b"2026-11-21 12:00:00 " + SHORT + b" <= x@Acme.test H=h [1.2.3.4] P=esmtpa " + login + b"S=1\n"
        for login in (b"", b"A=plain:eve@acme.test ", b"A=plain:eve ")
    )
    accounts = [event.account for event in read(lines, log) if isinstance(event, ev.Arrived)]
    assert accounts == [b"acme", b"acme", b"eve"]


@pytest.mark.parametrize("flag", [b"=>", b"->", b">>"])
@pytest.mark.parametrize(
    ("text", "address", "waiting"),
    [
        (b"a@b.test R=isp T=smtp", b"a@b.test", b"a@b.test"),
        (b" a@b.test R=isp T=smtp", b"a@b.test", b"a@b.test"),
        (b"A@b.test F=<x@y.test> R=isp T=smtp", b"A@b.test", b"A@b.test"),
        (b"a@b.test <A@B.test> R=isp T=smtp", b"A@b.test", b"A@b.test"),
        (b"1@b.test R=isp T=smtp", b"1@b.test", b"1@b.test"),
        (b"a@[127.0.0.1] R=isp T=smtp", b"a@[127.0.0.1]", b"a@[127.0.0.1]"),
        (b"carol <carol@shop.test> R=local T=file", b"carol@shop.test", b"carol@shop.test"),
        (b"carol R=local T=file", b"carol", b"carol"),
        (b"child@b.test <list@a.test> R=isp T=smtp", b"child@b.test", b"list@a.test"),
        (b"child@b.test (mid@a.test) <list@a.test> R=isp T=smtp", b"child@b.test", b"list@a.test"),
        (b"child@b.test (m@a.test, n@a.test) <list@a.test> SRS=<s@t.test> R=i T=s", b"child@b.test", b"list@a.test"),
        (b'a b@c.test <"a b"@c.test> R=isp T=smtp', b'"a b"@c.test', b'"a b"@c.test'),
        (b'a"b@c.test <"a\\"b"@c.test> F=<> R=isp T=smtp', b'"a\\"b"@c.test', b'"a\\"b"@c.test'),
        (b'x y@c.test <"a b"@d.test> R=isp T=smtp', b"x y@c.test", b'"a b"@d.test'),
        (b"|/bin/x -a b@c.test <pipe@a.test> R=p T=pipe", b"pipe@a.test", b"pipe@a.test"),
        (b"|/bin/x (user@a.test) <pipe@a.test> R=p T=pipe", b"pipe@a.test", b"pipe@a.test"),
        (b"/var/mail/a b <file@a.test> R=p T=file", b"file@a.test", b"file@a.test"),
        (b"save x <file@a.test> R=p T=file", b"file@a.test", b"file@a.test"),
        (b">r@s.test <auto@a.test> R=v T=reply", b"auto@a.test", b"auto@a.test"),
        (b":blackhole: <hole@a.test> R=hole", b"hole@a.test", b"hole@a.test"),
        (b"blackhole <blackhole@a.test> R=local T=file", b"blackhole@a.test", b"blackhole@a.test"),
        (b"a\x00\xff@b.test R=isp T=smtp", b"a\x00\xff@b.test", b"a\x00\xff@b.test"),
        (b'a@b.test Q=bulk R=isp T=smtp S=9 H=h [::1]:25 I=[::1]:9 X=T:E:256 DN="/C=x: y" L K C="250 => x" QT=1s DT=0s',
         b"a@b.test", b"a@b.test"),
    ],
)  # fmt: skip
def test_deliveries(flag: bytes, text: bytes, address: bytes, waiting: bytes) -> None:
    event = one(flag + b" " + text)
    assert event == ev.Delivered(NOON, SHORT, address, waiting)
    assert isinstance(event, ev.Delivered)
    assert (event.address is event.waiting) == (address == waiting)


@pytest.mark.parametrize(
    ("text", "waiting", "reply", "attempt"),
    [
        (b"R=isp T=smtp defer (-44) H=h [1.2.3.4]: SMTP error: 450 wait", b"a@b.test", b"SMTP error: 450 wait", True),
        (b"R=isp T=smtp defer (-44) H=h [1.2.3.4]:25 I=[::1] DT=0s: 450 x", b"a@b.test", b"450 x", True),
        (b"R=isp T=smtp defer (111): Connection refused", b"a@b.test", b"Connection refused", True),
        (b"R=isp T=smtp defer (-1)", b"a@b.test", b"R=isp T=smtp defer (-1)", True),
        (b"routing defer (-52): retry time not reached", b"a@b.test", b"retry time not reached", False),
        (b"routing defer (-52) DT=0s: retry time not reached", b"a@b.test", b"retry time not reached", False),
        (b"R=i T=s defer (-53): retry time not reached for any host", b"a@b.test",
         b"retry time not reached for any host", False),
        (b"R=i T=f defer (-53): Retry time not yet reached", b"a@b.test", b"Retry time not yet reached", False),
        (b"defer (-10): domain is held", b"a@b.test", b"domain is held", False),
        (b"R=i T=s defer (-44) H=h [1.2.3.4]: SMTP error: 450 retry time not reached", b"a@b.test",
         b"SMTP error: 450 retry time not reached", True),
        (b"<list@c.test> R=isp T=smtp defer (-44): 450 x", b"list@c.test", b"450 x", True),
        (b"<c@d.test> routing defer (-52): retry time not reached", b"c@d.test", b"retry time not reached", False),
    ],
)  # fmt: skip
def test_deferrals(text: bytes, waiting: bytes, reply: bytes, attempt: bool) -> None:
    assert one(b"== a@b.test " + text) == ev.Deferred(NOON, SHORT, b"a@b.test", waiting, reply, attempt)


@pytest.mark.parametrize(
    ("text", "waiting", "reply"),
    [
        (b"a@b.test R=isp T=smtp H=h [1.2.3.4]: SMTP error: 550 no", b"a@b.test", b"SMTP error: 550 no"),
        (b"a@b.test: retry timeout exceeded", b"a@b.test", b"retry timeout exceeded"),
        (b"a@b.test: Unrouteable address", b"a@b.test", b"Unrouteable address"),
        (b"a@b.test <c@d.test>: Unrouteable address", b"c@d.test", b"Unrouteable address"),
        (b"a@b.test F=<> P=<> R=isp T=smtp H=h [::1]:25: 550 no such user DT=0.000s", b"a@b.test", b"550 no such user"),
        (b"a@b.test R=isp: 550 x DT=y users", b"a@b.test", b"550 x DT=y users"),
    ],
)
def test_failures(text: bytes, waiting: bytes, reply: bytes) -> None:
    assert one(b"** " + text) == ev.Failed(NOON, SHORT, b"a@b.test", waiting, reply)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (b"Completed", ev.Gone(NOON, SHORT)),
        (b"Completed QT=3s", ev.Gone(NOON, SHORT)),
        (H + b" F=<a@b.test> rejected after DATA: content rejected", ev.Gone(NOON, SHORT)),
        (b"H=(c.test) [127.0.0.1]:9 I=[::1]:25 F=<a@b.test> temporarily rejected after DATA", ev.Gone(NOON, SHORT)),
        (b"rejected from <a@b.test> H=h [1.2.3.4]: message too big: read=9 max=8", ev.Gone(NOON, SHORT)),
        (b"SMTP data timeout (message abandoned) on connection from h", ev.Gone(NOON, SHORT)),
        (b"SMTP connection from h [1.2.3.4] lost while reading message data", ev.Gone(NOON, SHORT)),
        (b"Message abandoned: spool write error", ev.Gone(NOON, SHORT)),
        (b"H=mx [1.2.3.4]: SMTP error from remote mail server: 550 rejected from here", None),
        (b"H=mx [1.2.3.4]:25 I=[1.2.3.4]:9: SMTP error: 550 rejected after DATA", None),
        (b"frozen by ACL", ev.Held(NOON, SHORT)),
        (b"frozen by root", ev.Held(NOON, SHORT)),
        (b"Message is frozen", ev.Held(NOON, SHORT)),
        (b"Frozen", ev.Held(NOON, SHORT)),
        (b"Frozen (delivery error message)", ev.Held(NOON, SHORT)),
        (b"Frozen by the system filter: spam", ev.Held(NOON, SHORT)),
        (b"unfrozen by root", ev.Released(NOON, SHORT)),
        (b"Unfrozen by forced delivery", ev.Released(NOON, SHORT)),
        (b"Unfrozen by auto-thaw", ev.Released(NOON, SHORT)),
        (b"Unfrozen by errmsg timer", ev.Released(NOON, SHORT)),
        (b"address <a@B.test> marked delivered by root", ev.Dropped(NOON, SHORT, b"a@b.test")),
        (b'recipient <"a b"@c.test> added by root', ev.Added(NOON, SHORT, b'"a b"@c.test')),
        (b"campaign=welcome", ev.CampaignSeen(NOON, SHORT, b"welcome")),
        (b'campaign="Sale 50%"', ev.CampaignSeen(NOON, SHORT, b"Sale 50%")),
        (b'campaign="Fr\\303\\274h \\"x\\" \\\\ 50%"', ev.CampaignSeen(NOON, SHORT, 'Früh "x" \\ 50%'.encode())),
        (b'campaign="a\\n b"', ev.CampaignSeen(NOON, SHORT, b"a b")),
        (b"campaign=not quoted", ev.CampaignSeen(NOON, SHORT, b"not quoted")),
        (b'campaign=""', None),
        (b"campaign=", None),
        (b"=> blackhole (DATA ACL discarded recipients)", ev.Removed(NOON, SHORT)),
        (b"=> discarded (system filter)", ev.Removed(NOON, SHORT)),
        (b"*> a@b.test R=isp T=smtp", ev.Dropped(NOON, SHORT, b"a@b.test")),
        (b"*> a@b.test <c@b.test> R=isp T=smtp", ev.Dropped(NOON, SHORT, b"c@b.test")),
        (b"removed by root", ev.Removed(NOON, SHORT)),
        (b"cancelled by root", ev.Removed(NOON, SHORT)),
        (b"cancelled by system filter: no", ev.Removed(NOON, SHORT)),
        (b"sender address changed to <a@b.test> by root", None),
        (b"no immediate delivery: queued by ACL", None),
        (b"Spool file for " + SHORT + b" is locked (another process is handling this message)", None),
        (b"a@b.test: error ignored", None),
    ],
)
def test_other_lines(text: bytes, event: ev.Event | None) -> None:
    assert one(text) == event


@pytest.mark.parametrize("text", [b"<= ", b"<= a@b.test H=h P=smtp", b"<= a@b.test S=x", b"=> ", b"== ", b"** "])
def test_lines_without_their_meaning_are_counted(text: bytes) -> None:
    log = reader()
    assert read(b"2026-11-21 12:00:00 " + SHORT + b" " + text + b"\n", log) == []
    assert log.unparsed.count == 1
    assert SHORT in next(iter(log.unparsed.samples.values()))


def test_outcomes_without_a_stamp_are_counted_and_other_lines_are_not() -> None:
    log = reader()
    lines = (
        b"yesterday " + SHORT + b" => a@b.test R=x\n  continued\n\n2026-13-41 12:00:00 " + SHORT + b" ** a@b.test: x\n"
    )
    assert read(lines, log) == []
    assert log.unparsed.count == 2


# Stamps

STAMPS = {
    b"2026-11-21 12:00:00": 0,
    b"2026-11-21 12:00:00.123": 0,
    b"2026-11-21 12:00:00 +0000": 0,
    b"2026-11-21 13:00:00 +0100": 0,
    b"2026-11-21 12:00:00.999 -0330": 12_600,
    b"2026-11-21 12:00:07 [1]": 7,
    b"2026-11-21 12:00:00.123 [1234567]": 0,
    b"2026-11-21 11:00:00 -0100 [99]": 0,
    b"2026-11-21 13:00:59.123 +0100 [99]": 59,
    b"<22>Nov 21 12:00:00 host exim[123]:": 0,
    b"Nov 21 12:00:05 host exim4[123]: 2026-11-21 12:00:03": 3,
    b"<22>Nov 21 12:00:05 host exim[123]: 2026-11-21 13:00:03.123 +0100 [123]": 3,
    b"2026-11-21T12:00:00.123456+00:00 host exim[123]:": 0,
    b"2026-11-21T13:00:00+01:00 host exim[123]: [1\\3]": 0,
    b"\0\0\0" + b"2026-11-21 12:00:00": 0,
}


@pytest.mark.parametrize(("stamp", "seconds"), STAMPS.items())
@pytest.mark.parametrize("id_", [SHORT, LONG])
def test_stamps_in_every_form(stamp: bytes, seconds: int, id_: bytes) -> None:
    text = b" => a@b.test R=isp T=smtp\n"
    assert read(stamp + b" " + id_ + text) == [ev.Delivered(NOON + seconds, id_, b"a@b.test", b"a@b.test")]


def test_the_zone_of_stamps_without_one() -> None:
    line = b"2026-07-01 12:00:00 " + SHORT + b" Completed\n"
    for zone, hour in ((UTC, 12), (timezone(timedelta(hours=-5)), 17), (ZoneInfo("Europe/Berlin"), 10)):
        expected = int(datetime(2026, 7, 1, hour, tzinfo=UTC).timestamp())
        assert EximLog(Accounts(), zone).events(line, WRITTEN) == [ev.Gone(expected, SHORT)]
    local = int(datetime(2026, 7, 1, 12).timestamp())
    assert EximLog(Accounts()).events(line, WRITTEN) == [ev.Gone(local, SHORT)]


def test_stamps_without_a_year_take_it_from_when_the_log_was_written() -> None:
    line = b"Dec 31 23:00:00 host exim[1]: " + SHORT + b" Completed\n"
    new_year = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    assert reader().events(line, new_year) == [ev.Gone(int(new_year) - 3600, SHORT)]


# Any division, any bytes

MIXED = b"".join(
    stamp + b" " + id_ + text
    for text in (
        b' <= b@a.test H=h [1.2.3.4] P=esmtpa A=plain:bob S=9 T="x for y" for a@b.test "c d"@e.test\n',
        b" => a@b.test R=isp T=smtp\n",
        b" Completed\n",
        b" cwd=/x 3 args: exim -Mc\n",
    )
    for id_ in (SHORT, LONG)
    for stamp in (*STAMPS, b"2026-11-21 12:00:01", b"no stamp", b"2026-11-21 12:00:02 -x [y z]")
)


def in_pieces(log: bytes, cuts: list[int]) -> list[bytes]:
    lines = log.splitlines(keepends=True)
    places = sorted({0, len(lines), *(cut % (len(lines) + 1) for cut in cuts)})
    return [b"".join(lines[start:end]) for start, end in pairwise(places)]


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_any_division_into_lines_gives_the_same_events(cuts: list[int]) -> None:
    log = reader()
    assert [event for piece in in_pieces(MIXED, cuts) for event in read(piece, log)] == read(MIXED)


@given(st.randoms(use_true_random=False))
def test_the_lines_before_make_no_difference(random: Random) -> None:
    lines = MIXED.splitlines(keepends=True)
    log = reader()
    random.shuffle(lines)
    assert [read(line, log) for line in lines] == [read(line) for line in lines]


def test_a_real_log_line_by_line_gives_the_same_events() -> None:
    text = exim_capture("exim-98-traps").log()
    log = reader()
    assert [event for line in text.splitlines(keepends=True) for event in read(line, log)] == read(text)


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange(text: bytes) -> None:
    read(text)
    for flag in (b"<= ", b"=> ", b"== ", b"** ", b"", b"campaign=", b"recipient ", b"address "):
        read(b"2026-11-21 12:00:00 " + SHORT + b" " + flag + text + b"\n")


def test_lines_cut_at_every_byte() -> None:
    shapes = {line.split(b" ")[4][:2]: line for line in exim_capture("exim-98-traps").log().splitlines()}
    assert {b"<=", b"=>", b"==", b"H=", b"Co", b"ca"} <= set(shapes)
    for line in shapes.values():
        for end in range(len(line)):
            read(line[:end] + b"\n")


@given(st.data())
def test_no_line_is_cut_too_short(data: st.DataObject) -> None:
    lines = exim_capture("exim-98-traps").log().splitlines()
    line = data.draw(st.sampled_from(lines))
    start, end = data.draw(st.integers(0, 60)), data.draw(st.integers(0, len(line)))
    read(line[:end] + b"\n" + line[start:] + b"\n")


@pytest.mark.parametrize("size", ["99999999999999999999999", "-1", "9223372036854775807"])
def test_an_absurd_size_is_not_counted(size: str) -> None:
    log = EximLog(Accounts(), UTC)
    line = f"2026-11-21 19:49:21 1xUr9Q-00001O-1v <= z@z.test H=h [1.2.3.4] P=esmtp S={size} for a@b.test\n"
    assert log.events(line.encode(), WRITTEN) == []
    assert log.unparsed.count == 1
