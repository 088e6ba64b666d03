"""All that is known of one row: how much waits, why, since when and in whose words, and the oldest messages. It draws
what the hub found out."""

from __future__ import annotations

from textual import events

from tui.hub.protocol import Detail, Span, View
from tui.model import DOUBTFUL, NO_CAMPAIGN_NAME, STATES, Cause, Freshness, QueueRow
from tui.text import cell_width
from tui.ui.glyphs import Glyphs
from tui.ui.host_columns import partial
from tui.ui.numbers import EMPTY, GROWING, STEADY, change, count, drain, share, span
from tui.ui.widgets.balance import balance_words, equation
from tui.ui.widgets.lines import Line, Lines, justified, line_width, wrapped

NARROW_BELOW = 100
"""Below this width ages have shorter words, so that causes have more."""

COUNT_WIDTH, SHARE_WIDTH = 7, 6
AGO_WIDTH, AGE_WIDTH = 10, 6
TRIES_WIDTH, STATE_WIDTH = 5, 5
ID_AT_MOST = 23
"""An Exim queue id's length, the longest of all."""

LEAST_NAME_WIDTH = 8

ROOMY_FROM = 16
"""From so many lines on there are blank ones between the parts."""

BOTH_FROM = 40
"""Sender and recipient stand side by side from this width on; below it the recipient alone."""

BETWEEN = "   "
WORDS_INDENT, MOST_WORD_LINES = 4, 12

LONGEST_TEXT, LONGEST_NAME = 2000, 400
"""So many characters of a text are looked at: more than are ever shown."""

WHEEL_ROWS = 3

HELD = "held: not tried again until somebody releases it"
NOT_TOLD = "this source does not tell why mail waits; a mailtop collector on the mail server does"
NO_MESSAGES = "this source does not tell which messages wait; a mailtop collector on the mail server does"
NO_REPLY = "no reply is known that says why: it was put off before the log that was read begins"
NOT_PUT_OFF = "nothing was put off: what waits is new, on its way or held"


class DetailView(Lines):
    """The detail of a row, as long as it is: the heading stays, ``move`` and the wheel scroll the rest."""

    DEFAULT_CSS = """
    DetailView { height: 1fr; display: none; }
    """

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(glyphs, id="detail")
        self._detail: Detail | None = None
        self._view: View | None = None
        self._focused = False
        self._top = 0

    def show(self, detail: Detail | None, view: View, *, focused: bool = False) -> None:
        """Draw ``detail`` (``None`` while the hub has not answered) as it was at the view's time. Another row is shown
        from its beginning."""
        if detail is not None and self._detail is not None and detail.row.key != self._detail.row.key:
            self._top = 0
        self._detail, self._view, self._focused = detail, view, focused
        self.redraw()

    def move(self, rows: int) -> None:
        """Scroll by ``rows`` lines, down or (negative) up, as far as there is something."""
        self._top += rows
        self.redraw()

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        """The wheel scrolls too."""
        self.move(WHEEL_ROWS)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """The wheel scrolls back."""
        self.move(-WHEEL_ROWS)

    def lines(self, width: int, height: int) -> list[Line]:
        """The heading, and the part of the detail that is scrolled to."""
        if self._detail is None or self._view is None:
            return [[], [Span("  "), Span(self.glyphs.fit("asking for all that is known of this row", width), "muted")]]
        room = max(height - 1, 1)
        body = body_lines(self._detail, self._view, width, room, self.glyphs)
        below = len(body) - room
        self._top = max(min(self._top, below), 0)
        hidden = [f"{self.glyphs.up} {self._top}"] if self._top else []
        hidden += [f"{self.glyphs.down} {below - self._top} more"] if below > self._top else []
        place = [Span("  ".join(hidden), "muted"), Span(" ")] if hidden else []
        heading = _heading(self._detail.row, self._view, place, width, self.glyphs, focused=self._focused)
        return [heading, *body[self._top : self._top + room]]


