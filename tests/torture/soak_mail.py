"""Simulated mail as an Exim leaves it: a log that rotates in every style, a spool, and what is true of all that. The
soak enters."""

from __future__ import annotations

import gzip
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tui.engine.events import (
    HOLD,
    NEW,
    RETRY,
    Arrived,
    CampaignSeen,
    Deferred,
    Delivered,
    Event,
    Failed,
    Gone,
    Held,
    Released,
)
from tui.engine.queues.listing import Listing, Waiting
from tui.engine.simulate import Simulation
from tui.isp import IspTable
from tui.model import STATES

ROTATED_KEPT = 40
SMALLEST_ROTATED_BYTES = 4096
"""Before a file has 1 KiB nobody knows a copy of it again (see ``Tail``)."""

ROTATIONS_IN_A_ROW = 12
"""So often names get numbers, then so often dates."""

Sums = Counter[tuple[str, ...]]


class Truth:
    """What the events of a simulation say of it: all that was sent, by account and column, recipients accepted by
    account, and what waits, by account, campaign, ISP and state."""

    def __init__(self) -> None:
        self.totals: Sums = Counter()
        self.accepted: Sums = Counter()
        self.held: set[bytes] = set()
        self.tried: set[bytes] = set()
        self.waiting: dict[bytes, set[bytes]] = {}
        self._account: dict[bytes, str] = {}
        self._campaign: dict[bytes, str] = {}
        self._isps = IspTable()

    def enter(self, events: Iterable[Event]) -> None:
        """Take in events in their order."""
        totals = self.totals
        for event in events:
            match event:
                case CampaignSeen(_, id_, campaign):
                    self._campaign[id_] = campaign.decode()
                case Arrived(_, id_, account, size=size, recipients=recipients):
                    assert account is not None and recipients is not None
                    name = self._account[id_] = account.decode()
                    totals[name, "send_count"] += 1
                    totals[name, "total_size"] += size
                    self.accepted[name, "accepted"] += len(recipients)
                    self.waiting[id_] = set(recipients)
                case Delivered(_, id_, waiting=waiting):
                    totals[self._account[id_], "success_count"] += 1
                    self.waiting[id_].remove(waiting)
                case Failed(_, id_, waiting=waiting):
                    totals[self._account[id_], "fail_count"] += 1
                    self.waiting[id_].remove(waiting)
                case Deferred(_, id_):
                    totals[self._account[id_], "defer_count"] += 1
                    self.tried.add(id_)
                case Held(_, id_):
                    self.held.add(id_)
                case Released(_, id_):
                    self.held.discard(id_)
                case Gone(_, id_):
                    assert not self.waiting.pop(id_)
                    self.held.discard(id_)
                    self.tried.discard(id_)
                    self._account.pop(id_)
                    self._campaign.pop(id_, None)

    def state(self, id_: bytes) -> int:
        """The state of a message that waits, but for attempts under way."""
        return HOLD if id_ in self.held else RETRY if id_ in self.tried else NEW

    def queue(self) -> Sums:
        """What waits now: units by account, campaign, ISP and state."""
        found: Sums = Counter()
        for id_, recipients in self.waiting.items():
            for recipient in recipients:
                isp = self._isps.of_address(recipient)
                found[self._account[id_], self._campaign.get(id_, ""), isp, STATES[self.state(id_)]] += 1
        return found


class EximWorld:
    """A simulated platform's Exim: ``log`` and ``spool`` below ``folder``. It lives on with every ``step``."""

    def __init__(self, folder: Path, simulation: Simulation, chances: Random) -> None:
        self.log = folder / "log" / "mainlog"
        self.spool = folder / "spool"
        self.log.parent.mkdir()
        (self.spool / "input").mkdir(parents=True)
        self.truth = Truth()
        self.rotations: Counter[str] = Counter()
        self.lines = 0
        self._simulation = simulation
        self._chances = chances
        self._listed: set[bytes] = set()
        self._names = 0
        self._late: list[bytes] = []

    def step(self, now: int) -> None:
        """Live until ``now``: first the spool is as the mail system has it then, then the log tells."""
        events, listing = self._simulation.step(now)
        self.truth.enter(events)
        if listing is not None:
            touched = {event.id for event in events} | set(self._late)
            self._late = []
            self._spool(touched, listing)
        else:
            self._late += [event.id for event in events]
        self._write(b"".join(map(_line, events)))

    def rotate(self) -> str:
        """Rotate the log in some style, if there is enough of it; returns which."""
        if not self.log.exists() or self.log.stat().st_size < SMALLEST_ROTATED_BYTES:
            return ""
        turn, place = divmod(self._names, ROTATIONS_IN_A_ROW)
        styles = _DATED if turn % 2 else _NUMBERED
        if place == 0:
            for old in self.log.parent.glob("mainlog-*" if turn % 2 else "mainlog.*"):
                old.unlink()
        self._names += 1
        style = self._chances.choice(list(styles))
        styles[style](self.log, self._names)
        self.rotations[style] += 1
        for old in self._rotated()[:-ROTATED_KEPT]:
            old.unlink()
        return style

    def _rotated(self) -> list[Path]:
        files = [path for path in self.log.parent.iterdir() if path != self.log]
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def _write(self, lines: bytes) -> None:
        self.lines += lines.count(b"\n")
        if lines:
            with self.log.open("ab") as log:
                cut = self._chances.randrange(len(lines))  # nobody promises whole lines at once
                log.write(lines[:cut])
                log.flush()
                log.write(lines[cut:])

    def _spool(self, touched: set[bytes], listing: Listing) -> None:
        folder = self.spool / "input"
        for id_ in touched:
            name = folder / f"{id_.decode()}-H"
            waiting = listing.messages.get(id_)
            if waiting is not None:
                new = folder / f"hdr.{id_.decode()}"
                new.write_bytes(self._header(waiting))
                new.rename(name)
                self._listed.add(id_)
            elif id_ in self._listed:
                self._listed.remove(id_)
                name.unlink()

    def _header(self, waiting: Waiting) -> bytes:
        state = self.truth.state(waiting.id)
        flag = {HOLD: b"-frozen 1\n", NEW: b"-deliver_firsttime\n", RETRY: b""}[state]
        recipients = b"".join(recipient + b"\n" for recipient in waiting.recipients)
        campaign = b" X-Campaign-ID: %b\n" % waiting.campaign if waiting.campaign else b""
        return (
            b"%b-H\nDebian-exim 9 9\n<%b>\n%d 0\n-host_address [192.0.2.1]:40862\n-auth_id %b\n%bXX\n%d\n%b\n%b%b"
            % (
                waiting.id,
                waiting.sender or b"",
                waiting.arrived,
                waiting.account or b"",
                flag,
                len(waiting.recipients),
                recipients,
                b"016T To: x@down.test\n",
                b"%03d %b" % (len(campaign), campaign) if campaign else b"",
            )
        )


