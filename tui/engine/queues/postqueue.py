"""Postfix's queue as ``postqueue -j`` lists it, line by line, and the campaign header of queue files by ``postcat``."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from selectors import EVENT_READ, DefaultSelector
from typing import IO, cast

import msgspec

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import HOLD, NEW, PROC, RETRY
from tui.engine.queues.listing import Listing, ListingError, Waiting
from tui.text import clean

_STATES = {"incoming": NEW, "maildrop": NEW, "active": PROC, "deferred": RETRY, "hold": HOLD}
"""Postfix's queues by the state of what they hold; ``postqueue`` lists no others (``showq.c``)."""

_NO_SENDER = "MAILER-DAEMON"
"""How ``postqueue`` prints an empty sender (Postfix's ``empty_address_recipient``)."""

_CAMPAIGN = b"x-campaign-id:"
_CHUNK_BYTES = 1 << 16
_SAID_BYTES = 4096


class _Recipient(msgspec.Struct, gc=False):
    address: str


class _Message(msgspec.Struct, gc=False):
    queue_name: str
    queue_id: str
    arrival_time: int
    message_size: int
    sender: str
    recipients: list[_Recipient]


_decode = msgspec.json.Decoder(_Message).decode


class Postqueue:
    """Lists Postfix's queue by ``command``, whose output is one JSON object a line; ``timeout_seconds`` is how long one
    listing may take."""

    def __init__(
        self, accounts: Accounts, command: Sequence[str] = ("postqueue", "-j"), timeout_seconds: float = 120.0
    ) -> None:
        self._accounts = accounts
        self._command = tuple(command)
        self._timeout_seconds = timeout_seconds

    def list(self) -> Listing:
        """List the queue now (see ``QueueLister``). A message that moves to another queue meanwhile can be listed in
        both: the later line stands, since that queue was read later."""
        taken = int(time.time())
        messages: dict[bytes, Waiting] = {}
        unreadable: bytes | None = None
        for line in _output(self._command, self._timeout_seconds):
            message = _decoded(line)
            if message is not None:
                waiting = self._waiting(message)
                messages[waiting.id] = waiting
            elif unreadable is None:
                unreadable = line
        if unreadable is not None:
            raise ListingError(
                f"{_shown(self._command)} printed a line that is cut short or is no message in JSON, so the queue is "
                f"not known: {clean(unreadable[:80])}"
            )
        return Listing(taken, messages)

    def _waiting(self, message: _Message) -> Waiting:
        state = _STATES.get(message.queue_name)
        if state is None:
            raise ListingError(
                f"{_shown(self._command)} lists a queue named {clean(message.queue_name)}, which mailtop does not "
                "know; please report it with the version of Postfix."
            )
        sender = b"" if message.sender == _NO_SENDER else _bytes(message.sender)
        return Waiting(
            id=_bytes(message.queue_id),
            state=state,
            recipients=tuple([_bytes(recipient.address) for recipient in message.recipients]),
            account=None if sender else BOUNCE,
            fallback=self._accounts.by_sender(sender),
            campaign=None,
            size=message.message_size,
            arrived=message.arrival_time,
            transient=message.queue_name == "maildrop",
        )


def header_campaigns(
    ids: Iterable[bytes], command: Sequence[str] = ("postcat", "-qh"), limit: int = 200, timeout_seconds: float = 5.0
) -> dict[bytes, bytes | None]:
    """The ``X-Campaign-ID`` of messages whose log lines are not known, by ``postcat -qh ID`` (which needs root).

    Stops after ``limit`` messages or ``timeout_seconds`` altogether. ``None`` is a message without the header; an id
    that is missing was not read: it left the queue meanwhile, may not be read by this user, or was beyond a bound.
    Raises ``ListingError`` when the command cannot be run.
    """
    deadline = time.monotonic() + timeout_seconds
    campaigns: dict[bytes, bytes | None] = {}
    for queue_id in islice((queue_id for queue_id in ids if queue_id.isalnum()), limit):
        remaining_seconds = deadline - time.monotonic()
        if remaining_seconds <= 0:
            break
        try:
            done = subprocess.run(
                [*command, queue_id.decode("ascii")],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=remaining_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            break
        except OSError as error:
            raise _not_run(command, error) from error
        if done.returncode == 0:
            campaigns[queue_id] = _campaign(done.stdout)
    return campaigns


def _campaign(headers: bytes) -> bytes | None:
    found: bytes | None = None
    for line in headers.split(b"\n"):
        if found is not None:
            if line[:1] not in (b" ", b"\t"):
                break
            found += b" " + line.strip()
        elif line[: len(_CAMPAIGN)].lower() == _CAMPAIGN:
            found = line[len(_CAMPAIGN) :]
    return (found or b"").strip() or None


def _decoded(line: bytes) -> _Message | None:
    # An address need not be UTF-8, JSON must be.
    for text in (line, line.decode("utf-8", "replace").encode()):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _decode(text)
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _output(command: Sequence[str], timeout_seconds: float) -> Iterator[bytes]:
    """The lines that ``command`` prints. Raises ``ListingError`` after the last one if it failed or took too long."""
    deadline = time.monotonic() + timeout_seconds
    with tempfile.TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
            )
        except OSError as error:
            raise _not_run(command, error) from error
        try:
            yield from _lines(cast("IO[bytes]", process.stdout).fileno(), deadline)
            status = process.wait(max(deadline - time.monotonic(), 0.1))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise ListingError(
                f"{_shown(command)} did not end within {timeout_seconds:g} seconds, so the queue is not known; "
                "look whether the mail system is overloaded."
            ) from error
        finally:
            _end(process)
        if status != 0:
            stderr.seek(0)
            raise ListingError(_failure(command, status, stderr.read(_SAID_BYTES)))


def _lines(descriptor: int, deadline: float) -> Iterator[bytes]:
    rest = b""
    with DefaultSelector() as selector:
        selector.register(descriptor, EVENT_READ)
        while selector.select(max(deadline - time.monotonic(), 0.0)):
            chunk = os.read(descriptor, _CHUNK_BYTES)
            if not chunk:
                if rest:
                    yield rest
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
    raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: neither the pipe nor the command and what it started."""
    if process.stdout is not None:
        process.stdout.close()
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0)


def _shown(command: Sequence[str]) -> str:
    return f"`{clean(shlex.join(command))}`"


def _not_run(command: Sequence[str], error: OSError) -> ListingError:
    return ListingError(
        f"{_shown(command)} cannot be run ({error.strerror or error}); install Postfix or set the command's full path "
        "in the configuration."
    )


def _failure(command: Sequence[str], status: int, said: bytes) -> str:
    """One sentence for a command that ended with ``status`` and ``said`` this on standard error."""
    name = _shown(command)
    if b"not allowed to view the mail queue" in said:
        return (
            f"{name}: Postfix does not let this user see the queue; add the user to `authorized_mailq_users` in "
            "main.cf or run mailtop as root."
        )
    if b"mail system is down" in said:
        return (
            f"{name}: Postfix is not running, and then only root can list its queue; start it with `postfix start` "
            "or run mailtop as root."
        )
    if b"usage:" in said or b"invalid option" in said or b"illegal option" in said:
        return f"{name} is not understood; listing the queue needs Postfix 3.1 or newer."
    last = clean(said.strip().rpartition(b"\n")[2][:300])
    ended = f"was ended by signal {-status}" if status < 0 else f"failed with exit status {status}"
    return f"{name} {ended}, so the queue is not known" + (f": {last}" if last else "; it said nothing.")
