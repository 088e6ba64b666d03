"""What cPanel's answers mean: the documented example, captured forms, and answers that are none."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.cpanel_server import DENIED, LOGIN_PAGE, STATS_PAGE, TWO_FACTOR_PAGE, api1, api2, counts, record
from tui.model import UNKNOWN_ACCOUNT, MailTotals
from tui.sources.cpanel_wire import (
    COUNTS,
    NoAnswer,
    Totals,
    Trouble,
    check_status,
    decode_all,
    decode_list,
    decode_login,
    decode_stats,
    filled,
)


def stats(value: object) -> Totals:
    return decode_stats(json.dumps(value).encode(), "bob")


def one(numbers: object) -> MailTotals:
    return stats(api2([numbers])).accounts[0]


def everyone(*records: object, overflowed: int = 0) -> Totals:
    return decode_all(json.dumps(api1({"records": list(records)}, overflowed=overflowed)).encode())


def trouble(body: bytes, status: int = 200) -> tuple[Trouble, str]:
    with pytest.raises(NoAnswer) as caught:
        check_status(status, body)
        decode_stats(body, "bob")
    return caught.value.trouble, caught.value.reason


def test_the_documented_example_gives_the_documented_numbers() -> None:
    found = decode_stats(STATS_PAGE, "user")
    assert found.accounts == [
        MailTotals(
            account="user",
            send_count=7,
            success_count=2,
            defer_count=18,
            fail_count=5,
            in_progress_count=0,
            total_size=1150,
        )
    ]
    assert found.accounts[0].defer_fail_count == 23
    assert found.oddities == ()


def test_numbers_come_as_strings_and_as_integers_and_null_is_zero() -> None:
    assert one(counts("12", INPROGRESSCOUNT=None, FUTURE={"x": 1})).send_count == 12
    assert one(counts(12)).send_count == 12
    assert one(counts(None)).send_count == 0
    assert one(counts(" 9 ")).send_count == 9


def test_a_key_that_is_missing_is_unknown() -> None:
    assert one({}) == MailTotals(account="bob")
    assert one(counts()).in_progress_count is None


@pytest.mark.parametrize(
    "value",
    [-1, "-5", 1.5, "1.5", True, False, "NaN", "", "many", 10**15, "9" * 16, 10**400, "1e3", "٣", [], [3], {}, 1e300],
)
def test_a_number_that_is_none_is_unknown_and_spares_the_others(value: object) -> None:
    found = stats(api2([counts(value)]))
    assert found.accounts[0].send_count is None
    assert found.accounts[0].success_count == 2
    (oddity,) = found.oddities
    assert oddity.startswith("SENDCOUNT of bob is ")
    assert len(oddity) < 200


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "9" * 5000, "1e999"])
def test_literals_that_are_no_counts_spare_the_others(literal: str) -> None:
    body = json.dumps(api2([counts("HERE")])).replace('"HERE"', literal).encode()
    totals = decode_stats(body, "bob").accounts[0]
    assert (totals.send_count, totals.success_count) == (None, 2)


def test_another_charset_costs_characters_only() -> None:
    body = json.dumps(api1({"records": [record("HERE")]})).encode().replace(b"HERE", "bär".encode("latin-1"))
    (totals,) = decode_all(body).accounts
    assert (totals.account, totals.send_count) == ("b\ufffdr", 7)
    assert decode_stats(b"\xef\xbb\xbf" + STATS_PAGE, "u").accounts[0].send_count == 7


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (STATS_PAGE[:200], "it ends in the middle"),
        (b"\x00\xff\x1b[31m", "it is not JSON"),
        (STATS_PAGE.decode().encode("utf-16"), "it is not JSON"),
        (b"7", "it is JSON, but not an object"),
        (b"[]", "it is JSON, but not an object"),
        (b"[" * 100_000, "it ends in the middle"),
        (b"{}", "it has no cpanelresult"),
        (b'{"cpanelresult":7}', "it has no cpanelresult"),
        (b'{"cpanelresult":{"data":[{}]}}', "it does not say that the call succeeded"),
        (b'{"cpanelresult":{"error":1,"data":[{}]}}', "it says that there was an error"),
        (json.dumps(api2([])).encode(), "its data holds no numbers"),
        (json.dumps(api2([7])).encode(), "its data holds no numbers"),
        (json.dumps(api2(None)).encode(), "its data holds no numbers"),
        (json.dumps(api2({"SENDCOUNT": "7"})).encode(), "its data holds no numbers"),
        (json.dumps(api2([{}], 0)).encode(), "it does not say that the call succeeded"),
    ],
)
def test_what_is_no_answer_says_how(body: bytes, reason: str) -> None:
    assert trouble(body) == (Trouble.GARBLED, reason)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (json.loads(DENIED), (Trouble.REFUSED, "Access denied")),
        (api2({"reason": "Disk is full", "result": "0"}, 0), (Trouble.FAILED, "Disk is full")),
        (api2([{"reason": "Disk is full"}], 0), (Trouble.FAILED, "Disk is full")),
        (api2(["Disk is full"]), (Trouble.FAILED, "Disk is full")),
        (api2([], 0, error="Disk is full"), (Trouble.FAILED, "Disk is full")),
        (
            {"cpanelresult": {"error": "Could not find function 'stats' in module 'EmailTrack'"}},
            (Trouble.NO_FUNCTION, "Could not find function 'stats' in module 'EmailTrack'"),
        ),
        ({"metadata": {"result": 0, "reason": "No such user"}}, (Trouble.FAILED, "No such user")),
        ({"status": 0, "statusmsg": "Permission denied: x"}, (Trouble.REFUSED, "Permission denied: x")),
        (api2([], 0, error="\x1b]52;c;eA==\x07\u202e"), (Trouble.FAILED, "\ufffd]52;c;eA==\ufffd\ufffd")),
    ],
)
def test_the_servers_own_reason_is_kept(value: object, expected: tuple[Trouble, str]) -> None:
    assert trouble(json.dumps(value).encode()) == expected


def test_pages_and_statuses_are_no_answers() -> None:
    assert trouble(LOGIN_PAGE)[0] is Trouble.LOGIN_PAGE
    assert trouble(b"\n  <!doctype html>")[0] is Trouble.LOGIN_PAGE
    assert trouble(TWO_FACTOR_PAGE)[0] is Trouble.TWO_FACTOR
    assert trouble(DENIED, 403) == (Trouble.REFUSED, "Access denied")
    assert trouble(LOGIN_PAGE, 401) == (Trouble.REFUSED, "HTTP 401")
    assert trouble(b"<html>", 500) == (Trouble.FAILED, "HTTP 500")
    assert trouble(b'{"error":"Too busy"}', 502) == (Trouble.FAILED, "HTTP 502: Too busy")
    assert trouble(b"", 404) == (Trouble.NO_FUNCTION, "HTTP 404")
    assert len(trouble(json.dumps({"error": "x" * 9999}).encode(), 500)[1]) < 300


def test_all_accounts_at_once_lack_what_is_in_progress() -> None:
    found = everyone(record("bob", 31), record("-remote-", 634), record("root", 2))
    assert [(each.account, each.send_count, each.in_progress_count) for each in found.accounts] == [
        ("bob", 31, None),
        ("-remote-", 634, None),
        ("root", 2, None),
    ]
    assert not found.cut
    assert everyone(overflowed=1).cut
    assert everyone(overflowed=0).accounts == []


def test_records_of_one_user_are_added_up() -> None:
    found = everyone(
        record("bob", 31, REACHED_MAXEMAILS="150/150"),
        record("eve"),
        record("bob", "4", DOMAIN="other.example", REACHED_MAXEMAILS="150/150", REACHED_MAXDEFERFAIL="5/5 (100%)"),
        record("eve", "broken"),
    )
    bob, eve = found.accounts
    assert (bob.account, bob.send_count, bob.total_size) == ("bob", 35, 2300)
    assert bob.quotas == ("emails 150/150", "deferred and failed 5/5 (100%)")
    assert (eve.send_count, eve.success_count) == (None, 4)


@pytest.mark.parametrize(
    ("value", "quotas"),
    [
        (0, ()),
        ("0", ()),
        ("", ()),
        (None, ()),
        (False, ()),
        (1, ("emails at the limit",)),
        ("1", ("emails at the limit",)),
        (True, ("emails at the limit",)),
        ("5/5  (100%)\x1b", ("emails 5/5 (100%)\ufffd",)),
        ([], ()),
        (7, ()),
    ],
)
def test_quotas_are_the_limits_that_were_reached(value: object, quotas: tuple[str, ...]) -> None:
    found = everyone(record("bob", REACHED_MAXEMAILS=value))
    assert found.accounts[0].quotas == quotas
    assert bool(found.oddities) == (value in ([], 7))


def test_records_without_a_user_are_left_out_and_told_of() -> None:
    found = everyone(7, {"SENDCOUNT": 1}, record(""), {**record("x"), "USER": 12})
    assert [each.account for each in found.accounts] == [UNKNOWN_ACCOUNT, "12"]
    assert len(found.oddities) == 2


def test_the_list_of_accounts() -> None:
    accounts = [{"user": "bob"}, {"user": "eve", "suspended": 1}, {"user": "bob"}, {"domain": "x"}, 7]
    assert decode_list(json.dumps(api1({"acct": accounts})).encode()) == ["bob", "eve"]
    nothing: list[object] = [None, [], {}, {"acct": {}}]
    for data in nothing:
        with pytest.raises(NoAnswer, match="its data holds no acct"):
            decode_list(json.dumps(api1(data)).encode())
    with pytest.raises(NoAnswer, match="lacks the privilege") as caught:
        decode_list(json.dumps(api1({}, 0, "The user lacks the privilege list-accts")).encode())
    assert caught.value.trouble is Trouble.REFUSED


def test_a_login_gives_the_security_token() -> None:
    assert decode_login(b'{"status":1,"security_token":"/cpsess5542387976"}') == "/cpsess5542387976"
    for body, kind in (
        (b'{"status":0,"message":"invalid_login"}', Trouble.REFUSED),
        (b'{"status":1}', Trouble.GARBLED),
        (b'{"status":1,"security_token":"//elsewhere.example"}', Trouble.GARBLED),
        (b'{"status":1,"security_token":"/cpsess1\\n"}', Trouble.GARBLED),
    ):
        with pytest.raises(NoAnswer) as caught:
            decode_login(body)
        assert caught.value.trouble is kind


def test_what_is_unknown_is_filled_and_nothing_else() -> None:
    known = MailTotals(account="bob", send_count=3, quotas=("emails 1/1",))
    more = MailTotals(account="bob", send_count=9, in_progress_count=2)
    assert filled(known, more) == MailTotals(account="bob", send_count=3, in_progress_count=2, quotas=("emails 1/1",))
    assert filled(known, MailTotals(account="bob")) == known


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["1", "OK", "150/150", "Access denied", 1, 0])
)
KEYS = st.sampled_from(
    [
        *("cpanelresult", "data", "event", "result", "reason", "error", "metadata", "records", "acct", "user", "USER"),
        *("status", "security_token", "REACHED_MAXEMAILS", "overflowed", "SENDCOUNT", "TOTALSIZE"),
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6),
    max_leaves=25,
)


def check_decoders(body: bytes) -> None:
    """Every decoder gives sane values or raises ``NoAnswer`` with a clean reason."""
    totals: list[Callable[[bytes], Totals]] = [lambda body: decode_stats(body, "bob"), decode_all]
    for decode in totals:
        try:
            found = decode(body)
        except NoAnswer as error:
            assert error.reason
            assert "\x1b" not in error.reason
            continue
        for each in found.accounts:
            for field in COUNTS.values():
                number = getattr(each, field)
                assert number is None or (type(number) is int and number >= 0)
    others: list[Callable[[bytes], object]] = [decode_list, decode_login, *map(status_check, (200, 401, 500))]
    for other in others:
        try:
            other(body)
        except NoAnswer as error:
            assert error.reason


def status_check(status: int) -> Callable[[bytes], None]:
    return lambda body: check_status(status, body)


@given(ANYTHING)
def test_any_json_is_an_answer_or_none(value: object) -> None:
    check_decoders(json.dumps(value).encode())


@given(ANYTHING)
def test_any_json_in_place_of_numbers_and_records(value: object) -> None:
    check_decoders(json.dumps(api2([value])).encode())
    check_decoders(json.dumps(api2([counts(value)])).encode())
    check_decoders(
        json.dumps(api1({"records": [value, record("bob", value), {**record("x"), "USER": value}]})).encode()
    )
    check_decoders(json.dumps({"cpanelresult": value, "metadata": value}).encode())


@given(st.binary(max_size=300), st.integers(0, 300))
def test_any_bytes_are_an_answer_or_none(noise: bytes, cut: int) -> None:
    check_decoders(noise)
    check_decoders(STATS_PAGE[:cut] + noise)
