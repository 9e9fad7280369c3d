"""The crash matrix: every fault at every moment, what is left of it, and whether the next run succeeds.

`python -m tests.crash.matrix [--seed N] [--moments N] [--write FILE]` plays all of it and prints the table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from sqlalchemy import URL, text

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.migration import pipeline
from tests.crash.machine import Job, Migration, Proxy, Server, own_server
from tests.support.sample import files_below, has_nothing, query

STEPS = tuple(step.name for step in pipeline.STEPS)
MOMENTS = (("begin", "transfer"), ("commit", "transfer"), *(("begin", step) for step in STEPS[1:]), ("done", "finish"))
Moment = tuple[str, str] | float


@dataclass(frozen=True)
class Case:
    """A fault, and when it strikes: when the journal says so, or after that part of an undisturbed migration."""

    fault: str
    moment: Moment
    recovery: str = "--resume"
    """How the next run is to settle what a kill left."""
    retry_seconds: float | None = None
    """How long the migration waits for a server that has gone, in seconds; None leaves that as it is."""

    @property
    def label(self) -> str:
        """The moment in words."""
        if isinstance(self.moment, float):
            return f"{self.moment:.0%}"
        return " ".join(self.moment)


@dataclass(frozen=True)
class Outcome:
    """What a fault led to."""

    case: Case
    struck_at: str
    code: int
    target: str
    next_run: str
    wrong: tuple[str, ...]
    said: str = ""


@dataclass
class Ground:
    """One server and one old installation for many cases; each case gets a database and a root of its own."""

    server: Server
    sample: SampleInstallation
    folder: Path
    before: dict[str, str]
    seconds: float = 3.0
    """How long an undisturbed migration takes."""


@contextmanager
def standing_ground(sessions: int = 12, server: Server | None = None) -> Iterator[Ground]:
    """Make an installation, and a server where none is given, below /tmp for the length of a socket's path."""
    with ExitStack() as stack:
        running = server or stack.enter_context(own_server())
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="teleclaude-crash-", dir="/tmp")))
        sample = make_installation(place / "old", sessions=sessions)
        yield Ground(running, sample, place, files_below(place / "old"))


def measure(ground: Ground) -> float:
    """Return how long an undisturbed migration takes, in seconds."""
    stage = Stage(ground)
    try:
        started = time.monotonic()
        if stage.job.begin().wait() != 0:
            raise RuntimeError("a migration that nobody disturbs must succeed")
        return time.monotonic() - started
    finally:
        stage.close()


class Stage:
    """What one case needs: an empty database, a root, a place for private folders."""

    def __init__(
        self, ground: Ground, *, proxied: bool = False, wrapped: bool = False, retry_seconds: float | None = None
    ) -> None:
        name = f"crash_{uuid.uuid4().hex[:8]}"
        self.ground = ground
        self.root = ground.folder / name
        self.temporary = self.root / "tmp"
        self.temporary.mkdir(parents=True)
        self.url = ground.server.url.set(database=name)
        asyncio.run(query_alone(ground.server.url, f"CREATE DATABASE {name}"))
        self.proxy = Proxy(ground.server) if proxied else None
        self.job = Job(
            self._arguments(),
            self.root / "system/var/lib/teleclaude/migration",
            {"TMPDIR": str(self.temporary), "TELECLAUDE": str(self._program())},
            wrapped,
            retry_seconds,
        )

    def _arguments(self) -> list[str]:
        reached = self.url
        if self.proxy is not None:
            reached = self.url.set(host="127.0.0.1", port=self.proxy.port, query={})
        sample = self.ground.sample
        flags = {
            "--source": sample.checkout,
            "--home": sample.home,
            "--target": reached.set(drivername="postgresql").render_as_string(hide_password=False),
            "--root": self.root / "system",
            "--person": "Ada",
            "--uid": 1000,
        }
        return [*(str(part) for pair in flags.items() for part in pair), "--yes"]

    def _program(self) -> Path:
        program = self.root / "teleclaude"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m teleclaude "$@"\n')
        program.chmod(0o755)
        return program

    def use_report_dir(self, folder: Path) -> None:
        """Let the folders of the runs lie elsewhere."""
        self.job.arguments += ["--report-dir", str(folder)]
        self.job.state = folder

    def published(self) -> list[str]:
        """Return the files that stand below the root, but for those of the runs."""
        return [
            name
            for name in files_below(self.root / "system")
            if "/migration/" not in name and not name.endswith("filler")
        ]

    def look(self) -> str:
        """Return what the target holds: nothing, a pending or a complete migration."""
        if asyncio.run(has_nothing(self.url)):
            return "empty"
        states = asyncio.run(query(self.url, "SELECT state FROM migration_runs"))
        return str(states[0][0]) if states else "tables without a run"

    def strays(self) -> list[str]:
        """Return what nobody should have left: processes, sessions on the database, locks, private folders."""
        found = [f"process {name}" for name in processes(str(self.root))]
        found += [f"private folder {path.name}" for path in self.temporary.iterdir()]
        return found

    def close(self) -> None:
        """Drop the database, and everything below the root."""
        if self.proxy is not None:
            self.proxy.close()
        asyncio.run(query_alone(self.ground.server.url, f"DROP DATABASE {self.url.database} WITH (FORCE)"))
        shutil.rmtree(self.root, ignore_errors=True)


