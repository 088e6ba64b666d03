"""The long form of the fuzz tests, for `scripts/torture`: every room for its share of the time, each by its own row of
a table. With `coverage` atheris finds the inputs, where it is installed."""

from __future__ import annotations

import importlib
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.case import Room, TooSlow, attack, besiege, damaged, minutes
from tests.torture.attack import row

RSS_MEGABYTES = 1024


def all_rooms() -> list[Room]:
    """Every room that a test file here names."""
    files = sorted(Path(__file__).parent.glob("test_fuzz_*.py"))
    return [room for file in files for room in importlib.import_module(f"tests.fuzz.{file.stem}").ROOMS]


def promise(room: Room) -> str:
    """What every room keeps to, in the words of its row."""
    return f"any bytes as {room.name}: an answer or a sentence"


def promise_by_coverage(room: Room) -> str:
    """The same, where the fuzzer sees what code the bytes reach."""
    return f"{room.name}, by coverage"


def by_chance(seconds: float) -> int:
    """Damage real inputs at random; returns how many rooms broke."""
    rooms, broken = all_rooms(), 0
    for room in rooms:
        seed, began, result, tried = random.SystemRandom().randrange(2**32), time.monotonic(), "kept", ""
        try:
            tried = f"{besiege(room, seconds / len(rooms), seed):,}"
        except (Exception, TooSlow) as error:
            broken += not room.owed
            tried = f"{time.monotonic() - began:.1f} s"
            notes = " ".join(getattr(error, "__notes__", ()))
            result = f"owed ({room.owed})" if room.owed else f"BROKEN: {error!r:.200}, seed {seed}; {notes:.2000}"
        row(promise(room), tried, result)
    return broken


def by_coverage(seconds: float) -> int:
    """The same by what code the inputs reach, in a process a room: the fuzzer never returns."""
    rooms, broken = [room for room in all_rooms() if not room.owed], 0
    for room in rooms:
        share = max(2, int(seconds / len(rooms)))
        ran = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.siege", "one", room.name, str(share)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=share + 120,
        )
        done = [line for line in ran.stderr.splitlines() if line.startswith("Done ")]
        broken += ran.returncode != 0
        result = "kept" if ran.returncode == 0 else f"BROKEN: {ran.stdout[-1500:]} {ran.stderr[-1500:]}"
        row(promise_by_coverage(room), f"{int(done[-1].split()[1]):,}" if done else "?", result)
    return broken


def one(name: str, seconds: str) -> None:
    """Let atheris attack one room until the time is over; then the process ends."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["tui"]):
        room = next(room for room in all_rooms() if room.name == name)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return damaged(room, chance)[:most]

    options = [
        f"-max_total_time={seconds}",
        "-max_len=20000",
        f"-rss_limit_mb={RSS_MEGABYTES}",
        "-artifact_prefix=/dev/null",
    ]
    atheris.Setup([sys.argv[0], *options], lambda data: attack(room, data), custom_mutator=mutated)
    atheris.Fuzz()


def main() -> int:
    """`chance` or `coverage`, for ``MAILTOP_FUZZ`` minutes; `one` is for the latter alone."""
    if sys.argv[1] == "one":
        one(*sys.argv[2:])
    return 1 if (by_coverage if sys.argv[1] == "coverage" else by_chance)(minutes() * 60) else 0


if __name__ == "__main__":
    sys.exit(main())
