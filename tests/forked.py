"""Runs commands of mailtop to their end, each in a process of its own, forked from one that has all of it loaded: what
Python's start and imports cost, most of a short command, is paid once. ``python -m tests.forked`` is that one."""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent
ARGV = [sys.executable, "-m", "tests.forked"]
NOT_LOADED = ("tui.ui", "tui.web", "tui.cli.monitor", "tui.cli.web")
"""Screens cost more to load than all the rest, and no command that ends by itself has one."""

READ_AT_START = ("PYTHON", "LC_", "LANG")
"""How the names of variables begin that Python reads when it starts."""


class Forks:
    """Where commands are forked; ``argv`` with ``environ`` around it is started when it is first needed."""

    def __init__(self, argv: Sequence[str] = ARGV, environ: Mapping[str, str] | None = None) -> None:
        self._argv = argv
        self._environ = environ
        self._process: subprocess.Popen[str] | None = None
        self._one_at_a_time = Lock()

    def takes(self, environ: Mapping[str, str]) -> bool:
        """Whether a fork can have these variables: those that Python reads when it starts are as they are here."""
        own = os.environ if self._environ is None else self._environ
        return all(own.get(name) == environ.get(name) for name in {*own, *environ} if name.startswith(READ_AT_START))

    def run(
        self, arguments: Sequence[str], environ: Mapping[str, str], timeout: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Run ``mailtop`` with these arguments and variables, as ``subprocess.run`` does with nothing to read."""
        with self._one_at_a_time:
            process = self._process = self._process or self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            asked = {"arguments": list(arguments), "environ": dict(environ), "folder": str(Path.cwd())}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], timeout)[0]:
                self._end(signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout)
            answer = process.stdout.readline()
            assert answer, f"{self._argv} ended"
            told = json.loads(answer)
            return subprocess.CompletedProcess(list(arguments), told["code"], told["out"], told["err"])

    def close(self) -> None:
        """End it, if it was started."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def _started(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._argv, cwd=ROOT, env=self._environ, stdin=pipe, stdout=pipe, text=True, start_new_session=True
        )

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)
        self._process.communicate()
        self._process = None


def forks() -> Forks:
    """The one of this process, ended with it."""
    return _forks


_forks = Forks()
atexit.register(_forks.close)


def serve() -> None:
    """Fork a process for each line of standard input, and print a line of what each said, until there is no more."""
    codes = [1]  # of what ends by an error that nobody catches
    atexit.register(_leave, codes)
    for module in pkgutil.walk_packages([str(ROOT / "tui")], "tui."):
        if not module.name.startswith(NOT_LOADED):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        out, err = os.memfd_create("out"), os.memfd_create("err")
        child = os.fork()
        if not child:
            _become(asked, out, err, codes)
        _, status = os.waitpid(child, 0)
        answer = {"code": os.waitstatus_to_exitcode(status), "out": _text(out), "err": _text(err)}
        print(json.dumps(answer), flush=True)


def _become(asked: Mapping[str, Any], out: int, err: int, codes: list[int]) -> NoReturn:
    """Be ``python -m tui`` from here on, as far as it can tell."""
    from tui import __main__ as mailtop

    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, out, err)):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    time.tzset()
    assert mailtop.__file__ is not None
    sys.argv = [mailtop.__file__, *asked["arguments"]]
    codes[:] = [mailtop.main()]
    sys.exit()


def _leave(codes: Sequence[int]) -> None:
    """End at the very last, without what Python does to take each module apart, which takes as long as a command."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(codes[0])


def _text(file: int) -> str:
    with open(file, "rb") as read:
        read.seek(0)
        return read.read().decode()


if __name__ == "__main__":
    serve()
