"""How long the commands without a screen take, beside bare Python and the mail systems' own.

python -m benchmarks.commands [--rounds N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.whole import medians

MAILTOP = [sys.executable, "-m", "tui"]
BARE = "python -c ''"
BARS = {"mailtop --help": (100.0, 4.0)}
"""The most milliseconds, and the most as a multiple of bare Python."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mailtop.toml"
        (Path(folder) / "spool" / "input").mkdir(parents=True)
        (Path(folder) / "mainlog").touch()
        config.write_text(
            f'[[source]]\ntype = "local"\nmta = "exim"\nlog = "{folder}/mainlog"\nspool = "{folder}/spool"\n'
            f'ledger = "sqlite:///{folder}/ledger.db"\n'
        )
        at = ["--config", str(config)]
        commands = {
            BARE: [sys.executable, "-c", ""],
            "python -c 'import textual.app'": [sys.executable, "-c", "import textual.app"],
            "mailtop --help": [*MAILTOP, "--help"],
            "mailtop --version": [*MAILTOP, "--version"],
            "mailtop collect --once": [*MAILTOP, "collect", "--once", *at],
            "mailtop show queue": [*MAILTOP, "show", "queue", *at],
            "mailtop config show": [*MAILTOP, "config", "show", *at],
        }
        found = medians(commands, rounds)
    bare = found[BARE]
    for name, run in found.items():
        most = f"< {BARS[name][0]:g} ms, < {BARS[name][1]:g} x" if name in BARS else ""
        print(
            f"{name:34}{run.wall * 1000:8.0f} ms{run.wall / bare.wall:7.2f} x bare"
            f"{run.processor / bare.processor:7.2f} x by processor time{run.memory:7.0f} MB  {most}".rstrip()
        )


if __name__ == "__main__":
    main()
