"""Every fault is reached from facts: those of an installation in the real places, with one thing changed."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleclaude.checks import (
    database,
    disk,
    layers,
    libraries,
    lock,
    migration,
    places,
    schema,
    service,
    sessions,
    socket,
    user,
)
from teleclaude.checks.facts import (
    Account,
    DatabaseFacts,
    Disk,
    Facts,
    Holder,
    Kind,
    Layer,
    Libraries,
    PathFacts,
    Setting,
    SocketFacts,
)
from teleclaude.checks.result import Fault, State
from teleclaude.checks.table import CHECKS, judge
from teleclaude.errors import Problem
from teleclaude.layout import make_layout
from teleclaude.platform.names import LINUX, UnitState

SERVICE = Account("teleclaude", 990, 990)
EVA = Account("eva", 1000, 1000)
LAYOUT = make_layout("linux")


def place(path: Path, kind: Kind, mode: int, owner: Account, group: Account) -> PathFacts:
    return PathFacts(path, kind, mode, owner.uid, group.gid, owner.name, group.name, readable=True, writable=True)


ROOT = Account("root", 0, 0)
WELL = Facts(
    setting=Setting(LAYOUT, "linux", SERVICE, SERVICE),
    system=Layer(place(LAYOUT.system_config, Kind.FILE, 0o644, ROOT, ROOT)),
    secrets=Layer(place(LAYOUT.secrets, Kind.FILE, 0o640, ROOT, SERVICE)),
    users=((EVA, Layer(place(Path("/home/eva/.teleclaude/config.yml"), Kind.FILE, 0o600, EVA, EVA))),),
    together=None,
    state=place(LAYOUT.state, Kind.FOLDER, 0o1770, ROOT, SERVICE),
    logs=place(LAYOUT.logs, Kind.FOLDER, 0o750, SERVICE, SERVICE),
    docs=place(LAYOUT.docs, Kind.FOLDER, 0o755, ROOT, ROOT),
    socket_folder=place(LAYOUT.socket.parent, Kind.FOLDER, 0o755, SERVICE, SERVICE),
    people=("Eva",),
    libraries=Libraries(frozenset({"a 1"}), frozenset({"a 1"})),
    database=DatabaseFacts(
        address="postgresql://teleclaude:***@db.example.org/teleclaude",
        version=170002,
        encoding="UTF8",
        standby=False,
        name="teleclaude",
        role="teleclaude",
        may_create=True,
        forbidden=(),
        tls="TLSv1.3",
        sslmode="verify-full",
        on_this_computer=False,
        data=None,
        revision="0001",
        head="0001",
        can_upgrade=True,
        holder=Holder(77, "teleclaude"),
        pending=(),
        complete=("the-run",),
        owners={"Eva": 3},
    ),
    socket=SocketFacts(place(LAYOUT.socket, Kind.SOCKET, 0o666, SERVICE, SERVICE), answers=True),
    service=UnitState("loaded", "enabled", "active", "success"),
    listed=3,
    disks={"state": Disk(LAYOUT.state, 1 << 40)},
)


def of(name: str, **changes: Any) -> Callable[[Facts], Facts]:
    """Change fields of a part of the facts."""
    return lambda facts: replace(facts, **{name: replace(getattr(facts, name), **changes)})


def file(name: str, **changes: Any) -> Callable[[Facts], Facts]:
    """Change what is at the place of a layer or the socket."""
    return lambda facts: of(name, file=replace(getattr(facts, name).file, **changes))(facts)


def put(**changes: Any) -> Callable[[Facts], Facts]:
    """Put other parts into the facts."""
    return lambda facts: replace(facts, **changes)


def of_user(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda facts: put(users=((EVA, Layer(replace(facts.users[0][1].file, **changes))),))(facts)


def stopped(facts: Facts) -> Facts:
    return of("service", active="inactive")(facts)


NOBODY = Problem("nobody answers", "wait")
FAULTS: tuple[tuple[Fault, Callable[[Facts], Facts]], ...] = (
    (user.NO_SERVICE_USER, of("setting", service=None)),
    (user.ANOTHER_CALLER, of("setting", caller=EVA)),
    (libraries.BESIDE, put(libraries=Libraries(frozenset({"a 1", "pip 23.0.1"}), frozenset({"a 1"})))),
    (libraries.LACKING, put(libraries=Libraries(frozenset({"a 1"}), frozenset({"a 1", "b 2"})))),
    (layers.MISSING, file("secrets", kind=Kind.MISSING)),
    (layers.NOT_A_FILE, file("system", kind=Kind.FOLDER)),
    (layers.HIDDEN, lambda facts: file("secrets", kind=Kind.HIDDEN)(of("setting", caller=EVA)(facts))),
    (layers.NOT_REACHED, file("secrets", kind=Kind.HIDDEN)),
    (layers.WRONG_OWNER, file("system", uid=1000, owner="eva")),
    (layers.WRONG_OWNER, of_user(uid=990, owner="teleclaude")),
    (layers.WRONG_MODE, file("secrets", mode=0o644)),
    (layers.WRONG_MODE, file("system", mode=0o664)),
    (layers.WRONG_MODE, of_user(mode=0o644)),
    (layers.WRONG_GROUP, file("secrets", gid=4, group="adm")),
    (layers.UNSAFE_FOLDER, file("system", unsafe=Path("/etc/teleclaude"))),
    (layers.UNREADABLE, file("secrets", readable=False)),
    (layers.NOT_OURS, lambda facts: file("secrets", readable=False)(of("setting", caller=EVA)(facts))),
    (layers.PERSONAL, of_user(readable=False)),
    (layers.PERSONAL, of_user(kind=Kind.HIDDEN)),
    (layers.BROKEN, of("system", problem=Problem("line 3 is broken", "fix it"))),
    (layers.BROKEN, put(together=Problem("people.1.role does not fit", "correct these keys there"))),
    (layers.DOUBLED, put(doubled=("redis.password",))),
    (layers.NOT_COMBINED, lambda facts: put(together=NOBODY)(file("secrets", readable=False)(facts))),
    (places.MISSING, of("logs", kind=Kind.MISSING)),
    (places.MISSING, of("state", kind=Kind.MISSING)),
    (places.NO_DOCS, of("docs", kind=Kind.MISSING)),
    (
        places.NOT_MADE,
        lambda facts: of("logs", kind=Kind.MISSING)(
            of("setting", layout=make_layout("linux", Path("/tmp/trial")))(facts)
        ),
    ),
    (places.NO_SOCKET_FOLDER, of("socket_folder", kind=Kind.MISSING)),
    (layers.HIDDEN, lambda facts: of("state", kind=Kind.HIDDEN)(of("setting", caller=EVA)(facts))),
    (layers.NOT_REACHED, of("state", kind=Kind.HIDDEN)),
    (places.NOT_A_FOLDER, of("state", kind=Kind.FILE)),
    (places.WRONG_OWNER, of("logs", uid=1000, owner="eva")),
    (places.NOT_ROOTS, of("state", uid=990, owner="teleclaude", unsafe=LAYOUT.state)),
    (places.WRONG_MODE, of("socket_folder", mode=0o777)),
    (places.UNSAFE_FOLDER, of("docs", unsafe=Path("/usr/local/share"))),
    (places.TOO_OPEN, of("state", mode=0o1775)),
    (places.TOO_OPEN, of("logs", mode=0o755)),
    (places.TOO_CLOSED, of("socket_folder", mode=0o700)),
    (places.NOT_WRITABLE, of("socket_folder", writable=False)),
    (database.UNREACHABLE, put(database=NOBODY)),
    (database.UNKNOWN, put(database=NOBODY, together=NOBODY)),
    (database.TOO_OLD, of("database", version=140010)),
    (database.TOO_NEW, of("database", version=190000)),
    (database.STANDBY, of("database", standby=True)),
    (database.ENCODING, of("database", encoding="LATIN1")),
    (database.MAY_NOT_CREATE, of("database", may_create=False)),
    (database.FORBIDDEN, of("database", forbidden=("sessions",))),
    (database.NO_TLS, of("database", tls="")),
    (schema.NOT_ASKED, put(database=NOBODY)),
    (schema.EMPTY, of("database", revision=None, can_upgrade=False, owners=None, is_empty=True)),
    (schema.NO_SCHEMA, of("database", revision=None, can_upgrade=False, owners=None)),
    (schema.BEHIND, of("database", head="0002")),
    (schema.AHEAD, of("database", revision="0002", can_upgrade=False)),
    (lock.HELD_BY_OTHERS, lambda facts: of("socket", answers=False)(stopped(facts))),
    (lock.HOLDER_SILENT, of("socket", answers=False)),
    (lock.NOT_HELD, of("database", holder=None)),
    (migration.PENDING, of("database", pending=("the-run",))),
    (socket.NO_SOCKET, lambda facts: file("socket", kind=Kind.MISSING)(stopped(facts))),
    (socket.LOST, file("socket", kind=Kind.MISSING)),
    (socket.NO_ANSWER, lambda facts: of("socket", answers=False, said="connection refused")(stopped(facts))),
    (socket.SILENT, of("socket", answers=False, said="it said nothing for 5 seconds")),
    (socket.NO_SOCKET_FILE, file("socket", kind=Kind.FILE)),
    (socket.NOT_ALLOWED, lambda facts: of("socket", answers=False)(file("socket", writable=False)(facts))),
    (socket.NOT_ALLOWED, lambda facts: of("socket", answers=False)(of("setting", caller=EVA)(facts))),
    (socket.NOT_ALLOWED, file("socket", kind=Kind.HIDDEN)),
    (socket.STRANGE_SOCKET, file("socket", uid=1000, owner="eva")),
    (service.NO_MANAGER, put(service=Problem("there is no systemctl here"))),
    (service.NOT_INSTALLED, of("service", load="not-found")),
    (service.NOT_LOADED, of("service", load="masked")),
    (service.STALE, of("service", stale=True)),
    (service.NOT_ENABLED, of("service", enabled="disabled")),
    (service.FAILED, of("service", active="failed")),
    (service.FAILED, of("service", active="activating", result="exit-code")),
    (service.STARTING, of("service", active="activating")),
    (service.NOT_ACTIVE, of("service", active="inactive")),
    (service.OLD_UNIT, put(old_units=((LINUX.old, UnitState("loaded", "enabled", "inactive", at_boot=True)),))),
    (disk.FULL, put(disks={"state": Disk(LAYOUT.state, 1 << 20)})),
    (disk.LOW, put(disks={"state": Disk(LAYOUT.state, 100 << 20)})),
    (disk.NOT_MEASURED, put(disks={"data": NOBODY})),
    (sessions.EMPTY, of("database", owners={})),
    (sessions.FOREIGN, of("database", owners={"Mallory": 3})),
    (sessions.LISTS_OTHERS, put(listed=2)),
    (sessions.NOT_LISTED, put(listed=NOBODY)),
)


def pattern(template: str) -> str:
    """Return what a sentence looks like when its words are filled in."""
    return ".+".join(re.escape(part) for part in re.split(r"\{\w+\}", template)) if template else ""


def test_nothing_is_wrong_with_an_installation_that_is_well() -> None:
    assert {leaf.state for result in judge(WELL) for leaf in result.leaves()} == {State.PASS}


@pytest.mark.parametrize(("fault", "change"), FAULTS, ids=[fault.problem.message[:40] for fault, _ in FAULTS])
def test_a_fault_is_found_and_its_sentence_and_remedy_are_filled_in(
    fault: Fault, change: Callable[[Facts], Facts]
) -> None:
    wrong = [leaf for result in judge(change(WELL)) for leaf in result.leaves() if leaf.state is not State.PASS]
    said = [
        leaf
        for leaf in wrong
        if leaf.state is fault.state
        and re.fullmatch(pattern(fault.problem.message), leaf.problem.message)
        and (re.fullmatch(pattern(fault.problem.hint).replace(".+", ".*"), leaf.problem.hint))
    ]
    assert said, wrong
    assert all("{" not in leaf.problem.message + leaf.problem.hint for leaf in wrong)


TRIAL = replace(WELL, setting=Setting(make_layout("linux", Path("/tmp/trial")), "linux", EVA, SERVICE))
OF_THE_SERVICE = next(check.faults for check in CHECKS if check.name == "service")
ONLY_OF_THE_SYSTEM = {layers.UNSAFE_FOLDER, places.UNSAFE_FOLDER, places.NOT_ROOTS, *OF_THE_SERVICE}
"""A trial has no service, and its folders are the caller's."""


@pytest.mark.parametrize(
    ("fault", "change"),
    [found for found in FAULTS if found[0] not in ONLY_OF_THE_SYSTEM],
    ids=[fault.problem.message[:40] for fault, _ in FAULTS if fault not in ONLY_OF_THE_SYSTEM],
)
def test_each_remedy_for_a_trial_is_about_the_trial(fault: Fault, change: Callable[[Facts], Facts]) -> None:
    leaves = (leaf for result in judge(change(TRIAL)) if result.name != "service" for leaf in result.leaves())
    for remedy in (leaf.problem.hint for leaf in leaves):
        for command in re.findall(r"(?:teleclaude (?:self-check|upgrade|daemon|migrate)|install-system.sh).*", remedy):
            assert " --root /tmp/trial" in command, fault
        assert re.findall(r"sudo (?!teleclaude self-check)|-o teleclaude", remedy) == [], fault


def test_every_fault_is_tried() -> None:
    listed = {fault for check in CHECKS for fault in check.faults}
    # This one is met by root alone, in the real places.
    assert listed - {fault for fault, _ in FAULTS} == {user.CANNOT_RUN}
