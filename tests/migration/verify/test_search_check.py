"""The probe searches on both sides, and says where PostgreSQL finds something else."""

import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest

from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Problem
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Finding, ProbeResult, note
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from teleclaude.migration.steps.transfer import transfer
from tests.support.sample import migrate_sample, query
from tests.support.standing import Migrated

pytestmark = pytest.mark.usefixtures("daemon_here")


def fault(statement: str) -> Step:
    """Return the transfer with a change of the new database behind it."""

    async def change(plan: Plan) -> AsyncGenerator[Event, None]:
        async for event in transfer(plan):
            yield event
        assert plan.url is not None
        await query(plan.url, statement)
        yield note("test", Problem("the target was changed"))

    return Step("transfer", change, STEPS[0].undo, STEPS[0].commands)


def differences(report: Report) -> list[str]:
    assert report.failure is None, report.failure
    return [finding.problem.message for finding in report.all(Finding) if finding.subject == "search"]


def change_source(sample: SampleInstallation, *statements: str) -> None:
    with closing(sqlite3.connect(sample.checkout / "teleclaude.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def test_a_sample_is_searched_on_both_sides(migrated: Migrated) -> None:
    assert differences(migrated.report) == []
    (probe,) = migrated.report.all(ProbeResult)
    assert probe.searches >= 10


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE memory_observations SET title = NULL, narrative = NULL, facts = NULL", "memory_observations"),
        ("UPDATE mirrors SET conversation_text = '' WHERE id = (SELECT max(id) FROM mirrors)", "mirrors"),
    ],
)
async def test_a_row_that_is_no_longer_found_is_reported(options: Options, statement: str, table: str) -> None:
    (difference,) = differences(await migrate_sample(options, (fault(statement), *STEPS[1:])))
    assert f"in {table} the search finds other rows" in difference


async def test_a_row_that_only_the_new_search_finds_is_reported(options: Options) -> None:
    spread = "UPDATE mirrors SET conversation_text = (SELECT conversation_text FROM mirrors ORDER BY id LIMIT 1)"
    assert len(differences(await migrate_sample(options, (fault(spread), *STEPS[1:])))) == 1


async def test_an_old_index_that_lags_behind_its_table_is_no_difference(
    options: Options, sample: SampleInstallation
) -> None:
    change_source(sample, "INSERT INTO memory_observations_fts(memory_observations_fts) VALUES ('delete-all')")
    assert differences(await migrate_sample(options)) == []


@pytest.mark.parametrize("damaged", ["id > 10", "true"], ids=["a part", "all of it"])
async def test_an_old_index_that_is_damaged_is_no_difference(
    options: Options, sample: SampleInstallation, damaged: str
) -> None:
    change_source(sample, f"DELETE FROM memory_observations_fts_data WHERE {damaged}")
    assert differences(await migrate_sample(options)) == []


@pytest.mark.parametrize(
    "odd",
    ["x'74776f20636166e920'", "'two caf' || char(0) || 'é three'", "'a' || char(0) || ' \"src/db.py'"],
    ids=["Latin-1", "NUL", "NUL before a path"],
)
async def test_words_that_postgresql_cannot_hold_are_not_searched(
    options: Options, sample: SampleInstallation, odd: str
) -> None:
    change_source(sample, f"UPDATE memory_observations SET title = CAST({odd} AS TEXT)")
    assert differences(await migrate_sample(options)) == []


async def test_an_old_database_without_an_index_is_no_difference(options: Options, sample: SampleInstallation) -> None:
    triggers = [f"DROP TRIGGER IF EXISTS memory_obs_{event}" for event in ("ai", "ad", "au")]
    change_source(sample, *triggers, "DROP TABLE memory_observations_fts")
    assert differences(await migrate_sample(options)) == []


async def test_no_word_of_the_data_gets_into_the_report_by_being_searched(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    change_source(
        sample,
        "UPDATE memory_observations SET narrative = 'thewordthatishidden and more', title = NULL"
        " WHERE id = (SELECT max(id) FROM memory_observations)",
    )
    report = await migrate_sample(options)
    assert report.ok
    assert "thewordthatishidden" not in json.dumps(report.to_json())


@pytest.mark.parametrize(
    ("oldest", "others"),
    [
        ('["Zürich Göteborg", "Привет"]', r'["Z\u00fcrich G\u00f6teborg"]'),
        (r'["a\u0000b c"]', '{"b": {"zz": 1, "a": 1e5}}'),
        (r'["a\u003cb c"]', "no JSON"),
    ],
    ids=["raw and escaped", "NUL and the order of keys", "needless escapes and no JSON"],
)
async def test_json_in_any_spelling_is_no_difference(
    options: Options, sample: SampleInstallation, oldest: str, others: str
) -> None:
    facts = f"CASE id WHEN (SELECT min(id) FROM memory_observations) THEN '{oldest}' ELSE '{others}' END"
    change_source(
        sample, f"UPDATE memory_observations SET title = NULL, subtitle = NULL, narrative = NULL, facts = {facts}"
    )
    assert differences(await migrate_sample(options)) == []
