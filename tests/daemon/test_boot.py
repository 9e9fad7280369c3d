"""Which installation a daemon serves, decided by its files, without a database."""

from pathlib import Path

import pytest

from teleclaude.daemon.boot import SINGLE_USER_SOCKET, find_installation, find_socket
from teleclaude.errors import ConfigError

SYSTEM = {"TELECLAUDE_SYSTEM_MODE": "1"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "root/etc/teleclaude/config.yml"
    path.parent.mkdir(parents=True)
    path.with_name("secrets.yml").write_text("{}\n")
    return path


def test_a_system_without_a_database_is_refused_with_the_file_to_change(config: Path, tmp_path: Path) -> None:
    config.write_text("agents: {}\n")
    with pytest.raises(ConfigError, match="names no database") as refused:
        find_installation(tmp_path / "root", SYSTEM, tmp_path)
    assert refused.value.problem.hint == f"set database.url in {config}"
    assert refused.value.path == config


def test_a_database_url_with_a_variable_that_is_not_set_is_refused_by_its_name(config: Path, tmp_path: Path) -> None:
    config.write_text("agents: {}\ndatabase: {url: 'postgresql://x:${NOWHERE}@h/d'}\n")
    with pytest.raises(ConfigError, match=r"names \$\{NOWHERE\}, which is set nowhere") as refused:
        find_installation(tmp_path / "root", SYSTEM, tmp_path)
    assert refused.value.problem.hint == f"set NOWHERE under environment in {config.with_name('secrets.yml')}"


def test_the_socket_of_a_system_is_below_its_root_whatever_its_configuration_holds(tmp_path: Path) -> None:
    assert find_socket(tmp_path, SYSTEM) == tmp_path / "run/teleclaude/teleclaude.sock"


def test_in_a_checkout_without_a_system_the_single_user_installation_is_served(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("agents: {}\n")
    environ = {"TELECLAUDE_CONFIG_PATH": str(tmp_path / "none"), "TELECLAUDE_SECRETS_PATH": str(tmp_path / "none")}
    installation = find_installation(None, environ, tmp_path)
    assert installation.single_user
    assert (installation.socket, installation.pid_file) == (SINGLE_USER_SOCKET, tmp_path / "teleclaude.pid")
