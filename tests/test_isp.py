"""Recipient domains and the mailbox providers behind them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.isp import NO_DOMAIN, PROVIDERS, IspTable
from tui.text import clean


@pytest.mark.parametrize(
    ("address", "isp"),
    [
        (b"bob@gmail.com", "Gmail"),
        (b"Bob@GoogleMail.COM", "Gmail"),
        (b"bob@gmail.com.", "Gmail"),
        (b'"a@b"@web.de', "WEB.DE"),
        (b"bob@corp.test", "corp.test"),
        (b"bob@notgmail.com", "notgmail.com"),
        (b"bob@mail.gmail.com", "mail.gmail.com"),
        (b"root", NO_DOMAIN),
        (b"bob@", NO_DOMAIN),
        (b"", NO_DOMAIN),
    ],
)
def test_address_names_its_provider_else_its_own_domain(address: bytes, isp: str) -> None:
    assert IspTable().of_address(address) == isp


def test_additions_come_before_the_table_and_are_cleaned() -> None:
    table = IspTable({"Ours": ("Gmail.com",), "Bad\x1b": ("corp.test",)})
    assert table.of_domain(b"gmail.com") == "Ours"
    assert table.of_domain(b"googlemail.com") == "Gmail"
    assert table.of_domain(b"corp.test") == clean("Bad\x1b")


def test_no_domain_belongs_to_two_providers() -> None:
    counted = Counter(domain for domains in PROVIDERS.values() for domain in domains)
    assert [domain for domain, count in counted.items() if count > 1] == []
    assert all(domain == domain.lower() for domain in counted)


@given(st.binary(max_size=400))
def test_any_domain_has_a_clean_bounded_name(domain: bytes) -> None:
    isp = IspTable().of_domain(domain)
    assert isp
    assert isp == clean(isp)
    assert len(isp) <= 255
