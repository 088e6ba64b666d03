"""A system that gives no more memory, open files or processes: a sentence, and all is well when it gives them again.
`disk` enters."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cli.postfix_in_files import MAILTOP
from tests.pty_driver import Terminal
from tests.torture.killed_programs import read_for
from tests.torture.known_mail import append, pieces
from tests.torture.mail_host import MailHost, until
from tui.cli.arguments import Exit

LIMITED = """
import os, resource, sys
resource.setrlimit(getattr(resource, sys.argv[1]), (int(sys.argv[2]),) * 2)
os.execv(sys.executable, [sys.executable, "-m", "tui", *sys.argv[3:]])
"""
CODES = Exit.OK, Exit.SOURCE, Exit.SYSTEM, Exit.OUTPUT
COMMANDS = (
    ("collect", "--once"),
    ("show", "totals"),
    ("show", "queue", "--group", "isp"),
    ("check",),
    ("ledger", "verify"),
    ("ledger", "export", "-"),
)
PIDS = Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")
"""Where groups of processes may be bounded."""


def commands_short_of_memory_or_files_say_so(folder: Path, rng: random.Random) -> int:
    """Each ends with a sentence and its exit code, and none leaves a ledger that is wrong."""
    host = MailHost(folder, rng)
    tried = 0
    for piece in pieces(host.mail.log(), rng, 1):
        append(host.log, piece)
        limit, most = rng.choice((("RLIMIT_AS", rng.randrange(38, 50) << 20), ("RLIMIT_NOFILE", rng.randrange(6, 15))))
        command = rng.choice(COMMANDS)
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, limit, str(most), *command],
            env=host.environ,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        told = f"{command} with {limit} {most}: {done.returncode}: {done.stderr}{done.stdout}"
        assert done.returncode in CODES, told
        assert (done.returncode == Exit.OK) or re.search("^(mailtop: |.* ! )", done.stderr + done.stdout, re.M), told
        assert "Traceback" not in done.stderr, told
        tried += 1
    _collect(host)
    assert host.is_counted()
    return tried


def _collect(host: MailHost) -> None:
    done = subprocess.run(
        [*MAILTOP, "collect", "--once"], env=host.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.OK, done.stderr


def needs_a_herd() -> str:
    """What is missing to bound how many processes there may be."""
    with suppress(OSError), herd():
        return ""
    return "processes can only be counted and bounded by root, in a control group"


@contextmanager
def herd() -> Iterator[Path]:
    """A control group whose processes can be bounded. Raises ``OSError``."""
    made = next((each for each in PIDS if (each / "cgroup.procs").exists()), PIDS[-1]) / f"mailtop-{uuid.uuid4().hex}"
    made.mkdir()
    try:
        (made / "pids.max").read_text()
        yield made
    finally:
        for _ in range(100):
            try:
                made.rmdir()
                break
            except OSError:  # a process is just ending
                time.sleep(0.02)


def a_screen_without_processes_waits_for_them(folder: Path, rng: random.Random) -> int:
    """Hub or collector are killed while the system starts no more processes; they come back when it does."""
    host = MailHost(folder, rng)
    with herd() as group:
        entering = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(group), *MAILTOP]
        with Terminal(entering, env=host.environ) as terminal:
            terminal.wait_for(" recipients ")
            append(host.log, host.mail.log())
            terminal.wait_for(lambda _: host.collector() is not None, timeout=30)
            hubs = [pid for pid in host.processes() if pid not in (terminal.pid, host.collector())]
            running = int((group / "pids.current").read_text())
            (group / "pids.max").write_text(str(max(1, running - rng.randrange(8))))
            collectors = [pid for pid in [host.collector()] if pid is not None]
            for victim in rng.choice((hubs, collectors)):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            read_for(terminal, 0.8 * rng.random())
            (group / "pids.max").write_text("max")
            terminal.wait_for(lambda _: host.is_counted(), timeout=40)
            assert "Traceback" not in terminal.text(), terminal.text()
            terminal.press("q")
            assert terminal.wait_exit() == Exit.OK
            until(lambda: not host.processes(), "nothing is left of the screen")
    return 1
