"""The wheel, installed in an environment of its own, away from the checkout."""

import json
import os
import subprocess
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from jsonschema import Draft202012Validator

from teleclaude import __version__

CHECKOUT = Path(__file__).parents[2]
TO_PAGE = """import json, sys; from teleclaude.migration.report.html import to_html
print(to_html(json.load(open(sys.argv[1]))))"""
pytestmark = pytest.mark.skipif(find_spec("ensurepip") is None, reason="this Python cannot make environments with pip")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in an environment that finds the libraries, and not the program, where the tests do."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(CHECKOUT)).build(directory=str(folder), versions=["standard"])
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    run(environment, "bin/pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return environment


def run(environment: Path, program: str, *words: str) -> str:
    """Return what a program of the environment prints, outside the checkout."""
    path = f"{environment}/bin:{os.environ['PATH']}"
    command = [str(environment / program), *words]
    done = subprocess.run(
        command, cwd="/", env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_says_which_version_it_is(environment: Path) -> None:
    assert run(environment, "bin/teleclaude", "--version").split()[-1] == __version__


def test_it_runs_the_demonstration_with_its_own_files(environment: Path, tmp_path: Path) -> None:
    told = run(environment, "bin/python", "-c", "import teleclaude; print(teleclaude.__file__)")
    assert Path(told).is_relative_to(environment)
    report = json.loads(run(environment, "bin/teleclaude", "demo", "--json"))
    assert report["ok"]
    (schema,) = environment.glob("lib/python*/site-packages/teleclaude/migration/report/report.schema.json")
    Draft202012Validator(json.loads(schema.read_text())).validate(report)
    # Its page is made with the template of the wheel.
    (tmp_path / "report.json").write_text(json.dumps(report))
    page = run(environment, "bin/python", "-c", TO_PAGE, str(tmp_path / "report.json"))
    assert page.startswith("<!DOCTYPE html>")
    assert "Done and proved." in page


def test_it_brings_the_scripts_along_that_install_and_migrate(environment: Path) -> None:
    assert (environment / "share/teleclaude/etc/teleclaude-system.service").is_file()
    assert "--dry-run" in run(environment, "share/teleclaude/bin/install-system.sh", "--help")
    assert "--target" in run(environment, "share/teleclaude/bin/migrate-to-system.sh", "--help")
