"""Where the screen gets its sources from, and the whole of it once in a terminal: screen, hub, collector."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from tests.cli.postfix_in_files import MAILTOP, PostfixInFiles
from tests.pty_driver import Terminal
from tui import config
from tui.cli import monitor, sources
from tui.cli.arguments import Exit, parser
from tui.cli.sources import collected
from tui.config import Config, DemoSource, LocalSource
from tui.engine.find import FoundMta
from tui.hub.protocol import ViewRequest
from tui.model import Grouping, QueueQuery
from tui.sources.source import SourceError


class Shown(list[tuple[Config, str]]):
    """What the screen was started with."""

    last: monitor.Last | None = None
    ascii = False
    remembered = Path()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shown:
    """A screen that notes what it is started with, on a host without a mail system and without configuration."""
    shown = Shown()

    def show(
        config: Config,
        notice: str,
        debug_file: str | None,
        *,
        ascii: bool,
        last: monitor.Last | None = None,
        **_others: object,
    ) -> int:
        shown.append((config, notice))
        shown.last, shown.ascii = last, ascii
        for source in collected(config.source):
            if source.ledger is not None:
                assert Path(source.ledger.removeprefix("sqlite://")).parent.is_dir()
        return Exit.OK

    monkeypatch.setattr(monitor, "no_screen", lambda environ: None)
    monkeypatch.setattr(monitor, "show", show)
    monkeypatch.setattr(monitor, "hand_down", lambda config: None)
    shown.remembered = tmp_path / "state" / "views.json"
    monkeypatch.setattr(monitor, "remembered_path", lambda: shown.remembered)
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
    screen: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.touch()
    remedy = f"cannot read {log}: add your user to the group adm"
    found(monkeypatch, FoundMta(mta="exim", log=log, problems=(remedy,)))
    monkeypatch.setattr(sources, "refusal", lambda path: remedy)
    with pytest.raises(SourceError, match=re.escape(remedy)):
        run()
    assert screen == []


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


def test_what_a_terminal_gets_can_be_said(screen: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "load", lambda path: Config(lite=True))
    assert run("demo") == Exit.OK
    assert (screen[-1][0].lite, screen[-1][0].mouse, screen.ascii) == (True, True, False)
    assert run("demo", "--no-mouse", "--ascii") == Exit.OK
    assert (screen[-1][0].lite, screen[-1][0].mouse, screen.ascii) == (True, False, True)
    monkeypatch.setattr(sources, "load", lambda path: Config(mouse=False))
    assert run("--lite", "demo") == Exit.OK
    assert (screen[-1][0].lite, screen[-1][0].mouse) == (True, False)


def last_of(screen: Shown, *arguments: str) -> monitor.Last:
    assert run("demo", *arguments) == Exit.OK
    assert screen.last is not None
    return screen.last


def test_what_was_seen_last_is_seen_first(screen: Shown) -> None:
    asked = ViewRequest(
        serial=7, query=QueueQuery(grouping=Grouping.ISP, isp="Gmail"), sort="retry", filter="x", span_seconds=21600
    )
    assert last_of(screen).request().together, "hosts are added up until someone wants them apart"
    last_of(screen).keep(screen[-1][0], asked, "mailtop-paper")
    again = last_of(screen)
    assert again.request() == ViewRequest(
        serial=0, query=QueueQuery(grouping=Grouping.ISP), sort="retry", filter="x", span_seconds=21600
    )
    assert again.theme(screen[-1][0]) == "mailtop-paper"
    assert last_of(screen, "--fresh").request().sort == "total"


def test_a_theme_that_is_named_newly_goes_before_the_one_that_was_seen(screen: Shown) -> None:
    config = Config(theme="mailtop-dark", source=(DemoSource(),))
    last_of(screen).keep(config, ViewRequest(serial=1), "mailtop-paper")
    assert last_of(screen, "--theme", "other").theme(msgspec.structs.replace(config, theme="other")) == "other"
    assert last_of(screen).theme(msgspec.structs.replace(config, theme="newer")) == "newer"
    given = last_of(screen, "--theme", "mailtop-mono")
    given.keep(msgspec.structs.replace(config, theme="mailtop-mono"), ViewRequest(serial=1), "mailtop-mono")
    assert last_of(screen).theme(config) == "mailtop-paper", "a theme for once is not remembered"


def test_what_was_seen_last_and_cannot_be_read_is_told(screen: Shown) -> None:
    path = screen.remembered
    path.parent.mkdir()
    path.write_text("{")
    last = last_of(screen)
    assert last.problem == f"What you looked at last is not known: {path} cannot be read: it is damaged."
    assert last.request() == ViewRequest(serial=0, query=QueueQuery(grouping=Grouping.ACCOUNT), together=True)


def test_what_cannot_be_kept_is_told(screen: Shown, capsys: pytest.CaptureFixture[str]) -> None:
    last = last_of(screen)
    screen.remembered.parent.write_text("a file where the folder should be")
    last.keep(screen[-1][0], ViewRequest(serial=1), "mailtop-paper")
    assert "what you looked at is not remembered" in capsys.readouterr().err


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


@pytest.mark.parametrize(
    ("closed", "said"),
    [("stdin", "the screen needs a terminal"), ("stdout", "mailtop show queue"), ("stderr", "standard error")],
)
def test_what_is_no_terminal_is_named(closed: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, SimpleNamespace(isatty=lambda name=name: name != closed))
    assert said in (monitor.no_screen({"TERM": "xterm"}) or "")
    monkeypatch.setattr(sys, closed, SimpleNamespace(isatty=lambda: True))
    assert monitor.no_screen({"TERM": "xterm"}) is None
