"""How an old installation is found and its configuration read."""

import dataclasses
import os
import pwd
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import URL

from teleclaude.config.files import read_system
from teleclaude.daemon.identity import Account, Caller, Role, identify
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit
from teleclaude.layout import make_layout
from teleclaude.migration.report.events import Finding, OldFile, SourceFileResult
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options
from tests.support.sample import migrate_sample, query

pytestmark = pytest.mark.usefixtures("daemon_here")


def published(options: Options) -> Any:
    """Return the system's configuration as it was published."""
    assert options.root is not None
    return yaml.safe_load((options.root / "etc/teleclaude/config.yml").read_text())


def outcomes(report: Report) -> dict[str, str]:
    return {old_file.path: old_file.outcome for old_file in report.all(OldFile)}


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
    assert {outcomes(report)[str(path)] for path in (real, real.parent / "experiments.yml")} == {"moved"}
    assert outcomes(report)[str(stale)] == "left"
    assert {str(real), str(stale)} <= {file.path for file in report.all(SourceFileResult)}


async def test_a_configuration_that_the_environment_names_and_nobody_has_is_refused(
    options: Options, sample: SampleInstallation
) -> None:
    with (sample.checkout / ".env").open("a") as file:
        file.write("TELECLAUDE_CONFIG_PATH=/nowhere/real.yml\n")
    report = await migrate_sample(options)
    assert report.exit_code == Exit.REFUSED
    assert "/nowhere/real.yml is missing" in [finding.problem.message for finding in report.all(Finding)]


@pytest.mark.parametrize("text", [None, "interests: [ai]\n", "people: []\n"])
async def test_where_nobody_is_listed_the_person_who_is_named_becomes_the_administrator(
    options: Options, sample: SampleInstallation, target: URL, text: str | None
) -> None:
    list_nobody(sample, text)
    report = await migrate_sample(dataclasses.replace(options, person="Eva", uid=os.getuid()))
    assert report.ok, report.failure
    assert await query(target, "SELECT DISTINCT owner_person FROM sessions") == [("Eva",)]
    account = pwd.getpwuid(os.getuid()).pw_name
    assert published(options)["people"] == [{"name": "Eva", "username": account, "role": "admin"}]
    told = [finding.problem.message for finding in report.all(Finding) if finding.subject == "owner"]
    expected = f"people lists nobody, so Eva becomes its only entry, an administrator with the username {account}"
    assert told == [expected]


async def test_the_first_person_is_known_to_the_new_daemon(options: Options, sample: SampleInstallation) -> None:
    list_nobody(sample, None)
    assert (await migrate_sample(dataclasses.replace(options, person="Eva", uid=os.getuid()))).ok
    people = read_system(make_layout("linux", options.root, {}), {}).people
    account = Account(4321, pwd.getpwuid(os.getuid()).pw_name)
    assert identify(account, people, 1234, single_user=False) == Caller("Eva", Role.ADMIN, 4321)


async def test_a_first_person_whose_account_this_machine_does_not_know_has_no_username(
    options: Options, sample: SampleInstallation
) -> None:
    list_nobody(sample, None)
    assert (await migrate_sample(dataclasses.replace(options, person="Eva", uid=987654))).ok
    assert published(options)["people"] == [{"name": "Eva", "role": "admin"}]


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (None, "people lists nobody, so the owner of the sessions has no name"),
        ("", "people lists nobody, so the owner of the sessions has no name"),
        ("two\nlines", "the name after --person has a control character"),
    ],
)
async def test_where_nobody_is_listed_a_name_has_to_be_said(
    options: Options, sample: SampleInstallation, person: str | None, reason: str
) -> None:
    list_nobody(sample, None)
    report = await migrate_sample(dataclasses.replace(options, person=person))
    assert report.exit_code == Exit.REFUSED
    told = [finding for finding in report.all(Finding) if finding.subject == "owner"]
    assert [finding.problem.message for finding in told] == [reason]
    assert "use --person NAME" in told[0].problem.hint


def list_nobody(sample: SampleInstallation, text: str | None) -> None:
    everyone = sample.home / ".teleclaude" / "teleclaude.yml"
    everyone.unlink()
    if text is not None:
        everyone.write_text(text)


def copy_emptied(sample: SampleInstallation, to: Path, kept: str) -> int:
    """Copy the old database without rows but those of one table; return how many they are."""
    with closing(sqlite3.connect(sample.database)) as database, closing(sqlite3.connect(to)) as copy:
        database.backup(copy)
        names = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")
        ours = [name for (name,) in names if "_fts" not in name and name not in (kept, "sqlite_sequence")]
        for name in ours:
            copy.execute(f"DELETE FROM {name}")
        copy.commit()
        return int(copy.execute(f"SELECT count(*) FROM {kept}").fetchone()[0])


async def test_a_database_without_sessions_that_holds_what_was_remembered_is_the_one_in_use(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    moved = sample.checkout / "moved.db"
    rows = copy_emptied(sample, moved, "memory_observations")
    empty = sample.checkout / "empty.db"
    copy_emptied(sample, empty, "schema_migrations")
    sample.database.unlink()
    empty.rename(sample.database)
    with (sample.checkout / ".env").open("a") as file:
        file.write(f"TELECLAUDE_DB_PATH={moved}\n")
    assert (await migrate_sample(options)).ok
    assert rows
    assert await query(target, "SELECT count(*) FROM memory_observations") == [(rows,)]


async def test_two_databases_of_which_one_has_sessions_and_the_other_memory_are_not_chosen_from(
    options: Options, sample: SampleInstallation
) -> None:
    moved = sample.checkout / "moved.db"
    rows = copy_emptied(sample, moved, "memory_observations")
    with (sample.checkout / ".env").open("a") as file:
        file.write(f"TELECLAUDE_DB_PATH={moved}\n")
    report = await migrate_sample(options)
    assert report.exit_code == Exit.REFUSED
    told = next(finding.problem.message for finding in report.all(Finding) if finding.subject == "source")
    assert told.startswith("two databases hold data: ")
    assert f"{moved} ({rows} rows)" in told
    assert str(sample.database) not in outcomes(report)


async def test_the_home_in_the_configuration_stays_the_old_users(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    config = sample.checkout / "config.yml"
    moved = sample.home / "moved.db"
    sample.database.rename(moved)
    account = pwd.getpwuid(os.getuid()).pw_name
    named = "computer: {default_working_dir: '${HOME}/projects', user: '${USER}'}\nagents: {default: claude}\n"
    config.write_text(f"{named}database: {{path: '${{HOME}}/moved.db'}}\n")
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert published(options)["computer"] == {"default_working_dir": f"{sample.home}/projects", "user": account}
    assert await query(target, "SELECT count(*) > 0 FROM sessions") == [(True,)]


async def test_a_variable_that_the_environment_file_does_not_set_is_named_with_its_key(
    options: Options, sample: SampleInstallation
) -> None:
    config = sample.checkout / "config.yml"
    config.write_text(
        "agents: {default: claude}\nredis: {url: 'redis://${CACHE_HOST}/0', password: '${OPENAI_API_KEY}'}\n"
        "custom: [{ghp_0123456789abcdef: '${THEIRS}'}, '${not a name}']\nui: {theme: '${NOT_READ}'}\n"
    )
    report = await migrate_sample(options)
    assert report.ok, report.failure
    told = [finding.problem.message for finding in report.all(Finding) if finding.subject == "configuration"]
    assert told == [f"{config} names variables that .env does not set: CACHE_HOST in redis.url, THEIRS in custom.0.…"]
