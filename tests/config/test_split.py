from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from teleclaude.config.edit import rewrite, to_yaml
from teleclaude.config.known import SYSTEM, Form, Free
from teleclaude.config.layers import expand, find_doubles, override, resolve
from teleclaude.config.parse import parse_env
from teleclaude.config.sections import IGNORED_SECTIONS, READ_FROM_CONFIG, READ_FROM_EVERYONE
from teleclaude.config.split import OldConfiguration, Split, mask, split

OLD = OldConfiguration(
    config={
        "computer": {"name": "workshop", "timezone": "Europe/Paris", "trusted_dirs": [{"path": "/home/ada"}]},
        "discord": {"token": "planted-discord", "guild_id": 1178000000000000001},
        "whatsapp": {"access_token": "planted-a", "webhook_secret": "planted-w", "verify_token": 987654321},
        "redis": {"url": "redis://ada:planted-url@host:6379/0?token=planted-query", "password": "planted-redis"},
        "agents": {"default": "claude", "claude": {"enabled": True}},
        "tts": {"services": {"openai": {"params": {"api_key": "planted-tts"}}}},
        "creds": {"telegram": {"user_id": 5}},
        "polling": {"interval": 3},
        "database": {"path": "/elsewhere"},
    },
    environment={
        "OPENAI_API_KEY": "planted-env",
        "UNKNOWN_NAME": "planted-unknown",
        "WORKING_DIR": "/home/ada/teleclaude",
        "TELECLAUDE_DB_PATH": "/elsewhere",
    },
    everyone={
        "people": [{"name": "Ada", "email": "ada@example.com"}],
        "hooks": {
            "inbound": {"github": {"verify_token": "planted-v", "secret": "planted-s"}},
            "subscriptions": [{"id": "1", "target": {"url": "https://x", "secret": "planted-t"}}],
        },
    },
    persons={
        "Ada": {"interests": ["ai"], "invite_token": "planted-invite"},
        "Bob": {"creds": {"discord": {"user_id": "42"}}, "invite_token": "planted-bob"},
    },
    experiments=({"name": "x"},),
)


def test_no_planted_secret_is_left_in_a_file_that_others_read() -> None:
    layers = split(OLD, ("Ada",), "postgresql://teleclaude:planted-pg@host/db")
    assert "planted" not in str(layers.system)
    assert "987654321" not in str(layers.system)


def test_every_planted_secret_is_in_the_secrets() -> None:
    text = str(split(OLD, ("Ada",), "postgresql://teleclaude:planted-pg@host/db").secrets)
    planted = [
        "discord",
        "a",
        "w",
        "url",
        "query",
        "redis",
        "env",
        "unknown",
        "v",
        "s",
        "t",
        "invite",
        "bob",
        "pg",
    ]
    assert [name for name in planted if f"planted-{name}" not in text] == []


def test_the_layers_together_say_what_the_old_files_said() -> None:
    assert_same_meaning(OLD, split(OLD, ("Ada",)))


def assert_same_meaning(old: OldConfiguration, layers: Split) -> None:
    """The effective new configuration holds every key of the old one with the value that the old daemon saw."""
    new = resolve(layers.system, layers.secrets, layers.user, {})
    before = override(expand(dict(old.config), dict(old.environment)), old.environment)
    theirs = expand(dict(old.everyone), dict(old.environment))
    for key, value in [*before.items(), *theirs.items()]:
        if key not in IGNORED_SECTIONS:
            assert_contains(new[key], value)
    assert new["environment"].items() >= {k: v for k, v in old.environment.items() if k != "TELECLAUDE_DB_PATH"}.items()


def assert_contains(new: Any, old: Any) -> None:
    if isinstance(old, dict):
        for key, value in old.items():
            assert_contains(new[key], value)
    else:
        assert new == old


SCALARS = st.text(max_size=12) | st.integers() | st.booleans() | st.none() | st.sampled_from(["${A}", "x${A}y", "${B}"])
NAMES = st.sampled_from(["token", "url", "secret", "name", "api_key", "list", "password", "x"])
TREES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(st.sampled_from(["discord", "tts", "computer", "hooks", "custom"]), TREES, max_size=4))
def test_any_configuration_means_the_same_after_the_split(config: dict[str, Any]) -> None:
    everyone = {key: config.pop(key) for key in ("hooks",) if key in config}
    old = OldConfiguration(config=config, environment={"A": "value of a"}, everyone=everyone)
    assert_same_meaning(old, split(old, ()))


