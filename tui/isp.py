"""Recipient domain to mailbox provider by name. The table is small on purpose: an unknown domain is its own ISP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tui.text import clean

PROVIDERS: dict[str, tuple[str, ...]] = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Outlook": ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr", "hotmail.it",
                "hotmail.de", "hotmail.es", "live.co.uk", "live.fr", "live.nl", "outlook.fr", "outlook.de",
                "outlook.es"),
    "Yahoo": ("yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.it", "yahoo.es",
              "yahoo.co.in", "yahoo.in", "yahoo.ca", "yahoo.com.br", "yahoo.com.au", "yahoo.co.jp"),
    "AOL": ("aol.com", "aim.com", "verizon.net", "netscape.net"),
    "iCloud": ("icloud.com", "me.com", "mac.com"),
    "Proton": ("proton.me", "protonmail.com", "pm.me"),
    "Zoho": ("zoho.com", "zohomail.com"),
    "GMX": ("gmx.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch"),
    "WEB.DE": ("web.de",),
    "T-Online": ("t-online.de", "magenta.de"),
    "Orange": ("orange.fr", "wanadoo.fr"),
    "Free": ("free.fr",),
    "SFR": ("sfr.fr", "neuf.fr"),
    "La Poste": ("laposte.net",),
    "Mail.ru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru"),
    "Yandex": ("yandex.ru", "yandex.com", "ya.ru"),
    "Rambler": ("rambler.ru",),
    "QQ": ("qq.com", "foxmail.com"),
    "NetEase": ("163.com", "126.com", "yeah.net"),
    "Naver": ("naver.com",),
    "Daum": ("daum.net", "hanmail.net"),
    "Comcast": ("comcast.net",),
    "AT&T": ("att.net", "sbcglobal.net", "bellsouth.net"),
    "BT": ("btinternet.com", "btopenworld.com"),
    "Libero": ("libero.it", "virgilio.it", "inwind.it"),
    "Seznam": ("seznam.cz", "email.cz"),
    "WP": ("wp.pl", "o2.pl"),
    "UOL": ("uol.com.br", "bol.com.br"),
    "Fastmail": ("fastmail.com", "fastmail.fm"),
}  # fmt: skip
"""Provider name and the recipient domains it hosts under its own names."""

NO_DOMAIN = "local"
"""The ISP of a recipient without a domain: a user of this host."""


class IspTable:
    """Names the ISP of a recipient address. ``additions`` (name -> domains) come first, so a user can override the
    table."""

    def __init__(self, additions: Mapping[str, Iterable[str]] | None = None) -> None:
        self._names: dict[bytes, str] = {}
        for table in (PROVIDERS, additions or {}):
            for name, domains in table.items():
                for domain in domains:
                    self._names[domain.lower().encode()] = clean(name)

    def of_domain(self, domain: bytes) -> str:
        """The ISP of a domain in any case; the cleaned domain itself when no provider is known."""
        domain = domain.lower().rstrip(b".")
        return self._names.get(domain) or clean(domain[:255]) or NO_DOMAIN

    def of_address(self, address: bytes) -> str:
        """The ISP of an address; one without ``@`` is a user of this host."""
        at = address.rfind(b"@")
        return self.of_domain(address[at + 1 :]) if at >= 0 else NO_DOMAIN
