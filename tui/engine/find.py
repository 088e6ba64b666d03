"""Finds the mail system on this host without configuration, by looking at files only. For the composition root."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from tui.config import LocalSource
from tui.engine.access import Access, refusal

_HEAD_BYTES = 64 * 1024


class FoundMta(msgspec.Struct, frozen=True, kw_only=True):
    """A mail system of this host: ``mta`` is ``exim`` or ``postfix``; ``log`` its log, which may not be there yet;
    ``spool`` its spool folder; ``exim`` Exim's program, ``postqueue`` the command that lists Postfix's queue as JSON,
    ``postcat`` the one that shows headers of its queue files, where it is known;
    ``userdomains`` cPanel's file of who owns a domain. ``problems`` are sentences on what cannot be read, and why."""

    mta: str
    log: Path
    spool: Path | None = None
    exim: str | None = None
    postqueue: tuple[str, ...] | None = None
    postcat: tuple[str, ...] | None = None
    userdomains: Path | None = None
    problems: tuple[str, ...] = ()


class _Kind(msgspec.Struct, frozen=True):
    """Where one mail system usually keeps things, below the root; ``queues`` are the folders of a spool with mail."""

    mta: str
    title: str
    logs: tuple[str, ...]
    spools: tuple[str, ...]
    queues: tuple[str, ...]
    programs: tuple[str, ...]


