"""Postfix's log to events: a captured run against pflogsumm, the sink and the truth; the same run in every form that a
log can have; single lines; and faults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC
from functools import cache
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import postfix_capture as capture
from tui.engine import events as ev
from tui.engine.accounts import Accounts
from tui.engine.logs.postfix import PostfixLog

TIME = 1_795_291_146  # 2026-11-21 19:59:06 UTC
LOCAL_DOMAINS = (b"@acme.test", b"@shop.test", b"@news.test")
Kind = TypeVar("Kind", bound=msgspec.Struct)


def reader() -> PostfixLog:
    return PostfixLog(Accounts(), UTC)


def read(lines: bytes, log: PostfixLog | None = None) -> list[ev.Event]:
    return (log or reader()).events(lines, capture.WRITTEN)


@cache
def captured() -> tuple[ev.Event, ...]:
    log = reader()
    events = read(capture.log(), log)
    assert log.unparsed.count == 0
    return tuple(events)


def of(kind: type[Kind], events: Iterable[ev.Event] = ()) -> list[Kind]:
    return [event for event in events or captured() if isinstance(event, kind)]


# --- The captured run against those who counted it too


def pflogsumm(word: str) -> int:
    found = re.search(rf"(\d+) +{word}", (capture.DATA / "pflogsumm.txt").read_text())
    assert found is not None
    return int(found[1])


def test_counts_are_those_of_pflogsumm() -> None:
    assert len(of(ev.Submitted)) + len(of(ev.Renamed)) == pflogsumm("received")
    assert len(of(ev.Delivered)) == pflogsumm("delivered")
    assert len(of(ev.Dropped)) == pflogsumm("forwarded")
    assert len(of(ev.Deferred)) == pflogsumm("deferrals")
    assert len(of(ev.Failed)) == pflogsumm("bounced")
    held_by_postsuper = 2
    assert len(of(ev.Held)) - held_by_postsuper == pflogsumm("held")


def test_every_message_that_left_is_gone_once() -> None:
    log = capture.log()
    gone = [event.id for event in captured() if isinstance(event, ev.Gone | ev.Removed)]
    assert len(set(gone)) == len(gone)
    assert len(gone) == log.count(b": removed\n") + log.count(b": discard: ") + log.count(b"]: 01A3D26E13E: reject: ")


def test_outcomes_are_those_that_the_sink_gave_to_each_recipient() -> None:
    answered: dict[str, Counter[bytes]] = {res: Counter() for res in ("ok", "defer", "reject", "drop")}
    for record in capture.sink():
        answered[record.res][record.r.encode()] += 1
    assert Counter(e.address for e in of(ev.Delivered) if not e.address.endswith(LOCAL_DOMAINS)) == answered["ok"]
    assert Counter(e.address for e in of(ev.Failed)) == answered["reject"]
    deferred = Counter(e.address for e in of(ev.Deferred))
    assert deferred.pop(b"x@down.test") == capture.log().count(b"to=<x@down.test>")
    assert deferred.keys() == answered["defer"].keys() | answered["drop"].keys()
    assert deferred <= answered["defer"] + answered["drop"]


def test_accounts_and_campaigns_are_those_that_were_submitted() -> None:
    accounts = {event.id: event.account for event in of(ev.Submitted)}
    campaigns = {event.id: event.campaign for event in of(ev.CampaignSeen)}
    arrived = {event.id for event in of(ev.Arrived)}
    records = capture.truth()
    for record in records:
        queue_id = record.reply.rpartition(" ")[2].encode()
        assert accounts[queue_id] == record.account.encode()
        assert campaigns.get(queue_id) == (record.campaign.encode() if record.campaign else None)
        assert queue_id in arrived
    assert len(records) == 100


def test_what_the_administrator_did_is_told() -> None:
    held, released, expired = (
        {event.id for event in captured() if isinstance(event, kind)} for kind in (ev.Held, ev.Released, ev.Expired)
    )
    assert held == {b"D1E7426ED04", b"3783526ECCC", b"30B9226ECC5"}
    assert released == {b"3783526ECCC"}
    assert b"809BB26EC9C" in expired
    assert [(e.id, e.old) for e in of(ev.Renamed)] == [(b"76EAA26ED0E", b"884DE26E404")]
    assert [event.id for event in of(ev.Removed)] == [b"3FA8A26E140"]


def test_bounces_belong_to_nobody() -> None:
    assert {event.fallback for event in of(ev.Arrived) if event.account is not None} == {b"<>"}
    assert all(event.fallback != b"<>" for event in of(ev.Arrived) if event.account is None)


# --- The same run in every form that a log can have

LINE = re.compile(rb"Nov 21 (?P<hour>\d\d)(?P<rest>:\d\d:\d\d) mx (?P<tag>[^\[]+)\[(?P<pid>\d+)\]: (?P<text>.*)", re.S)
ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
Form = Callable[[re.Match[bytes], int], bytes]


def form(template: bytes, hours: int = 0, program: bytes = b"postfix/") -> Form:
    """A rewriter of lines: ``template`` with ``hour rest tag pid text`` and a ``fraction`` that changes."""

    def rewritten(line: re.Match[bytes], number: int) -> bytes:
        return template % {
            **{name.encode(): text for name, text in line.groupdict().items()},
            b"hour": b"%02d" % (int(line["hour"]) + hours),
            b"tag": line["tag"].replace(b"postfix/", program, 1),
            b"fraction": b"%06d" % (number * 7919 % 1_000_000),
        }

    return rewritten


FORMS: dict[str, Form] = {
    "traditional": form(b"Nov 21 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b"),
    "other host": form(b"Nov 21 %(hour)b%(rest)b mail.example.org %(tag)b[%(pid)b]: %(text)b"),
    "priority": form(b"<22>Nov 21 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b"),
    "freebsd": form(b"Nov 21 %(hour)b%(rest)b <mail.info> mx %(tag)b[%(pid)b]: %(text)b"),
    "no pid": form(b"Nov 21 %(hour)b%(rest)b mx %(tag)b: %(text)b"),
    "rsyslog": form(b"2026-11-21T%(hour)b%(rest)b.%(fraction)b+01:00 mx %(tag)b[%(pid)b]: %(text)b", hours=1),
    "zulu": form(b"2026-11-21T%(hour)b%(rest)bZ mx %(tag)b[%(pid)b]: %(text)b"),
    "journal": form(b"2026-11-21T%(hour)b%(rest)b-0200 mx %(tag)b[%(pid)b]: %(text)b", hours=-2),
    "rfc 5424": form(b"<22>1 2026-11-21T%(hour)b%(rest)b.%(fraction)bZ mx %(tag)b %(pid)b - - %(text)b"),
    "multi-instance": form(b"Nov 21 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b", program=b"postfix-out/"),
    "service name": form(b"Nov 21 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b", program=b"postfix/submission/"),
    "own name": form(b"Nov 21 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b", program=b"mta/"),
    "after a crash": form(b"\0\0\0Nov 21 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b"),
}


def rewritten(*forms: Form) -> bytes:
    """The captured log with its lines in ``forms`` by turns."""
    lines = []
    for number, line in enumerate(capture.log().splitlines(keepends=True)):
        match = LINE.fullmatch(line)
        assert match is not None
        lines.append(forms[number % len(forms)](match, number))
    return b"".join(lines)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_events(name: str) -> None:
    log = reader()
    assert tuple(read(rewritten(FORMS[name]), log)) == captured()
    assert log.unparsed.count == 0


def test_all_forms_in_one_file_give_the_same_events() -> None:
    assert tuple(read(rewritten(*FORMS.values()))) == captured()


def test_a_day_of_one_digit_is_read() -> None:
    events = read(rewritten(form(b"Nov  3 %(hour)b%(rest)b mx %(tag)b[%(pid)b]: %(text)b")))
    assert {then.time - now.time for then, now in zip(captured(), events, strict=True)} == {18 * 86_400}


def long_id(short: bytes) -> bytes:
    number, digits = int(short, 16), ""
    while number:
        number, digit = divmod(number, 52)
        digits = ALPHABET[digit] + digits
    return f"4jX6{digits.rjust(9, '0')}z{short[-3:].decode()}".encode()


def test_long_queue_ids_give_the_same_events() -> None:
    ids = {event.id for event in captured()}
    log = re.sub(
        rb"\b[0-9A-F]{10,12}\b", lambda found: long_id(found[0]) if found[0] in ids else found[0], capture.log()
    )
    expected = []
    for event in captured():
        changes = {"id": long_id(event.id)} | ({"old": long_id(event.old)} if isinstance(event, ev.Renamed) else {})
        expected.append(msgspec.structs.replace(event, **changes))
    assert len({long_id(queue_id) for queue_id in ids}) == len(ids)
    assert read(log) == expected


# --- Single lines

ID = b"679C526EC91"
SUSPENDED = b"delivery temporarily suspended"
QUOTED = b'"a b>, c, status=bounced (x"@b'
RELAY = b"relay=mx1.gmail.test[127.0.0.11]:2600, conn_use=2, delay=0.1, delays=0/0/0.1/0, dsn=2.0.0, "


def events_of(daemon: bytes, body: bytes, queue_id: bytes = ID) -> list[ev.Event]:
    return read(b"Nov 21 19:59:06 mx postfix/%b[7]: %b: %b\n" % (daemon, queue_id, body))


def delivered(address: bytes) -> ev.Event:
    return ev.Delivered(TIME, ID, address, address)


def deferred(address: bytes, reply: bytes) -> ev.Event:
    return ev.Deferred(TIME, ID, address, address, reply, True)


def failed(address: bytes, reply: bytes) -> ev.Event:
    return ev.Failed(TIME, ID, address, address, reply)


def arrived(sender: bytes, fallback: bytes, size: int, account: bytes | None = None, recipients: int = 1) -> ev.Event:
    return ev.Arrived(TIME, ID, account, fallback, size, None, ev.PROC, sender, recipients)


@pytest.mark.parametrize("daemon", [b"smtp", b"lmtp", b"virtual", b"pipe", b"error", b"discard", b"local", b"mylda"])
def test_every_delivery_agent_is_heard(daemon: bytes) -> None:
    assert events_of(daemon, b"to=<a@b.test>, " + RELAY + b"status=sent (250 ok)") == [delivered(b"a@b.test")]
    assert events_of(daemon, b"to=<a@b.test>, " + RELAY + b"status=bounced (no)") == [failed(b"a@b.test", b"no")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"to=<a@b>, " + RELAY + b"status=deferred (said: 450 (y))", [deferred(b"a@b", b"said: 450 (y)")]),
        (b"to=<a@b>, " + RELAY + b"status=SOFTBOUNCE (user unknown)", [deferred(b"a@b", b"user unknown")]),
        (b"to=<a@b>, " + RELAY + b"status=undeliverable (no)", [failed(b"a@b", b"no")]),
        (b"to=<a@b>, " + RELAY + b"status=deliverable (250 ok)", [ev.Dropped(TIME, ID, b"a@b")]),
        (b"to=<a@b>, " + RELAY + b"status=deferred (cut off in the mid", [deferred(b"a@b", b"cut off in the mid")]),
        (b"to=<a@b>, " + RELAY + b"status=deferred", [deferred(b"a@b", b"")]),
        (b"to=<a@b>, orig_to=<list@c>, " + RELAY + b"status=sent (ok)", [delivered(b"a@b")]),
        (b'to=<a@b>, orig_to=<"x, status=bounced (>, "@c>, ' + RELAY + b"status=sent (ok)", [delivered(b"a@b")]),
        (b'to=<a@b>, orig_to=<"x, status=sent (>, "@c>, ' + RELAY + b"status=bounced (n)", [failed(b"a@b", b"n")]),
        (b"to=<" + QUOTED + b">, " + RELAY + b"status=sent (ok)", [delivered(QUOTED)]),
        (b'to=<"a\\">, b"@b>, ' + RELAY + b"status=sent (ok)", [delivered(b'"a\\">, b"@b')]),
        (b"to=<a>b@c>, " + RELAY + b"status=sent (ok)", [delivered(b"a>b@c")]),
        (b"to=<postmaster>, " + RELAY + b"status=sent (ok)", [delivered(b"postmaster")]),
        (b"to=<\xff\xfe@b>, " + RELAY + b"status=sent (ok)", [delivered(b"\xff\xfe@b")]),
        (b"to=<a@b>, " + RELAY + b"status=deferred (4, status=sent (x))", [deferred(b"a@b", b"4, status=sent (x)")]),
        (b"to=<a@b>, relay=none, delay=0, status=deferred (" + SUSPENDED + b")", [deferred(b"a@b", SUSPENDED)]),
        (b"host mx1.gmail.test[127.0.0.11] said: 450 4.2.0 to=<a@b>, status=sent (in reply to RCPT)", []),
        (b"sender non-delivery notification: 84B1626E402", []),
    ],
)
def test_deliveries(body: bytes, expected: list[ev.Event]) -> None:
    assert events_of(b"smtp", body) == expected


def test_mail_that_a_local_alias_sends_on_is_no_delivery() -> None:
    body = b"to=<mixed@mx.test>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (forwarded as 4jX6QD1Fq)"
    assert events_of(b"local", body) == [ev.Dropped(TIME, ID, b"mixed@mx.test")]
    assert events_of(b"smtp", body) == [delivered(b"mixed@mx.test")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b"from=<carol@Shop.test>, size=1796, nrcpt=2 (queue active)",
            [arrived(b"carol@Shop.test", b"shop.test", 1796, recipients=2)],
        ),
        (b"from=<>, size=0, nrcpt=1 (queue active)", [arrived(b"", b"<>", 0, b"<>")]),
        (b"from=<root>, size=260, nrcpt=1 (queue active)", [arrived(b"root", b"root", 260)]),
        (b"from=<root>, size=260", [arrived(b"root", b"root", 260, recipients=-1)]),
        (b"from=<root>, size=260, nrcpt=x (queue active)", [arrived(b"root", b"root", 260, recipients=-1)]),
        (
            b'from=<"q, s>, size=1, "@acme.test>, size=261, nrcpt=1 (queue active)',
            [arrived(b'"q, s>, size=1, "@acme.test', b"acme.test", 261)],
        ),
        (b"from=<a@b>, status=expired, returned to sender", [ev.Expired(TIME, ID)]),
        (b"from=<a@b>, status=force-expired, returned to sender", [ev.Expired(TIME, ID)]),
        (b"removed", [ev.Gone(TIME, ID)]),
        (b"to=<a@b>, relay=none, delay=1, status=deferred (x)", [deferred(b"a@b", b"x")]),
        (b"skipped, still being delivered", []),
    ],
)
def test_queue_manager(body: bytes, expected: list[ev.Event]) -> None:
    for daemon in (b"qmgr", b"oqmgr", b"nqmgr"):
        assert events_of(daemon, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"client=h[1.2.3.4], sasl_method=PLAIN, sasl_username=carol@b.c", [ev.Submitted(TIME, ID, b"carol@b.c")]),
        (b"client=h[1.2.3.4], sasl_method=LOGIN, sasl_username=a,b, sasl_sender=x@y", [ev.Submitted(TIME, ID, b"a,b")]),
        (b"client=h[1.2.3.4], sasl_sender=x@y", [ev.Submitted(TIME, ID, None)]),
        (b"client=h[1.2.3.4], sasl_method=PLAIN, sasl_username=", [ev.Submitted(TIME, ID, None)]),
        (b"client=localhost[127.0.0.1], orig_queue_id=1A2, orig_client=h[1.2.3.4]", [ev.Submitted(TIME, ID, None)]),
        (b"client=h[2001:db8::1]", [ev.Submitted(TIME, ID, None)]),
        (b"reject: RCPT from h[1.2.3.4]: 554 5.7.1 <a@b>: Relay access denied; from=<> to=<a@b>", []),
        (b"milter-reject: DATA from h[1.2.3.4]: 4.7.1 later; from=<> to=<a@b>", []),
        (b"hold: RCPT from h[1.2.3.4]: <a@b>: wait; from=<> to=<a@b>", [ev.Held(TIME, ID)]),
        (b"discard: RCPT from h[1.2.3.4]: <a@b>: away; from=<> to=<a@b>", [ev.Gone(TIME, ID)]),
        (b"to=<a@b>, relay=none, delay=0, status=sent (forged)", []),
    ],
)
def test_smtpd(body: bytes, expected: list[ev.Event]) -> None:
    for daemon in (b"smtpd", b"submission/smtpd"):
        assert events_of(daemon, body) == expected
        assert events_of(daemon, body, queue_id=b"NOQUEUE") == []


def test_authenticated_users_of_a_domain_with_an_owner_are_its_owner() -> None:
    log = PostfixLog(Accounts({b"shop.test": b"shop"}), UTC)
    line = b"Nov 21 19:59:06 mx postfix/smtpd[7]: 1A: client=h[1.2.3.4], sasl_username=carol@shop.test\n"
    assert read(line * 2, log) == [ev.Submitted(TIME, b"1A", b"shop")] * 2


FROM = b" from localhost[127.0.0.1]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"info: header X-Campaign-ID: Sale 50%" + FROM, [ev.CampaignSeen(TIME, ID, b"Sale 50%")]),
        (b"info: header x-campaign-id:  spring " + FROM, [ev.CampaignSeen(TIME, ID, b"spring")]),
        (b"info: header X-Campaign-ID: a from b; c: d" + FROM, [ev.CampaignSeen(TIME, ID, b"a from b; c: d")]),
        (b"info: header X-Campaign-ID: a from local; from=<a@b>", [ev.CampaignSeen(TIME, ID, b"a")]),
        (b"info: header X-Campaign-ID: ?x" + FROM + b": logged", [ev.CampaignSeen(TIME, ID, b"?x")]),
        (b"info: header X-Campaign-ID:? folded name" + FROM, [ev.CampaignSeen(TIME, ID, b"folded name")]),
        (b"info: header X-Campaign-ID: " + FROM, []),
        (b"info: header Subject: X-Campaign-ID: a" + FROM, []),
        (b"message-id=<20261121195906.679C526EC91@mx>", []),
        (b"hold: header Subject: HOLDME" + FROM + b": held", [ev.Held(TIME, ID)]),
        (b"reject: header Subject: VIRUS" + FROM + b": 5.7.1 no", [ev.Gone(TIME, ID)]),
        (b"reject: mime-error improper use of 8-bit data" + FROM, [ev.Gone(TIME, ID)]),
        (b"discard: body hold: reject: x" + FROM, [ev.Gone(TIME, ID)]),
        (b"milter-reject: END-OF-MESSAGE from h[1.2.3.4]: 5.7.1 no; from=<> to=<a@b>", [ev.Gone(TIME, ID)]),
        (b"milter-discard: END-OF-MESSAGE from h[1.2.3.4]: x; from=<> to=<a@b>", [ev.Gone(TIME, ID)]),
        (b"milter-hold: END-OF-MESSAGE from h[1.2.3.4]: x; from=<> to=<a@b>", [ev.Held(TIME, ID)]),
        (b"milter-header-hold: header Subject: x" + FROM, [ev.Held(TIME, ID)]),
        (b"warning: header Subject: x" + FROM, []),
        (b"replace: header Subject: x" + FROM + b": Subject: y", []),
        (b"prepend: header Subject: x" + FROM, []),
        (b"filter: header Subject: x" + FROM, []),
        (b"redirect: header Subject: x" + FROM, []),
        (b"to=<a@b>, relay=none, delay=0, delays=0/0/0/0, dsn=5.7.1, status=bounced (x)", [failed(b"a@b", b"x")]),
    ],
)
def test_cleanup(body: bytes, expected: list[ev.Event]) -> None:
    assert events_of(b"cleanup", body) == expected


@pytest.mark.parametrize(
    ("daemon", "body", "expected"),
    [
        (b"pickup", b"uid=0 from=<bob@acme.test>", [ev.Submitted(TIME, ID, b"root")]),
        (b"pickup", b"uid=4123456789 from=<bob>", [ev.Submitted(TIME, ID, b"uid 4123456789")]),
        (b"pickup", b"uid=0 from=<bob> orig_id=884DE26E404", [ev.Renamed(TIME, ID, b"884DE26E404")]),
        (b"pickup", b'uid=0 from=<"x> orig_id=AB"@c>', [ev.Submitted(TIME, ID, b"root")]),
        (b"postsuper", b"placed on hold", [ev.Held(TIME, ID)]),
        (b"postsuper", b"released from hold", [ev.Released(TIME, ID)]),
        (b"postsuper", b"removed", [ev.Removed(TIME, ID)]),
        (b"postsuper", b"requeued", []),
        (b"postsuper", b"expired", []),
        (b"bounce", b"removed", []),
        (b"smtp", b"removed", []),
    ],
)
def test_pickup_and_postsuper(daemon: bytes, body: bytes, expected: list[ev.Event]) -> None:
    assert events_of(daemon, body) == expected


FOREIGN = b"""\
Nov 21 19:59:06 mx dovecot: lmtp(a@b)<1><x>: to=<a@b>, relay=x, status=sent (x)
Nov 21 19:59:06 mx opendkim[5]: 679C526EC91: removed
Nov 21 19:59:06 mx kernel: [1.0] x: from=<a@b>, size=1, nrcpt=1 (queue active)
Nov 21 19:59:06 mx amavis/child[5]: 679C526EC91: to=<a@b>, relay=x, status=sent (x)
Nov 21 19:59:06 mx postfix[5]: 679C526EC91: removed
Nov 21 19:59:06 mx last message repeated 2 times
not a log line: 679C526EC91: removed

