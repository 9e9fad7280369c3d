"""The part of the Compose specification that docker-compose.system.yml uses; a key beyond it is an error.

Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Duration = Annotated[str, Field(pattern=r"^(\d+(us|ms|s|m|h))+$")]
Size = Annotated[str, Field(pattern=r"^\d+[bkmg]$")]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$")]


class Part(BaseModel):
    """A mapping of the specification, of which nothing else is known."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Part):
    """How an image is built."""

    context: str
    dockerfile: str = "Dockerfile"


class Condition(Part):
    """When a service that another one needs is good enough."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Healthcheck(Part):
    """How the health of a container is told."""

    test: list[str]
    interval: Duration = "30s"
    timeout: Duration = "30s"
    retries: int = 3
    start_period: Duration = "0s"


class Bind(Part):
    """What becomes of a missing directory."""

    create_host_path: bool = True


class Mount(Part):
    """A volume in its long form."""

    type: Literal["bind", "volume", "tmpfs"]
    source: str
    target: str
    read_only: bool = False
    bind: Bind = Bind()


class Granted(Part):
    """A configuration in its long form."""

    source: Name
    target: str


class Service(Part):
    """A container of the application."""

    image: str | None = None
    build: Build | None = None
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "no"
    user: str = ""
    environment: dict[str, str] = {}
    depends_on: dict[str, Condition] = {}
    secrets: list[Name] = []
    configs: list[Granted] = []
    volumes: list[str | Mount] = []
    networks: list[Name] = []
    healthcheck: Healthcheck | None = None
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []
    mem_limit: Size | None = None
    memswap_limit: Size | None = None
    pids_limit: int | None = None
    ulimits: dict[str, int] = {}
    stop_grace_period: Duration = "10s"


class File(Part):
    """Where a secret or a configuration comes from."""

    file: str


class Application(Part):
    """The whole file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    services: dict[Name, Service]
    networks: dict[Name, dict[str, str]] = {}
    configs: dict[Name, File] = {}
    secrets: dict[Name, File] = {}
    volumes: dict[Name, dict[str, str]] = {}


def read_application(path: Path) -> Application:
    """Return what a file says; raises ValidationError that names the key."""
    return Application.model_validate(yaml.safe_load(path.read_text()))
