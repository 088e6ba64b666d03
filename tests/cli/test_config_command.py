"""`mailtop config` as people run it: begin, find, explain, describe; and that it never shows a secret."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import MAILTOP
from tui.cli import config as config_command
from tui.cli.arguments import Exit
from tui.cli.main import main
from tui.config import Config, LocalSource, load
from tui.config.example import example

ROOT = Path(__file__).parent.parent.parent
TOKEN = "HUNTER2HUNTER2"


class Home:
    """A user's folder without any configuration, and what the command answers there."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.usual = folder / "xdg" / "mailtop" / "config.toml"
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, standard output, and standard error without the program's name."""
        self._capsys.readouterr()
        code = main(["config", *arguments])
        out, err = self._capsys.readouterr()
        return code, out, err.removeprefix("mailtop: ")

    def write(self, text: str, name: str = "c.toml") -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Home]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("MAILTOP_CONFIG", raising=False)
    monkeypatch.setattr(config_command, "found_sources", tuple)
    umask = os.umask(0o002)
    yield Home(tmp_path, capsys)
    os.umask(umask)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_writes_the_example_for_its_owner_alone(home: Home) -> None:
    code, out, err = home.run("init")
    assert (code, out) == (Exit.OK, "")
    assert err == f"wrote {home.usual}; everything in it is commented out, so nothing changes until you edit it\n"
    assert home.usual.read_text() == example()
    assert [mode(each) for each in (home.usual, home.usual.parent, home.usual.parent.parent)] == [0o600, 0o700, 0o700]
    assert load(home.usual) == Config()


def test_init_overwrites_nothing(home: Home) -> None:
    path = home.write("theme = 'own'")
    code, out, err = home.run("init", "--config", path)
    assert (code, out) == (Exit.USAGE, "")
    assert err == (
        f"{path}: this file is there already and was left as it is; "
        "write the example to another place with --config FILE\n"
    )
    assert Path(path).read_text() == "theme = 'own'"
    (home.folder / "dangling").symlink_to(home.folder / "nowhere")
    assert home.run("init", "--config", str(home.folder / "dangling"))[0] == Exit.USAGE
    assert not (home.folder / "nowhere").exists()


def test_init_that_cannot_write_is_a_sentence_and_leaves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write("", "file")
    path = home.folder / "file" / "config.toml"
    assert home.run("init", "--config", str(path)) == (
        Exit.OUTPUT,
        "",
        f"{path} could not be written: Not a directory\n",
    )
    limited = f"ulimit -f 1; trap '' XFSZ; exec {' '.join(MAILTOP)} config init --config {home.folder}/limited.toml"
    done = subprocess.run(["/bin/sh", "-c", limited], capture_output=True, text=True, check=False)
    assert done.returncode == Exit.OUTPUT
    assert done.stderr == f"mailtop: {home.folder}/limited.toml could not be written: File too large\n"
    assert not (home.folder / "limited.toml").exists()


