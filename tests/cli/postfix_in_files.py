"""A mail system of two files: a Postfix log, and the queue that `cat` lists as `postqueue -j` would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.forked import forks

MAILTOP = [sys.executable, "-m", "tui"]

LOG = """\
2026-11-21T19:59:06+00:00 mx postfix/smtpd[239]: 4A1B2C3D4E5: client=localhost[127.0.0.1], sasl_method=PLAIN, sasl_username=bob
2026-11-21T19:59:06+00:00 mx postfix/cleanup[241]: 4A1B2C3D4E5: info: header X-Campaign-ID: spring from localhost[127.0.0.1]; from=<bob@shop.test> to=<a@gmail.com> proto=ESMTP helo=<c>
2026-11-21T19:59:06+00:00 mx postfix/qmgr[233]: 4A1B2C3D4E5: from=<bob@shop.test>, size=1796, nrcpt=3 (queue active)
2026-11-21T19:59:07+00:00 mx postfix/smtp[244]: 4A1B2C3D4E5: to=<a@gmail.com>, relay=mx.gmail.test[127.0.0.11]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 ok)
2026-11-21T19:59:07+00:00 mx postfix/smtp[244]: 4A1B2C3D4E5: to=<b@gmail.com>, relay=mx.gmail.test[127.0.0.11]:25, delay=0.1, delays=0/0/0/0.1, dsn=4.2.2, status=deferred (host mx.gmail.test[127.0.0.11] said: 452 4.2.2 Over quota)
2026-11-21T19:59:07+00:00 mx postfix/smtp[244]: 4A1B2C3D4E5: to=<c@corp.test>, relay=mx.corp.test[127.0.0.12]:25, delay=0.1, delays=0/0/0/0.1, dsn=4.2.2, status=deferred (host mx.corp.test[127.0.0.12] said: 452 4.2.2 Over quota)
2026-11-21T19:59:08+00:00 mx postfix/smtpd[239]: 5B1B2C3D4E6: client=localhost[127.0.0.1], sasl_method=PLAIN, sasl_username=eve
2026-11-21T19:59:08+00:00 mx postfix/qmgr[233]: 5B1B2C3D4E6: from=<eve@shop.test>, size=500, nrcpt=1 (queue active)
2026-11-21T19:59:08+00:00 mx postfix/smtp[244]: 5B1B2C3D4E6: to=<d@corp.test>, relay=mx.corp.test[127.0.0.12]:25, delay=0.1, delays=0/0/0/0.1, dsn=5.1.1, status=bounced (host mx.corp.test[127.0.0.12] said: 550 5.1.1 No such user)
2026-11-21T19:59:08+00:00 mx postfix/qmgr[233]: 5B1B2C3D4E6: removed
"""  # noqa: E501

QUEUE = {
    "queue_name": "deferred",
    "queue_id": "4A1B2C3D4E5",
    "arrival_time": 1795291146,
    "message_size": 1796,
    "forced_expire": False,
    "sender": "bob@shop.test",
    "recipients": [{"address": "b@gmail.com"}, {"address": "c@corp.test"}],
}


class PostfixInFiles:
    """Files in ``folder``, a configuration, and mailtop run with it. bob has sent one message to three: one got it, two
    wait; eve one that failed."""

    def __init__(self, folder: Path, name: str = "mx") -> None:
        self.log = folder / f"{name}.log"
        self.queue = folder / f"{name}.json"
        self.ledger = folder / f"{name}.sqlite"
        self.log.write_text(LOG)
        self.queue.write_text(json.dumps(QUEUE) + "\n")
        self.table = (
            f'[[source]]\ntype = "local"\nname = "{name}"\nmta = "postfix"\nlog = "{self.log}"\n'
            f'postqueue = ["cat", "{self.queue}"]\nledger = "sqlite://{self.ledger}"\n'
        )
        self.config = folder / f"{name}.toml"
        self.config.write_text(self.table)

    def environment(self) -> dict[str, str]:
        """What mailtop needs around it; its own files go to the same folder."""
        folder = str(self.config.parent)
        return os.environ | {"MAILTOP_CONFIG": str(self.config), "HOME": folder, "XDG_CONFIG_HOME": folder}

    def run(
        self, *arguments: str, environ: Mapping[str, str] | None = None, argv: Sequence[str] = MAILTOP
    ) -> subprocess.CompletedProcess[str]:
        """Run mailtop to its end."""
        environ = self.environment() | dict(environ or {})
        if argv == MAILTOP and forks().takes(environ):
            return forks().run(arguments, environ)
        return subprocess.run(
            [*argv, *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start mailtop, with pipes to it."""
        return subprocess.Popen(
            [*MAILTOP, *arguments],
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
