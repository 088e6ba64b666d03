"""The tokens that open the server: a private file of names and hashes, which a token itself never enters. Guard and
command line enter."""

from __future__ import annotations

import enum
import fcntl
import hashlib
import hmac
import logging
import os
import secrets
import shlex
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from tui.text import clean

LOG = logging.getLogger("mailtop.serve.tokens")

SECRET_BYTES = 32
PREFIX = "mailtop_"
"""What every token begins with, so that people and scanners for leaked secrets know what they have found."""

MAX_FILE_BYTES = 16 * 1024 * 1024


class TokenError(Exception):
    """Tokens cannot be read or changed so; one sentence that says why and what to do."""


class TokenNotWritten(TokenError):
    """The file of tokens could not be written: a full disk, for instance."""


class Scope(enum.StrEnum):
    """What a token opens: mail totals (the cPanel API), the queue (the sender-queue API)."""

    TOTALS = "totals"
    QUEUE = "queue"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token but the token itself. ``accounts``: the names of those it may see, ``None`` for all;
    ``created`` in whole seconds since 1970."""

    name: str
    scopes: tuple[Scope, ...]
    accounts: tuple[str, ...] | None
    created: int

    def may(self, scope: Scope) -> bool:
        """Whether it opens ``scope``."""
        return scope in self.scopes

    def sees(self, account: str) -> bool:
        """Whether it may see the account of this name."""
        return self.accounts is None or account in self.accounts


class _Stored(Token, frozen=True, kw_only=True):
    """A token as it stands in the file: ``sha256`` of the secret, which is random enough to need no salt."""

    sha256: str

    def token(self) -> Token:
        return Token(name=self.name, scopes=self.scopes, accounts=self.accounts, created=self.created)


class _File(msgspec.Struct, frozen=True):
    """The whole file."""

    schema: int
    tokens: tuple[_Stored, ...]


_SCHEMA = 1
_Seen = tuple[int, int, int, int]


class TokenStore:
    """The tokens in the file at ``path``, which need not exist. Whatever another process changes there counts at
    once. Where the file may not be trusted no token is good, and ``problem`` says why."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        self._seen: _Seen | None = None
        self._tokens: list[tuple[bytes, Token]] = []

    def find(self, secret: str) -> Token | None:
        """The token that ``secret`` is, in a time that does not tell how near it came; never raises."""
        return self.find_digest(digest(secret))

    def find_digest(self, wanted: bytes) -> Token | None:
        """The token whose ``digest`` is ``wanted``; never raises."""
        self._look()
        found = None
        for each, token in self._tokens:
            if hmac.compare_digest(each, wanted):
                found = token
        return found

    def list(self) -> tuple[Token, ...]:
        """All tokens, oldest first. Raises ``TokenError``."""
        return tuple(each.token() for each in self._read())

    def new(self, name: str, scopes: Sequence[Scope] = tuple(Scope), accounts: Sequence[str] | None = None) -> str:
        """Make a token called ``name`` and return its secret, which nobody can ever read again. Raises
        ``TokenError`` when the name is taken."""
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        token = _Stored(
            name=name,
            scopes=tuple(scopes),
            accounts=None if accounts is None else tuple(accounts),
            created=int(time.time()),
            sha256=digest(secret).hex(),
        )
        with self._locked():
            tokens = self._read()
            if any(each.name == name for each in tokens):
                raise TokenError(
                    f'there is a token called "{clean(name)}" already; choose another name, or revoke it first'
                )
            self._write((*tokens, token))
        return secret

    def revoke(self, name: str) -> None:
        """Take away the token called ``name``. Raises ``TokenError`` when there is none."""
        with self._locked():
            tokens = self._read()
            kept = tuple(each for each in tokens if each.name != name)
            if kept == tokens:
                names = ", ".join(clean(each.name) for each in tokens) or "no token at all"
                raise TokenError(f'no token is called "{clean(name)}"; there is {names}')
            self._write(kept)

    def _look(self) -> None:
        """Read the file again when it is not the one that was read last."""
        try:
            found = self.path.lstat()
            seen = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        except OSError:
            seen = None
        if seen is not None and seen == self._seen:
            return
        self._seen = seen
        problem, self._tokens = None, []
        try:
            self._tokens = [(bytes.fromhex(each.sha256), each.token()) for each in self._read()]
        except (TokenError, ValueError) as error:
            problem = str(error)
        if problem is not None and problem != self.problem:
            LOG.error("no token is good until this is mended: %s", problem)
        self.problem = problem

    def _read(self) -> tuple[_Stored, ...]:
        what = f"the file of tokens {clean(str(self.path))}"
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return ()
        except OSError as error:
            reason = "it is a symbolic link" if self.path.is_symlink() else error.strerror
            raise TokenError(f"{what} cannot be read: {reason}") from None
        try:
            self._check(file, what)
            with os.fdopen(file, "rb", closefd=False) as opened:
                content = opened.read(MAX_FILE_BYTES)
            stored = msgspec.json.decode(content, type=_File)
        except OSError as error:
            raise TokenError(f"{what} cannot be read: {error.strerror}") from None
        except msgspec.DecodeError:
            raise TokenError(f"{what} is damaged; remove it, and make new tokens with: mailtop token new") from None
        finally:
            os.close(file)
        if stored.schema != _SCHEMA:
            raise TokenError(f"{what} was written by another version of mailtop (schema {stored.schema})")
        return stored.tokens

    def _check(self, file: int, what: str) -> None:
        """Refuse an open file that somebody else may have written or read."""
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise TokenError(f"{what} is no ordinary file")
        if found.st_uid not in (0, os.geteuid(), self.path.parent.stat().st_uid):
            raise TokenError(f"{what} belongs to another user (number {found.st_uid}); give it to who runs mailtop")
        if found.st_mode & 0o077:
            close = f"chmod 600 {clean(shlex.quote(str(self.path)))}"
            raise TokenError(f"{what} is open to others than its owner; close it with: {close}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One change at a time."""
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(self.path.with_name(f"{self.path.name}.lock"), flags, 0o600)
        except OSError as error:
            raise TokenNotWritten(self._cannot(error)) from None
        try:
            _give_to_owner_of(folder, file)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        except OSError as error:
            raise TokenNotWritten(self._cannot(error)) from None
        finally:
            os.close(file)

    def _write(self, tokens: tuple[_Stored, ...]) -> None:
        """Replace the file, whole or not at all."""
        folder = self.path.parent
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(msgspec.json.encode(_File(_SCHEMA, tokens)) + b"\n")
                opened.flush()
                _give_to_owner_of(folder, file)
                os.fsync(file)
            draft.replace(self.path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        opened_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(opened_folder)
        finally:
            os.close(opened_folder)

    def _cannot(self, error: OSError) -> str:
        return f"the file of tokens {clean(str(self.path))} cannot be written: {error.strerror}"


def digest(secret: str) -> bytes:
    """SHA-256 of a secret as it came, whatever characters it holds."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _give_to_owner_of(folder: Path, file: int) -> None:
    """Root makes tokens for a service that runs as another user, in that user's folder."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(file, owner.st_uid, owner.st_gid)
