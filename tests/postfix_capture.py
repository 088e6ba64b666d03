"""A captured run of a real Postfix 3.7 with short queue ids, for the tests of everything that reads Postfix: its log,
its listings at known places in the log, and what the receiving side really got."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec

DATA = Path(__file__).parent / "data" / "postfix-37-short"

LISTINGS = tuple(sorted(path.stem for path in DATA.glob("*.json")))
"""Names of the ``postqueue -j`` listings: ``s*`` and ``b*`` while Postfix works, ``q*`` while it is at rest."""

QUIET = tuple(name for name in LISTINGS if name.startswith("q"))

WRITTEN = 1_795_291_180.0
"""The second after the log's last line: 2026-11-21 19:59:40 UTC. The log's stamps are in UTC."""


class SinkRecord(msgspec.Struct, frozen=True):
    """What the receiving side answered to one recipient ``r`` of sender ``f``: ``ok``, ``defer``, ``reject`` or
    ``drop`` (it cut the connection), at ``t``."""

    r: str
    f: str
    res: str
    t: float
    host: str
    campaign: str | None = None
    size: int | None = None


class TruthRecord(msgspec.Struct, frozen=True):
    """One message as it was submitted by SMTP: by whom, under which campaign, to whom, and the server's answer."""

    i: int
    account: str
    campaign: str | None
    rcpts: list[str]
    code: int
    reply: str
    t: float
    size: int


def log() -> bytes:
    """The whole log."""
    return gzip.decompress((DATA / "maillog.gz").read_bytes())


def listing(name: str) -> Path:
    """The file with the output of ``postqueue -j``."""
    return DATA / f"{name}.json"


def offsets(name: str) -> tuple[int, int]:
    """The log's length in bytes before and after the listing was taken."""
    before, after = (int((DATA / f"{name}.{suffix}").read_text()) for suffix in ("off0", "off1"))
    return before, after


def queue_files(name: str) -> dict[str, int]:
    """How many files each queue directory had just after the listing."""
    lines = (DATA / f"{name}.dirs").read_text().splitlines()
    return {queue: int(count) for queue, count in (line.split() for line in lines)}


def sink() -> list[SinkRecord]:
    """What the receiving side got, in its order."""
    lines = gzip.decompress((DATA / "sink.jsonl.gz").read_bytes()).splitlines()
    return [msgspec.json.decode(line, type=SinkRecord) for line in lines]


def truth() -> list[TruthRecord]:
    """What was submitted, in its order."""
    lines = (DATA / "truth.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=TruthRecord) for line in lines]