VARIABLES = ["A", "B", "API_WS_PORT", "TELECLAUDE_DB_PATH", "OPENAI_API_KEY", "WHATSAPP_ACCESS_TOKEN"]
TEXTS = st.lists(
    st.sampled_from([f"${{{name}}}" for name in VARIABLES])
    | st.sampled_from(
        ["x", "${", "}", "https://u:pw@h", "?token=", "/api/webhooks/1/", "Bearer ", "--token ", "\n", "@"]
    ),
    max_size=4,
).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none() | st.dates(),
    lambda inner: (
        st.dictionaries(st.sampled_from(["token", "url", "env", "name", "value", "sk-0123456789"]), inner, max_size=3)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["discord", "whatsapp", "tts", "computer", "agents", "sk-0123456789", "custom"]),
        st.dictionaries(st.sampled_from(["token", "access_token", "default", "timezone", "x"]), VALUES, max_size=3),
        max_size=4,
    ),
    st.lists(st.tuples(st.sampled_from(VARIABLES), TEXTS.map(lambda text: text.replace("\n", ""))), max_size=5),
    st.dictionaries(st.sampled_from([name for name in VARIABLES if name != "TELECLAUDE_DB_PATH"]), TEXTS, max_size=3),
)
def test_the_layers_mean_what_the_old_daemon_saw(
    config: dict[str, Any], lines: list[tuple[str, str]], environ: dict[str, str]
) -> None:
    env_file = "\n".join(f"{name}='{value}'" for name, value in lines).encode()
    variables = parse_env(env_file, Path(".env"), environ)
    # A path that holds a reference would be expanded twice; no path does.
    assume("${" not in variables.get("TELECLAUDE_DB_PATH", ""))
    seen = {**variables, **environ}
    before = override(expand(config, seen), seen)
    layers = split(OldConfiguration(config=config, environment=variables), ())
    # What is the user's is written as its value, by .env: nobody knows then what some process will have in its place.
    assume(not layers.user or all(environ.get(name, value) == value for name, value in variables.items()))
    system, secrets, user = (
        yaml.safe_load(rewrite([to_yaml(config, "Old.")], values, "New.").text) or {}
        for values in (layers.system, layers.secrets, layers.user)
    )
    new = resolve(system, secrets, user, environ)
    assert {key: value for key, value in new.items() if key != "environment"} == before


def test_what_is_personal_goes_to_the_user() -> None:
    layers = split(OLD, ("Ada",))
    assert layers.user["creds"] == {"telegram": {"user_id": 5}}
    assert layers.user["computer"] == {"timezone": "Europe/Paris", "trusted_dirs": [{"path": "/home/ada"}]}
    assert layers.user["interests"] == ["ai"]
    assert "trusted_dirs" not in layers.system["computer"]


def test_the_accounts_of_other_people_are_not_for_everyone() -> None:
    layers = split(OLD, ("Ada",))
    assert layers.secrets["profiles"]["Bob"]["creds"] == {"discord": {"user_id": "42"}}
    assert "Bob" not in str(layers.system)


def test_what_is_left_out_is_named_with_its_reason() -> None:
    left = dict(split(OLD, ("Ada",)).left)
    assert set(left) == {"config.yml: database", "config.yml: polling", ".env: TELECLAUDE_DB_PATH"}
    assert all(left.values())


PLANTED = st.text("abcdefghij", min_size=4, max_size=8).map(lambda text: f"planted-{text}")
"""Nothing tells such a secret by its look."""
UNKNOWN = st.recursive(
    PLANTED, lambda inner: st.dictionaries(PLANTED, inner, max_size=2) | st.lists(inner, max_size=2), max_leaves=4
)


def filled(form: Form) -> st.SearchStrategy[Any]:
    """Return values of a form: secrets that can be told where it has texts, others elsewhere, and unknown keys."""
    if isinstance(form, tuple):
        return st.one_of(*(filled(one) for one in form))
    if isinstance(form, Free):
        return st.dictionaries(st.sampled_from(["one", "two"]), filled(form.item), max_size=2)
    if isinstance(form, list):
        return st.lists(filled(form[0]), max_size=2)
    if isinstance(form, dict):
        known = st.fixed_dictionaries({}, optional={key: filled(one) for key, one in form.items()})
        return st.tuples(known, st.dictionaries(PLANTED, UNKNOWN, max_size=1)).map(lambda parts: parts[0] | parts[1])
    if form.secret:
        return PLANTED
    told = st.sampled_from(["sk-planted12345", "run --token planted", "https://u:planted@host/x", "${A} token=planted"])
    fitting: list[Any] = [
        value for value in (None, 5, True, "12:30", "2h", "member") if value is None or form.fits(value)
    ]
    return st.sampled_from(fitting) | (told if form.fits("\n") else PLANTED)


