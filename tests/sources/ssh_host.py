"""A host that is reached over SSH: a real sshd on loopback, run by the current user with keys of its own, and mailtop's
program with a captured Exim as its mail system."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from getpass import getuser
from pathlib import Path
from typing import Any

import msgspec

from tests.captures import exim_capture
from tui.config import SshSource

MAILTOP = (sys.executable, "-P", "-m", "tui")
RUN, LISTING = "exim-96-cpanel", "q6"


class NoSshd(Exception):
    """There is no sshd, or it does not run; the text says why."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def descendants(pid: int) -> list[int]:
    """The processes that ``pid`` started, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, open_ = [], [pid]
    while open_:
        children = parents.get(open_.pop(), [])
        found += children
        open_ += children
    return found


def processes_with(word: str) -> list[str]:
    """The command lines of all processes that have ``word`` in it."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if word in line:
                found.append(line)
    return found


class SshHost:
    """Keys, files and the server in ``folder``, which is new. ``printed`` are the rows by campaign that `mailtop show`
    prints there, ``files`` the number of messages in the queue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if sshd is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
            raise NoSshd("openssh-server or openssh-client is not installed")
        self._sshd = sshd
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.log = folder / "sshd.log"
        self.key = self._new_key("key")
        self.other_key = self._new_key("other_key")
        self._host_key = self._new_key("host_key")
        self.known_hosts = folder / "known_hosts"
        self.know(self._host_key)
        self.allow("restrict")
        self.config = folder / "config.toml"
        self.ledger = folder / "mx.sqlite"
        self._lay_mail_system()
        self.printed = self._show_by_campaign()
        self.start()

    def know(self, host_key: Path) -> None:
        """Have ``known_hosts`` name this key for the host."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key.with_suffix('.pub').read_text()}")

    def allow(self, options: str) -> None:
        """Have the host take ``key``, with these options in front of it (sshd(8), AUTHORIZED_KEYS)."""
        (self.folder / "authorized_keys").write_text(f"{options} {self.key.with_suffix('.pub').read_text()}")

    def start(self) -> None:
        """Start sshd, and wait until it takes connections."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists on it when it is run by root
        settings = self.folder / "sshd_config"
        settings.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self._host_key}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\nLogLevel INFO\n"
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._sshd, "-D", "-e", "-f", str(settings)], stdin=subprocess.DEVNULL, stderr=log
            )
        process = self._process
        wait_until(lambda: process.poll() is not None or self._is_listening(), "sshd to listen")
        if process.poll() is not None:
            raise NoSshd(f"sshd does not start: {self.log.read_text()[-300:]}")

    def stop(self) -> None:
        """Kill sshd and all whom it serves, as if the host had gone."""
        if self._process is not None:
            for pid in [*descendants(self._process.pid), self._process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def logins(self) -> int:
        """How often somebody has logged in."""
        return self.log.read_text().count("Accepted publickey")

    def source(self, **options: Any) -> SshSource:
        """The configuration of a source that asks this host."""
        strict = ("-oStrictHostKeyChecking=yes", "-oGlobalKnownHostsFile=/dev/null")
        quick = "-oKexAlgorithms=curve25519-sha256"
        usual = {
            "type": "ssh",
            "name": "far",
            "host": f"{getuser()}@127.0.0.1",
            "port": self.port,
            "identity_file": str(self.key),
            "ssh": ["ssh", "-F", "none", f"-oUserKnownHostsFile={self.known_hosts}", *strict, quick],
            "command": [*MAILTOP, "--config", str(self.config)],
            "timeout_seconds": 20.0,
        }
        return msgspec.convert(usual | options, SshSource)

    def _show_by_campaign(self) -> list[dict[str, Any]]:
        """The rows that `mailtop show` prints there, which makes the ledger."""
        done = subprocess.run(
            [*MAILTOP, "show", "queue", "--group=account_campaign", f"--config={self.config}", "--format=json"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=30,
        )
        rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
        return rows

    def _lay_mail_system(self) -> None:
        capture = exim_capture(RUN)
        self.files = capture.count(LISTING)
        before, _ = capture.offsets(LISTING)
        log, spool = self.folder / "mainlog", self.folder / "spool"
        log.write_bytes(gzip.decompress((capture.folder / "mainlog.gz").read_bytes())[:before])
        capture.unpack_spool(LISTING, spool)
        self.config.write_text(
            f'[[source]]\ntype = "local"\nname = "mx"\nmta = "exim"\nlog = "{log}"\nspool = "{spool}"\n'
            f'ledger = "sqlite://{self.ledger}"\n'
        )

    def _new_key(self, name: str) -> Path:
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
        return path

    def _is_listening(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
            return True
        return False


def _free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        port: int = each.getsockname()[1]
        return port
