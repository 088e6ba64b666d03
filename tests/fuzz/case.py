"""What every fuzzed room must keep to, and how its inputs are damaged: shared by pytest, by `scripts/torture` and by
the coverage-guided run."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import msgspec
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tui.text import clean

CPU_SECONDS = 4.0
"""So much time of the processor may one input take; the largest have some 100 KB and take milliseconds."""

MOST_BYTES = 100_000
LARGEST_NUMBER = 2**64
"""What comes out has to fit into a ledger and into a frame."""

_SPARE = 20_000


class Room(msgspec.Struct, frozen=True):
    """A parser as it is fuzzed. ``enter`` takes any bytes; it returns what was read, or raises one of ``errors``, whose
    text is for people. ``seeds`` are real inputs, ``tokens`` what has a meaning in them. What comes out is at most
    ``factor`` times what went in. ``owed`` says what is known to break and not mended yet; of a
    ``whole`` input no part is taken."""

    name: str
    enter: Callable[[bytes], object]
    seeds: Sequence[bytes]
    tokens: Sequence[bytes] = ()
    errors: tuple[type[Exception], ...] = ()
    factor: int = 60
    examples: int = 150
    owed: str = ""
    whole: bool = False


class TooSlow(BaseException):
    """An input took too long; nothing that is being tried catches this."""


@contextmanager
def in_time(seconds: float = CPU_SECONDS) -> Iterator[None]:
    """Raise ``TooSlow`` when this takes more of the processor's time, however busy the machine is."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds:g} s of the processor's time")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def attack(room: Room, data: bytes) -> bool:
    """Let ``room`` read ``data``; whether it made sense of it. Raises ``AssertionError`` for what breaks a promise,
    and whatever the room raises though it does not say so."""
    try:
        with in_time():
            found = room.enter(data)
    except room.errors as error:
        text = str(error)
        assert text and text == clean(text), f"a message that is not clean: {text!r}"
        assert len(text) <= 3000 + 4 * len(data), "a message longer than what it speaks of"
        return False
    weight = weigh(found)
    assert weight <= _SPARE + room.factor * len(data), f"{len(data)} bytes became {weight}"
    return True


def weigh(value: object) -> int:
    """How much a value holds, in bytes; asserts that its texts are clean and its numbers can be stored."""
    weight = 0
    left = [value]
    while left:
        each = left.pop()
        weight += 8
        match each:
            case str():
                assert each == clean(each), f"not clean: {each!r}"
                weight += len(each)
            case bool() | None | float():
                pass
            case int():
                assert -LARGEST_NUMBER < each < LARGEST_NUMBER, "a number that nothing can store"
            case bytes():
                weight += len(each)
            case dict():
                left += [*each.keys(), *each.values()]
            case list() | tuple() | set() | frozenset():
                left += each
            case msgspec.Struct():
                left += [getattr(each, name) for name in each.__struct_fields__]
    return weight


_NUMBER = re.compile(rb"[0-9]+")
_NUMBERS = (b"0", b"-1", b"1", b"00", b"-8", b"2147483648", b"9223372036854775808", b"18446744073709551616", b"1e999")
_LONG_NUMBERS = (b"9" * 40, b"9" * 5000)
_BYTES = (
    *(b"\0", b"\xff", b"\xc3", b"\xe2\x80\xae", b"\x1b]0;x\x07", b"\x9b31m", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r"),
    *(
        b"\n",
        b" ",
        b'"',
        b"'",
        b"\\",
        b"<",
        b">",
        b":",
        b"[",
        b"]",
        b"{",
        b"}",
        b"\xf0\x9f\x91\xa9\xe2\x80\x8d",
        b"\x85",
    ),
)


def damaged(room: Room, chance: random.Random) -> bytes:
    """One of the room's real inputs, or a part of it, with a few things done to it."""
    data = chance.choice(room.seeds)
    if not room.whole:
        data = _part(data, chance)
    elif chance.random() < 0.7:
        bits = bytearray(data)
        for _ in range(chance.choice((1, 3, 10, 60))):
            bits[chance.randrange(len(bits))] ^= 1 << chance.randrange(8)
        return bytes(bits)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        data = chance.choice(_DAMAGES)(data, room, chance)[: 2 * MOST_BYTES]
    return data


def _part(data: bytes, chance: random.Random) -> bytes:
    """Of a large input some lines that follow each other."""
    if len(data) < 8000:
        return data
    start = data.rfind(b"\n", 0, chance.randrange(len(data))) + 1
    end = data.find(b"\n", start + chance.choice((200, 1000, 5000)))
    return data[start : end + 1 if end >= 0 else len(data)]


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.choice((1, 1, 2, 4, 16, 64, 512)))


def _flipped(data: bytes, _room: Room, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + bytes(byte ^ 1 << chance.randrange(8) for byte in data[start:end]) + data[end:]


def _inserted(data: bytes, room: Room, chance: random.Random) -> bytes:
    at = chance.randint(0, len(data))
    what = chance.choice((*room.tokens, *_BYTES))
    return data[:at] + what * chance.choice((1, 1, 1, 2, 30, 3000)) + data[at:]


def _replaced(data: bytes, room: Room, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + chance.choice((*room.tokens, *_BYTES)) + data[end:]


def _deleted(data: bytes, _room: Room, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _truncated(data: bytes, _room: Room, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _repeated(data: bytes, _room: Room, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50, 1000)) + data[end:]


def _renumbered(data: bytes, _room: Room, chance: random.Random) -> bytes:
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return data
    number = chance.choice(numbers)
    value = chance.choice((*_NUMBERS, *_LONG_NUMBERS, b"%d" % chance.randrange(10**6)))
    return data[: number.start()] + value + data[number.end() :]


def _spliced(data: bytes, room: Room, chance: random.Random) -> bytes:
    other = _part(chance.choice(room.seeds), chance)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _shuffled(data: bytes, _room: Room, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _noise(_data: bytes, _room: Room, chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 10, 200)))


_DAMAGES: Sequence[Callable[[bytes, Room, random.Random], bytes]] = (
    *(_flipped, _inserted, _inserted, _replaced, _replaced, _deleted, _truncated, _repeated, _renumbered, _renumbered),
    *(_spliced, _shuffled, _noise),
)


def attack_often(room: Room) -> None:
    """Attack a room as often as a test run has time for; always with the same inputs, so that what is new is found by
    who looks for it and not by who changes something else."""

    @settings(max_examples=room.examples, derandomize=True, database=None)
    @given(st.integers(0, 2**64 - 1))
    def attacked(seed: int) -> None:
        data = damaged(room, random.Random(seed))
        note(f"the input: {data!r}")
        attack(room, data)

    if not room.owed:
        attacked()
        return
    try:
        attacked()
    except (Exception, TooSlow):
        pytest.xfail(room.owed)


def besiege(room: Room, seconds: float, seed: int) -> int:
    """Attack a room for so long; how often. The input that broke it is named in a note."""
    chance, end, tried = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = damaged(room, chance)
        try:
            attack(room, data)
        except (Exception, TooSlow) as error:
            error.add_note(f"the input: {data!r}")
            raise
        tried += 1
    return tried


def minutes() -> float:
    """For how long all rooms together are to be attacked, by ``MAILTOP_FUZZ``; 0 for the quick run."""
    return float(os.environ.get("MAILTOP_FUZZ") or 0)
