"""The new configuration is shown with its secrets masked."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from teleclaude.errors import Problem
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.publish.render import PreparedFile, preview
from teleclaude.migration.report.events import Event, note
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from tests.support.sample import migrate_sample

SECRETS = b"# Written by teleclaude migrate-to-system, run r1.\n# Secrets.\nenvironment:\n  API_KEY: planted\n"


def prepared(kind: str, content: bytes) -> PreparedFile:
    return PreparedFile(kind, Path(f"/etc/teleclaude/{kind}.yml"), content, 0o600, "root", None)


def test_of_secrets_the_names_alone_are_shown() -> None:
    shown = preview(prepared("secrets", SECRETS))
    assert "API_KEY" in shown.content
    assert "planted" not in shown.content
    assert shown.content.startswith("# Written by teleclaude migrate-to-system, run r1.\n# Secrets.\n")


def test_another_file_is_shown_as_it_would_be_written() -> None:
    assert preview(prepared("system", b"a: 1\n")).content == "a: 1\n"


def test_no_content_is_in_the_text_of_a_prepared_file() -> None:
    assert "planted" not in repr(prepared("secrets", SECRETS))


@pytest.mark.usefixtures("daemon_here")
async def test_a_private_copy_that_was_changed_is_not_published(options: Options) -> None:
    async def change(plan: Plan) -> AsyncGenerator[Event, None]:
        assert plan.inventory.config_files is not None
        plan.inventory.config_files.everyone.write_text("people: [{name: planted}]\n")
        yield note("test", Problem("changed"))

    report = await migrate_sample(options, (Step("change", change), STEPS[1]))
    assert report.failure is not None
    assert "teleclaude.yml is no longer the private copy that was made" in report.failure.problem.message