async def query_alone(url: URL, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))


def processes(marker: str) -> list[str]:
    """Return the processes whose command line names a folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and any(marker in word for word in process.cmdline()):
                found.append(f"{process.pid} ({process.name()})")
    return found


Strike = Callable[[Migration, Stage], None]


def signalled(number: signal.Signals, times: int = 1) -> Strike:
    """Return a fault: a signal to the process that the operator started."""

    def strike(migration: Migration, _stage: Stage) -> None:
        for _ in range(times):
            migration.process.send_signal(number)
            time.sleep(0.02)

    return strike


def killed(migration: Migration, _stage: Stage) -> None:
    """Kill the migration and its children."""
    migration.kill()


def backend_terminated(migration: Migration, stage: Stage) -> None:
    """End every session on the database from the server's side."""
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{stage.url.database}'"
    migration.freeze()
    asyncio.run(query_alone(stage.ground.server.url, end))
    migration.go_on()


def server_crashed(migration: Migration, stage: Stage) -> None:
    """Stop the server as a crash would, and let it come back a second later."""
    migration.freeze()
    stage.ground.server.stop()
    migration.go_on()
    time.sleep(1)
    stage.ground.server.start()


def server_gone(migration: Migration, stage: Stage) -> None:
    """Stop the server as a crash would, and start it only after the migration has given up."""
    migration.freeze()
    stage.ground.server.stop()
    migration.go_on()
    migration.wait()
    stage.ground.server.start()


def connection_cut(migration: Migration, stage: Stage) -> None:
    """Cut every connection between the migration and the server."""
    migration.freeze()
    assert stage.proxy is not None
    stage.proxy.cut()
    migration.go_on()


def reply_lost(_migration: Migration, stage: Stage) -> None:
    """Cut the connection when the server says that the next COMMIT is done."""
    assert stage.proxy is not None
    stage.proxy.lose_commit = True


FAULTS: dict[str, Strike] = {
    "SIGKILL": killed,
    "SIGINT": signalled(signal.SIGINT),
    "SIGINT twice": signalled(signal.SIGINT, 2),
    "SIGTERM": signalled(signal.SIGTERM),
    "SIGHUP": signalled(signal.SIGHUP),
    "SIGINT to the wrapper": signalled(signal.SIGINT),
    "SIGTERM to the wrapper": signalled(signal.SIGTERM),
    "backends terminated": backend_terminated,
    "server crashed": server_crashed,
    "server gone for long": server_gone,
    "connection cut": connection_cut,
    "reply to COMMIT lost": reply_lost,
}
PROXIED = {"connection cut", "reply to COMMIT lost"}