@given(
    filled({key: form for key, form in SYSTEM.items() if key in READ_FROM_CONFIG}),
    filled({key: form for key, form in SYSTEM.items() if key in READ_FROM_EVERYONE}),
)
def test_no_secret_under_any_key_is_for_everybody_and_nothing_changes_its_meaning(
    config: dict[str, Any], everyone: dict[str, Any]
) -> None:
    assume(not config.keys() & everyone.keys())
    old = OldConfiguration(config=config, environment={"A": "value of a"}, everyone=everyone)
    layers = split(old)
    assert "planted" not in str(layers.system)
    assert not list(find_doubles(layers.system, layers.secrets))
    assert_same_meaning(old, layers)


def test_an_old_file_does_not_say_when_a_session_is_idle() -> None:
    layers = split(OldConfiguration(config={"sessions": {"idle_hours": 1}}, everyone={}))
    assert (layers.system, layers.secrets) == ({}, {"config.yml": {"sessions": {"idle_hours": 1}}})


def test_what_is_unknown_of_a_person_is_put_back_into_the_entry() -> None:
    people = [{"name": "Ada", "shoe": 40, "expertise": {"ai": "expert", "odd": "planted"}}, {"name": "Bob"}]
    layers = split(OldConfiguration(config={}, everyone={"people": people}))
    assert layers.system == {"people": [{"name": "Ada", "expertise": {"ai": "expert"}}, {"name": "Bob"}]}
    assert layers.secrets == {"people_extra": {"Ada": {"shoe": 40, "expertise": {"odd": "planted"}}}}
    assert resolve(layers.system, layers.secrets, {}, {})["people"] == people


def test_people_whose_names_are_the_same_move_whole() -> None:
    people = [{"name": "Ada", "shoe": 40}, {"name": "Ada", "shoe": 41}]
    assert split(OldConfiguration(config={}, everyone={"people": people})).secrets == {"people": people}


def test_a_list_with_an_unknown_key_moves_whole_and_leaves_no_reference_behind() -> None:
    subscriptions = [{"target": {"secret": "planted-one"}}, {"odd": 1}]
    layers = split(OldConfiguration(config={}, everyone={"hooks": {"subscriptions": subscriptions}}))
    assert (layers.system, layers.secrets) == ({}, {"hooks": {"subscriptions": subscriptions}})


def test_the_user_can_read_everything_of_the_user() -> None:
    config = {"tts": {"voice_id": "pNInz6obpgDQGcFmaJgB", "key": "${KEY}"}}
    layers = split(OldConfiguration(config=config, environment={"KEY": "planted-key"}))
    assert layers.user == {"tts": {"voice_id": "pNInz6obpgDQGcFmaJgB", "key": "planted-key"}}


def test_a_generated_name_is_never_one_that_an_old_file_mentions() -> None:
    config = {"redis": {"password": "planted"}, "computer": {"name": "${TELECLAUDE_SECRET_REDIS_PASSWORD}"}}
    layers = split(OldConfiguration(config=config))
    assert layers.system["redis"] == {"password": "${TELECLAUDE_SECRET_REDIS_PASSWORD_}"}


def test_a_second_folder_of_the_owner_loses_nothing() -> None:
    persons: dict[str, dict[str, Any]] = {
        "Ada": {"interests": [1]},
        "ada": {"interests": [2], "notes": 3, "invite_token": "x"},
    }
    layers = split(OldConfiguration(config={}, persons=persons), ("Ada", "ada"))
    assert layers.user == {"interests": [1], "notes": 3}
    assert layers.secrets["profiles"] == {"ada": persons["ada"]}


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:planted/with#odd?signs@host:6379",
        "https://planted@host/path",
        "https://host/path?api_key=planted&x=1",
        "postgresql://u%20v:planted%20b@host/db",
    ],
)
def test_a_secret_in_a_url_is_taken_out_and_put_back(url: str) -> None:
    old = OldConfiguration(config={"redis": {"url": url}})
    layers = split(old, ())
    assert "planted" not in str(layers.system)
    assert_same_meaning(old, layers)


@pytest.mark.parametrize(
    "text",
    ["sshpass -p planted ssh host", "mysqldump -u root -pplanted db", "run --pat planted", "PW=planted run"],
)
def test_a_secret_in_a_known_text_is_taken_out(text: str) -> None:
    old = OldConfiguration(config={}, everyone={"jobs": {"nightly": {"script": text}}})
    layers = split(old)
    assert "planted" not in str(layers.system)
    assert_same_meaning(old, layers)


