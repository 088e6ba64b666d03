"""A real mail system with everything around it: sink, senders, mailtop itself. Exim and Postfix build on it."""

from __future__ import annotations

import json
import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.forked import ARGV, Forks
from tests.live.mail import ISPS, Listed, Message, Sent, Totals, Truth
from tests.live.namespace import ENVIRONMENT, HOME, Namespace
from tests.live.packages import unpacked
from tests.pty_driver import Terminal

KIT = Path(__file__).with_name("kit")
MAILTOP = [sys.executable, "-m", "tui"]
RECORD = "/media/sink.jsonl"
SINKS = [f"127.0.0.{last}:2600" for last in (11, 12, 13, 14)]
PORT = 2525
CONNECTIONS = 8


class RealMta(ABC):
    """A mail system that runs for as long as the ``with`` block, in a world of its own."""

    package: str
    settings: str
    """What ``mailtop``'s configuration says of it, in TOML."""

    def __init__(self) -> None:
        self.world = Namespace(unpacked(self.package))
        self.truth = Truth()

    def __enter__(self) -> Self:
        self.world.__enter__()
        try:
            self.serve("sink.py", RECORD, *SINKS)
            self.forks = Forks(self.world.command(ARGV), ENVIRONMENT)
            self.install()
            self.start()
        except BaseException:
            self.world.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forks.close()
        self.world.__exit__(kind, error, trace)

    # The mail system

    @abstractmethod
    def install(self) -> None:
        """Put the configuration and the folders in place."""

    @abstractmethod
    def start(self) -> None:
        """Start the daemon and wait until it listens."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the daemon and wait until nothing of it runs."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until nothing is being received or delivered."""

    @abstractmethod
    def taken_as(self, answer: str) -> str:
        """The id of a message in the answer that it was taken with."""

    @abstractmethod
    def listing(self) -> dict[str, Listed]:
        """The queue, by the mail system's own command."""

    @abstractmethod
    def retry(self) -> None:
        """Try everything that waits again, and wait until that is done."""

    @abstractmethod
    def hold(self, *ids: str) -> None:
        """Freeze or hold messages."""

    @abstractmethod
    def release(self, *ids: str) -> None:
        """Undo ``hold``; nothing is tried for it."""

    @abstractmethod
    def remove(self, *ids: str) -> None:
        """Delete messages from the queue."""

    @abstractmethod
    def submit(self, user: str, message: str, *recipients: str) -> None:
        """Hand in a message as a local user."""

    @abstractmethod
    def log(self) -> str:
        """The log so far."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """The size in bytes of every message there was, by id."""

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """Send messages, several at a time; gives each as it was taken. ``truth`` learns of them."""
        lines = b"\n".join(map(msgspec.json.encode, messages)).decode()
        argv = [sys.executable, str(KIT / "send.py"), str(PORT), str(CONNECTIONS)]
        answers = [json.loads(line) for line in self.world.run(argv, text=lines, timeout=60).stdout.splitlines()]
        sent = [self._sent(message, answer) for message, answer in zip(messages, answers, strict=True)]
        self.truth.add(sent)
        return sent

    def totals(self) -> dict[str, Totals]:
        """What each account's totals must be by now."""
        inbox = self.world.path("/var/mail/inbox")
        bounces = len(re.findall(r"^Return-path: <>$", inbox.read_text() if inbox.exists() else "", re.M | re.I))
        return self.truth.totals(self.answers(), self.sizes(), bounces, self.listing())

    def _sent(self, message: Message, answer: dict[str, Any]) -> Sent:
        if answer["code"] != 250:
            return Sent(message, "")
        codes = zip(message.recipients, answer["codes"], strict=True)
        accepted = tuple(recipient for recipient, code in codes if code == 250)
        return Sent(msgspec.structs.replace(message, recipients=accepted), self.taken_as(answer["text"]))

    def answers(self) -> list[tuple[str, str]]:
        """What the sink answered so far: recipient and ``ok``, ``defer`` or ``reject``."""
        rows = [json.loads(line) for line in self.world.path(RECORD).read_text().splitlines()]
        return [(row["recipient"], row["result"]) for row in rows]

    def serve(self, script: str, *arguments: str) -> None:
        """Start a server of the kit and wait until it listens."""
        server = self.world.start([sys.executable, str(KIT / script), *arguments])
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said == "ready\n", f"{script} did not start: {said}"

    # mailtop

    def configure(self, name: str) -> str:
        """Write a configuration whose ledger is called ``name``; gives its path."""
        isps = ", ".join(f"{json.dumps(isp)} = {json.dumps(domains)}" for isp, domains in ISPS.items())
        text = f'interval = 0.5\n[[source]]\nname = "live"\ntype = "local"\nledger = "sqlite:///{HOME}/{name}.db"\n'
        self.world.path(f"{HOME}/{name}.toml").write_text(f"{text}isp = {{ {isps} }}\n{self.settings}")
        return f"{HOME}/{name}.toml"

    def mailtop(self, *arguments: str, ok: Sequence[int] = (0,)) -> str:
        """Run ``mailtop`` inside to its end; gives what it printed."""
        done = self.forks.run(arguments, ENVIRONMENT)
        assert done.returncode in ok, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def show(self, config: str | None, *arguments: str, ok: Sequence[int] = (0,)) -> dict[str, Any]:
        """``mailtop show … --format json``, decoded; without a configuration when ``config`` is ``None``."""
        options = ["--format", "json", *(["--config", config] if config else [])]
        answer: dict[str, Any] = json.loads(self.mailtop("show", *arguments, *options, ok=ok))
        return answer

    def screen(self, config: str) -> Terminal:
        """``mailtop`` in a terminal of its own."""
        return Terminal(self.world.command([*MAILTOP, "--config", config]), rows=70, env=ENVIRONMENT)


def until(condition: Callable[[], bool], what: str, timeout: float = 15.0) -> None:
    """Wait until ``condition`` holds. Raises ``AssertionError`` that names ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.02)
