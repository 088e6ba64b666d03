"""Gets real mail systems without installing them: Debian packages, downloaded and unpacked once into a cache."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

LIST = Path(__file__).with_name("unpacked.txt")
SECONDS = 180


class Unavailable(Exception):
    """A real mail system cannot be run here; the text says in a sentence why."""


def cache_folder() -> Path:
    """Where unpacked packages are kept: ``MAILTOP_TEST_CACHE``, else the platform's cache folder."""
    named = os.environ.get("MAILTOP_TEST_CACHE")
    return Path(named).resolve() if named else platformdirs.user_cache_path("mailtop-tests")


def unpacked(name: str) -> Path:
    """The folder that holds what ``unpacked.txt`` lists under ``name``, downloaded and unpacked if it is not there yet.

    Raises ``Unavailable`` when this machine has no ``apt-get`` and ``dpkg``, or a download fails.
    """
    for tool in ("apt-get", "apt-cache", "dpkg"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool} here to get {name} with")
    _, suite, *packages = next(line.split() for line in LIST.read_text().splitlines() if line.startswith(f"{name} "))
    folder = cache_folder() / f"{_release()}-{name}"
    with _locked(cache_folder()):
        if not folder.exists():
            scratch = folder.with_suffix(".new")
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            _download(suite, packages, scratch)
            _unpack(scratch)
            scratch.rename(folder)
    return folder


def _download(suite: str, packages: list[str], into: Path) -> None:
    """Download packages, and from the machine's own suite what they depend on and the machine lacks."""
    known = subprocess.run(["apt-cache", "show", *packages], capture_output=True, check=False, timeout=SECONDS)
    own = [] if known.returncode == 0 else _lists("own")
    plan = _run(["apt-get", *own, "-s", "install", "--no-install-recommends", *packages])
    lacking = set(re.findall(r"^Inst (\S+)", plan, re.M)) - set(packages)
    if suite == "backports":
        release = f"{_release()}-backports"
        keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
        options = _lists(suite, f"deb [signed-by={keys}] {_mirror()} {release} main\n")
        _run(["apt-get", *options, "download", *(f"{package}/{release}" for package in packages)], into)
        packages = []
    if names := [*packages, *sorted(lacking)]:
        _run(["apt-get", *own, "download", *names], into)


def _lists(name: str, sources: str | None = None) -> list[str]:
    """Options for ``apt-get`` that let it use package lists of our own, just updated, of these or its own sources."""
    apt = cache_folder() / f"apt-{name}"
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}"]
    if sources is not None:
        (apt / "sources.list").write_text(sources)
        options += ["-o", f"Dir::Etc::sourcelist={apt}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null"]
    _run(["apt-get", *options, "update"])
    return options


def _unpack(folder: Path) -> None:
    """Unpack the packages in ``folder`` there; what they hold for ``/lib`` goes where that leads today."""
    for package in folder.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(folder)])
        package.unlink()
    for old in ("lib", "bin", "sbin"):
        if (folder / old).exists():
            shutil.copytree(folder / old, folder / "usr" / old, symlinks=True, dirs_exist_ok=True)


def _mirror() -> str:
    """The mirror of Debian that the machine's own sources name first."""
    folder = Path("/etc/apt/sources.list.d")
    for path in [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.sources")), *sorted(folder.glob("*.list"))]:
        text = path.read_text() if path.exists() else ""
        if found := re.search(r"^(?:URIs:\s*|deb (?:\[[^]]*\] )?)(\S+debian/?)(?:\s|$)", text, re.M):
            return found[1]
    raise Unavailable("the machine's apt sources name no mirror of Debian to take backports from")


def _release() -> str:
    """The code name of the machine's release."""
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", Path("/etc/os-release").read_text(), re.M)
    return found[1] if found else "unknown"


def _run(argv: list[str], folder: Path | None = None) -> str:
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{argv[0]} took longer than {SECONDS} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise Unavailable(f"{argv[0]} could not get {' '.join(argv[-2:])}: {said[-1]}")
    return done.stdout


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Only one test run at a time fills the cache."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