"""


def test_lines_of_other_programs_mean_nothing() -> None:
    log = reader()
    assert read(FOREIGN, log) == []
    assert log.unparsed.count == 0


# --- Faults


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        (b"Nvo 21 19:59:06 mx postfix/qmgr[1]: 679C5: removed", "stamp"),
        (b"Nov 21 19:59:06 mx postfix/qmgr[1]: [ID 197553 mail.info] 679C5: removed", "queue id"),
        (b"Nov 21 19:59:06 mx postfix/smtp[1]: 679C5: to=<a@b>, relay=x, delay=1, dsn=2.0.0, sta", "to="),
        (b"Nov 21 19:59:06 mx postfix/smtp[1]: 679C5: to=<a@b>, relay=x, status=sold (x)", "to="),
        (b'Nov 21 19:59:06 mx postfix/smtp[1]: 679C5: to=<"a@b>, relay=x, status=sent (x)', "to="),
        (b"Nov 21 19:59:06 mx postfix/qmgr[1]: 679C5: from=<a@b>, size=big, nrcpt=1 (queue active)", "fro"),
        (b"Nov 21 19:59:06 mx postfix/qmgr[1]: 679C5: from=<a@b>, size=" + b"9" * 19 + b", nrcpt=1", "fro"),
        (b"Nov 21 19:59:06 mx postfix/qmgr[1]: 679C5: from=<a@b>, size=" + b"9" * 5000 + b", nrcpt=1", "fro"),
        (b"Nov 21 19:59:06 mx postfix/qmgr[1]: 679C5: from=<a@b", "fro"),
        (b"Nov 21 19:59:06 mx postfix/cleanup[1]: 679C5: info: header X-Campaign-ID: cut off", "inf"),
        (b"Nov 21 19:59:06 mx postfix/pickup[1]: 679C5: uid=x from=<a>", "uid"),
    ],
)
def test_a_line_that_should_have_meant_something_is_counted_and_kept(line: bytes, shape: str) -> None:
    log = reader()
    assert read(line + b"\n", log) == []
    assert read(line + b"\n", log) == []
    assert log.unparsed.count == 2
    assert log.unparsed.samples == {shape: line[:500]}


@cache
def sample_lines() -> list[bytes]:
    """A few lines of every shape in the capture, in every form, and foreign ones."""
    shapes: dict[bytes, list[bytes]] = {}
    for line in rewritten(*FORMS.values()).splitlines():
        shape = re.sub(rb"[0-9A-F]{3,}|\d+|<[^>]*>|\(.*", b"", line)
        shapes.setdefault(shape, []).append(line)
    return [line for lines in shapes.values() for line in lines[:2]][:1500] + FOREIGN.splitlines()


def test_reading_line_by_line_or_each_line_alone_changes_nothing() -> None:
    lines = sample_lines()
    whole = read(b"".join(line + b"\n" for line in lines))
    log = reader()
    assert [event for line in lines for event in read(line + b"\n", log)] == whole
    assert [event for line in lines for event in read(line + b"\n")] == whole


STAMPS = [
    b"2026-11-21T19:59:06.123456+01:00",
    b"2026-11-21T19:59:06.654321+01:00",
    b"2026-11-21T19:59:06.654321+02:00",
    b"2026-11-21T19:59:06.65x321+01:00",
    b"2026-11-21T19:59:06,654321+01:00",
    b"2026-11-21T19:59:06.65432 +01:00",
    b"2026-11-21T19:59:06.654+01:00",
    b"2026-11-21T19:59:06+01:00",
    b"2026-11-21T19:59:06Z",
    b"2026-11-21T19:59:06",
    b"Nov 21 19:59:06",
    b"Nov 21 19:59:06.654",
]


def test_a_stamp_is_read_for_itself_whatever_stood_before() -> None:
    line = b"%b mx postfix/qmgr[1]: 679C5: removed\n"
    for before in STAMPS:
        for stamp in STAMPS:
            expected = read(line % before) + read(line % stamp)
            assert read(line % before + line % stamp) == expected, (before, stamp)


def test_the_year_follows_the_time_of_writing() -> None:
    log = reader()
    years = [
        log.events(b"Nov 21 19:59:06 mx postfix/qmgr[1]: 679C5: removed\n", at) for at in (TIME, TIME + 31_536_000)
    ]
    assert [event.time for events in years for event in events] == [TIME, TIME + 31_536_000]


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 7000), max_size=12))
def test_any_division_into_whole_lines_gives_the_same_events(cuts: set[int]) -> None:
    lines = capture.log().splitlines(keepends=True)
    log = reader()
    events: list[ev.Event] = []
    start = 0
    for end in [*sorted(cuts), len(lines)]:
        events += read(b"".join(lines[start:end]), log)
        start = end
    assert tuple(events) == captured()


@st.composite
def mutated_lines(draw: st.DrawFn) -> list[bytes]:
    """Lines of the sample with bytes changed, taken away or put in, some cut, in any order."""
    lines = []
    for line in draw(st.lists(st.sampled_from(sample_lines()), min_size=1, max_size=8)):
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(line)))
            put = draw(st.binary(max_size=4) | st.sampled_from([b": ", b">, ", b'"', b"\\", b", status=", b"; from=<"]))
            line = line[:at] + put.replace(b"\n", b"\r") + line[at + draw(st.integers(0, 6)) :]
        lines.append(line)
    return lines


@settings(max_examples=150, deadline=None)
@given(mutated_lines())
def test_damaged_lines_never_raise_and_each_is_read_for_itself(lines: list[bytes]) -> None:
    together = reader()
    alone = [reader() for _ in lines]
    expected = [event for log, line in zip(alone, lines, strict=True) for event in read(line + b"\n", log)]
    assert read(b"\n".join(lines) + b"\n", together) == expected
    assert together.unparsed.count == sum(log.unparsed.count for log in alone)


@settings(deadline=None)
@given(st.binary(max_size=300), st.floats())
def test_no_bytes_raise(lines: bytes, written: float) -> None:
    log = reader()
    log.events(lines, written)
    log.events(b"Nov 21 19:59:06 mx postfix/smtp[1]: 1A: to=<" + lines, written)
    log.events(b"Nov 21 19:59:06 mx postfix/cleanup[1]: 1A: " + lines, written)
    log.events(b"2026-11-21T19:59:06Z mx postfix/qmgr[1]: 1A: from=<" + lines, written)


def test_very_long_lines_and_blocks_of_nul_bytes_are_read() -> None:
    address = b"a" * 1_000_000 + b"@b"
    line = b"Nov 21 19:59:06 mx postfix/smtp[7]: %b: to=<%b>, %bstatus=sent (ok)\n" % (ID, address, RELAY)
    assert read(b"\0" * 1_000_000 + line) == [delivered(address)]
