"""Names from outside get their numbers here, and are cleaned as they do; the tracker is the only guest."""

from __future__ import annotations

import re

from tui.engine.batch import Names, cell_key
from tui.isp import IspTable
from tui.model import UNKNOWN_ACCOUNT
from tui.text import clean

CACHE_LIMIT = 20_000
"""Raw names remembered at most: whoever sends mail chooses addresses and domains."""

ISP_LIMIT = 100_000
"""Recipient domains that get a number of their own; the rest is one ISP, ``OTHER_ISPS``."""

OTHER_ISPS = "(other domains)"
LONGEST_NAME = 200

_ENCODED = b"=?"
_LONGEST_RAW = 2000
_CHARSET = re.compile(
    r"utf-8|us-ascii|iso-8859-\d\d?|windows-125\d|koi8-[ru]|gb2312|gbk|gb18030|big5|euc-(jp|kr)|iso-2022-(jp|kr)|shift_jis"
)
"""What mail is written in. Python would look for a codec of any name, some of them slow, and remember it for ever."""


class Numbers:
    """Numbers for accounts, campaigns and ISPs. ``known`` are those that the ledger has; new ones are kept for it.

    ``domains`` remembers the ISP of a domain, for those who cannot afford to ask ``isp`` each time, ``cells`` the cell
    of an account and a campaign; ``owners`` the account of each campaign.
    """

    def __init__(self, known: Names, isps: IspTable) -> None:
        self._accounts = dict(known.accounts)
        self._campaigns = dict(known.campaigns)
        self._isps = dict(known.isps)
        self._next_account = max(self._accounts.values(), default=0) + 1
        self._next_campaign = max(self._campaigns.values(), default=0) + 1
        self._next_isp = max(self._isps.values(), default=0) + 1
        self._table = isps
        self.cells: dict[tuple[bytes, bytes], int] = {}
        self.domains: dict[bytes, int] = {}
        self.owners = {number: account_id for (account_id, _), number in known.campaigns.items()}
        self.new = Names({}, {}, {})
        self.unknown_cell = cell_key(self._campaign_number(self._account_number(UNKNOWN_ACCOUNT), ""), 0)

    def cell(self, account: bytes, campaign: bytes) -> int:
        """The key, without an ISP, of the cell of ``campaign`` (``b""``: none) of ``account``; what has no number yet
        gets one."""
        key = (account, campaign)
        number = self.cells.get(key)
        if number is None:
            if len(self.cells) >= CACHE_LIMIT:
                self.cells.clear()
            account_id = self._account_number(clean(account)[:LONGEST_NAME])
            number = cell_key(self._campaign_number(account_id, clean(_decoded(campaign))[:LONGEST_NAME]), 0)
            self.cells[key] = number
        return number

    def isp(self, address: bytes) -> int:
        """The number of the ISP of a recipient address; one without ``@`` is a user of this host."""
        domain = address.rpartition(b"@")[2]
        number = self.domains.get(domain)
        if number is None:
            if len(self.domains) >= CACHE_LIMIT:
                self.domains.clear()
            number = self.domains[domain] = self._isp_number(self._table.of_address(address))
        return number

    def take_new(self) -> Names:
        """The names numbered since the last call."""
        new, self.new = self.new, Names({}, {}, {})
        return new

    def _account_number(self, name: str) -> int:
        number = self._accounts.get(name)
        if number is None:
            number = self._accounts[name] = self.new.accounts[name] = self._next_account
            self._next_account += 1
        return number

    def _campaign_number(self, account_id: int, name: str) -> int:
        key = (account_id, name)
        number = self._campaigns.get(key)
        if number is None:
            number = self._campaigns[key] = self.new.campaigns[key] = self._next_campaign
            self.owners[number] = account_id
            self._next_campaign += 1
        return number

    def _isp_number(self, name: str) -> int:
        number = self._isps.get(name)
        if number is None:
            if len(self._isps) >= ISP_LIMIT and name != OTHER_ISPS:
                return self._isp_number(OTHER_ISPS)
            number = self._isps[name] = self.new.isps[name] = self._next_isp
            self._next_isp += 1
        return number


def _decoded(name: bytes) -> bytes | str:
    """A name from a header as it reads: RFC 2047 puts what is not ASCII as ``=?utf-8?q?…?=``. What is not quite of
    that form stays as it is."""
    if name.find(_ENCODED) < 0 or not name.isascii():  # ``in`` raises and catches an error for each name
        return name
    # Few names need it, and it takes as long to import as all of the engine.
    from email.errors import HeaderParseError
    from email.header import decode_header

    # Postfix logs the line break between two such words as "?".
    text = name[:_LONGEST_RAW].decode("ascii").replace("?=? =?", "?= =?")
    try:
        return "".join([_part(*part) for part in decode_header(text)]) or name
    except (HeaderParseError, LookupError, ValueError):
        return name


def _part(part: bytes | str, charset: str | None) -> str:
    """What RFC 2047 hides in one part. Raises ``ValueError`` when it cannot be told."""
    if isinstance(part, str):
        return part
    # RFC 2231 lets a language follow the charset.
    charset = (charset or "us-ascii").partition("*")[0]
    if _CHARSET.fullmatch(charset) is None:
        raise ValueError
    return part.decode(charset)
