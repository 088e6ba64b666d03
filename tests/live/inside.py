"""The first process of a private world: lays an unpacked mail system over the machine, then reaps until its stdin
closes.

usage (as root, in new mount, network, pid and uts namespaces): inside.py UNPACKED
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCSIFFLAGS = 0x8914
SCRATCH = Path("/media")
USERS = "Debian-exim:x:9101:9101::/tmp:/usr/sbin/nologin\npostfix:x:9102:9102::/tmp:/usr/sbin/nologin\n"
GROUPS = "Debian-exim:x:9101:\npostfix:x:9102:\npostdrop:x:9103:\n"
HOSTS = """127.0.0.1 localhost mx.exp.test
127.0.0.11 mx1.gmail.test
127.0.0.12 mx1.yahoo.test
127.0.0.13 mx1.outlook.test
127.0.0.14 mx1.corp.test
127.0.0.15 mx1.down.test
"""


def mount(*argv: str) -> None:
    """Mount something that only this namespace sees."""
    subprocess.run(["mount", *argv], check=True)


def overlay(folder: str, *above: str) -> None:
    """Make ``folder`` writable without touching the machine's; the folders ``above`` are laid over it first."""
    upper, work = SCRATCH / folder.replace("/", "_"), SCRATCH / f"{folder.replace('/', '_')}.work"
    upper.mkdir()
    work.mkdir()
    layers = ":".join([*above, folder])
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={layers},upperdir={upper},workdir={work}", folder)


def bring_up(interface: str) -> None:
    """Set a network interface's flags IFF_UP and IFF_RUNNING (``ip`` may not be installed)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", interface.encode(), 0x1 | 0x40))


def build(unpacked: str) -> None:
    """Lay out the world: the packages' ``/usr``, a writable ``/etc``, empty spools, logs and homes, a loopback."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(SCRATCH))
    overlay("/usr", f"{unpacked}/usr")
    overlay("/etc")
    overlay("/var")
    overlay("/run")
    for folder in ("/var/spool", "/var/log", "/var/mail"):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    (SCRATCH / "home").mkdir()
    for path, more in (("/etc/passwd", USERS), ("/etc/group", GROUPS)):
        with Path(path).open("a") as file:
            file.write(more)
    Path("/etc/hosts").write_text(HOSTS)
    socket.sethostname("mx.exp.test")
    bring_up("lo")


def main() -> None:
    """Build the world and hold it open. When this process ends, the kernel ends every other one in it."""
    build(sys.argv[1])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then reaps the orphans that this process inherits
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.read(0, 1)


if __name__ == "__main__":
    main()
