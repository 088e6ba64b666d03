"""The app and its link: started, restarted, ended, closed; and the help over the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.screens import Looker, running
from tests.ui.scripted import ScriptedLink
from tui.hub.protocol import ViewRequest
from tui.ui.commands import COMMANDS
from tui.ui.driver import TerminalDriver
from tui.ui.traffic import Traffic


async def test_the_hub_is_asked_once_it_has_started_and_closed_at_the_end() -> None:
    link = ScriptedLink()
    async with running(link) as look:
        await look.wait_for("all 5 accounts")
        assert link.closed == 0
        serials = [one.serial for one in link.sent if isinstance(one, ViewRequest)]
        assert serials == sorted(set(serials))
        assert len(serials) <= 3
    assert link.closed == 1


async def test_a_hub_that_cannot_be_started_ends_the_app_with_its_reason() -> None:
    link = ScriptedLink(start_error=OSError(12, "Cannot allocate [/memory]"))
    async with running(link) as look:
        await look.wait_for(lambda: look.app.return_code == 1)
        assert [str(one) for one in look.app._exit_renderables] == [
            "The hub cannot be started: [Errno 12] Cannot allocate [/memory]."
        ]
        look.app._exit_renderables.clear()
    assert link.closed == 1


async def test_a_link_that_ends_is_told() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.end()
        await look.wait_for("The link to the hub is closed; what is shown gets old. Leave with q.")


async def answered(look: Looker) -> None:
    """Wait until the last request is answered and nothing more is asked."""
    await look.wait_for(lambda: look.app._main.view == look.link.world.view(look.app._main.asked))
    await look.pilot.pause()


async def test_a_hub_that_hangs_is_told_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    async with running(clock=lambda: now[0]) as look:
        monkeypatch.setattr(look.app._main.status, "_clock", lambda: now[0])
        await answered(look)
        look.link.answering = False
        now[0] += 9
        look.app.look_for_silence()
        await look.pilot.pause()
        assert "not answered" not in look.text() and "● mx1 live <5s" in look.text()
        for passed, words in ((12.0, "10 s"), (19.0, "10 s"), (25.0, "20 s")):
            now[0] = 1000.0 + passed
            await look.wait_for(f"The hub has not answered for {words}; the numbers are that old.")
            assert "◌ mx1 stale" in look.text()
        await look.press("down")
        assert "The hub has not answered for 20 s" in look.text()
        look.link.push()
        await look.wait_for(lambda: "not answered" not in look.text())
        assert "● mx1 live <5s" in look.text()


async def test_a_restarted_hub_is_no_longer_silent() -> None:
    now = [1000.0]
    async with running(clock=lambda: now[0]) as look:
        await answered(look)
        look.link.answering = False
        now[0] += 15
        await look.wait_for("The hub has not answered for 10 s")
        look.link.restart("The hub has ended.")
        await look.wait_for("The hub has ended. It is started again.")
        await look.press("x")
        await look.wait_for(lambda: "not answered" not in look.text())


async def test_help_has_every_command_and_closes() -> None:
    async with running(size=(100, 130)) as look:
        await look.wait_for("all 5 accounts")
        for opener, closer in (("question_mark", "escape"), ("f1", "q"), ("h", "h")):
            await look.press(opener)
            await look.wait_for("Walk through the queue")
            for command in COMMANDS:
                assert command.help in " ".join(look.text().split())
                assert command.shown_keys in look.text()
            await look.press(closer)
            await look.wait_for("all 5 accounts")


async def test_help_scrolls_to_its_end_and_back() -> None:
    async with running(size=(60, 15)) as look:
        await look.wait_for("all 5 accounts")
        await look.press("question_mark")
        await look.wait_for("Down more")
        await look.press("end")
        await look.wait_for("all others")
        assert "more" not in look.lines()[0]
        await look.press(*["pageup"] * 9)
        await look.wait_for("one row up")
        await look.press("pagedown", "down", "up", "home")
        await look.wait_for("one row up")


async def test_views_that_come_while_help_is_open_are_shown_after() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("question_mark")
        look.link.world.cells.pop()
        look.link.push()
        await look.wait_for(lambda: look.app._main.table.state.count == 4)
        await look.press("escape")
        await look.wait_for("all 4 accounts")


async def test_a_notice_stands_until_the_next_key() -> None:
    async with running(notices=["No mail system was found [here]: this is the demo."]) as look:
        await look.wait_for("No mail system was found [here]: this is the demo.")
        await look.wait_for("all 5 accounts")
        await look.press("down")
        assert "demo" not in look.text()


class Slow(Traffic):
    """A link that is slow as long as it is said to be."""

    slow = True

    @property
    def is_slow(self) -> bool:
        return self.slow


async def test_a_slow_link_gets_less_unless_the_user_wants_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(size=(140, 45)) as look:
        await look.wait_for("all 5 accounts")
        driver = TerminalDriver(look.app)
        driver.traffic = Slow()
        real, look.app._driver = look.app._driver, driver
        look.app.look_for_silence()
        assert look.app.sent_bytes_per_second() == 0
        look.app._driver = real
        await look.wait_for("The link is slow: few colours, no charts and fewer looks are sent now")
        await look.wait_for(lambda: look.link.request.push_seconds == 5.0)
        await look.press("L")
        await look.wait_for(lambda: look.link.request.push_seconds == 0.0)
        look.app._driver = driver
        look.app.look_for_silence()
        look.app._driver = real
        await look.pilot.pause()
        assert look.link.request.push_seconds == 0.0
        assert look.app.sent_bytes_per_second() is None


async def test_a_theme_file_that_is_written_is_shown_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('primary = "#102030"\nbackground = "#000000"\n')
    async with running(theme="mine", user_themes=tmp_path) as look:
        await look.wait_for("all 5 accounts")
        assert look.app._main.styles.background.hex == "#000000"
        file.write_text('primary = "#102030"\nbackground = "#00ff00"\n')
        look.app.look_at_themes()
        await look.wait_for(lambda: look.app._main.styles.background.hex == "#00FF00")
        file.write_text('primary = "no colour"\n')
        look.app.look_at_themes()
        await look.wait_for("colour that cannot be used")
        assert look.app.theme == "mine" and look.app._main.styles.background.hex == "#00FF00"


async def test_where_no_shell_waits_it_says_so() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("ctrl+z")
        await look.wait_for("there is no shell here to go back to")


async def test_quit_leaves() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("q")
        assert look.app._exit
        assert look.app.return_code == 0


async def test_views_that_come_while_the_app_leaves_are_let_go() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.app._main.remove_children()
        look.app._running = False
        look.link.push()
        look.link.restart("The hub has ended.")
        await look.pilot.pause()
        look.app._hub._heard_at = None  # or the next tick looks for what was removed
        look.app._running = True
