"""The new configuration files, made in memory from the private copies of the old ones."""

from __future__ import annotations

import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teleclaude.config.edit import Written, rewrite
from teleclaude.config.files import find_unread, read_env, read_text, read_yaml
from teleclaude.config.layers import resolve
from teleclaude.config.schema import make_settings
from teleclaude.config.secrecy import comment_may_tell
from teleclaude.config.split import OldConfiguration, Split, split
from teleclaude.errors import ConfigError
from teleclaude.migration.plan.plan import MARK, Plan
from teleclaude.migration.report.events import Left
from teleclaude.migration.source.installation import Person


@dataclass(frozen=True)
class PreparedFile:
    """A file as it will stand: its place, its content, its mode and the name of its owner."""

    kind: str
    path: Path
    content: bytes = field(repr=False)
    mode: int
    owner: str
    numeric_owner: tuple[int, int] | None
    """User and group, None where the file stays the caller's."""


@dataclass(frozen=True)
class PreparedConfig:
    """The three files, and what none of them carries."""

    files: tuple[PreparedFile, ...]
    left: tuple[Left, ...]


_HEADINGS = {
    "system": "The configuration of this computer.",
    "secrets": "Secrets; never readable by everyone.",
    "user": "Your own settings; read by your client, not by the daemon.",
}


def prepare_config(plan: Plan) -> PreparedConfig:
    """Return the new configuration; raises ConfigError where the layers do not make one the daemon can use."""
    old = _read_old(plan)
    layers = split(old, plan.owner.person if plan.owner else None, _database_url(plan))
    make_settings(resolve(layers.system, layers.secrets, {}, {}), str(_origin(plan)))
    written = {kind: _write(plan, layers, kind) for kind in _HEADINGS}
    left = [*layers.left, *_left_lines(plan)]
    left += [(f"comments: {kind}", file.comments_left) for kind, file in written.items() if file.comments_left]
    return PreparedConfig(tuple(_files(plan, written)), tuple(Left(name, reason) for name, reason in left))


def _origin(plan: Plan) -> Path:
    assert plan.inventory.config_files is not None
    return plan.inventory.config_files.origins[plan.inventory.config_files.config]


def _write(plan: Plan, layers: Split, kind: str) -> Written:
    files = plan.inventory.config_files
    assert files is not None
    own = files.persons.get(plan.owner.person) if plan.owner else None
    grounds = {"system": (files.config, files.everyone), "user": (files.config, *([own] if own else []))}
    return rewrite(
        [read_text(path) for path in grounds.get(kind, ())],
        getattr(layers, kind),
        f"{MARK.format(run=plan.run)}\n{_HEADINGS[kind]}",
        lambda comment: comment_may_tell(comment, layers.known),
    )


def _left_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    assert plan.inventory.config_files is not None
    for line in find_unread(plan.inventory.config_files.environment):
        yield f".env: line {line}", "is not NAME=VALUE; the old daemon did not read it either"


def _read_old(plan: Plan) -> OldConfiguration:
    """Return what the copies of the old files say; raises ConfigError."""
    files = plan.inventory.config_files
    if files is None:
        raise ConfigError(f"the configuration in {plan.inventory.checkout} cannot be seen", "fix what is listed")
    origins = files.origins

    def read(path: Path, *, required: bool = False) -> dict[str, Any]:
        return read_yaml(path, called=origins[path], required=required)

    experiments = read(files.experiments).get("experiments") or []
    if not isinstance(experiments, list):
        raise ConfigError(f"experiments in {origins[files.experiments]} is not a list", "fix the file")
    everyone = read(files.everyone)
    if plan.first_person is not None:
        everyone["people"] = [_entry(plan.first_person)]
    return OldConfiguration(
        config=read(files.config, required=True),
        environment=read_env(files.environment, {"HOME": str(plan.inventory.home)}, called=origins[files.environment]),
        everyone=everyone,
        persons={name: read(path) for name, path in files.persons.items()},
        experiments=tuple(experiments),
        account=plan.inventory.account_variables,
    )


def _entry(person: Person) -> dict[str, Any]:
    username = {"username": person.username} if person.username else {}
    return {"name": person.name, **username, "role": "admin"}


def _database_url(plan: Plan) -> str | None:
    if plan.url is None:
        return None
    # A space, which SQLAlchemy leaves as it is, would end the password for whoever looks for one.
    return plan.url.set(drivername="postgresql").render_as_string(hide_password=False).replace(" ", "%20")


def _files(plan: Plan, written: Mapping[str, Written]) -> Iterator[PreparedFile]:
    inventory, layout = plan.inventory, plan.inventory.layout
    uid = inventory.account.uid if inventory.account else plan.owner.uid if plan.owner else None
    group = _own_group(layout.service_user)
    root = (0, 0) if inventory.as_service_user else None
    private = (0, group or 0) if inventory.as_service_user else None
    # Whoever controls the home writes his file himself, and it is his.
    given = inventory.as_service_user and inventory.account is None
    own = (uid, _own_group(uid) or uid) if given and uid is not None else None
    # Without a service user nobody but root has to read the secrets.
    mode = 0o640 if group is not None and inventory.as_service_user else 0o600
    paths = {"system": layout.system_config, "secrets": layout.secrets, "user": inventory.user_config}
    owners = {
        "system": (0o644, "root:root", root),
        "secrets": (mode, f"root:{layout.service_user}", private),
        "user": (0o600, "the user" if uid is None else f"uid {uid}", own),
    }
    for kind, file in written.items():
        yield PreparedFile(kind, paths[kind], file.text.encode(), *owners[kind])


def _own_group(user: str | int) -> int | None:
    """Return the group of an account, None where this machine does not know it."""
    try:
        return (pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)).pw_gid
    except KeyError:
        return None
