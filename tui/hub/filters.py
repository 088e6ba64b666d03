"""What a user types to see fewer rows, as a pure function from columns to rows: the queue's filter, the accounts' and
that of `mailtop show`. Everyone may enter.

Terms are parted by blanks, and all must hold. A text is looked for in every name of a row, whatever its case;
``/a pattern/`` and ``~pattern`` are regular expressions; ``account:bob`` looks in one column and ``account=bob`` for
all of a name; ``retry>100`` compares a number, which may end in k, M or G, a share in %, a time in min, h or d. ``!``
turns a term around. Quotes keep blanks together and signs plain: ``"a > b"``.
"""

from __future__ import annotations

import operator
import re
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from tui.hub.part import constant
from tui.sorts import ACCOUNT_NAMES, ACCOUNT_NUMBERS, ROW_NAMES, ROW_NUMBERS
from tui.text import clean

MAX_TEXT = 1000
"""So many characters may be typed."""

MAX_NAME = 256
"""So many characters of a name are matched with a pattern."""

PATTERN_SECONDS = 1.0
"""So long the processor may be busy with a pattern for all names: some take time without end."""

MAX_WAYS = 256**3
"""In so many ways a pattern may be tried at one place of a name: three repeats without end, with little beside."""

CHUNK_ROWS = 1024
_MATCHED_ROWS = 64
"""How many rows are matched in one call: it holds the interpreter's lock, and a key press must not wait for it."""

Columns = Mapping[str, Sequence[Any]]
"""Columns of equal length by name: names as they are shown, numbers with ``None`` where unknown."""


class FilterError(ValueError):
    """One sentence on why a filter cannot be used; what was typed stands in it cleaned."""

    def __init__(self, text: str) -> None:
        super().__init__(clean(text))


