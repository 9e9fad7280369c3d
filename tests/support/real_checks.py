"""Checks an installation in the real places as root, in a mount namespace, with some faults at a time.

Run by `tests/checks/test_real_places.py`: real_checks.py TARGET WORK, in a namespace of its own. Prints what was found.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from teleclaude.demo.installation import make_installation
from tests.support.real_places import EVA, HOME, SERVICE, mount_empty_places

PYTHON = Path("/mnt/python/bin/python")
CONFIG, SECRETS = Path("/etc/teleclaude/config.yml"), Path("/etc/teleclaude/secrets.yml")
STATE, LOGS, RUN = Path("/var/lib/teleclaude"), Path("/var/log/teleclaude"), Path("/run/teleclaude")


def teleclaude(*arguments: str, **identity: Any) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "teleclaude", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **identity)


@contextmanager
def daemon() -> Iterator[None]:
    """Run the daemon as the service manager would."""
    environ = {"PATH": os.environ["PATH"]}
    command = [str(PYTHON), "-m", "teleclaude", "daemon"]
    process = subprocess.Popen(command, env=environ, cwd="/", user=SERVICE, group=SERVICE, extra_groups=[])
    try:
        until = time.monotonic() + 30
        while not (RUN / "teleclaude.sock").exists() and time.monotonic() < until:
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def owned(path: Path, user: int, group: int, mode: int) -> Iterator[None]:
    before = path.stat()
    os.chown(path, user, group)
    path.chmod(mode)
    yield
    os.chown(path, before.st_uid, before.st_gid)
    path.chmod(before.st_mode)


@contextmanager
def full_disk() -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=20m,mode=1770,gid={SERVICE}", "tmpfs", str(STATE)], check=True)
    yield
    subprocess.run(["umount", str(STATE)], check=True)


@contextmanager
def hidden_program() -> Iterator[None]:
    Path("/mnt").chmod(0o700)
    yield
    Path("/mnt").chmod(0o755)


FAULTS: dict[str, Sequence[Callable[[], Any]]] = {
    "nothing": (),
    "files": (
        lambda: owned(SECRETS, 0, 0, 0o600),
        lambda: owned(CONFIG, EVA, EVA, 0o644),
        lambda: owned(RUN, 0, 0, 0o755),
        lambda: owned(STATE, SERVICE, SERVICE, 0o750),
    ),
    "folder and disk": (lambda: owned(CONFIG.parent, EVA, EVA, 0o755), full_disk),
    "hidden program": (hidden_program,),
}
"""What is wrong at once: as much as the self-check tells apart, for it takes long to start."""


def check(**identity: Any) -> dict[str, Any]:
    done = teleclaude("self-check", "--json", **identity)
    return {"exit": done.returncode, "said": done.stderr, "checks": json.loads(done.stdout)["checks"]}


def main(target: str, work: str) -> None:
    """Install, migrate, and check with the faults."""
    mount_empty_places(Path(work))
    for covered in ("/run", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", covered], check=True)
    for place, owner, mode in ((STATE, 0, 0o1770), (LOGS, SERVICE, 0o750), (RUN, SERVICE, 0o755)):
        place.mkdir()
        os.chown(place, owner, SERVICE)
        place.chmod(mode)
    sample = make_installation(HOME, sessions=5)
    subprocess.run(["chown", "-hR", f"{EVA}:{EVA}", str(HOME)], check=True)
    # The configuration knows Ada by the name of another account.
    where = ["--uid", str(EVA), "--source", str(sample.checkout), "--home", str(sample.home), "--target", target]
    migrated = teleclaude("migrate-to-system", "--json", "--yes", "--person", "Ada", *where)
    assert migrated.returncode == 0, migrated.stdout
    found = {}
    for name, faults in FAULTS.items():
        with ExitStack() as planted:
            for fault in faults:
                planted.enter_context(fault())
            found[name] = check()
    with daemon():
        found["running"] = check()
    found["as_eva"] = check(user=EVA, group=EVA, extra_groups=[])
    upgraded = teleclaude("upgrade")
    print(json.dumps({"found": found, "upgrade": [upgraded.returncode, upgraded.stdout, upgraded.stderr]}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
