"""One failure, with its sentence, for each way in which a server gives no whole answer: what, where, what to do.
`http_exchange` enters."""

from __future__ import annotations

import email.utils
import re
import socket
import ssl
import time
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import httpcore
import idna
import msgspec

from tui.config import HttpSource
from tui.sources.certificates import Certificate
from tui.sources.masking import clean
from tui.sources.source import Busy, SourceError, Unreachable
from tui.sources.tls import CertificateRefused

LONGEST_REST_SECONDS = 3600.0
"""The longest time that a server may ask to be left alone for."""

_LONGEST_ADDRESS = 200
_PORTS = {"http": 80, "https": 443}

# X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 9, 10, 18, 19
_UNKNOWN_AUTHORITY = (2, 20, 21, 27)
_OTHER_HOST = (62, 63, 64)


BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)
"""What httpcore raises when a connection cannot be had or breaks, and when an answer is none."""


class Address(msgspec.Struct, frozen=True):
    """Where a server is: ``host`` as DNS knows it, ``path`` without a slash at its end. As text: host and port as a
    person writes them."""

    scheme: str
    host: str
    port: int
    path: str
    shown: str

    def __str__(self) -> str:
        return f"{self.shown}:{self.port}"

    @property
    def header(self) -> str:
        """The header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Place(msgspec.Struct, frozen=True):
    """Whom a question goes to; ``url`` as configured."""

    url: str
    server: Address
    proxy: Address | None


def place(options: HttpSource) -> Place:
    """The place that ``options`` lead to. Raises ``SourceError`` for an address that is none."""
    if options.url is None:
        raise SourceError("The source has no `url`; set it to the server's address.")
    return Place(
        clean(options.url),
        _address("url", options.url),
        None if options.proxy is None else _address("proxy", options.proxy),
    )


def _address(key: str, url: str) -> Address:
    try:
        parts = urlsplit(url)
        shown = parts.hostname or ""
        host = shown if shown.isascii() else idna.encode(shown, uts46=True).decode()
        if ":" not in host:
            host.encode("idna")  # as the look-up of the name will do
        if not host:
            raise ValueError
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise SourceError(f"{clean(url)[:_LONGEST_ADDRESS]} is no address; correct `{key}`.") from None
    return Address(parts.scheme, host, port, parts.path.rstrip("/"), clean(f"[{shown}]" if ":" in host else shown))


def late(peer: str, step: str, received: int | None, limit_seconds: float) -> Unreachable:
    """For the deadline. ``step`` is httpcore's, ``received`` the bytes of the answer's body (``None``: no head yet)."""
    limit = f"within {limit_seconds:g} s (timeout_seconds)"
    if received is not None:
        return Unreachable(f"{peer} began to answer but did not finish {limit}; {_bytes(received)} had come.")
    if "start_tls" in step:
        return Unreachable(
            f"{peer} took the connection but did not finish the TLS handshake {limit}; is it a TLS port?"
        )
    if step.startswith("http11"):
        return Unreachable(f"{peer} took the question but did not answer {limit}; it is overloaded or hangs.")
    return Unreachable(f"{peer} could not be reached {limit}; a firewall may drop the packets, or the host is down.")


def failure(
    error: Exception, peer: str, step: str, received: int, place: Place, certificate: Certificate | None
) -> SourceError:
    """For what was raised in ``step``, after ``received`` bytes of the answer's body."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, CertificateRefused | ssl.SSLCertVerificationError):
            return SourceError(_untrusted(cause, peer, certificate))
        if isinstance(cause, socket.gaierror):
            host = peer.rpartition(":")[0]
            return Unreachable(
                f"{host} has no address: the name cannot be looked up ({cause.strerror}); check its spelling and DNS."
            )
    if isinstance(error, httpcore.ProxyError):
        said = clean(str(error))[:80].strip()
        return SourceError(f'The proxy {place.proxy} refused to connect to {place.server}: it said "{said}".')
    if "start_tls" in step:
        return _no_handshake(causes, peer, place)
    if "connect_tcp" in step:
        return _unreached(causes, peer)
    if isinstance(error, httpcore.LocalProtocolError):
        return SourceError(f"The question to {place.server} cannot be written as HTTP.")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _no_handshake(causes, peer, place)
    if "receive_response_body" in step:
        if isinstance(error, httpcore.RemoteProtocolError) and not str(error).startswith("peer closed"):
            return SourceError(f"{peer} sent an answer that is broken after {_bytes(received)}: it is not valid HTTP.")
        return SourceError(f"{peer} closed the connection in the middle of its answer, after {_bytes(received)}.")
    return _no_answer(error, peer, place)


def refused_certificate(error: Exception) -> bytes | None:
    """Whether a certificate is why: itself (DER) where the handshake showed it, empty where it did not."""
    for cause in _causes(error):
        if isinstance(cause, CertificateRefused):
            return cause.certificate
        if isinstance(cause, ssl.SSLCertVerificationError):
            return b""
    return None


def redirect(place: Place, location: str | None) -> str:
    """For a redirect to ``location``, which may be relative."""
    told = f"{place.server} redirects"
    if not location:
        return f"{told} without saying where to; set `url` to the address that answers itself."
    try:
        parts = urlsplit(urljoin(place.url, location))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{told} to something that is no address; set `url` to the address that answers itself."
    where = clean(f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}")[:_LONGEST_ADDRESS]
    return f"{told} to {where}, which is not followed; if that is the same server, set `url` to it."


