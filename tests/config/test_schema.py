"""The shape of the configuration: unknown keys stay, and an error names a key and never its value."""

import pytest
from pydantic import ValidationError

from teleclaude.config.schema import make_settings
from teleclaude.errors import ConfigError


def test_unknown_keys_are_kept_and_keys_that_are_not_text_are_left_out() -> None:
    settings = make_settings({"agents": {}, "computer": {"name": "workshop", "rack": 4, 1: "x"}}, "config.yml")
    assert settings.computer.model_extra == {"rack": 4}


def test_what_is_not_set_has_a_default() -> None:
    settings = make_settings({"agents": {}}, "config.yml")
    assert (settings.computer.name, settings.people, settings.database) == ("unknown", (), None)


@pytest.mark.parametrize("hours", [-1, float("nan"), "long"])
def test_the_time_after_which_a_session_is_idle_is_a_number(hours: object) -> None:
    with pytest.raises(ConfigError, match=r"sessions\.idle_hours"):
        make_settings({"agents": {}, "sessions": {"idle_hours": hours}}, "config.yml")


@pytest.mark.parametrize(("days", "fits"), [(0, True), (30, True), (29, False), (-1, False), ("ever", False)])
def test_the_audit_log_is_kept_for_thirty_days_at_least(days: object, fits: bool) -> None:
    values = {"agents": {}, "audit": {"keep_days": days}}
    if fits:
        assert make_settings(values, "config.yml").audit.keep_days == days
    else:
        with pytest.raises(ConfigError, match=r"audit\.keep_days"):
            make_settings(values, "config.yml")


@pytest.mark.parametrize("name", ["", " "])
def test_a_person_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="people"):
        make_settings({"agents": {}, "people": [{"name": name}]}, "config.yml")


def test_an_error_names_the_files_and_the_key_and_not_the_value() -> None:
    values = {"agents": {}, "people": [{"name": "Ada", "role": "hunter2"}], "database": {"url": ["planted"]}}
    with pytest.raises(ConfigError) as caught:
        make_settings(values, "/etc/config.yml and /etc/secrets.yml")
    assert "/etc/config.yml and /etc/secrets.yml" in caught.value.problem.message
    assert "people.0.role" in caught.value.problem.message
    assert "database.url" in caught.value.problem.message
    assert "hunter2" not in caught.value.problem.message
    assert "planted" not in caught.value.problem.message


def test_settings_cannot_be_changed() -> None:
    settings = make_settings({"agents": {}}, "config.yml")
    with pytest.raises(ValidationError):
        settings.computer.name = "another"