def play(ground: Ground, case: Case) -> Outcome:
    """Play a case and say what came of it; nothing wrong means that every promise was kept."""
    stage = Stage(
        ground, proxied=case.fault in PROXIED, wrapped="wrapper" in case.fault, retry_seconds=case.retry_seconds
    )
    migration = stage.job.begin()
    try:
        struck = _strike(migration, stage, case)
        code = migration.wait()
        target = stage.look() if case.fault != "SIGKILL" else _look_with_retry(stage)
        wrong = list(judge(stage, case, code, target))
        next_run, more = run_next(stage, case, code, target)
        wrong += more
        if files_below(ground.folder / "old") != ground.before:
            wrong.append("the old installation changed")
        return Outcome(case, struck, code, target, next_run, tuple(wrong), migration.said if wrong else "")
    finally:
        migration.kill()
        stage.close()


def _strike(migration: Migration, stage: Stage, case: Case) -> str:
    if isinstance(case.moment, float):
        with suppress(subprocess.TimeoutExpired):
            migration.process.wait(case.moment * stage.ground.seconds)
    else:
        migration.reached(case.moment)
    FAULTS[case.fault](migration, stage)
    events = migration.events()
    return " ".join(events[-1]) if events else "no journal yet"


def _look_with_retry(stage: Stage) -> str:
    """Look again while the server has not noticed yet that its client is gone."""
    until = time.monotonic() + 20
    while (state := stage.look()) == "tables without a run" and time.monotonic() < until:
        time.sleep(0.1)
    return state


def judge(stage: Stage, case: Case, code: int, target: str) -> Iterator[str]:
    if case.fault == "SIGKILL":
        # At once for the database, for the files after the next run.
        if target == "tables without a run":
            yield "the target is half done"
        return
    if (target, code) not in {("complete", 0), ("empty", 3), ("empty", 4), ("empty", 130), ("pending", 5)}:
        yield f"exit code {code} and the target is {target}"
    if code == 5 and case.fault != "server gone for long":
        yield "it was not undone"
    if code not in (0, 5) and stage.published():
        yield f"left: {', '.join(stage.published())}"
    yield from stage.strays()


def run_next(stage: Stage, case: Case, code: int, target: str) -> tuple[str, list[str]]:
    """Run again until the migration is done, and say how."""
    if code == 0:
        return "", []
    story = []
    migration = stage.job.run()
    asked = migration.code == 3 and "--resume" in migration.said
    if target == "complete" and migration.code == 3 and not asked and "is complete" in " ".join(migration.said.split()):
        # It was killed after its last word, so there is nothing to finish.
        return "refused: it is complete", stage.strays()
    if asked:
        complete = target == "complete"
        recovery = "--resume" if complete else case.recovery
        migration = stage.job.run(recovery)
        story.append(recovery + (" (complete)" if complete else ""))
        if recovery == "--undo" and migration.code == 0:
            if stage.look() != "empty" or stage.published():
                return "--undo", ["--undo left something"]
            migration = stage.job.run()
            story.append("migrated")
    else:
        story.append("migrated")
    wrong = [] if migration.code == 0 else [f"the next run ended with {migration.code}: {migration.said[-300:]}"]
    if migration.code == 0 and stage.look() != "complete":
        wrong.append(f"after the next run the target is {stage.look()}")
    return ", ".join(story), wrong + stage.strays()


def all_cases(seed: int, moments: int) -> list[Case]:
    """Return every fault at every moment, and kills at so many random moments."""
    chance = random.Random(seed)
    cases = [Case("SIGKILL", moment, recovery) for moment in MOMENTS for recovery in ("--resume", "--undo")]
    cases += [
        Case(fault, moment)
        for fault in FAULTS
        for moment in MOMENTS[:-1]
        if fault not in ("SIGKILL", "reply to COMMIT lost", "server gone for long")
    ]
    cases += [Case("server gone for long", ("begin", step), "--undo") for step in ("transfer", "publish_docs", "probe")]
    cases += [Case("reply to COMMIT lost", moment) for moment in (("begin", "transfer"), ("begin", "finish"))]
    kills = (Case("SIGKILL", chance.uniform(0.0, 1.0), ("--resume", "--undo")[place % 2]) for place in range(moments))
    return cases + list(kills)


