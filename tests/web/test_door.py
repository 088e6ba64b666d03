from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.web.door import MAX_SESSIONS, SESSION_SECONDS, TRIES_PER_MINUTE, Door, hosts_of

TOKEN = "a-token-that-is-long-enough"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def door(clock: Clock | None = None, *, secure: bool = False) -> Door:
    return Door(TOKEN, ["127.0.0.1:9588", "Mail.Example.org"], secure=secure, clock=clock or Clock())


def test_the_token_opens_a_session_and_nothing_else_does() -> None:
    one = door()
    session = one.open(TOKEN)
    assert session is not None
    assert one.is_open_to(session)
    assert not one.is_open_to(None)
    assert not one.is_open_to(TOKEN)
    assert not one.is_open_to("")
    assert one.open(TOKEN) != session


@given(st.text(max_size=40).filter(lambda text: text != TOKEN))
def test_no_other_text_opens(text: str) -> None:
    one = door()
    assert one.open(text) is None
    assert not one.is_open_to(text)


def test_a_session_ends_by_itself() -> None:
    clock = Clock()
    one = door(clock)
    session = one.open(TOKEN)
    clock.now += SESSION_SECONDS - 1
    assert one.is_open_to(session)
    clock.now += 1
    assert not one.is_open_to(session)


def test_so_many_sessions_and_no_more() -> None:
    one = door()
    sessions = [one.open(TOKEN) for _ in range(MAX_SESSIONS + 1)]
    assert not one.is_open_to(sessions[0])
    assert all(one.is_open_to(session) for session in sessions[1:])


def test_so_many_tries_a_minute() -> None:
    clock = Clock()
    one = door(clock)
    assert all(one.may_try() for _ in range(TRIES_PER_MINUTE))
    assert not one.may_try()
    clock.now += 61
    assert one.may_try()


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:9588", True),
        ("http://mail.example.org", True),
        ("http://127.0.0.1:9589", False),
        ("https://127.0.0.1:9588", False),
        ("http://evil.example", False),
        ("http://127.0.0.1:9588.evil.example", False),
        ("null", False),
        ("", False),
        (None, False),
    ],
)
def test_only_own_pages_are_own(origin: str | None, own: bool) -> None:
    assert door().is_own_origin(origin) is own


def test_behind_tls_only_pages_with_tls_are_own() -> None:
    assert door(secure=True).is_own_origin("https://mail.example.org")
    assert not door(secure=True).is_own_origin("http://mail.example.org")


def test_names_of_this_server() -> None:
    hosts = hosts_of("127.0.0.1", 9588, None)
    assert {"127.0.0.1:9588", "localhost:9588", "[::1]:9588"} <= set(hosts)
    assert "localhost" not in hosts
    assert "mail.example.org" in hosts_of("127.0.0.1", 9588, "https://mail.example.org/")
    assert "192.0.2.7" in hosts_of("192.0.2.7", 443, None)
    assert "[2001:db8::1]:9588" in hosts_of("2001:db8::1", 9588, None)
