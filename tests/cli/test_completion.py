"""Completions in the shells themselves: a word is begun, Tab is pressed, and the rest of it comes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.pty_driver import Terminal
from tui.cli.arguments import SHELLS, Exit
from tui.cli.completion import completions
from tui.cli.main import main

WORDS = [
    ("mailtop che", "mailtop check"),
    ("mailtop show qu", "mailtop show queue"),
    ("mailtop show queue --gr", "mailtop show queue --group"),
    ("mailtop show queue --account bob --format cs", "mailtop show queue --account bob --format csv"),
    ("mailtop --theme mailtop-pa", "mailtop --theme mailtop-paper"),
    ("mailtop check --source fir", "mailtop check --source first.one"),
    ("mailtop --config only-this", "mailtop --config only-this.toml"),
    ("mailtop ledger reb", "mailtop ledger rebuild"),
    ("mailtop completion z", "mailtop completion zsh"),
]
INTERACTIVE = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
READ = {
    "bash": "source ./completion.bash",
    "zsh": "cp completion.zsh _mailtop; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D",
}

SOURCES = """
[[source]]
type = "demo"
name = "first.one"

[[source]]
type = "demo"
name = "second"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """A home with a configuration, the completions of every shell, and `mailtop` on the way to programs."""
    config = tmp_path / "only-this.toml"
    config.write_text(SOURCES)
    program = tmp_path / "bin" / "mailtop"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui "$@"\n')
    program.chmod(0o755)
    for shell in SHELLS:
        (tmp_path / f"completion.{shell}").write_text(completions(shell))
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    root = str(Path(__file__).parents[2])
    return os.environ | {
        "PATH": path,
        "HOME": str(tmp_path),
        "ZDOTDIR": str(tmp_path),
        "MAILTOP_CONFIG": str(config),
        "PYTHONPATH": root,
        "PS1": "% ",
        "TERM": "xterm",
    }


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@pytest.mark.parametrize("shell", INTERACTIVE)
def test_tab_ends_the_word(shell: str, environment: Mapping[str, str]) -> None:
    needs(shell)
    with Terminal(INTERACTIVE[shell], env=environment) as terminal:
        terminal.type(f"cd; {READ[shell]}; echo rea''dy\r")
        terminal.wait_for("\nready")
        for begun, whole in WORDS:
            terminal.type(f"{begun}\t#")  # the mark shows that Tab is done, and where
            terminal.wait_for(f"{whole} #")
            terminal.press("ctrl+u")


def test_fish_offers_the_word(environment: Mapping[str, str]) -> None:
    needs("fish")
    asked = "; ".join(f'echo "= {begun}"; complete -C "{begun}"' for begun, _ in WORDS)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source ./completion.fish; {asked}"],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        check=True,
    )
    offered = {part.split("\n")[0]: part.split("\n")[1:-1] for part in done.stdout.split("= ")[1:]}
    for begun, whole in WORDS:
        assert [line.split("\t")[0] for line in offered[begun]] == [whole.split()[-1]]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_reads_its_completions_without_a_word(shell: str, environment: Mapping[str, str]) -> None:
    needs(shell)
    done = subprocess.run([shell, "-n", f"{environment['HOME']}/completion.{shell}"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_names_of_sources_are_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.toml"
    config.write_text(SOURCES)
    assert main(["_sources", "--config", str(config)]) == Exit.OK
    assert capsys.readouterr().out == "first.one\nsecond\n"
    config.write_text("nonsense = 1\n")
    assert main(["_sources", "--config", str(config)]) == Exit.USAGE
    assert capsys.readouterr() == ("", "")


def test_the_command_prints_what_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == Exit.OK
    assert capsys.readouterr().out == completions("bash") + "\n"
    assert main(["completion", "tcsh"]) == Exit.USAGE
