"""The places of an installation on Linux and macOS, every system path below an optional root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from teleclaude.platform.names import names_of


@dataclass(frozen=True)
class Layout:
    """The places of a system-wide installation."""

    system_config: Path
    secrets: Path
    state: Path
    logs: Path
    socket: Path
    docs: Path
    unit: str
    service_user: str
    root: Path | None

    @property
    def migrations(self) -> Path:
        """Holds one folder a migration run: journal, ledger, report."""
        return self.state / "migration"


def make_layout(system: str, root: Path | None = None, environ: Mapping[str, str] | None = None) -> Layout:
    """Return the places for a system (`platform.names.HERE` is the one we run on), below `root`.

    `TELECLAUDE_CONFIG_PATH` and `TELECLAUDE_SECRETS_PATH` in `environ` replace their file; they are not below the root.
    """
    environ = environ or {}
    top = root or Path("/")
    names = names_of(system)
    config = top / names.etc / "teleclaude"
    return Layout(
        system_config=Path(environ.get("TELECLAUDE_CONFIG_PATH") or config / "config.yml").absolute(),
        secrets=Path(environ.get("TELECLAUDE_SECRETS_PATH") or config / "secrets.yml").absolute(),
        state=top / names.var / "lib" / "teleclaude",
        logs=top / names.var / "log" / "teleclaude",
        socket=top / names.run / "teleclaude" / "teleclaude.sock",
        docs=top / "usr/local/share/teleclaude/docs",
        unit=names.unit.name,
        service_user=names.service_user,
        root=root,
    )


def user_config(home: Path, root: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the per-user configuration file of the user with `home`, below `root`."""
    override = (environ or {}).get("TELECLAUDE_USER_CONFIG_PATH")
    if override:
        return Path(override).absolute()
    return below(root, home / ".teleclaude" / "config.yml")


def below(root: Path | None, path: Path) -> Path:
    """Return the absolute `path` below `root`, as DESTDIR does."""
    return path if root is None else root / path.relative_to(path.anchor)


def is_system_mode(layout: Layout, environ: Mapping[str, str], user: str) -> bool:
    """Whether the daemon runs system-wide: by the variable, a root, the service user, or an existing configuration."""
    return (
        environ.get("TELECLAUDE_SYSTEM_MODE") == "1"
        or layout.root is not None
        or user == layout.service_user
        or _may_exist(layout.system_config)
    )


def _may_exist(path: Path) -> bool:
    """Whether a file exists; one in a closed folder counts."""
    try:
        return path.exists()
    except PermissionError:
        return True
