"""Text as an attacker, a bug or another alphabet writes it, and a world of a scripted hub that is full of it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from tests.ui.scripted import World, cell
from tui.hub.protocol import Detail, Span, View, ViewRequest
from tui.model import Cause, Freshness, SourceStatus, WaitingMessage
from tui.text import clean

MARK = 1_234

HOSTILE = (
    "[red]x[/red]",
    "[/x]",
    "[@click=app.quit]x[/]",
    "\x1b[2J\x1b[1;1Hx",
    "\x1b]0;title\x07\x1b]52;c;cm0gLXJm\x07",
    "\x9b2Jx\x90q\x9c",
    "a\nb\r\nc\rd\te\x0b\x0c\x08\x7f\x00",
    "a\u2028b\u2029c\x85d",
    "\u202egnp.exe\u202c",
    "\u2066x\u2069\u200fy",
    "日本語キャンペーン",
    "ＡＢＣ全角",
    "👨\u200d👩\u200d👧\u200d👦",
    "👍🏽🇩🇪🇫🇷❤\ufe0f1\ufe0f\u20e3",
    "🫨🪿",
    "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "e\u0301a\u0308" + "z" + "\u0300\u0301\u0302" * 40,
    "\u0301leading mark",
    "नमस्ते की दुनिया",
    "한국어 \u1112\u1161\u11ab",
    "עברית عربي",
    "\ud83d lone \udc00",
    "\U000e0041\U000e007fx\ufe00",
    "\ufff9x\ufffb\ue000\U0010ffff",
    "x" * 10_000,
    "日" * 10_000,
    "\u0301" * 10_000,
    "",
    "   ",
)


NAMES = frozenset(
    ("account", "campaign", "isp", "name", "source", "sender", "error", "text", "last_reply", "id", "recipient")
)
"""The fields of a view that a source fills with its own words."""


def poisoned(value: Any, text: str) -> Any:
    """The value with ``text`` in every field, however deep, that a source fills."""
    if isinstance(value, list | tuple):
        return type(value)(poisoned(one, text) for one in value)
    if not isinstance(value, msgspec.Struct) or isinstance(value, Span):
        return value
    changed = {name: poisoned(getattr(value, name), text) for name in value.__struct_fields__}
    for name in NAMES & changed.keys():
        changed[name] = text if isinstance(changed[name], str) else changed[name]
    return replace(value, **changed)


class HostileWorld(World):
    """A world of one account for each hostile text; wherever else a source's text can stand, there is ``text``. With
    ``cleaned`` it is what a source that does its work hands on. Every row has the number ``MARK``."""

    def __init__(self, *, cleaned: bool, text: str = HOSTILE[3]) -> None:
        super().__init__(cells=[cell(f"a{n}", f"c{n}", f"i{n:03}", n, 0, MARK, 0) for n in range(len(HOSTILE))])
        self.text = text
        self._pass = clean if cleaned else str

    def view(self, request: ViewRequest) -> View:
        text = self._pass(self.text)
        view = super().view(request)
        view = replace(
            poisoned(view, text),
            rows=[poisoned(row, self._pass(HOSTILE[row.new])) if row.new < len(HOSTILE) else row for row in view.rows],
            query=request.query,
            selected=request.selected,
            queue_sources=[text],
            chart_title=text,
            filter_problem=text if request.filter else "",
        )
        status = SourceStatus(name=text, type="local", freshness=Freshness.ERROR, age_seconds=9.0, error=text)
        partial = replace(status, name=f"{text}2", freshness=Freshness.PARTIAL, error=None, notes=(text,))
        panes = [replace(pane, totals=replace(pane.totals, quotas=(text, text))) for pane in view.panes]
        detail = self._detail(request, view, text)
        full: View = replace(view, sources=[status, partial], panes=panes, detail=detail)
        return full

    def _detail(self, request: ViewRequest, view: View, text: str) -> Detail | None:
        if not request.detail or not view.rows:
            return None
        causes = [Cause(text=text, count=5, first_seen=1, last_seen=2, last_reply=text)]
        messages = [
            WaitingMessage(id=said, sender=said, recipient=said, state="retry", arrived=1, attempts=3)
            for said in map(self._pass, HOSTILE)
        ]
        return Detail(row=view.rows[0], causes=causes, messages=messages, problem=text)
