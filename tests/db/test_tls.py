"""TLS by `sslmode` as libpq means it: psql is asked the same, and must give the same answer."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from teleclaude.db.connection_files import find_url
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.url import SSL_MODES
from teleclaude.errors import ConfigError, TargetError

BINARIES = Path("/usr/lib/postgresql/15/bin")
pytestmark = [
    pytest.mark.skipif(
        not (BINARIES / "psql").exists(), reason="the embedded PostgreSQL has no TLS, Debian's is not here"
    ),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates with"),
]
NOBODY = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
HBA = """
hostssl all needs_tls all trust
hostssl all needs_cert all cert
hostnossl all avoids_tls all trust
host all postgres all trust
"""
ASK = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@dataclass(frozen=True)
class Servers:
    """Two servers, one without TLS, and the certificates."""

    folder: Path
    with_tls: int
    without_tls: int


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    for authority in ("right", "wrong"):
        words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", f"/CN={authority} authority"]
        openssl(folder, *words, "-keyout", f"{authority}.key", "-out", f"{authority}.crt")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    for name in ("localhost", "needs_cert"):
        request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"]
        openssl(folder, *request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        sign = ["x509", "-req", "-in", f"{name}.csr", "-CA", "right.crt", "-CAkey", "right.key", "-CAcreateserial"]
        openssl(folder, *sign, "-days", "9", "-extfile", "names", "-out", f"{name}.crt")
    openssl(folder, "rsa", "-aes256", "-passout", "pass:open", "-in", "needs_cert.key", "-out", "locked.key")
    for path in folder.iterdir():
        path.chmod(0o600)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serving(folder: Path, *settings: str) -> Iterator[int]:
    port = free_port()
    words = [
        str(BINARIES / "postgres"),
        "-D",
        str(folder),
        "-p",
        str(port),
        "-k",
        "",
        "-c",
        "listen_addresses=localhost",
    ]
    words += [word for setting in settings for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, user=NOBODY, stdout=log, stderr=log)
    try:
        for _ in range(600):
            if "ready" in (folder / "postmaster.pid").read_text() if (folder / "postmaster.pid").exists() else "":
                break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="tc-tls-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        certificates, data = folder / "certificates", folder / "data"
        certificates.mkdir()
        make_certificates(certificates)
        data.mkdir(mode=0o700)
        shutil.copytree(certificates, data / "tls")
        for path in (data, data / "tls", *(data / "tls").iterdir()):
            os.chown(path, -1 if NOBODY is None else NOBODY, -1)
        shutil.move(data / "tls", folder / "tls")
        words = [str(BINARIES / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(words, user=NOBODY, check=True, capture_output=True)
        roles = "CREATE ROLE needs_tls LOGIN; CREATE ROLE avoids_tls LOGIN; CREATE ROLE needs_cert LOGIN;\n"
        single = [str(BINARIES / "postgres"), "--single", "-D", str(data), "postgres"]
        subprocess.run(single, user=NOBODY, input=roles.encode(), check=True, capture_output=True)
        (data / "pg_hba.conf").write_text(HBA)
        plain = folder / "plain"
        shutil.copytree(data, plain)
        (plain / "pg_hba.conf").write_text("host all all all trust\n")
        for path in (plain, *plain.rglob("*")):
            os.chown(path, -1 if NOBODY is None else NOBODY, -1)
        tls = [
            f"ssl_{name}_file={folder}/tls/{file}" for name, file in (("cert", "localhost.crt"), ("ca", "right.crt"))
        ]
        tls += ["ssl=on", f"ssl_key_file={folder}/tls/localhost.key"]
        with serving(data, *tls) as with_tls, serving(plain) as without_tls:
            yield Servers(certificates, with_tls, without_tls)
    finally:
        shutil.rmtree(folder)


def ask_psql(url: str, home: Path) -> str:
    words = [str(BINARIES / "psql"), url, "-XAtc", ASK]
    done = subprocess.run(words, env={"HOME": str(home)}, capture_output=True, text=True, check=False)
    return {"t": "encrypted", "f": "plain"}[done.stdout.strip()] if done.returncode == 0 else "refused"


async def ask_ours(url: str, home: Path) -> str:
    try:
        found = find_url(url, {}, home)
        with explained(found):
            async with disposing(make_engine(found)) as engine, engine.connect() as connection:
                encrypted = (await connection.exec_driver_sql(ASK)).scalar()
    except (ConfigError, TargetError) as error:
        assert error.problem.hint
        return "refused"
    return "encrypted" if encrypted else "plain"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".postgresql").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("mode", SSL_MODES)
@pytest.mark.parametrize("authority", [None, "right", "wrong"])
async def test_every_mode_is_what_psql_makes_of_it(
    servers: Servers, home: Path, mode: str, authority: str | None
) -> None:
    root = f"&sslrootcert={servers.folder}/{authority}.crt" if authority else ""
    urls = [
        f"postgresql://{user}@{host}:{port}/postgres?sslmode={mode}{root}"
        for user, host, port in product(
            ("postgres", "needs_tls", "avoids_tls"), ("localhost", "127.0.0.1"), (servers.with_tls, servers.without_tls)
        )
        # libpq verifies in these modes, too, where a certificate is named, and falls back to no encryption at all.
        if not (mode in ("allow", "prefer") and authority == "wrong" and user != "avoids_tls")
    ]
    theirs = {url: ask_psql(url, home) for url in urls}
    assert {url: await ask_ours(url, home) for url in urls} == theirs


async def test_a_certificate_of_the_client_is_shown_with_its_password(servers: Servers, home: Path) -> None:
    folder = servers.folder
    url = f"postgresql://needs_cert@localhost:{servers.with_tls}/postgres?sslmode=verify-full&sslrootcert={folder}/right.crt"
    for key, expected in (
        ("", "refused"),
        (f"&sslcert={folder}/needs_cert.crt&sslkey={folder}/needs_cert.key", "encrypted"),
        (f"&sslcert={folder}/needs_cert.crt&sslkey={folder}/locked.key&sslpassword=open", "encrypted"),
        (f"&sslcert={folder}/needs_cert.crt&sslkey={folder}/locked.key&sslpassword=no", "refused"),
    ):
        assert await ask_ours(url + key, home) == expected == ask_psql(url + key, home)


async def test_files_in_the_home_count_and_are_named_for_whoever_connects_next(servers: Servers, home: Path) -> None:
    own = home / ".postgresql"
    for name, file in (
        ("root.crt", "right.crt"),
        ("postgresql.crt", "needs_cert.crt"),
        ("postgresql.key", "needs_cert.key"),
    ):
        shutil.copy(servers.folder / file, own / name)
    url = f"postgresql://needs_cert@localhost:{servers.with_tls}/postgres?sslmode=verify-ca"
    assert await ask_ours(url, home) == "encrypted" == ask_psql(url, home)
    assert find_url(url, {}, home).query["sslrootcert"] == str(own / "root.crt")
    assert find_url(url, {}, home).query["sslkey"] == str(own / "postgresql.key")


async def test_whom_the_system_trusts_is_trusted_and_the_name_compared(
    servers: Servers, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://needs_tls@{{}}:{servers.with_tls}/postgres?sslrootcert=system"
    assert await ask_ours(url.format("localhost"), home) == "refused"
    monkeypatch.setenv("SSL_CERT_FILE", str(servers.folder / "right.crt"))
    assert await ask_ours(url.format("localhost"), home) == "encrypted"
    assert await ask_ours(url.format("127.0.0.1"), home) == "refused"
    assert await ask_ours(url.format("localhost") + "&sslmode=require", home) == "refused"
