"""The far end of all mail: SMTP servers that answer by the recipient's local part and write down what they answered.

usage: sink.py RECORD HOST:PORT [HOST:PORT...]   writes "ready" when it listens; RECORD gets one JSON line an answer

grey*     450 at RCPT the first time a recipient is seen, then 250
defer*    451 at RCPT, always              ddefer*   452 after DATA, for all recipients of the message
reject*   550 at RCPT                      dreject*  554 after DATA, for all recipients of the message
otherwise 250
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from pathlib import Path
from typing import TextIO

from aiosmtpd.smtp import SMTP, Envelope, Session


class Handler:
    """One mailbox provider."""

    def __init__(self, record: TextIO, seen: set[str]) -> None:
        self._record, self._seen = record, seen

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        kind = address.partition(".")[0]
        if kind == "grey" and address not in self._seen:
            self._seen.add(address)
            return self._answer("450 4.2.0 Greylisted, see http://sink.test/", "defer", address)
        if kind == "defer":
            return self._answer("451 4.7.1 Try again later (sink policy)", "defer", address)
        if kind == "reject":
            return self._answer(f"550 5.1.1 <{address}>: no such user here", "reject", address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        kinds = {address.partition(".")[0] for address in envelope.rcpt_tos}
        if "ddefer" in kinds:
            return self._answer("452 4.2.2 Over quota (sink)", "defer", *envelope.rcpt_tos)
        if "dreject" in kinds:
            return self._answer("554 5.7.1 Message content rejected (sink)", "reject", *envelope.rcpt_tos)
        return self._answer("250 2.0.0 OK queued as SINK", "ok", *envelope.rcpt_tos)

    def _answer(self, reply: str, result: str, *addresses: str) -> str:
        for address in addresses:
            self._record.write(json.dumps({"recipient": address, "result": result}) + "\n")
        self._record.flush()
        return reply


async def main(record: TextIO, servers: list[str]) -> None:
    loop, seen = asyncio.get_running_loop(), set[str]()
    for server in servers:
        host, _, port = server.rpartition(":")
        smtp = functools.partial(SMTP, Handler(record, seen), hostname="sink.test")
        await loop.create_server(smtp, host, int(port), backlog=512)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("a") as file:
        asyncio.run(main(file, sys.argv[2:]))
