"""Writes a plausible day of a busy Exim or Postfix log, seeded and streaming. Whoever measures may enter.

usage: python -m benchmarks.generate_log exim|postfix LINES FILE [--seed N] [--long-ids] [--start SECONDS]
"""

from __future__ import annotations

import argparse
import datetime
import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.mill import Mill, base

TLS = "X=TLS1.3:TLS_AES_256_GCM_SHA384:256"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE52 = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"


class Exim(Mill):
    """Exim 4.96 under cPanel: arguments, subject, received_recipients; 23-character ids with ``long_ids``."""

    lines_per_arrival = 7.4

    def __init__(self, seed: int, start: int, long_ids: bool) -> None:
        super().__init__(seed, start)
        self._pid, self._long = 1000, long_ids

    def stamp(self, moment: datetime.datetime) -> str:
        return moment.strftime("%Y-%m-%d %H:%M:%S ")

    def tick(self, now: int) -> None:
        rng, address = self.rng, f"[198.51.100.{self.rng.randrange(250)}]"
        if now % 300 == 0:
            spool = "cwd=/var/spool/exim 2 args: /usr/sbin/exim -q"
            self.plan(now, [spool, f"Start queue run: pid={self._pid}"])
            self.plan(now + 20, [f"End queue run: pid={self._pid}"])
        if rng.random() < 0.9:
            self.plan(now, [f"no host name found for IP address {address[1:-1]}"])
        if rng.random() < 0.6:
            name = rng.choice(self.world.sender_domains)
            text = f"H=(mail.bad.example) {address}:41{rng.randrange(999)} F=<spam{rng.randrange(999)}@bad.example> "
            self.plan(now, [text + f"rejected RCPT <info@{name}>: No Such User Here"])
        if rng.random() < 0.3:
            text = f"dovecot_login authenticator failed for H=(User) {address}:5{rng.randrange(9999)}: 535 Incorrect "
            self.plan(now, [text + "authentication data (set_id=admin)"])

    def new_id(self, now: int) -> str:
        """A message id; the time, the process and a fraction of the second."""
        self._pid = 1000 + (self._pid - 999) % 4_000_000
        fraction = self.rng.randrange(1800)
        if self._long:
            return f"{base(BASE62, now, 6)}-{base(BASE62, self._pid, 11)}-{base(BASE62, fraction, 4)}"
        return f"{base(BASE62, now, 6)}-{base(BASE62, self._pid, 6)}-{base(BASE62, fraction, 2)}"

    def arrive(self, now: int) -> None:
        world, rng = self.world, self.rng
        id_, size = self.new_id(now), rng.randrange(800, 90_000)
        user, campaign = world.sender()
        domain = world.sender_domains[user]
        if rng.random() < 0.12:
            self._receive(now, id_, size, f"info@{domain}")
            return
        recipients = world.recipients()
        everyone = " ".join(address for address, _ in recipients)
        tail = f'S={size} id={rng.getrandbits(64):x}@{domain} T="Offer {size} \\"for\\" you => now" for {everyone}'
        lines = []
        if rng.random() < 0.65:
            sender, client = (
                f"news@{domain}",
                f"H=(client{user}.example) [192.0.2.{user % 250}]:{40_000 + size % 20_000}",
            )
            arrival = f"{id_} <= {sender} {client} P=esmtpsa {TLS} CV=no "
            arrival += f"A=dovecot_login:{sender} {tail}"
        else:
            name = world.users[user]
            sender = f"{name}@server.example"
            lines.append(f"cwd=/home/{name}/public_html 4 args: /usr/sbin/sendmail -t -i -f{sender}")
            arrival = f"{id_} <= {sender} U={name} P=local {tail}"
        if campaign:
            lines.append(f'{id_} campaign="{campaign}"' if " " in campaign else f"{id_} campaign={campaign}")
        self.plan(now, [*lines, arrival, f"cwd=/var/spool/exim 3 args: /usr/sbin/exim -Mc {id_}"])
        self.deliver(now, id_, sender, recipients, [])

    def _receive(self, now: int, id_: str, size: int, address: str) -> None:
        sender = f"someone{size}@company{size % 900}.example.net"
        client = f"H=mx.company{size % 900}.example.net [203.0.113.9]:4{size % 9999} P=esmtps"
        tls = f"{TLS} CV=no"
        text = f'{id_} <= {sender} {client} {tls} S={size} id={size}.{now}@mx T="Re: order {size}" for {address}'
        local = f"{id_} => info <{address}> R=virtual_user T=dovecot_virtual_delivery "
        local += f'C="250 2.0.0 <{address}> {now} Saved"'
        self.plan(now, [text, f"cwd=/var/spool/exim 3 args: /usr/sbin/exim -Mc {id_}"])
        self.plan(now + 1, [local, f"{id_} Completed"])

    def end(self, id_: str) -> str:
        return f"{id_} Completed"

    def together(self, lines: list[str]) -> list[str]:
        hosts: set[str] = set()
        for index, line in enumerate(lines):
            host = line[line.find(" H=") :]
            if " => " in line and host in hosts:
                lines[index] = line.replace(" => ", " -> ", 1)
            hosts.add(host)
        return lines

    def attempt(self, id_: str, address: str, domain: int, outcome: str | None, age: int) -> str:
        host = f"R=dkim_lookuphost T=dkim_remote_smtp H={self.world.hosts[domain]} [{self.world.addresses[domain]}]"
        if outcome is None:
            return f'{id_} => {address} {host} {TLS} CV=yes C="250 2.0.0 OK  {id_} - smtp"'
        if outcome.startswith("5"):
            said = f"SMTP error from remote mail server after RCPT TO:<{address}>: {outcome}"
            return f"{id_} ** {address} {host} {TLS} CV=yes: {said}"
        if age and self.rng.random() < 0.2:
            return f"{id_} == {address} routing defer (-52): retry time not reached"
        host = host.replace(" H=", " defer (-44) H=")
        return f"{id_} == {address} {host}: SMTP error from remote mail server after RCPT TO:<{address}>: {outcome}"

    def bounce(self, now: int, id_: str, sender: str) -> None:
        bounce = self.new_id(now)
        text = f"{bounce} <= <> R={id_} U=mailnull P=local S={self.rng.randrange(2000, 9000)} "
        text += f'T="Mail delivery failed: returning message to sender" for {sender}'
        again = f"cwd=/var/spool/exim 7 args: /usr/sbin/exim -t -oem -oi -f <> -E{id_}"
        self.plan(now, [again, text, f"cwd=/var/spool/exim 3 args: /usr/sbin/exim -Mc {bounce}"])
        local = f"{bounce} => {sender.partition('@')[0]} <{sender}> R=localuser T=local_delivery"
        self.plan(now, [local, f"{bounce} Completed"])


