"""A private world for a real mail system: mounts, network, processes, host name; gone with the ``with`` block."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.live.packages import Unavailable

INSIDE = Path(__file__).with_name("inside.py")
HOME = "/media/home"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
}


class Namespace:
    """Private namespaces in which what is ``unpacked`` appears as if it were installed. Needs root.

    Commands enter by ``nsenter``, so they are ordinary child processes of the test, also in a pty. The first process
    inside ends when its stdin closes, which happens at the latest with the test's own process, and everything inside
    ends with it.
    """

    def __init__(self, unpacked: Path) -> None:
        self.unpacked = unpacked
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise Unavailable("private namespaces for a real mail system need root")
        kinds = ["--mount", "--net", "--pid", "--uts"]
        argv = ["unshare", *kinds, "--fork", "--kill-child", "--mount-proc", sys.executable, str(INSIDE)]
        pipe = subprocess.PIPE
        try:
            self._holder = subprocess.Popen(
                [*argv, str(self.unpacked)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )
        except FileNotFoundError:
            raise Unavailable("no unshare here to make namespaces with") from None
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self._holder.kill()
            said = self._holder.communicate()[1].strip().splitlines() or ["nothing"]
            raise Unavailable(f"the machine gives no private namespaces: {said[-1]}")
        self.first_pid = int(_children(self._holder.pid).read_text())
        self._enter = ["nsenter", f"--target={self.first_pid}", *kinds, "--"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.kill()
        self._holder.communicate()
        for process in self._started:
            process.communicate(timeout=10)

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command that runs ``argv`` inside, to be given ``ENVIRONMENT``."""
        return [*self._enter, *argv]

    def run(
        self, argv: Sequence[str], *, text: str = "", timeout: float = 30.0, ok: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        """Run ``argv`` inside with ``text`` as its stdin, at most ``timeout`` seconds.

        Raises ``AssertionError`` with what it said when it ends with a code that is not among ``ok``.
        """
        done = subprocess.run(
            self.command(argv),
            input=text,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        said = f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert done.returncode in ok, said
        return done

    def start(self, argv: Sequence[str]) -> subprocess.Popen[str]:
        """Start ``argv`` inside, its stdout a pipe; it ends at the latest with the namespace."""
        process = subprocess.Popen(
            self.command(argv), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        self._started.append(process)
        return process

    def inner_pid(self, process: subprocess.Popen[str]) -> int:
        """The process id, seen from outside, of a command that ``start`` started."""
        return int(_children(process.pid).read_text())

    def path(self, inside: str) -> Path:
        """Where the test finds the file that is called ``inside`` in there."""
        return Path(f"/proc/{self.first_pid}/root{inside}")

    def processes(self) -> list[str]:
        """The names of the processes inside, without the first one."""
        names = []
        for entry in self.path("/proc").iterdir():
            if entry.name.isdecimal() and entry.name != "1":
                try:
                    names.append((entry / "comm").read_text().strip())
                except OSError:  # it ended meanwhile
                    continue
        return names


def _children(pid: int) -> Path:
    return Path(f"/proc/{pid}/task/{pid}/children")
