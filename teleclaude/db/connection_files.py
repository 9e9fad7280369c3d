"""The files that libpq reads beside a URL: services, passwords, the user's own certificates.

They belong to the user who runs a command. The daemon runs as another user, so their content becomes part of the URL.
"""

from __future__ import annotations

import configparser
import getpass
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import URL

from teleclaude.db import problems
from teleclaude.db.url import ENVIRONMENT, ENVIRONMENT_QUERY, parse_url
from teleclaude.errors import ConfigError, Problem

_OWN_FILES = {
    "sslrootcert": "root.crt",
    "sslcrl": "root.crl",
    "sslcert": "postgresql.crt",
    "sslkey": "postgresql.key",
}
"""What libpq takes from `~/.postgresql` where no other file is set (PostgreSQL manual, section 34.19)."""

_VERIFYING = ("require", "verify-ca", "verify-full")
"""Modes that use a root certificate; `require` does where there is one."""

_SOCKET_DIRECTORIES = frozenset({"/run/postgresql", "/var/run/postgresql", "/tmp"})  # noqa: S108 - libpq's own
"""Where libpq looks for a server without a host; the password file has `localhost` for them."""


def find_url(text: str, environ: Mapping[str, str], home: Path) -> URL:
    """Return the URL of the database in `text`, with everything that libpq would have found beside it.

    A service fills in what the URL leaves open, `PG*` variables what both do. Raises ConfigError.
    """
    if environ.get("PGHOSTADDR"):
        raise ConfigError(problems.HOST_ADDRESS)
    text, service = _take_service(text)
    name = service or environ.get("PGSERVICE")
    url = parse_url(text, {**environ, **(_read_service(name, environ, home) if name else {})})
    if not url.drivername.startswith("postgresql"):
        return url
    # A password file that only PGPASSFILE names may be missing, as with libpq.
    _require_files(url, (*_OWN_FILES, "passfile") if "passfile=" in text else _OWN_FILES)
    # The user is written into the URL, because another user will read it.
    user = url.username or _find_user()
    url = url.set(username=user, database=url.database or user)
    passfile = Path(str(url.query.get("passfile", home / ".pgpass")))
    if url.password is None and (password := find_password(url, _read_lines(passfile))) is not None:
        _require_private(passfile, is_key=False)
        url = url.set(password=password)
    url = _name_own_files(url.difference_update_query(["passfile"]), home)
    if "sslkey" in url.query:
        _require_private(Path(str(url.query["sslkey"])), is_key=True)
    return url


def _find_user() -> str:
    """Return the name of the account that runs this process; raises ConfigError where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise ConfigError(problems.NO_USER.fill(uid=os.geteuid())) from None


def find_password_file(text: str, environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return by which parameter of a URL libpq finds the password of `find_url` in a file: `passfile` or `service`.

    `PGSERVICEFILE` is with it where that variable names the file of the services. Empty where there is no password, or
    where the URL or `PGPASSWORD` has it. Raises ConfigError.
    """
    bare, service = _take_service(text)
    name = service or environ.get("PGSERVICE")
    served = _read_service(name, environ, home) if name else {}
    if find_url(text, environ, home).password is None or parse_url(bare).password is not None:
        return {}
    if name and "PGPASSWORD" in served:
        variables = ("PGSERVICEFILE",) if environ.get("PGSERVICEFILE") else ()
        return {"service": name, **{variable: environ[variable] for variable in variables}}
    if environ.get("PGPASSWORD"):
        return {}
    passfile = Path(str(parse_url(bare, {**environ, **served}).query.get("passfile", home / ".pgpass")))
    return {"passfile": str(passfile.absolute())}


def _take_service(text: str) -> tuple[str, str | None]:
    found = re.search(r"[?&]service=([^&]*)", text)
    if found is None:
        return text, None
    rest = text[: found.start()] + text[found.end() :]
    return (rest if "?" in rest else rest.replace("&", "?", 1)), found[1]


def _service_file(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ.get("PGSERVICEFILE") or home / ".pg_service.conf")


