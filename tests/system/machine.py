"""A Debian of our own, booted in a container: made by debootstrap, run by systemd-nspawn without a network."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

CHECKOUT = Path(__file__).parents[2]

CACHE = Path(os.environ.get("TELECLAUDE_SYSTEM_TEST_CACHE", "/var/tmp/teleclaude-system-test"))

PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv", "postgresql", "busybox-static")

TOOLS = ("debootstrap", "systemd-nspawn", "unshare", "nsenter")

KEPT_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

POWER_OFF = signal.SIGRTMIN + 4
"""Tells systemd to power off (systemd(1), signals)."""


def why_not() -> str | None:
    """Return why no machine can be booted here, None where one can."""
    if sys.platform != "linux" or not Path("/etc/debian_version").exists():
        return "a booted container needs Debian"
    if os.geteuid() != 0:
        return "a booted container needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} missing: apt install debootstrap systemd-container"
    if release()["ID"] != "debian" or find_mirror() is None:
        return "the sources of apt name no mirror of this Debian"
    return None


def release() -> dict[str, str]:
    """Return what the system says of itself."""
    pairs = (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    return {name: value.strip('"') for name, _, value in pairs}


def find_mirror() -> str | None:
    """Return where apt takes this system's release from, in either of the formats of sources.list(5)."""
    suite = re.escape(release().get("VERSION_CODENAME", "unknown"))
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        text = path.read_text() if path.is_file() else ""
        if found := re.search(rf"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+{suite}\s", text, re.M):
            return found[1]
        for entry in re.split(r"\n\s*\n", text):
            place = re.search(r"^URIs:\s*(\S+)", entry, re.M)
            if place and re.search(rf"^Suites:.*(?<!\S){suite}(?!\S)", entry, re.M):
                return place[1]
    return None


def make_base() -> Path:
    """Return the root of a fresh Debian with PostgreSQL and Python, made once and kept in the cache."""
    suite, mirror = release()["VERSION_CODENAME"], find_mirror()
    assert mirror is not None
    base = CACHE / f"{suite}-{crc32(' '.join(PACKAGES).encode()):08x}"
    if not base.exists():
        unfinished = base.with_suffix(".unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            suite,
            str(unfinished),
            mirror,
        ]
        subprocess.run(command, check=True, stdout=sys.stderr)
        unfinished.rename(base)
    return base


def collect_wheels(base: Path) -> Path:
    """Return a directory with the wheels that the locks name, for the Python of the Debian, kept in the cache."""
    locks = [CHECKOUT / f"requirements-{name}.lock" for name in ("system", "build")]
    wheels = CACHE / f"wheels-{crc32(b''.join(lock.read_bytes() for lock in locks)):08x}"
    if not wheels.exists():
        unfinished = wheels.with_suffix(".unfinished")
        version = re.fullmatch(r"python(3\.\d+)", (base / "usr/bin/python3").readlink().name)
        assert version is not None
        # Wheels of the machine's own architecture; musl and other systems' are of no use in a Debian.
        platforms = [f"manylinux_2_{minor}_{os.uname().machine}" for minor in (36, 34, 31, 28, 27, 26, 24, 17, 12, 5)]
        platforms += [f"manylinux{year}_{os.uname().machine}" for year in (2014, 2010, 1)]
        command = [*find_pip(), "download", "--quiet", "--require-hashes", "--dest", str(unfinished)]
        command += [word for lock in locks for word in ("--requirement", str(lock))]
        command += ["--only-binary=:all:", "--python-version", version[1]]
        subprocess.run([*command, *(word for name in platforms for word in ("--platform", name))], check=True)
        unfinished.rename(wheels)
    return wheels


def find_pip() -> list[str]:
    """Return a command that is pip; an environment that uv has made brings none."""
    for python in (sys.executable, "python3"):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip"]
    raise RuntimeError("there is no pip to download the wheels with: apt install python3-pip")


