"""A mail host of files, whose mail is known, and mailtop at work on it. Attacks on crash and disk enter."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.torture.known_mail import KnownMail, Totals, counted
from tui.engine import ledger_lock
from tui.engine.ledger import LedgerError


class MailHost:
    """A Postfix of files, whose log is still to be written, and mailtop's configuration for it."""

    def __init__(self, folder: Path, rng: random.Random, ledger: Path | None = None) -> None:
        self.mail = KnownMail("postfix", rng, 60)
        self.log, self.config, self.ledger = (
            folder / "mail.log",
            folder / "mailtop.toml",
            ledger or folder / "mx.sqlite",
        )
        self.log.touch()
        (folder / "queue.json").write_text(self.mail.queue())
        self.config.write_text(
            f'interval = 0.2\n[[source]]\ntype = "local"\nname = "mx"\nmta = "postfix"\nlog = "{self.log}"\n'
            f'postqueue = ["cat", "{folder}/queue.json"]\nledger = "sqlite://{self.ledger}"\n'
        )
        self.mark = f"MAILTOP_TORTURE={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "MAILTOP_CONFIG": str(self.config),
            name: value,
        }

    def processes(self) -> dict[int, str]:
        """What runs here: numbers and commands."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with suppress(OSError):  # it ended meanwhile, or is not ours
                    if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                        found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def is_gone(self, pid: int) -> bool:
        """Whether a process has ended."""
        return pid not in self.processes()

    def collector(self) -> int | None:
        """Who writes the ledger; ``None``: nobody, or nobody knows yet."""
        try:
            found = ledger_lock.holder(self.ledger)
        except LedgerError:
            return None
        return None if found is None else found.pid

    def is_counted(self) -> bool:
        """Whether the ledger says what is known to be true, when all was logged."""
        return self.counted() == self.mail.truth()

    def counted(self) -> Totals:
        """What the ledger says; nothing while there is none."""
        try:
            return counted(self.ledger)
        except LedgerError:
            return {}


def until(condition: Callable[[], object], what: str, seconds: float = 15.0) -> None:
    """Wait for a condition. Raises ``AssertionError``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} seconds: {what}"
        time.sleep(0.01)
