"""Judges the configuration: each file, and all together. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from teleclaude.checks.facts import Account, Facts, Kind, Layer, PathFacts
from teleclaude.checks.result import Fault, Result, State, failure, passed, skipped, warning, whole

MISSING = failure(
    "{path} is missing",
    "restore it, or make it: {sudo}teleclaude migrate-to-system{below} from a single-user installation, "
    "{sudo}bin/install-system.sh --fresh{below} without one",
)
NOT_A_FILE = failure("{path} is {kind} and not a file", "move it away and restore the file")
HIDDEN = skipped("{path} cannot be seen by {caller}", "sudo teleclaude self-check")
NOT_REACHED = failure(
    "{path} cannot be reached by {reader}, the user of the daemon",
    "find the closed folder: {sudo}namei -l {path}; then open it: {sudo}chmod a+x FOLDER",
)
WRONG_OWNER = failure("{path} belongs to {owner} and not to {wanted}", "{sudo}chown {wanted} {path}")
WRONG_MODE = failure(
    "{path} has the mode {mode}, which lets others do more than {allowed}", "{sudo}chmod {allowed} {path}"
)
WRONG_GROUP = failure("the group {group} can read {path}; only {reader} should", "{sudo}chown {keeper}:{reader} {path}")
UNSAFE_FOLDER = failure(
    "users other than {keeper} can change {folder}, and so {path} below it",
    "sudo chown root {folder} && sudo chmod go-w {folder}",
)
UNREADABLE = failure(
    "{path} cannot be read by {reader}, the user of the daemon",
    "{sudo}chown {keeper}:{reader} {path} && {sudo}chmod u+r,g+r {path}",
)
NOT_OURS = skipped("{path} cannot be read by {caller}, and need not be", "sudo teleclaude self-check")
PERSONAL = skipped(
    "{path} cannot be read by {caller}, and need not be", "as {wanted}, run: teleclaude self-check{below}"
)
BROKEN = failure("{message}", "{hint}, then: {sudo}teleclaude self-check{below}")
DOUBLED = warning(
    "{config} and {secrets} both have a value for {keys}; that in {secrets} counts",
    "remove the key from one of the two files, then: {sudo}teleclaude self-check{below}",
)
NOT_COMBINED = skipped(
    "the configuration was not checked as a whole, because a file of it has a fault or could not be read",
    "fix the files first, then: {sudo}teleclaude self-check{below}",
)

_SYSTEM_MODE, _SECRETS_MODE, _USER_MODE = 0o644, 0o640, 0o600


def judge(facts: Facts) -> Result:
    """Every configuration file exists, has the right owner and mode, and parses; together they are valid."""
    keeper = facts.setting.keeper
    files = (
        _judge_file("system", facts, facts.system, keeper, _SYSTEM_MODE),
        _judge_file("secrets", facts, facts.secrets, keeper, _SECRETS_MODE),
    )
    users = [_judge_user(facts, *user) for user in facts.users]
    return whole("layers", (*files, *users, _judge_together(facts, files)))


def _judge_together(facts: Facts, files: tuple[Result, ...]) -> Result:
    if any(file.state is not State.PASS for file in files) and facts.together is not None:
        return NOT_COMBINED.found("together", facts.setting.words)
    if facts.together is not None:
        return BROKEN.found("together", facts.setting.words, **vars(facts.together))
    if facts.doubled:
        return DOUBLED.found("together", facts.setting.words, keys=", ".join(facts.doubled))
    return passed("together", f"the configuration is valid; people: {len(facts.people)}")


def _judge_user(facts: Facts, account: Account, layer: Layer) -> Result:
    name = f"user {account.name}"
    if layer.file.kind is Kind.MISSING:
        return passed(name, "has no file, and needs none")
    return _judge_file(name, facts, layer, account, _USER_MODE)


def _judge_file(name: str, facts: Facts, layer: Layer, owner: Account, allowed: int) -> Result:
    fault = next(_find_faults(facts, layer, owner, allowed), None)
    if fault is None:
        return passed(name, layer.file.shown)
    file, problem = layer.file, layer.problem
    more = {"path": file.path, "kind": file.kind, "owner": file.owner, "group": file.group, "folder": file.unsafe}
    more |= vars(problem) if problem is not None else {}
    modes = {"mode": f"{file.mode:04o}", "allowed": f"{allowed:04o}"}
    return fault.found(name, facts.setting.words, caller=facts.setting.caller.name, wanted=owner.name, **more, **modes)


def _find_faults(facts: Facts, layer: Layer, owner: Account, allowed: int) -> Iterator[Fault]:
    file, setting = layer.file, facts.setting
    # The daemon need not read a person's own file.
    personal = allowed == _USER_MODE
    needed = setting.sees_as_daemon and not personal
    if file.kind is Kind.HIDDEN:
        yield NOT_REACHED if needed else PERSONAL if personal else HIDDEN
        return
    if file.kind is not Kind.FILE:
        yield MISSING if file.kind is Kind.MISSING else NOT_A_FILE
        return
    if file.uid not in {owner.uid, setting.keeper.uid}:
        yield WRONG_OWNER
    if file.mode & ~allowed:
        yield WRONG_MODE
    if allowed == _SECRETS_MODE and _tells_others(file, setting.reader):
        yield WRONG_GROUP
    if file.unsafe is not None:
        yield UNSAFE_FOLDER
    if not file.readable:
        yield UNREADABLE if needed else PERSONAL if personal else NOT_OURS
    if layer.problem is not None:
        yield BROKEN


def _tells_others(file: PathFacts, reader: Account) -> bool:
    return bool(file.mode & 0o040) and file.gid not in (reader.gid, 0)
