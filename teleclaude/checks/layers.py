"""Judges the configuration: every file of it, and what they are together. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from teleclaude.checks.facts import Account, Facts, Kind, Layer, PathFacts, UserLayer
from teleclaude.checks.result import Fault, Result, State, passed, whole

MISSING = Fault(
    State.FAILURE,
    "{path} is missing",
    "restore it; where there never was one, {sudo}teleclaude migrate-to-system{below} makes it from a single-user "
    "installation, and {sudo}bin/install-system.sh --fresh{below} without one",
)
NOT_A_FILE = Fault(State.FAILURE, "{path} is {kind} and not a file", "move it away and restore the file")
HIDDEN = Fault(State.SKIPPED, "{path} cannot be seen by {caller}", "sudo teleclaude self-check")
BARRED = Fault(
    State.FAILURE,
    "{path} cannot be reached by {reader}, as whom the daemon runs",
    "{sudo}namei -l {path} shows the folders on the way, and {sudo}chmod a+x lets everybody through one",
)
WRONG_OWNER = Fault(State.FAILURE, "{path} belongs to {owner} and not to {wanted}", "{sudo}chown {wanted} {path}")
WRONG_MODE = Fault(
    State.FAILURE,
    "{path} has the mode {mode}, which lets others do more than {allowed}",
    "{sudo}chmod {allowed} {path}",
)
WRONG_GROUP = Fault(
    State.FAILURE,
    "the group {group} can read {path}, which only {reader} has to",
    "{sudo}chown {keeper}:{reader} {path}",
)
OPEN_DOOR = Fault(
    State.FAILURE,
    "{door} can be changed by others than {keeper}, and so can {path} below it",
    "sudo chown root {door} && sudo chmod go-w {door}",
)
UNREADABLE = Fault(
    State.FAILURE,
    "{path} cannot be read by {reader}, as whom the daemon runs",
    "{sudo}chown {keeper}:{reader} {path} && {sudo}chmod u+r,g+r {path}",
)
NOT_OURS = Fault(State.SKIPPED, "{path} cannot be read by {caller}, and need not be", "sudo teleclaude self-check")
PERSONAL = Fault(
    State.SKIPPED,
    "{path} cannot be read by {caller}, and need not be",
    "to have it checked, as {wanted}: teleclaude self-check{below}",
)
BROKEN = Fault(State.FAILURE, "{message}", "{hint}, then: {sudo}teleclaude self-check{below}")
TOGETHER = Fault(State.FAILURE, "{message}", "{hint}, then: {sudo}teleclaude self-check{below}")
APART = Fault(
    State.SKIPPED,
    "the layers were not read together, because not every one of them could be read",
    "see to the layers first, then: {sudo}teleclaude self-check{below}",
)

FAULTS = (
    MISSING,
    NOT_A_FILE,
    HIDDEN,
    BARRED,
    WRONG_OWNER,
    WRONG_MODE,
    WRONG_GROUP,
    OPEN_DOOR,
    UNREADABLE,
    NOT_OURS,
    PERSONAL,
    BROKEN,
    TOGETHER,
    APART,
)

SYSTEM_MODE, SECRETS_MODE, USER_MODE = 0o644, 0o640, 0o600


def judge(facts: Facts) -> Result:
    """Every configuration file exists, is whose it should be, and parses; together they are valid."""
    keeper = facts.setting.keeper
    files = (
        _judge_file("system", facts, facts.system, keeper, SYSTEM_MODE),
        _judge_file("secrets", facts, facts.secrets, keeper, SECRETS_MODE),
    )
    users = [_judge_user(facts, user) for user in facts.users]
    return whole("layers", (*files, *users, _judge_together(facts, files)))


def _judge_together(facts: Facts, files: tuple[Result, ...]) -> Result:
    if any(file.state is not State.PASS for file in files) and facts.together is not None:
        return APART.found("together", facts.setting.words)
    if facts.together is not None:
        return TOGETHER.found("together", facts.setting.words, **vars(facts.together))
    return passed("together", f"the configuration is valid, {len(facts.people)} people")


def _judge_user(facts: Facts, user: UserLayer) -> Result:
    name = f"user {user.account.name}"
    if user.layer.file.kind is Kind.MISSING:
        return passed(name, "has no file, and needs none")
    return _judge_file(name, facts, user.layer, user.account, USER_MODE)


def _judge_file(name: str, facts: Facts, layer: Layer, owner: Account, allowed: int) -> Result:
    fault = next(_find_faults(facts, layer, owner, allowed), None)
    if fault is None:
        return passed(name, layer.file.shown)
    file, problem = layer.file, layer.problem
    more = {"path": file.path, "kind": file.kind, "owner": file.owner, "group": file.group, "door": file.door}
    if problem is not None:
        more |= {"message": problem.message, "hint": problem.hint}
    modes = {"mode": f"{file.mode:04o}", "allowed": f"{allowed:04o}"}
    return fault.found(name, facts.setting.words, caller=facts.setting.caller.name, wanted=owner.name, **more, **modes)


def _find_faults(facts: Facts, layer: Layer, owner: Account, allowed: int) -> Iterator[Fault]:
    file, setting = layer.file, facts.setting
    # What is a person's own the daemon need not read.
    personal = allowed == USER_MODE
    needed = setting.sees_as_daemon and not personal
    if file.kind is Kind.HIDDEN:
        yield BARRED if needed else PERSONAL if personal else HIDDEN
        return
    if file.kind is not Kind.FILE:
        yield MISSING if file.kind is Kind.MISSING else NOT_A_FILE
        return
    if file.uid not in {owner.uid, setting.keeper.uid}:
        yield WRONG_OWNER
    if file.mode & ~allowed:
        yield WRONG_MODE
    if allowed == SECRETS_MODE and _tells_others(file, setting.reader):
        yield WRONG_GROUP
    if file.door is not None:
        yield OPEN_DOOR
    if not file.readable:
        yield UNREADABLE if needed else PERSONAL if personal else NOT_OURS
    if layer.problem is not None:
        yield BROKEN


def _tells_others(file: PathFacts, reader: Account) -> bool:
    return bool(file.mode & 0o040) and file.gid not in (reader.gid, 0)
