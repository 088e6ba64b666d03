"""Inputs that fuzzing found to crash, hang or grow something, as plain tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fuzz.case import attack
from tests.fuzz.test_fuzz_files import ROOMS as FILES
from tests.fuzz.test_fuzz_hub import ROOMS as HUB
from tests.fuzz.test_fuzz_logs import ROOMS as LOGS
from tests.fuzz.test_fuzz_queues import ROOMS as QUEUES

ROOMS = {room.name: room for room in (*LOGS, *QUEUES, *FILES, *HUB)}
HEADER = b"1xUr5R-000033-2E-H\nexim 91 91\n<a@b.test>\n1795290565 0\nOPTIONS-frozen 1\nXX\n1\na@b.test\n\nHEADERS"


def header(before: bytes, after: bytes) -> bytes:
    assert before in HEADER
    return HEADER.replace(before, after).replace(b"OPTIONS", b"").replace(b"HEADERS", b"")


LISTED = b'{"queue_name":"hold","queue_id":"A","arrival_time":1,"message_size":2,"sender":"","recipients":[]}'
UNREADABLE = {
    ("Exim's spool", "leads back for ever"): header(b"OPTIONS", b"-acl 0 -9\n"),
    ("Exim's spool", "before 1970"): header(b"1795290565", b"-1"),
    ("Exim's spool", "no ledger has room for its time"): header(b"1795290565", b"18446744073709551616"),
    ("Exim's spool", "more recipients than there are numbers"): header(b"\n1\n", b"\n18446744073709551616\n"),
    ("Exim's spool", "fewer recipients than none"): header(b"\n1\n", b"\n-1\n"),
    ("exim -bp", "an age beyond all times"): b" 9223372036854775808m 2K 1xUr7L-00007A-1l <a@b>\n          c@d\n",
    ("exim -bp", "a size that no disk has"): b" 1m 1e300G 1xUr7L-00007A-1l <a@b>\n          c@d\n",
    ("postqueue -j", "a size that no disk has"): LISTED.replace(b":2,", b":" + b"9" * 40 + b","),
    ("postqueue -j", "a time that no ledger has room for"): LISTED.replace(b":1,", b":18446744073709551616,"),
    ("postqueue -j", "brackets without end"): LISTED.replace(b"}", b',"x":' + b'{"a":' * 50_000),
}


@pytest.mark.parametrize(
    ("where", "data"), UNREADABLE.items(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_what_no_mail_system_writes_is_refused_in_a_sentence(where: tuple[str, str], data: bytes) -> None:
    assert not attack(ROOMS[where[0]], data)


def test_the_same_inputs_are_read_when_they_are_not_damaged() -> None:
    assert attack(ROOMS["Exim's spool"], header(b"OPTIONS", b""))
    assert attack(ROOMS["postqueue -j"], LISTED)


def test_a_header_that_says_that_it_is_longer_than_any_number_is_no_campaign() -> None:
    assert attack(ROOMS["Exim's spool"], header(b"HEADERS", b"9" * 5000 + b"  X-Campaign-ID: x\n"))


@pytest.mark.parametrize(
    "stamp", [b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:60-12:00", b"1969-12-31T23:59:59+00:00"]
)
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Exim's log", b" mx exim[12]: 0t5C6f-0000c8-00 Completed\n"),
        ("Postfix's log", b" mx postfix/qmgr[1]: A1B2: removed\n"),
    ],
)
def test_a_stamp_of_a_time_that_ledgers_have_no_room_for_is_none(name: str, line: bytes, stamp: bytes) -> None:
    enter: Callable[[bytes], object] = ROOMS[name].enter
    assert enter(stamp + line) == []
    assert enter(b"2026-11-21T19:59:06+01:00" + line) != []
    attack(ROOMS[name], stamp.replace(b"T", b" ") + line)


def test_a_view_that_is_nested_without_end_is_damaged() -> None:
    assert not attack(ROOMS["remembered views"], b'{"x":' * 20_000)


@pytest.mark.parametrize("name", ["requests to the hub", "answers of the hub"])
@pytest.mark.parametrize("data", [b"\x81\xa1\xff\xc0", b"\x81\xa4type\xa4\x1b[1m", b"\x91" * 50_000])
def test_a_frame_of_whatever_bytes_is_a_decode_error(name: str, data: bytes) -> None:
    assert not attack(ROOMS[name], data)


@pytest.mark.parametrize(
    "pattern", ["^" + "a.*b" * 40 + "$", "a?" * 30 + "a" * 30, "(a|a)" * 40 + "b", "a*" * 9 + "b", "(a|b\x05" * 30]
)
def test_a_pattern_that_could_take_for_ever_is_refused_at_once(pattern: str) -> None:
    assert not attack(ROOMS["filters"], f"/{pattern}/".encode())


@pytest.mark.parametrize("pattern", ["^a.*b.*c.*$", "(gmail|yahoo|aol|gmx|web|t-online)\\.(com|de|net)", "x?y??z+?"])
def test_a_pattern_that_people_write_is_taken(pattern: str) -> None:
    assert attack(ROOMS["filters"], f"/{pattern}/".encode())