def selection(seed: int, size: int) -> list[Case]:
    """Return a few cases, one of every fault before any comes twice; none waits a minute for a server."""
    chance = random.Random(seed)
    by_fault: dict[str, list[Case]] = {}
    for case in all_cases(seed, 5):
        by_fault.setdefault(case.fault, []).append(case)
    rounds = [[chance.choice(cases) for cases in by_fault.values()] for _ in range(size)]
    chosen = [case for each in rounds for case in each][:size]
    return [replace(case, retry_seconds=3.0) if case.fault == "server gone for long" else case for case in chosen]


def table(outcomes: list[Outcome]) -> str:
    """Return the matrix as a Markdown table: a row a fault and moment, random moments counted together."""
    lines = ["| fault | when | exit code | target then | next run | |", "|---|---|---|---|---|---|"]
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        random_moment = isinstance(outcome.case.moment, float)
        when = f"random; journal: {outcome.struck_at}" if random_moment else outcome.case.label
        groups.setdefault((outcome.case.fault, when), []).append(outcome)
    for (fault, when), group in sorted(groups.items()):
        codes, targets, nexts = (
            counted(each) for each in zip(*((str(o.code), o.target, o.next_run or "–") for o in group), strict=True)
        )
        wrong = sum(bool(outcome.wrong) for outcome in group)
        verdict = f"**{wrong} of {len(group)} broke a promise**" if wrong else f"kept, {len(group)} of {len(group)}"
        lines.append(f"| {fault} | {when} | {codes} | {targets} | {nexts} | {verdict} |")
    return "\n".join(lines)


def counted(values: tuple[str, ...]) -> str:
    """Return the values that occur, each with how often where there are several."""
    counts = Counter(values)
    return ", ".join(value if len(counts) == 1 else f"{value} ({count})" for value, count in sorted(counts.items()))


def play_all(seed: int, moments: int, only: str) -> Iterator[Outcome]:
    """Play every case whose fault is named so, in the seed's order, so that the first ones are a fair selection."""
    # Imported here, because it needs this module.
    from tests.crash.disks import play_disks  # noqa: PLC0415

    yield from play_disks(only)
    cases = [case for case in all_cases(seed, moments) if only in case.fault]
    random.Random(seed).shuffle(cases)
    with standing_ground() as ground:
        ground.seconds = measure(ground)
        for case in cases:
            yield play(ground, case)


def main() -> int:
    """Play everything; the exit code is 1 where a promise was broken. Ctrl-C ends it and keeps what was played."""
    parser = argparse.ArgumentParser(prog="./run crash", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moments", type=int, default=200, help="kills at random moments")
    parser.add_argument("--only", default="", help="only the faults whose name holds this")
    parser.add_argument("--write", type=Path, help="the page that keeps the table")
    asked = parser.parse_args()
    outcomes: list[Outcome] = []
    with suppress(KeyboardInterrupt):
        for outcome in play_all(asked.seed, asked.moments, asked.only):
            outcomes.append(outcome)
            say(len(outcomes), outcome)
    broken = sum(bool(outcome.wrong) for outcome in outcomes)
    page = PAGE.format(seed=asked.seed, count=len(outcomes), broken=broken or "None", table=table(outcomes))
    sys.stdout.write(page)
    if asked.write is not None:
        asked.write.write_text(page, encoding="utf-8")
    return 1 if broken else 0


PAGE = """\
# The crash matrix

`./run crash --seed {seed}` played {count} migrations, with real processes, a real PostgreSQL and real signals. Each was
struck by a fault. {broken} of them broke a promise. "Kept" means that all of this is true:

- The source is the same, byte for byte.
- The target is empty or complete. It is `pending` only after SIGKILL, or with exit code 5 if the server was away for
  longer than a minute.
- No published file, process, lock or private folder is left.
- The next run succeeds. If it needs a flag, it names the flag.

{table}
"""


def say(place: int, outcome: Outcome) -> None:
    """Say how a case went, on stderr."""
    verdict = "; ".join(outcome.wrong) or "kept"
    sys.stderr.write(f"{place} {outcome.case.fault}, {outcome.case.label}: {outcome.code}, {verdict}\n")
    if outcome.wrong:
        sys.stderr.write(outcome.said)


if __name__ == "__main__":
    sys.exit(main())