class Grammar(msgspec.Struct, frozen=True):
    """The columns that can be filtered by: those of names and those of numbers. Of names in ``numbered`` a number is
    also looked for in the column that stands there. Shares are in percent, times in minutes."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    numbered: dict[str, str] = {}


QUEUE = Grammar(ROW_NAMES, ROW_NUMBERS, {"sender": "sender_id"})
ACCOUNTS = Grammar(ACCOUNT_NAMES, ACCOUNT_NUMBERS)

_SIZES = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_PERCENT = {"": 1, "%": 1}
_MINUTES = {"": 1, "m": 1, "min": 1, "h": 60, "d": 1440}
_UNITS = {"share": _PERCENT, "success": _PERCENT, "deferral": _PERCENT, "drain": _MINUTES}

# Which number stands first: `operator.gt(number, value)` is `value < number`.
_COMPARISONS: dict[str, Callable[[float, Any], bool]] = {
    "<": operator.gt,
    "<=": operator.ge,
    ">": operator.lt,
    ">=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_RESTRICTED = re.compile(r"([a-z_]+)(:|\s*(?:<=|>=|!=|=|<|>)\s*)", re.IGNORECASE)
_NUMBER = re.compile(r"([+-]?(?:\d[\d,]*\.?\d*|\.\d+))([a-z%]*)", re.IGNORECASE)


class Filter(msgspec.Struct, frozen=True):
    """A filter that was understood. ``needs`` are the columns that ``select`` looks at."""

    terms: tuple[Term, ...]
    needs: frozenset[str]

    def select(self, columns: Columns, rows: int) -> bytes:
        """1 for each row that all terms hold for, 0 for each other; ``columns`` have ``rows`` entries. Takes 100,000
        rows in tens of milliseconds and lets other threads run meanwhile. Raises ``FilterError`` for a pattern that
        takes too long."""
        selected = b"\1" * rows
        for term in self.terms:
            selected = both(selected, term.select(columns))
        return selected


class Term(Protocol):
    """A part of a filter that holds for a row or does not."""

    def select(self, columns: Columns) -> bytes:
        """1 for each row that it holds for, 0 for each other."""
        ...


class _Named(msgspec.Struct, frozen=True):
    """Holds where any of the names has ``text`` in it, or ``is_whole``; the text is folded."""

    columns: tuple[str, ...]
    text: str
    is_whole: bool = False

    def select(self, columns: Columns) -> bytes:
        return _either([_in_chunks(self._chunk, columns[name]) for name in self.columns])

    def _chunk(self, names: Sequence[str]) -> list[bool]:
        text, folded = self.text, map(str.casefold, names)
        return [text == name for name in folded] if self.is_whole else [text in name for name in folded]


class _Matched(msgspec.Struct, frozen=True):
    """Holds where the beginning of any of the names matches a pattern."""

    columns: tuple[str, ...]
    search: Callable[[str], object]

    def select(self, columns: Columns) -> bytes:
        end, busy_end = time.monotonic() + PATTERN_SECONDS, time.thread_time() + PATTERN_SECONDS
        known: dict[str, bool] = {}

        def chunk(names: Sequence[str]) -> list[bool]:
            for name in set(names).difference(known):
                known[name] = self.search(name[:MAX_NAME]) is not None
                if time.monotonic() > end and time.thread_time() > busy_end:
                    raise FilterError("the pattern takes too long for these names; a plainer one would not")
            return list(map(known.__getitem__, names))

        return _either([_in_chunks(chunk, columns[name], _MATCHED_ROWS) for name in self.columns])


class _Compared(msgspec.Struct, frozen=True):
    """Holds where a known number compares so with ``number``."""

    column: str
    holds: Callable[[float, Any], bool]
    number: float

    def select(self, columns: Columns) -> bytes:
        holds = partial(self.holds, self.number)

        def chunk(numbers: Sequence[float | None]) -> Iterable[bool]:
            if None in numbers:
                return [number is not None and holds(number) for number in numbers]
            return map(holds, numbers)

        return _in_chunks(chunk, columns[self.column])


class _Either(msgspec.Struct, frozen=True):
    terms: tuple[Term, ...]

    def select(self, columns: Columns) -> bytes:
        return _either([term.select(columns) for term in self.terms])


class _Not(msgspec.Struct, frozen=True):
    """Holds where the term does not, whatever is unknown."""

    term: Term

    def select(self, columns: Columns) -> bytes:
        return self.term.select(columns).translate(bytes([1, 0]) + bytes(254))


def _in_chunks(
    chunk: Callable[[Sequence[Any]], Iterable[bool]], column: Sequence[Any], rows: int = CHUNK_ROWS
) -> bytes:
    """What ``chunk`` says of each entry. One that is everywhere the same is asked about once."""
    if column and constant(column):
        return bytes(chunk(column[:1])) * len(column)
    flags = bytearray()
    for start in range(0, len(column), rows):
        flags += bytes(chunk(column[start : start + rows]))
    return bytes(flags)


def both(one: bytes, other: bytes) -> bytes:
    """1 where both are."""
    return (int.from_bytes(one, "big") & int.from_bytes(other, "big")).to_bytes(len(one), "big")


def _either(many: Sequence[bytes]) -> bytes:
    found = 0
    for flags in many:
        found |= int.from_bytes(flags, "big")
    return found.to_bytes(len(many[0]), "big")


def parse_filter(text: str, grammar: Grammar = QUEUE) -> Filter:
    """The filter that ``text`` means; of no terms, which every row passes, when it is blank. Raises ``FilterError``
    with one sentence when it means nothing, as while it is still being typed."""
    if len(text) > MAX_TEXT:
        raise FilterError(f"a filter has at most {MAX_TEXT} characters")
    scanner = _Scanner(text, grammar)
    terms = []
    while (term := scanner.term()) is not None:
        terms.append(term)
    return Filter(tuple(terms), frozenset(scanner.needs))


class _Scanner:
    """Reads terms from a text, from left to right."""

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.needs: set[str] = set()
        self._text = text
        self._grammar = grammar
        self._at = 0

    def term(self) -> Term | None:
        """The next term, ``None`` at the end."""
        self._skip_blanks()
        inverse = False
        while self._rest.startswith("!"):
            self._at += 1
            self._skip_blanks()
            inverse = not inverse
        if not self._rest:
            if self._text.rstrip().endswith("!"):
                raise FilterError("! wants after it what to leave out")
            return None
        term = self._plain_term()
        return _Not(term) if inverse else term

    @property
    def _rest(self) -> str:
        return self._text[self._at :]

    def _skip_blanks(self) -> None:
        self._at += len(self._rest) - len(self._rest.lstrip())

    def _plain_term(self) -> Term:
        restricted = _RESTRICTED.match(self._text, self._at)
        if restricted is None:
            return self._names(self._grammar.names)
        column, sign = restricted[1].lower(), restricted[2].strip()
        if column in self._grammar.names:
            return self._in_names(column, sign, restricted.end())
        if column in self._grammar.numbers:
            return self._in_numbers(column, sign, restricted.end())
        there = ", ".join((*self._grammar.names, *self._grammar.numbers))
        quoted = f'"{self._word()}"'
        raise FilterError(f'there is no column "{column}", but {there}; to look for the text write {quoted}')

    def _in_names(self, column: str, sign: str, start: int) -> Term:
        if sign not in (":", "=", "!="):
            raise FilterError(f"{column} is a name: write {column}:text or {column}=text")
        self._at = start
        if sign != ":":
            wanted = self._word()
            self.needs.add(column)
            term: Term = _Named((column,), wanted.casefold(), is_whole=True)
        else:
            wanted = self._rest.partition(" ")[0]
            if not wanted:
                raise FilterError(f"{column}: wants a text after it")
            term = self._names((column,))
        if wanted.isdecimal() and (number := self._grammar.numbered.get(column)):
            self.needs.add(number)
            term = _Either((term, _Compared(number, operator.eq, int(wanted))))
        return _Not(term) if sign == "!=" else term

    def _in_numbers(self, column: str, sign: str, start: int) -> Term:
        if sign == ":":
            raise FilterError(f"{column} is a number: write {column}>100")
        self._at = start
        units, number = _UNITS.get(column, _SIZES), _NUMBER.fullmatch(self._word())
        if number is None or number[2].lower() not in units:
            size = {id(_PERCENT): "5%", id(_MINUTES): "30min"}.get(id(units), "100 or 1k")
            raise FilterError(f"{column}{sign} wants a number after it, such as {size}")
        self.needs.add(column)
        value = float(number[1].replace(",", "")) * units[number[2].lower()]
        return _Compared(column, _COMPARISONS[sign], value)

    def _names(self, columns: tuple[str, ...]) -> Term:
        """A text or a pattern that is looked for in these."""
        self.needs.update(columns)
        if self._rest.startswith("/"):
            return _Matched(columns, _pattern(self._between_slashes()))
        if self._rest.startswith("~"):
            self._at += 1
            return _Matched(columns, _pattern(self._word()))
        return _Named(columns, self._word().casefold())

    def _between_slashes(self) -> str:
        """Up to the slash that ends a word: until it is typed, all that follows."""
        end = re.compile(r"/(?=\s|$)").search(self._text, self._at + 1)
        pattern = self._text[self._at + 1 : end.start() if end else len(self._text)]
        self._at = end.end() if end else len(self._text)
        return pattern

    def _word(self) -> str:
        """Up to the next blank, or the quote that closes."""
        if self._rest.startswith('"'):
            word, _, _ = self._rest[1:].partition('"')
            self._at = min(self._at + len(word) + 2, len(self._text))
            return word
        word = self._rest.split(maxsplit=1)[0] if self._rest and not self._rest[0].isspace() else ""
        self._at += len(word)
        return word


def _pattern(source: str) -> Callable[[str], object]:
    """Searches a text; raises ``FilterError`` for what is no pattern, or could take for ever."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what may once mean something else
            search = re.compile(source, re.IGNORECASE).search
    except (re.error, OverflowError, RecursionError) as error:
        reason = getattr(error, "msg", "it is too large")
        raise FilterError(f"the pattern {source} cannot be used: {reason}") from None
    if _repeats_repeats(source):
        raise FilterError(f"the pattern {source} repeats what repeats or has a choice, which could take for ever")
    if _ways(source) > MAX_WAYS:
        raise FilterError(f"the pattern {source} repeats or chooses so often that it could take for ever")
    return search


