"""Where the screen gets its sources from, and the whole of it once in a terminal: screen, hub, collector."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.pty_driver import Terminal
from tui import config
from tui.cli import monitor, sources
from tui.cli.arguments import Exit, parser
from tui.cli.sources import collected
from tui.config import Config, DemoSource, LocalSource
from tui.engine.find import FoundMta
from tui.sources.source import SourceError


class Shown(list[tuple[Config, str]]):
    """What the screen was started with."""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A screen that notes what it is started with, on a host without a mail system and without configuration."""
    shown = Shown()

    def show(config: Config, notice: str, debug_file: str | None) -> int:
        shown.append((config, notice))
        for source in collected(config.source):
            if source.ledger is not None:
                assert Path(source.ledger.removeprefix("sqlite://")).parent.is_dir()
        return Exit.OK

    monkeypatch.setattr(monitor, "no_screen", lambda environ: None)
    monkeypatch.setattr(monitor, "_show", show)
    monkeypatch.setattr(sources, "config_path", lambda option: None)
    found(monkeypatch)
    return shown


def found(monkeypatch: pytest.MonkeyPatch, *systems: FoundMta) -> None:
    def find(source: LocalSource) -> list[FoundMta]:
        return [each for each in systems if source.mta in ("auto", each.mta)]

    monkeypatch.setattr(sources, "find", find)


def run(*arguments: str) -> int:
    return monitor.run(parser().parse_args(arguments))


def test_fresh_host_shows_the_demo_and_says_why(screen: Shown) -> None:
    assert run() == Exit.OK
    [(shown, notice)] = screen
    assert [type(source) for source in shown.source] == [DemoSource]
    assert "No mail system was found" in notice
    [demo] = collected(shown.source)
    assert demo.ledger is not None
    assert not Path(demo.ledger.removeprefix("sqlite://")).parent.exists(), "the demo leaves nothing"


def test_mail_systems_that_are_found_are_shown(screen: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    found(monkeypatch, FoundMta(mta="exim", log=log), FoundMta(mta="postfix", log=tmp_path / "none"))
    assert run() == Exit.OK
    [(shown, notice)] = screen
    assert shown.source == (
        LocalSource(name="exim", mta="exim", sender_id=1),
        LocalSource(name="postfix", mta="postfix", sender_id=2),
    )
    assert notice == ""


def test_mail_system_that_may_not_be_read_is_named_with_the_remedy(
    screen: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.touch()
    remedy = f"cannot read {log}: add your user to the group adm"
    found(monkeypatch, FoundMta(mta="exim", log=log, problems=(remedy,)))
    monkeypatch.setattr(sources, "refusal", lambda path: remedy)
    assert run() == Exit.SOURCE
    assert screen == []
    assert capsys.readouterr().err == f"mailtop: {remedy}\n"


def test_options_go_to_the_screen_and_demo_goes_before_the_configuration(
    screen: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "load", lambda path: Config(theme="file", source=(LocalSource(ledger="sqlite:///x"),)))
    assert run("demo", "--seed", "7", "--accounts", "3", "--interval", "9") == Exit.OK
    [(shown, notice)] = screen
    assert (shown.theme, shown.interval, notice) == ("file", 9.0, "")
    [source] = shown.source
    assert isinstance(source, DemoSource)
    assert (source.seed, source.accounts) == (7, 3)


def test_children_get_what_was_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sources.HANDED_DOWN, "")
    resolved = Config(interval=3.0, source=(LocalSource(isp={"Gmail": ("gmail.test",)}), DemoSource(seed=5)))
    sources.hand_down(resolved)
    assert json.loads(os.environ[sources.HANDED_DOWN])["interval"] == 3.0
    assert sources.configuration("/none.toml") == resolved


def test_source_that_could_be_two_mail_systems_is_asked_about(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found(monkeypatch, FoundMta(mta="exim", log=tmp_path), FoundMta(mta="postfix", log=tmp_path))
    with pytest.raises(config.ConfigError, match=r'"web": this host has several .* mta = "exim" or "postfix"$'):
        sources.mail_system(LocalSource(name="web"))
    assert sources.mail_system(LocalSource(mta="postfix")).mta == "postfix"
    found(monkeypatch)
    with pytest.raises(SourceError, match='"web": no mail system was found'):
        sources.mail_system(LocalSource(name="web"))


def test_screen_hub_and_collector_show_a_mail_system_and_end_together(tmp_path: Path) -> None:
    postfix = PostfixInFiles(tmp_path)
    with Terminal(MAILTOP, env=postfix.environment()) as terminal:
        terminal.wait_for("2 recipients in 1 queue file")
        terminal.wait_for("bob")
        terminal.press("i")
        terminal.wait_for("corp.test")
        terminal.press("q")
        assert terminal.wait_exit() == Exit.OK
        assert terminal.survivors() == []


def test_demo_shows_mail_on_any_host(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {**PostfixInFiles(tmp_path).environment(), "TMPDIR": str(temporary)}
    with Terminal([*MAILTOP, "demo", "--accounts", "20"], env=environ) as terminal:
        terminal.wait_for("recipients in")
        assert list(temporary.iterdir()) != []
        terminal.press("q")
        assert terminal.wait_exit() == Exit.OK
    assert list(temporary.iterdir()) == []
