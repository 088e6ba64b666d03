"""Follows one log across rotations, as one stream of bytes, and gives whole lines with the place they end at. For the
collector."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from tui.engine.access import refusal
from tui.engine.batch import LogPosition
from tui.engine.logfile import FINISHED, MAX_LINE_BYTES, Entry, LogFile, Place, entry_of, rotated

_TRIES = 5
"""How often a look at the files is repeated when they change under it; then it waits for the next read."""


class Chunk(msgspec.Struct, frozen=True):
    """Whole lines and the ``position`` after them. ``written`` is when their file was last written (seconds since
    1970). ``skipped`` counts lines passed over because they were too long (there may then be no other); ``gap`` says
    that lines before these may be missing, because what they stood in is gone or cannot be read; ``copied`` that the
    log was copied and then truncated before these: what was written to it in that moment is in no file."""

    lines: bytes
    position: LogPosition
    written: float
    skipped: int = 0
    gap: bool = False
    copied: bool = False


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What ``LogPosition.head`` holds: the fingerprint of the file's head with its length, how far the file before it
    was read, since a writer may still have that open, and when the file was last written, by the file system's clock.
    """

    length: int
    digest: bytes
    before: Place | None
    written: float = 0.0


class _ReplacedError(Exception):
    """The file being read was truncated or rewritten: find the place again as after a restart."""


