"""`--debug FILE`: what mailtop does, line by line, in a file that nobody else can read."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.pty_driver import Terminal
from tui.cli import debug
from tui.cli.arguments import Exit
from tui.config import ConfigError

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [a-z]+\[\d+\] mailtop[a-z.]*: .+$")


@pytest.fixture
def postfix(tmp_path: Path) -> PostfixInFiles:
    return PostfixInFiles(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "debug.log"


@pytest.fixture
def started(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The log, taken down again after the test."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    debug.start(argparse.Namespace(debug=str(file), command="show"))
    yield
    logger = logging.getLogger(debug.LOGGER)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_file_is_private_and_holds_a_line_for_each_thing_done(postfix: PostfixInFiles, file: Path) -> None:
    for _ in range(2):
        assert postfix.run("show", "queue", "--debug", str(file)).returncode == Exit.OK
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    assert all(LINE.match(line) for line in lines), lines
    assert sum(" began: show queue --debug " in line for line in lines) == 2
    assert sum(f"the configuration is read from {postfix.config}" in line for line in lines) == 2


def test_every_process_of_the_screen_writes_to_the_same_file(postfix: PostfixInFiles, file: Path) -> None:
    with Terminal([*MAILTOP, "--debug", str(file)], env=postfix.environment()) as terminal:
        terminal.wait_for("2 recipients in 1 queue file")
        terminal.press("q")
        assert terminal.wait_exit() == Exit.OK
    lines = file.read_text().splitlines()
    assert all(LINE.match(line) for line in lines), lines
    assert {line.split()[1].split("[")[0] for line in lines} >= {"monitor", "hub", "collect"}


@pytest.mark.usefixtures("started")
def test_line_is_one_line_and_clean_whatever_is_logged(file: Path) -> None:
    logger = logging.getLogger("mailtop.http")
    logger.debug("from %s", "a\nb\x1b]52;c;\x07\u202e\udc80")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.debug("failed", exc_info=True)
    lines = file.read_text().splitlines()
    assert all(LINE.match(line) for line in lines), lines
    assert "from a | b�]52;c;���" in lines[-2]
    assert "failed | Traceback" in lines[-1]


@pytest.mark.usefixtures("started")
def test_only_our_own_loggers_are_written(file: Path) -> None:
    for name in ("httpx", "httpcore", "asyncio", "mailtopping"):
        logging.getLogger(name).debug("Authorization: Bearer abc")
    assert "Bearer" not in file.read_text()


def test_failing_disk_ends_the_log_and_nothing_else(postfix: PostfixInFiles, file: Path) -> None:
    limited = ["sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", *MAILTOP]
    done = postfix.run("config", "path", "--debug", str(file), argv=limited)
    assert (done.returncode, done.stdout) == (Exit.OK, f"{postfix.config}\n")
    assert file.read_text() == ""


def test_failure_of_mailtop_itself_stands_in_the_file(postfix: PostfixInFiles, file: Path) -> None:
    program = (
        "import sys; from tui.cli import main, show\n"
        "def fail(options): raise RuntimeError('on purpose')\n"
        "show.run = fail; main.main(sys.argv[1:])"
    )
    done = postfix.run("show", "queue", "--debug", str(file), argv=[sys.executable, "-c", program])
    assert done.returncode == Exit.FAILED
    assert "RuntimeError: on purpose" in done.stderr
    assert "RuntimeError: on purpose" in file.read_text().splitlines()[-1]


def test_file_that_is_not_ours_alone_is_refused(tmp_path: Path) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            debug.start(argparse.Namespace(debug=str(path), command="show"))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    there = tmp_path / "there"
    there.write_text("kept")
    there.chmod(0o644)
    assert "open to others" in refused(there)
    there.chmod(0o600)
    (tmp_path / "link").symlink_to(there)
    assert "symbolic link" in refused(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert refused(tmp_path / "pipe").startswith("--debug: ")
    assert "Is a directory" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "none" / "x")
    assert "ordinary file" in refused(Path(os.devnull))
    assert there.read_text() == "kept"
