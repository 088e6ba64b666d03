"""What can be typed after ``:``: every command by its name, and words that take something more. Pure functions; no
Textual in here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from tui.ui.commands import Command
from tui.ui.numbers import span

SPANS_SECONDS = (300, 3600, 21600, 86400)
"""The spans of time the chart can show."""

FORMATS = ("text", "csv", "json", "svg")
"""What the screen can be written as."""


class Wish(msgspec.Struct, frozen=True):
    """What was typed: a word of those that take something, and that; or ``command`` and a command's action."""

    word: str
    text: str


class Entry(msgspec.Struct, frozen=True):
    """One line of the palette: what to type, the keys that do the same, and what it does."""

    word: str
    keys: str
    help: str


class Palette(msgspec.Struct, frozen=True):
    """All that can be typed: the commands, and the names that words can be followed by."""

    commands: Sequence[Command]
    themes: Sequence[str] = ()
    sorts: Sequence[str] = ()

    def entries(self, typed: str) -> list[Entry]:
        """What still fits to what was typed: by the beginning of its name, then by a part of name or help."""
        word, blank, rest = typed.lstrip().partition(" ")
        if blank and word in _HELP:
            return self._following(word, rest.strip())
        every = [Entry(f"{name} {more}", "", text) for name, (more, text) in _HELP.items()]
        every += [Entry(command.name, command.shown_keys, command.help) for command in self.commands]
        every.append(Entry("q", "", "leave at once"))
        first = [entry for entry in every if entry.word.startswith(word)]
        others = [entry for entry in every if entry not in first]
        told = f" {word}" if len(word) > 2 else None
        return first + [each for each in others if word in each.word or (told and told in f" {each.help}")]

    def completed(self, typed: str) -> str:
        """What Tab makes of it: as much as is common to all that begins so."""
        begun = typed.lstrip()
        found = [entry.word for entry in self.entries(typed) if entry.word.startswith(begun)]
        words = [re.sub(r" [A-Z\[].*", " ", word) for word in found]
        common = words[0] if words else begun
        for word in words:
            while not word.startswith(common):
                common = common[:-1]
        return common if len(common) > len(begun) else begun

    def wish(self, typed: str) -> Wish | str:
        """What is wished for, or a sentence that says why that cannot be told."""
        word, _, rest = typed.strip().partition(" ")
        rest = rest.strip()
        if word == "q" and not rest:
            return Wish("command", "leave")
        if word in _HELP and rest:
            return _CHECKS.get(word, _taken)(self, Wish(word, rest))
        named = [command for command in self.commands if command.name == word]
        named = named or [command for command in self.commands if command.name.startswith(word)]
        if rest:
            return f'"{word}" takes nothing after it.' if named else _unknown(word)
        if word in _HELP and not [command for command in named if command.name == word]:
            return f"{word} {_HELP[word][0]}: {_HELP[word][1]}."
        if len(named) == 1:
            return Wish("command", named[0].action)
        names = ", ".join(command.name for command in named)
        return f'"{word}" could be {names}.' if named else _unknown(word)

    def _following(self, word: str, begun: str) -> list[Entry]:
        more, text = _HELP[word]
        names = {
            "theme": self.themes,
            "sort": self.sorts,
            "span": [span(seconds).replace(" ", "") for seconds in SPANS_SECONDS],
            "export": [f"{name} [FILE]" for name in FORMATS],
        }.get(word, ())
        found = [Entry(f"{word} {name}", "", "") for name in names if name.startswith(begun)]
        return found or [Entry(f"{word} {more}", "", text)]


_HELP = {
    "isp": ("NAME", "go to this mailbox provider"),
    "account": ("NAME", "go to this account"),
    "campaign": ("NAME", "go to this campaign"),
    "sender": ("NAME", "show only the queue of this sending system"),
    "host": ("NAME", "go to this host"),
    "theme": ("NAME", "show this theme"),
    "filter": ("TEXT", "show fewer rows"),
    "sort": ("COLUMN", "sort by this column"),
    "span": ("TIME", "show this time in the chart, such as 6h"),
    "export": ("FORMAT [FILE]", f"write what is shown to a file, as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"),
}


def span_seconds(text: str) -> int | None:
    """A span of time as people write it (``5m``, ``6 h``, ``1 day``) in seconds; ``None`` where it is none."""
    found = re.fullmatch(r"(\d{1,6})\s*(s|m|h|d)[a-z]*", text.strip().lower())
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else None


def _taken(_palette: Palette, wish: Wish) -> Wish | str:
    return wish


def _sort(palette: Palette, wish: Wish) -> Wish | str:
    return _one_of(palette.sorts, wish, "column to sort by")


def _span(_palette: Palette, wish: Wish) -> Wish | str:
    seconds = span_seconds(wish.text)
    if seconds in SPANS_SECONDS:
        return Wish("span", str(seconds))
    return f"The chart can show {', '.join(map(span, SPANS_SECONDS[:-1]))} or {span(SPANS_SECONDS[-1])}."


def _export(_palette: Palette, wish: Wish) -> Wish | str:
    return wish if wish.text.split()[0] in FORMATS else f"It can be written as {', '.join(FORMATS)}."


_CHECKS: dict[str, Callable[[Palette, Wish], Wish | str]] = {
    "sort": _sort,
    "span": _span,
    "export": _export,
}


def _one_of(names: Sequence[str], wish: Wish, noun: str) -> Wish | str:
    """The one name that is meant: itself, or the only one that begins so or has it as a part."""
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [name for name in names if fits(name, wish.text)]
        if len(found) == 1:
            return Wish(wish.word, found[0])
    return f'There is no {noun} "{wish.text}"; there is {", ".join(names)}.'


def _unknown(word: str) -> str:
    return f'There is no command "{word}"; Tab completes, ? shows all.'
