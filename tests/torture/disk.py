"""Attacks on what must outlive its disk and its limits: ledgers removed, damaged or cut, full and closed disks, clocks
that jump, and a system that gives no processes, files or memory. `attack` enters."""

from __future__ import annotations

from tests.torture.attack import Attack
from tests.torture.tampering import what_somebody_does_to_a_ledger_is_noticed

ATTACKS = [
    Attack("ledgers removed, replaced, damaged, cut while open", what_somebody_does_to_a_ledger_is_noticed, 2.0),
]
