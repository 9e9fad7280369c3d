"""The reports of earlier runs: found by a path, by the name of a run, or as the latest, and read."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from teleclaude.errors import ConfigError
from teleclaude.migration.recovery import problems
from teleclaude.migration.state.run_state import REPORT_NAME

_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


def find_report(named: str | None, migrations: Path) -> Path:
    """Return the place of a report: that of a path, of a run below `migrations`, or without a name of the latest run.

    Raises ConfigError where no run is there, or where the folder is closed.
    """
    if named is not None:
        return migrations / named if _RUN.fullmatch(named) else Path(named)
    try:
        # The name of a run begins with its time.
        runs = sorted(run for run in migrations.iterdir() if (run / REPORT_NAME).exists())
    except PermissionError:
        raise ConfigError(problems.REPORT_CLOSED.fill(path=migrations), path=migrations) from None
    except OSError:
        runs = []
    if not runs:
        raise ConfigError(problems.NO_RUNS.fill(folder=migrations), path=migrations)
    return runs[-1]


def load_report(path: Path, migrations: Path) -> tuple[dict[str, Any], Path]:
    """Return a report and the place of its file; `path` may be the folder of the run.

    Raises ConfigError where it is not there, cannot be read, or is no JSON object.
    """
    try:
        path = path / REPORT_NAME if path.is_dir() else path
        report = json.loads(path.read_bytes())
    except PermissionError:
        raise ConfigError(problems.REPORT_CLOSED.fill(path=path), path=path) from None
    except FileNotFoundError:
        raise ConfigError(problems.NO_SUCH_REPORT.fill(path=path, folder=migrations), path=path) from None
    except (OSError, ValueError, RecursionError) as trouble:
        raise ConfigError(problems.NO_REPORT.fill(path=path), path=path) from trouble
    if not isinstance(report, dict):
        raise ConfigError(problems.NO_REPORT.fill(path=path), path=path)
    return report, path


def load_whole_report(path: Path, migrations: Path) -> dict[str, Any]:
    """Return a report that has every key of the contract; raises ConfigError as `load_report`, and where one lacks."""
    report, path = load_report(path, migrations)
    schema = files("teleclaude.migration.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    if not report.keys() >= set(json.loads(schema)["required"]):
        raise ConfigError(problems.NO_REPORT.fill(path=path), path=path)
    return report
