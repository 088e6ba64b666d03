"""Exim's main log to events: whole lines of bytes in, what they mean out. Byte slices and dispatch, since millions of
lines pass here; knows no queue and no ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from io import BytesIO

from tui.engine.accounts import BOUNCE, Accounts
from tui.engine.events import (
    NEW,
    Added,
    Arrived,
    CampaignSeen,
    Deferred,
    Delivered,
    Dropped,
    Event,
    Failed,
    Gone,
    Held,
    Released,
    Removed,
)
from tui.engine.logs.exim_text import folded, parties, recipients_of, unquoted, word_end
from tui.engine.logs.reader import Unparsed
from tui.engine.logs.stamps import PLAIN, Clock, layout_of

_MANY = 50_000
_AT, _DASH, _QUOTE = b'@-"'
_SHORTEST_ID, _ID_DASH = 16, 6
_PLAIN_START = PLAIN.key
_PLAIN_DASH = _PLAIN_START + _ID_DASH
_SIGNS = b"+-["
_FLAGS = (b" <= ", b" (= ", b" => ", b" -> ", b" >> ", b" == ", b" ** ")
_RETRY, _AFTER_RETRY = b"retry time not reached", b"retry time not reachee"
"""What most deferrals that tried nothing begin with, and what sorts behind it: a comparison is the cheapest test."""
_NOT_TRIED = (
    b"Retry time not yet reached",
    b"domain matches queue_domains",
    b"domain is held",
    b"remote deliveries suppressed",
    b"concurrency limit reached",
)
"""Other reasons of a deferral that tried nothing (the ``ERRNO_RETRY_BASE`` group in Exim's ``deliver.c``, whose numbers
differ between versions)."""

_NEVER_ACCEPTED = (
    b"rejected ",
    b"essage abandoned",
    b" lost after final dot",
    b" lost while reading",
    b"unexpected disconnection",
)
"""What lines say of a message that was given an id and then not accepted (``receive.c``)."""

_DISCARDED = (b"blackhole", b"discarded")

LARGEST_BYTES = 10**15
"""No message is as large: a log line that says so was forged or is damaged, and would outgrow the ledger's sums."""

_Meaning = Callable[[int, bytes, bytes, bytes, bytes], Event | None]
"""What a line means, from its time and message id, the word behind the id, the next word, and the rest."""


