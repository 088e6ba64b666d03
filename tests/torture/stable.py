"""Starts collectors that are killed by the hundred: copies of one process, which need not import anything. Attacks on
crash and disk enter; ``python -m tests.torture.stable`` is the process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

GONE_SECONDS = 10.0


class Copy:
    """A process that the stable has started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def kill(self) -> None:
        """End it as nothing can be prepared for, and wait until it is gone. Raises ``AssertionError``."""
        signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        self.wait()

    def runs(self) -> bool:
        """Whether it is still there."""
        return not select.select([self._handle], [], [], 0)[0]

    def wait(self, seconds: float = GONE_SECONDS) -> None:
        """Wait until it has ended. Raises ``AssertionError``."""
        assert select.select([self._handle], [], [], seconds)[0], f"process {self.pid} did not end"
        os.close(self._handle)


class Stable:
    """A process that everything is imported in. Leaving the ``with`` block ends it, and all copies."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.stable"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def start(self, what: str, *words: str, said: Path, environ: Mapping[str, str] | None = None) -> Copy:
        """Do ``what`` in a process of its own, whose standard error is added to the file ``said``."""
        order = {"what": what, "words": words, "said": str(said), "environ": dict(environ or {})}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Copy(int(self._process.stdout.readline()))


def _read(mta: str, log: str, ledger: str) -> None:
    """Read a log without a pause, for ever."""
    from tests.engine.collector_child import collecting

    with collecting(mta, Path(log), Path(ledger)) as collector:
        while True:
            collector.tick()


def _mailtop(*words: str) -> None:
    """The command, with ticks that follow each other quickly."""
    from tui.cli.main import main
    from tui.engine import collect

    collect.TICK_SECONDS, collect.LISTING_SECONDS = 0.01, 0.05
    sys.argv = ["mailtop", *words]
    os._exit(main(words))


_KNOWN: Mapping[str, Callable[..., None]] = {"read": _read, "mailtop": _mailtop}


def _copied(order: Mapping[str, object]) -> None:
    """What the copy does, until it is killed."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    said = os.open(str(order["said"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, place in ((nowhere, 0), (nowhere, 1), (said, 2)):
        os.dup2(descriptor, place)
    environ, words = order["environ"], order["words"]
    assert isinstance(environ, dict)
    assert isinstance(words, list)
    os.environ.update(environ)
    try:
        _KNOWN[str(order["what"])](*words)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def main() -> None:
    """Start a copy for each line of standard input, and print its number; in the end kill those that are left."""
    import tests.engine.collector_child
    import tui.cli.collect
    import tui.cli.main

    del tests.engine.collector_child, tui.cli.collect, tui.cli.main
    copies: set[int] = set()
    for line in sys.stdin:
        while copies and (ended := os.waitpid(-1, os.WNOHANG)[0]):
            copies.remove(ended)
        order = json.loads(line)
        if not (pid := os.fork()):
            _copied(order)
        copies.add(pid)
        print(pid, flush=True)
    for pid in copies:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
