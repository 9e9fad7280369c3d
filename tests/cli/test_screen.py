"""The question before the start says what will be moved, and whose the sessions become."""

import dataclasses
import io
import os
import pwd

import pytest

from teleclaude.cli.screen import Screen
from teleclaude.errors import Exit
from teleclaude.migration.report.events import Progress
from teleclaude.migration.source.options import Options
from tests.support.sample import migrate_sample


@pytest.mark.parametrize(
    ("uid", "sentence"),
    [
        (os.getuid(), f"the account {pwd.getpwuid(os.getuid()).pw_name} (uid {os.getuid()}), as --uid says"),
        (987654, "uid 987654 (no account of this computer), as --uid says"),
    ],
)
async def test_the_question_names_person_and_account(
    options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], uid: int, sentence: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    screen = Screen(may_ask=True, agreed=False)
    report = await migrate_sample(dataclasses.replace(options, uid=uid), observer=screen)
    assert report.exit_code == Exit.REFUSED
    question = capsys.readouterr().err.partition("Migrate?")[0]
    assert f"every session will belong to Ada, as --person says; {sentence}" in question
    assert ("this computer has no account with that number" in question) is (uid == 987654)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress("keys, indexes, search", 0, 1), "  keys, indexes, search: 0 of 1\n"),
        (Progress("sessions", 0, 9, size=2000, left=3), "  sessions: 0 of 9, 2.0 kB, about 3 s left\n"),
    ],
)
def test_a_line_of_progress_says_what_is_known_and_ends_there(
    capsys: pytest.CaptureFixture[str], progress: Progress, line: str
) -> None:
    Screen(may_ask=False, agreed=True).event(progress)
    assert capsys.readouterr().err == line
