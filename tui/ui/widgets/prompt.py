"""One line to type in, without Textual: its text, its caret, what was typed before, and how it is drawn in the place of
the key line."""

from __future__ import annotations

import msgspec

from tui.hub.protocol import Span
from tui.text import clean
from tui.ui.glyphs import Glyphs
from tui.ui.widgets.lines import Line, line_width

MOST_CHARACTERS = 500
MOST_HISTORY = 50
_LEAST_ROOM = 12


class Prompt(msgspec.Struct):
    """A line being typed: ``label`` stands before it, ``hint`` muted or ``problem`` red at its right. ``history`` are
    earlier lines, the last one first when one goes up."""

    label: str
    text: str = ""
    history: list[str] = msgspec.field(default_factory=list)
    hint: str = ""
    problem: str = ""
    caret: int = -1
    _back: int = 0
    _typed: str = ""

    def __post_init__(self) -> None:
        if self.caret < 0:
            self.caret = len(self.text)

    def press(self, key: str, character: str | None) -> bool:
        """Obey an editing key, or take in a printable character; whether the text is another now."""
        before = self.text
        if character is not None and character.isprintable() and key not in ("enter", "tab"):
            self.insert(character)
        elif (edit := _EDITS.get(key)) is not None:
            edit(self)
        return self.text != before

    def insert(self, text: str) -> None:
        """Take in what was typed or pasted, at the caret."""
        added = clean(" ".join(text.splitlines()))[: MOST_CHARACTERS - len(self.text)]
        self.put(self.text[: self.caret] + added + self.text[self.caret :], self.caret + len(added))

    def put(self, text: str, caret: int | None = None) -> None:
        """Another text, with the caret at its end or where it is told."""
        self.text, self.caret = text, len(text) if caret is None else caret

    def remember(self) -> None:
        """Keep what was typed for later."""
        if self.text in self.history:
            self.history.remove(self.text)
        if self.text:
            self.history.append(self.text)
        del self.history[:-MOST_HISTORY]

    def line(self, width: int, glyphs: Glyphs) -> Line:
        """The line as it is drawn in ``width`` cells; the caret is always in sight."""
        label = [Span(f" {self.label}", "prompt")]
        note, role = (self.problem, "error") if self.problem else (self.hint, "muted")
        room = width - line_width(label) - 1
        note_width = min(glyphs.width(note), max(room - max(glyphs.width(self.text) + 2, _LEAST_ROOM), 0))
        room -= note_width + (1 if note_width else 0)
        before, after = self.text[: self.caret], self.text[self.caret + 1 :]
        at = self.text[self.caret : self.caret + 1] or " "
        while before and glyphs.width(before) + glyphs.width(at) > room:
            before = before[1:]
        rest = glyphs.fit(after, max(room - glyphs.width(before) - glyphs.width(at), 0))
        line = [*label, Span(before), Span(at, "caret"), Span(rest)]
        told = [Span(" "), Span(glyphs.fit(note, note_width), role)] if note_width else []
        return [*line, *told, Span(" ")]


def _backspace(prompt: Prompt) -> None:
    if prompt.caret:
        prompt.put(prompt.text[: prompt.caret - 1] + prompt.text[prompt.caret :], prompt.caret - 1)


def _delete(prompt: Prompt) -> None:
    prompt.put(prompt.text[: prompt.caret] + prompt.text[prompt.caret + 1 :], prompt.caret)


def _word_back(prompt: Prompt) -> None:
    kept = prompt.text[: prompt.caret].rstrip()
    kept = kept[: kept.rfind(" ") + 1]
    prompt.put(kept + prompt.text[prompt.caret :], len(kept))


def _older(prompt: Prompt) -> None:
    if prompt._back < len(prompt.history):
        if not prompt._back:
            prompt._typed = prompt.text
        prompt._back += 1
        prompt.put(prompt.history[-prompt._back])


def _newer(prompt: Prompt) -> None:
    if prompt._back:
        prompt._back -= 1
        prompt.put(prompt.history[-prompt._back] if prompt._back else prompt._typed)


_EDITS = {
    "backspace": _backspace,
    "ctrl+h": _backspace,
    "delete": _delete,
    "left": lambda prompt: prompt.put(prompt.text, max(prompt.caret - 1, 0)),
    "right": lambda prompt: prompt.put(prompt.text, min(prompt.caret + 1, len(prompt.text))),
    "home": lambda prompt: prompt.put(prompt.text, 0),
    "end": lambda prompt: prompt.put(prompt.text),
    "ctrl+u": lambda prompt: prompt.put(prompt.text[prompt.caret :], 0),
    "ctrl+w": _word_back,
    "up": _older,
    "down": _newer,
}
