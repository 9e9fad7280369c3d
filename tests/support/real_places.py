"""Migrates as root into the real places, in a mount namespace where they are empty; prints what stands there then.

Run by `tests/migration/test_real_places.py`: real_places.py TARGET PREPARATION, in a namespace of its own.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import make_url

from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.platform import services
from tests.support.pointing import point_to
from tests.support.shell import TELECLAUDE, Stubs

SERVICE, EVA = 54321, 12345
HOME = Path("/home/eva")
REPORTS = HOME / "reports"
ACCOUNTS = f"teleclaude:x:{SERVICE}:{SERVICE}::/:/bin/false\neva:x:{EVA}:{EVA}::{HOME}:/bin/sh\n"
VICTIM = Path("/etc/victim")


def may_mount() -> bool:
    """Whether we are root and may make mount namespaces."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    mount = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode == 0


def mount_empty_places(work: Path) -> None:
    """Cover the places with empty ones, and `/etc` with a copy that knows two more accounts."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    etc = work / "etc"
    subprocess.run(["cp", "-a", "/etc", str(etc)], check=True)
    with (etc / "passwd").open("a") as file:
        file.write(ACCOUNTS)
    with (etc / "group").open("a") as file:
        file.write(f"teleclaude:x:{SERVICE}:\neva:x:{EVA}:\n")
    (etc / VICTIM.name).mkdir()
    subprocess.run(["mount", "--bind", str(etc), "/etc"], check=True)
    for place in ("/home", "/var/lib", "/usr/local/share", "/mnt"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place], check=True)
    for name, place in {"python": sys.prefix, "source": str(Path(__file__).parents[2])}.items():
        bind(Path(place), Path("/mnt", name))
    let_everyone_reach(Path(sys.base_prefix))
    for path in Path("/mnt/python").glob("lib/python*/site-packages/*.pth"):
        # The program takes no PYTHONPATH to its children; where it is a checkout, this file names the checkout.
        if path.read_text().strip() == str(Path(__file__).parents[2]):
            (work / "checkout.pth").write_text("/mnt/source\n")
            subprocess.run(["mount", "--bind", str(work / "checkout.pth"), str(path)], check=True)


def let_everyone_reach(place: Path) -> None:
    """Lay open the Python below the virtual environment, where it lies in a folder that only we may enter."""
    closed = next((parent for parent in reversed(place.parents) if not parent.stat().st_mode & stat.S_IXOTH), None)
    if closed is not None:
        bind(place, Path("/mnt/base"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(closed)], check=True)
        bind(Path("/mnt/base"), place)


def bind(place: Path, other: Path) -> None:
    """Let a folder stand at another place, too."""
    other.mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(place), str(other)], check=True)


def home_that_is_a_link_to_a_place_of_root(sample: SampleInstallation) -> None:
    """Let `~/.teleclaude` be a link to where only root may write."""
    (sample.home / ".teleclaude").rename(sample.home / "before")
    (sample.home / ".teleclaude").symlink_to(VICTIM)


def docs_place_of_the_user(_sample: SampleInstallation) -> None:
    """Let the user own a folder above the shared docs."""
    os.chown("/usr/local/share", EVA, EVA)


def docs_place_of_everyone(_sample: SampleInstallation) -> None:
    """Let everyone write to a folder above the shared docs."""
    Path("/usr/local/share").chmod(0o777)


def report_folder_of_the_user(_sample: SampleInstallation) -> None:
    """Let the folder of the run lie in the user's home, beside a journal that has a folder of root's removed."""
    planted = REPORTS / "planted"
    planted.mkdir(parents=True)
    start = {"event": "start", "run": "planted", "dry_run": False, "private": "/nowhere", "files": [], "snippets": []}
    start |= {"docs": "/nowhere", "new_directories": [str(VICTIM)]}
    (planted / "journal.jsonl").write_text(json.dumps(start) + "\n")
    subprocess.run(["chown", "-R", f"{EVA}:{EVA}", str(REPORTS)], check=True)


def state_of_the_service_user(_sample: SampleInstallation) -> None:
    """Let the service user own the folder around those of the runs."""
    Path("/var/lib/teleclaude").mkdir()
    os.chown("/var/lib/teleclaude", SERVICE, SERVICE)


def home_that_leads_there(sample: SampleInstallation) -> None:
    """Let units, agents and shells lead to the checkout; who follows the links is root, or the user."""
    point_to(sample)
    subprocess.run(["chown", "-hR", f"{EVA}:{EVA}", str(HOME)], check=True)
    unit = Path("/etc/systemd/system/teleclaude.service")
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(f"[Service]\nExecStart={sample.checkout}/bin/teleclaude-wrapper.sh\n")


def nothing(_sample: SampleInstallation) -> None:
    """Leave everything as it is."""


PREPARATIONS: dict[str, Callable[[SampleInstallation], None]] = {
    preparation.__name__: preparation
    for preparation in (
        nothing,
        home_that_is_a_link_to_a_place_of_root,
        home_that_leads_there,
        docs_place_of_the_user,
        docs_place_of_everyone,
        report_folder_of_the_user,
        state_of_the_service_user,
    )
}


def describe(path: Path) -> str:
    """Return mode and owners of what stands at a path."""
    state = path.lstat()
    return f"{stat.S_IMODE(state.st_mode):04o} {state.st_uid}:{state.st_gid}"


def everything_in(home: Path) -> dict[str, str]:
    """Return owners, modes, contents and links of everything below a home."""
    return {
        f"{path} {describe(path)}": str(path.readlink())
        if path.is_symlink()
        else path.read_bytes().hex()
        if path.is_file()
        else ""
        for path in home.rglob("*")
    }


def go_and_come_back(report: str, stubs: Stubs, password: str) -> dict[str, object]:
    """Follow the cutover and then the rollback; say what became of the home on the way."""
    folder = Path(json.loads(report)["folder"])
    # The folder of the stubs is closed to the user.
    program = Path("/mnt/bin/teleclaude")
    program.parent.mkdir()
    program.write_text(TELECLAUDE.format(source="/mnt/source", python="/mnt/python/bin/python"))
    program.chmod(0o755)
    (stubs.folder / "bin/teleclaude").unlink()
    environ = {**os.environ, "PATH": f"{program.parent}:{stubs.path}", "PGPASSWORD": password}
    outcome = []
    for name in ("cutover.sh", "rollback.txt"):
        done = subprocess.run(["sh", "-e", folder / name], capture_output=True, text=True, check=False, env=environ)
        outcome.append((done.returncode, done.stderr, everything_in(HOME)))
    (_, _, over), (_, _, back) = outcome
    return {
        "codes": [code for code, *_ in outcome],
        "errors": [said for _, said, _ in outcome],
        "over": over,
        "back": back,
    }


def main(target: str, preparation: str, work: str) -> None:
    """Prepare the places, migrate, and print what happened as JSON."""
    mount_empty_places(Path(work))
    sample = make_installation(HOME, sessions=5)
    subprocess.run(["chown", "-hR", f"{EVA}:{EVA}", str(HOME)], check=True)
    PREPARATIONS[preparation](sample)
    command = ["/mnt/python/bin/python", "-m", "teleclaude", "migrate-to-system", "--json", "--yes"]
    # The configuration knows Ada by the name of another account.
    command += ["--person", "Ada", "--uid", str(EVA), "--target", target]
    command += ["--source", str(sample.checkout), "--home", str(sample.home)]
    command += ["--report-dir", str(REPORTS)] if REPORTS.exists() else []
    stubs = Stubs(Path(work) / "stubs")
    stubs.answer("is-enabled", "teleclaude.service", "enabled")
    stubs.answer("cat", "teleclaude-system.service")
    before = everything_in(HOME)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    bind(stubs.folder / "bin", Path(services.PROGRAMS.split(":")[0]))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    places = ("/etc/teleclaude", "/usr/local/share/teleclaude", str(sample.home / ".teleclaude"), str(VICTIM))
    found = {
        str(path): describe(path)
        for place in places
        for path in (Path(place), *Path(place).rglob("*"))
        if path.exists()
    }
    result = {"exit": done.returncode, "report": done.stdout, "said": done.stderr, "found": found}
    if PREPARATIONS[preparation] is home_that_leads_there:
        result |= {"before": before, **go_and_come_back(done.stdout, stubs, make_url(target).password or "")}
        result["told"] = stubs.said
        result["left"] = [place for place in places[:2] if Path(place, "config.yml").exists()]
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
