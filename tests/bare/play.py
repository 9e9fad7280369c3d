"""The two commands of README on a bare Debian, in a chroot of its own: `./run bare-test [SUITE ...] [-- PYTEST ...]`.

As root, in a folder that only root enters, and as an ordinary user; first without Python's venv, which neither may be
installed unasked. What each said is kept, and named at the end.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.system.machine import CHECKOUT, KEPT_ENVIRONMENT, find_mirror, release

CACHE = Path(os.environ.get("TELECLAUDE_BARE_TEST_CACHE", "/var/tmp/teleclaude-bare-test"))
SUITES = ("bookworm", "trixie")
TOOLS = ("debootstrap", "unshare", "chroot")
FIRST_LINE_SECONDS = 1.0
PASSED_ON = re.compile(r"PIP_\w+|(?i:https?|no|all)_(?i:proxy)")
"""Where the registries are is the machine's to say."""
ENTER = """
mount --bind "$1" "$1"
cd "$1" && user=$2 && shift 2
mount -t proc proc proc && mount --rbind /dev dev
[ ! -d read-only ] || { mount --bind root/checkout read-only && mount -o remount,bind,ro read-only; }
exec chroot . su --preserve-environment --shell /bin/sh "$user" -c "$*"
"""


def why_not() -> str | None:
    """Return why no Debian can be made here, None where one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a bare Debian is made by root, on Linux"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(missing)} missing: apt install debootstrap" if missing else None


def make_bare(suite: str) -> Path:
    """Return the root of the smallest Debian, made once and kept in the cache."""
    bare = CACHE / suite
    if not bare.exists():
        unfinished = bare.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        mirror = (release()["ID"] == "debian" and find_mirror()) or "http://deb.debian.org/debian"
        command = ["debootstrap", "--variant=minbase", suite, str(unfinished), mirror]
        subprocess.run(command, check=True, stdout=sys.stderr)
        unfinished.rename(bare)
    return bare


@dataclass
class Bare:
    """A copy of a bare Debian, and what went wrong in it."""

    suite: str
    root: Path
    logs: Path
    failures: list[str] = field(default_factory=list)

    def play(self, user: str, command: str, *, ends: int = 0) -> str:
        """Run a command as a user, say how it went, and return what it printed."""
        home = "/root" if user == "root" else f"/home/{user}"
        passed_on = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
        environ = {**KEPT_ENVIRONMENT, **passed_on, "HOME": home, "USER": user, "DEBIAN_FRONTEND": "noninteractive"}
        spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-e", "-c", ENTER, "sh"]
        begun = time.monotonic()
        with subprocess.Popen(
            [*spaces, str(self.root), user, command],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            waited = time.monotonic() - begun
            said = first + process.stdout.read()
        log = self.logs / f"{self.suite}-{user}-{re.sub(r'[^a-z]+', '-', command)[:60].strip('-')}.log"
        log.write_text(said)
        wrong = "" if process.returncode == ends else f"ended with {process.returncode}, not {ends}"
        if command.startswith("cd") and waited > FIRST_LINE_SECONDS:
            wrong += f" first line after {waited:.1f} s"
        if wrong:
            self.failures.append(f"{self.suite} {user}: {command}: {wrong.strip()}; see {log}")
        took = time.monotonic() - begun
        say(f"{self.suite} {user}: {command}: {wrong.strip() or 'as it should'}, {took:.0f} s")
        return said

    def play_all(self, pytest: list[str]) -> None:
        """Play what README promises."""
        demo, test = "./run demo", shlex.join(["./run", "test", *pytest])
        self.play("ada", f"cd ~/checkout && {demo}", ends=1)
        said = self.play("root", f"cd ~/checkout && {demo}", ends=1)
        self.play("root", said.splitlines()[-1].strip())
        for user in ("root", "ada"):
            self.play(user, f"cd ~/checkout && {demo}")
            for line in self.play(user, f"cd ~/checkout && {test}").splitlines():
                if re.match(r"SKIPPED|FAILED|ERROR|\d+ (passed|failed)", line):
                    say(f"    {line}")
        # Where the checkout cannot be written, the environment is in root's own folder.
        (self.root / "read-only").mkdir()
        self.play("root", f"cd /read-only && {demo}")


@contextmanager
def bare_debian(suite: str, logs: Path) -> Iterator[Bare]:
    """Copy a bare Debian with a checkout for root and one for Ada, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix=f"{suite}-", dir=CACHE) as folder:
        root = Path(folder) / "root"
        subprocess.run(["cp", "-a", make_bare(suite), root], check=True)
        bare = Bare(suite, root, logs)
        tell_of_registries(root)
        subprocess.run(["chroot", root, "useradd", "--create-home", "ada"], check=True)
        ada = (root / "home/ada").stat()
        (root / "root").chmod(0o700)
        for home, owner in ((root / "root", (0, 0)), (root / "home/ada", (ada.st_uid, ada.st_gid))):
            left = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
            shutil.copytree(CHECKOUT, home / "checkout", symlinks=True, ignore=left)
            for path in (home / "checkout", *(home / "checkout").rglob("*")):
                os.chown(path, *owner, follow_symlinks=False)
        yield bare


def tell_of_registries(root: Path) -> None:
    """Let apt and pip find in a root what they find outside: names, proxies, certificates."""
    for path in map(Path, ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")):
        if path.exists():
            shutil.copyfile(path, root / path.relative_to("/"))
    certificates = Path("usr/local/share/ca-certificates")
    if (Path("/") / certificates).is_dir():
        shutil.copytree(Path("/") / certificates, root / certificates, dirs_exist_ok=True)
    if shutil.which("apt-config"):
        dumped = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout
        (root / "etc/apt/apt.conf.d/99outside").write_text(dumped)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words: list[str]) -> int:
    """Play on each Debian that is asked for; return 0 where everything went as it should."""
    if (reason := why_not()) is not None:
        say(f"bare-test: {reason}")
        return 3
    at = words.index("--") if "--" in words else len(words)
    logs = Path(tempfile.mkdtemp(prefix="teleclaude-bare-test-"))
    failures = []
    for suite in words[:at] or SUITES:
        make_bare(suite)
        with bare_debian(suite, logs) as bare:
            bare.play_all(words[at + 1 :])
        failures += bare.failures
    say("\n".join(failures) or f"everything went as it should; what was said is in {logs}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
