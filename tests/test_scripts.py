"""What the scripts of a fresh clone say where something is missing: one sentence, whatever it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"

OLD = "exit 1"
NO_VENV = 'case "$*" in *ensurepip*) exit 1 ;; esac'
FULL_DISK = 'case "$*" in *"-m venv"*) echo "[Errno 28] No space left on device"; exit 1 ;; esac'
PIP_SAYS = """
case "$*" in *"-m venv"*)
    mkdir -p "{bin}"
    printf '#!/bin/sh\\necho "{words}"; exit 1\\n' >"{bin}/python"
    chmod +x "{bin}/python" ;;
esac
"""
NO_NETWORK = "WARNING: NewConnectionError: no way\\nERROR: No matching distribution found for anyio"
WRONG_HASH = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\\n    Expected sha256 0"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The scripts of a clone in a folder with a blank in its name."""
    root = tmp_path / "my mail"
    (root / "scripts").mkdir(parents=True)
    for name in ("run", "setup.sh"):
        shutil.copy(SCRIPTS / name, root / "scripts")
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (root / name).write_text(name)
    return root


def first_start(clone: Path, python: str, script: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the script with `python` as the body of every Python there is, without HOME."""
    programs = clone.parent / "programs"
    programs.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        program = programs / name
        program.write_text(f"#!/bin/sh\n{python}\n")
        program.chmod(0o755)
    env = {"PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run([script or clone / "scripts" / "run"], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "python, sentence",
    [
        (OLD, "Python 3.11 to 3.14 is needed and none of them was found"),
        (NO_VENV, "python3 lacks its venv module"),
        (FULL_DISK, ".venv cannot be made: [Errno 28] No space left on device"),
        (NO_NETWORK, "no package index can be reached, so what requirements.lock names cannot be installed"),
        (WRONG_HASH, "what requirements.lock names cannot be installed: THESE PACKAGES DO NOT MATCH THE HASHES"),
    ],
    ids=["old", "no venv", "full disk", "no network", "wrong hash"],
)
def test_what_is_missing_is_one_sentence(clone: Path, python: str, sentence: str) -> None:
    if python in (NO_NETWORK, WRONG_HASH):
        python = PIP_SAYS.format(bin=clone / ".venv" / "bin", words=python.replace("\\n", "\\\\n"))
    done = first_start(clone, python)
    *before, last = done.stderr.splitlines()
    assert done.returncode == 1 and done.stdout == ""
    assert last.startswith("mailtop: ") and sentence in last
    assert before in ([], [f"mailtop: setting up {clone / '.venv'} (once, takes a minute) ..."])


def test_a_folder_that_is_not_ours(clone: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    clone.chmod(0o555)
    done = first_start(clone, "")
    clone.chmod(0o755)
    assert (
        done.stderr
        == f"mailtop: {clone} cannot be written to, and .venv must be made there once; clone it where you may write\n"
    )


def test_it_is_found_through_a_link(clone: Path, tmp_path: Path) -> None:
    link = tmp_path / "mailtop"
    link.symlink_to(clone / "scripts" / "run")
    assert first_start(clone, FULL_DISK, link).stderr.startswith(f"mailtop: setting up {clone / '.venv'} ")


def test_every_script_finds_its_setup_through_a_link() -> None:
    sources = [path.read_text() for path in SCRIPTS.iterdir() if path.is_file()]
    assert all('readlink -f -- "$0"' in text for text in sources if '/setup.sh"' in text)