class Tail:
    """Reads the log at ``path`` and its rotated files in the order they were written.

    It goes on from ``position``, ``None`` for the beginning: the oldest rotated file, or only the log itself with
    ``only_current``. A file is known by device, inode, the fingerprint of its head and the offset; times count only
    where it is gone, to tell the files that were read before it from those that came after. A renamed one is read to
    its end before the next, and watched for late lines until the rotation after it; a truncated one is finished in its
    copy. A line that a rotation cut in two is joined.

    What nobody can save: lines written to a file between the copy and the truncation (``Chunk.copied``), or truncated
    away unread with no copy (``Chunk.gap``). A log that is cut to less than 1 KiB, but not to nothing, is read as new.

    When a chunk could not be stored, make a new Tail from the last stored position.
    """

    def __init__(self, path: Path, position: LogPosition | None, *, only_current: bool = False) -> None:
        self.path = path
        self._only_current = only_current
        self._place: Place | None = None
        self._before: Place | None = None
        self._written = 0.0
        if position is not None:
            head = msgspec.msgpack.decode(position.head, type=_Head)
            self._place = Place(position.device, position.inode, head.length, head.digest, position.offset)
            self._before, self._written = head.before, head.written
        self._file: LogFile | None = None
        self._late: LogFile | None = None
        self._gap = False
        self._copied = False
        self._trouble: str | None = None
        self._left_out: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """One sentence on why there is nothing to read (not there yet, no right), else on what was left out."""
        return self._trouble or "; ".join(list(self._left_out.values())[:3]) or None

    def read(self, limit_bytes: int) -> Chunk | None:
        """The next whole lines, about ``limit_bytes`` of them at most (one line may be longer); ``None`` when there is
        nothing new now. Never raises for what happens to files: see ``problem``."""
        self._trouble = None
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(FileNotFoundError):  # a name moved on between two looks
                    try:
                        return self._read(limit_bytes)
                    except _ReplacedError:
                        self.close()
            self._look()
        except PermissionError as error:
            self._trouble = _refused(Path(error.filename or self.path))
        except OSError as error:
            self._trouble = f"cannot read {error.filename or self.path}: {error.strerror or error}"
            self.close()  # a handle that went stale, as NFS has them, is never good again
        return None

    def close(self) -> None:
        """Give back the files; a later read finds the place again."""
        for file in (self._file, self._late):
            if file is not None:
                file.close()
        self._file = self._late = None

    def _read(self, limit_bytes: int) -> Chunk | None:
        file = self._file
        if file is None:
            try:
                file = self._find()
            except FileNotFoundError:
                self.close()
                raise
            if file is None:
                self._look()
                return None
            if self._gap and file.offset > 0:
                return self._chunk(b"", file, file)  # told at once: it goes on at another place
        late = self._read_late(limit_bytes, file)
        if late is not None:
            return late
        lines = file.lines(limit_bytes)
        if not file.intact():
            raise _ReplacedError
        if lines or file.skipped:
            return self._chunk(lines, file, file)
        current = self._look()
        chunk = None if current is None or _same(current, file) else self._cross(limit_bytes, file)
        if chunk is None and file.offset == 0:
            self.close()  # nothing ties us to it: the oldest file may be another by the next time
        return chunk

    def _look(self) -> Entry | None:
        """The log itself, or what is wrong with it in ``_trouble``."""
        current = entry_of(self.path)
        if current is None and self.path.is_dir():
            self._trouble = f"{self.path} is a directory, not a log file; name the log file in the configuration"
        elif current is None and self.path.exists():
            self._trouble = f"{self.path} is not a regular file; name the log file in the configuration"
        elif current is None:
            self._trouble = f"{self.path} is not there; mailtop waits for it to appear"
        return current

    def _chunk(self, lines: bytes, source: LogFile, file: LogFile) -> Chunk:
        """Lines out of ``source``, after which reading goes on in ``file``."""
        self._place = place = file.place()
        self._written = file.written
        head = msgspec.msgpack.encode(_Head(place.length, place.digest, self._before, self._written))
        position = LogPosition(str(self.path), place.device, place.inode, head, place.offset)
        chunk = Chunk(lines, position, source.written, source.skipped, self._gap, self._copied)
        source.skipped, self._gap, self._copied = 0, False, False
        return chunk

    def _read_late(self, limit_bytes: int, file: LogFile) -> Chunk | None:
        """What was still written to the file before ``file``."""
        late = self._late
        if late is None:
            return None
        gone = late.deleted
        lines = late.lines(limit_bytes)
        if lines or late.skipped:
            self._before = late.place()
            return self._chunk(lines, late, file)
        if late.packed or gone:  # an open file that is deleted keeps its room on the disk
            self._note_damage(late)
            self._before = msgspec.structs.replace(late.place(), offset=FINISHED)
            late.close()
            self._late = None
        return None

    def _entries(self) -> list[Entry]:
        """The files of the log, the oldest first, the log itself last. Raises ``FileNotFoundError`` while a rotation is
        under way."""
        entries = self._listed()
        current = entry_of(self.path)
        if [_identity(entry) for entry in entries] != [_identity(entry) for entry in self._listed()]:
            raise FileNotFoundError(f"{self.path} is being rotated")
        if current is None:
            return entries
        if entries and self._is_copy(entries[-1], current):
            entries.pop()
        return [*(entry for entry in entries if entry.inode != current.inode), current]

    def _listed(self) -> list[Entry]:
        try:
            return [entry for entry in rotated(self.path) if entry.size]
        except PermissionError as error:
            folder = Path(error.filename or self.path.parent)
            self._left_out[str(folder)] = _refused(folder)
            return []

    def _is_unchanged(self, entries: list[Entry]) -> None:
        """Raises ``FileNotFoundError`` when the files of the log are others by now: what was opened by its name may not
        be what had it, and what was not found may have another."""
        if [_identity(entry) for entry in entries] != [_identity(entry) for entry in self._entries()]:
            raise FileNotFoundError(f"{self.path} was rotated meanwhile")

    def _later(self, entries: list[Entry], written: float) -> list[Entry]:
        """The log itself and the rotated files that were written later, if all could be looked into."""
        return [entry for entry in entries if self._is_log(entry) or (entry.written > written and not self._left_out)]

    def _is_copy(self, sibling: Entry, current: Entry) -> bool:
        """Whether the log is being copied into ``sibling`` just now, before it is truncated: it still has all of it."""
        if sibling.packing or sibling.size > current.size:
            return False
        copy = self._open(sibling)
        if copy is None:
            return False
        with contextlib.closing(copy), contextlib.closing(LogFile(current)) as log:
            return copy.copies(log)

    def _open(self, entry: Entry) -> LogFile | None:
        """Open a file of the log; a rotated one that cannot be read is left out, and ``problem`` says so."""
        try:
            return LogFile(entry)
        except ModuleNotFoundError:
            self._left_out[entry.name] = (
                f"{entry.name} is left out: this Python cannot decompress {entry.packing} files, Python 3.14 can"
            )
        except PermissionError:
            if self._is_log(entry):
                raise
            self._left_out[entry.name] = f"{_refused(Path(entry.name))} (this file is left out)"
        return None

    def _find(self) -> LogFile | None:
        """Open the file to go on in: the place's, else the one before it, else the oldest that was written later."""
        self.close()
        entries = self._entries()
        if self._place is None:
            self._file = self._begin(entries)
            self._is_unchanged(entries)
            return self._file
        if self._before is not None:
            self._late = self._find_place(self._before, entries)
        self._file = self._find_place(self._place, entries)
        if self._file is not None:
            self._note_change(self._file, self._place, entries)
            return self._file
        before, self._late = self._late, None
        self._file = before or self._first(self._later(entries, self._written))
        self._is_unchanged(entries)
        if self._file is not None:  # else it may come back, as when its disk is mounted late
            self._gap, self._before = True, None
        return self._file

    def _note_change(self, file: LogFile, place: Place, entries: list[Entry]) -> None:
        """What is to be told where ``file``, which has the beginning, is not what it was, or not the file it was."""
        if _same(place, file):
            self._gap = self._gap or not file.is_as_left_at(place.offset)
        else:
            renamed = file.packed or file.name == str(self.path)
            self._copied = not renamed or any(_same(entry, place) for entry in entries)

    def _begin(self, entries: list[Entry]) -> LogFile | None:
        if not self._only_current:
            return self._first(entries)
        rotated_before = [entry for entry in reversed(entries) if not self._is_log(entry)]
        for entry in [*rotated_before, *entries[-1:]]:
            file = self._open(entry)
            if file is not None:
                file.offset = 0 if self._is_log(entry) else FINISHED
                return file
        return None

    def _first(self, entries: list[Entry]) -> LogFile | None:
        """The first of the files that can be opened."""
        return next((file for entry in entries if (file := self._open(entry)) is not None), None)

    def _find_place(self, place: Place, entries: list[Entry]) -> LogFile | None:
        """The file that ``place`` is about, opened there: by device and inode if its head is right, else by the head,
        the newest first."""
        newest_first = entries[::-1]
        for entry in sorted(newest_first, key=lambda entry: not _same(entry, place)):
            file = self._open(entry)
            if file is None:
                continue
            with contextlib.ExitStack() as undo:
                undo.callback(file.close)
                if file.begins_with(place):
                    file.go_to(place.offset)
                    undo.pop_all()
                    return file
        return None

    def _following(self, file: LogFile, entries: list[Entry]) -> list[Entry]:
        """The files of the log that are newer than ``file``, the oldest first."""
        names = [entry.name for entry in entries if _same(entry, file)]
        for place in (file.place(), self._before):
            if not names and place is not None:
                found = self._find_place(place, entries)
                if found is not None:
                    names = [found.name]
                    found.close()
        if not names:
            return self._later(entries, file.written)
        return entries[[entry.name for entry in entries].index(names[0]) + 1 :]

    def _cross(self, limit_bytes: int, file: LogFile) -> Chunk | None:
        """Go on from ``file``, which was read to its end, to the first newer file that has a whole line; until there is
        one, nothing changes."""
        with contextlib.ExitStack() as undo:
            passed, left_out = [file], False
            entries = self._entries()
            for entry in self._following(file, entries):
                following = self._open(entry)
                if following is None:
                    left_out = True
                    continue
                undo.callback(following.close)
                lines = following.lines(limit_bytes)
                if not following.intact():
                    raise FileNotFoundError(f"{entry.name} was truncated")
                if lines or following.skipped:
                    break
                passed.append(following)
            else:
                return None
            self._is_unchanged(entries)
            # Whoever wrote the first line of the new file is done with the old ones: look there once more.
            late = self._read_late(limit_bytes, file)
            if late is not None:
                return late
            last = file.lines(limit_bytes)
            if last or file.skipped:
                return self._chunk(last, file, file)
            cut = b"".join([each.rest() for each in passed])
            if left_out or any(each.damage for each in passed):
                self._gap, cut = True, b""
            undo.pop_all()
        return self._arrive(passed, following, cut, lines)

    def _arrive(self, passed: list[LogFile], following: LogFile, cut: bytes, lines: bytes) -> Chunk:
        if len(cut) > MAX_LINE_BYTES:
            following.skipped += 1
            cut = b""
        elif following.skipped:  # the line that was passed over began with it
            cut = b""
        for file in passed:
            following.skipped, file.skipped = following.skipped + file.skipped, 0
        self._leave(passed)
        self._file = following
        return self._chunk(cut + lines, following, following)

    def _leave(self, passed: list[LogFile]) -> None:
        """Close the files that are done, but keep the last one open for late lines."""
        if self._late is not None:
            self._late.close()
        self._late = None
        for file in reversed(passed):
            self._note_damage(file)
            if self._late is None and not file.empty:
                self._late, self._before = file, file.place()
            else:
                file.close()

    def _is_log(self, entry: Entry) -> bool:
        return entry.name == str(self.path)

    def _note_damage(self, file: LogFile) -> None:
        if file.damage:
            self._left_out[file.name] = file.damage


def _same(entry: Entry | Place, other: Entry | LogFile | Place) -> bool:
    return (entry.device, entry.inode) == (other.device, other.inode)


def _identity(entry: Entry) -> tuple[str, int, int]:
    return entry.name, entry.device, entry.inode


def _refused(path: Path) -> str:
    with contextlib.suppress(OSError):  # whose it is cannot be told either
        return refusal(path) or f"cannot read {path}"
    return f"cannot read {path}"
