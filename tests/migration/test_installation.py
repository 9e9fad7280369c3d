"""How an old installation is found and its configuration read."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit
from teleclaude.migration.events import Belonging, Finding, SourceFileResult
from teleclaude.migration.options import Options
from teleclaude.migration.report import Report
from tests.sample import migrate_sample

pytestmark = pytest.mark.usefixtures("daemon_here")


def published(options: Options) -> Any:
    """Return the system's configuration as it was published."""
    assert options.root is not None
    return yaml.safe_load((options.root / "etc/teleclaude/config.yml").read_text())


def fates(report: Report) -> dict[str, str]:
    return {belonging.path: belonging.fate for belonging in report.all(Belonging)}


@pytest.mark.parametrize("name", ["conf/real.yml", "{folder}/real.yml"])
async def test_the_configuration_that_the_environment_names_is_the_one_that_is_migrated(
    options: Options, sample: SampleInstallation, tmp_path: Path, name: str
) -> None:
    name = name.format(folder=tmp_path / "elsewhere")
    real = sample.checkout / name
    real.parent.mkdir()
    real.write_text("computer: {name: real}\nagents: {default: codex}\n")
    (real.parent / "experiments.yml").write_text("experiments: [{name: beside}]\n")
    with (sample.checkout / ".env").open("a") as file:
        file.write(f"TELECLAUDE_CONFIG_PATH={name}\n")
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert published(options)["computer"] == {"name": "real"}
    assert published(options)["experiments"] == [{"name": "beside"}]
    stale = sample.checkout / "config.yml"
    assert {fates(report)[str(path)] for path in (real, real.parent / "experiments.yml")} == {"carried"}
    assert fates(report)[str(stale)] == "left"
    assert {str(real), str(stale)} <= {file.path for file in report.all(SourceFileResult)}


async def test_a_configuration_that_the_environment_names_and_nobody_has_is_refused(
    options: Options, sample: SampleInstallation
) -> None:
    with (sample.checkout / ".env").open("a") as file:
        file.write("TELECLAUDE_CONFIG_PATH=/nowhere/real.yml\n")
    report = await migrate_sample(options)
    assert report.exit_code == Exit.REFUSED
    assert "/nowhere/real.yml is missing" in [finding.message for finding in report.all(Finding)]
