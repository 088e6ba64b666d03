"""What an attack on a promise is, and its row in the table of `scripts/torture`. Each part is a module here with its
`ATTACKS`; `test_short.py` tries each for a moment, `python -m tests.torture.attack PART MINUTES` for long."""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec


class Attack(msgspec.Struct, frozen=True):
    """A promise and what tries to break it. ``once`` does one round in an empty folder, with chances of its own; it
    raises ``AssertionError`` where the promise is broken, and returns how often it tried. ``needs`` says what is
    missing here for it, in a few words; ``""`` when all is there. One round takes about ``seconds``."""

    promise: str
    once: Callable[[Path, random.Random], int]
    seconds: float = 1.0
    needs: Callable[[], str] = lambda: ""


def row(promise: str, tried: str, result: str) -> None:
    """Print a row of the table of `scripts/torture`."""
    print(f"{promise:<72} {tried:>9}  {result}", flush=True)


def attacks(part: str) -> list[Attack]:
    """The attacks of a part."""
    found: list[Attack] = importlib.import_module(f"tests.torture.{part}").ATTACKS
    return found


def attempt(attack: Attack, seed: int) -> int:
    """One round of an attack in a folder of its own; whatever it raises says the seed."""
    with tempfile.TemporaryDirectory(prefix="mailtop-torture-") as folder:
        try:
            return attack.once(Path(folder), random.Random(seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def besiege(attack: Attack, seconds: float) -> bool:
    """Try an attack for so long, once at the least, and print its row; whether the promise was kept."""
    if missing := attack.needs():
        row(attack.promise, "0", f"left out: {missing}")
        return True
    until, tried = time.monotonic() + seconds, 0
    while True:
        seed = random.SystemRandom().randrange(2**32)
        try:
            tried += attempt(attack, seed)
        except Exception as error:
            row(attack.promise, f"{tried:,}", f"BROKEN: {error!r:.1500}; {' '.join(error.__notes__)}")
            return False
        if time.monotonic() + attack.seconds > until:
            row(attack.promise, f"{tried:,}", "kept")
            return True


def main() -> int:
    """``PART MINUTES``: every attack of a part for its share of the time; returns how many promises broke."""
    part, minutes = attacks(sys.argv[1]), float(sys.argv[2])
    return sum(not besiege(attack, minutes * 60 / len(part)) for attack in part)


if __name__ == "__main__":
    sys.exit(main())
