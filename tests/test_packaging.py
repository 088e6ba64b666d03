"""What is built and given away: the same bytes twice, everything in it that is needed, licences that allow it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tui.cli.main import main

ROOT = Path(__file__).parent.parent
THEMES = sorted(path.name for path in (ROOT / "themes").glob("*.toml"))
PAGES = sorted(path.name for path in (ROOT / "tui" / "web" / "pages").iterdir())
PERMISSIVE = re.compile(r"\b(MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|0BSD|Unlicense)\b", re.I)
"""Licences of what may come with a program under MIT; MPL binds only changes to its own files."""

COPYLEFT = re.compile(r"\b[AL]?GPL|General Public", re.I)
FOR_TESTS_ALONE = {"pyte", "cpanel-api"}
"""Given to nobody: the one is under the LGPL, the other does not say its licence."""


def built(target: str, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder],
        cwd=ROOT,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        check=True,
    )
    (made,) = folder.iterdir()
    return made


def test_a_wheel_is_the_same_twice_and_has_all_that_runs(tmp_path: Path) -> None:
    wheels = [built("wheel", tmp_path / name) for name in ("first", "second")]
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    names = set(zipfile.ZipFile(wheels[0]).namelist())
    assert {f"tui/themes/{name}" for name in THEMES} | {f"tui/web/pages/{name}" for name in PAGES} <= names
    assert not [name for name in names if not name.startswith(("tui/", "mailtop-"))]
    assert any(name.endswith("/share/man/man1/mailtop.1") for name in names)


def test_a_source_distribution_has_what_is_built_from_it(tmp_path: Path) -> None:
    made = built("sdist", tmp_path / "made")
    with tarfile.open(made) as files:
        names = {name.split("/", 1)[1] for name in files.getnames()}
    assert {"pyproject.toml", "hatch_build.py", "LICENSE", "README.md", "docs/mailtop.1", "tui/__main__.py"} <= names
    assert {f"themes/{name}" for name in THEMES} | {"requirements.lock", "requirements-dev.lock"} <= names


def locked(lock: str) -> list[str]:
    """Every package that a lock file names, as far as it is installed here: others are for another system or Python."""
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / lock).read_text(), re.M)
    assert names
    return [name for name in names if is_installed(name)]


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def licence(name: str) -> str:
    """What a package says of its licence."""
    about = distribution(name).metadata
    return " ".join(
        [
            *about.get_all("License-Expression", []),
            *(text[:60] for text in about.get_all("License", [])),  # some put the whole text there
            *(text for text in about.get_all("Classifier", []) if text.startswith("License ::")),
        ]
    )


@pytest.mark.parametrize("name", locked("requirements.lock"))
def test_every_licence_allows_to_be_given_away_with_mailtop(name: str) -> None:
    told = licence(name)
    assert PERMISSIVE.search(told), told
    assert not COPYLEFT.search(told), told


@pytest.mark.parametrize("name", sorted(set(locked("requirements-dev.lock")) - FOR_TESTS_ALONE))
def test_every_licence_of_a_tool_is_one_that_was_looked_at(name: str) -> None:
    told = licence(name)
    assert PERMISSIVE.search(told), told
    assert not COPYLEFT.search(told), told


@pytest.mark.parametrize("name", sorted(FOR_TESTS_ALONE))
def test_what_may_not_be_given_away_is_for_tests_alone(name: str) -> None:
    assert name not in locked("requirements.lock")
    assert name in (ROOT / "requirements-dev.lock").read_text()


def test_every_lock_file_says_what_it_means_by_hash() -> None:
    locks = [*ROOT.glob("*.lock"), *(ROOT / "scripts").glob("*.lock")]
    assert len(locks) == 5
    for lock in locks:
        for entry in re.split(r"\n(?=\S)", lock.read_text().strip()):
            assert re.match(r"[\w.-]+==\S+( ;[^\\]*)? \\\n    --hash=sha256:[0-9a-f]{64}", entry), (
                f"{lock.name}: {entry[:80]}"
            )


def test_the_version_says_what_was_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"mailtop \d+\.\d+\.\d+\S*( \([0-9a-f]{12}\))?, Python 3\.\d+\.\S+\n", capsys.readouterr().out)
