"""What a figure belongs to: the machine, its load, and the versions of what was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from tui.cli.version import version

PACKAGES = ("textual", "plotext", "msgspec", "httpx")
PROGRAMS = ("eximstats", "htop", "btop", "perl")


def main() -> None:
    """Print a line each."""
    cpu = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal: +(\d+)", Path("/proc/meminfo").read_text(), re.M)
    release = re.search(r'^PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text(), re.M)
    print(version())
    print(
        f"{cpu[1] if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "", release[1] if release else "", platform.release())
    print(f"Python {platform.python_version()} ({platform.python_compiler()})", *map(_package, PACKAGES), sep=", ")
    for program in filter(shutil.which, PROGRAMS):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
        number = re.search(r"\d+\.\d[\w.]*", said)
        print(f"{program} {number[0] if number else ''}".rstrip())


def _package(name: str) -> str:
    return f"{name} {importlib.metadata.version(name)}"


if __name__ == "__main__":
    main()