_SIGNS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?|.", re.DOTALL).findall
"""The signs of a pattern; what is escaped or in brackets is one."""


def _ways(source: str) -> int:
    """In how many ways a pattern could be tried at one place of a name, at the most: what follows each other
    multiplies, what is to choose from adds up. Each way counts for a few steps."""
    outer: list[tuple[int, int]] = []
    done, ways, before = 0, 1, "("
    for sign in _SIGNS(source):
        if sign in ("(", "(?"):
            outer.append((done, ways))
            done, ways = 0, 1
        elif sign == ")" and outer:
            inner = (done + ways) * (2 if done else 1)
            done, ways = outer.pop()
            ways *= inner
        elif sign == "|":
            done, ways = done + ways, 1
        elif sign in "*+{?" and before not in "*+?}":  # behind a repeat these only say how it goes on
            ways *= 4 if sign == "?" else MAX_NAME
        before = sign
    for others, beside in reversed(outer):
        done, ways = others, beside * (done + ways)
    return done + ways


def _repeats_repeats(source: str) -> bool:
    """Whether a group with a repeat or a choice in it is repeated: the time that takes doubles with each character."""
    risky = [False]
    closed_risky = False
    for sign in _SIGNS(source):
        repeats = sign in "*+{?"
        if repeats and closed_risky and sign != "?":
            return True
        closed_risky = False
        if sign in ("(", "(?"):
            risky.append(False)
        elif sign == ")" and len(risky) > 1:
            closed_risky = risky.pop()
            risky[-1] |= closed_risky
        elif repeats or sign == "|":
            risky[-1] = True
    return False