_EXIM = _Kind(
    mta="exim",
    title="Exim",
    logs=(
        "var/log/exim4/mainlog",  # Debian, Ubuntu
        "var/log/exim/main.log",  # RHEL, Fedora
        "var/log/exim_mainlog",  # cPanel
        "var/log/exim/mainlog",  # FreeBSD
        "var/spool/exim/log/mainlog",  # Exim's own default
    ),
    spools=("var/spool/exim4", "var/spool/exim"),
    queues=("input",),
    programs=("exim4", "exim"),
)
_POSTFIX = _Kind(
    mta="postfix",
    title="Postfix",
    logs=("var/log/mail.log", "var/log/maillog", "var/log/postfix.log", "var/log/mail"),
    spools=("var/spool/postfix",),
    queues=("maildrop", "incoming", "active", "deferred", "hold"),
    programs=("postqueue",),
)
_PROGRAM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/sbin")


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one mail system. ``speaks``: its log has content or may have; ``queued``: mail waits."""

    kind: _Kind
    log: Path | None
    speaks: bool
    spool: Path | None
    queued: bool
    program: Path | None


def find(config: LocalSource, root: Path = Path("/"), access: Access = os.access) -> list[FoundMta]:
    """The mail systems of the host below ``root``, in the usual places of Debian, RHEL, cPanel and FreeBSD.

    What ``config`` names wins over what is found, and a mail system that it names is always in the answer. Otherwise
    one is left out when another shows more signs of life: a spool or a program alone is weak beside a log with content
    or a queue with mail, and so is the log of one whose program is gone.
    """
    wanted = _wanted(config, access)
    if wanted is not None:
        return [_found(_see(wanted, config, root, access), config, root, access)]
    seen = [_see(kind, config, root, access) for kind in (_EXIM, _POSTFIX)]
    # Others write to mail.log, too: it says nothing of Postfix when there is nothing else of it.
    seen = [one for one in seen if one.spool or one.program or (one.log and one.kind is _EXIM)]
    seen = [one for one in seen if one.speaks or one.queued] or seen
    if any(one.program for one in seen):
        seen = [one for one in seen if one.program or one.queued]
    return [_found(one, config, root, access) for one in seen]


def _wanted(config: LocalSource, access: Access) -> _Kind | None:
    """The mail system that the configuration means: by its name, by what only one of them has, or by its log."""
    if config.mta != "auto":
        return _EXIM if config.mta == "exim" else _POSTFIX
    if config.spool is not None or config.exim is not None:
        return _EXIM
    if config.postqueue != LocalSource().postqueue or config.postcat is not None:
        return _POSTFIX
    if config.log is None:
        return None
    log = Path(config.log)
    if "exim" in config.log or log.name in ("mainlog", "main.log"):
        return _EXIM
    if _closed_folder(log, access) is not None or not log.is_file() or refusal(log, access):
        return _POSTFIX
    try:
        with log.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:  # it is being rotated
        head = b""
    return _POSTFIX if b"postfix" in head or not head else _EXIM


def _see(kind: _Kind, config: LocalSource, root: Path, access: Access) -> _Seen:
    logs = [Path(config.log)] if config.log is not None else [root / path for path in kind.logs]
    spools = [root / path for path in kind.spools]
    if config.spool is not None and kind is _EXIM:
        spools = [Path(config.spool)]
    standing = [path for path in logs if _stands(path, access) and not _is_folder(path, access)]
    log = max(standing, key=lambda path: _speaks(path, access), default=None)
    spool = next((path for path in spools if _stands(path, access)), None)
    return _Seen(
        kind=kind,
        log=log,
        speaks=log is not None and _speaks(log, access) > (0, 0.0),
        spool=spool,
        queued=spool is not None and any(_holds_mail(spool / queue, access) for queue in kind.queues),
        program=_program(kind.programs, root, access),
    )


def _found(seen: _Seen, config: LocalSource, root: Path, access: Access) -> FoundMta:
    log = seen.log or (Path(config.log) if config.log is not None else root / seen.kind.logs[0])
    problems = [_log_problem(seen, log, config, root, access)]
    if seen.kind is _POSTFIX:
        postqueue = config.postqueue
        if seen.program is not None and postqueue == LocalSource().postqueue:
            postqueue = (str(seen.program), *postqueue[1:])
        problems.append(_postqueue_problem(seen, config))
        return FoundMta(
            mta="postfix",
            log=log,
            spool=seen.spool,
            postqueue=postqueue,
            postcat=config.postcat or _postcat(postqueue, root, access),
            problems=_sentences(problems),
        )
    problems.append(_spool_problem(seen, config, root, access))
    userdomains = root / "etc/userdomains"
    on_cpanel = _stands(userdomains, access)
    closed = refusal(userdomains, access) if on_cpanel else None
    problems.append(closed and f"{closed}; until then accounts are named by their domains")
    exim = config.exim or (str(seen.program) if seen.program else None)
    return FoundMta(
        mta="exim",
        log=log,
        spool=seen.spool,
        exim=exim,
        userdomains=userdomains if on_cpanel and not closed else None,
        problems=_sentences(problems),
    )


def _sentences(problems: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(problem for problem in problems if problem)


def _log_problem(seen: _Seen, log: Path, config: LocalSource, root: Path, access: Access) -> str | None:
    if seen.log is not None:
        return refusal(log, access)
    if config.log is not None:
        return f"{log} is not there; mailtop waits for it to appear"
    places = ", ".join(str(root / path) for path in seen.kind.logs)
    remedy = 'name the log with log = "/path" in the configuration'
    if seen.kind is _POSTFIX:
        remedy += (
            ", or let Postfix write one (maillog_file = /var/log/postfix.log in main.cf) if it has only the journal"
        )
    return f"found no log of {seen.kind.title} (looked for {places}): {remedy}"


def _spool_problem(seen: _Seen, config: LocalSource, root: Path, access: Access) -> str | None:
    if seen.spool is not None:
        queue = seen.spool / "input"
        if not _stands(queue, access):
            return f"{seen.spool} has no folder input: it is no spool of Exim, or has never held mail"
        return refusal(queue, access)
    if config.spool is not None:
        return f"{config.spool} is not there; correct spool in the configuration"
    places = ", ".join(str(root / path) for path in seen.kind.spools)
    return f'found no spool of Exim (looked for {places}): name it with spool = "/path" in the configuration'


def _postqueue_problem(seen: _Seen, config: LocalSource) -> str | None:
    if seen.program is not None or config.postqueue != LocalSource().postqueue:
        return None
    return (
        f"found no postqueue on PATH or in {', '.join(_PROGRAM_FOLDERS)}: "
        'name it with postqueue = ["/path/postqueue", "-j"] in the configuration'
    )


def _postcat(postqueue: tuple[str, ...], root: Path, access: Access) -> tuple[str, ...] | None:
    """The command that shows headers from the queue that ``postqueue`` lists, unless that is run by something else."""
    program = Path(postqueue[0])
    if program.name != "postqueue":
        return None
    beside: Path | None = program.with_name("postcat")
    if not program.is_absolute():
        beside = _program(("postcat",), root, access)
    if beside is None or not (access(beside, os.X_OK) and beside.is_file()):
        return None
    return (str(beside), *[word for word in postqueue[1:] if word != "-j"], "-qeh")


def _stands(path: Path, access: Access) -> bool:
    """Whether ``path`` is there, or may be: a folder on the way is closed to us."""
    return _closed_folder(path, access) is not None or path.exists()


def _is_folder(path: Path, access: Access) -> bool:
    return _closed_folder(path, access) is None and path.is_dir()


def _closed_folder(path: Path, access: Access) -> Path | None:
    for folder in reversed(path.parents):
        if not folder.is_dir():
            return None
        if not access(folder, os.X_OK):
            return folder
    return None


def _speaks(path: Path, access: Access) -> tuple[int, float]:
    """How much a log has to say: of several, the one with content that was written last is the one in use."""
    if _closed_folder(path, access) is not None:
        return 1, 0.0
    try:
        found = path.stat()
    except FileNotFoundError:  # it is being rotated
        return 0, 0.0
    return (1, found.st_mtime) if found.st_size and stat.S_ISREG(found.st_mode) else (0, 0.0)


def _holds_mail(queue: Path, access: Access) -> bool:
    """Whether a file is in ``queue`` or one of its subfolders, as far as one may look."""
    if not _stands(queue, access) or refusal(queue, access):
        return False
    found, folders = _look_into(queue)
    return found or any(access(folder, os.R_OK | os.X_OK) and _look_into(folder)[0] for folder in folders)


def _look_into(folder: Path) -> tuple[bool, list[Path]]:
    """Whether a file is in ``folder``, and which folders are when there is none; nothing in one that went meanwhile, as
    Exim's do when they are empty. It ends at the first file: there may be a million."""
    folders = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                return True, []
            if entry.is_dir():
                folders.append(Path(entry.path))
    return False, folders


def _program(names: tuple[str, ...], root: Path, access: Access) -> Path | None:
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *_PROGRAM_FOLDERS]
    candidates = (root / folder.lstrip("/") / name for name in names for folder in folders if folder.startswith("/"))
    # The right comes first: Path.is_file fails where a folder of PATH cannot be entered.
    return next((path for path in candidates if access(path, os.X_OK) and path.is_file()), None)