@dataclass(frozen=True)
class Machine:
    """A booted container."""

    root: Path
    """Its root directory, as it is seen from outside."""
    nspawn: subprocess.Popen[bytes]

    @property
    def leader(self) -> int:
        """Its first process, as it is numbered outside; after a restart another one."""
        return find_leader(self.nspawn)

    def wait_until_booted(self) -> None:
        """Wait until its services run."""
        self.wait("test", "-S", "/run/systemd/private")
        self.run("systemctl", "is-system-running", "--wait", ok=False)
        self.wait("pg_isready", "--quiet")

    def restart(self) -> None:
        """Boot again."""
        before = self.leader
        self.run("systemctl", "reboot", ok=False)
        until = time.monotonic() + 120
        while Path(f"/proc/{before}").exists():
            assert time.monotonic() < until, "the container does not stop; see its console"
            time.sleep(0.2)
        self.wait_until_booted()

    def run(self, *command: str, user: str | None = None, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as root or as another user of it; a failure is an AssertionError."""
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root")
        words = ["nsenter", f"--target={self.leader}", *spaces, "--", "sh", "-c", 'cd / && exec "$@"', "sh"]
        if user is not None:
            words += ["su", "-s", "/bin/sh", user, "-c", 'exec "$@"', "--", "sh"]
        done = subprocess.run(
            [*words, *command],
            env=KEPT_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not ok, f"{shlex.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def sql(self, statement: str, database: str = "teleclaude") -> list[str]:
        """Return the lines that the server answers to its superuser."""
        return self.run("psql", "-XAtd", database, "-c", statement, user="postgres").stdout.splitlines()

    def wait(self, *command: str, user: str | None = None, seconds: float = 60) -> None:
        """Wait until a command succeeds; raises AssertionError with what it said last."""
        until = time.monotonic() + seconds
        while (done := self.run(*command, user=user, ok=False)).returncode:
            assert time.monotonic() < until, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
            time.sleep(0.2)


@contextmanager
def booted(work: Path) -> Iterator[Machine]:
    """Boot a copy of the Debian below `work` for as long as the context lasts; its log is `work`/console."""
    root = work / "root"
    subprocess.run(["cp", "-a", make_base(), root], check=True)
    command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot"]
    command += [f"--directory={root}", f"--machine=teleclaude-{os.getpid()}", "--console=passive"]
    # nspawn leaves its marks in /run, which is nobody else's business. It ends with 133 to be started again.
    again = f"{shlex.join(command)}; while [ $? = 133 ]; do {shlex.join(command)}; done"
    script = f"mount -t tmpfs tmpfs /run && {{ {again}; }}"
    with (work / "console").open("wb") as console:
        shell = ["unshare", "--mount", "sh", "-c", script]
        nspawn = subprocess.Popen(
            shell, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )
    try:
        machine = Machine(root, nspawn)
        machine.wait_until_booted()
        yield machine
    finally:
        end(nspawn)
        shutil.rmtree(root, ignore_errors=True)


def find_leader(nspawn: subprocess.Popen[bytes], seconds: float = 60) -> int:
    """Return the process below nspawn that is the first in its own space."""
    until = time.monotonic() + seconds
    while nspawn.poll() is None and time.monotonic() < until:
        if (leader := first_of_its_space(nspawn.pid)) is not None:
            return leader
        time.sleep(0.1)
    raise AssertionError("the container does not boot; see its console")


def first_of_its_space(pid: int) -> int | None:
    """Return the systemd below a process that is number 1 for itself, None where there is none."""
    # Processes come and go while we look.
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in descendants(pid):
            status = Path(f"/proc/{child}/status").read_text()
            if status.startswith("Name:\tsystemd\n") and re.search(r"^NSpid:\t\d+\t1$", status, re.M):
                return child
    return None


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes below one."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def end(nspawn: subprocess.Popen[bytes]) -> None:
    """Power the container off, and wait for it."""
    if (leader := first_of_its_space(nspawn.pid)) is not None:
        os.kill(leader, POWER_OFF)
    try:
        nspawn.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(nspawn.pid, signal.SIGKILL)
        nspawn.wait()


def copy_checkout(to: Path, names: Sequence[str]) -> None:
    """Copy what an installation needs of the checkout."""
    to.mkdir(parents=True)
    for name in names:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to / name)
