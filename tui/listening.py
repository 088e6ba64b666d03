"""Where a server of ours listens, and with which certificate; a sentence for each way that cannot be had. The command
line and the servers enter."""

from __future__ import annotations

import errno
import ipaddress
import os
import shlex
import socket
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui.text import clean

UNREAD_SECONDS = 30
"""How long a client may read nothing of an answer before it is let go."""

BACKLOG = 512


class ServeError(Exception):
    """The server cannot be had so; one sentence that says why and what to do."""


class AddressBusy(ServeError):
    """Another program listens there."""


def parse_address(text: str, default_port: int) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``[IPV6]:PORT``, ``HOST`` or ``[IPV6]``. Raises ``ServeError``."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(default_port)
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    is_name = bool(name) and not set("[]") & set(name) and (":" in name) == bracketed
    if not is_name or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ServeError(
            f'--bind: "{clean(text)}" is no address to serve on; expected HOST:PORT, such as 127.0.0.1:{default_port} '
            f"or [::1]:{default_port}"
        )
    return name, int(port)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of ``host``; ``port`` 0 takes one that is free. Raises ``ServeError``."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ServeError(f'--bind: this host does not know the name "{clean(host)}"') from None
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            free = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_listening(family, (address[0], free, *address[2:])))
    except OSError as error:
        for each in sockets:
            each.close()
        where = f"{clean(host)}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise AddressBusy(f"another program listens on {where}; choose another port with --bind") from None
        advice = "; ports below 1024 are root's" if error.errno == errno.EACCES else ""
        raise ServeError(f"--bind: cannot listen on {where}: {error.strerror}{advice}") from None
    return sockets


def _listening(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # without, asyncio leaves Nagle's delay on
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What was accepted inherits this: the kernel lets a client go that takes no more of an answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        if family == socket.AF_INET6:  # [::] is every address of this host, IPv4 too
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def addresses(sockets: Sequence[socket.socket], tls: bool) -> list[str]:
    """Where the sockets can be asked, such as ``https://127.0.0.1:9587``."""
    scheme = "https" if tls else "http"
    found = []
    for each in sockets:
        host, port = each.getsockname()[:2]
        found.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
    return found


def are_near(sockets: Sequence[socket.socket]) -> bool:
    """Whether only this host can reach them."""
    return all(ipaddress.ip_address(each.getsockname()[0].partition("%")[0]).is_loopback for each in sockets)


def tls_of(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    """TLS with what ``--tls-cert`` and ``--tls-key`` name; ``None`` without either. Raises ``ServeError``."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        given, other = ("--tls-key", "--tls-cert") if cert is None else ("--tls-cert", "--tls-key")
        raise ServeError(f"{given} needs {other}, too: TLS takes a certificate and its key")
    return certificate(Path(cert), Path(key))


def certificate(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS from 1.2 on, with the certificate chain and the key in these PEM files. Raises ``ServeError``."""
    _readable(cert, "--tls-cert")
    _check_key(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    asked: list[bool] = []

    def no_password() -> str:
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(cert, key, no_password)
    except ssl.SSLError as error:
        raise ServeError(_tls_trouble(cert, key, error, encrypted=bool(asked))) from None
    except OSError as error:
        raise ServeError(f"--tls-cert or --tls-key cannot be read: {error.strerror}") from None
    return context


def _tls_trouble(cert: Path, key: Path, error: ssl.SSLError, *, encrypted: bool) -> str:
    if encrypted:
        return f"--tls-key: {clean(str(key))} is encrypted; mailtop needs a key without a password"
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"--tls-key: {clean(str(key))} is not the key of the certificate in {clean(str(cert))}"
    begins = "-----BEGIN CERTIFICATE-----"
    which, file, expected = ("--tls-key", key, "a private key, unencrypted")
    if begins not in cert.read_text("latin-1"):
        which, file, expected = ("--tls-cert", cert, f'the certificate and its chain, with lines such as "{begins}"')
    return (
        f"{which}: {clean(str(file))} cannot be used ({error.reason or 'no PEM'}); expected {expected}, in PEM format"
    )


def _readable(path: Path, option: str) -> os.stat_result:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno())
    except OSError as error:
        raise ServeError(f"{option}: {clean(str(path))} cannot be read: {error.strerror}") from None


def _check_key(key: Path) -> None:
    found = _readable(key, "--tls-key")
    # Debian gives root's keys to the group ssl-cert to read, which is made for nothing else.
    closed = 0o037 if found.st_uid == 0 else 0o077
    if found.st_mode & closed:
        close = f"chmod 600 {clean(shlex.quote(str(key)))}"
        mode = stat.S_IMODE(found.st_mode)
        raise ServeError(
            f"--tls-key: {clean(str(key))} is open to others than its owner (mode {mode:04o}); close it with: {close}"
        )
