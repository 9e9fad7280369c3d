"""The configuration is copied as far as it exists, and read from its copies."""

from pathlib import Path

import pytest

from teleclaude.errors import ConfigError
from teleclaude.layout import make_layout
from teleclaude.migration.discover.configuration import (
    copy_config,
    find_our_names,
    find_unset,
    make_account_variables,
    read_people,
    read_zone,
)
from teleclaude.migration.source.installation import ConfigFiles, Person, Places
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_names

LAYOUT = make_layout("linux", None, {})


def copied(places: Places, tmp_path: Path) -> ConfigFiles:
    (tmp_path / "private").mkdir()
    people = list_names(str(places.state / "people"))
    return copy_config(Privsep(), places, people, tmp_path / "private")[0]


def test_a_missing_configuration_is_an_error_and_the_other_files_may_be_missing(places: Places, tmp_path: Path) -> None:
    files, problems = copy_config(Privsep(), places, [], tmp_path)
    assert [problem.problem.message for problem in problems] == [f"{places.checkout / 'config.yml'} is missing"]
    assert files.persons == {}
    assert read_people(files) == ()


def test_each_file_is_copied_and_its_origin_is_known(places: Places, tmp_path: Path) -> None:
    (places.state / "people/Ada").mkdir(parents=True)
    (places.state / "people/Ada/teleclaude.yml").write_text("a: 1")
    (places.checkout / "config.yml").write_text("computer: {timezone: Europe/Paris}")
    files = copied(places, tmp_path)
    assert files.persons["Ada"].read_text() == "a: 1"
    assert files.origins[files.persons["Ada"]] == places.state / "people/Ada/teleclaude.yml"
    assert read_zone(files, places) == "Europe/Paris"


def test_the_environment_names_the_configuration(places: Places, tmp_path: Path) -> None:
    (places.checkout / ".env").write_text("TELECLAUDE_CONFIG_PATH=conf/real.yml\nZONE=Asia/Tokyo\n")
    (places.checkout / "conf").mkdir()
    (places.checkout / "conf/real.yml").write_text("computer: {timezone: '${ZONE}'}")
    files = copied(places, tmp_path)
    assert files.origins[files.experiments] == places.checkout / "conf/experiments.yml"
    assert read_zone(files, places) == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ("people: Ada", "is not a list of entries with names"),
        ("people: [{username: ada}]", "is not a list of entries with names"),
        ('people: [{name: Ada}, {name: "B\\x07b"}]', "entry 2 of people in .* has a name with a control character"),
    ],
)
def test_people_without_printable_names_are_refused(places: Places, tmp_path: Path, people: str, reason: str) -> None:
    (places.state / "teleclaude.yml").write_text(people)
    with pytest.raises(ConfigError, match=reason) as raised:
        read_people(copied(places, tmp_path))
    assert raised.value.path == places.state / "teleclaude.yml"


def test_people_have_names_and_usernames(places: Places, tmp_path: Path) -> None:
    (places.state / "teleclaude.yml").write_text("people: [{name: Ada, username: ada}, {name: Bob}]")
    assert read_people(copied(places, tmp_path)) == (Person("Ada", "ada"), Person("Bob", None))


def test_variables_of_what_is_switched_off_are_not_missed(places: Places, tmp_path: Path) -> None:
    (places.checkout / "config.yml").write_text(
        "whatsapp: {enabled: false, template: '${OFF}', more: ['${OFF}']}\n"
        "agents: {codex: {enabled: false, binary: '${OFF}'}, claude: {enabled: true, binary: '${ON}'}}\n"
    )
    [warning] = find_unset(copied(places, tmp_path), places, {}, LAYOUT)
    assert warning.problem.message.endswith("does not set: ON in agents.claude.binary")


def test_variables_that_neither_the_environment_nor_a_login_sets_are_named(places: Places, tmp_path: Path) -> None:
    (places.checkout / ".env").write_text("KNOWN=1\n")
    (places.checkout / "config.yml").write_text("ui: {a: '${THEIRS}'}\ncustom: ['${KNOWN}${USER}${CACHE}']\n")
    files = copied(places, tmp_path)
    account = make_account_variables(places, "ada")
    assert account == {"HOME": str(places.home), "USER": "ada", "LOGNAME": "ada"}
    [warning] = find_unset(files, places, account, LAYOUT)
    assert (
        warning.problem.message
        == f"{places.checkout / 'config.yml'} names variables that .env does not set: CACHE in custom.0"
    )
    assert str(LAYOUT.secrets) in warning.problem.hint


@pytest.mark.parametrize(
    ("config", "zone"),
    [
        ("computer: {timezone: Europe/Paris}", "Europe/Paris"),
        ("computer: {timezone: ''}", None),
        ("computer: {timezone: '  '}", None),
        ("computer: {timezone: null}", None),
        ("computer: {timezone: [a]}", "['a']"),
        ("computer: ''", None),
    ],
)
def test_an_empty_time_zone_is_none(places: Places, tmp_path: Path, config: str, zone: str | None) -> None:
    (places.checkout / "config.yml").write_text(config)
    files, _ = copy_config(Privsep(), places, [], tmp_path)
    assert read_zone(files, places) == zone


def test_a_file_that_could_read_a_secret_of_the_new_installation_is_refused_with_its_key(
    places: Places, tmp_path: Path
) -> None:
    (places.state / "people/Ada").mkdir(parents=True)
    (places.state / "people/Ada/teleclaude.yml").write_text("note: a ${TELECLAUDE_SECRET_X} b")
    (places.checkout / "config.yml").write_text("computer: {name: '${TELECLAUDE_SECRET_DATABASE_URL_SECRET}'}")
    (places.checkout / ".env").write_text("TELECLAUDE_SECRET_Y=1\nZ='${TELECLAUDE_SECRET_W}'\nPLAIN=1\n")
    found = [finding.problem.message for finding in find_our_names(copied(places, tmp_path))]
    said = "uses names of variables that only the new installation may have:"
    assert found == [
        f"{places.checkout / 'config.yml'} {said} computer.name",
        f"{places.state / 'people/Ada/teleclaude.yml'} {said} note",
        f"{places.checkout / '.env'} {said} TELECLAUDE_SECRET_Y",
    ]
