"""The table of `docs/reliability.md`: a row for every promise that is attacked, with what `scripts/torture` printed.
`scripts/torture 5 > out; python -m tests.torture.table out` fills it in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tests.fuzz.siege import all_rooms, promise, promise_by_coverage
from tests.torture.attack import attacks
from tests.torture.soak import SOAK, SOAK_MINUTES

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- made by tests/torture/table.py -->\n", "<!-- until here -->\n"
HEAD = "| promise | attacked by | command | tried | result |\n|---|---|---|---:|---|\n"
UNTRIED = "", "not tried yet"
_ROW = re.compile(r"(?m)^\| (.*) \| `(.*)` \| `(.*)` \| (.*) \| (.*) \|$")


class Row(msgspec.Struct, frozen=True):
    """A promise, the file that attacks it, its part of `scripts/torture` and the minutes that do it justice."""

    promise: str
    file: str
    part: str
    minutes: int = 5


def parts() -> list[str]:
    """The modules here that have attacks."""
    here = Path(__file__).parent
    return sorted(file.stem for file in here.glob("*.py") if re.search(r"(?m)^ATTACKS\b", file.read_text()))


def rows() -> list[Row]:
    """Every promise that is attacked, in the order of the table."""
    found = [Row(each.promise, f"tests/torture/{part}.py", part) for part in parts() for each in attacks(part)]
    found.append(Row(SOAK, "tests/torture/soak_run.py", "soak", SOAK_MINUTES))
    rooms = all_rooms()
    found += [Row(promise(room), "tests/fuzz/siege.py", "fuzz") for room in rooms]
    return found + [Row(promise_by_coverage(room), "tests/fuzz/siege.py", "coverage") for room in rooms]


Tried = dict[str, tuple[str, str]]
"""How often each promise was attacked, and how that ended."""


def printed(outputs: Iterable[str], known: Sequence[Row]) -> Tried:
    """What `scripts/torture` printed of known promises. Of several runs the attempts are added up, and a promise that
    broke in one has broken."""
    found: Tried = {}
    names = sorted((row.promise for row in known), key=len, reverse=True)
    for line in "\n".join(outputs).splitlines():
        name = next((name for name in names if line.startswith(f"{name} ")), None)
        if name is None:
            continue
        tried, _, result = line.removeprefix(name).strip().partition("  ")
        before = found.get(name)
        if before is not None:
            tried = _sum(before[0], tried)
            result = next((each for each in (before[1], result) if each != "kept"), "kept")
        found[name] = tried, result.strip()
    return found


def _sum(one: str, other: str) -> str:
    try:
        return f"{int(one.replace(',', '')) + int(other.replace(',', '')):,}"
    except ValueError:  # one of both was left out, or took too long to count
        return other


def told(page: str) -> Tried:
    """What the page says now."""
    found = [[cell.replace("\\|", "|") for cell in match.groups()] for match in _ROW.finditer(page)]
    return {promise: (tried, result) for promise, _, _, tried, result in found}


def filled(page: str, tried: Tried) -> str:
    """The page with its table made anew; what was not tried again stays as it is told."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    known = told(rest) | tried
    lines = []
    for row in rows():
        tries, result = known.get(row.promise, UNTRIED)
        command = f"scripts/torture {row.minutes} {row.part}"
        lines.append(f"| {_cell(row.promise)} | `{row.file}` | `{command}` | {tries} | {_cell(result)} |\n")
    return f"{before}{BEGIN}{HEAD}{''.join(lines)}{END}{after}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """``OUT...``: fill in what these files say; without any only the rows are made anew."""
    tried = printed((Path(name).read_text() for name in sys.argv[1:]), rows())
    PAGE.write_text(filled(PAGE.read_text(), tried))


if __name__ == "__main__":
    main()