class Postfix(Mill):
    """Postfix 3.7 with ``header_checks`` that log the campaign; long queue ids with ``long_ids``."""

    lines_per_arrival = 10.4

    def __init__(self, seed: int, start: int, long_ids: bool) -> None:
        super().__init__(seed, start)
        self._inode, self._long = 0x2000, long_ids
        self._pids = [str(self.rng.randrange(900, 99_999)) for _ in range(64)]

    def stamp(self, moment: datetime.datetime) -> str:
        return moment.strftime(f"%b {moment.day:2} %H:%M:%S mx1 postfix/")

    def tick(self, now: int) -> None:
        rng, address = self.rng, f"198.51.100.{self.rng.randrange(250)}"
        smtpd = f"smtpd[{rng.choice(self._pids)}]"
        if rng.random() < 0.4:
            said = "554 5.7.1 Service unavailable; Client host blocked using bl.example; from=<a@bad.example>"
            lines = [f"{smtpd}: connect from unknown[{address}]"]
            name = rng.choice(self.world.sender_domains)
            lines.append(f"{smtpd}: NOQUEUE: reject: RCPT from unknown[{address}]: {said} to=<info@{name}> proto=ESMTP")
            lines.append(f"{smtpd}: disconnect from unknown[{address}] ehlo=1 mail=1 rcpt=0/1 commands=2/3")
            self.plan(now, lines)
        if rng.random() < 0.2:
            said = f"warning: unknown[{address}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"
            self.plan(now, [f"{smtpd}: connect from unknown[{address}]", f"{smtpd}: {said}"])
        if now % 600 == 0:
            self.plan(now, ["anvil[77]: statistics: max connection rate 12/60s for (smtp:192.0.2.4)"])

    def new_id(self, now: int) -> str:
        """A queue id: microseconds and inode, and with long ids the second before them."""
        rng = self.rng
        self._inode += rng.randrange(1, 4)
        if self._long:
            return f"{base(BASE52, now, 6)}{base(BASE52, rng.randrange(10**6), 4)}z{base(BASE52, self._inode, 4)}"
        return f"{rng.randrange(10**6):05X}{self._inode % 0x600000:06X}"

    def arrive(self, now: int) -> None:
        world, rng = self.world, self.rng
        id_, size, smtpd = self.new_id(now), rng.randrange(800, 90_000), f"smtpd[{rng.choice(self._pids)}]"
        user, campaign = world.sender()
        name, domain, recipients = world.users[user], world.sender_domains[user], world.recipients()
        client, sender = f"client{user}.example[192.0.2.{user % 250}]", f"news@{domain}"
        cleanup = f"cleanup[{rng.choice(self._pids)}]: {id_}:"
        lines, local = [], rng.random() < 0.2
        if local:
            sender = f"{name}@mx1.example"
            lines.append(f"pickup[301]: {id_}: uid={1000 + user} from=<{name}>")
        else:
            lines.append(f"{smtpd}: connect from {client}")
            lines.append(f"{smtpd}: {id_}: client={client}, sasl_method=LOGIN, sasl_username={sender}")
        if campaign:
            whence = "local" if local else client
            text = f"{cleanup} info: header X-Campaign-ID: {campaign} from {whence}; from=<{sender}>"
            lines.append(text + ("" if local else f" to=<{recipients[0][0]}> proto=ESMTP helo=<client>"))
        lines.append(f"{cleanup} message-id=<{rng.getrandbits(64):x}@{domain}>")
        qmgr = f"qmgr[233]: {id_}: from=<{sender}>, size={size}, nrcpt={len(recipients)} (queue active)"
        self.plan(now, [*lines, qmgr])
        if not local:
            counts = f"ehlo=2 starttls=1 auth=1 mail=1 rcpt={len(recipients)} data=1 quit=1 commands=8"
            self.plan(now, [f"{smtpd}: disconnect from {client} {counts}"])
        self.deliver(now, id_, sender, recipients, [qmgr])

    def end(self, id_: str) -> str:
        return f"qmgr[233]: {id_}: removed"

    def attempt(self, id_: str, address: str, domain: int, outcome: str | None, age: int) -> str:
        host = self.world.hosts[domain]
        relay, delay = f"{host}[{self.world.addresses[domain]}]:25", age + self.rng.randrange(200) / 100
        text = f"smtp[{self.rng.choice(self._pids)}]: {id_}: to=<{address}>, relay={relay}, delay={delay:.2f}, "
        text += f"delays={age}/0.02/0.11/{delay - age:.2f}, "
        if outcome is None:
            return f"{text}dsn=2.0.0, status=sent (250 2.0.0 OK  {id_} - smtp)"
        status = "bounced" if outcome.startswith("5") else "deferred"
        dsn = outcome[4:9]
        said = f"host {relay[:-3]} said: {outcome} (in reply to RCPT TO command)"
        return f"{text}dsn={dsn}, status={status} ({said})"

    def bounce(self, now: int, id_: str, sender: str) -> None:
        bounce = self.new_id(now)
        cleanup = f"cleanup[{self.rng.choice(self._pids)}]"
        lines = [f"{cleanup}: {bounce}: message-id=<{now}.{bounce}@mx1.example>"]
        lines.append(f"bounce[{self._pids[1]}]: {id_}: sender non-delivery notification: {bounce}")
        lines.append(f"qmgr[233]: {bounce}: from=<>, size={self.rng.randrange(2000, 9000)}, nrcpt=1 (queue active)")
        self.plan(now, lines)
        text = f"virtual[{self._pids[2]}]: {bounce}: to=<{sender}>, relay=virtual, delay=0.01, delays=0/0.01/0/0, "
        self.plan(now, [text + "dsn=2.0.0, status=sent (delivered to maildir)", f"qmgr[233]: {bounce}: removed"])


