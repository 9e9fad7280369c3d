import pytest

from teleclaude.db.url import display_url, parse_options, parse_url
from teleclaude.errors import ConfigError


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_is_taken(scheme: str) -> None:
    url = parse_url(f"{scheme}://ada:pw@host:6432/db")
    assert (url.username, url.password, url.host, url.port, url.database) == ("ada", "pw", "host", 6432, "db")


def test_pg_variables_fill_in_what_the_url_leaves_open() -> None:
    environ = {
        "PGHOST": "h",
        "PGPORT": "1",
        "PGUSER": "u",
        "PGPASSWORD": "p",
        "PGDATABASE": "d",
        "PGSSLMODE": "require",
    }
    url = parse_url("postgresql://", environ)
    assert url.render_as_string(hide_password=False) == "postgresql+asyncpg://u:p@h:1/d?sslmode=require"


def test_the_url_wins_over_pg_variables() -> None:
    url = parse_url("postgresql://me@here/mine?sslmode=disable", {"PGHOST": "h", "PGUSER": "u", "PGSSLMODE": "require"})
    assert (url.username, url.host, url.database) == ("me", "here", "mine")
    assert url.query["sslmode"] == "disable"


def test_a_socket_directory_is_a_host() -> None:
    url = parse_url("postgresql:///db?host=/run/postgresql&port=5433&user=ada")
    assert (url.host, url.port, url.username, url.database) == (None, None, "ada", "db")
    assert url.query == {"host": "/run/postgresql", "port": "5433"}


def test_the_database_is_named_like_the_user_where_nothing_names_it() -> None:
    assert parse_url("postgresql://ada@host").database == "ada"


@pytest.mark.parametrize(
    "text", ["postgresql://a:pw@h/d", "postgresql://h/d?user=a&password=pw", "postgresql://a@h/d?sslpassword=pw"]
)
def test_a_password_is_never_displayed(text: str) -> None:
    assert "pw" not in display_url(parse_url(text))
    assert "pw" not in repr(parse_url("postgresql://h/d?user=a&password=pw"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mysql://h/d", "mysql"),
        ("postgresql://h/d?colour=red", "colour"),
        ("postgresql://h/d?port=many", "many"),
        ("postgresql://h:70000/d", "70000"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout"),
        ("postgresql://h/d?options=-c 'x", "options"),
        ("postgresql://ada:p@secret@h/d", "more than one @"),
        ("postgresql://ada:p@secret/d#%:x@h:5432/d", "more than one @"),
        ("postgresql://ada:p@x?secret=y@h/d", "more than one @"),
        ("postgresql://h/d?user=ada&password=p&secret=x", "ends it there"),
        ("secret words", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        parse_url(text)
    assert "secret" not in caught.value.problem.message


def test_options_become_settings() -> None:
    assert parse_options("-c work_mem=64MB --jit=off -cgeqo=on") == {"work_mem": "64MB", "jit": "off", "geqo": "on"}
