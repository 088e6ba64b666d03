"""Names get one number each, whatever way they are written, and are clean when they do."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine.batch import Names
from tui.engine.names import LONGEST_NAME, Numbers
from tui.isp import IspTable
from tui.text import clean


def campaign(raw: bytes) -> str:
    """The name that a campaign gets."""
    numbers = Numbers(Names({}, {}, {}), IspTable())
    numbers.take_new()
    numbers.cell(b"alice", raw)
    ((_, name),) = numbers.take_new().campaigns
    return name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"=?utf-8?b?R3LDvMOfZSDinJM=?=", "Grüße ✓"),
        (b"=?UTF-8?Q?Gr=C3=BC=C3=9Fe_=E2=9C=93?=", "Grüße ✓"),
        ("Grüße ✓".encode(), "Grüße ✓"),
        (b"10% =?iso-8859-1?q?f=FCr?= alle", "10% für alle"),
        (b"=?utf-8*de?q?f=C3=BCr?=", "für"),
        (b"=?utf-8?q?a=C3=A4?= =?utf-8?q?b=C3=BC?=", "aäbü"),
        (b"=?utf-8?q?a=C3=A4?=? =?utf-8?q?b=C3=BC?=", "aäbü"),
        (b"=?utf-8?q?=1B=5D52=3B?=", "�]52;"),
    ],
)
def test_a_campaign_is_called_what_its_header_reads(raw: bytes, name: str) -> None:
    assert campaign(raw) == name


@pytest.mark.parametrize(
    "raw",
    [
        b"why=?because",
        b"=?utf-8?b?R3LD",
        b"=?utf-8?q?=FF?=",
        b"=?utf-8?b?A?=",
        b"=?utf-8?b?!!?=",
        b"=?utf-8?q??=",
        b"=?limbo?q?a?=",
        b"=?iso-8859-0?q?a?=",
        b"=?unicode_escape?q?=5Cq?=",
        b"=?punycode?q?a-b?=",
        b"=?rot13?q?a?=",
        b"=?utf-8?x?a?=",
    ],
)
def test_what_is_not_quite_encoded_stays_as_it_is(raw: bytes) -> None:
    assert campaign(raw) == raw.decode()


def test_encoded_and_plain_are_one_campaign_of_one_number() -> None:
    numbers = Numbers(Names({}, {}, {}), IspTable())
    ways = (b"=?utf-8?b?R3LDvMOfZQ==?=", b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße".encode())
    assert len({numbers.cell(b"alice", way) for way in ways}) == 1


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_every_name_survives_its_way_through_a_header(name: str) -> None:
    assert campaign(b"=?utf-8?b?" + b64encode(name.encode()) + b"?=") == clean(name)


@given(st.lists(st.sampled_from([b"=?", b"?=", b"utf-8", b"?q?", b"?b?", b"=C3=BC", b"QUJD", b"\xff", b" ", b"*"])))
def test_no_name_is_too_odd(parts: list[bytes]) -> None:
    name = campaign(b"x" + b"".join(parts))
    assert name == clean(name)
    assert 0 < len(name) <= LONGEST_NAME


def test_odd_names_cost_little() -> None:
    began = time.process_time()
    for number in range(100):
        campaign(b"=?utf-8?q?" * 5000 + b"%d" % number)
    assert time.process_time() - began < 2.0
