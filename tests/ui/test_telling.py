"""The line after ``:``, jumps, the clipboard, files, the user's keys and the mouse, on the whole screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.ui.screens import Looker, running
from tests.ui.scripted import APART, LIVE, ScriptedLink, World
from tui.hub.protocol import Export, Exported, Jump, ViewRequest
from tui.model import Grouping, QueueQuery
from tui.ui.keymap import with_keys


async def command(look: Looker, text: str) -> None:
    await look.press("colon")
    look.app._main.paste(text)
    await look.press("enter")


def files(folder: Path) -> list[Path]:
    """What stands in a folder."""
    return list(folder.iterdir())


async def test_the_list_of_commands_gets_shorter_and_goes() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("colon")
        await look.wait_for("go to this mailbox provider")
        await look.press(*"unm")
        await look.wait_for(lambda: "go to this mailbox provider" not in look.text())
        assert look.line("unmark").split()[-2:] == ["more", "U"]
        await look.press("tab")
        assert look.lines()[-1].startswith(" :unmark")
        await look.press("enter")
        await look.wait_for(lambda: not look.line("unmark"))
        await look.wait_for("all 5 accounts")
        await look.press("colon", "up")
        assert look.lines()[-1].startswith(" :unmark")
        await look.press("escape")
        assert "Enter in" in look.lines()[-1]


async def test_backspace_on_nothing_closes_the_line() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("colon", "a", "backspace", "backspace")
        assert look.app._main.prompt is None


async def test_what_cannot_be_done_is_told_and_the_line_stays() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await command(look, "bogus")
        assert 'There is no command "bogus"' in look.lines()[-1]
        await look.press("x")
        assert look.lines()[-1].startswith(" :bogusx") and "There is no" not in look.lines()[-1]


async def test_jumps_lead_there_and_back() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await command(look, "isp Gmail")
        await look.wait_for("queue ▸ Gmail ▸ by account")
        await look.press("escape")
        await look.wait_for("all 5 accounts")
        await command(look, "account nobody")
        await look.wait_for("there is no account 'nobody'")
        await command(look, "sender 7")
        await look.wait_for(lambda: isinstance(look.link.sent[-1], Jump))
        assert look.link.sent[-1] == Jump(
            serial=3, dimension="sender", text="7", query=QueueQuery(grouping=Grouping.ACCOUNT), together=True
        )


async def test_an_answer_that_is_too_late_leads_nowhere() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.link.answering = False
        await command(look, "isp Gmail")
        await command(look, "account carol")
        jumps = [one for one in look.link.sent if isinstance(one, Jump)]
        look.link.answering = True
        for jump in reversed(jumps):
            look.app._main.replied(look.link.world.jumped(jump))
        await look.wait_for("queue ▸ carol ▸ by campaign")


async def test_filter_sort_span_and_theme_can_be_typed() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await command(look, "filter acme")
        await look.wait_for("/acme")
        await command(look, "sort retry")
        await look.wait_for(lambda: (look.link.request.sort, look.link.request.descending) == ("retry", True))
        await command(look, "sort retry")
        assert look.link.request.descending
        await command(look, "sort account")
        await look.wait_for(lambda: (look.link.request.sort, look.link.request.descending) == ("account", False))
        await command(look, "span 6h")
        await look.wait_for(lambda: look.link.request.span_seconds == 21600)
        await command(look, "theme paper")
        await look.wait_for(lambda: look.app.theme == "mailtop-paper")
        await command(look, "theme nosuch")
        await look.wait_for("There is no theme 'nosuch'")


@pytest.mark.parametrize("text", ["help", "theme"])
async def test_commands_of_the_program_can_be_typed(text: str) -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await command(look, text)
        await look.wait_for(lambda: look.app.screen is not look.app._main)
        await look.press("escape")
        await look.wait_for("all 5 accounts")


async def test_colon_q_leaves() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("d")
        await command(look, "q")
        assert look.app._exit


async def test_y_copies_the_place() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("down", "enter")
        await look.wait_for("all 2 campaigns")
        await look.press("y")
        words = "mailtop show queue --group account_campaign --account alice@acme.test"
        assert look.app.clipboard == words
        assert f"copied: {words}"[:60] in look.lines()[-1]
        await look.press("down")
        assert "copied" not in look.text()


async def test_y_copies_what_leads_to_the_same_rows() -> None:
    world = World(sources=[LIVE, replace(LIVE, name="mx2")])
    world.cells = [*world.cells, replace(world.cells[0], source="mx2")]
    async with running(ScriptedLink(world), options=("--config", "/etc/a.toml"), start=APART) as look:
        await look.wait_for("all 6 rows")
        await look.press("exclamation_mark", "slash", *"acme", "enter", "y")
        words = "mailtop show queue --group account --filter acme --problems --config /etc/a.toml"
        assert look.app.clipboard == words
        await look.press("exclamation_mark", "escape")
        await look.wait_for("all 6 rows")
        await look.press("g", "enter")
        await look.wait_for("queue of mx1")
        await look.press("y")
        assert "--source mx1 --config" in look.app.clipboard


async def test_of_accounts_that_are_filtered_all_are_copied_and_so_it_says() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("shift+tab", "z", "slash", *"bob", "enter", "y")
        assert look.app.clipboard == "mailtop show totals"
        assert "copied, which prints all accounts: mailtop show totals" in look.lines()[-1]


async def test_a_campaign_of_a_platform_is_copied_by_its_number() -> None:
    world = World(sources=[replace(LIVE, type="sender_queue")])
    start = ViewRequest(serial=0, source="mx1", query=QueueQuery(grouping=Grouping.ISP, account_id=1, campaign_id=9))
    async with running(ScriptedLink(world), start=start) as look:
        await look.wait_for("by isp")
        await look.wait_for(lambda: look.app._main.view is not None)
        await look.press("y")
        assert look.app.clipboard == "mailtop show queue --group isp --account 1 --campaign 9"


async def test_x_asks_for_a_format_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.press("x")
        assert look.lines()[-1].startswith(" write as (text, csv, json, svg): csv")
        await look.press("ctrl+u", "p", "enter")
        assert "one of text, csv, json, svg" in look.lines()[-1]
        await look.press("backspace", "j", "enter")
        assert look.lines()[-1].startswith(" to the new file: mailtop-account-20251121-")
        assert look.lines()[-1].split()[-1].endswith(".json")
        await look.press("enter")
        await look.wait_for("wrote /")
        [export] = [one for one in look.link.sent if isinstance(one, Export)]
        assert export.format == "json" and Path(export.path).parent == tmp_path
        assert export.request.query == look.link.request.query


async def test_a_picture_is_written_privately_and_never_over_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(size=(140, 45)) as look:
        await look.wait_for("all 5 accounts")
        await command(look, "export svg a picture.svg")
        await look.wait_for("wrote the screen to")
        path = tmp_path / "a picture.svg"
        picture = path.read_text()
        assert "alice@acme.test" in picture.replace("&#160;", " ")
        assert "http" not in picture.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
        assert path.stat().st_mode & 0o777 == 0o600
        await command(look, "export svg a picture.svg")
        await look.wait_for("is there already and was left as it is")
        await command(look, "export svg /nonexistent/a.svg")
        await look.wait_for("could not be written: No such file or directory")
        assert path.read_text() == picture
        assert files(tmp_path) == [path]


async def test_what_became_of_a_file_is_told() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        look.app._main.replied(Exported(serial=1, sentence="the disk is full", failed=True))
        await look.wait_for("✖ the disk is full")


async def test_nothing_is_written_where_nothing_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(read_only=True) as look:
        await look.wait_for("all 5 accounts")
        await look.press("x")
        assert "no file can be written from here" in look.lines()[-1]
        await command(look, "export svg x.svg")
        assert "no file can be written from here" in look.lines()[-1]
        assert files(tmp_path) == []
        assert not [one for one in look.link.sent if isinstance(one, Export)]


async def test_the_users_keys_are_obeyed_and_shown() -> None:
    commands, problems = with_keys({"isp": ["w"], "mark": ["M"], "help": ["Y", "F2"], "quit": []})
    async with running(commands=commands, notices=problems) as look:
        await look.wait_for("all 5 accounts")
        assert "w isp" in look.line("▍t total") and "M mark" in look.lines()[-1]
        assert "q quit" not in look.lines()[-1]
        await look.press("q", "i")
        assert not look.app._exit
        await look.press("w")
        await look.wait_for("all 6 isps")
        await look.press("Y")
        await look.wait_for("Walk through the queue")
        await look.press("f2")
        await look.wait_for("all 6 isps")


async def test_a_keymap_with_mistakes_is_told_once_and_the_rest_works() -> None:
    commands, problems = with_keys({"isp": ["w"], "bogus": ["v"]})
    async with running(commands=commands, notices=problems) as look:
        await look.wait_for("keys.bogus: there is no such command")
        await look.press("w")
        await look.wait_for("all 6 isps")
        assert "bogus" not in look.text()


async def test_clicks_do_what_keys_do() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        lines = look.lines()
        tabs = next(y for y, line in enumerate(lines) if "t total" in line)
        await look.pilot.click(offset=(lines[tabs].index("isp"), tabs))
        await look.wait_for("all 6 isps")
        await look.pilot.click(offset=(lines[tabs].index("account"), tabs))
        await look.wait_for("all 5 accounts")
        keys = look.lines()[-1]
        await look.pilot.click(offset=(keys.index("filter"), 23))
        assert look.app._main.prompt is not None
        await look.press("escape")
        await look.pilot.click(offset=(keys.index("help"), 23))
        await look.wait_for("Walk through the queue")
        await look.press("escape")
        await look.wait_for("all 5 accounts")
        header = next(y for y, line in enumerate(look.lines()) if "▼total" in line)
        await look.pilot.click(offset=(look.lines()[header].index("retry") + 2, header))
        await look.wait_for("▼retry")
        await look.pilot.click(offset=(look.lines()[header].index("retry") + 2, header))
        await look.wait_for("▲retry")
        row = next(y for y, line in enumerate(look.lines()) if "bob@" in line and y > header)
        await look.pilot.click(offset=(10, row))
        await look.wait_for(lambda: look.cursor_line().startswith("bob"))
        await look.pilot.click(offset=(10, row))
        await look.wait_for("queue ▸ bob@initech.test ▸ by campaign")


async def test_a_click_chooses_a_pane_and_goes_in() -> None:
    async with running() as look:
        await look.wait_for("all 5 accounts")
        await look.pilot.click(offset=(50, 2))
        assert look.app._main._chosen_pane is not None
        assert look.app._main._chosen_pane.account == "news@globex.test"
        await look.pilot.click(offset=(50, 2))
        await look.wait_for("queue ▸ news@globex.test ▸ by campaign")
