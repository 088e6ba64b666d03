"""Replies by cause: counted together, and one told in the provider's own words."""

from __future__ import annotations

from tui.engine.batch import CauseKey
from tui.engine.causes import LONGEST_REPLY, CauseCounter

LIMITED = (
    b"SMTP error from remote mail server after end of data: host gmail-smtp-in.l.google.com [192.0.2.26]: "
    b"421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect "
    b"our users from spam, mail sent from your IP address has been temporarily rate limited. For more information, go "
    b"to https://support.google.com/mail/?p=UnsolicitedRateLimitError and review our Bulk Email Senders Guidelines."
)


def test_the_last_reply_is_told_in_full() -> None:
    counter = CauseCounter()
    counter.add(7, LIMITED.replace(b"192.0.2.26", b"192.0.2.99"), 5)
    counter.add(7, LIMITED, 9)
    [(key, cause)] = counter.take().items()
    assert key == CauseKey(7, "421 4.7.28 Gmail has detected an unusual rate of")
    assert (cause.count, cause.first_seen, cause.last_seen) == (2, 5, 9)
    assert cause.last_reply == LIMITED.decode()


def test_a_hostile_reply_is_clean_and_bounded() -> None:
    counter = CauseCounter()
    counter.add(7, b"451 \x1b]52;c;aGk=\x07\xe2\x80\xae\xff\n" + b"x" * 100_000, 5)
    [cause] = counter.take().values()
    assert cause.last_reply.isprintable()
    assert len(cause.last_reply) <= LONGEST_REPLY
