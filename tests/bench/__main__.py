"""Run every way in turn, several times over, and print medians and their ratio to the limit of PostgreSQL.

The limit is psql: binary files, made by COPY from a migrated database, into bare tables, then the keys and indexes, in
one transaction. Each way is a process of its own, measured whole.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from sqlalchemy import URL

from teleclaude.db.models import Model
from teleclaude.demo.installation import SampleInstallation
from teleclaude.demo.postgres import find_binaries, running_server
from tests.bench.data import make_data

LIMIT, LIMIT_WITH_SEARCH = "psql", "psql, with search"
OURS = {
    "load": (LIMIT, "ours: load"),
    "load_and_prove": (LIMIT, "ours: load and verification"),
    "transfer_all": (LIMIT_WITH_SEARCH, "ours: load, search and verification"),
    "insert_rows": (LIMIT_WITH_SEARCH, "SQLAlchemy insert, 1000 a batch, with search"),
}
"""The ways of `ways`, each with the limit that it is compared with and its name."""
DIRTY = "ours: load and verification, dirty"
COMMAND = "ours: the whole command"
PGLOADER = "pgloader, low memory"
FRUGAL = ["--with", "prefetch rows = 1000"]
"""By its defaults it ends in "heap exhausted"."""


@dataclass(frozen=True)
class Bench:
    """Where everything is."""

    folder: Path
    sample: SampleInstallation
    url: URL
    binaries: Path

    def environ(self) -> dict[str, str]:
        """Return how the programs of PostgreSQL and the migration reach the server."""
        given = {"PGHOST": str(self.url.query["host"]), "PGUSER": self.url.username, "PGPASSWORD": self.url.password}
        return {**os.environ, **{name: str(value) for name, value in given.items()}}

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of PostgreSQL and return what it says."""
        command = [str(self.binaries / program), *arguments]
        return subprocess.run(command, env=self.environ(), check=True, capture_output=True, text=True).stdout

    def target(self, database: str) -> str:
        """Return the URL of a database, without the password, which the environment has."""
        return f"postgresql:///{database}?host={self.url.query['host']}&user={self.url.username}"


@dataclass
class Measured:
    """What the runs of a way took: seconds, the most memory in MB, seconds of each part."""

    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 758 thousand rows, 1.2 GB (default: 0.1)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is gone (default: 3)")
    parser.add_argument("--dirty", type=float, default=0.0, help="load once more with this share of odd values")
    parser.add_argument("--only", default="", metavar="NAME", help="leave out the ways whose names do not hold this")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="teleclaude-bench-") as folder,
        running_server(os.environ, durable=True) as server,
    ):
        binaries, origin = find_binaries(os.environ)
        sample = make_data(Path(folder) / "old", given.scale)
        bench = Bench(Path(folder), sample, server.url, binaries)
        print(f"scale {given.scale}: {sample.database.stat().st_size / 1e6:.0f} MB of SQLite; server: {origin}")
        prepare(bench)
        commands = find_commands(bench)
        if given.dirty:
            make_data(bench.folder / "dirty", given.scale, given.dirty)
            commands[DIRTY] = [*_way("load_and_prove"), str(bench.folder / "dirty"), bench.target("bench")]
        if PGLOADER not in commands:
            print("pgloader is not installed, so it is left out")
        results: dict[str, Measured] = defaultdict(Measured)
        for _ in range(given.rounds):
            for name, command in commands.items():
                if given.only in name and measure(bench, command, results[name]):
                    print(f"{name}: {results[name].seconds[-1]:.1f} s", file=sys.stderr, flush=True)
        show(results)


