"""A real Postfix on loopback, with short or long queue ids."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter

from tests.live.mail import HOLD, NEW, PROC, RETRY, Listed
from tests.live.mta import KIT, RealMta, until

QUEUES = {"maildrop": NEW, "incoming": NEW, "active": PROC, "deferred": RETRY, "hold": HOLD}
LOG = "/var/log/mail.log"
AUTH = ("127.0.0.1", "12345")


class RealPostfix(RealMta):
    """Postfix as Debian builds it. It retries nothing by itself: ``retry`` flushes the queue."""

    package = "postfix"
    settings = f'mta = "postfix"\nlog = "{LOG}"\npostqueue = ["postqueue", "-j"]\n'

    def __init__(self, *, long_ids: bool) -> None:
        self._long_ids = long_ids
        super().__init__()

    def install(self) -> None:
        etc = self.world.path("/etc/postfix")
        shutil.copytree(self.world.unpacked / "etc" / "postfix", etc)
        shutil.copytree(KIT / "postfix", etc, dirs_exist_ok=True)
        with (etc / "main.cf").open("a") as settings:
            settings.write(f"enable_long_queue_ids = {'yes' if self._long_ids else 'no'}\n")
        for owner, folders in (("root", ["/var/spool/postfix"]), ("postfix", ["/var/lib/postfix", "/var/mail"])):
            self.world.run(["install", "-d", "-o", owner, "-g", owner, *folders])
        commands = ["/usr/sbin/postqueue", "/usr/sbin/postdrop"]
        self.world.run(["chgrp", "postdrop", *commands])
        self.world.run(["chmod", "g+s", *commands])
        self.serve("dovecot_auth.py", *AUTH)

    def start(self) -> None:
        self.world.run(["postfix", "start"])

    def stop(self) -> None:
        self.world.run(["postfix", "stop"])
        until(lambda: "master" not in self.world.processes(), "Postfix to end")

    def settle(self) -> None:
        until(
            lambda: all(listed.state in (RETRY, HOLD) for listed in self.listing().values()),
            "Postfix to have nothing but deferred and held mail",
        )

    def taken_as(self, answer: str) -> str:
        return answer.rpartition("queued as ")[2]

    def listing(self) -> dict[str, Listed]:
        rows = map(json.loads, self.world.run(["postqueue", "-j"]).stdout.splitlines())
        return {
            row["queue_id"]: Listed(QUEUES[row["queue_name"]], tuple(each["address"] for each in row["recipients"]))
            for row in rows
        }

    def retry(self) -> None:
        waited = [each for listed in self.listing().values() if listed.state == RETRY for each in listed.waiting]
        before = self._attempts()
        self.world.run(["postqueue", "-f"])
        until(lambda: all(self._attempts()[each] > before[each] for each in waited), "Postfix to try all mail again")
        self.settle()

    def hold(self, *ids: str) -> None:
        self._super("-h", *ids)

    def release(self, *ids: str) -> None:
        self._super("-H", *ids)

    def remove(self, *ids: str) -> None:
        self._super("-d", *ids)

    def submit(self, user: str, message: str, *recipients: str) -> None:
        user_id = self.world.run(["id", "-u", user]).stdout.strip()
        submitter = ["setpriv", f"--reuid={user_id}", "--clear-groups", "--"]
        self.world.run([*submitter, "sendmail", *recipients], text=message)

    def log(self) -> str:
        return self.world.path(LOG).read_text()

    def sizes(self) -> dict[str, int]:
        rows = map(json.loads, self.world.run(["postqueue", "-j"]).stdout.splitlines())
        listed = {row["queue_id"]: row["message_size"] for row in rows}
        return listed | {id_: int(size) for id_, size in re.findall(r": (\w+): from=<.*>, size=(\d+),", self.log())}

    def _attempts(self) -> Counter[str]:
        """How often each recipient was tried, by the log."""
        return Counter(re.findall(r": to=<([^>]+)>", self.log()))

    def _super(self, option: str, *ids: str) -> None:
        self.world.run(["postsuper", *(word for id_ in ids for word in (option, id_))])
