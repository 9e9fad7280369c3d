from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from teleclaude.config.edit import rewrite, to_yaml
from teleclaude.config.layers import expand, override, resolve
from teleclaude.config.parse import parse_env
from teleclaude.config.sections import IGNORED_SECTIONS
from teleclaude.config.split import OldConfiguration, Split, split

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
    layers = split(OLD, "Ada", "postgresql://teleclaude:planted-pg@host/db")
    assert "planted" not in str(layers.system)
    assert "planted" not in str(layers.user)
    assert "987654321" not in str(layers.system)


def test_every_planted_secret_is_in_the_secrets() -> None:
    text = str(split(OLD, "Ada", "postgresql://teleclaude:planted-pg@host/db").secrets)
    planted = [
        "discord",
        "a",
        "w",
        "url",
        "query",
        "redis",
        "tts",
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
    assert_same_meaning(OLD, split(OLD, "Ada"))


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
    assert_same_meaning(old, split(old, None))


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
    layers = split(OldConfiguration(config=config, environment=variables), None)
    system, secrets, user = (
        yaml.safe_load(rewrite([to_yaml(config, "Old.")], values, "New.", bool).text) or {}
        for values in (layers.system, layers.secrets, layers.user)
    )
    new = resolve(system, secrets, user, environ)
    assert {key: value for key, value in new.items() if key != "environment"} == before


def test_what_is_personal_goes_to_the_user() -> None:
    layers = split(OLD, "Ada")
    assert layers.user["creds"] == {"telegram": {"user_id": 5}}
    assert layers.user["computer"] == {"timezone": "Europe/Paris", "trusted_dirs": [{"path": "/home/ada"}]}
    assert layers.user["interests"] == ["ai"]
    assert "trusted_dirs" not in layers.system["computer"]


def test_the_accounts_of_other_people_are_not_for_everyone() -> None:
    layers = split(OLD, "Ada")
    assert layers.secrets["profiles"]["Bob"]["creds"] == {"discord": {"user_id": "42"}}
    assert "Bob" not in str(layers.system)


def test_what_is_left_out_is_named_with_its_reason() -> None:
    left = dict(split(OLD, "Ada").left)
    assert set(left) == {"config.yml: database", "config.yml: polling", ".env: TELECLAUDE_DB_PATH"}
    assert all(left.values())


@pytest.mark.parametrize(
    "name",
    ["botToken", "client-secret", "secret_key", "openai-api-key", "apiKeyOpenai", "authorization", "passphrase", "pwd"],
)
def test_a_secret_is_told_however_its_name_is_written(name: str) -> None:
    layers = split(
        OldConfiguration(config={"custom": {name: "planted"}}, environment={f"API_WS_{name}": "planted"}), None
    )
    assert "planted" not in str(layers.system)
    assert "planted" in str(layers.secrets)


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
    old = OldConfiguration(config={"custom": {"endpoint": url}})
    layers = split(old, None)
    assert "planted" not in str(layers.system)
    assert_same_meaning(old, layers)


@pytest.mark.parametrize(
    "values",
    [
        {"hmac": {"salt": "planted", "rounds": 3}},
        {"seed": "planted"},
        {"login": "ada:planted"},
        {"command": "sshpass -p planted ssh host"},
        {"command": "mysqldump", "args": ["-u", "root", "-pplanted", "db"]},
        {"args": ["-p", "planted"]},
        {"args": ["--user", "ada:planted"]},
        {"send_to": "https://host/webhook/planted"},
    ],
)
def test_a_secret_is_told_wherever_programs_take_it(values: dict[str, Any]) -> None:
    old = OldConfiguration(config={"custom": values})
    layers = split(old, None)
    assert "planted" not in str(layers.system)
    assert_same_meaning(old, layers)


@pytest.mark.parametrize(
    "values",
    [
        {"port": 8080, "user": "ada", "design": "dark", "seeded": "yes"},
        {"command": "docker run -p 8080:80 image", "args": ["-p", 22, "-p", "8080:80", "-u", "1000:1000"]},
        {"url": "http://localhost:8420/webhook", "path": "/webhook/github"},
    ],
)
def test_ordinary_settings_stay_where_they_are(values: dict[str, Any]) -> None:
    layers = split(OldConfiguration(config={"custom": values}), None)
    assert layers.system == {"custom": values}
    assert layers.secrets == {}


def test_a_reference_in_a_secret_is_expanded_when_it_is_read_as_it_always_was() -> None:
    layers = split(OldConfiguration(config={"custom": {"token": "Bearer ${OUTSIDE}"}}), None)
    assert resolve(layers.system, layers.secrets, {}, {"OUTSIDE": "abc"})["custom"] == {"token": "Bearer abc"}
    assert resolve(layers.system, layers.secrets, {}, {})["custom"] == {"token": "Bearer ${OUTSIDE}"}


def test_the_home_of_the_old_daemon_is_written_out_whatever_the_environment_file_says_of_it() -> None:
    config = {"computer": {"default_working_dir": "${HOME}/projects", "user": "${USER}", "name": "${OTHER}"}}
    old = OldConfiguration(config=config, environment={"HOME": "/x"}, account={"HOME": "/home/ada", "USER": "ada"})
    written = {"default_working_dir": "/home/ada/projects", "user": "ada", "name": "${OTHER}"}
    assert split(old, None).system["computer"] == written


def test_a_number_that_is_not_equal_to_itself_does_not_stop_the_split() -> None:
    layers = split(OldConfiguration(config={"a": {"token": float("nan")}, "b": {"token": float("nan")}}), None)
    assert len(layers.secrets["environment"]) == 2


def test_what_an_old_file_has_under_a_key_of_ours_is_kept_beside_it() -> None:
    layers = split(OldConfiguration(config={"environment": "theirs"}, environment={"WORKING_DIR": "/x"}), None)
    assert layers.system == {"config.yml": {"environment": "theirs"}, "environment": {"WORKING_DIR": "/x"}}


def test_experiments_are_appended() -> None:
    assert split(OLD, "Ada").system["experiments"] == [{"name": "x"}]


def test_experiments_that_are_no_list_do_not_stop_the_others() -> None:
    old = OldConfiguration(config={"experiments": None}, experiments=({"name": "x"},))
    assert split(old, None).system["experiments"] == [{"name": "x"}]


def test_a_key_that_both_files_have_is_lost_in_neither() -> None:
    old = OldConfiguration(config={"jobs": 1, "custom": 3}, everyone={"jobs": 2, "custom": 4})
    assert split(old, None).system == {"jobs": 2, "custom": 4, "config.yml": {"jobs": 1, "custom": 3}}


def test_nobody_becomes_an_administrator_by_what_the_old_daemon_did_not_read() -> None:
    mallory = [{"name": "Mallory", "role": "admin"}]
    assert split(OldConfiguration(config={"people": mallory}), None).system == {"config.yml": {"people": mallory}}
    old = OldConfiguration(config={"people": mallory}, everyone={"people": [{"name": "Ada"}]})
    assert split(old, None).system["people"] == [{"name": "Ada"}]


def test_what_is_read_from_config_yml_alone_counts_nowhere_else() -> None:
    everyone = {"redis": 2, "database": {"url": "postgresql://elsewhere/"}, "tts": 4}
    layers = split(OldConfiguration(config={"redis": 1}, everyone=everyone), None, "postgresql://here/")
    assert layers.system == {"database": {"url": "postgresql://here/"}, "redis": 1, "teleclaude.yml": everyone}


@pytest.mark.parametrize("value", ["", None, True, "${NAME}"])
def test_what_is_no_secret_value_stays_where_it_is(value: object) -> None:
    layers = split(OldConfiguration(config={"discord": {"token": value}}), None)
    assert layers.system == {"discord": {"token": value}}
    assert layers.secrets == {}
