"""Captured runs of a real Exim, for the tests of everything that reads it: the log, the spool and ``exim -bp`` at known
places in the log, and what the receiving side really got."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import msgspec

EXIM_RUNS = ("exim-96-cpanel", "exim-96-default", "exim-98-traps")
"""4.96 with cPanel's log selectors, 4.96 as it comes, and 4.98 with all selectors, a split spool and hostile mail."""


class SinkRecord(msgspec.Struct, frozen=True):
    """What the receiving side answered to one recipient ``r`` of sender ``f``: ``ok``, ``defer`` or ``reject``, at
    ``t``."""

    r: str
    f: str
    res: str
    t: float
    host: str
    campaign: str | None = None
    size: int | None = None


class TruthRecord(msgspec.Struct, frozen=True):
    """One message as it was submitted by SMTP: by whom, under which campaign, to whom, and the server's answer, which
    ends with the message id."""

    i: int
    account: str
    campaign: str | None
    rcpts: list[str]
    code: int
    reply: str
    t: float
    size: int


class EximCapture:
    """One run. Its log's stamps are in UTC; the last line was written before ``written``."""

    written = 1_795_400_000.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = Path(__file__).parent / "data" / name

    @property
    def listings(self) -> tuple[str, ...]:
        """The names of all listings: ``q*`` with Exim at rest, ``s*`` while it works."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.bp")))

    @property
    def quiet(self) -> tuple[str, ...]:
        """The names of the listings that were taken with Exim at rest."""
        return tuple(name for name in self.listings if name.startswith("q"))

    def log(self) -> bytes:
        """The whole main log."""
        return gzip.decompress((self.folder / "mainlog.gz").read_bytes())

    def sink(self) -> list[SinkRecord]:
        """What the receiving side got, in its order."""
        lines = gzip.decompress((self.folder / "sink.jsonl.gz").read_bytes()).splitlines()
        return [msgspec.json.decode(line, type=SinkRecord) for line in lines]

    def truth(self) -> list[TruthRecord]:
        """What was submitted with authentication, in its order."""
        lines = (self.folder / "truth.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=TruthRecord) for line in lines]

    def bp(self, listing: str) -> bytes:
        """The output of ``exim -bp``."""
        return (self.folder / f"{listing}.bp").read_bytes()

    def count(self, listing: str) -> int:
        """The output of ``exim -bpc``: how many messages are in the queue."""
        return int((self.folder / f"{listing}.bpc").read_text())

    def offsets(self, listing: str) -> tuple[int, int]:
        """The log's length in bytes before and after the listing was taken."""
        before, after = (int((self.folder / f"{listing}.{suffix}").read_text()) for suffix in ("off0", "off1"))
        return before, after

    def unpack_spool(self, listing: str, spool: Path) -> None:
        """Put the spool of a listing, with its folder ``input``, under ``spool``."""
        with tarfile.open(self.folder / "input.tar.xz") as packed:
            for member in packed:
                head, _, rest = member.name.partition("/")
                if head != f"{listing}.input":
                    continue
                path = spool / "input" / rest
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                else:
                    content = packed.extractfile(member)
                    assert content is not None
                    path.write_bytes(content.read())


def exim_capture(name: str) -> EximCapture:
    """The run of that name, one of ``EXIM_RUNS``."""
    return EximCapture(name)


def exim_bp_units(text: bytes) -> dict[bytes, tuple[bool, list[bytes]]]:
    """What ``exim -bp`` printed, by message id: whether it is frozen, and the recipients that still wait, with their
    domains in lower case. Plainer than the product's own parser, to compare with it."""
    units: dict[bytes, tuple[bool, list[bytes]]] = {}
    for block in text.split(b"\n\n"):
        head, *lines = block.strip(b"\n").split(b"\n")
        if not head:
            continue
        id_ = next(word for word in head.split() if word.count(b"-") == 2 and len(word) in (16, 23))
        waiting = [line[10:].rpartition(b"@") for line in lines if line[:10].strip() == b""]
        units[id_] = (b"*** frozen ***" in head, [local + at + domain.lower() for local, at, domain in waiting])
    return units
