"""What every ledger says of the messages that wait; a part of ``LedgerContract``."""

from __future__ import annotations

from tests.engine.ledger_case import LedgerCase, SnapshotReader
from tests.engine.ledger_model import BASE, OWNERS, START, batch, delta, every_filter, nameless
from tui.engine.batch import ISP_BITS, ISP_MARKS, cell_key
from tui.engine.ledger import LedgerWriter
from tui.engine.messages import ATTEMPT, STATE_BITS, Message, encode_message
from tui.model import QueueQuery

CAMPAIGN_OF = {"young": 4, "old": 1, "untold": 2, "middle": 2}
ISP_OF = {
    "x@gmail": "Gmail",
    "old@gmail": "Gmail",
    "b@gmail": "Gmail",
    "y@yahoo": "Yahoo",
    "a@yahoo": "Yahoo",
    "untold@a.example": "a.example",
}


def waiting(
    campaign_id: int, arrived: int | None, units: dict[bytes, tuple[int, int]], sender: bytes | None = b"bob@acme.test"
) -> Message:
    """A message of a campaign: recipient -> (ISP, state), each tried three times."""
    return Message(
        cell_key(campaign_id, 0),
        units={name: 3 * ATTEMPT + (isp_id << STATE_BITS | state) for name, (isp_id, state) in units.items()},
        sender=sender,
        arrived=arrived,
        heard=arrived,
    )


def stored(messages: dict[bytes, Message]) -> dict[str, object]:
    """The part of a batch that brings these messages."""
    return {
        "messages": {id_: encode_message(message) for id_, message in messages.items()},
        "places": {id_: message.place for id_, message in messages.items() if message.place is not None},
    }


class MessagesContract(LedgerCase):
    """Messages that wait."""

    def test_the_oldest_messages_of_any_filter_come_first(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        messages = {
            b"young": waiting(4, START + 9, {b"x@gmail": (1, 2), b"y@yahoo": (2, 3)}),
            b"old": waiting(1, START, {b"old@gmail": (1, 2)}, sender=b""),
            b"untold": waiting(2, None, {b"untold@a.example": (3, 0)}, sender=None),
            b"middle": waiting(2, START + 5, {b"a@yahoo": (2, 1), b"b@gmail": (1, 1)}),
            b"nobody": waiting(2, START - 9, {}),
        }
        minute = {
            cell_key(4, 1): delta(retry=1),
            cell_key(4, 2): delta(hold=1),
            cell_key(1, 1): delta(retry=1),
            cell_key(2, 3): delta(new=1),
            cell_key(2, 2): delta(proc=1),
            cell_key(2, 1): delta(proc=1),
        }
        writer.write(batch({BASE: minute}, **stored(messages)))
        everything = reader.messages(QueueQuery())
        assert [(one.id, one.sender, one.recipient, one.state, one.arrived, one.attempts) for one in everything] == [
            ("untold", None, "untold@a.example", "new", None, None),
            ("old", "", "old@gmail", "retry", START, 3),
            ("middle", "bob@acme.test", "a@yahoo", "proc", START + 5, 3),
            ("middle", "bob@acme.test", "b@gmail", "proc", START + 5, 3),
            ("young", "bob@acme.test", "x@gmail", "retry", START + 9, 3),
            ("young", "bob@acme.test", "y@yahoo", "hold", START + 9, 3),
        ]
        for filters in every_filter():
            expected = [
                one
                for one in everything
                if all(
                    (
                        filters.isp in (None, ISP_OF[one.recipient]),
                        filters.campaign_id in (None, CAMPAIGN_OF[one.id]),
                        filters.account_id in (None, OWNERS[CAMPAIGN_OF[one.id]]),
                    )
                )
            ]
            assert reader.messages(filters) == expected
            assert reader.messages(filters, limit=2) == expected[:2]
            assert reader.messages(filters, limit=0) == []
        assert reader.messages(QueueQuery(sender_id=8)) == []
        assert len(reader.messages(QueueQuery(sender_id=7))) == len(everything)

    def test_a_message_is_where_it_was_put_last(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        first = {b"1": waiting(1, START, {b"a@b": (1, 2)}), b"2": waiting(1, START + 1, {b"c@d": (1, 2)})}
        writer.write(batch({BASE: {cell_key(1, 1): delta(retry=2)}}, **stored(first)))
        assert [one.id for one in reader.messages(QueueQuery(campaign_id=1, isp="Gmail"))] == ["1", "2"]
        moved = {b"1": waiting(4, START + 5, {b"a@b": (2, 2)})}
        minute = {cell_key(1, 1): delta(retry=-1), cell_key(4, 2): delta(retry=1)}
        writer.write(nameless({BASE + 1: minute}, **stored(moved)))
        assert [one.id for one in reader.messages(QueueQuery())] == ["2", "1"]
        assert [one.id for one in reader.messages(QueueQuery(isp="Gmail"))] == ["2"]
        assert [one.id for one in reader.messages(QueueQuery(account_id=2, isp="Yahoo"))] == ["1"]
        done = nameless({BASE + 2: {cell_key(1, 1): delta(retry=-1), cell_key(4, 2): delta(retry=-1)}})
        done.messages = {b"1": None, b"2": encode_message(Message(1 << ISP_BITS))}
        writer.write(done)
        assert reader.messages(QueueQuery()) == []

    def test_isps_that_share_a_mark_are_told_apart(self, writer: LedgerWriter, reader: SnapshotReader) -> None:
        isps = {f"isp{number}": number for number in range(1, 3 * ISP_MARKS)}
        messages = {b"%d" % number: waiting(1, START, {b"a@b": (number, 0)}) for number in isps.values()}
        names = {"accounts": {"alice": 1}, "campaigns": {(1, ""): 1}, "isps": isps}
        cells = {cell_key(1, number): delta(new=1) for number in isps.values()}
        writer.write(batch({BASE: cells}, **names, **stored(messages)))
        for name, number in isps.items():
            assert [one.id for one in reader.messages(QueueQuery(isp=name))] == [str(number)]
