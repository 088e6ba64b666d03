"""Whom a source trusts: the system's authorities, a file of others, one pinned certificate, or anyone. `http_exchange`
enters."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable

from tui.config import HttpSource
from tui.sources.source import SourceError
from tui.text import clean


class CertificateRefused(ssl.SSLError):
    """The handshake is done and showed ``certificate`` (DER), which is not the one that is wanted."""

    def __init__(self, certificate: bytes) -> None:
        super().__init__("the certificate is not the one that is wanted")
        self.certificate = certificate


def trust(options: HttpSource) -> ssl.SSLContext:
    """The trust that ``options`` ask for; a fingerprint says all there is to say and needs no authority. Reads files.
    Raises ``SourceError`` when ``ca_file`` cannot be used."""
    if options.fingerprint is not None:
        wanted = bytes.fromhex(options.fingerprint.replace(":", ""))
        return _that_accepts(lambda certificate: hashlib.sha256(certificate).digest() == wanted)
    if not options.verify:
        return _without_verification()
    context = system_trust()
    if options.ca_file is not None:
        try:
            context.load_verify_locations(options.ca_file)
        except ssl.SSLError:
            raise SourceError(
                f"{clean(options.ca_file)} (ca_file) holds no certificates in PEM format; it should have lines such as "
                '"-----BEGIN CERTIFICATE-----".'
            ) from None
        except OSError as error:
            raise SourceError(f"{clean(options.ca_file)} (ca_file) cannot be read: {error.strerror}.") from None
    return context


def system_trust() -> ssl.SSLContext:
    """The system's authorities, or Mozilla's where the system has none. Reads files."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        context = ssl.create_default_context()
    else:
        import certifi  # comes with httpcore

        context = ssl.create_default_context(cafile=certifi.where())
    # From Python 3.13 on these would differ: authorities that a company made for itself often lack what the strict
    # rules ask for, and a certificate named by `ca_file` is trusted whether or not its signer is known.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def only_looking() -> ssl.SSLContext:
    """Takes part in a handshake to see the certificate, and goes no further: always ``CertificateRefused``."""
    return _that_accepts(lambda _: False)


def _that_accepts(accepts: Callable[[bytes], bool]) -> ssl.SSLContext:
    """Nothing is sent to a server whose certificate (DER) ``accepts`` does not take: it is asked inside the handshake,
    whichever way, proxies included, the connection was made."""

    class Checked(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True) or b""
            if not accepts(certificate):
                raise CertificateRefused(certificate)

    context = _without_verification()
    context.sslobject_class = Checked
    return context


def _without_verification() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
