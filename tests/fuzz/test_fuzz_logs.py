"""Both logs: any bytes are events or lines that are counted as not understood, and however they are divided into whole
lines the same ones."""

from __future__ import annotations

from datetime import UTC

import pytest

from tests import postfix_capture
from tests.captures import EXIM_RUNS, exim_capture
from tests.fuzz.case import Room, attack_often
from tui.engine.accounts import Accounts
from tui.engine.events import Event
from tui.engine.logs.exim import EximLog
from tui.engine.logs.postfix import PostfixLog
from tui.engine.logs.reader import LogReader

WRITTEN = 1_795_400_000.0
SYSLOG = b'<22>1 2026-11-21T19:59:06.123456+01:00 mx postfix/qmgr 12 - [a b="c"] 4D0F21: removed\n'


def _read(log: LogReader, data: bytes) -> list[Event]:
    events = log.events(data, WRITTEN)
    assert log.unparsed.count <= data.count(b"\n") + 1
    assert all(len(line) <= 500 for line in log.unparsed.samples.values())
    return events


def _exim(data: bytes) -> object:
    data = data.rstrip(b"\n") + b"\n"
    log, slow = EximLog(Accounts(), UTC), EximLog(Accounts(), UTC)
    events = _read(log, data)
    one_by_one = [event for line in data.split(b"\n")[:-1] for event in slow.events(line + b"\n", WRITTEN)]
    assert one_by_one == events
    assert slow.unparsed == log.unparsed
    return events


def _postfix(data: bytes) -> object:
    data = data.rstrip(b"\n") + b"\n"
    log, slow = PostfixLog(Accounts(), UTC), PostfixLog(Accounts(), UTC)
    events = _read(log, data)
    one_by_one = [event for line in data.split(b"\n")[:-1] for event in slow.events(line + b"\n", WRITTEN)]
    assert one_by_one == events
    assert slow.unparsed == log.unparsed
    return events


ID = b"0t5C6f-0000c8-00"
LINES = (
    b"2026-11-21 19:49:21 " + ID + b' <= a@b.test H=c [1.2.3.4] P=esmtpsa A=login:bob S=123 T="x" for d@e.test\n',
    b"2026-11-21 19:49:21.123 +0100 [77] " + ID + b" == d@e.test R=r T=t defer (-53): retry time not reached\n",
    b"<22>Nov 21 19:59:06 mx exim[12]: [1\\3] " + ID + b" Completed\n",
    b"0001-01-01T00:00:00+14:00 mx exim[12]: " + ID + b" Completed\n",
)
ROOMS = [
    Room(
        "Exim's log",
        _exim,
        [*(exim_capture(name).log() for name in EXIM_RUNS), *LINES],
        [
            *LINES,
            ID,
            b" <= ",
            b" => ",
            b" ** ",
            b" == ",
            b" for ",
            b" S=",
            b' T="',
            b" A=login:",
            b"exim[1]: ",
            b"[1\\2] ",
            b' <"',
            b"> added by ",
            b"Unfrozen",
            b'campaign="\\777',
            b"0001-01-01 00:00:00",
            b"9999-12-31 23:59:59 -1200 ",
        ],
    ),
    Room(
        "Postfix's log",
        _postfix,
        [postfix_capture.log(), SYSLOG],
        [
            SYSLOG,
            b": ",
            b"to=<",
            b"from=<",
            b">, size=",
            b"status=",
            b"sent (",
            b"uid=",
            b"uid=-1",
            b"removed",
            b"NOQUEUE",
            b"0001-01-01T00:00:00+14:00 ",
            b"9999-12-31T23:59:60-12:00 ",
            b"Feb 29 23:59:60 ",
            b"<22>",
            b"orig_id=",
            b"info: ",
        ],
    ),
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_logs(room: Room) -> None:
    attack_often(room)
