"""Keys that take something out of the screen or say where to go: the line after ``:``, jumps, the clipboard, files."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Literal, cast

from msgspec.structs import replace

from tui.hub.protocol import Export, Exported, Jumped
from tui.ui.messages import Ask, ThemeWished
from tui.ui.palette import FORMATS, Palette, Wish
from tui.ui.place import place_command
from tui.ui.screens.finding import FILTER_LABEL, Finding
from tui.ui.screens.walking import Dimension
from tui.ui.settings import Settings
from tui.ui.widgets.prompt import Prompt

TextFormat = Literal["text", "csv", "json"]

JUMP_LABEL = ":"
FORMAT_LABEL = "write as (text, csv, json, svg): "
FILE_LABEL = "to the new file: "


class Telling(Finding):
    """One prompt is open at a time; its label tells what it is for."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._lines: list[str] = []
        self._format = FORMATS[0]
        self._export_serial = 0

    def action_jump(self) -> None:
        """Ask where to go or what to do."""
        self.open_prompt(Prompt(JUMP_LABEL, "", self._lines))
        self._list_commands()

    def action_copy(self) -> None:
        """Copy this place as a command to the terminal's clipboard."""
        view = self.view
        asking = {source.name: source.type for source in view.sources} if view is not None else {}
        names = [self.asked.source] if self.asked.source is not None else view.queue_sources if view is not None else []
        by_id = any(asking.get(name) == "sender_queue" for name in names)
        command = place_command(
            self.asked,
            totals=self._plan.accounts,
            campaigns_by_id=by_id,
            several_sources=sum(kind != "cpanel" for kind in asking.values()) > 1,
            several_hosts=view is not None and view.host_count > 1 and self.asked.query.sender_id is None,
            options=self.settings.options,
        )
        self.app.copy_to_clipboard(command)
        without = ", which prints all accounts" if self._plan.accounts and self._accounts_asked.filter else ""
        self.tell(f"copied{without}: {command}")

    def action_export(self) -> None:
        """Ask as what to write what is shown."""
        if not self.settings.may_write:
            self.tell("no file can be written from here")
            return
        self.open_prompt(Prompt(FORMAT_LABEL, FORMATS[1]))

    async def press(self, key: str, character: str | None) -> None:
        """A key while a line is typed."""
        prompt = self.prompt
        if prompt is None:
            return
        if key == "escape":
            if prompt.label == FILTER_LABEL:
                self._filter_given_up()
            self._close()
        elif key == "enter":
            await self._entered(prompt)
        elif key == "tab" and prompt.label == JUMP_LABEL:
            prompt.put(self._palette().completed(prompt.text))
            self._typed(prompt)
        elif key == "backspace" and not prompt.text and prompt.label == JUMP_LABEL:
            self._close()
        elif prompt.press(key, character):
            self._typed(prompt)
        else:
            self._show_place()

    def paste(self, text: str) -> None:
        """Text was pasted while a line is typed."""
        if self.prompt is not None:
            self.prompt.insert(text)
            self._typed(self.prompt)

    async def do(self, action: str) -> None:
        """Do what a command says, here or in the app."""
        name = action.partition("(")[0]
        await self.run_action(action if hasattr(self, f"action_{name}") else f"app.{action}")

    def replied(self, answer: Jumped | Exported) -> None:
        """The hub answered what was asked once."""
        if isinstance(answer, Exported):
            (self.say if answer.failed else self.tell)(answer.sentence)
        elif answer.serial == self.jump_serial:
            self._jumps = False
            if answer.query is None:
                self.tell(answer.sentence)
                return
            if not self._plan.accounts:
                self._show_queue()
            self._go_in(answer.query, answer.source)

    def _typed(self, prompt: Prompt) -> None:
        if prompt.label == FILTER_LABEL:
            self._filter_typed(prompt)
        else:
            prompt.problem = ""
        if prompt.label == JUMP_LABEL:
            self._list_commands()
        self._show_place()

    async def _entered(self, prompt: Prompt) -> None:
        if prompt.label == FILTER_LABEL:
            self._filter_kept(prompt)
        elif prompt.label == JUMP_LABEL:
            await self._obey(prompt)
        elif prompt.label == FORMAT_LABEL:
            self._format_chosen(prompt)
        else:
            self._close()
            self._export(self._format, prompt.text.strip())

    def _close(self) -> None:
        self.commands.show(None, 0)
        self.close_prompt()

    def _palette(self) -> Palette:
        sorts = [name for name, _ in (self.accounts if self._plan.accounts else self.table).sorts]
        return Palette(self.settings.commands, self.settings.themes(), sorts)

    def _list_commands(self) -> None:
        text = self.prompt.text if self.prompt is not None else ""
        self.commands.show(self._palette().entries(text), self.size.height - 4)

    async def _obey(self, prompt: Prompt) -> None:
        wish = self._palette().wish(prompt.text) if prompt.text.strip() else None
        if isinstance(wish, str):
            prompt.problem = wish
            self._show_place()
            return
        prompt.remember()
        self._close()
        if wish is not None:
            await self._carry_out(wish)

    async def _carry_out(self, wish: Wish) -> None:
        word, text = wish.word, wish.text
        if word == "command":
            await self.do(text)
        elif word == "theme":
            self.post_message(ThemeWished(text))
        elif word == "filter":
            self.set_filter(text)
        elif word == "sort":
            asked = self._accounts_asked if self._plan.accounts else self.asked
            if text != asked.sort:
                self.sort_by(text)
        elif word == "span":
            self._ask(replace(self.asked, span_seconds=int(text)))
        elif word == "export":
            form, _, file = text.partition(" ")
            self._export(form, file.strip() or self._file_name(form))
        else:
            self._jump_to(cast(Dimension, word), text)

    def _format_chosen(self, prompt: Prompt) -> None:
        word = prompt.text.strip().lower()
        found = [name for name in FORMATS if word and name.startswith(word)]
        if not found:
            prompt.problem = f"one of {', '.join(FORMATS)}"
            self._show_place()
            return
        self._format = found[0]
        self.open_prompt(Prompt(FILE_LABEL, self._file_name(self._format)))

    def _file_name(self, form: str) -> str:
        what = "totals" if self._plan.accounts else self.asked.query.grouping.value.replace("_", "-")
        shown = time.localtime(self.view.time if self.view is not None else None)
        return f"mailtop-{what}-{time.strftime('%Y%m%d-%H%M', shown)}.{'txt' if form == 'text' else form}"

    def _export(self, form: str, file: str) -> None:
        if not self.settings.may_write:
            self.tell("no file can be written from here")
            return
        if not file:
            self.tell("nothing was written: the file has no name")
            return
        path = Path(os.path.expandvars(file)).expanduser().absolute()
        if form == "svg":
            self.call_after_refresh(self._write_picture, path)  # without the line that was typed
            return
        self._export_serial += 1
        asked = replace(self.asked, serial=0, accounts=self._accounts_asked if self._plan.accounts else None)
        export = Export(serial=self._export_serial, request=asked, format=cast(TextFormat, form), path=str(path))
        self.post_message(Ask(export))

    def _write_picture(self, path: Path) -> None:
        picture = self.app.export_screenshot(title="mailtop", simplify=True)
        # The fonts that Rich names would be fetched from elsewhere by whoever opens the file.
        picture = re.sub(r"@font-face\s*{[^}]*}", "", picture)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(picture)
        except FileExistsError:
            self.say(f"{path} is there already and was left as it is; give another name.")
        except OSError as error:
            self.say(f"{path} could not be written: {error.strerror}.")
        else:
            self.tell(f"wrote the screen to {path}")
