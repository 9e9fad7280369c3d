import os
import re
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.connection_files import explain_refusal, find_password, find_password_file, find_url
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.url import parse_url
from teleclaude.errors import ConfigError

LINES = ["# host:port", "h:5432:d:other:no", r"h:5432:d:a\:d\\a:pass\:word", "*:*:*:ada:for-all", "short:line"]


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    ("url", "password"),
    [
        (r"postgresql://a%3Ad%5Ca@h/d", "pass:word"),
        ("postgresql://ada@elsewhere:99/x", "for-all"),
        ("postgresql://nobody@h/d", None),
    ],
)
def test_the_first_line_that_fits_has_the_password(url: str, password: str | None) -> None:
    assert find_password(parse_url(url), LINES) == password


def test_a_socket_in_its_usual_place_is_localhost_in_the_password_file() -> None:
    lines = ["localhost:5432:d:u:socket", "/elsewhere:5433:d:u:other"]
    assert find_password(parse_url("postgresql:///d?host=/var/run/postgresql&user=u"), lines) == "socket"
    assert find_password(parse_url("postgresql:///d?host=/elsewhere&port=5433&user=u"), lines) == "other"


def test_the_password_file_is_named_by_the_url_or_the_environment_or_is_in_the_home(tmp_path: Path) -> None:
    for name in ("url", "environment", ".pgpass"):
        write_private(tmp_path / name, f"*:*:*:*:{name}\n")
    named = find_url(f"postgresql://u@h/d?passfile={tmp_path}/url", {"PGPASSFILE": "x"}, tmp_path)
    assert named.password == "url"
    assert "passfile" not in named.query
    assert find_url("postgresql://u@h/d", {"PGPASSFILE": f"{tmp_path}/environment"}, tmp_path).password == "environment"
    assert find_url("postgresql://u@h/d", {}, tmp_path).password == ".pgpass"
    assert find_url("postgresql://u:own@h/d", {}, tmp_path).password == "own"


def test_a_service_stands_between_the_url_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".pg_service.conf").write_text(
        "[mine]\nhost=h\nport=5433\nuser=service\npassword=p%w\nsslmode=require\n"
    )
    for url, environ in (
        (
            "postgresql:///d?user=me&service=mine&connect_timeout=3",
            {"PGUSER": "no", "PGHOST": "no", "PGAPPNAME": "app"},
        ),
        ("postgresql:///d?user=me&connect_timeout=3", {"PGSERVICE": "mine", "PGAPPNAME": "app"}),
    ):
        found = find_url(url, environ, tmp_path)
        assert (found.username, found.host, found.port, found.password) == ("me", "h", 5433, "p%w")
        assert found.query == {"sslmode": "require", "connect_timeout": "3", "application_name": "app"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the service mine is not defined"),
        ("no section\n", "is not a list of services"),
        ("[mine]\ncolour=red\n", "not known here: colour"),
    ],
)
def test_a_service_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "services").write_text(text)
    with pytest.raises(ConfigError, match=said):
        find_url("postgresql://", {"PGSERVICE": "mine", "PGSERVICEFILE": str(tmp_path / "services")}, tmp_path)


