"""Attacks on what must outlive a crash: collectors, hubs, screens and servers that are killed at any moment, and power
cuts. `attack` enters."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.torture.attack import Attack
from tests.torture.killed_programs import a_killed_hub_is_replaced, a_killed_server_comes_back
from tests.torture.known_mail import KnownMail, Totals, append, counted, pieces
from tests.torture.power import a_power_cut_loses_nothing
from tests.torture.stable import Stable
from tui.engine import ledger_lock
from tui.engine.ledger import LedgerError

MTAS = "exim", "postfix"

NOTHING_YET = "'mailtop collect' makes it", "'mailtop collect' does so", "'mailtop collect' brings it up to date"
"""What a reader is told where a collector was killed while it made the ledger."""


def a_killed_reader_loses_nothing(folder: Path, rng: random.Random) -> int:
    """A log grows and is rotated; who reads it is killed at any moment, again and again."""
    mail = KnownMail(mta := rng.choice(MTAS), rng, rng.randrange(50, 300))
    log, ledger, said = folder / "log", folder / "ledger.sqlite", folder / "said"
    log.touch()
    killed = rotated = 0
    with Stable() as stable:
        for piece in pieces(mail.log(), rng, 20):
            reader = stable.start("read", mta, str(log), str(ledger), said=said)
            append(log, piece)
            _some_time(rng, 0.05)
            if rng.random() < 0.15:
                rotated += 1
                _rotate(log, rotated)
            _some_time(rng, 0.03)
            reader.kill()
            killed += 1
            _nobody_writes(ledger)
            _adds_up(ledger)
        stable.start("read", mta, str(log), str(ledger), said=said)
        _comes_to(ledger, mail)
    assert not said.exists() or said.read_text() == ""
    return killed


def _rotate(log: Path, times: int) -> None:
    """As logrotate does, for the ``times``-th time."""
    for number in range(times, 1, -1):
        log.with_name(f"log.{number - 1}").rename(log.with_name(f"log.{number}"))
    log.rename(log.with_name("log.1"))
    log.touch()


def _some_time(rng: random.Random, most_seconds: float) -> None:
    """Short times as often as long ones."""
    time.sleep(most_seconds * rng.random() ** 2)


def _nobody_writes(ledger: Path) -> None:
    assert ledger_lock.holder(ledger) is None, "a lock stays"


def _adds_up(ledger: Path) -> None:
    try:
        counted(ledger)
    except LedgerError as error:
        assert any(sentence in str(error) for sentence in NOTHING_YET), error


def _comes_to(ledger: Path, mail: KnownMail) -> None:
    """Wait until the ledger says what is known to be true, and see that it stays."""
    until, truth = time.monotonic() + 10, mail.truth()
    found: Totals = {}
    while found != truth:
        assert time.monotonic() < until, f"{found} instead of {truth}"
        time.sleep(0.01)
        try:
            found = counted(ledger)
        except LedgerError:
            continue
    time.sleep(0.03)
    found = counted(ledger)
    assert found == truth, f"{found} instead of {truth}"


ATTACKS = [
    Attack("kill -9 of who reads a log that grows and rotates", a_killed_reader_loses_nothing, 2.0),
    Attack("power cuts: unsynced pages of the ledger lost, cut, torn", a_power_cut_loses_nothing, 0.6),
    Attack("kill -9 of hub, collector and screen while mail is logged", a_killed_hub_is_replaced, 3.0),
    Attack("kill -9 of a server, which then has its address and numbers again", a_killed_server_comes_back, 4.0),
]
