"""Attacks on what must outlive its disk and its limits: ledgers removed, damaged or cut, full and closed disks, clocks
that jump, and a system that gives no processes, files or memory. `attack` enters."""

from __future__ import annotations

from tests.torture.attack import Attack
from tests.torture.clocks import a_clock_that_is_wrong_for_a_moment
from tests.torture.full_disk import (
    a_full_disk_loses_nothing,
    commands_on_a_full_disk_say_so,
    files_that_may_not_grow_lose_nothing,
    needs_a_disk,
)
from tests.torture.limits import (
    a_screen_without_processes_waits_for_them,
    commands_short_of_memory_or_files_say_so,
    needs_a_herd,
)
from tests.torture.tampering import what_somebody_does_to_a_ledger_is_noticed

ATTACKS = [
    Attack("ledgers removed, replaced, damaged, cut while open", what_somebody_does_to_a_ledger_is_noticed, 2.0),
    Attack("a full disk under a collector that is killed, too", a_full_disk_loses_nothing, 1.5, needs_a_disk),
    Attack("files that may grow no further (RLIMIT_FSIZE)", files_that_may_not_grow_lose_nothing, 1.5),
    Attack("commands, exports, settings on a full or closed disk", commands_on_a_full_disk_say_so, 1.5, needs_a_disk),
    Attack("commands short of memory or open files", commands_short_of_memory_or_files_say_so, 1.0),
    Attack("a screen that may start no process", a_screen_without_processes_waits_for_them, 4, needs_a_herd),
    Attack("a clock set ahead for less than an hour: history stays", a_clock_that_is_wrong_for_a_moment, 1.0),
]
