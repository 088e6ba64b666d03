"""Spool files and what the mail systems' own commands print: any bytes are a listing or a sentence."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Sequence
from unittest.mock import patch

import pytest

from tests import postfix_capture
from tests.captures import EXIM_RUNS, exim_capture
from tests.fuzz.case import Room, attack_often
from tui.engine.accounts import Accounts
from tui.engine.messages import Message, encode_message
from tui.engine.queues import exim_bp, postcat, postqueue
from tui.engine.queues.exim_header import HeaderError, waiting
from tui.engine.queues.listing import Listing, ListingError

FINISHED = b"--- and finished meanwhile:\n"


def _spool_files() -> list[bytes]:
    files: list[bytes] = []
    for name in EXIM_RUNS:
        with tarfile.open(exim_capture(name).folder / "input.tar.xz") as packed:
            for member in packed:
                if member.name.endswith("-H") and (content := packed.extractfile(member)) is not None:
                    files.append(content.read())
                if len(files) % 40 == 39:
                    break
    return files


def _stored(listing: Listing) -> Listing:
    """As it goes on from here: into the blobs of the ledger."""
    for message in listing.messages.values():
        encode_message(Message(0, arrived=message.arrived, minute=message.size))
    return listing


def _spool(data: bytes) -> object:
    header, _, journal = data.partition(FINISHED)
    return waiting(b"0t5C6f-0000c8-00", header, journal, Accounts())


def _printing(data: bytes) -> Callable[..., Iterator[bytes]]:
    def output_lines(_command: Sequence[str], _timeout: float, _explain: object) -> Iterator[bytes]:
        yield from data.removesuffix(b"\n").split(b"\n")

    return output_lines


def _exim_bp(data: bytes) -> object:
    with patch.object(exim_bp, "output_lines", _printing(data)):
        return _stored(exim_bp.EximBp("exim", Accounts()).list())


def _postqueue(data: bytes) -> object:
    with patch.object(postqueue, "output_lines", _printing(data)):
        return _stored(postqueue.Postqueue(Accounts()).list())


def _postcat(data: bytes) -> object:
    with patch.object(postcat, "output_lines", _printing(data)):
        return postcat.Postcat(timeout_seconds=5).campaigns([b"4D0F21", b"5A"])


POSTCAT = (
    b"*** ENVELOPE RECORDS deferred/4/4D0F21 ***\nmessage_size: 1 2 3\n*** MESSAGE CONTENTS deferred/4/4D0F21 ***\n"
    b"Received: by mx\nX-Campaign-ID: spring\n sale\nSubject: x\n*** HEADER EXTRACTED deferred/4/4D0F21 ***\n"
    b"*** MESSAGE FILE END deferred/4/4D0F21 ***\n"
)
ROOMS = [
    Room(
        "Exim's spool",
        _spool,
        [*_spool_files(), b"".join((_spool_files()[0], FINISHED, b"a@b.test\n"))],
        [
            FINISHED,
            b"-acl 0 -8\n",
            b"-aclm 0 99\n",
            b"--(mysql)auth_id x\n",
            b"YY a@b\n",
            b"XX\n",
            b"NN a\n",
            b"\n<",
            b">\n",
            b"-frozen 1\n",
            b"027F X-Campaign-ID: a\n b\n",
            b"*",
            b"-1\n",
            b"-2\n",
            b'"a b"@c.test 1,2\n',
        ],
        (HeaderError,),
    ),
    Room(
        "exim -bp",
        _exim_bp,
        [exim_capture(name).bp(listing) for name in EXIM_RUNS for listing in exim_capture(name).listings[:4]],
        [
            b" 25m  2.9K 0t5C6f-0000c8-00 <a@b> (login) *** frozen ***\n",
            b"          a@b.test\n",
            b"        D ",
            b"infK",
            b"1e300G",
            b"    *** spool format error: size=1 ***\n",
            b"nanM",
            b"99d",
            b"0t5C6f-0000c8-00",
        ],
        (ListingError,),
    ),
    Room(
        "postqueue -j",
        _postqueue,
        [postfix_capture.listing(name).read_bytes() for name in postfix_capture.LISTINGS[:6]],
        [
            b'"queue_name": "hold"',
            b'"arrival_time": ',
            b"null",
            b"{}",
            b"[[[[",
            b'{"a":',
            b'"recipients": []',
            b"\\u0000",
            b"\\ud800",
        ],
        (ListingError,),
    ),
    Room(
        "postcat",
        _postcat,
        [POSTCAT, POSTCAT.replace(b"4D0F21", b"5A") * 2],
        [b"*** ", b"*** ENVELOPE RECORDS ", b"*** MESSAGE CONTENTS ", b"X-Campaign-ID:", b"\n ", b"\n\t"],
        (ListingError,),
    ),
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_queues(room: Room) -> None:
    attack_often(room)
