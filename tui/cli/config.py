"""`mailtop config`: begins, finds, explains and describes the configuration. Only `main` enters."""

from __future__ import annotations

import argparse

from tui.cli.arguments import Exit


def run(options: argparse.Namespace) -> int:
    """Do what ``options`` say; returns the exit code."""
    return Exit.OK