def _read_service(name: str, environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the settings of the service `name`, as `PG*` variables; raises ConfigError where it cannot be used."""
    places = [_service_file(environ, home)]
    if "PGSYSCONFDIR" in environ:
        places.append(Path(environ["PGSYSCONFDIR"]) / "pg_service.conf")
    variables = {parameter: variable for variable, parameter in {**ENVIRONMENT, **ENVIRONMENT_QUERY}.items()}
    for place in places:
        services = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
        try:
            services.read_string("\n".join(_read_lines(place)))
        except configparser.Error:
            raise ConfigError(problems.NO_SERVICES.fill(path=place), path=place) from None
        if services.has_section(name):
            unknown = sorted(set(services[name]) - set(variables))
            if unknown:
                raise ConfigError(problems.UNKNOWN_IN_SERVICE.fill(path=place, name=unknown[0]))
            return {variables[parameter]: value for parameter, value in services[name].items()}
    raise ConfigError(problems.NO_SERVICE.fill(name=name, path=places[0]))


def explain_refusal(text: str, environ: Mapping[str, str], home: Path) -> Problem:
    """Return where the password of `find_url` came from, or why it found none, once the server has refused it.

    `{database}` is not filled in. Raises ConfigError as `find_url` does.
    """
    text, service = _take_service(text)
    if parse_url(text).password is not None:
        return problems.PASSWORD_OF_URL
    name = service or environ.get("PGSERVICE")
    settings = _read_service(name, environ, home) if name else {}
    if "PGPASSWORD" in settings:
        return problems.PASSWORD_OF_SERVICE.fill(database="{database}", name=name, path=_service_file(environ, home))
    if environ.get("PGPASSWORD"):
        return problems.PASSWORD_OF_VARIABLE
    url = find_url(text, {**environ, **settings, "PGSERVICE": ""}, home)
    path = Path(str(parse_url(text, {**environ, **settings}).query.get("passfile", home / ".pgpass")))
    return _explain_file(path, url)


def _explain_file(path: Path, url: URL) -> Problem:
    wanted = _wanted(url)
    begin = ":".join(re.sub(r"([:\\])", r"\\\1", value) for value in wanted) + ":"
    known = {"database": "{database}", "path": path, "wanted": begin}
    if not path.is_file():
        return problems.NO_PASSWORD.fill(**known)
    near = problems.NO_LINE.fill(**known)
    for line, fields in enumerate(_split_lines(_read_lines(path)), 1):
        differing = [
            name for name, field, value in zip(_FIELDS, fields, wanted, strict=False) if field not in ("*", value)
        ]
        if len(fields) == 5 and not differing:
            return problems.PASSWORD_OF_FILE.fill(**known, line=line)
        if len(fields) == 5 and len(differing) == 1:
            near = problems.NO_LINE_BUT.fill(**known, line=line, field=differing[0])
    return near


_FIELDS = ("host", "port", "database", "role")


def _wanted(url: URL) -> tuple[str, str, str, str]:
    """Return what a line of a password file must have for `url` (PostgreSQL manual, section 34.16)."""
    host = str(url.query.get("host") or url.host or "localhost")
    return (
        "localhost" if host in _SOCKET_DIRECTORIES else host,
        str(url.port or url.query.get("port") or 5432),
        str(url.database),
        str(url.username),
    )


def find_password(url: URL, lines: list[str]) -> str | None:
    """Return the password that a password file has for `url`."""
    for fields in _split_lines(lines):
        if len(fields) == 5 and all(field in ("*", value) for field, value in zip(fields, _wanted(url), strict=False)):
            return fields[4]
    return None


def _split_lines(lines: list[str]) -> Iterator[list[str]]:
    """Yield the fields of every line; a comment has none."""
    for line in lines:
        fields = [] if line.startswith("#") else re.findall(r"((?:\\.|[^:\\])*)(?::|$)", line)[:5]
        yield [re.sub(r"\\(.)", r"\1", field) for field in fields]


def _read_lines(path: Path) -> list[str]:
    """Return the lines of a file, none where it is not there; raises ConfigError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, UnicodeDecodeError):
        raise ConfigError(problems.UNREADABLE_FILE.fill(path=path), path=path) from None


def _name_own_files(url: URL, home: Path) -> URL:
    """Add the files in `~/.postgresql` that libpq would have used, so that the daemon uses the same."""
    query, mode = url.query, url.query.get("sslmode")
    if url.host is None or mode == "disable":
        return url
    names = [] if "sslcert" in query else ["sslcert", "sslkey"]
    if mode in _VERIFYING and query.get("sslrootcert") != "system":
        names += ["sslrootcert", "sslcrl"]
    own = {name: home / ".postgresql" / _OWN_FILES[name] for name in names if name not in query}
    return url.update_query_dict({name: str(path) for name, path in own.items() if path.is_file()})


def _require_files(url: URL, names: Iterable[str]) -> None:
    for name in names:
        path = Path(str(url.query.get(name, "")))
        if name in url.query and str(path) != "system" and not path.is_file():
            raise ConfigError(problems.NO_FILE.fill(parameter=name, path=path), path=path)


def _require_private(path: Path, *, is_key: bool) -> None:
    """Refuse a secret that others can read, as libpq does; the group may read a key that root owns."""
    status = path.stat()
    others = 0o037 if is_key and status.st_uid == 0 else 0o077
    if stat.S_ISREG(status.st_mode) and status.st_mode & others:
        raise ConfigError(problems.OPEN_FILE.fill(path=path), path=path)
