"""What is a secret and what is not; the time for a text grows with its length alone, whatever is in it."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from teleclaude.config.secrecy import has_secret, is_harmless, is_login, is_secret, mask, named_secrets

NAMES = "otp totpSeed hmac hmac_value accesskey ACCESS-KEY passcode seed signing request-signing salt psk dbpassword"
OTHER_NAMES = "port seeded basalt design assigning hotkey keyboard compass spin author login user prompt tokenizer"


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_tells_a_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_a_name_in_which_such_a_word_is_only_a_part_tells_none(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        "mysql -phunter2",
        "mysqldump -u root -p12345 db",
        "sshpass -p hunter2 ssh host",
        "sshpass -p 12345678 ssh host",
        "sshpass -p '.x' ssh host",
        "docker login -u ada -p hunter2",
        "mongo -p 'hunter2'",
        "redis-cli -h host -a hunter2 ping",
        "curl -u ada:hunter2 https://host",
        "curl --user ada:hunter2 https://host",
        "login: ada:hunter2",
        "ada:hunter2@tcp(host:3306)/db",
        "serve --pass hunter2",
        "serve --passcode 1234",
        "serve --otp=1234",
        "the otp is 1234",
        '{"salt": "x"}',
        "https://host/webhook/x1",
        "https://host/path?otp=1234",
    ],
)
def test_a_text_with_a_secret_in_it_is_told(text: str) -> None:
    assert has_secret(text, ())


@pytest.mark.parametrize(
    "text",
    [
        "docker run -p 8080:80 -u 1000:1000 image",
        "docker run -p '127.0.0.1:8080:80/tcp' image",
        "ssh -p 22 host",
        "mkdir -p logs",
        "cp -p /one /two",
        "claude -p hello",
        "gemini -p hello",
        "find . -path ./logs -prune -o -print0",
        "mysql -u root -p${MYSQL}",
        "serve --pass ${PASS}",
        "localhost:6379",
        "07:30",
        "git@host.example:ada/x",
        "redis://ada:${REDIS}@host",
        "http://localhost:8420/webhook",
        "/webhook/github",
        "seeded: 3",
        "the design is new",
    ],
)
def test_a_text_without_a_secret_is_left_alone(text: str) -> None:
    assert not has_secret(text, ())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("login", "ada:hunter2", True),
        ("smtpLogin", "ada:hunter2", True),
        ("user_name", "ada:hunter2", True),
        ("login", "ada", False),
        ("user", "1000:1000", False),
        ("user", "${WHO}:x", False),
        ("host", "db:x", False),
    ],
)
def test_a_user_is_a_secret_where_the_password_is_beside_it(name: str, value: str, told: bool) -> None:
    assert is_login(name, value) is told


PIECES = [
    *("x", "X", "-", "a-", "a.", "a+", "=", "key", "token", "my-token-", "?", "?key", "http", "http://", "a://b:"),
    *("mysql", "mysql ", "redis-cli ", "-p", "-p ", "-p 1", "user ", "user:", "login:", "a:", "1:", "pin is "),
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_word_is_looked_at_from_its_beginning_alone(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    begun = time.process_time()
    has_secret(f"?{text} ", ())
    list(named_secrets(text))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("name", "value", "harmless"),
    [
        ("title", "Fix the tests", True),
        ("title", None, True),
        ("token", None, True),
        ("size", 3, True),
        ("created_at", datetime(2026, 1, 1, tzinfo=UTC), True),
        ("token", "Fix the tests", False),
        ("session_tokens", 3, False),
        ("environment", "plain", False),
        ("title", "the password is hunter2", False),
        ("title", "see https://host/x", False),
        ("payload", '{"text": "hello"}', False),
        ("payload", " [1]", False),
        ("title", "word " * 100, False),
        ("body", b"bytes", False),
    ],
)
def test_a_value_is_harmless_only_where_nothing_speaks_against_it(name: str, value: Any, harmless: bool) -> None:
    assert is_harmless(name, value) is harmless


def test_of_secrets_names_are_shown_and_none_that_is_a_secret_itself() -> None:
    secret = "ghp_0123456789abcdefghij"
    of_people = {"Bob": {"token": "z"}}
    values = {"environment": {"API_KEY": "x", secret: "y"}, "profiles": of_people, secret: "v", "own": {"a": 1}}
    assert mask(values) == {
        "environment": {"API_KEY": "***", "***": "***"},
        "profiles": {"Bob": "***"},
        "***": "***",
        "own": "***",
    }
