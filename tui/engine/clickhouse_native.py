"""ClickHouse's Native format: one block of columns as bytes, and back. Only the ``clickhouse_*`` rooms enter.

A block tells first how many rows it has, so one that was cut off on its way is refused whole and never stored in part.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from tui.engine.ledger import LedgerError

Column = Sequence[Any]
"""The values of a column: integers, ``bytes`` for strings, sequences of either for arrays."""

_CODES: Mapping[str, Literal["B", "H", "I", "Q", "b", "h", "i", "q", "d"]] = {
    "UInt8": "B",
    "UInt16": "H",
    "UInt32": "I",
    "UInt64": "Q",
    "Int8": "b",
    "Int16": "h",
    "Int32": "i",
    "Int64": "q",
    "Float64": "d",
}
_ARRAY = "Array("
_MOST_ARRAYS = 4
"""So many arrays are within one another at the most."""
_LONGEST_NUMBER = 10
"""Bytes of a length, which has 64 bits."""


def encode(columns: Mapping[str, tuple[str, Column]]) -> bytes:
    """One block of ``columns``: name -> type and values, all of one length. Raises ``OverflowError`` for numbers that
    their type cannot hold."""
    rows = len(next(iter(columns.values()))[1])
    parts = [_varint(len(columns)), _varint(rows)]
    for name, (kind, values) in columns.items():
        parts += [_string(name.encode()), _string(kind.encode()), _encoded(kind, values)]
    return b"".join(parts)


def decode(raw: bytes) -> list[Column]:
    """The columns of all blocks in ``raw``, in their order; none where the answer has no rows. Strings are ``bytes``.

    Raises ``LedgerError`` for what is no such answer.
    """
    blocks = []
    at = 0
    try:
        while at < len(raw):
            block, at = _block(raw, at)
            if block and block[0]:
                blocks.append(block)
        if len(blocks) < 2:
            return blocks[0] if blocks else []
        return [[value for part in parts for value in part] for parts in zip(*blocks, strict=True)]
    except (IndexError, ValueError, KeyError) as error:
        raise LedgerError(f"the ClickHouse server gave an answer that nobody understands ({error!r})") from error


def _block(raw: bytes, at: int) -> tuple[list[Column], int]:
    width, at = _number(raw, at)
    rows, at = _number(raw, at)
    columns = []
    for _ in range(width):
        _, at = _text(raw, at)
        kind, at = _text(raw, at)
        values, at = _decoded(kind.decode(), rows, raw, at)
        columns.append(values)
    return columns, at


def _encoded(kind: str, values: Column) -> bytes:
    if kind == "String":
        return b"".join([part for value in values for part in (_varint(len(value)), value)])
    if kind.startswith(_ARRAY):
        ends, end = [], 0
        for value in values:
            end += len(value)
            ends.append(end)
        flat = [each for value in values for each in value]
        return _encoded("UInt64", ends) + _encoded(kind[len(_ARRAY) : -1], flat)
    numbers = array(_CODES[kind], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _decoded(kind: str, rows: int, raw: bytes, at: int) -> tuple[Column, int]:
    if kind == "String":
        texts = []
        for _ in range(rows):
            text, at = _text(raw, at)
            texts.append(text)
        return texts, at
    if kind.startswith(_ARRAY):
        ends, at = _decoded("UInt64", rows, raw, at)
        if kind.count(_ARRAY) > _MOST_ARRAYS or any(start > end for start, end in pairwise(ends)):
            raise ValueError("no array")
        flat, at = _decoded(kind[len(_ARRAY) : -1], ends[-1] if rows else 0, raw, at)
        return [flat[start:end] for start, end in pairwise([0, *ends])], at
    numbers = array(_CODES[kind])
    end = at + rows * numbers.itemsize
    if end > len(raw):
        raise ValueError("cut off")
    numbers.frombytes(raw[at:end])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers, end


def _string(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _text(raw: bytes, at: int) -> tuple[bytes, int]:
    length, at = _number(raw, at)
    end = at + length
    if end > len(raw):
        raise ValueError("cut off")
    return raw[at:end], end


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _number(raw: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(_LONGEST_NUMBER):
        byte = raw[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    raise ValueError("a number without end")
