from pathlib import Path

import pytest

from teleclaude.layout import is_system_mode, make_layout, user_config


def test_linux_places_follow_the_file_hierarchy_standard() -> None:
    layout = make_layout("linux")
    assert layout.system_config == Path("/etc/teleclaude/config.yml")
    assert layout.secrets == Path("/etc/teleclaude/secrets.yml")
    assert layout.migrations == Path("/var/lib/teleclaude/migration")
    assert layout.socket == Path("/run/teleclaude/teleclaude.sock")
    assert layout.docs == Path("/usr/local/share/teleclaude/docs")
    assert (layout.unit, layout.service_user) == ("teleclaude-system.service", "teleclaude")


def test_macos_keeps_its_places_below_usr_local() -> None:
    layout = make_layout("darwin")
    assert layout.system_config == Path("/usr/local/etc/teleclaude/config.yml")
    assert layout.socket == Path("/usr/local/var/run/teleclaude/teleclaude.sock")
    assert (layout.unit, layout.service_user) == ("ai.instrukt.teleclaude.system", "_teleclaude")


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_root_comes_before_every_system_path(platform: str) -> None:
    layout = make_layout(platform, Path("/trial"))
    for path in (layout.system_config, layout.secrets, layout.state, layout.logs, layout.socket, layout.docs):
        assert path.is_relative_to("/trial")


def test_the_users_file_lies_below_the_root_too() -> None:
    assert user_config(Path("/home/ada"), Path("/trial")) == Path("/trial/home/ada/.teleclaude/config.yml")


def test_variables_name_other_files() -> None:
    environ = {"TELECLAUDE_CONFIG_PATH": "/a.yml", "TELECLAUDE_SECRETS_PATH": "/b.yml"}
    layout = make_layout("linux", None, environ)
    assert (layout.system_config, layout.secrets) == (Path("/a.yml"), Path("/b.yml"))
    assert user_config(Path("/home/ada"), None, {"TELECLAUDE_USER_CONFIG_PATH": "/c.yml"}) == Path("/c.yml")


def test_system_mode_is_told_by_variable_user_or_existing_configuration(tmp_path: Path) -> None:
    absent = make_layout("linux", None, {"TELECLAUDE_CONFIG_PATH": str(tmp_path / "config.yml")})
    assert not is_system_mode(absent, {}, "ada")
    assert is_system_mode(absent, {"TELECLAUDE_SYSTEM_MODE": "1"}, "ada")
    assert is_system_mode(absent, {}, "teleclaude")
    (tmp_path / "config.yml").touch()
    assert is_system_mode(absent, {}, "ada")
