"""Secrets that a server gives back, in whatever form it read or writes them."""

from __future__ import annotations

import base64
import gc
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sources.masking import MASK, MIN_CHARACTERS, clean, hide
from tui.text import REPLACEMENT


class Owner:
    """Whose secrets they are."""


@pytest.mark.parametrize("secret", ["Tok3n-f0r-tests", "pä\"ss\\w</o&r d'1", "a+b/c%20=="])
@pytest.mark.parametrize(
    "written",
    [
        str,
        lambda secret: quote(secret, safe=""),
        quote,
        quote_plus,
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape,
        lambda secret: html.escape(secret, quote=False),
        lambda secret: base64.b64encode(f"root:{secret}".encode()).decode(),
        lambda secret: base64.b64encode(f"root:{secret}".encode()).decode().rstrip("="),
        str.upper,
    ],
)
def test_a_secret_is_hidden_in_every_form(secret: str, written: object) -> None:
    assert callable(written)
    owner = Owner()
    hide(owner, secret, user="root")
    shown = clean(f"No, {written(secret)}\x1b, no!")
    assert shown.rstrip("=").startswith(f"No, {MASK}")
    assert shown.endswith(f"{REPLACEMENT}, no!")
    assert shown.replace("=", "") == f"No, {MASK}{REPLACEMENT}, no!"


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    owner, other = Owner(), Owner()
    hide(owner, "secret")
    hide(other, "secret-and-more")
    assert clean("secret-and-more, secret") == f"{MASK}, {MASK}"


def test_short_secrets_are_hidden_with_the_user_alone() -> None:
    """Without them words would have holes, and the holes would tell them."""
    owner = Owner()
    hide(owner, "total"[: MIN_CHARACTERS - 1], user="root")
    assert clean("total") == "total"
    assert clean(base64.b64encode(b"root:total").decode()) == f"{MASK}=="


def test_the_last_secrets_of_an_owner_are_hidden_and_none_once_it_is_gone() -> None:
    owner = Owner()
    for number in range(5):
        hide(owner, f"secret-{number}")
    assert clean("secret-0 secret-2 secret-3 secret-4") == f"secret-0 {MASK} {MASK} {MASK}"
    del owner
    gc.collect()
    hide(Owner(), "another")
    assert clean("secret-4") == "secret-4"


@pytest.mark.parametrize("text", ["/cpsess0123456789/json-api", "https://h/cpsessAb9", '"cpsess77"', b"(cpsess77)"])
def test_tokens_of_sessions_need_no_telling(text: str | bytes) -> None:
    assert f"cpsess{MASK}" in clean(text)
    assert "77" not in clean(text)
    assert "9" not in clean(text)


@given(st.text(), st.text(min_size=MIN_CHARACTERS), st.text())
def test_any_secret_is_hidden_in_any_text(before: str, secret: str, after: str) -> None:
    owner = Owner()
    hide(owner, secret)
    shown = clean(before + secret + after)
    assert secret not in shown
    assert clean(shown) == shown
