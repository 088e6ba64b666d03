"""Hands messages to the mail system, several at a time, each with SMTP AUTH where it has a user.

usage: send.py PORT CONNECTIONS < messages (JSON lines: sender, user or null, recipients, subject, campaign, lines)
writes for each message, in order, a JSON line: code and text of the last answer, and each recipient's code
"""

from __future__ import annotations

import json
import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any


def compose(message: dict[str, Any]) -> bytes:
    """The message as text with CRLF."""
    mail = EmailMessage()
    mail["From"] = message["sender"] or "mailer-daemon@client.test"
    mail["To"] = ", ".join(message["recipients"])
    mail["Subject"] = message["subject"]
    if message["campaign"]:
        mail["X-Campaign-ID"] = message["campaign"]
    mail.set_content("hello\n" * message["lines"])
    return mail.as_bytes()


def send(port: int, message: dict[str, Any]) -> dict[str, Any]:
    """Send one message over a connection of its own."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.test", timeout=20) as smtp:
        smtp.ehlo()
        if message["user"]:
            smtp.login(message["user"], "pw")
        smtp.mail(message["sender"])
        codes = [smtp.rcpt(recipient)[0] for recipient in message["recipients"]]
        code, text = smtp.data(compose(message)) if 250 in codes else (codes[-1], b"no recipient accepted")
        return {"code": code, "text": text.decode(errors="replace"), "codes": codes}


def main() -> None:
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    messages = [json.loads(line) for line in sys.stdin]
    with ThreadPoolExecutor(connections) as pool:
        for answer in pool.map(lambda message: send(port, message), messages):
            print(json.dumps(answer))


if __name__ == "__main__":
    main()