class EximLog:
    """Reads Exim's main log, in files and through syslog, with any log selectors, message ids of 16 or 23 characters.

    ``zone`` is the one of stamps that name none, ``None`` the system's.
    """

    def __init__(self, accounts: Accounts, zone: tzinfo | None = None) -> None:
        self.unparsed = Unparsed()
        self._accounts = accounts
        self._clock = Clock(zone)
        self._layout = PLAIN
        self._times: dict[bytes, int] = {}
        self._domains: dict[bytes, bytes] = {}
        self._logins: dict[bytes, bytes] = {}
        self._meanings: dict[bytes, _Meaning] = {
            b"=>": self._delivered,
            b"->": self._delivered,
            b">>": self._delivered,
            b"<=": self._arrived,
            b"(=": self._arrived,
            b"==": self._deferred,
            b"**": self._failed,
            b"*>": self._not_sent,
        }

    def events(self, lines: bytes, written: float) -> list[Event]:
        """The events of ``lines``: whole lines, each ended by a newline. ``written`` is when they were written at the
        latest, in seconds since 1970."""
        events: list[Event] = []
        rest = BytesIO(lines)  # finds line ends faster than split; each line keeps its own
        misfit = self._read(rest, events)
        while misfit is not None:
            line = self._recalibrated(misfit, written)
            if line is not None:
                self._read((line,), events)
            misfit = self._read(rest, events)
        return events

    def _read(self, lines: Iterable[bytes], events: list[Event]) -> bytes | None:
        """Read lines for as long as they have the present layout and a second that is known; the first that does not
        is returned."""
        layout, times, meaning_of, add = self._layout, self._times, self._meanings.get, events.append
        odd, before, key_end = layout != PLAIN, layout.words, layout.key
        first, second, third, full = before + 1, before + 2, before + 3, before + 4
        stamp = date = clock = b""
        now = 0
        line = b""
        try:
            for line in lines:
                # Many lines name no message: the sooner they are left the better.
                if line[_PLAIN_DASH] != _DASH and line[:_PLAIN_START] == stamp and line[_PLAIN_START] not in _SIGNS:
                    continue
                words = line.split(b" ", third)
                count = len(words)
                if count <= first or (odd and layout_of(line) != layout):
                    return line
                if words[1] != clock or words[0] != date:
                    known = times.get(line[:key_end]) or self._time(line)
                    if known is None:
                        return line
                    now, date, clock = known, words[0], words[1]
                    stamp = b"" if odd else line[:_PLAIN_START]
                id_, word = words[before], words[first]
                if len(id_) < _SHORTEST_ID:
                    if id_[:1] in _SIGNS:
                        return line
                    continue
                if id_[_ID_DASH] != _DASH:
                    continue
                meaning = None
                if count == full:
                    address, rest = words[second], words[third]
                    if (word == b"=>" or word == b"->") and rest > b"A" and _AT in address:  # as most deliveries
                        add(Delivered(now, id_, address, address))
                        continue
                    meaning = meaning_of(word)
                if meaning is not None:
                    event = meaning(now, id_, word, address, rest)
                elif word == b"Completed\n":
                    event = Gone(now, id_)
                elif word[:9] == b"campaign=" and count == second and word[9] > _QUOTE:
                    event = CampaignSeen(now, id_, word[9:-1])
                else:
                    event = self._other(now, id_, words[first:])
                if event is not None:
                    add(event)
        except IndexError:
            if len(line) > _PLAIN_DASH:
                raise
            return line  # too short for an id
        return None

    def _time(self, line: bytes) -> int | None:
        """The time of a line of the present layout, ``None`` when it has another or no stamp."""
        layout = layout_of(line)
        time = self._clock.seconds(line, layout) if layout == self._layout else None
        if time is not None:
            if len(self._times) >= _MANY:
                self._times.clear()
            minute, begin = line[:17], time - int(line[17:19])
            zone = line[19 : layout.key]
            self._times.update((b"%b%02d%b" % (minute, second, zone), begin + second) for second in range(60))
        return time

    def _recalibrated(self, misfit: bytes, written: float) -> bytes | None:
        """Take the layout from a line that the present one does not fit; the line (without what syslog put before it),
        ``None`` when it has no stamp."""
        line = misfit.lstrip(b"\0\n")
        layout = layout_of(line)
        if self._clock.seconds(line, layout) is None:
            logged = self._clock.without_syslog(line, written)
            if logged is None:
                if any(flag in misfit for flag in _FLAGS):
                    self.unparsed.add("no time stamp", misfit.rstrip(b"\n"))
                return None
            line, layout = logged, layout_of(logged)
        if layout[:3] != self._layout[:3]:
            self._times = {}
        self._layout = layout
        return line

    def _other(self, time: int, id_: bytes, words: list[bytes]) -> Event | None:
        """Any other line of a message.

        ``campaign=${quote:$h_X-Campaign-ID:}``, logged by an ACL before the arrival; ``frozen by …`` (an ACL, ``-Mf``),
        ``Frozen``, ``Frozen (…)``, ``Frozen by the system filter``; ``Message is frozen`` (at each queue run);
        ``unfrozen by …`` (``-Mt``), ``Unfrozen by …``; ``recipient <…> added by …`` (``-Mar``); ``address <…> marked
        delivered by …`` (``-Mmd``, ``-Mmad``); ``removed by …`` (``-Mrm``); ``cancelled by …`` (``-Mg``, the system
        filter, ``timeout_frozen_after``), which no ``**`` follows; and whatever says that the message was never
        accepted. What a remote server said stands behind a colon and does not count.
        """
        first = words[0]
        if first[:9] == b"campaign=":
            campaign = first[9:] if len(words) == 1 else b" ".join(words)[9:]
            campaign = unquoted(campaign.rstrip(b" \n"))
            return CampaignSeen(time, id_, campaign) if campaign else None
        if len(words) > 1 and first[:2] == b"H=" and words[1][-1:] == b":":
            return None
        text = b" ".join(words).rstrip(b" \n")
        match text.split(b" ", 1)[0]:
            case b"Completed":
                return Gone(time, id_)
            case b"Message" if text == b"Message is frozen":
                return Held(time, id_)
            case b"frozen" | b"Frozen":
                return Held(time, id_)
            case b"unfrozen" | b"Unfrozen":
                return Released(time, id_)
            case b"removed" | b"cancelled" if words[1:2] == [b"by"]:
                return Removed(time, id_)
            case b"recipient" if b"> added by " in text:
                return Added(time, id_, folded(text[11 : text.rindex(b"> added by ")]))
            case b"address" if b"> marked delivered by " in text:
                return Dropped(time, id_, folded(text[9 : text.rindex(b"> marked delivered by ")]))
            case flag if flag in self._meanings:
                _, _, token = text.partition(b" ")
                return self._meanings[flag](time, id_, flag, token, b"")
        said = text.split(b": ", 1)[0]
        return Gone(time, id_) if any(said.find(words) >= 0 for words in _NEVER_ACCEPTED) else None

    def _arrived(self, time: int, id_: bytes, flag: bytes, sender: bytes, rest: bytes) -> Event | None:
        """``<= sender [R=…] [H=…] [U=…] P=… [A=driver:user] S=… [T="…"] [from <…>] [for …]`` (``receive.c``)."""
        if sender < b"#":
            text = (sender + b" " + rest).lstrip(b" ")
            end = word_end(text, 0)
            sender, rest = text[:end], text[end + 1 :]
        fields, _, rest = rest.partition(b" S=")
        try:
            size = int(rest.partition(b" ")[0])
        except ValueError:
            size = -1
        if not 0 <= size < LARGEST_BYTES:
            self._not_parsed("arrival without a size", id_, flag, sender, fields)
            return None
        recipients = recipients_of(rest)
        if sender == BOUNCE:
            return Arrived(time, id_, BOUNCE, BOUNCE, size, recipients, NEW, b"")
        _, authenticated, login = fields.partition(b" A=")
        if authenticated:
            account = self._logins.get(login) or self._login_account(login)
        else:
            account = b"" if fields[:2] == b"H=" else self._local_account(fields)
        if not account:
            account = self._domains.get(sender.rpartition(b"@")[2]) or self._sender_account(sender)
        return Arrived(time, id_, account, account, size, recipients, NEW, sender)

    def _sender_account(self, sender: bytes) -> bytes:
        if len(self._domains) >= _MANY:
            self._domains.clear()
        account = self._domains[sender.rpartition(b"@")[2]] = self._accounts.by_sender(sender) or sender
        return account

    def _login_account(self, login: bytes) -> bytes:
        """The account of ``driver:user[:sender]`` and what follows it; empty when no user is told."""
        user = login.partition(b" ")[0].partition(b":")[2].partition(b":")[0]
        if not user:
            return b""
        if len(self._logins) >= _MANY:
            self._logins.clear()
        account = self._logins[login] = self._accounts.authenticated(user)
        return account

    def _local_account(self, fields: bytes) -> bytes:
        """The account of the ``U=`` of a local submission; empty for what a host handed in."""
        if fields[:2] == b"U=":
            user, _, behind = fields[2:].partition(b" ")
            if behind == b"P=local":
                return self._accounts.authenticated(user)
        if b" P=local" not in fields or b" H=" in fields:
            return b""
        user = next((word[2:] for word in fields.split(b" ") if word[:2] == b"U="), b"")
        return self._accounts.authenticated(user) if user else b""

    def _not_parsed(self, shape: str, *words: bytes) -> None:
        self.unparsed.add(shape, b" ".join(words).rstrip(b"\n"))

    def _delivered(self, time: int, id_: bytes, flag: bytes, address: bytes, rest: bytes) -> Event | None:
        """``=>``, ``->`` (another address in the same delivery), ``>>`` (cutthrough). ``=> blackhole (…)`` tells that
        an ACL discarded all recipients, ``=> discarded (…)`` that the system filter did."""
        if rest[:1] == b"<" and _AT not in address:
            waiting, closed, _ = rest.partition(b"> ")
            if closed and waiting.islower() and _QUOTE not in waiting:
                waiting = waiting[1:]
                return Delivered(time, id_, waiting, waiting)
        elif address in _DISCARDED and rest[:1] == b"(":
            return Removed(time, id_)
        address, waiting, rest = parties(address, rest)
        if not address:
            self._not_parsed("delivery without an address", id_, flag, rest)
            return None
        return Delivered(time, id_, address, waiting)

    def _not_sent(self, time: int, id_: bytes, _flag: bytes, address: bytes, rest: bytes) -> Event | None:
        """``*>``: ``-N`` kept it from being delivered."""
        _, waiting, _ = parties(address, rest)
        return Dropped(time, id_, waiting) if waiting else None

    def _deferred(self, time: int, id_: bytes, flag: bytes, address: bytes, rest: bytes) -> Event | None:
        waiting = address
        if _AT not in address or rest < b"A":
            address, waiting, rest = parties(address, rest)
            if not address:
                self._not_parsed("deferral without an address", id_, flag, rest)
                return None
        reply = (rest.partition(b": ")[2] or rest).rstrip(b"\n")
        if _RETRY <= reply < _AFTER_RETRY:
            return Deferred(time, id_, address, waiting, reply, False)
        tried = b"SMTP" <= reply < b"SMTQ" or not reply.startswith(_NOT_TRIED)
        return Deferred(time, id_, address, waiting, reply, tried)

    def _failed(self, time: int, id_: bytes, flag: bytes, address: bytes, rest: bytes) -> Event | None:
        address, waiting, rest = parties(address, rest)
        if not address:
            self._not_parsed("failure without an address", id_, flag, rest)
            return None
        return Failed(time, id_, address, waiting, _without_time(rest.partition(b": ")[2].rstrip(b"\n")))


def _without_time(reply: bytes) -> bytes:
    """A reply without the delivery time that selectors put at its end."""
    if reply[-1:] == b"s":
        text, found, seconds = reply.rpartition(b" DT=")
        if found and 32 not in seconds:
            return text
    return reply