def _line(event: Event) -> bytes:
    """The lines of an event as Exim logs it."""
    stamp = datetime.fromtimestamp(event.time, UTC).strftime("%Y-%m-%d %H:%M:%S ").encode() + event.id
    match event:
        case CampaignSeen(_, _, campaign):
            quoted = b'"%b"' % campaign if b" " in campaign else campaign
            return b"%b campaign=%b\n" % (stamp, quoted)
        case Arrived(_, _, account, _, size, recipients, _, sender):
            known = b"P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=dovecot_login:%b S=%d" % (
                account or b"",
                size,
            )
            everyone = b" ".join(recipients or ())
            return b'%b <= %b H=c.example [192.0.2.1]:4211 %b T="Offer" for %b\n' % (
                stamp,
                sender or b"<>",
                known,
                everyone,
            )
        case Delivered(_, _, address, _):
            return b'%b => %b R=dnslookup T=remote_smtp H=mx.example [192.0.2.9] C="250 2.0.0 OK"\n' % (stamp, address)
        case Deferred(_, _, address, _, reply):
            said = b"SMTP error from remote mail server after RCPT TO:<%b>: %b" % (address, reply)
            return b"%b == %b R=dnslookup T=remote_smtp defer (-44) H=mx.example [192.0.2.9]: %b\n" % (
                stamp,
                address,
                said,
            )
        case Failed(_, _, address, _, reply):
            return b"%b ** %b R=dnslookup T=remote_smtp: %b\n" % (stamp, address, reply)
        case Held():
            return stamp + b" frozen by root\n"
        case Released():
            return stamp + b" unfrozen by root\n"
        case Gone():
            return stamp + b" Completed\n"
    raise AssertionError(event)


# Rotation, as logrotate does it


def _shift(log: Path) -> Path:
    """Make room for ``mainlog.1``, which is returned."""
    numbered = {int(path.name.split(".")[1]): path for path in log.parent.glob("mainlog.*")}
    for number in sorted(numbered, reverse=True):
        path = numbered[number]
        path.rename(log.with_name(path.name.replace(f".{number}", f".{number + 1}", 1)))
    return log.with_name("mainlog.1")


def _pack(path: Path) -> None:
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    path.unlink()


def _renamed(log: Path, _: int) -> None:
    log.rename(_shift(log))
    log.touch()


def _twice(log: Path, number: int) -> None:
    _renamed(log, number)
    _renamed(log, number)


def _packed(log: Path, number: int) -> None:
    _renamed(log, number)
    _pack(log.with_name("mainlog.1"))


def _left_without(log: Path, _: int) -> None:
    log.rename(_shift(log))


def _copied(log: Path, _: int) -> None:
    shutil.copyfile(log, _shift(log))
    os.truncate(log, 0)


def _dated_name(log: Path, number: int) -> Path:
    return log.with_name(f"mainlog-2026{number:06}")


def _dated(log: Path, number: int) -> None:
    log.rename(_dated_name(log, number))
    log.touch()


def _dated_packed(log: Path, number: int) -> None:
    _dated(log, number)
    _pack(_dated_name(log, number))


def _dated_copied(log: Path, number: int) -> None:
    shutil.copyfile(log, _dated_name(log, number))
    os.truncate(log, 0)


_Style = Callable[[Path, int], None]
_NUMBERED: dict[str, _Style] = {
    "renamed": _renamed,
    "renamed, no new log for a moment": _left_without,
    "renamed twice at once": _twice,
    "compressed at once": _packed,
    "copied and truncated": _copied,
}
_DATED: dict[str, _Style] = {
    "renamed, dated": _dated,
    "compressed at once, dated": _dated_packed,
    "copied and truncated, dated": _dated_copied,
}
