"""The quick way to read XML answers: it takes what the API sends, and never says anything else than expat."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sources import sender_queue_wire
from tui.sources.sender_queue_envelope import AnswerError
from tui.sources.sender_queue_wire import Rows, decode_rows
from tui.sources.sender_queue_xml import cut_rows

DOCUMENTED = (Path(__file__).parent.parent / "data" / "sender-queue" / "documented.xml").read_bytes()
ROW = (
    "<data><account_id>{0}</account_id><isp>{1}</isp><new>{0}</new><proc>0</proc><retry>7</retry><hold>0</hold></data>"
)
END = "<error>0</error></xml>"


def answer(body: bytes, quickly: bool) -> Rows | str:
    with patch.object(sender_queue_wire, "cut_rows", cut_rows if quickly else lambda _: None):
        try:
            return decode_rows(body)
        except AnswerError as error:
            return str(error)


@pytest.mark.parametrize(
    "body",
    [
        DOCUMENTED,
        DOCUMENTED.replace(b"\n", b"\r\n"),
        DOCUMENTED.replace(b"\n", b""),
        DOCUMENTED.replace(b"<isp></isp>", b"<isp/>"),
        DOCUMENTED.replace(b"<isp></isp>", b"<isp>AT&amp;T &lt;\r\n&apos;\xd0\x9f&quot;&gt;</isp>"),
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + DOCUMENTED,
        b"<xml><error>0</error>" + DOCUMENTED[6:].replace(b"<error>0</error>", b""),
    ],
)
def test_what_the_api_sends_is_read_quickly(body: bytes) -> None:
    cut = cut_rows(body)
    assert cut is not None
    assert cut.numbers["campaign_id"] == [4591, 4914]
    assert b"data" not in cut.rest
    assert answer(body, quickly=True) == answer(body, quickly=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<xml>", "<xml><!-- "),
        ("<xml>", "<xml><deep>"),
        ("<xml>", "<!DOCTYPE xml><xml>"),
        ("<xml>", '<?xml version="1.0" encoding="latin-1"?><xml>'),
        ("</data><data>", "</data><!-- --><data>"),
        ("</data><data>", "</data><isp/><data>"),
        ("</data><data>", "</data><data/><data>"),
        ("</data><data>", "</data>]]><data>"),
        ("</data><data>", "</data>\x00<data>"),
        ("</data><data>", "</data>\ufffe<data>"),
        ("</data><data>", "</data>&<data>"),
        ("Gmail", "&#71;mail"),
        ("Gmail", "&lol;"),
        ("Gmail", "<b/>"),
        ("<new>5", "<new>05"),
        ("<new>5", "<new>1234567890123456"),
        ("<new>5</new>", "<new/>"),
        ("<new>5</new>", ""),
        ("<new>", "<old>"),
        ("<new>5</new>", "<new>5</new><new>5</new>"),
        ("<new>5</new>", "<new>5</proc>"),
        ("<data>", '<data at="1">'),
        ("</data>", ""),
    ],
)
def test_anything_else_is_left_to_expat(old: str, new: str) -> None:
    body = "<xml>" + ROW.format(5, "Gmail") + ROW.format(6, "Yahoo") + END
    assert cut_rows(body.encode()) is not None
    changed = body.replace(old, new).encode()
    assert changed != body.encode()
    assert cut_rows(changed) is None
    assert answer(changed, quickly=True) == answer(changed, quickly=False)


@pytest.mark.parametrize("rest", ["<xml><data>full</data>{}<error>0</error></xml>", "<xml>{}<error>403</error></xml>"])
def test_what_stands_around_the_rows_counts(rest: str) -> None:
    body = rest.format(ROW.format(5, "Gmail")).encode()
    assert cut_rows(body) is not None
    assert isinstance(answer(body, quickly=True), str)
    assert answer(body, quickly=True) == answer(body, quickly=False)


PIECES = [
    *("<xml>", "</xml>", "<data>", "</data>", "<data/>", "<isp>", "</isp>", "<isp/>", "<new>", "</new>", "<error>"),
    *("<!--", "-->", "<![CDATA[", "]]>", "<?x ?>", "<!DOCTYPE xml>", "&amp;", "&#65;", "&", "<", ">", "/", '"'),
    *("0", "05", "9", " ", "\r", "\n", "\x00", "\x0b", "\ufffe", "ä", "Gmail"),
]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["", "Gmail", "AT&amp;T", "ä"])), max_size=4),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 3), st.sampled_from(PIECES)), max_size=4),
)
def test_it_never_says_anything_else_than_expat(
    rows: list[tuple[int, str]], changes: list[tuple[int, int, str]]
) -> None:
    body = "<xml>" + "".join(ROW.format(*row) for row in rows) + END
    for at, length, piece in changes:
        body = body[:at] + piece + body[at + length :]
    assert answer(body.encode(), quickly=True) == answer(body.encode(), quickly=False)
