"""The detail says why, how many, since when and in whose words; and keeps to its cells whatever a source sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.host import hosted
from tests.ui.scripted import NOON
from tui.hub.protocol import Detail, View
from tui.model import Cause, Counts, Freshness, Grouping, QueueQuery, QueueRow, SourceStatus, WaitingMessage
from tui.text import cell_width, clean
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.widgets.detail import NOT_TOLD, DetailView, ago, body_lines

NOW = int(NOON)
HOUR, DAY = 3600, 86400

ROW = QueueRow(source="mx1", account_id=3, account="alice@acme.test", isp="Gmail", new=40, proc=3, retry=1165, hold=2)
VIEW = View(
    serial=1,
    time=NOON,
    query=QueueQuery(grouping=Grouping.ISP, account_id=3, account="alice@acme.test"),
    sources=[SourceStatus(name="mx1", type="exim", freshness=Freshness.LIVE)],
)
SAID = "421-4.7.28 Gmail has detected an unusual rate of mail. To protect our users it has been rate limited"
CAUSES = [
    Cause(
        text="421 4.7.28 Gmail has detected an unusual",
        count=930,
        first_seen=NOW - 3 * HOUR,
        last_seen=NOW - 20,
        last_reply=f"H=gmail-smtp-in.l.google.com [192.0.2.1]: SMTP error after end of data: {SAID}",
    ),
    Cause(
        text="Connection timed out",
        count=70,
        first_seen=NOW - 3 * DAY,
        last_seen=NOW - 26 * 60,
        last_reply="H=alt1.example [192.0.2.2]: Connection timed out",
    ),
]
MESSAGES = [
    WaitingMessage(id="1a-2b-3c", sender="", recipient="bob@gmail.com", state="retry", arrived=NOW - DAY, attempts=30),
    WaitingMessage(id="1a-2b-3d", sender=None, recipient="eve@gmail.com", state="hold"),
    WaitingMessage(
        id="1a-2b-3e", sender="a@acme.test", recipient="kim@gmail.com", state="new", arrived=NOW - 65, attempts=0
    ),
]
DETAIL = Detail(
    row=ROW,
    delta=-30.0,
    sender_total=5000,
    events=Counts(send=120, success=431, defer=1202, fail=3),
    causes=CAUSES,
    messages=MESSAGES,
)


def body(detail: Detail, width: int = 100, height: int = 40, glyphs: Glyphs = UNICODE, view: View = VIEW) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in body_lines(detail, view, width, height, glyphs)]


def after(lines: list[str], start: str) -> list[list[str]]:
    place = next(place for place, line in enumerate(lines) if line.strip().startswith(start))
    return [line.split() for line in lines[place + 1 :]]


def words(line: str) -> str:
    """A line with one blank between its words."""
    return " ".join(line.split())


def test_first_stands_how_much_waits_and_where_it_is_going() -> None:
    lines = body(DETAIL)
    assert words(lines[0]) == "1,210 recipients wait new 40 proc 3 retry 1,165 hold 2"
    assert lines[1].split("   ") == [" -30/min", "empty in 40 min", "24.2% of the sender's 5,000"]
    assert words(lines[2]) == "in the last 1 h: sent 120 delivered 431 deferred 1,202 failed 3"


def test_causes_say_how_often_since_when_and_in_whose_words() -> None:
    lines = body(DETAIL)
    table = after(lines, "replies")
    assert table[0][:2] == ["930", "93.0%"]
    assert " ".join(table[0][2:]) == "3 h ago just now 421 4.7.28 Gmail has detected an unusual"
    whole = " ".join(lines)
    assert "Gmail said: 421-4.7.28 Gmail has detected an unusual rate of mail. To protect" in whole
    assert "the mail system noted: H=alt1.example [192.0.2.2]: Connection timed out" in whole
    assert "3 d ago  26 min ago  Connection timed out" in whole


def test_shares_and_ages_are_short_but_never_wrong() -> None:
    rare = replace(CAUSES[1], count=1)
    lines = body(replace(DETAIL, causes=[replace(CAUSES[0], count=9999), rare]), 80)
    assert after(lines, "replies")[0][:5] == ["9,999", "100.0%", "3", "h", "now"]
    assert "1   <0.1%     3 d  26 min  Connection timed out" in " ".join(lines)


def test_what_is_held_is_said_first_where_it_is_the_most() -> None:
    held = replace(DETAIL, row=replace(ROW, hold=3192))
    assert "✖ 3,192 held: not tried again until somebody releases it" in " ".join(body(held, 80))
    assert "held:" not in " ".join(body(DETAIL))
    alone = replace(held, causes=[], row=QueueRow(hold=3))
    assert "3 held" in " ".join(body(alone)) and "nothing was put off" not in " ".join(body(alone))
    assert "2 held" in " ".join(body(Detail(row=QueueRow(hold=2)))), "also where no cause is told"


def test_only_the_most_frequent_cause_has_its_words_where_room_is_scarce() -> None:
    lines = " ".join(body(DETAIL, 80, 12))
    assert "Gmail said:" in lines and "the mail system noted:" not in lines
    for height in range(8, 30):
        shown = body(DETAIL, 80, height)
        assert any("noted:" in line for line in shown) == (len(body(DETAIL, 80, 99)) <= height + 2 * (height < 16)), (
            height
        )


def test_the_words_are_shown_in_full_however_narrow_it_is() -> None:
    for width in (60, 80, 140):
        said = " ".join(line.strip(" ▎") for line in body(DETAIL, width) if line.startswith("  ▎"))
        assert SAID in said
        assert "(H=gmail-smtp-in.l.google.com [192.0.2.1]: SMTP error after end of data)" in said


def test_nobody_is_quoted_who_is_not_known() -> None:
    row = replace(ROW, isp="")
    assert "the provider said: 421-4.7.28" in " ".join(body(replace(DETAIL, row=row)))
    of_isp = replace(VIEW, query=QueueQuery(grouping=Grouping.ACCOUNT, isp="Outlook"))
    assert "Outlook said: 421-4.7.28" in " ".join(body(replace(DETAIL, row=row), view=of_isp))


def test_messages_stand_in_columns() -> None:
    lines = body(DETAIL)
    table = after(lines, "oldest")
    assert [" ".join(line) for line in table] == [
        "24 h 30 retry <> ▸ bob@gmail.com 1a-2b-3c",
        "– – hold – ▸ eve@gmail.com 1a-2b-3d",
        "1 min 0 new a@acme.test ▸ kim@gmail.com 1a-2b-3e",
    ]
    head = next(line for line in lines if "tries" in line)
    for line in lines[-3:]:
        assert line[head.index("id") :].startswith("1a-")
        assert line[head.index("recipient") :].split()[0].endswith("@gmail.com")
    assert "a@acme.test" not in " ".join(body(DETAIL, 60)), "the recipient alone where it is narrow"
    assert all("@gmail.com" in line for line in body(DETAIL, 60)[-3:])


def test_what_a_source_does_not_tell_is_said_in_plain_words() -> None:
    silent = Detail(row=ROW, delta=None)
    assert NOT_TOLD in body(silent)[-1]
    assert "what happened in the last 1 h is not known" in " ".join(body(silent))
    assert "–/min" in body(silent)[1] and "sender" not in body(silent)[1]
    asked = " ".join(body(replace(silent, waiting=True)))
    assert "asking why it waits" in asked and "asking for the oldest messages" in asked
    only_causes = " ".join(body(replace(DETAIL, messages=None)))
    assert "does not tell which messages wait" in only_causes
    fresh = Detail(row=QueueRow(new=3), causes=[], messages=[], events=Counts())
    assert "nothing was put off" in " ".join(body(fresh)) and "sent 0" in " ".join(body(fresh))
    assert "no reply is known" in " ".join(body(replace(fresh, row=ROW)))
    assert "✖ mx1: the ledger is away." in " ".join(body(replace(silent, problem="mx1: the ledger is away.")))


def test_ages_go_in_steps_and_change_with_the_clock_alone() -> None:
    steps = [ago(seconds) for seconds in (-5, 59, 60, 3599, 3600, 2 * DAY - 1, 2 * DAY, 10**9)]
    assert steps == ["just now", "just now", "1 min ago", "59 min ago", "1 h ago", "47 h ago", "2 d ago", ">999 d ago"]
    seen = [body(DETAIL, view=replace(VIEW, time=NOON + second)) for second in range(0, 60, 7)]
    assert all(lines == seen[0] for lines in seen)


async def test_the_heading_stays_and_the_rest_scrolls_as_far_as_there_is_something() -> None:
    widget = DetailView(UNICODE)
    async with hosted(widget, (80, 9)) as (host, pilot):
        widget.show(DETAIL, VIEW)
        await pilot.pause()
        assert words(host.shown()[0]) == "alice@acme.test ▸ Gmail ▼ 5 more"
        for rows, place in (
            (3, "▲ 3 ▼ 2 more"),
            (100, "▲ 5"),
            (-1, "▲ 4 ▼ 1 more"),
            (-100, "▼ 5 more"),
        ):
            widget.move(rows)
            await pilot.pause()
            assert words(host.shown()[0]) == f"alice@acme.test ▸ Gmail {place}"
        widget.move(100)
        widget.show(replace(DETAIL, delta=4.0), VIEW, focused=True)
        await pilot.pause()
        assert host.shown()[0].split()[-2:] == ["▲", "5"], "the same row stays where it is"
        assert host.shown()[0].startswith("▍alice@acme.test")
        assert host.shown()[-1].rstrip().endswith("1a-2b-3e")
        widget.show(replace(DETAIL, row=replace(ROW, isp="Yahoo")), VIEW)
        await pilot.pause()
        assert host.shown()[0].split()[:3] == ["alice@acme.test", "▸", "Yahoo"]
        assert "recipients wait" in host.shown()[1]
        widget.show(None, VIEW)
        await pilot.pause()
        assert "asking for all that is known" in "".join(host.shown())


async def test_the_heading_says_whose_row_it_is_and_how_far_to_trust_it() -> None:
    widget = DetailView(UNICODE)
    stale = [replace(VIEW.sources[0], freshness=Freshness.STALE), replace(VIEW.sources[0], name="mx2")]
    async with hosted(widget, (80, 9)) as (host, pilot):
        widget.show(DETAIL, replace(VIEW, sources=stale))
        await pilot.pause()
        assert words(host.shown()[0]).startswith("mx1 ▸ alice@acme.test ▸ Gmail ◌ stale")
        mixed = replace(ROW, account_id=0, account="", isp="", sender_id=7)
        widget.show(replace(DETAIL, row=mixed), replace(VIEW, query=QueueQuery(), several_senders=True))
        await pilot.pause()
        assert host.shown()[0].startswith(" sender 7 ")
        widget.show(replace(DETAIL, row=QueueRow(source="mx1")), replace(VIEW, query=QueueQuery()))
        await pilot.pause()
        assert host.shown()[0].startswith(" all mail ")


hostile = st.text(max_size=40).map(clean) | st.sampled_from(
    ["日本語" * 3000, "x" * 10_000, "[@click=app.quit]x[/]", "e\u0301" * 5000, "🎉 " * 50, "\u0301" * 40]
)
rows: Any = st.builds(
    QueueRow,
    account_id=st.integers(0, 2),
    account=hostile,
    campaign_id=st.integers(0, 2),
    campaign=hostile,
    isp=hostile,
)
causes: Any = st.builds(
    Cause,
    text=hostile | st.just("421 4.7.0 x"),
    count=st.integers(0, 10**15),
    first_seen=st.integers(0, NOW * 2),
    last_seen=st.integers(0, NOW * 2),
    last_reply=hostile,
)
messages: Any = st.builds(
    WaitingMessage,
    id=hostile,
    sender=st.none() | hostile,
    recipient=hostile,
    state=hostile,
    arrived=st.none() | st.integers(0, NOW * 2),
    attempts=st.none() | st.integers(0, 10**12),
)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Detail,
        row=rows,
        delta=st.none() | st.floats(-1e12, 1e12),
        sender_total=st.none() | st.integers(0, 10**15),
        causes=st.none() | st.lists(causes, max_size=4),
        messages=st.none() | st.lists(messages, max_size=4),
        problem=hostile,
    ),
    st.sampled_from([60, 80, 140]),
    st.sampled_from([UNICODE, ASCII]),
)
def test_whatever_is_in_it_the_detail_keeps_to_its_cells(detail: Detail, width: int, glyphs: Glyphs) -> None:
    widget = DetailView(glyphs)
    widget._detail, widget._view = detail, VIEW
    lines = ["".join(span.text for span in line) for line in widget.lines(width, 200)]
    assert max(map(cell_width, lines)) <= width
    assert all(map(str.isascii, lines)) or glyphs is UNICODE
    heads = [line for line in lines if line.startswith(" oldest")]
    if heads and detail.messages:
        assert len({cell_width(line) for line in lines[-len(detail.messages) :]}) == 1, "columns stay aligned"


@pytest.mark.parametrize("size", [(80, 14), (140, 30), (60, 12)])
async def test_hostile_text_is_painted_harmlessly(size: tuple[int, int]) -> None:
    widget = DetailView(UNICODE)
    text = clean("[red]x[/red]\x1b[2J\u202e\n") + "日本語🎉e\u0301" * 900
    detail = Detail(
        row=replace(ROW, account=text, isp=text),
        causes=[replace(CAUSES[0], text=text, last_reply=text)] * 3,
        messages=[replace(MESSAGES[0], id=text, sender=text, recipient=text, state=text)] * 3,
    )
    async with hosted(widget, size) as (host, pilot):
        widget.show(detail, VIEW)
        await pilot.pause()
        assert [cell_width(line) for line in host.shown()] == [size[0]] * size[1]
        assert "[red]x[/red]�[2J" in host.shown()[0][:40]
