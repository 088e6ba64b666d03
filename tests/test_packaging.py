"""What is built and given away: the same bytes twice, everything in it that is needed, licences that allow it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
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


def named(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9_.-]+", text) for text in requirements)
    return {match[0].lower().replace("_", "-") for match in found if match and not match[0].startswith("mailtop")}


def needed() -> list[str]:
    """Every package that comes with mailtop and its extras, as far as it is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = named(
        [*project["dependencies"], *(text for each in project["optional-dependencies"].values() for text in each)]
    )
    seen: set[str] = set()
    while waiting - seen:
        name = min(waiting - seen)
        seen.add(name)
        try:
            waiting |= named([text for text in distribution(name).requires or () if "extra ==" not in text])
        except PackageNotFoundError:
            continue  # for another system or an older Python, or of an extra that is not installed
    return sorted(name for name in seen if is_installed(name))


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


@pytest.mark.parametrize("name", needed())
def test_every_licence_allows_to_be_given_away_with_mailtop(name: str) -> None:
    about = distribution(name).metadata
    told = " ".join(
        [
            *about.get_all("License-Expression", []),
            *(text[:60] for text in about.get_all("License", [])),  # some put the whole text there
            *(text for text in about.get_all("Classifier", []) if text.startswith("License ::")),
        ]
    )
    assert PERMISSIVE.search(told), told
    assert not re.search(r"\b[AL]?GPL|General Public", told), told


def test_the_version_says_what_was_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"mailtop \d+\.\d+\.\d+\S*( \([0-9a-f]{12}\))?, Python 3\.\d+\.\S+\n", capsys.readouterr().out)
