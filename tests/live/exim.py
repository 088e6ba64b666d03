"""A real Exim on loopback: 4.96 with 16-character ids, or 4.98 from Debian's backports with 23-character ids."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from tests.live.mail import HOLD, NEW, RETRY, Listed, Message, Sent
from tests.live.mta import KIT, RealMta, until

SPOOL = "/var/spool/exim4"
LOG = "/var/log/exim4"
HEADER = re.compile(r" *\S+ +\S+ +(\S+) <.*>(?: \(\S+\))?( \*\*\* frozen \*\*\*)?$")


class RealExim(RealMta):
    """Exim as Debian builds it, logging as under cPanel. Nothing waits for a retry time: ``retry`` tries all again."""

    settings = f'mta = "exim"\nlog = "{LOG}/mainlog"\nspool = "{SPOOL}"\nexim = "exim4"\n'

    def __init__(self, package: str) -> None:
        self.package = package
        self._untried: set[str] = set()
        super().__init__()

    def install(self) -> None:
        self.world.path("/etc/exim4").mkdir(exist_ok=True)
        shutil.copy(KIT / "exim.conf", self.world.path("/etc/exim4/exim4.conf"))
        self.world.run(["install", "-d", "-o", "Debian-exim", "-g", "Debian-exim", SPOOL, LOG, "/var/mail"])

    def start(self) -> None:
        self.world.run(["exim4", "-bd"])

    def stop(self) -> None:
        self.world.run(["kill", self.world.path("/run/exim4.pid").read_text().strip()])
        until(lambda: "exim4" not in self.world.processes(), "Exim to end")

    def settle(self) -> None:
        until(lambda: self.world.processes().count("exim4") == 1, "Exim to be left with nothing but its daemon")

    def taken_as(self, answer: str) -> str:
        return answer.partition("id=")[2]

    def listing(self) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        for block in self.world.run(["exim4", "-bp"]).stdout.split("\n\n"):
            if not block.strip():
                continue
            header, *rows = block.strip("\n").splitlines()
            match = HEADER.match(header)
            assert match, f"exim -bp: {header!r}"
            state = HOLD if match[2] else NEW if match[1] in self._untried else RETRY
            listed[match[1]] = Listed(state, tuple(row.strip() for row in rows if row.startswith("          ")))
        return listed

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """As every mail system does; what is only queued is remembered, since Exim's listing does not tell it."""
        sent = super().send(messages)
        self._untried.update(each.id for each in sent if "QUEUEME" in each.message.subject)
        return sent

    def retry(self) -> None:
        self._untried.clear()
        self.world.run(["exim4", "-qf"])
        self.settle()

    def hold(self, *ids: str) -> None:
        self.world.run(["exim4", "-Mf", *ids])

    def release(self, *ids: str) -> None:
        self.world.run(["exim4", "-Mt", *ids])

    def remove(self, *ids: str) -> None:
        self.world.run(["exim4", "-Mrm", *ids])

    def submit(self, user: str, message: str, *recipients: str) -> None:
        user_id = self.world.run(["id", "-u", user]).stdout.strip()
        submitter = ["setpriv", f"--reuid={user_id}", "--clear-groups", "--"]
        self.world.run([*submitter, "exim4", "-odb", *recipients], text=message)

    def log(self) -> str:
        return self.world.path(f"{LOG}/mainlog").read_text()

    def sizes(self) -> dict[str, int]:
        return {id_: int(size) for id_, size in re.findall(r"^\S+ \S+ (\S+) <= .*? S=(\d+) ", self.log(), re.M)}
