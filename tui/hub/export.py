"""All rows that a place shows, in its order, in a new file as text, CSV or JSON. The hub's loop enters; threads do the
work."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tui.hub import formats
from tui.hub.formats import Partial, Report, Row, ShownSource
from tui.hub.protocol import AccountsRequest, Export, Exported, HostFacts, ViewRequest
from tui.hub.roll import Roll
from tui.hub.sheet import Sheet
from tui.hub.views import order_of, selection_of, sort_of
from tui.model import Grouping, RowKey
from tui.sources.worker import Worker
from tui.text import clean

CLOSE_SECONDS = 0.5
"""How long an export that is not wanted any more may take to tidy up."""

_FORMS: dict[str, Callable[[Report], Iterable[str]]] = {
    "text": formats.as_table,
    "csv": formats.as_csv,
    "json": formats.as_json,
}
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_ANOTHER = "name another folder or file"
_REMEDIES = {
    errno.EEXIST: "it was left as it is; give another name",
    errno.ENOSPC: "free some room or name another folder",
    errno.EDQUOT: "free some room or name another folder",
    errno.EFBIG: "the system allows no file as large; filter the rows",
    errno.ENOENT: "make the folder or name another one",
    errno.ENAMETOOLONG: "give a shorter name",
}


class Stopped(Exception):
    """Nobody wants the file any more."""


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of what is exported: ``sheet`` and ``roll`` are ``None`` before the first answer. ``nameless``
    are the sources that tell campaigns by id alone. Rows that are hosts have ``facts``; ``partial`` says how many hosts
    the sums hold."""

    time: float
    sheet: Sheet | None
    roll: Roll | None
    sources: Sequence[ShownSource]
    nameless: Collection[str] = ()
    facts: Mapping[RowKey, HostFacts] = {}
    partial: Partial | None = None


class SheetRows:
    """Some rows of a sheet, each made when it is asked for. They outlive the sheet."""

    def __init__(self, sheet: Sheet, indices: Sequence[int], nameless: Collection[str]) -> None:
        self._columns: Mapping[str, Sequence[Any]] = {key: sheet.column(key) for key in formats.QUEUE_KEYS}
        self._indices = indices
        self._nameless = nameless

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Row]:
        columns, sources = self._columns, self._columns["source"]
        for index in self._indices:
            cells: Row = {key: column[index] for key, column in columns.items()}
            yield _outside(formats.named(cells, sources[index] not in self._nameless))


async def export(asked: Export, material: Material, hub_worker: Worker, writer: Worker) -> Exported:
    """Write the file that ``asked`` names, in the thread of ``writer``; the rows are looked up in ``hub_worker``'s,
    where those of ``material`` are made and freed. When this is cancelled nothing stays of the file."""
    try:
        made = await hub_worker.run(partial(_made, asked.request, material))
        if made is None:
            return _failed(asked, "nothing was written: the rows are not known yet; ask again when they are there")
        report, problem = made
        await _in_thread(writer, partial(write_new, Path(asked.path), _FORMS[asked.format](report)))
    except (OSError, ValueError) as error:
        return _failed(asked, sentence_of(asked.path, error))
    count = len(report.rows)
    rows = "1 row" if count == 1 else f"{count:,} rows"
    unfiltered = f", and not filtered: {problem}" if problem else ""
    return Exported(serial=asked.serial, sentence=f"{rows} written to {clean(asked.path)}{unfiltered}")


def write_new(path: Path, texts: Iterable[str], stop: threading.Event) -> None:
    """Write ``texts`` in UTF-8 to a new file that only this user may read. It has its name when it is complete. Raises
    ``OSError``, or ``Stopped`` soon after ``stop`` was set, and then there is no file."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = path.with_name(f".mailtop-{secrets.token_hex(8)}.part")
    descriptor = os.open(part, _NEW_FILE, 0o600)
    try:
        # Each write of its small buffer lets other threads run.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            for text in texts:
                if stop.is_set():
                    raise Stopped
                file.write(text)
        _give_name(part, path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def sentence_of(path: str, error: OSError | ValueError) -> str:
    """Why the file could not be written, and what to do."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    remedy = _REMEDIES.get(error.errno or 0, _ANOTHER) if isinstance(error, OSError) else _ANOTHER
    return f"cannot write {clean(path)}: {reason}; {remedy}"


def _give_name(part: Path, path: Path) -> None:
    """Let the finished file appear under its name, and never in another one's place."""
    try:
        os.link(part, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, _NEW_FILE, 0o600))  # nobody else can take the name now
        part.rename(path)


