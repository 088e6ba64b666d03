"""The hub's frames, what users type as filters, and blocks from ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tests.fuzz.case import Room, attack_often
from tui.engine.clickhouse_native import decode, encode
from tui.engine.ledger import LedgerError
from tui.hub.filters import ACCOUNTS, QUEUE, FilterError, parse_filter
from tui.hub.protocol import Export, Jump, Seek, View, ViewRequest, decode_answer, decode_request
from tui.hub.protocol import encode as frame
from tui.model import Grouping, QueueQuery, RowKey

VIEW = ViewRequest(
    serial=3,
    query=QueueQuery(Grouping.ACCOUNT, isp="Gmail"),
    filter="a",
    marked=[RowKey(account_id=3)],
    seek=Seek("problem", 1),
)
FRAMES = [
    frame(VIEW)[4:],
    frame(Jump(serial=1, dimension="isp", text="g", query=QueueQuery()))[4:],
    frame(Export(serial=2, request=VIEW, format="csv", path="/x"))[4:],
]
ANSWERS = [frame(View(serial=1, time=1.5, trends=["123"], problems=["x"]))[4:]]
MSGPACK = [
    b"\x91",
    b"\x81",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc1",
    b"\xdb\xff\xff\xff\xff",
    b"\xc0",
]
MSGPACK += [b"\xcb\x7f\xf8\0\0\0\0\0\0", b"\xcf" + b"\xff" * 8, b"\xa6filter", b"\xa4type\xa7request", b"\x81\xa1a"]


def _request(data: bytes) -> object:
    decode_request(data)
    return None


def _answer(data: bytes) -> object:
    decode_answer(data)
    return None


NAMES = ["bob", "a" * 300, "ab" * 200, "gmail.com", "", "ÀÉ" * 50, "a b", "0" * 256, " " * 256, "x\ufffd"]


def _filter(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    found = []
    for grammar in (QUEUE, ACCOUNTS):
        names = dict.fromkeys(grammar.names, NAMES)
        numbers: dict[str, Sequence[object]] = {
            name: [None, 0, 1, 10**15, 0.5, -1.0, None, 3, 4, 5] for name in (*grammar.numbers, "sender_id")
        }
        chosen = parse_filter(text, grammar).select(names | numbers, len(NAMES))
        assert len(chosen) == len(NAMES)
        assert set(chosen) <= {0, 1}
        found.append(chosen)
    return found


FILTERS = [b"retry>100", b"account:bob !campaign=x", b'"a > b"', b"/^a.*b$/ share>5%", b"~gmail drain<30min sender=7"]
SIGNS = [b"!", b"/", b"~", b":", b">", b"<=", b"(a|a)", b"a*", b".*", b"a?", b"(a+)+", b"[a-", b"{1,9}", b"(?<="]
SIGNS += [b"\\1", b"(?P<a>", b"(?i)", b"account:", b"total>", b"sender:", b"9" * 400, b"1e9", b"(?#", b"\\d+"]
SIGNS += [b"a{1,9999999999}"]
BLOCK = encode(
    {"a": ("UInt64", [1, 2, 3]), "b": ("String", [b"x", b"", b"yz"]), "c": ("Array(UInt64)", [[1], [], [2, 3]])}
)
ROOMS = [
    Room("requests to the hub", _request, FRAMES, MSGPACK, (msgspec.DecodeError,)),
    Room("answers of the hub", _answer, ANSWERS, MSGPACK, (msgspec.DecodeError,)),
    Room(
        "filters",
        _filter,
        FILTERS,
        SIGNS,
        (FilterError,),
        factor=10,
        examples=100,
    ),
    Room(
        "blocks of ClickHouse",
        decode,
        [BLOCK, BLOCK * 2, encode({"a": ("Array(String)", [[b"x", b"y"]])})],
        [b"\x06String", b"\x0dArray(UInt64)", b"\x80", b"\xff" * 9, b"Array(", b"\x05UInt8", b"\x01\x00", b"\x00\x00"],
        (LedgerError,),
    ),
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_hub(room: Room) -> None:
    attack_often(room)
