"""The new configuration files, made in memory from the private copies of the old ones."""

from __future__ import annotations

import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from teleclaude.config.comments import quote_comments
from teleclaude.config.edit import Written, rewrite, to_yaml
from teleclaude.config.files import find_unread, quote_env, read_env, read_text, read_yaml
from teleclaude.config.layers import resolve
from teleclaude.config.parse import parse_yaml
from teleclaude.config.schema import make_settings
from teleclaude.config.split import OldConfiguration, Split, mask, split
from teleclaude.errors import ConfigError
from teleclaude.migration.plan.plan import MARK, Plan
from teleclaude.migration.publish.problems import NO_CONFIGURATION, NO_LIST
from teleclaude.migration.report.events import FilePreview, Left
from teleclaude.migration.source.files import require_copies
from teleclaude.migration.source.installation import ConfigFiles
from teleclaude.printable import printable


@dataclass(frozen=True)
class PreparedFile:
    """A file as it will be: its place, its content, its mode and the name of its owner."""

    kind: str
    path: Path
    content: bytes = field(repr=False)
    mode: int
    owner: str
    numeric_owner: tuple[int, int] | None
    """User and group as numbers; None where the file belongs to the caller."""


@dataclass(frozen=True)
class PreparedConfig:
    """The three files, and what is in none of them."""

    files: tuple[PreparedFile, ...]
    left: tuple[Left, ...]


_HEADINGS = {
    "system": "The configuration of this computer.",
    "secrets": "Secrets; never readable by everyone.",
    "user": "Your own settings; read by your client, not by the daemon.",
}


def prepare_config(plan: Plan) -> PreparedConfig:
    """Return the new configuration; raises ConfigError where the daemon could not use it, SourceError."""
    old, files = _read_old(plan), plan.inventory.config_files
    assert files is not None
    require_copies(files.digests)
    layers = split(old, plan.own_folders, _database_url(plan))
    make_settings(resolve(layers.system, layers.secrets, {}, {}), str(files.origins[files.config]))
    written = {kind: _write(plan, layers, kind) for kind in _HEADINGS}
    unread = "is not NAME=VALUE; the old daemon did not read it either"
    left = [*layers.left, *((f".env: line {line}", unread) for line in find_unread(files.environment))]
    left += [(f"comments: {kind}", file.comments_left) for kind, file in written.items() if file.comments_left]
    return PreparedConfig(tuple(_files(plan, written)), tuple(Left(name, reason) for name, reason in left))


def preview(file: PreparedFile) -> FilePreview:
    """Return a file as it would be written; of the secrets, and of what is the user's, the names alone."""
    text = file.content.decode()
    if file.kind != "system":
        heading = "\n".join(line.removeprefix("# ") for line in text.splitlines()[:2])
        text = to_yaml(mask(parse_yaml(file.content, file.path)), heading)
    return FilePreview(str(file.path), file.kind, text)


def _write(plan: Plan, layers: Split, kind: str) -> Written:
    files = plan.inventory.config_files
    assert files is not None
    heading = f"{MARK.format(run=plan.run)}\n{_HEADINGS[kind]}"
    if kind == "user":
        own = [files.persons[name] for name in plan.own_folders[:1] if name in files.persons]
        return rewrite([read_text(path) for path in (files.config, *own)], layers.user, heading)
    return Written(to_yaml(getattr(layers, kind), heading) + (_comments(files) if kind == "secrets" else ""))


def _comments(files: ConfigFiles) -> str:
    """Return the comments of all old files; the user's file has those of what is in it too."""
    named = {files.config: "config.yml", files.experiments: "experiments.yml", files.everyone: "teleclaude.yml"}
    others = {path: f"people/{name}" for name, path in files.persons.items()}
    quoted = (quote_comments(printable(name), read_text(path)) for path, name in {**named, **others}.items())
    return "".join((*quoted, quote_env(files.environment)))


def _read_old(plan: Plan) -> OldConfiguration:
    """Return what the copies of the old files say; raises ConfigError."""
    files = plan.inventory.config_files
    if files is None:
        raise ConfigError(NO_CONFIGURATION.fill(checkout=plan.inventory.checkout))
    origins = files.origins

    def read(path: Path, *, required: bool = False) -> dict[str, Any]:
        return read_yaml(path, called=origins[path], required=required)

    experiments = read(files.experiments).get("experiments") or []
    if not isinstance(experiments, list):
        raise ConfigError(NO_LIST.fill(path=origins[files.experiments]))
    everyone = read(files.everyone)
    if plan.first_person is not None:
        username = {"username": plan.first_person.username} if plan.first_person.username else {}
        everyone["people"] = [{"name": plan.first_person.name, **username, "role": "admin"}]
    return OldConfiguration(
        config=read(files.config, required=True),
        environment=read_env(files.environment, {"HOME": str(plan.inventory.home)}, called=origins[files.environment]),
        everyone=everyone,
        persons={name: read(path) for name, path in files.persons.items()},
        experiments=tuple(experiments),
        account=plan.inventory.account_variables,
    )


def _database_url(plan: Plan) -> str | None:
    if plan.url is None:
        return None
    # SQLAlchemy leaves a space as it is; who looks for a password would take it for the end of one.
    return plan.url.set(drivername="postgresql").render_as_string(hide_password=False).replace(" ", "%20")


def _files(plan: Plan, written: Mapping[str, Written]) -> Iterator[PreparedFile]:
    inventory, layout = plan.inventory, plan.inventory.layout
    uid = inventory.account.uid if inventory.account else plan.owner.uid if plan.owner else None
    group = _own_group(layout.service_user)
    root = (0, 0) if inventory.as_service_user else None
    private = (0, group or 0) if inventory.as_service_user else None
    # Where the account is known, its process writes the file in its home, which then belongs to it.
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
    """Return the group of an account, None where this computer does not know the account."""
    try:
        return (pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)).pw_gid
    except KeyError:
        return None
