"""The shape of the configuration: unknown keys stay, and an error names a key and never its value."""

from typing import Any

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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"agents": None}, "agents must hold keys and values"),
        ({"agents": ["planted"]}, "agents must hold keys and values"),
        ({"agents": {5: "planted"}}, "agents has a key that is not a text"),
        ({"computer": "planted"}, "computer must hold keys and values"),
        ({"computer": ["planted"]}, "computer must hold keys and values"),
        ({"computer": {"name": 5}}, "computer.name must be a text, in quotes if it looks like a number"),
        ({"people": "planted"}, "people must be a list"),
        ({"people": {"planted": 1}}, "people must be a list"),
        ({"people": ["planted"]}, "people.1 must hold keys and values"),
        ({"people": [{"name": ""}]}, "people.1.name must not be empty"),
        ({"people": [{"email": "planted"}]}, "people.1.name is missing"),
        (
            {"people": [{"name": "a"}, {"name": "b", "role": "planted"}]},
            "people.2.role must be 'admin', 'member', 'contributor' or 'newcomer'",
        ),
        ({"database": {}}, "database.url is missing"),
        ({"database": {"url": ["planted"]}}, "database.url must be a text, in quotes if it looks like a number"),
        ({"environment": ["planted"]}, "environment must hold keys and values"),
        ({"database": 1, "people": 2}, "people must be a list; database must hold keys and values"),
    ],
)
def test_an_error_names_the_files_the_key_and_what_it_must_be_and_not_the_value(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_settings({"agents": {}} | values, "config.yml and secrets.yml")
    assert str(caught.value.problem.message) == f"the configuration in config.yml and secrets.yml is not valid: {said}"


def test_settings_cannot_be_changed() -> None:
    settings = make_settings({"agents": {}}, "config.yml")
    with pytest.raises(ValidationError):
        settings.computer.name = "another"
