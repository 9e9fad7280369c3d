"""A rehearsal shows everything that the migration would do, and keeps nothing of it."""

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL

from teleclaude.cli.page import print_page
from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.report.events import FilePreview, FileResult, Finding, Severity, TableResult
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options
from tests.support.command import teleclaude, to_arguments
from tests.support.pointing import point_to
from tests.support.sample import files_below, has_nothing, migrate_sample

pytestmark = pytest.mark.usefixtures("daemon_here")

SECRETS = ("telegram-token", "discord-token", "openai-key", "redis-password", "hook-secret", "invite-token")
"""The sample has them all with `sample-` before."""


@pytest.fixture
async def rehearsed(options: Options, sample: SampleInstallation) -> Report:
    point_to(sample)
    return await migrate_sample(dataclasses.replace(options, dry_run=True))


def previews(report: Report) -> dict[str, FilePreview]:
    return {file.kind: file for file in report.all(FilePreview)}


async def test_a_rehearsal_moves_and_proves_everything_and_leaves_no_trace(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    before = files_below(sample.checkout), files_below(sample.home)
    report = await migrate_sample(dataclasses.replace(options, dry_run=True))
    assert report.ok
    assert [table.name for table in report.all(TableResult) if table.target_rows != table.source_rows] == []
    assert (files_below(sample.checkout), files_below(sample.home)) == before
    assert await has_nothing(target)
    assert options.root is not None
    assert not options.root.exists()


async def test_what_all_may_read_is_shown_as_it_would_be_written_and_of_the_users_file_the_names(
    rehearsed: Report, options: Options
) -> None:
    shown = previews(rehearsed)
    real = await migrate_sample(options)
    [file] = [file for file in real.all(FileResult) if file.kind == "system"]
    written = Path(file.path).read_text().replace(real.header["run"], rehearsed.header["run"])
    assert shown["system"] == FilePreview(file.path, "system", written)
    assert set(yaml.safe_load(shown["user"].content).values()) == {"***"}


async def test_secrets_are_shown_by_their_names_alone(rehearsed: Report, options: Options) -> None:
    report = json.dumps(rehearsed.to_json())
    assert [secret for secret in SECRETS if f"sample-{secret}" in report] == []
    shown = yaml.safe_load(previews(rehearsed)["secrets"].content)
    assert await has_written(options, set(shown["environment"]), set(shown["profiles"]))
    assert set(shown["environment"].values()) | set(shown["profiles"].values()) == {"***"}


async def has_written(options: Options, variables: set[str], people: set[str]) -> bool:
    """Whether the real migration writes secrets of just these names."""
    real = await migrate_sample(options)
    [path] = [file.path for file in real.all(FileResult) if file.kind == "secrets"]
    written = yaml.safe_load(Path(path).read_text())
    return (set(written["environment"]), set(written["profiles"])) == (variables, people)


@pytest.mark.parametrize(
    ("person", "uid", "why"),
    [
        ("Bob", 987654, "Bob, as --person says; uid 987654 (no account of this computer), as --uid says"),
        ("ada", 0, "Ada, as --person says; the account root (uid 0), as --uid says"),
    ],
)
async def test_it_says_whose_the_sessions_become_and_how_that_was_found(
    options: Options, person: str, uid: int, why: str
) -> None:
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, person=person, uid=uid))
    assert report.header["owner"]["why"] == why
    assert report.header["owner"]["sessions"] == 20


async def test_what_stands_in_the_way_does_not_keep_the_rest_from_being_shown(
    options: Options, sample: SampleInstallation
) -> None:
    assert options.root is not None
    (options.root / "etc/teleclaude").mkdir(parents=True)
    (options.root / "etc/teleclaude/config.yml").write_text("theirs\n")
    point_to(sample)
    report = await migrate_sample(dataclasses.replace(options, dry_run=True))
    assert report.exit_code == 3
    said = report.to_json()
    assert {file["kind"] for file in said["preview"]} == {"system", "secrets", "user"}
    assert said["installation"]
    assert said["owner"]["sessions"] == 20


async def test_the_page_shows_it_in_short(rehearsed: Report, capsys: pytest.CaptureFixture[str]) -> None:
    print_page(rehearsed)
    # A long path is broken where the line ends.
    said = "".join(capsys.readouterr().out.split())
    for sentence in (
        "20 sessions would belong to Ada",
        "secrets.yml: TELEGRAM_BOT_TOKEN, DISCORD_BOT_TOKEN",
        "nothing was kept",
    ):
        assert sentence.replace(" ", "") in said


async def test_a_rehearsal_with_a_folder_keeps_its_report_there_and_nothing_to_run(
    options: Options, tmp_path: Path
) -> None:
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, report_dir=tmp_path / "kept"))
    folder = Path(report.header["folder"])
    assert json.loads((folder / "report.json").read_text())["preview"]
    kept = ["journal.jsonl", "ledger.jsonl", "report.html", "report.json"]
    assert sorted(path.name for path in folder.iterdir()) == kept
    entries = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert [entry["undo"] for entry in entries if entry.get("undo")] == []


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("garbage", "the database URL cannot be read"),
        ("sqlite:///x", "the target is not PostgreSQL"),
        ("postgresql://localhost/d?sslmod=disable", "the database URL has a parameter that is not known here: sslmod"),
    ],
)
async def test_a_target_that_nobody_could_reach_refuses_a_rehearsal_too(
    options: Options, named: str, sentence: str
) -> None:
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, target=named))
    assert report.exit_code == 3
    assert sentence in [
        finding.problem.message for finding in report.all(Finding) if finding.severity is Severity.ERROR
    ]


@pytest.mark.parametrize(("database", "loads"), [("nowhere", False), (None, True)])
async def test_the_report_says_whether_the_load_was_rehearsed(
    options: Options, target: URL, database: str | None, loads: bool
) -> None:
    named = target.set(database=database or target.database).render_as_string(hide_password=False)
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, target=named))
    assert report.ok, report.failure
    assert report.to_json()["load_rehearsed"] is loads


def on_the_page(options: Options, *flags: str) -> str:
    done = teleclaude("migrate-to-system", *to_arguments(options), "--dry-run", *flags)
    return done.stdout + done.stderr


def test_a_rehearsal_says_how_to_see_what_it_does_not_keep(options: Options, sample: SampleInstallation) -> None:
    point_to(sample)
    said = on_the_page(options)
    for sentence in (
        "→ --json prints the query of the rows",
        "→ keep the list of them, with the originals: --report-dir DIR",
        "report: --json prints it, --report-dir DIR keeps it",
    ):
        assert sentence in said
    assert "the report has" not in said
    assert "ledger.jsonl" not in said


def test_a_rehearsal_that_keeps_its_folder_says_what_is_in_it(options: Options, tmp_path: Path) -> None:
    said = on_the_page(options, "--report-dir", str(tmp_path / "kept"))
    assert "→ the report has the query of the rows" in said
    assert "→ look at ledger.jsonl, which has each of them with its original" in said
    assert "--report-dir" not in said


@pytest.mark.parametrize("flags", [[], ["--report-dir", "kept"]])
def test_a_rehearsal_that_is_refused_promises_no_folder(
    options: Options, sample: SampleInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sample.database.unlink()
    said = on_the_page(options, *flags)
    assert "report: --json prints it" in said
    assert "--report-dir" not in said
    assert not (tmp_path / "kept").exists()
