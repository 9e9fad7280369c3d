"""The rights and the environment of the service user."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from teleclaude import __version__
from teleclaude.daemon.boot import find_installation
from teleclaude.daemon.service_user import (
    find_identity,
    find_identity_to_take,
    make_environment,
    python,
    refuse_trial_of_another,
)
from teleclaude.errors import ConfigError
from teleclaude.layout import make_layout
from teleclaude.platform.names import HERE
from teleclaude.platform.services import search_path


def test_an_account_has_all_its_groups() -> None:
    account = pwd.getpwuid(os.geteuid())
    identity = find_identity(account.pw_name)
    assert identity is not None
    assert (identity.user, identity.group) == (account.pw_uid, account.pw_gid)
    assert set(identity.extra_groups) == set(os.getgrouplist(account.pw_name, account.pw_gid))


def test_an_account_that_does_not_exist_has_no_identity() -> None:
    assert find_identity("no-such-account") is None


def test_below_another_root_nobody_else_is_needed() -> None:
    assert find_identity_to_take(make_layout("linux", Path("/trial"))) is None


def test_the_environment_says_system_mode_and_passes_no_secret_on() -> None:
    ours = {"TELECLAUDE_CONFIG_PATH": "/x", "PGPASSWORD": "hunter2", "HOME": "/root", "PYTHONPATH": "/planted"}
    wanted = {"PATH": search_path(), "TELECLAUDE_CONFIG_PATH": "/x", "TELECLAUDE_SYSTEM_MODE": "1"}
    assert make_environment(ours) == wanted


@pytest.fixture
def closed_trial(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a configuration below a root whose secrets are closed to the user of this process."""
    monkeypatch.setattr(sys, "argv", ["/opt/teleclaude/bin/teleclaude", "upgrade", "--dry-run"])
    with TemporaryDirectory(dir="/tmp") as made:
        folder = make_layout(HERE, Path(made)).secrets.parent
        folder.mkdir(parents=True)
        (folder / "config.yml").write_text("agents: {}")
        (folder / "secrets.yml").touch(0)
        for path in (Path(made), *Path(made).rglob("*")):
            path.chmod(0o755 if path.is_dir() else path.stat().st_mode)
        if os.geteuid() == 0:
            os.seteuid(65534)
        yield Path(made)
        os.seteuid(os.getuid())


def test_whoever_may_not_read_the_secrets_is_told_the_command_and_not_to_open_them(closed_trial: Path) -> None:
    keeper = pwd.getpwuid((make_layout(HERE, closed_trial).system_config).stat().st_uid).pw_name
    with pytest.raises(ConfigError) as caught:
        find_installation(closed_trial, {}, Path("/"))
    said = caught.value.problem
    as_keeper = "sudo " if keeper == "root" else f"sudo -u {keeper} "
    assert said.message == f"{make_layout(HERE, closed_trial).secrets} is closed to your account"
    assert said.hint.endswith(f": {as_keeper}teleclaude upgrade --dry-run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_trial_of_another_account_is_that_accounts_to_check(closed_trial: Path) -> None:
    with pytest.raises(ConfigError, match=f"the trial in {closed_trial} belongs to root"):
        refuse_trial_of_another(make_layout(HERE, closed_trial))


def test_a_trial_of_ones_own_or_one_that_is_not_there_is_not_refused(tmp_path: Path) -> None:
    layout = make_layout(HERE, tmp_path)
    refuse_trial_of_another(layout)
    layout.system_config.parent.mkdir(parents=True)
    layout.system_config.touch()
    refuse_trial_of_another(layout)


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONHOME"])
def test_a_python_that_we_start_takes_no_module_from_its_environment(tmp_path: Path, variable: str) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('planted')")
    (tmp_path / "teleclaude.py").write_text("print('planted')")
    command = python("-c", "import teleclaude; print(teleclaude.__version__)")
    done = subprocess.run(
        command, env={variable: str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{__version__}\n", "")


def test_nothing_starts_a_python_of_ours_in_another_way() -> None:
    package = Path(__file__).parents[2] / "teleclaude"
    starts = [path for path in package.rglob("*.py") if "[sys.executable," in path.read_text()]
    assert [path.name for path in starts] == ["service_user.py"]
