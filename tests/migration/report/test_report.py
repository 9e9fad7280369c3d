"""The report is what its schema says, and the page about it says what the schema says."""

import asyncio
import dataclasses
import json
import signal
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit, Problem, TargetError
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.mapping import ColumnMapping
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report import events
from teleclaude.migration.report.events import Event, note
from teleclaude.migration.report.report import REPORT_VERSION, Failure
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options, Recovery
from teleclaude.migration.source.run_record import RunRecord
from tests.crash.machine import Job
from tests.support.command import teleclaude, to_arguments
from tests.support.pointing import point_to
from tests.support.sample import editing, migrate_sample, query
from tests.support.standing import Migrated

pytestmark = pytest.mark.usefixtures("daemon_here")

SCHEMA: dict[str, Any] = json.loads(files("teleclaude.migration.report").joinpath("report.schema.json").read_text())
PAGE = (Path(__file__).parents[3] / "docs/report.md").read_text()


def check(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as another program reads it; fails where the schema does not allow it."""
    read = json.loads(json.dumps(document))
    wrong = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(read)]
    assert wrong == []
    return dict(read)


def schemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every object with keys of ours: the report and its parts."""
    yield schema
    yield from schema["$defs"].values()


def render(schema: Mapping[str, Any]) -> str:
    """Return what the page has to say: a table for the report and for each of its parts."""
    tables = [f"## The document\n\n{_table(schema)}"]
    tables += [
        f"## {name}\n\n{part['description'].rstrip('.')}.\n\n{_table(part)}" for name, part in schema["$defs"].items()
    ]
    return "\n".join(tables)


def _table(schema: Mapping[str, Any]) -> str:
    rows = [f"| `{key}` | {_type(value)} | {value['description']} |" for key, value in schema["properties"].items()]
    return "".join(f"{row}\n" for row in ("| key | type | meaning |", "|---|---|---|", *rows))


def _type(value: Mapping[str, Any]) -> str:
    match value:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            said = f"[{name}](#{name.lower()})"
        case {"anyOf": kinds}:
            said = " or ".join(map(_type, kinds))
        case {"enum": values}:
            said = ", ".join(f"`{json.dumps(each)}`" for each in values)
        case {"const": only}:
            said = f"`{json.dumps(only)}`"
        case {"type": "array", "items": items}:
            said = f"list of {_type(items)}"
        case {"type": "object", "additionalProperties": values}:
            said = f"object of {_type(values)}"
        case {"type": list(kinds)}:
            said = " or ".join(kinds)
        case _:
            said = str(value["type"])
    return said


def test_the_schema_is_one_and_leaves_no_key_open() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for schema in schemas(SCHEMA):
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
        assert all(value["description"] for value in schema["properties"].values())
    assert SCHEMA["properties"]["version"]["const"] == REPORT_VERSION


def test_the_page_says_what_the_schema_says() -> None:
    begin = PAGE.index("## The document\n")
    assert PAGE[begin:] == render(SCHEMA)


def test_every_result_of_a_step_is_in_the_schema_with_all_its_fields() -> None:
    kinds = (*events.Result.__args__, ColumnMapping, events.Finding, Failure, RunRecord)
    for kind in kinds:
        names = [field.name for field in dataclasses.fields(kind)]
        flat = [part for name in names for part in (("message", "hint") if name == "problem" else (name,))]
        assert list(SCHEMA["$defs"][kind.__name__]["properties"]) == flat


async def test_the_report_of_a_success_has_the_sessions_that_are_open(migrated: Migrated) -> None:
    open_now = "SELECT count(*), min(last_activity) FROM sessions WHERE closed_at IS NULL"
    [(number, longest)] = await query(migrated.target, open_now)
    said = migrated.report.to_json()["idle_sessions"]
    assert said == {**said, "open": number, "over_3_days": number, "longest_since": longest.isoformat()}


def test_the_report_of_a_success_is_valid(migrated: Migrated) -> None:
    document = check(migrated.report.to_json())
    assert document["probe"]["ok"]


async def test_the_report_of_a_worn_installation_is_valid(sample: SampleInstallation, options: Options) -> None:
    point_to(sample)
    with editing(sample) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(
            "INSERT INTO memory_summaries (memory_session_id, project, created_at, created_at_epoch)"
            " VALUES ('nobody', 'p', 'yesterday', 1)"
        )
        database.execute("ALTER TABLE sessions ADD COLUMN mood TEXT")
        database.execute("CREATE VIEW idle AS SELECT 1")
    document = check((await migrate_sample(options)).to_json())
    assert document["ok"], document["failure"]
    for key in ("constraints", "left", "installation", "queues", "findings", "sequences", "columns"):
        assert document[key], key
    assert document["ledger"]["entries"] > 0


async def test_the_report_of_a_rehearsal_is_valid(options: Options) -> None:
    document = check((await migrate_sample(dataclasses.replace(options, dry_run=True))).to_json())
    assert document["dry_run"]
    assert document["preview"]
    assert document["tables"]


async def test_the_report_of_a_rehearsal_without_a_target_is_valid(options: Options) -> None:
    alone = dataclasses.replace(options, dry_run=True, target="postgresql://nobody@127.0.0.1:1/nothing")
    document = check((await migrate_sample(alone)).to_json())
    assert document["target"]["url"] is None


async def test_the_report_of_a_refusal_is_valid(options: Options, tmp_path: Path) -> None:
    nowhere = dataclasses.replace(options, source=tmp_path / "nowhere", person="nobody")
    document = check((await migrate_sample(nowhere)).to_json())
    assert document["exit_code"] == Exit.REFUSED
    assert document["owner"] is None
    assert document["source"]["database"] is None


async def fail(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to fail"))
    raise TargetError(Problem("planted", "nothing to do"))


async def be_interrupted(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to be interrupted"))
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(60)


async def cannot(_plan: Plan) -> None:
    raise TargetError(Problem("planted", "nothing to do"))


def planted(*steps: Step) -> tuple[Step, ...]:
    """Return the steps with others in the place of those of the same names."""
    others = {step.name: step for step in steps}
    return tuple(others.get(step.name, step) for step in STEPS)


async def test_the_report_of_a_run_that_was_taken_back_is_valid(options: Options) -> None:
    document = check((await migrate_sample(options, planted(Step("probe", fail)))).to_json())
    assert document["exit_code"] == Exit.UNDONE
    assert "undone" in {step["outcome"] for step in document["steps"]}


async def test_the_report_of_a_run_that_could_not_be_taken_back_is_valid(options: Options) -> None:
    steps = planted(dataclasses.replace(STEPS[0], undo=cannot), Step("probe", fail))
    document = check((await migrate_sample(options, steps)).to_json())
    assert document["exit_code"] == Exit.NOT_UNDONE
    assert document["undo"]


async def test_the_report_of_an_interrupted_run_is_valid(options: Options) -> None:
    document = check((await migrate_sample(options, planted(Step("probe", be_interrupted)))).to_json())
    assert document["exit_code"] == Exit.INTERRUPTED


@pytest.mark.parametrize("recovery", [None, *Recovery])
async def test_the_report_of_a_run_that_was_cut_off_is_valid(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recovery: Recovery | None
) -> None:
    # The private folder of the killed run is to lie where this test alone looks.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert options.root is not None
    migration = Job([*to_arguments(options), "--yes"], options.root / "var/lib/teleclaude/migration").begin()
    assert migration.reached(("begin", "probe"))
    migration.kill()
    assert migration.wait() == -signal.SIGKILL
    document = check((await migrate_sample(dataclasses.replace(options, recovery=recovery))).to_json())
    assert document["recovery"] == recovery
    assert document["exit_code"] == (Exit.DONE if recovery else Exit.REFUSED), document["failure"]


def test_json_is_one_valid_report_on_stdout_as_in_the_folder_of_the_run_and_all_else_on_stderr(
    options: Options,
) -> None:
    done = teleclaude("migrate-to-system", *to_arguments(options), "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert "transfer" in done.stderr
    printed = check(json.loads(done.stdout))
    assert check(json.loads((Path(printed["folder"]) / "report.json").read_text())) == printed
