"""The sender-queue API's bytes: the documented examples, every way in which an answer is none, and no other failure."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sources.sender_queue_envelope import MAX_NUMBER, MAX_VALUES, AnswerError
from tui.sources.sender_queue_wire import Page, Rows, decode_page, decode_rows, encode
from tui.text import clean

DATA = Path(__file__).parent.parent / "data" / "sender-queue"
ROW = {"account_id": 306, "campaign_id": 4591, "hold": 0, "isp": "", "new": 100, "proc": 100, "retry": 0, "total": 200}


def in_json(*rows: object, **others: object) -> bytes:
    return json.dumps({"data": list(rows), "error": 0, "error_text": "Successful operation"} | others).encode()


def in_xml(*rows: object, error: object = 0) -> bytes:
    def leaves(entry: object) -> str:
        assert isinstance(entry, dict)
        return "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in entry.items() if value is not None)

    return f"<xml>{''.join(f'<data>{leaves(row)}</data>' for row in rows)}<error>{error}</error></xml>".encode()


def reason(body: bytes) -> str:
    with pytest.raises(AnswerError) as caught:
        decode_rows(body)
    text = str(caught.value)
    assert text.isprintable()
    assert "; " in text or ": " in text, "what to do is missing"
    return text


# The documented examples ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["json", "xml"])
def test_the_documented_example_gives_the_documented_rows(format: str) -> None:
    assert decode_rows((DATA / f"documented.{format}").read_bytes()) == Rows(
        account_id=[306, 306],
        campaign_id=[4591, 4914],
        isp=["", ""],
        new=[100, 10],
        proc=[100, 10],
        retry=[0, 40],
        hold=[0, 80],
    )


def test_a_question_is_the_documented_one() -> None:
    fields: dict[str, int | str] = {"token": "abcdefghijklmnqrstuvwxyz", "id": 119}
    assert json.loads(encode(fields, "json")) == json.loads((DATA / "question.json").read_bytes())
    assert encode(fields, "xml") == (DATA / "question.xml").read_bytes().replace(b"\n", b"")


def test_a_question_in_xml_is_escaped() -> None:
    assert encode({"isp": "AT&T <x>"}, "xml") == b"<xml><isp>AT&amp;T &lt;x&gt;</isp></xml>"


# What is an answer all the same -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":null,"error":0}',
        b'{"data":[],"error":0}',
        b'{"error":0}',
        b'{"error":"0"}',
        b'{"error":0.0}',
        b'\xef\xbb\xbf\n {"error":0}',
        b"<xml><data/><error>0</error></xml>",
        b"<xml><data> </data><error>0</error></xml>",
        b"<xml><error>0</error></xml>",
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<xml><error> 0 </error></xml>',
    ],
)
def test_an_empty_queue_has_many_faces(body: bytes) -> None:
    assert decode_rows(body) == Rows()


@pytest.mark.parametrize("make", [in_json, in_xml])
@pytest.mark.parametrize("value", ["7", " 7 ", 7.0, "7.0"])
def test_a_number_may_stand_in_quotes(make: type, value: object) -> None:
    assert decode_rows(make(ROW | {"new": value, "total": 107})).new == [7]


@pytest.mark.parametrize("make", [in_json, in_xml])
@pytest.mark.parametrize("missing", [None, ""])
def test_a_dimension_that_is_missing_is_none(make: type, missing: object) -> None:
    rows = decode_rows(make(ROW | {"account_id": missing, "campaign_id": missing, "isp": missing}))
    assert (rows.account_id, rows.campaign_id, rows.isp) == ([0], [0], [""])


@pytest.mark.parametrize("make", [in_json, in_xml])
def test_unknown_keys_are_ignored(make: type) -> None:
    assert decode_rows(make(ROW | {"color": "<red>", "zone": 5})).new == [100]
    assert decode_rows(in_json(ROW | {"new ": {"a": [1]}}, more=[1])).new == [100]
    assert decode_rows(b"<xml><x><y><new>5</new></y></x>" + in_xml(ROW)[5:]).new == [100]


@pytest.mark.parametrize("make", [in_json, in_xml])
def test_equal_keys_are_added_up(make: type) -> None:
    rows = decode_rows(make(ROW, ROW | {"campaign_id": 1}, ROW | {"hold": 5, "total": 205}))
    assert rows.campaign_id == [4591, 1]
    assert (rows.new, rows.proc, rows.retry, rows.hold) == ([200, 100], [200, 100], [0, 0], [5, 0])
    several = decode_rows(make(ROW | {"isp": "Gmail"}, ROW, ROW | {"isp": "Gmail"}))
    assert (several.isp, several.new) == (["Gmail", ""], [200, 100])


@pytest.mark.parametrize("make", [in_json, in_xml])
@pytest.mark.parametrize("total", [999, -1, "many", 1.5])
def test_a_total_that_is_not_the_sum_is_noticed(make: type, total: object) -> None:
    rows = decode_rows(make(ROW | {"total": total}, ROW | {"campaign_id": 2}, ROW | {"campaign_id": 3, "total": None}))
    assert rows.odd_totals == 1
    assert rows.new == [100] * 3


@pytest.mark.parametrize("make", [in_json, in_xml])
def test_names_are_clean_and_short(make: type) -> None:
    assert decode_rows(make(ROW | {"isp": "G\u202email"})).isp == ["G\ufffdmail"]
    assert decode_rows(make(ROW | {"isp": "x" * 10_000})).isp == ["x" * 255]
    assert decode_rows(in_json(ROW | {"isp": "\x1b]0;x\x07"})).isp == ["\ufffd]0;x\ufffd"]


def test_xml_may_be_in_a_declared_character_set() -> None:
    text = in_xml(ROW | {"isp": "Почта"}).decode()
    body = f'<?xml version="1.0" encoding="windows-1251"?>{text}'.encode("cp1251")
    assert decode_rows(body).isp == ["Почта"]


def test_many_rows_take_no_longer_than_json_alone() -> None:
    body = in_json(*(ROW | {"campaign_id": number} for number in range(20_000)))

    def seconds(decode: Callable[[bytes], object]) -> float:
        began = time.process_time()
        decode(body)
        return time.process_time() - began

    assert min(seconds(decode_rows) for _ in range(5)) < min(seconds(json.loads) for _ in range(5))


# What is no answer --------------------------------------------------------------------------------------------------

NO_ANSWER = {
    b"": "is empty",
    b" \n": "is empty",
    b"<!DOCTYPE html><html>login</html>": "is an HTML page",
    b"\n<HTML lang=en><body>": "is an HTML page",
    b'{"data":[{"account_id":3': "breaks off after 24 bytes",
    b"<xml><data><new>3": "breaks off after 17 bytes",
    b"\x00\x17\xfe\xff\x80": "is neither JSON nor XML",
    b"\xff\xfe{\x00}\x00": "is neither JSON nor XML",
    b"no route": "is neither JSON nor XML",
    b'{"error":0,"error_text":"\xcf\xf0"}': "is not in UTF-8",
    b'{"error":0,"data":[{"isp":"\xcf\xf0"}]}': "is not in UTF-8",
    b"[]": "is JSON, but no answer of this API",
    b"3": "is JSON, but no answer of this API",
    b'{"error":0,"data":' + b"[" * 500_000 + b"]" * 500_000 + b"}": "is nested deeper",
    b'{"error":0,"x":' + b"[" * 500_000: "is nested deeper",
    b'{"error":0,"data":[{"new":' + b"9" * 5000 + b"}]}": "",
    b'{"error":0,"data":[' + b"{}," * MAX_VALUES + b"{}]}": "holds more than 8,000,000 values",
    b"<xml>" + b"<data/>" * (MAX_VALUES + 1) + b"</xml>": "holds more than 8,000,000 values",
    b"<xml>" + b"<a>" * 100_000: "is nested deeper",
    b"<foo><error>0</error></foo>": "is XML, but no answer of this API (it begins with <foo>)",
    b"<xml><error>0</errr></xml>": "is not well-formed XML",
    b'<?xml version="1.0" encoding="martian"?><xml/>': "is XML in a character set that cannot be read",
    b"<xml><error>0</error><x>\xcf\xf0</x></xml>": "is not well-formed XML",
    b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><error>0</error></xml>': "is XML with a document type or entities",
    b'<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml/>': "is XML with a document type or entities",
    b"<xml><error>&lol;</error></xml>": "is not well-formed XML",
    b"{}": 'has no "error"',
    b'{"data":[]}': 'has no "error"',
    b'{"error":null}': 'has no "error"',
    b'{"error":""}': 'has no "error"',
    b"<xml/>": 'has no "error"',
    b'{"error":true}': "is error of an unknown kind",
    b'{"error":{"code":401}}': "is error of an unknown kind",
    b'{"error":0.5}': "is error of an unknown kind",
    b'{"error":400,"error_text":"Incorrect request"}': "the question is incorrect (error 400)",
    b'{"error":401,"error_text":"Token required"}': "a token is required (error 401)",
    b'{"error":402}': "the limit of the tariff is reached (error 402)",
    b'{"error":"403","error_text":null}': "the token may not do this (error 403)",
    b"<xml><error>403</error><error_text>No rights</error_text></xml>": "may not do this (error 403)",
    b'{"error":500,"error_text":"\\u001b[31mBoom\\n","data":7}': "is error 500;",
    b'{"error":-3}': "is error -3",
    b'{"error":"denied","error_text":"who are you"}': 'is error "denied";',
    b'{"error":0,"data":{"new":1}}': 'has an object as "data" instead of a list',
    b'{"error":0,"data":"none"}': 'has text as "data" instead of a list',
    b'{"error":0,"data":7}': 'has a number as "data"',
    b'{"error":0,"data":[null]}': 'has null instead of an object in "data", entry 1',
    b'{"error":0,"data":[[1]]}': 'has a list instead of an object in "data", entry 1',
    b"<xml><data>full</data><error>0</error></xml>": 'has text instead of an object in "data", entry 1',
    in_json(ROW | {"isp": 7}): 'has a number as "isp" instead of text in row 1',
}


@pytest.mark.parametrize(("body", "expected"), NO_ANSWER.items(), ids=[repr(body[:30]) for body in NO_ANSWER])
def test_what_is_no_answer_says_why(body: bytes, expected: str) -> None:
    assert expected in reason(body)


@pytest.mark.parametrize("make", [in_json, in_xml])
@pytest.mark.parametrize("key", ["new", "proc", "retry", "hold", "account_id", "campaign_id"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-1, '"-1"'),
        (1.5, '"1.5"'),
        ("many", '"many"'),
        (MAX_NUMBER + 1, f'"{MAX_NUMBER + 1}"'),
        ("9" * 60, f'"{"9" * 40}"'),
        ("\x9b5", '"\ufffd5"'),
    ],
)
def test_a_number_that_is_none_is_refused(make: type, key: str, value: object, expected: str) -> None:
    text = reason(make(ROW, ROW | {key: value}))
    assert text.startswith((f'has {expected} as "{key}" in row 2', f'has {expected[1:-1]} as "{key}" in row 2'))


@pytest.mark.parametrize(
    ("value", "expected"), [(True, "true or false"), ([], "a list"), ({}, "an object"), (10**40, "a number")]
)
def test_what_is_not_even_a_number_is_named(value: object, expected: str) -> None:
    assert f'has {expected} as "retry" in row 1' in reason(in_json(ROW | {"retry": value}))


@pytest.mark.parametrize("make", [in_json, in_xml])
@pytest.mark.parametrize("key", ["new", "proc", "retry", "hold"])
def test_a_count_that_is_missing_is_unknown_and_not_zero(make: type, key: str) -> None:
    expected = f'has no "{key}" in row 1'
    assert expected in reason(make({name: value for name, value in ROW.items() if name != key}))
    assert expected in reason(make(ROW | {key: None}))
    assert expected in reason(make(ROW | {key: ""}))


def test_a_sum_beyond_belief_is_refused() -> None:
    rows = [ROW | {"campaign_id": number, "new": MAX_NUMBER} for number in range(2)]
    assert "more than 15 digits" in reason(in_json(*rows))


def test_an_error_knows_its_code_and_whether_the_api_spoke() -> None:
    with pytest.raises(AnswerError) as caught:
        decode_rows(b'{"error":"401"}')
    assert (caught.value.code, caught.value.said, caught.value.shaped) == (401, "", True)
    with pytest.raises(AnswerError) as caught:
        decode_rows(b'{"error":500,"error_text":"\\u001b[31mBoom\\n","data":7}')
    assert (caught.value.code, caught.value.said) == (500, "\ufffd[31mBoom\ufffd")
    with pytest.raises(AnswerError) as caught:
        decode_rows(b"<html>")
    assert (caught.value.code, caught.value.shaped) == (None, False)


# Lists --------------------------------------------------------------------------------------------------------------


def test_a_page_of_names() -> None:
    sender = {"id": 3, "name": "Email sender", "type": "akmta", "channel_type": "email"}
    assert decode_page(in_json(sender, total_count=12)) == Page({3: "Email sender"}, 12)
    assert decode_page(in_json({"id": "4", "name": None}, total_count="many")) == Page({4: ""}, None)
    assert decode_page(in_xml({"id": 5, "name": "A\u200b&B"})) == Page({5: "A\ufffd&B"}, None)
    with pytest.raises(AnswerError, match='has no "id" in entry 1'):
        decode_page(in_json({"name": "nobody"}))
    with pytest.raises(AnswerError, match="error 403"):
        decode_page(b'{"error":403}')


# Whatever comes -----------------------------------------------------------------------------------------------------

leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.integers().map(str)
)
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner), max_leaves=6
)
count = st.integers(0, 9) | st.integers(0, 9).map(str) | anything
rough_row = st.fixed_dictionaries({}, optional=dict.fromkeys(ROW, count))
good_row = st.fixed_dictionaries({key: st.integers(0, 3) for key in ROW} | {"isp": st.sampled_from(["", "Gmail", "x"])})


def answer(body: bytes) -> Rows | str:
    try:
        return decode_rows(body)
    except AnswerError as error:
        return str(error)


@given(st.lists(rough_row | anything, max_size=4) | anything, anything, anything)
def test_any_json_is_rows_or_a_reason(data: object, error: object, extra: object) -> None:
    for document in ({"data": data, "error": 0}, {"data": data, "error": error, "error_text": extra}, extra):
        rows = answer(msgspec.json.encode(document))
        if isinstance(rows, Rows):
            assert all(0 <= number <= MAX_NUMBER for number in [*rows.new, *rows.proc, *rows.retry, *rows.hold])
        else:
            assert clean(rows) == rows


@given(st.binary(max_size=60), st.sampled_from([b"", b"<", b"{", b"<xml>", b'{"error":0,"data":[', b"\xff\xfe<"]))
def test_any_bytes_are_rows_or_a_reason(body: bytes, before: bytes) -> None:
    answer(before + body)


@given(st.lists(good_row, max_size=4), st.integers(0, 2**32))
def test_a_damaged_answer_is_rows_or_a_reason(rows: list[dict[str, object]], seed: int) -> None:
    chance = random.Random(seed)
    for whole in (in_json(*rows), in_xml(*rows)):
        body = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        answer(bytes(body))
        answer(whole[: chance.randrange(len(whole))])


@given(st.lists(good_row, max_size=6))
def test_both_languages_and_both_ways_of_reading_agree(rows: list[dict[str, object]]) -> None:
    expected = decode_rows(in_json(*rows))
    assert decode_rows(in_xml(*rows)) == expected
    slow = [{key: f" {value} " if key != "isp" else value for key, value in row.items()} for row in rows]
    assert decode_rows(in_json(*slow)) == expected
    total = sum(int(str(row[key])) for row in rows for key in ("new", "proc", "retry", "hold"))
    assert sum(map(sum, (expected.new, expected.proc, expected.retry, expected.hold))) == total
    keys = list(zip(expected.account_id, expected.campaign_id, expected.isp, strict=True))
    assert len(keys) == len(set(keys))
