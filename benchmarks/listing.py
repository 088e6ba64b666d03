"""How long a look at the whole queue takes, beside what an administrator would type: `exim -bp | exiqsumm`, and
`postqueue -j | wc -l` and `qshape`. Real mail systems, as the live tests run them (root, Debian).

    python -m benchmarks.listing [--messages N] [--rounds N] [--mta exim|postfix|both]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.live.exim import SPOOL, RealExim
from tests.live.mta import RealMta, until
from tests.live.namespace import ENVIRONMENT
from tests.live.postfix import RealPostfix

ROOT = Path(__file__).parent.parent
HEADER = """{id}-H
Debian-exim 0 0
<{sender}>
{arrived} 0
-received_time_usec .867028
-helo_name client.test
-host_address [127.0.0.1]:40862
-received_protocol esmtp
-body_linecount 3
-max_received_linelength 56
XX
{count}
{recipients}

080P Received: from [127.0.0.1] (helo=client.test) by mx.test with esmtp (Exim 4.96)
038  Date: Sat, 21 Nov 2026 19:49:56 +0000
"""
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_LISTING = """
import json, sys, time
from pathlib import Path
from tui.engine.accounts import Accounts
from tui.engine.queues.exim_spool import EximSpool
from tui.engine.queues.postqueue import Postqueue
accounts = Accounts()
lister = EximSpool(Path("{spool}"), accounts) if sys.argv[1] == "exim" else Postqueue(accounts)
seconds = []
for _ in range(3):
    began = time.perf_counter()
    messages = len(lister.list().messages)
    seconds.append(time.perf_counter() - began)
print(json.dumps([messages, seconds[0], min(seconds[1:])]))
"""


def fill_exim(exim: RealMta, messages: int) -> None:
    """Write a spool of so many messages, one to three recipients each, as Exim 4.96 writes it."""
    chance = random.Random(1)
    folder = exim.world.path(SPOOL) / "input"
    folder.mkdir(exist_ok=True)
    now = int(time.time())
    for number in range(messages):
        id_ = f"1xU{_letters(number, 3)}-{_letters(number, 6)}-{_letters(number * 7, 2)}"
        recipients = [
            f"user{chance.randrange(10**6)}@domain{chance.randrange(500)}.test" for _ in range(number % 3 + 1)
        ]
        text = HEADER.format(
            id=id_,
            sender=f"sender{number % 2000}@customer{number % 2000}.test",
            arrived=now - number,
            count=len(recipients),
            recipients="\n".join(recipients),
        )
        (folder / f"{id_}-H").write_text(text)
        (folder / f"{id_}-D").write_text(f"{id_}-D\nHello.\n")
    exim.world.run(["chown", "-R", "Debian-exim:Debian-exim", SPOOL], timeout=120)


def fill_postfix(postfix: RealMta, messages: int) -> None:
    """Send so many messages to a Postfix that defers them all."""
    postfix.world.run(["postconf", "-e", "defer_transports=smtp local virtual relay"])
    postfix.world.run(["postfix", "reload"])
    for domain in range(20):
        source = ["smtp-source", "-c", "-l", "500", "-m", str(messages // 20), "-s", "20", "-f", "alice@acme.test"]
        postfix.world.run([*source, "-t", f"user@domain{domain}.test", "127.0.0.1:2525"], timeout=600)
    until(postfix_is_quiet(postfix), "Postfix to defer all mail", 600)


def postfix_is_quiet(postfix: RealMta) -> Callable[[], bool]:
    """Whether nothing is left to be tried for the first time."""

    def quiet() -> bool:
        said = postfix.world.run(["sh", "-c", "find /var/spool/postfix/active /var/spool/postfix/incoming -type f"])
        return not said.stdout.strip()

    return quiet


def seconds_of(mta: RealMta, command: str) -> float:
    """How long a shell command takes inside."""
    began = time.perf_counter()
    argv = mta.world.command(["sh", "-c", command])
    subprocess.run(argv, env=ENVIRONMENT, check=True, capture_output=True, timeout=600)
    return time.perf_counter() - began


def listed_by_mailtop(mta: RealMta, kind: str) -> tuple[int, float, float]:
    """How many messages mailtop lists, in how many seconds the first time, and when nothing has changed since."""
    argv = mta.world.command([sys.executable, "-c", _LISTING.replace("{spool}", SPOOL), kind])
    done = subprocess.run(
        argv,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=600,
    )
    messages, first, again = json.loads(done.stdout)
    return messages, first, again


def compare(kind: str, mta: RealMta, commands: Mapping[str, str], rounds: int) -> None:
    """Print the medians of all, turn and turn about, and the ratios to mailtop's first and next look."""
    taken: dict[str, list[float]] = {name: [] for name in (*commands, "mailtop, first", "mailtop, again")}
    messages = 0
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(seconds_of(mta, command))
        messages, first, again = listed_by_mailtop(mta, kind)
        taken["mailtop, first"].append(first)
        taken["mailtop, again"].append(again)
    medians = {name: statistics.median(each) for name, each in taken.items()}
    print(f"{kind}: {messages:,} messages wait")
    for name, seconds in medians.items():
        ratios = "".join(f"{seconds / medians[of]:9.2f} x {of}" for of in ("mailtop, first", "mailtop, again"))
        print(f"  {name:28}{seconds * 1000:9.0f} ms{ratios if name in commands else ''}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mta", choices=["exim", "postfix", "both"], default="both")
    options = parser.parse_args()
    if options.mta != "postfix":
        with RealExim("exim") as exim:
            fill_exim(exim, options.messages)
            compare("exim", exim, {"exim -bp | exiqsumm": "exim4 -bp | exiqsumm"}, options.rounds)
    if options.mta != "exim":
        with RealPostfix(long_ids=True) as postfix:
            fill_postfix(postfix, options.messages)
            commands = {"postqueue -j | wc -l": "postqueue -j | wc -l", "qshape deferred": "qshape deferred"}
            compare("postfix", postfix, commands, options.rounds)


def _letters(number: int, length: int) -> str:
    """A number as Exim writes it in ids: to the base 62, so many digits."""
    letters = ""
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        letters = DIGITS[digit] + letters
    return letters


if __name__ == "__main__":
    main()
