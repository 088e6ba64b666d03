"""A forked command of mailtop says and does what one that is started does, and the tests' end is its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.forked import Forks, forks
from tui.cli.arguments import Exit


@pytest.mark.parametrize("arguments", [["--version"], ["show", "queue"], ["show", "nothing"]])
def test_what_is_forked_says_what_is_started_says(arguments: list[str], tmp_path: Path) -> None:
    environ = PostfixInFiles(tmp_path).environment()
    told = subprocess.run(
        [*MAILTOP, *arguments], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    done = forks().run(arguments, environ)
    assert (done.returncode, done.stdout, done.stderr) == (told.returncode, told.stdout, told.stderr)


def test_each_has_its_own_variables_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.toml", "b.toml"):
        done = forks().run(["config", "path"], {**os.environ, "MAILTOP_CONFIG": name})
        assert (done.returncode, done.stdout) == (Exit.USAGE, ""), "there is no such file"
        assert done.stderr.startswith(f"mailtop: {name}: ")
    (tmp_path / "a.toml").touch()
    done = forks().run(["config", "path"], {**os.environ, "MAILTOP_CONFIG": "a.toml"})
    assert (done.returncode, done.stdout.endswith("a.toml\n")) == (Exit.OK, True)


def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")
    own, environ = Forks(), {**os.environ, "MAILTOP_CONFIG": str(tmp_path / "never")}
    with pytest.raises(subprocess.TimeoutExpired):
        own.run(["config", "show"], environ, timeout=0.5)
    assert own.run(["--version"], environ).returncode == Exit.OK
    own.close()


def test_python_itself_is_started_where_it_is_to_be_another() -> None:
    assert forks().takes({**os.environ, "MAILTOP_CONFIG": "a"})
    assert not forks().takes({**os.environ, "PYTHONWARNINGS": "error"})
    assert not forks().takes({**os.environ, "LC_ALL": "tr_TR.UTF-8"})