def _failed(asked: Export, sentence: str) -> Exported:
    return Exported(serial=asked.serial, sentence=sentence, failed=True)


async def _in_thread(writer: Worker, write: Callable[[threading.Event], None]) -> None:
    stop = threading.Event()
    writing = asyncio.ensure_future(writer.run(partial(write, stop)))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        stop.set()
        with suppress(Stopped, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(writing)
        raise


def _made(request: ViewRequest, material: Material) -> tuple[Report, str] | None:
    """What to write, and why the rows could not be filtered; ``None`` while nothing is material."""
    if request.accounts is not None:
        return _of_accounts(request, request.accounts, material, material.roll) if material.roll is not None else None
    return _of_queue(request, material, material.sheet) if material.sheet is not None else None


def _of_queue(request: ViewRequest, material: Material, sheet: Sheet) -> tuple[Report, str]:
    query = request.query
    of_hosts = query.grouping is Grouping.HOST
    senders: tuple[str, ...] = ()
    if sheet.several_senders:
        senders = ("sender_id", "sender") if any(sheet.column("sender")) else ("sender_id",)
    asked: Row = {
        "show": "queue",
        "group": query.grouping.value,
        "source": request.source,
        "together": request.together,
        "sender": query.sender_id,
        "account": query.account or query.account_id,
        "campaign": query.campaign or query.campaign_id,
        "isp": query.isp,
        "filter": request.filter or None,
        "problems": request.problems,
        "sort": sort_of(request),
        "descending": request.descending,
    }
    indices = list(order_of(request, sheet))
    report = Report(
        time=_utc(material.time),
        query=asked,
        sources=list(material.sources),
        keys=formats.HOST_KEYS if of_hosts else formats.QUEUE_KEYS,
        texts=formats.queue_texts(query.grouping, len(sheet.sources) > 1 and not request.together, senders),
        counts=formats.QUEUE_COUNTS,
        facts=formats.HOST_FACTS if of_hosts else (),
        rows=_hosts(request, material, sheet) if of_hosts else SheetRows(sheet, indices, material.nameless),
        complete=not any(source.error for source in material.sources),
        partial=material.partial if of_hosts or request.together else None,
    )
    return report, selection_of(request, sheet).problems.get(request.filter, "")


def _hosts(request: ViewRequest, material: Material, sheet: Sheet) -> list[Row]:
    """The rows of hosts, of which there are few."""
    rows = [sheet.row(index) for index in order_of(request, sheet)]
    senders = Counter(source for source, _ in {(row.source, row.sender_id) for row in rows})
    return [
        _outside(formats.queue_row(row, row.source not in material.nameless))
        | ({} if material.facts[row.key].known else dict.fromkeys(formats.QUEUE_COUNTS))
        | formats.beside_host(
            (row.sender or str(row.sender_id)) if senders[row.source] > 1 else row.source, material.facts[row.key]
        )
        for row in rows
        if row.key in material.facts
    ]


def _outside(row: Row) -> Row:
    """The row without what only the hub knows: its own numbers for names, which are negative; what is added up has no
    source and no sender."""
    for key in ("account_id", "campaign_id"):
        number = row[key]
        if isinstance(number, int) and number < 0:
            row[key] = None
    if not row["source"]:
        row["source"] = row["sender_id"] = row["sender"] = None
    return row


def _of_accounts(request: ViewRequest, accounts: AccountsRequest, material: Material, roll: Roll) -> tuple[Report, str]:
    asked = msgspec.structs.replace(accounts, first=0, rows=len(roll), selected=None, anchor=None)
    page = roll.page(asked, request.source)
    rows = [formats.totals_row(pane.source or None, pane.totals) for pane in page.rows]
    quotas = ["quotas"] if any(row["quotas"] for row in rows) else []
    sources = ["source"] if len({row["source"] for row in rows}) > 1 else []
    partial = None
    if request.together:
        partial = Partial(sum(not source.error for source in material.sources), len(material.sources))
    report = Report(
        time=_utc(material.time),
        query={
            "show": "totals",
            "source": request.source,
            "together": request.together,
            "filter": asked.filter or None,
            "sort": page.sort,
            "descending": page.descending,
        },
        sources=list(material.sources),
        keys=formats.TOTALS_KEYS,
        texts=(*sources, "account", *quotas),
        counts=formats.TOTALS_COUNTS,
        rows=rows,
        complete=not any(source.error for source in material.sources),
        partial=partial,
    )
    return report, page.filter_problem


def _utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
