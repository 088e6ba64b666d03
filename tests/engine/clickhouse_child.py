"""A collector's process for tests that kill it: ``python -m tests.engine.clickhouse_child LEDGER URL HOST SEED
[PAUSE_SECONDS]``."""

from __future__ import annotations

import sys
import time
from itertools import islice
from pathlib import Path

import msgspec

from tests.engine.clickhouse_mail import batches
from tui.config.ledger_place import parse
from tui.engine.batch import LogPosition
from tui.engine.clickhouse_writer import ClickhouseWriter


def main(path: Path, url: str, host: str, seed: int, pause_seconds: float = 0.0) -> None:
    """Write for ever from where the last one was killed; print how many batches there are when each is stored."""
    writer = ClickhouseWriter(path, parse(url), host, ship_seconds=0.0)
    stored = max((position.offset for position in writer.positions()), default=0)
    for made in islice(batches(seed), stored, None):
        stored += 1
        writer.write(msgspec.structs.replace(made, positions=[LogPosition("log", 1, 1, b"", stored)]))
        print(stored, flush=True)
        time.sleep(pause_seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), *map(float, sys.argv[5:]))
