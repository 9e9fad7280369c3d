"""docker-compose.system.yml and the image that it builds."""

import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from teleclaude.demo import postgres
from teleclaude.layout import make_layout
from teleclaude.migration.source.inventory import NEWEST_SERVER, OLDEST_SERVER
from tests.install.compose import Application, Mount, read_application

CHECKOUT = Path(__file__).parents[2]
COMPOSE = CHECKOUT / "docker-compose.system.yml"
IMAGE = (CHECKOUT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def application() -> Application:
    return read_application(COMPOSE)


def has_compose() -> bool:
    docker = shutil.which("docker")
    command = [docker or "", "compose", "version"]
    return docker is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="docker compose is not here")
def test_docker_compose_itself_takes_the_file() -> None:
    command = ["docker", "compose", "--file", str(COMPOSE), "config", "--quiet"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_key_that_compose_does_not_know_is_an_error(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("    restart:", "    restarts:", 1))
    with pytest.raises(ValidationError, match="restarts"):
        read_application(wrong)


def test_everything_that_a_service_names_is_there(application: Application) -> None:
    for service in application.services.values():
        assert set(service.secrets) <= set(application.secrets)
        assert {granted.source for granted in service.configs} <= set(application.configs)
        assert set(service.networks) <= set(application.networks)
        assert set(service.depends_on) <= set(application.services)
        named = {volume.partition(":")[0] for volume in service.volumes if isinstance(volume, str)}
        assert named <= set(application.volumes)


def test_the_daemon_waits_for_a_healthy_database_of_a_version_that_was_tried(application: Application) -> None:
    assert application.services["daemon"].depends_on["database"].condition == "service_healthy"
    version = re.match(r"postgres:(\d+)", application.services["database"].image or "")
    assert version is not None
    assert OLDEST_SERVER <= int(version[1]) <= NEWEST_SERVER


def test_every_service_says_how_it_is_and_comes_back(application: Application) -> None:
    for service in application.services.values():
        assert service.healthcheck is not None
        assert service.healthcheck.test[0] == "CMD"
        assert service.restart == "unless-stopped"


def test_no_service_has_a_right_of_root_or_can_change_its_image(application: Application) -> None:
    for service in application.services.values():
        assert service.user not in ("", "root", "0")
        assert (service.cap_drop, service.security_opt) == (["ALL"], ["no-new-privileges:true"])
        assert service.read_only
        assert service.pids_limit is not None


def test_the_daemon_has_the_limits_of_the_unit(application: Application) -> None:
    unit = (CHECKOUT / "etc/teleclaude-system.service").read_text()
    daemon = application.services["daemon"]
    assert f"MemoryMax={daemon.mem_limit}\n".upper() in unit.upper()
    assert daemon.memswap_limit == daemon.mem_limit
    assert f"TasksMax={daemon.pids_limit}\n" in unit
    assert {f"Limit{name.upper()}={value}" for name, value in daemon.ulimits.items()} < set(unit.splitlines())


def test_no_port_is_published_and_the_socket_is_where_clients_look(application: Application) -> None:
    assert "ports:" not in COMPOSE.read_text()
    mounts = [mount for mount in application.services["daemon"].volumes if isinstance(mount, Mount)]
    assert str(make_layout("linux").socket.parent) in {mount.source for mount in mounts if mount.source == mount.target}


def test_no_secret_stands_in_the_file_or_the_environment(application: Application) -> None:
    for service in application.services.values():
        for name in service.environment:
            assert not re.search("PASSWORD|SECRET|TOKEN|KEY", name) or name.endswith(("_FILE", "_PATH"))
    assert all(secret.file.startswith("./compose/") for secret in application.secrets.values())
    assert "compose/" in (CHECKOUT / ".gitignore").read_text().splitlines()


def test_the_configuration_is_where_the_daemon_looks(application: Application) -> None:
    targets = {granted.target for granted in application.services["daemon"].configs}
    assert targets == {str(make_layout("linux").system_config)}


@pytest.mark.parametrize(("answer", "code"), [(b"HTTP/1.1 200 OK\r\n\r\n", 0), (b"HTTP/1.1 503 No\r\n\r\n", 1)])
def test_the_health_of_the_daemon_is_what_it_answers(
    application: Application, tmp_path: Path, answer: bytes, code: int
) -> None:
    check = application.services["daemon"].healthcheck
    assert check is not None
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            with listening.accept()[0] as caller:
                assert caller.recv(100).startswith(b"GET /health HTTP/1.0\r\n")
                caller.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        script = check.test[3].replace(str(make_layout("linux").socket), str(path))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        server.join()
    assert done.returncode == code


def test_the_image_runs_as_the_user_that_compose_names(application: Application) -> None:
    number = re.search(r"--uid (\d+)", IMAGE)
    assert number is not None
    assert application.services["daemon"].user == f"{number[1]}:{number[1]}"


def test_every_image_is_named_by_its_digest(application: Application) -> None:
    images = [*re.findall(r"^(?:FROM|ARG PYTHON=) *(\S+)", IMAGE, re.M)]
    images += [service.image for service in application.services.values() if service.image]
    named = [image for image in images if image != "${PYTHON}"]
    assert len(named) == 2
    assert postgres.IMAGE in named
    assert all(re.fullmatch(r"[a-z]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}", image) for image in named)


def test_the_image_is_given_what_the_wheel_needs_and_nothing_else() -> None:
    given = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = (CHECKOUT / "pyproject.toml").read_text()
    shared = re.findall(r'^"(\S+)" = "share/', project, re.M)
    assert given == {*shared, "teleclaude", "README.md", "pyproject.toml", "requirements-build.lock"}
    assert all((CHECKOUT / name).exists() for name in given)