def body_lines(detail: Detail, view: View, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """All below the heading, in lines of at most ``width`` cells. The most frequent cause has its words beneath it, and
    so has each next one while everything fits ``height``."""
    now = view.time // 60 * 60  # so that ages change with the clock, all at once
    facts, messages = _facts(detail, now, width, glyphs), _messages(detail, now, width, glyphs)
    why, rows = _why(detail, width, glyphs), _causes(detail, now, width, glyphs)
    isp = detail.row.isp or view.query.isp
    between: list[Line] = [[]] if height >= ROOMY_FROM else []
    room = height - len(facts) - len(why) - len(rows) - len(messages) - 2 * len(between)
    causes: list[Line] = []
    for cause, row in zip(detail.causes or (), rows, strict=True):
        words = _words(cause, isp, width, glyphs) if room > 0 or not causes else []
        if causes and len(words) > room:
            words, room = [], 0
        room -= len(words)
        causes += [row, *words]
    return [*facts, *between, *why, *causes, *(between if messages else []), *messages]


def ago(seconds: float) -> str:
    """How long ago, in steps of a minute at least: ``just now``, ``5 min ago``, ``3 h ago``, ``2 d ago``."""
    text = age(seconds)
    return f"{text} ago" if text != "now" else "just now"


def age(seconds: float) -> str:
    """The same without the word: ``now``, ``5 min``, ``3 h``, ``2 d``."""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{int(seconds) // 60} min"
    if seconds < 2 * 86400:
        return f"{int(seconds) // 3600} h"
    return f"{int(seconds) // 86400} d" if seconds < 1000 * 86400 else ">999 d"


def _heading(row: QueueRow, view: View, place: Line, width: int, glyphs: Glyphs, *, focused: bool) -> Line:
    """Whose mail this is, and how far its numbers can be trusted where that is not all the way."""
    lacking = "" if row.source else partial(view)  # what is of all hosts together lacks what their sums lack
    freshness = next((source.freshness for source in view.sources if source.name == row.source), Freshness.LIVE)
    freshness = Freshness.PARTIAL if lacking else freshness
    doubt = [Span(f" {glyphs.freshness[freshness]} {lacking or freshness}", freshness.value)]
    doubt = doubt if freshness in DOUBTFUL else []
    names = [name[:LONGEST_TEXT] for name in _names(row, view)]
    room = max(width - 1 - line_width(doubt) - line_width(place) - 3 * (len(names) - 1) - 2, 8)
    names = [glyphs.fit(name, min(glyphs.width(name), room)) for name in names]
    while sum(map(glyphs.width, names)) > room and max(map(glyphs.width, names)) > LEAST_NAME_WIDTH:
        longest = max(range(len(names)), key=lambda i: glyphs.width(names[i]))
        names[longest] = glyphs.fit(names[longest], glyphs.width(names[longest]) - 1)
    left = [Span(glyphs.focus, "focus") if focused else Span(" ")]
    for number, name in enumerate(names):
        left += [Span(f" {glyphs.step} ", "muted")] if number else []
        left.append(Span(name, "tab" if focused else "strong"))
    return justified([*left, *doubt], place, width)


def _names(row: QueueRow, view: View) -> list[str]:
    """What the row is of, outermost first; the place in the drill-down says what the row itself does not."""
    query = view.query
    names = [row.source] if row.source and len(view.sources) > 1 else []
    if view.several_senders and row.sender_id:
        names.append(row.sender or f"sender {row.sender_id}")
    if account_id := row.account_id or query.account_id:
        names.append(row.account or query.account or f"account {account_id}")
    if row.campaign_id or query.campaign_id:
        names.append(row.campaign or query.campaign or NO_CAMPAIGN_NAME)
    if isp := row.isp or query.isp:
        names.append(isp)
    return names or ["all mail"]


def _facts(detail: Detail, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """How much waits and where it is going; what happened over the span; whether all mail is accounted for."""
    row = detail.row
    pieces = [[Span(f"{row.total:,}", "strong"), Span(" recipient waits" if row.total == 1 else " recipients wait")]]
    pieces += [_piece(state, getattr(row, state), state) for state in STATES]
    moving = f"{change(detail.delta, 8, glyphs.unknown)}/min"
    draining = drain(row.total, detail.delta, glyphs.unknown)
    going = [[Span(moving, "muted" if not detail.delta else "")]]
    if draining != glyphs.unknown:
        going.append([Span("" if draining in (GROWING, STEADY, EMPTY) else "empty in ", "muted"), Span(draining)])
    if detail.sender_total is not None:
        whole = "the sender's" if row.source else "all"
        going.append(
            [
                Span(share(row.total, detail.sender_total, glyphs.unknown)),
                Span(f" of {whole} {detail.sender_total:,}", "muted"),
            ]
        )
    if words := balance_words(detail.balance, now, glyphs):
        going.append(words)
    lines = [*_flowing(pieces, width), *_flowing(going, width), *_flowing(_events(detail), width)]
    lines += _flowing(equation(detail.balance), width, " ")
    if detail.problem:
        room = max(width - 4, 1)
        for number, text in enumerate(_folded(glyphs.plain(detail.problem[:LONGEST_TEXT]), room)):
            lines.append([Span(f" {'' if number else glyphs.problem} ".ljust(3), "problem"), Span(text)])
    return lines


def _events(detail: Detail) -> list[Line]:
    over = f"in the last {span(detail.span_seconds)}"
    if detail.events is None:
        words = "is being asked" if detail.waiting else "is not known"
        return [[Span(f"what happened {over} {words}", "muted")]]
    happened = detail.events
    told = (
        ("sent", happened.send, "send"),
        ("delivered", happened.success, "success"),
        ("deferred", happened.defer, "defer"),
        ("failed", happened.fail, "fail"),
    )
    return [[Span(f"{over}:", "muted")], *(_piece(*one) for one in told)]


def _piece(word: str, value: int, role: str) -> Line:
    return [Span(f"{word} ", "muted"), Span(f"{value:,}", role if value else "muted")]


def _flowing(pieces: list[Line], width: int, between: str = BETWEEN) -> list[Line]:
    """Pieces beside one another, on as many lines as they need."""
    lines: list[Line] = []
    for piece in pieces:
        if lines and line_width(lines[-1]) + len(between) + line_width(piece) < width:
            lines[-1] += [Span(between), *piece]
        else:
            lines.append([Span(" "), *piece])
    return lines


def _why(detail: Detail, width: int, glyphs: Glyphs) -> list[Line]:
    """That mail is held, where that is the most of it; then the head of the table of causes, or why there is none."""
    causes, row = detail.causes, detail.row
    held: list[Line] = []
    if row.hold > row.retry:
        held = [[Span(f" {glyphs.problem} ", "problem"), Span(glyphs.fit(f"{row.hold:,} {HELD}", width - 4), "hold")]]
    if causes is None:
        return [*held, *_sentence("asking why it waits" if detail.waiting else NOT_TOLD, width, glyphs)]
    if not causes:
        return held or _sentence(NO_REPLY if row.retry else NOT_PUT_OFF, width, glyphs)
    seen = ("since", "last") if width < NARROW_BELOW else ("first seen", "last seen")
    head = _cells(("replies", "share", *seen), width)
    return [*held, [Span(head, "header"), Span(glyphs.fit("why it waits", width - len(head) - 1), "header")]]


def _causes(detail: Detail, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The rows of the table of causes."""
    causes = detail.causes or []
    whole = sum(cause.count for cause in causes)
    seen = age if width < NARROW_BELOW else ago
    lines: list[Line] = []
    for cause in causes:
        counted = count(cause.count, COUNT_WIDTH, glyphs.unknown), _part(cause.count, whole, glyphs)
        cells = _cells((*counted, seen(now - cause.first_seen), seen(now - cause.last_seen)), width)
        text = glyphs.fit(cause.text[:LONGEST_TEXT], width - len(cells) - 1)
        lines.append([Span(cells), Span(text, "" if lines else "strong")])
    return lines


def _part(count: int, whole: int, glyphs: Glyphs) -> str:
    """A share that does not say 0 of what there is."""
    return "<0.1%" if 0 < 2000 * count < whole else share(count, whole, glyphs.unknown)


def _cells(texts: tuple[str, str, str, str], width: int) -> str:
    """The columns left of a cause, in a table of ``width`` cells."""
    seen = AGE_WIDTH if width < NARROW_BELOW else AGO_WIDTH
    columns = zip(texts, (COUNT_WIDTH, SHARE_WIDTH, seen, seen), strict=True)
    return " " + "".join(f"{text:>{cells}}  " for text, cells in columns)


def _words(cause: Cause, isp: str | None, width: int, glyphs: Glyphs) -> list[Line]:
    """Who said it, and their last words in full, before what the mail system adds. A cause that begins with no reply
    code is the mail system's own."""
    code, reply = cause.text[:3], cause.last_reply[:LONGEST_TEXT]
    if code.isdigit():
        place = reply.find(f": {code}") + 2 if f": {code}" in reply else max(reply.find(code), 0)
        who, added = (isp or "the provider")[:LONGEST_NAME], reply[:place].strip(" :")
        words = f"{who} said: {reply[place:]}" + (f" ({added})" if added else "")
    else:
        words = f"the mail system noted: {reply}"
    room = max(width - WORDS_INDENT - 1, 1)
    folded = _folded(glyphs.plain(words), room)
    if len(folded) > MOST_WORD_LINES:
        folded[MOST_WORD_LINES - 1 :] = [glyphs.fit(" ".join(folded[MOST_WORD_LINES - 1 :]), room)]
    return [[Span(" " * (WORDS_INDENT - 2)), Span(f"{glyphs.edge} ", "axis"), Span(text)] for text in folded]


def _messages(detail: Detail, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The oldest messages, as a table."""
    messages = detail.messages
    if messages is None:
        if detail.waiting:
            return _sentence("asking for the oldest messages", width, glyphs)
        return _sentence(NO_MESSAGES, width, glyphs) if detail.causes is not None else []
    if not messages:
        return _sentence("no message is known to wait here", width, glyphs)
    ids = [message.id[:LONGEST_NAME] for message in messages]
    id_width = max(2, min(ID_AT_MOST, max(map(glyphs.width, ids))))
    room = width - 1 - AGE_WIDTH - TRIES_WIDTH - STATE_WIDTH - 2 * 4 - id_width - 1
    senders = [
        glyphs.unknown if message.sender is None else message.sender[:LONGEST_NAME] or "<>" for message in messages
    ]
    longest = max(len("sender"), *map(glyphs.width, senders))
    sender_width = min(longest, (room - 3) // 2) if room >= BOTH_FROM else 0
    recipient_width = room - (sender_width + 3 if sender_width else 0)
    head = f" {'oldest':>{AGE_WIDTH}}  {'tries':>{TRIES_WIDTH}}  {'state':<{STATE_WIDTH}}  "
    head += f"{'sender':<{sender_width}}   " if sender_width else ""
    lines = [[Span(f"{head}{'recipient':<{recipient_width}}  id", "header")]]
    for message, sender, its_id in zip(messages, senders, ids, strict=True):
        tries = count(message.attempts, TRIES_WIDTH, glyphs.unknown)
        old = glyphs.unknown if message.arrived is None else age(now - message.arrived)
        line = [Span(f" {old:>{AGE_WIDTH}}  {tries:>{TRIES_WIDTH}}  ")]
        line.append(
            Span(
                glyphs.fit(message.state[:LONGEST_NAME], STATE_WIDTH), message.state if message.state in STATES else ""
            )
        )
        line.append(Span("  "))
        if sender_width:
            line += [Span(glyphs.fit(sender, sender_width), "muted"), Span(f" {glyphs.step} ", "muted")]
        line.append(Span(glyphs.fit(message.recipient[:LONGEST_NAME], max(recipient_width, 0)), "name"))
        lines.append([*line, Span("  "), Span(glyphs.fit(its_id, id_width))])
    return lines


def _sentence(text: str, width: int, glyphs: Glyphs) -> list[Line]:
    return [[Span(" "), Span(line, "muted")] for line in _folded(glyphs.plain(text), max(width - 2, 1))]


def _folded(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken at blanks where it has any."""
    lines: list[str] = []
    for line in wrapped(text, width):
        part, used = "", 0
        for char in line:
            cells = cell_width(char)
            if part and used + cells > width:
                lines.append(part)
                part, used = "", 0
            part, used = part + char, used + cells
        lines.append(part)
    return lines