def test_ordinary_settings_stay_where_they_are() -> None:
    config = {"discord": {"guild_id": "42", "categories": {"work": 1}}, "agents": {"claude": {"enabled": True}}}
    everyone = {"jobs": {"nightly": {"when": {"at": ["07:30"]}, "script": "docker run -p 8080:80 image"}}}
    layers = split(OldConfiguration(config=config, everyone=everyone))
    assert (layers.system, layers.secrets) == ({**config, **everyone}, {})


def test_a_reference_in_a_secret_is_expanded_when_it_is_read_as_it_always_was() -> None:
    layers = split(OldConfiguration(config={"redis": {"password": "Bearer ${OUTSIDE}"}}), ())
    assert resolve(layers.system, layers.secrets, {}, {"OUTSIDE": "abc"})["redis"] == {"password": "Bearer abc"}
    assert resolve(layers.system, layers.secrets, {}, {})["redis"] == {"password": "Bearer ${OUTSIDE}"}


def test_the_home_of_the_old_daemon_is_written_out_whatever_the_environment_file_says_of_it() -> None:
    config = {"computer": {"default_working_dir": "${HOME}/projects", "user": "${USER}", "name": "${OTHER}"}}
    old = OldConfiguration(config=config, environment={"HOME": "/x"}, account={"HOME": "/home/ada", "USER": "ada"})
    written = {"default_working_dir": "/home/ada/projects", "user": "ada", "name": "${OTHER}"}
    assert split(old, ()).system["computer"] == written


def test_a_number_that_is_not_equal_to_itself_does_not_stop_the_split() -> None:
    layers = split(
        OldConfiguration(config={"redis": {"password": float("nan")}, "discord": {"token": float("nan")}}), ()
    )
    assert len(layers.secrets["environment"]) == 2


def test_what_an_old_file_has_under_a_key_of_ours_is_kept_beside_it() -> None:
    layers = split(OldConfiguration(config={"environment": "theirs"}, environment={"WORKING_DIR": "/x"}), ())
    assert (layers.system, layers.secrets) == (
        {"environment": {"WORKING_DIR": "/x"}},
        {"config.yml": {"environment": "theirs"}},
    )


def test_experiments_are_appended() -> None:
    assert split(OLD, ("Ada",)).system["experiments"] == [{"name": "x"}]


def test_experiments_that_are_no_list_do_not_stop_the_others() -> None:
    old = OldConfiguration(config={"experiments": None}, experiments=({"name": "x"},))
    assert split(old, ()).system["experiments"] == [{"name": "x"}]


def test_a_key_that_both_files_have_is_lost_in_neither() -> None:
    old = OldConfiguration(config={"jobs": 1, "custom": 3}, everyone={"jobs": 2, "custom": 4})
    assert split(old, ()).secrets == {"jobs": 2, "custom": 4, "config.yml": {"jobs": 1, "custom": 3}}


def test_nobody_becomes_an_administrator_by_what_the_old_daemon_did_not_read() -> None:
    mallory = [{"name": "Mallory", "role": "admin"}]
    assert split(OldConfiguration(config={"people": mallory})).secrets == {"config.yml": {"people": mallory}}
    old = OldConfiguration(config={"people": mallory}, everyone={"people": [{"name": "Ada"}]})
    assert split(old, ()).system["people"] == [{"name": "Ada"}]


def test_what_is_read_from_config_yml_alone_counts_nowhere_else() -> None:
    everyone = {"redis": 2, "database": {"url": "postgresql://elsewhere/"}, "tts": 4}
    layers = split(OldConfiguration(config={"redis": 1}, everyone=everyone), (), "postgresql://here/")
    assert layers.system == {"database": {"url": "postgresql://here/"}}
    assert layers.secrets == {"redis": 1, "teleclaude.yml": everyone}


@pytest.mark.parametrize("value", ["", None, True, "${NAME}"])
def test_what_is_no_secret_value_stays_where_it_is(value: object) -> None:
    layers = split(OldConfiguration(config={"discord": {"token": value}}), ())
    assert layers.system == {"discord": {"token": value}}
    assert layers.secrets == {}


def test_of_what_is_private_names_are_shown_and_none_that_nobody_knows() -> None:
    secret = "ghp_0123456789abcdefghij"
    variables = {"API_KEY": "x", secret: "y", "planted": "z"}
    values = {
        "environment": variables,
        "profiles": {"Bob": {"token": "z"}},
        "planted": "v",
        "tts": {"planted": 1},
        5: 5,
    }
    assert mask(values) == {
        "environment": {"API_KEY": "***", "***": "***"},
        "profiles": {"Bob": "***"},
        "***": "***",
        "tts": "***",
    }
