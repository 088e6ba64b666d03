"""The command `mailtop`, also as `python -m tui`. Nothing imports it; it enters `tui.cli`."""

from __future__ import annotations

import sys

from tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