def find_commands(bench: Bench) -> dict[str, list[str]]:
    """Return the command of every way, in the order of their turns."""
    target, old = bench.target("bench"), str(bench.folder / "old")
    psql = [str(bench.binaries / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-1", "-d", "bench", "-f"]
    commands = {
        LIMIT: [*psql, str(bench.folder / "limit.sql")],
        LIMIT_WITH_SEARCH: [*psql, str(bench.folder / "limit_with_search.sql")],
    }
    for way, (_, name) in OURS.items():
        commands[name] = [*_way(way), old, target]
    commands[COMMAND] = [*_migrate(bench, "bench"), "--root", str(bench.folder / "root")]
    if pgloader := shutil.which("pgloader"):
        commands[PGLOADER] = [pgloader, *FRUGAL, str(bench.sample.database), target]
    return commands


def _way(way: str) -> list[str]:
    return [sys.executable, "-m", "tests.bench.ways", way]


def _migrate(bench: Bench, database: str) -> list[str]:
    where = [
        "--source",
        str(bench.sample.checkout),
        "--home",
        str(bench.sample.home),
        "--person",
        "Ada",
        "--uid",
        "1000",
    ]
    return [
        sys.executable,
        "-m",
        "teleclaude",
        "migrate-to-system",
        *where,
        "--target",
        bench.target(database),
        "--yes",
    ]


def prepare(bench: Bench) -> None:
    """Migrate once, and write from that what the limit needs: schema, files of every table, keys and indexes."""
    bench.run("createdb", "prepared")
    root = bench.folder / "prepared"
    subprocess.run(
        [*_migrate(bench, "prepared"), "--root", str(root)], env=bench.environ(), check=True, capture_output=True
    )
    tables = [table.name for table in Model.metadata.sorted_tables]
    copies = [f"\\copy public.{table} FROM '{bench.folder / table}.bin' (FORMAT binary)" for table in tables]
    for table in tables:
        bench.run(
            "psql", "-q", "-d", "prepared", "-c", f"\\copy {table} TO '{bench.folder / table}.bin' (FORMAT binary)"
        )
    before, after = (bench.run("pg_dump", f"--section={part}-data", "prepared") for part in ("pre", "post"))
    plain = "\n".join(line for line in after.splitlines() if "USING gin" not in line)
    for name, keys in (("limit", plain), ("limit_with_search", after)):
        (bench.folder / f"{name}.sql").write_text("\n".join((before, *copies, keys)))
    bench.run("dropdb", "prepared")


def measure(bench: Bench, command: list[str], measured: Measured) -> bool:
    """Go a way once, into an empty database; where it fails, say so, and return that it did not get there."""
    bench.run("createdb", "bench")
    bench.run("psql", "-q", "-d", "bench", "-c", "CHECKPOINT")
    with tempfile.TemporaryFile("w+") as said:
        begun = time.monotonic()
        process = subprocess.Popen(command, env=bench.environ(), stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        measured.seconds.append(time.monotonic() - begun)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read()
    bench.run("dropdb", "--force", "bench")
    shutil.rmtree(bench.folder / "root", ignore_errors=True)
    if process.returncode:
        print(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}", file=sys.stderr, flush=True)
        measured.seconds.pop()
        return False
    measured.memory = max(measured.memory, used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))
    if output.startswith("{"):
        measured.parts = json.loads(output)
    return True


def show(results: Mapping[str, Measured]) -> None:
    """Print a table in Markdown."""
    limits = {name: limit for limit, name in OURS.values()} | {DIRTY: LIMIT}
    print("\n| way | seconds | to the limit | peak memory, MB | of which |\n|---|---|---|---|---|")
    for name, measured in results.items():
        if not measured.seconds:
            print(f"| {name} | failed | | | |")
            continue
        seconds = median(measured.seconds)
        limit = results.get(limits.get(name, LIMIT if name == LIMIT else LIMIT_WITH_SEARCH), Measured()).seconds
        ratio = f"{seconds / median(limit):.2f}" if limit else ""
        parts = ", ".join(f"{part} {spent:.1f}" for part, spent in measured.parts.items())
        print(f"| {name} | {seconds:.1f} | {ratio} | {measured.memory:.0f} | {parts} |")


if __name__ == "__main__":
    main()
