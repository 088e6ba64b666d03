"""A pane says what an account sends, why it needs attention, and which one is chosen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.host import hosted
from tui.hub.protocol import AccountPane, Span
from tui.model import STATES, Freshness, MailTotals
from tui.text import cell_width, clean
from tui.ui.glyphs import ASCII, UNICODE, Glyphs
from tui.ui.widgets.account_pane import LEFT_WIDTH, AccountPanes, chart_size, pane_lines, pane_width, reason
from tui.ui.widgets.lines import Line

NO_COLOUR = replace(UNICODE, states={state: state[0] for state in STATES})

ALICE = MailTotals(
    account="alice@acme.test",
    send_count=12_345,
    success_count=11_890,
    defer_count=2_431,
    fail_count=213,
    in_progress_count=2_368,
    total_size=412_000_000,
)


def pane(totals: MailTotals = ALICE, rate: float | None = 128.0, defer: float | None = 12.0) -> AccountPane:
    return AccountPane(source="mx1", totals=totals, rate_per_minute=rate, defer_rate_per_minute=defer)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def drawn(one: AccountPane, width: int = 39, height: int = 5, glyphs: Glyphs = UNICODE) -> list[str]:
    return texts(pane_lines(one, None, width, height, glyphs))


def test_a_pane_shows_totals_shares_and_rate() -> None:
    lines = drawn(pane())
    assert [line.split() for line in lines] == [
        ["▎alice@acme.test", "12,345", "sent", "412", "MB"],
        ["▎delivered", "11,890", "98.2%", "128/min"],
        ["▎deferred", "2,431", "16.7%"],
        ["▎failed", "213"],
        ["▎waiting", "2,368"],
    ]
    assert drawn(pane(), height=6)[1].split() == ["▎sent", "12,345", "128/min"]


def test_what_is_unknown_is_a_sign_and_never_zero() -> None:
    words = [line.split() for line in drawn(pane(MailTotals(account="carol"), None, None))]
    assert words[0] == ["▎carol", "–", "sent", "–"]
    assert words[1:] == [
        ["▎delivered", "–", "–", "–/min"],
        ["▎deferred", "–", "–"],
        ["▎failed", "–"],
        ["▎waiting", "–"],
    ]
    assert not any(char.isdigit() for line in drawn(pane(MailTotals(account="carol"), None, None)) for char in line)
    nothing_yet = MailTotals(account="dave", send_count=0, success_count=0, defer_count=0, fail_count=0)
    assert [line.split()[1:3] for line in drawn(pane(nothing_yet))[1:3]] == [["0", "–"], ["0", "–"]]


@pytest.mark.parametrize(
    ("success", "fail", "percent"),
    [(99_999, 1, "99.9%"), (100, 0, "100%"), (1, 99_999, "<0.1%"), (0, 5, "0.0%"), (2, 1, "66.7%")],
)
def test_a_share_says_neither_0_nor_100_of_what_is_near(success: int, fail: int, percent: str) -> None:
    totals = MailTotals(account="a", success_count=success, fail_count=fail, defer_count=0)
    assert drawn(pane(totals))[1].split()[2] == percent


def test_a_pane_says_in_a_word_why_it_needs_attention() -> None:
    hit = MailTotals(account="bob", send_count=5, quotas=("emails 150/150",))
    assert [reason(one) for one in (pane(hit), pane(), pane(defer=90.0), pane(defer=None))] == [
        "quota",
        "",
        "deferrals",
        "",
    ]
    assert reason(pane(MailTotals(account="b", success_count=0, fail_count=2), defer=None)) == "undelivered"
    assert reason(pane(MailTotals(account="b", success_count=80, fail_count=20), defer=None)) == "failures"
    for glyphs in (UNICODE, ASCII):
        for width in (34, 39, 68):
            lines = drawn(pane(hit), width, 5, glyphs)
            assert f"{glyphs.problem} quota" in lines[0]
            assert "emails" in lines[2] and "emails 15" in drawn(pane(hit), 39)[2]
    assert "2 quotas" in drawn(pane(MailTotals(account="b", quotas=("emails 150/150", "defer/fail 5/5"))), 34)[2]


def test_a_chosen_pane_is_marked_by_a_sign_and_a_style() -> None:
    for glyphs in (UNICODE, NO_COLOUR, ASCII):
        plain, chosen, focused = (
            pane_lines(pane(), None, 39, 5, glyphs, chosen=one > 0, focused=one > 1) for one in range(3)
        )
        assert len({tuple(texts(lines)) for lines in (plain, chosen, focused)}) == 3
        assert [lines[0][1].role for lines in (plain, chosen, focused)] == ["strong", "tab", "tab"]
        assert all(line.startswith(glyphs.focus) for line in texts(focused))


async def test_a_click_chooses_a_pane_and_another_goes_in() -> None:
    panes = AccountPanes(UNICODE)
    panes.places = 2
    all_panes = [pane(), pane(MailTotals(account="bob")), pane(MailTotals(account="not shown"))]
    async with hosted(panes, (80, 5)) as (host, pilot):
        panes.show(all_panes, selected=all_panes[0].key, focused=True)
        assert [panes.pane_at(x) for x in (0, 39, 40, 79)] == [
            all_panes[0].key,
            all_panes[0].key,
            all_panes[1].key,
            all_panes[1].key,
        ]
        await pilot.click(AccountPanes, offset=(50, 2))
        await pilot.click(AccountPanes, offset=(5, 2))
    assert [(one.key, one.into) for one in host.chosen] == [(all_panes[1].key, False), (all_panes[0].key, True)]


hostile = st.text(st.sampled_from("aé日🎉\u0301[]/@=") | st.characters(), max_size=60).map(clean) | st.sampled_from(
    ["日本語" * 3000, "[red]x[/red]", "e\u0301" * 5000, "\u0301" * 40]
)


@given(
    st.lists(
        st.builds(
            MailTotals,
            account=hostile,
            send_count=st.none() | st.integers(0, 10**18),
            success_count=st.none() | st.integers(0, 10**18),
            defer_count=st.none() | st.integers(0, 10**18),
            fail_count=st.none() | st.integers(0, 10**18),
            total_size=st.none() | st.integers(0, 10**21),
            quotas=st.lists(hostile, max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([(68, 5), (80, 5), (140, 6), (200, 6)]),
    st.sampled_from([UNICODE, ASCII]),
)
def test_whatever_is_in_it_a_pane_keeps_to_its_cells(
    totals: list[MailTotals], size: tuple[int, int], glyphs: Glyphs
) -> None:
    width, height = pane_width(size[0], 2 if size[0] < 100 else 4), size[1]
    for one in totals:
        for freshness in (None, Freshness.LIVE, Freshness.STALE):
            for line in texts(pane_lines(pane(one, 1e12, 1e12), freshness, width, height, glyphs)):
                assert cell_width(line) == width, line
                assert line.isascii() or glyphs is UNICODE


@pytest.mark.parametrize(("width", "places"), [(68, 2), (80, 2), (140, 4), (200, 4)])
def test_the_chart_fits_beside_the_counts(width: int, places: int) -> None:
    chart_width, chart_height = chart_size(width, places, 5)
    assert chart_width >= 7 and chart_height == 3
    full = [[Span("#" * chart_width, "send")]] * chart_height
    one = AccountPane(source="mx1", totals=ALICE, rate_per_minute=1.0, chart=full)
    lines = drawn(one, pane_width(width, places))
    places_of = [line.index("#") for line in lines if "#" in line]
    assert places_of == [LEFT_WIDTH] * chart_height
    assert all(after == before for before, after in pairwise(map(cell_width, lines)))


@pytest.mark.parametrize("width", [-30, 0, 1, 8, LEFT_WIDTH + 1])
def test_a_terminal_of_hardly_any_cells_is_no_reason_to_end(width: int) -> None:
    busy = pane(replace(ALICE, quotas=("emails 150/150", "deferrals 5/5")))
    assert len(drawn(busy, width)) == len(drawn(pane(), width, 7)) - 2 == 5