def leave_alone(place: Place, status: int, retry_after: str | None, body: bytes) -> Busy:
    """For 429 and 503, with how long the server wants to be left alone."""
    seconds = rest_seconds(retry_after, time.time())
    what = "is asked too often" if status == HTTPStatus.TOO_MANY_REQUESTS else "cannot answer now"
    when = "" if seconds is None else f" and asks to be left alone for {seconds:.0f} s"
    return Busy(f"{place.server} {what} ({status} {HTTPStatus(status).phrase}){when}.", seconds, body)


def rest_seconds(retry_after: str | None, now: float) -> float | None:
    """``Retry-After`` (RFC 9110, section 10.2.3: seconds or a date) as seconds from ``now`` (since 1970), at most an
    hour; ``None`` when it says nothing that can be understood."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(min(int(text[:9]), LONGEST_REST_SECONDS))
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_REST_SECONDS)


def too_long(place: Place, limit_mib: int) -> str:
    """For an answer of more than ``limit_mib``."""
    return f"{place.server} sends more than {limit_mib} MiB in one answer; if that is right, raise `max_answer_mib`."


def not_gzip(place: Place) -> str:
    """For an answer that cannot be unpacked."""
    return f"{place.server} sent an answer that says it is gzip but cannot be unpacked: it is broken or cut short."


def unknown_coding(place: Place, coding: str) -> str:
    """For an answer packed in a way that nobody asked for."""
    return f'{place.server} packed its answer as "{clean(coding)[:40]}", which was not asked for.'


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, nearest first. httpcore hides causes but keeps them as contexts."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        if isinstance(seen, BaseExceptionGroup):
            yield from seen.exceptions
        seen = seen.__cause__ or seen.__context__


def _unreached(causes: list[BaseException], peer: str) -> Unreachable:
    systems = [cause for cause in causes if isinstance(cause, OSError) and cause.errno is not None]
    if any(isinstance(cause, ConnectionRefusedError) for cause in systems):
        return Unreachable(
            f"{peer} refused the connection: nothing listens there; is the server running, and the port right?"
        )
    why = f" ({clean(systems[0].strerror or '')})" if systems else ""
    return Unreachable(f"{peer} cannot be reached{why}; check the address, the network and the firewall.")


def _no_handshake(causes: list[BaseException], peer: str, place: Place) -> SourceError:
    reasons = [cause.reason for cause in causes if isinstance(cause, ssl.SSLError) and cause.reason]
    if "UNEXPECTED_EOF_WHILE_READING" in reasons:
        reasons = []
    if any(reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG") for reason in reasons):
        plain = place.url.replace("https:", "http:", 1)
        return SourceError(
            f"{peer} does not speak TLS; if it speaks plain HTTP and nothing is lost by that, set `url` to {plain}."
        )
    if reasons:
        return SourceError(f"The TLS handshake with {peer} failed: {clean(reasons[0]).replace('_', ' ').lower()}.")
    return Unreachable(f"{peer} closed the connection during the TLS handshake; is it a TLS port?")


def _no_answer(error: Exception, peer: str, place: Place) -> SourceError:
    text = str(error)
    secure = place.url.replace("http:", "https:", 1)
    if isinstance(error, httpcore.RemoteProtocolError) and not re.search("disconnected|ConnectionClosed", text):
        if r"\x15\x03" in text:
            return SourceError(f"{peer} speaks TLS, not plain HTTP; set `url` to {secure}.")
        if "too long" in text:
            return SourceError(f"{peer} sent headers without end; this is no answer that can be used.")
        return SourceError(f"{peer} answered with something that is not HTTP; is it the right port?")
    if isinstance(error, (*BROKEN, OSError)):
        hint = f"; if it speaks TLS, set `url` to {secure}" if place.server.scheme == "http" else ""
        return Unreachable(f"{peer} closed the connection without an answer{hint}.")
    return SourceError(f"{peer} could not be asked: {type(error).__name__}.")


def _untrusted(cause: BaseException, peer: str, certificate: Certificate | None) -> str:
    which = "a certificate that it did not show again when asked for it"
    remedy = "look at it with `openssl s_client`"
    if peer.startswith("The proxy"):
        return f"{peer} shows a certificate that the system does not trust; add its authority to the system's."
    if certificate is not None:
        which = (
            f'the certificate of "{certificate.subject}", signed by "{certificate.issuer}", valid until '
            f"{certificate.expires or 'an unknown day'}, SHA-256 fingerprint {certificate.fingerprint}"
        )
        remedy = f'trust it with fingerprint = "{certificate.fingerprint}"'
    shows = f"{peer} shows {which}"
    if isinstance(cause, CertificateRefused):
        return f"{shows}, not the one that `fingerprint` names; only if it was renewed on purpose, {remedy}."
    code = cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else 0
    if code == _EXPIRED:
        return f"{shows}, which has expired; renew it on the server, or {remedy}."
    if code == _NOT_YET_VALID:
        return f"{shows}, which is not valid yet; check the clocks, or {remedy}."
    if code in _OTHER_HOST:
        return f"{shows}, which is for another host; set `url` to the name that it is for, or {remedy}."
    if code == _SELF_SIGNED:
        return f"{shows}, which nobody but itself has signed; if this is your server, {remedy}, or name a `ca_file`."
    if code == _SELF_SIGNED_IN_CHAIN or code in _UNKNOWN_AUTHORITY:
        return f"{shows}, an authority this host does not know; name its certificate with `ca_file`, or {remedy}."
    why = clean(cause.verify_message) if isinstance(cause, ssl.SSLCertVerificationError) else "it is not trusted"
    return f"{shows}, which cannot be trusted ({why}); if this is your server, {remedy}."


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"
