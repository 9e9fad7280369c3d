"""What is a secret and what is not; the time for a text grows with its length alone, whatever is in it."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from teleclaude.config.secrecy import find_issued, has_secret, is_harmless, is_login, is_secret, named_secrets

NAMES = "otp totpSeed hmac hmac_value accesskey ACCESS-KEY passcode seed signing request-signing salt psk dbpassword"
OTHER_NAMES = "port seeded basalt design assigning hotkey keyboard compass spin author login user prompt tokenizer"

ISSUED = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    "PuTTY-User-Key-File-3: ssh-ed25519",
    "AGE-SECRET-KEY-1" + "Q" * 58,
    "AGE-PLUGIN-YUBIKEY-1" + "Q" * 20,
    "sk-ant-api03-" + "a1" * 20,
    "gldt-" + "a1" * 10,
    "xapp-1-" + "A1" * 20,
    "ASIA" + "A1" * 8,
    "aws_secret_access_key = '" + "aB1/+" * 8 + "'",
    "M" + "a" * 23 + ".abcdef." + "b" * 27,
    "SG." + "a" * 22 + "." + "b" * 43,
    "dckr_pat_" + "a1" * 14,
    "whsec_" + "a1" * 14,
    "ATATT3x" + "a1" * 20,
    "https://hooks.slack.com/services/T00000000/B00000000/" + "a" * 24,
    "https://discord.com/api/webhooks/" + "1" * 18 + "/" + "a" * 68,
]


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
        "AGE-SECRET-KEY-1" + "Q" * 58,
        "aws " + "aB1/" * 10,
        "aws " + "aB1+" * 10,
        "https://host/hooks/3f8a2c11-7b1e-4c39-9d3a-0123456789ab",
        "https://calendar.google.com/calendar/ical/ada%40x.org/private-0a1b2c3d4e/basic.ics",
        "https://outlook.office365.com/owa/calendar/3f8a2c11-7b1e-4c39-9d3a-0123456789ab/calendar.ics",
        "https://hc-ping.com/abcd1234",
        "curl -fsS https://ntfy.sh/ada_alerts",
        "https://maker.ifttt.com/trigger/x/with/key/abc",
        "https://ada.webhook.office.com/webhookb2/x",
        "az login --pat abc",
        "borg -k hunter2",
        "PW=x run",
        "DB_PW=x run",
        "SSHPASS=x sshpass -e ssh host",
        "unzip -Phunter2 x.zip",
        "mosquitto_pub -u ada -P hunter2 -t x",
        "ldapsearch -D cn=a -w hunter2",
        "snmpwalk -v2c -c hunter2 host",
        "smbclient //host/share -U ada%hunter2",
        "lftp -u ada,hunter2 ftp://host",
        "curl -b session=hunter2 https://host",
        "echo hunter2 | sudo -S true",
        "printf '%s' hunter2 | docker login -u ada --password-stdin",
        "expect -c 'send hunter2'",
        "machine host login ada password hunter2",
        "kubectl create secret generic x --from-literal=k=hunter2",
        "tool --pw hunter2",
        "mot de passe: hunter2",
        "recovery code is hunter2",
        "redis://hunter2@host",
        "https://up.example.com/api/push/rdZSlBerxy?status=up",
        "https://hook.eu1.make.com/sjcibofbcixgydb",
        "use 6f8a2c11-7b1e-4c39-9d3a-0123456789ab there",
        "webcal://p01-caldav.icloud.com/published/2/qx9vJupc94tnwlavyfE",
        *(token for token in ISSUED if "key" not in token.lower()),
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
        "curl -k https://host",
        "sort -k 2",
        "tool -k ./key.pem",
        "run --pat ${PAT}",
        "PW=${PW} run",
        "https://calendar.google.com/calendar/ical/public/basic.ics",
        "/usr/lib/python3/dist-packages/Some/Path/With1Number",
        "6f8a2c11-7b1e-4c39-9d3a-0123456789ab",
        "date -u +%F",
        "echo done | tee -a log",
        "echo ${PW} | sudo -S true",
        "Expect the build, and send a summary; log in, and reset the login.",
        "zip -r x.zip docs",
        "curl -b cookies.txt https://host",
        "https://github.com/ada/push/notifications-api",
        "https://www.youtube.com/channel/UC-lHJZR3Gqxm24_Vd_AJ5Yw",
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
    *("echo ", "echo |", "zip -", "snmpget ", "curl ", "expect -c ", "login a ", "webcal://", "https://a/a.", "SG."),
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_word_is_looked_at_from_its_beginning_alone(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    begun = time.process_time()
    has_secret(f"?{text} ", ())
    list(named_secrets(text))
    find_issued(text.encode())
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


@pytest.mark.parametrize("token", ISSUED)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-be"])
def test_a_key_or_a_token_in_a_snippet_is_found_in_its_line_whatever_the_encoding(token: str, encoding: str) -> None:
    assert find_issued(f"---\nnote: caf\xe9\nkey:\n{token}\n---\n".encode(encoding)) == 4
    assert find_issued(("\xe9" * (1 << 20) + f"\n{token}").encode(encoding)) == 2


@pytest.mark.parametrize(
    "prose",
    [
        "The public key: -----BEGIN PUBLIC KEY-----, ssh-ed25519 AAAAC3Nz",
        "Use https://hooks.slack.com/services/T…/B…/… or https://discord.com/api/webhooks/ID/TOKEN.",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Run npm_config_registry=…, glob-parent-and-other-packages, hf_transfer, whsec_…, AGE-SECRET-KEY-1…",
        "Module.method.another_method, MyVeryLongModuleNameHere.submod.another_function_name",
        "sk-learn, pk_column_names_of_the_table, shpat_…, ntn_…",
    ],
)
def test_prose_about_keys_is_none(prose: str) -> None:
    assert find_issued(prose.encode()) is None
