"""The whole product for long, fifty times as fast as life, with faults, watched from outside. The soak enters."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from random import Random

import msgspec

from tests.pty_driver import Terminal
from tests.torture.soak_mail import EximWorld, Sums, Truth
from tests.torture.soak_proxy import Mood, MoodyProxy
from tests.torture.soak_samples import Sample, Used, row, size_mib, table, trends, used
from tests.torture.soak_told import TOTALS, Told, without, without_zero
from tui.engine import ledger_lock
from tui.engine.simulate import Simulation
from tui.engine.sqlite_reader import SqliteReader
from tui.model import Grouping, QueueQuery

ROOT = Path(__file__).parents[2]
MAILTOP = [sys.executable, "-P", "-m", "tui"]
SPEED = 50.0
DEMO_ACCOUNTS = 300
MX_ACCOUNTS = 150
SAMPLE_SECONDS = 30.0
STEP_SECONDS = 0.5
KEYS = ("down", "down", "enter", "up", "escape", "i", "a", "tab")
JUDGED_SECONDS = 3600.0
"""After half of it, a day and more of the simulation, ledgers are as full as they get."""

END_SECONDS = 60.0
"""So long the product has to catch up at the end."""

SHIM = '''\
"""Every clock on the wall runs faster; how the demo began is noted."""

import os
import sys
import time

_began, _speed, _now = float(os.environ["SOAK_BEGAN"]), float(os.environ["SOAK_SPEED"]), time.time
time.time = lambda: _began + (_now() - _began) * _speed
if "tui" in sys.orig_argv:
    from tui.sources import ledger_words

    ledger_words.LIVE_SECONDS *= _speed
if "collect" in sys.orig_argv and "demo" in sys.orig_argv:
    from tui.engine import simulate

    _make, _step = simulate.Simulation.__init__, simulate.Simulation.step

    def _noted(self, seed, accounts, start):
        self._told = f"{seed} {accounts} {start}"
        _make(self, seed, accounts, start)

    def _noted_step(self, now):
        simulate.Simulation.step = _step
        with open(os.environ["SOAK_DEMO"], "w") as file:
            file.write(f"{self._told} {now}")
        return _step(self, now)

    simulate.Simulation.__init__, simulate.Simulation.step = _noted, _noted_step
'''


class Plan(msgspec.Struct, frozen=True):
    """What happens when, in seconds: faults begin after ``quiet`` and end at ``until``; the hub is killed only before
    ``hub_until``, so that it, and the demo that it runs, can be watched for long."""

    seconds: float

    @property
    def quiet(self) -> float:
        return min(0.04 * self.seconds, 60.0)

    @property
    def until(self) -> float:
        return 0.92 * self.seconds

    @property
    def hub_until(self) -> float:
        return 0.25 * self.seconds

    def every(self, times: int, least: float) -> float:
        """The pause between faults of a kind, so many of which fit."""
        return max(least, self.seconds / times)


class Soak:
    """One soak in ``folder``. Use ``run``."""

    def __init__(self, folder: Path, seconds: float, chances: Random) -> None:
        self.folder = folder
        self.plan = Plan(seconds)
        self.chances = chances
        self.faults: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.problems: list[str] = []
        self.began = time.time()
        self._clock_began = time.monotonic()
        self._before: dict[str, tuple[float, Used]] = {}
        self._things = ExitStack()

    def now(self) -> int:
        """The time that all of it believes in."""
        return int(self.began + (time.time() - self.began) * SPEED)

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._clock_began

    def run(self) -> list[str]:
        """All of it; returns what was wrong, nothing at best."""
        with self._things:
            self._prepare()
            self._live()
            self._compare_while_it_runs()
            self._end_screen()
        self._compare_demo()
        self._verify()
        if self.is_judged:
            grown = [trend for trend in trends(self.samples) if not trend.flat]
            self.problems += [f"{each.role}: {each.column} grows: {each.early:.1f}, {each.late:.1f}" for each in grown]
        return self.problems

    @property
    def is_judged(self) -> bool:
        """Whether there is time enough to tell growth from getting full."""
        return self.plan.seconds >= JUDGED_SECONDS

    # What it takes

    def _prepare(self) -> None:
        folder = self.folder
        shim = folder / "shim"
        shim.mkdir()
        (shim / "sitecustomize.py").write_text(SHIM)
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
            "PYTHONPATH": f"{shim}{os.pathsep}{ROOT}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SOAK_BEGAN": str(self.began),
            "SOAK_SPEED": str(SPEED),
            "SOAK_DEMO": str(folder / "demo.began"),
        }
        self.world = EximWorld(folder, Simulation(2, MX_ACCOUNTS, self.now()), self.chances)
        self.world.step(self.now())
        tokens = folder / "tokens.json"
        made = self._mailtop("token", "new", "soak", "--tokens", str(tokens))
        self.environ["SOAK_TOKEN"] = made.stdout.strip()
        mx = (
            f'[[source]]\ntype = "local"\nname = "mx"\nmta = "exim"\nlog = "{self.world.log}"\n'
            f'spool = "{self.world.spool}"\nledger = "sqlite://{folder}/mx.sqlite"\n'
            "minutes_kept_hours = 12\nhours_kept_days = 1\n"
        )
        (folder / "serve.toml").write_text(mx)
        served = self._start_server(tokens)
        self.proxy = MoodyProxy(served)
        self._things.callback(self.proxy.close)
        api = f'url = "{self.proxy.url}"\ntoken_env = "SOAK_TOKEN"\n'
        (folder / "monitor.toml").write_text(
            f'[[source]]\ntype = "demo"\naccounts = {DEMO_ACCOUNTS}\nledger = "sqlite://{folder}/demo.sqlite"\n{mx}'
            f'[[source]]\ntype = "sender_queue"\nname = "queue"\nsenders = [1]\n{api}'
            f'[[source]]\ntype = "cpanel"\nname = "panel"\nuser = "root"\n{api}'
        )
        argv = [*MAILTOP, "--config", str(folder / "monitor.toml")]
        self.screen = self._things.enter_context(Terminal(argv, columns=120, rows=36, env=self.environ))
        self.screen.wait_for(" recipients", timeout=60)

    def _start_server(self, tokens: Path) -> int:
        said = self.folder / "serve.err"
        with said.open("w") as err:
            self.server = subprocess.Popen(
                [
                    *MAILTOP,
                    "serve",
                    "--config",
                    str(self.folder / "serve.toml"),
                    "--tokens",
                    str(tokens),
                    "--bind",
                    "127.0.0.1:0",
                    "--quiet",
                ],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stderr=err,
            )
        self._things.callback(self.server.wait)
        self._things.callback(self.server.terminate)
        deadline = time.monotonic() + 30
        while (found := re.search(r"http://127\.0\.0\.1:(\d+)", said.read_text())) is None:
            assert time.monotonic() < deadline and self.server.poll() is None, said.read_text()
            time.sleep(0.1)
        return int(found[1])

    def _mailtop(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MAILTOP, *arguments], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )

    # What happens

    def _live(self) -> None:
        plan = self.plan
        due: list[tuple[float, float, float, Callable[[], None]]] = [
            (0.0, min(SAMPLE_SECONDS, plan.seconds / 8), plan.seconds, self._sample),
            (plan.quiet, plan.every(40, 4.0), plan.until, self._kill_collector),
            (plan.quiet, plan.every(60, 3.0), plan.hub_until, self._kill_hub),
            (plan.quiet, plan.every(60, 4.0), plan.until, self._flap),
            (plan.quiet, min(plan.every(120, 2.0), 45.0), plan.seconds, self._rotate),
            (plan.quiet, 7.0, plan.until, self._press),
        ]
        after = {work: begin for begin, _, _, work in due}
        while self.passed < plan.seconds:
            self.world.step(self.now())
            for _, pause, until, work in due:
                if after[work] <= self.passed <= until:
                    after[work] = self.passed + pause
                    work()
            self._look(STEP_SECONDS)

    def _look(self, seconds: float) -> None:
        """Take in what the screen shows; it must not end."""
        until = time.monotonic() + seconds
        self.screen.wait_for(lambda _: time.monotonic() >= until, timeout=seconds + 60)

    def _press(self) -> None:
        self.screen.press(self.chances.choice(KEYS))

    def _rotate(self) -> None:
        self.world.rotate()

    def _flap(self) -> None:
        moods = [Mood.REFUSES, Mood.HANGS, Mood.CUTS]
        if self.proxy.mood is Mood.WELL:
            self.proxy.turn(self.chances.choice(moods))
            self.faults[f"API {self.proxy.mood.value}"] += 1
        else:
            self.proxy.turn(Mood.WELL)

    def _kill_collector(self) -> None:
        for pid in self._roles()["collector of mx"]:
            self._kill(pid, "collector killed")

    def _kill_hub(self) -> None:
        for pid in self._roles()["hub"]:
            self._kill(pid, "hub killed")

    def _kill(self, pid: int, what: str) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.faults[what] += 1

    def _roles(self) -> dict[str, list[int]]:
        """The processes of the product that live now, by what they are."""
        screen, server = self.screen.pid, self.server.pid
        hubs = _children(screen)
        return {
            "screen": [screen],
            "hub": hubs,
            "collector of mx": self._writer("mx"),
            "collector of demo": self._writer("demo"),
            "serve": [server],
        }

    def _writer(self, name: str) -> list[int]:
        """The collector that writes a ledger now: the monitor's, or the server's where that was quicker."""
        holder = ledger_lock.holder(self.folder / f"{name}.sqlite")
        return [holder.pid] if holder is not None else []

    def _sample(self) -> None:
        roles: dict[str, dict[str, float]] = {}
        for role, pids in self._roles().items():
            now, at = used(pids), self.passed
            before_at, before = self._before.get(role, (0.0, None))
            roles[role] = row(now, before, at - before_at)
            self._before[role] = at, now
        roles["collector of mx"]["ledger_mib"] = size_mib(self.folder / "mx.sqlite")
        roles["collector of demo"]["history_mib"] = size_mib(self.folder / "demo.sqlite")
        sample = Sample(round(self.passed, 1), roles)
        self.samples.append(sample)
        with (self.folder / "samples.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(sample) + b"\n")

    # What is right at the end

    def _compare_while_it_runs(self) -> None:
        """The ledger, and what the server says of it through the proxy, against what was simulated."""
        self.proxy.turn(Mood.WELL)
        truth = self.world.truth
        queue = truth.queue()
        told = Told(lambda *words: self._mailtop(*words, "--config", str(self.folder / "monitor.toml")))
        for name, ask, true in (
            ("mx", told.totals, truth.totals),
            ("mx", told.campaigns, without(queue, 2)),
            ("mx", told.isps, without(queue, 0, 1)),
            ("mx", told.balances, truth.accepted),
            ("panel", told.totals, truth.totals),
            ("queue", told.isps, without(queue, 0, 1)),
        ):
            self._until_equal(name, ask, true)
        totals = told.json("totals", "mx")
        if (freshness := totals["sources"][0].get("freshness")) != "live":
            self.problems.append(f"mx is {freshness} at the end: {totals['sources'][0]}")

    def _until_equal(self, source: str, ask: Callable[[str], Sums], true: Sums) -> None:
        deadline = time.monotonic() + END_SECONDS
        while (told := ask(source)) != without_zero(true):
            if time.monotonic() > deadline:
                wrong = {key: (told[key], true[key]) for key in told.keys() | true.keys() if told[key] != true[key]}
                some = sorted(wrong.items())[:5]
                self.problems.append(f"{source}, {ask.__name__}: {len(wrong)} numbers are wrong (told, true): {some}")
                return
            self._look(1.0)

    def _end_screen(self) -> None:
        self.screen.press("escape", "escape", "escape", "q")
        try:
            code = self.screen.wait_exit(10)
        except AssertionError as error:
            self.problems.append(f"the screen does not end: {error}")
            return
        if code:
            self.problems.append(f"the screen ended with {code}")
        if left := self.screen.survivors():
            self.problems.append(f"{len(left)} processes outlived the screen")

    def _compare_demo(self) -> None:
        """What the demo's last collector wrote, against the same simulation made anew."""
        seed, accounts, start, first = map(int, (self.folder / "demo.began").read_text().split())
        with closing(SqliteReader(self.folder / "demo.sqlite")) as ledger:
            log_time = ledger.status().gauges["log_time"]
            told: Sums = Counter()
            for each in ledger.totals():
                for column in TOTALS:
                    told[each.account, column] += getattr(each, column) or 0
            waits = ledger.queue(QueueQuery(grouping=Grouping.TOTAL))
        simulation, truth = Simulation(seed, accounts, start), Truth()
        for now in range(first, log_time + 1, 3600):
            truth.enter(simulation.step(now)[0])
        truth.enter(simulation.step(log_time + 1)[0])
        if without_zero(told) != without_zero(truth.totals):
            self.problems.append(f"demo: totals are wrong: {sum(told.values())}, not {sum(truth.totals.values())}")
        waiting = sum(sum(column) for column in (waits.new, waits.proc, waits.retry, waits.hold))
        if waiting != sum(truth.queue().values()):
            self.problems.append(f"demo: {waiting} wait, not {sum(truth.queue().values())}")

    def _verify(self) -> None:
        for name in ("mx", "demo"):
            done = self._mailtop("ledger", "verify", f"sqlite://{self.folder}/{name}.sqlite")
            if done.returncode:
                self.problems.append(f"ledger verify of {name}: {done.stdout}{done.stderr}")

    @property
    def tried(self) -> int:
        """How many faults there were."""
        return (self.faults + self.world.rotations).total()

    def report(self) -> str:
        """What happened and what was used, in Markdown."""
        sent = sum(count for (_, column), count in self.world.truth.totals.items() if column == "send_count")
        what = f"{self.passed / 60:.0f} minutes at {SPEED:.0f}x: {self.world.lines:,} log lines, {sent:,} messages"
        faults = ", ".join(f"{fault} {count}" for fault, count in sorted((self.faults + self.world.rotations).items()))
        lines = [f"{what}; faults: {faults}.", "", *table(trends(self.samples)), "", *self.problems]
        return "\n".join(lines) + "\n"


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return sorted(found)