def test_a_file_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sslrootcert of the database URL"):
        find_url("postgresql://u@h/d?sslmode=verify-full&sslrootcert=/nowhere.crt", {}, tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_password_file_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    write_private(tmp_path / ".pgpass", "*:*:*:*:open\n", mode)
    with pytest.raises(ConfigError, match="can be read by others"):
        find_url("postgresql://u@h/d", {}, tmp_path)
    assert find_url("postgresql://u:own@h/d", {}, tmp_path).password == "own"


def test_a_key_that_anybody_can_read_is_not_used(tmp_path: Path) -> None:
    key = tmp_path / "key"
    for mode, allowed in ((0o600, True), (0o640, os.geteuid() == 0), (0o604, False)):
        write_private(key, "", mode)
        if allowed:
            assert find_url(f"postgresql://u:p@h/d?sslkey={key}", {}, tmp_path).query["sslkey"] == str(key)
        else:
            with pytest.raises(ConfigError, match="can be read by others"):
                find_url(f"postgresql://u:p@h/d?sslkey={key}", {}, tmp_path)


def test_an_address_beside_the_host_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PGHOSTADDR"):
        find_url("postgresql://u:p@h/d", {"PGHOSTADDR": "10.0.0.1"}, tmp_path)


async def test_nothing_is_left_for_the_driver_to_find(
    target: URL, target_engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del target_engine
    write_private(tmp_path / "passwords", f"*:*:*:*:{target.password}\n")
    bare = target._replace(password=None).render_as_string()
    found = find_url(bare, {"PGPASSFILE": f"{tmp_path}/passwords"}, tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    async with disposing(make_engine(found)) as engine, engine.connect() as connection:
        assert (await connection.exec_driver_sql("SELECT 1")).scalar() == 1


def test_a_password_file_that_the_url_names_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"passfile of the database URL, {tmp_path}/nowhere, is no file"):
        find_url(f"postgresql://u@h/d?passfile={tmp_path}/nowhere", {}, tmp_path)
    assert find_url("postgresql://u@h/d", {"PGPASSFILE": f"{tmp_path}/nowhere"}, tmp_path).password is None


@pytest.mark.parametrize(
    ("text", "environ", "found"),
    [
        ("postgresql://u@h/d", {}, {"passfile": "{home}/.pgpass"}),
        ("postgresql://u@h/d", {"PGPASSFILE": "{home}/other"}, {"passfile": "{home}/other"}),
        ("postgresql://u@h/d?passfile={home}/other", {}, {"passfile": "{home}/other"}),
        ("postgresql://u:own@h/d", {}, {}),
        ("postgresql://u@h/d", {"PGPASSWORD": "own"}, {}),
        ("postgresql://u@elsewhere/d", {}, {}),
        ("postgresql://?service=mine", {}, {"service": "mine"}),
        (
            "postgresql://",
            {"PGSERVICE": "mine", "PGSERVICEFILE": "{home}/.pg_service.conf"},
            {"service": "mine", "PGSERVICEFILE": "{home}/.pg_service.conf"},
        ),
    ],
)
def test_the_file_that_has_the_password_is_known_again(
    tmp_path: Path, text: str, environ: dict[str, str], found: dict[str, str]
) -> None:
    for name in (".pgpass", "other"):
        (tmp_path / name).write_text("h:*:*:u:secret\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text("[mine]\nhost=h\nuser=u\npassword=secret\n")

    def at_home(values: dict[str, str]) -> dict[str, str]:
        return {name: value.format(home=tmp_path) for name, value in values.items()}

    assert find_password_file(text.format(home=tmp_path), at_home(environ), tmp_path) == at_home(found)


@pytest.mark.parametrize(
    ("text", "environ", "lines", "said"),
    [
        ("postgresql://u:own@h/d", {"PGPASSWORD": "x"}, "", "the password in the database URL is wrong"),
        ("postgresql://u@h/d", {"PGPASSWORD": "x"}, "", "the password in PGPASSWORD is wrong"),
        ("postgresql://u@h/d", {}, "# mine\nh:5432:d:u:x\n", "the password in line 2 of"),
        ("postgresql://u@h/dd", {}, "h:5432:d:u:x\n", "line 1 of .* would fit but for its database"),
        (
            "postgresql://u@h/d",
            {},
            "h:5432:d:v:secret\no:1:e:w:x\n",
            "line 1 of .* would fit but for its role",
        ),
        ("postgresql://u@h/d", {}, "other:1:e:w:secret\n", "no line of .* is for h:5432:d:u:"),
        ("postgresql://u@h/d", {}, None, "there is no .*pgpass"),
    ],
)
def test_a_refused_password_is_traced_to_its_place(
    tmp_path: Path, text: str, environ: dict[str, str], lines: str | None, said: str
) -> None:
    if lines is not None:
        write_private(tmp_path / ".pgpass", lines)
    problem = explain_refusal(text, environ, tmp_path)
    assert re.search(said, problem.message)
    assert problem.message.startswith("{database}: ")
    assert "secret" not in problem.message + problem.hint
