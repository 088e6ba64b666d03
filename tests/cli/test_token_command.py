"""`mailtop token` as people run it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import PostfixInFiles
from tui.cli import token as token_command
from tui.cli.arguments import Exit
from tui.cli.main import main
from tui.cli.output import OutputError
from tui.serve.tokens import TokenStore


class Command:
    """`mailtop token` with a file of its own."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(["token", *arguments, "--tokens", str(self.path)])
        return code, *self._capsys.readouterr()


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path / "new" / "tokens.json", capsys)


def test_new_prints_the_token_alone(command: Command) -> None:
    code, out, err = command.run("new", "shop")
    assert code == Exit.OK
    assert re.fullmatch(r"mailtop_[A-Za-z0-9_-]{43}\n", out)
    assert err == f"mailtop: this token is shown only now; its hash is in {command.path}\n"
    found = TokenStore(command.path).find(out.strip())
    assert found is not None and (found.name, found.accounts) == ("shop", None)


def test_what_a_token_opens_can_be_narrowed_and_is_listed(command: Command) -> None:
    command.run("new", "all")
    command.run("new", "some", "--account", "bob", "--account=-remote-", "--only", "totals")
    code, out, err = command.run("list")
    assert (code, err) == (Exit.OK, "")
    lines = [re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "…", line) for line in out.splitlines()]
    assert [re.sub(" +", " ", line) for line in lines] == [
        "NAME OPENS CREATED ACCOUNTS",
        "all totals, queue … all",
        "some totals … bob, -remote-",
    ]
    code, out, _ = command.run("list", "--format", "json")
    told = json.loads(out)
    assert told["schema"] == 1
    assert [(each["name"], each["only"], each["accounts"]) for each in told["tokens"]] == [
        ("all", None, None),
        ("some", "totals", ["bob", "-remote-"]),
    ]
    assert "sha256" not in out


def test_nothing_to_list(command: Command) -> None:
    assert command.run("list") == (Exit.OK, "NAME  OPENS  CREATED  ACCOUNTS\n", "")
    assert json.loads(command.run("list", "--format=json")[1]) == {"schema": 1, "tokens": []}
    assert not command.path.parent.exists()


def test_revoke(command: Command) -> None:
    secret = command.run("new", "shop")[1].strip()
    assert command.run("revoke", "shop") == (
        Exit.OK,
        "",
        'mailtop: the token "shop" is revoked; it opens nothing any more\n',
    )
    assert TokenStore(command.path).find(secret) is None
    code, out, err = command.run("revoke", "shop")
    assert (code, out) == (Exit.USAGE, "")
    assert err == 'mailtop: no token is called "shop"; there is no token at all\n'


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["new", "a b"], 'NAME: "a b" is no name for a token'),
        (["new", ""], 'NAME: "" is no name for a token'),
        (["new", "\x1b[31m"], 'NAME: "\ufffd[31m" is no name for a token'),
        (["new", "b", "--account", ""], "--account: expected the name of an account"),
        (["new", "a"], 'there is a token called "a" already'),
        (["revoke", "\x1b]0;x"], 'no token is called "\ufffd]0;x"; there is a'),
    ],
)
def test_what_cannot_be_done_is_said(command: Command, arguments: list[str], sentence: str) -> None:
    command.run("new", "a")
    code, out, err = command.run(*arguments)
    assert (code, out) == (Exit.USAGE, "")
    assert err.startswith(f"mailtop: {sentence}")


def test_a_file_that_others_may_read_is_refused(command: Command) -> None:
    command.run("new", "a")
    command.path.chmod(0o644)
    for arguments in (["list"], ["new", "b"], ["revoke", "a"]):
        code, out, err = command.run(*arguments)
        assert (code, out) == (Exit.USAGE, "")
        assert "is open to others than its owner; close it with: chmod 600" in err


def test_a_place_that_cannot_be_written(command: Command) -> None:
    command.path.parent.touch()
    code, out, err = command.run("new", "a")
    assert (code, out) == (Exit.OUTPUT, "")
    assert "cannot be written: File exists" in err


def test_a_token_that_nobody_could_read_is_taken_back(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("the output could not be written: No space left on device")

    monkeypatch.setattr(token_command, "write", full)
    assert command.run("new", "a")[0] == Exit.OUTPUT
    assert TokenStore(command.path).list() == ()


def test_tokens_need_no_server_and_no_configuration(tmp_path: Path) -> None:
    mail = PostfixInFiles(tmp_path)
    mail.config.write_text("broken [")
    program = (
        "import sys\nfor name in ('starlette', 'uvicorn'): sys.modules[name] = None\n"
        "from tui.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    done = mail.run("token", "new", "a", "--tokens", str(tmp_path / "t.json"), argv=[sys.executable, "-c", program])
    assert (done.returncode, len(done.stdout.split())) == (0, 1), done.stderr