MILLS: dict[str, Callable[[int, int, bool], Mill]] = {"exim": Exim, "postfix": Postfix}


def write_log(mta: str, lines: int, path: Path, seed: int = 1, long_ids: bool = False, start: int = 0) -> None:
    """Write ``lines`` lines of an ``mta`` log to ``path`` at the rate of two million a day, from ``start`` (seconds
    since 1970; 0: yesterday's midnight UTC). The file's time of change is its last line's."""
    mill = MILLS[mta](seed, start or int(time.time()) // 86_400 * 86_400 - 86_400, long_ids)
    with path.open("w", encoding="ascii", buffering=1 << 20) as out:
        out.writelines(mill.lines(lines))
    os.utime(path, (mill.clock, mill.clock))


def main() -> None:
    """Write one log as the arguments say."""
    parser = argparse.ArgumentParser(description="Write a plausible mail log.")
    parser.add_argument("mta", choices=sorted(MILLS))
    parser.add_argument("lines", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long-ids", action="store_true", help="23-character Exim ids, long Postfix queue ids")
    parser.add_argument("--start", type=int, default=0, help="seconds since 1970 (default: yesterday's midnight UTC)")
    args = parser.parse_args()
    write_log(args.mta, args.lines, args.file, args.seed, args.long_ids, args.start)


if __name__ == "__main__":
    main()