def test_path_says_which_file_and_why(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.run("path") == (
        Exit.USAGE,
        "",
        f"{home.usual}: there is no configuration, and none is needed; begin one with: mailtop config init\n",
    )
    home.run("init")
    assert home.run("path") == (Exit.OK, f"{home.usual}\n", "this file is read, since it is the usual place\n")
    other = home.write("")
    monkeypatch.setenv("MAILTOP_CONFIG", other)
    why = "this file is read, since the variable MAILTOP_CONFIG names it\n"
    assert home.run("path") == (Exit.OK, f"{other}\n", why)
    option = home.write("", "option.toml")
    assert home.run("path", "--config", option) == (
        Exit.OK,
        f"{option}\n",
        "this file is read, since --config names it\n",
    )
    assert home.run("path", "--config", "/none.toml") == (
        Exit.USAGE,
        "",
        "/none.toml: the configuration cannot be read: No such file or directory\n",
    )


def test_show_without_a_file_says_the_defaults(home: Home) -> None:
    code, out, err = home.run("show")
    assert (code, err) == (Exit.OK, "")
    assert out.splitlines() == [
        f"# no file is read: there is no {home.usual}",
        "",
        "interval = 2.0".ljust(44) + " # default",
        'theme = "mailtop-dark"'.ljust(44) + " # default",
        "mouse = true".ljust(44) + " # default",
        "lite = false".ljust(44) + " # default",
        "keys = {}".ljust(44) + " # default",
        "",
        "# no source: none is configured, and no mail system was found on this host",
    ]


def test_show_says_the_mail_systems_of_this_host(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        config_command, "found_sources", lambda: (LocalSource(name="exim", mta="exim"), LocalSource(name="postfix"))
    )
    code, out, _ = home.run("show")
    assert code == Exit.OK
    sources = tomllib.loads(out)["source"]
    assert [(each["type"], each["name"]) for each in sources] == [("local", "exim"), ("local", "postfix")]
    assert sources[0]["ledger"].startswith("sqlite:///")
    lines = {" ".join(line.split()) for line in out.splitlines()}
    assert {'mta = "exim" # found on this host', "minutes_kept_hours = 24 # default"} <= lines


def test_show_says_the_origin_of_each_value_and_options_win(home: Home) -> None:
    path = home.write('interval = 7\n\n[[source]]\ntype = "cpanel"\nlogin = "cli"\ncolor = "red"\n')
    code, out, err = home.run("show", "--config", path, "--theme", "mine")
    assert (code, err) == (Exit.OK, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == f"# {path} is read, since --config names it"
    for line in (
        "interval = 7.0 # c.toml:1",
        'theme = "mine" # option --theme',
        'login = "cli" # c.toml:5',
        'color = "red" # c.toml:6',
        "interval_seconds = 7.0 # default: interval",
        "# proxy is not set # default",
    ):
        assert line in lines


def test_what_is_shown_can_be_read_again(home: Home) -> None:
    shown = home.run("show", "--config", str(ROOT / "tests" / "data" / "config" / "valid" / "two_named.toml"))[1]
    again = Path(home.write(shown))
    assert [(source.name, source.mta) for source in load(again).source if isinstance(source, LocalSource)] == [
        ("in", "postfix"),
        ("out", "exim"),
    ]


def test_show_of_a_wrong_file_or_option_is_the_usual_sentence(home: Home) -> None:
    path = home.write("intervall = 2")
    assert home.run("show", "--config", path) == (
        Exit.USAGE,
        "",
        f"{path}: intervall is not a known key: did you mean interval?\n",
    )
    assert home.run("show", "--interval", "0")[0] == Exit.USAGE


def test_show_never_shows_a_secret(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_file = home.write(TOKEN, "token")
    Path(secret_file).chmod(0o600)
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    for key in (
        f'token_file = "{secret_file}"',
        'token_env = "MY_TOKEN"',
        f'token_command = ["echo", "{TOKEN}"]',
        f'token_command = ["sh", "-c", "echo {TOKEN}"]',
    ):
        path = home.write(f'[[source]]\ntype = "sender_queue"\nurl = "https://a.example"\n{key}\n')
        code, out, err = home.run("show", "--config", path)
        assert (code, err) == (Exit.OK, "")
        assert TOKEN not in out
        assert key.split(", ")[0] in out


def test_schema_is_json_for_programs(home: Home) -> None:
    code, out, err = home.run("schema")
    assert (code, err) == (Exit.OK, "")
    assert json.loads(out)["$defs"]["Config"]["properties"]["interval"]["default"] == 2.0


@pytest.mark.parametrize("what", ["show", "schema", "path"])
def test_output_that_cannot_be_written_is_a_sentence(what: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").touch()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MAILTOP, "config", what, "--config", str(tmp_path / "c.toml")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == Exit.OUTPUT
    assert done.stderr == "mailtop: the output could not be written: No space left on device\n"


def test_show_says_the_keys_and_what_is_wrong_with_them(home: Home) -> None:
    path = home.write('[[source]]\ntype = "demo"\n\n[keys]\nzoom = ["w"]\nzom = ["v"]\nnext = ["e"]\n')
    code, out, _ = home.run("show", "--config", path)
    assert code == Exit.OK
    assert 'keys = { "zoom" = ["w"], "zom" = ["v"], "next" = ["e"] }  # c.toml:4\n' in out
    assert "\n# keys.zom: there is no such command; did you mean zoom?\n" in out
    assert '\n# keys.next: "e" is a key of next-problem too' in out
    assert tomllib.loads(out)["keys"]["zoom"] == ["w"]
