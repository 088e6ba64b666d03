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

LIST = Path(__file__).with_name("packages.txt")
SECONDS = 180


class Unavailable(Exception):
    """A real mail system cannot be run here; the text says in a sentence why."""


def cache_folder() -> Path:
    """Where unpacked packages are kept: ``MAILTOP_TEST_CACHE``, else the platform's cache folder."""
    named = os.environ.get("MAILTOP_TEST_CACHE")
    return Path(named).resolve() if named else platformdirs.user_cache_path("mailtop-tests")


def unpacked(name: str) -> Path:
    """The folder that holds what ``packages.txt`` lists under ``name``, downloaded and unpacked if it is not there yet.

    Raises ``Unavailable`` when this machine has no ``apt-get`` and ``dpkg``, or a download fails.
    """
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool} here to get {name} with")
    wanted = [line.split() for line in LIST.read_text().splitlines() if line.startswith(f"{name} ")]
    folder = cache_folder() / f"{_release()['VERSION_CODENAME']}-{name}"
    with _locked(cache_folder()):
        if folder.exists():
            return folder
        scratch = folder.with_suffix(".new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for suite in sorted({suite for _, suite, _ in wanted}):
            _download(suite, [package for _, wants, package in wanted if wants == suite], scratch)
        for package in scratch.glob("*.deb"):
            _run(["dpkg", "-x", str(package), str(scratch)])
            package.unlink()
        scratch.rename(folder)
    return folder


def _download(suite: str, packages: list[str], into: Path) -> None:
    """Download packages of the machine's own suites (``-``) or its backports, with lists of our own where needed."""
    if suite == "-" and shutil.which("apt-cache") and _known(packages):
        _run(["apt-get", "download", "-qq", *packages], into)
        return
    apt = cache_folder() / f"apt-{suite.strip('-') or 'own'}"
    (apt / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (apt / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={apt}/lists", "-o", f"Dir::Cache={apt}", "-qq"]
    if suite == "backports":
        release = f"{_release()['VERSION_CODENAME']}-backports"
        source = apt / "sources.list"
        keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
        source.write_text(f"deb [signed-by={keys}] {_mirror()} {release} main\n")
        options += ["-o", f"Dir::Etc::sourcelist={source}", "-o", "Dir::Etc::sourceparts=/dev/null"]
        packages = [f"{package}/{release}" for package in packages]
    _run(["apt-get", *options, "update"])
    _run(["apt-get", *options, "download", *packages], into)


def _known(packages: list[str]) -> bool:
    shown = subprocess.run(["apt-cache", "show", *packages], capture_output=True, check=False, timeout=SECONDS)
    return shown.returncode == 0


def _mirror() -> str:
    """The mirror of Debian that the machine's own sources name first."""
    folder = Path("/etc/apt/sources.list.d")
    for path in [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.sources")), *sorted(folder.glob("*.list"))]:
        text = path.read_text() if path.exists() else ""
        if found := re.search(r"^(?:URIs:\s*|deb (?:\[[^]]*\] )?)(\S+debian/?)(?:\s|$)", text, re.M):
            return found[1]
    raise Unavailable("the machine's apt sources name no mirror of Debian to take backports from")


def _release() -> dict[str, str]:
    pairs = (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    return {"VERSION_CODENAME": "unknown", **{key: value.strip('"') for key, _, value in pairs}}


def _run(argv: list[str], folder: Path | None = None) -> None:
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{' '.join(argv[:2])} took longer than {SECONDS} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise Unavailable(f"{argv[0]} could not get {' '.join(argv[-3:])}: {said[-1]}")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Only one test run at a time fills the cache."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
