"""The command `mailtop`, also as `python -m tui`. Nothing imports it; it enters `tui.cli`."""

from __future__ import annotations

import gc
import sys

from tui.cli.ending import note_signals, stop_waiting


def main() -> int:
    """Run the command line of this process; returns the exit code."""
    note_signals()
    gc.disable()  # nothing that is imported is garbage; what runs enables it
    try:
        from tui.cli import main as command_line

        return command_line.main()
    finally:
        stop_waiting()


if __name__ == "__main__":
    sys.exit(main())
