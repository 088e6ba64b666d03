"""Filters: what each text means, that what means nothing says so in one sentence, and that they stay quick."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.hub import filters
from tui.hub.filters import ACCOUNTS, QUEUE, Filter, FilterError, Grammar, parse_filter

ROWS: dict[str, list[Any]] = {
    "source": ["mx1", "mx1", "mx2", "mx2"],
    "sender": ["bulk", "bulk", "7", ""],
    "sender_id": [119, 119, 7, 9],
    "account": ["alice", "Bob Smith", "account 7", "<>"],
    "campaign": ["Spring/Sale", "(no campaign)", "campaign 9", "straße"],
    "isp": ["Gmail", "GMX", "(no isp)", "[ipv6:1]"],
    "new": [0, 1, 1000, 12],
    "proc": [0, 0, 0, 0],
    "retry": [101, 100, 0, 0],
    "hold": [0, 0, 5, 0],
    "total": [101, 101, 1005, 12],
    "delta": [None, -3.0, 0.0, 50.5],
    "share": [8.3, 8.3, 82.5, 1.0],
    "drain": [None, 33.7, None, math.inf],
}


def chosen(text: str, columns: dict[str, list[Any]] | None = None, grammar: Grammar = QUEUE) -> list[int]:
    """The rows that pass."""
    columns = columns or ROWS
    wanted = parse_filter(text, grammar)
    rows = len(next(iter(columns.values())))
    flags = wanted.select({name: columns[name] for name in wanted.needs}, rows)
    assert len(flags) == rows and set(flags) <= {0, 1}
    return [row for row, passes in enumerate(flags) if passes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3]),
        ("  ", [0, 1, 2, 3]),
        ("ALICE", [0]),
        ("gm", [0, 1]),
        ("mx", [0, 1, 2, 3]),
        ("(no campaign)", [1]),
        ('"account 7"', [2]),
        ("campaign", [1, 2]),
        ("STRASSE", [3]),
        ("<>", [3]),
        ("[ipv6", [3]),
        ("spring/sale", [0]),
        ('"bob s', [1]),
        ("gm bob", [1]),
        ("!gm", [2, 3]),
        ("! gm", [2, 3]),
        ("!!gm", [0, 1]),
        ("!gm !mx2", []),
        ("/^(gmail|gmx)$/", [0, 1]),
        ("/^(gmail|gmx)$", [0, 1]),
        ("/spring/sale/", [0]),
        ("/bob smith/ retry>=100", [1]),
        ("!/^mx2$/", [0, 1]),
        ("~^gm", [0, 1]),
        ('~"b s"', [1]),
        ("retry>100", [0]),
        ("retry >= 100", [0, 1]),
        ("new>=1k", [2]),
        ("new>=1,000", [2]),
        ("NEW<.001M", [0, 1, 3]),
        ("hold=0", [0, 1, 3]),
        ("hold!=0", [2]),
        ("!hold=0", [2]),
        ("share>5%", [0, 1, 2]),
        ("share>8.3", [2]),
        ("delta<0", [1]),
        ("delta<=0", [1, 2]),
        ("delta>-5", [1, 2, 3]),
        ("!delta<0", [0, 2, 3]),
        ("delta!=0", [1, 3]),
        ("drain>60", [3]),
        ("drain<1h", [1]),
        ("drain<40min", [1]),
        ("drain<1d", [1]),
        ("account:bob", [1]),
        ('account:"bob smith"', [1]),
        ("account=bob", []),
        ('account="BOB SMITH"', [1]),
        ('account!="bob smith"', [0, 2, 3]),
        ("account:/^a/", [0, 2]),
        ("account:~^a", [0, 2]),
        ("!account:~^a", [1, 3]),
        ("isp:gmail", [0]),
        ("campaign:9", [2]),
        ("source:mx1 total>100", [0, 1]),
        ("sender:7", [2]),
        ("sender=119", [0, 1]),
        ("sender:bulk", [0, 1]),
        ("sender=9", [3]),
    ],
)
def test_a_filter_chooses(text: str, expected: list[int]) -> None:
    assert chosen(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("!", "! wants after it what to leave out"),
        ("gm !", "! wants after it what to leave out"),
        ("retry>", "retry> wants a number after it, such as 100 or 1k"),
        ("retry>x", "retry> wants a number after it, such as 100 or 1k"),
        ("retry>5%", "retry> wants a number after it, such as 100 or 1k"),
        ("share>5k", "share> wants a number after it, such as 5%"),
        ("drain<5k", "drain< wants a number after it, such as 30min"),
        ("retry:5", "retry is a number: write retry>100"),
        ("account>5", "account is a name: write account:text or account=text"),
        ("account:", "account: wants a text after it"),
        ("account: bob", "account: wants a text after it"),
        ("acount:bob", 'there is no column "acount"'),
        ("a>b", 'to look for the text write "a>b"'),
        ("/(/", "the pattern ( cannot be used: missing ), unterminated subpattern"),
        ("/a[/", "the pattern a[ cannot be used"),
        ("/a{99999999999999}/", "the pattern a{99999999999999} cannot be used"),
        ("x" * 1001, "at most 1000 characters"),
    ],
)
def test_what_means_nothing_says_so_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|b)*c", "(?:x[+)]*){2,}", "((a?)b)+", r"(\(+)*"])
def test_a_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(FilterError, match="for ever"):
        parse_filter(f"/{pattern}/")


@pytest.mark.parametrize("pattern", ["(ab)+", "(a|b)?", "a+b*c{2}", "(a+)x", r"(\+)+", "([+*])+", "^(?:gmail|gmx)$"])
def test_a_plain_pattern_is_not(pattern: str) -> None:
    assert parse_filter(f"/{pattern}/").terms


def test_a_pattern_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "PATTERN_SECONDS", -1.0)
    with pytest.raises(FilterError, match="too long"):
        chosen("/a/")


def test_only_the_beginning_of_a_long_name_is_matched() -> None:
    columns = ROWS | {"account": ["a" * 10_000 + "b"] * 4, "campaign": [""] * 4}
    assert chosen("account:/b/", columns) == []
    assert chosen("account:b", columns) == [0, 1, 2, 3]


def test_accounts_have_columns_of_their_own() -> None:
    columns: dict[str, list[Any]] = {
        "source": ["mx", "mx"],
        "account": ["alice", "bob"],
        "sent": [5, None],
        "deferral": [12.5, None],
    }
    assert chosen("sent>1", columns, ACCOUNTS) == [0]
    assert chosen("!sent>1", columns, ACCOUNTS) == [1]
    assert chosen("bob", columns, ACCOUNTS) == [1]
    assert chosen("deferral>10%", columns, ACCOUNTS) == [0]
    with pytest.raises(FilterError, match='no column "retry"'):
        parse_filter("retry>1", ACCOUNTS)


def test_it_says_which_columns_it_needs() -> None:
    assert parse_filter("retry>1 account:x").needs == {"retry", "account"}
    assert parse_filter("x").needs == set(QUEUE.names)
    assert parse_filter("sender:7").needs == {"sender", "sender_id"}
    assert parse_filter(" ") == Filter((), frozenset())


SNIPPETS = [
    "gm",
    "!",
    "retry>",
    ">",
    "=",
    "1k",
    "account:",
    "/",
    "~",
    '"',
    "(",
    ")",
    "a*",
    " ",
    "[",
    "\\",
    "é",
    "|",
    "{2}",
]


@given(st.lists(st.sampled_from(SNIPPETS), max_size=8).map("".join) | st.text(max_size=30))
def test_any_text_is_a_filter_or_says_why_not_and_its_inverse_chooses_the_others(text: str) -> None:
    try:
        wanted = parse_filter(text)
    except FilterError as error:
        assert str(error)
        return
    everywhere = set(range(4))
    passed = set(chosen(text))
    assert passed <= everywhere
    if len(wanted.terms) == 1:
        assert set(chosen("!" + text.lstrip())) == everywhere - passed
    assert set(chosen(f"hold=0 {text}")) == passed & {0, 1, 3}
