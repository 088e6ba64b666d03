"""The table of `docs/reliability.md` has every attack, and says what was printed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.torture.attack import attacks
from tests.torture.table import PAGE, filled, parts, printed, rows, told

SCRIPT = Path(__file__).parents[2] / "scripts" / "torture"


def test_every_promise_that_is_attacked_is_told() -> None:
    page = PAGE.read_text()
    assert page == filled(page, {}), "make it anew: python -m tests.torture.table"
    assert {row.promise for row in rows()} == told(page).keys()
    assert {attack.promise for part in parts() for attack in attacks(part)} <= told(page).keys()


def test_every_file_and_part_that_is_told_is_there() -> None:
    page, root = PAGE.read_text(), SCRIPT.parent.parent
    for row in rows():
        assert (root / row.file).is_file()
        assert f"| `{row.part}` |" in page or f"`{row.part}`" in page, "describe the part"


def test_a_promise_has_one_row_of_its_own() -> None:
    names = [row.promise for row in rows()]
    assert len(set(names)) == len(names)
    assert not any(one != other and other.startswith(f"{one} ") for one in names for other in names)
    assert not any("  " in name or len(name) > 80 for name in names), "its row could not be read"


def test_what_was_printed_is_filled_in() -> None:
    first, second, third = (row.promise for row in rows()[:3])
    outputs = [
        f"promise tried result\n{first:<72} {'1,200':>9}  kept\n{second:<72} {'7':>9}  kept\n",
        f"{first:<72} {'34':>9}  kept\n{second:<72} {'2':>9}  BROKEN: it | fell; seed 3\n"
        f"{third:<72} {'0':>9}  left out: no right\n",
    ]
    tried = printed(outputs, rows())
    assert tried == {
        first: ("1,234", "kept"),
        second: ("9", "BROKEN: it | fell; seed 3"),
        third: ("0", "left out: no right"),
    }
    page = filled(PAGE.read_text(), tried)
    assert told(page)[first] == ("1,234", "kept")
    assert told(page)[third] == ("0", "left out: no right")
    assert filled(page, {}) == page, "what was not tried again stays"


def test_all_parts_are_tried_where_none_is_named() -> None:
    command = next(line for line in SCRIPT.read_text().splitlines() if "set -- fuzz coverage" in line)
    made = subprocess.run(
        ["sh", "-c", f'set --; {command}; echo "$@"'], cwd=SCRIPT.parent.parent, capture_output=True, text=True
    )
    assert made.stdout.split() == ["fuzz", "coverage", *parts()]
