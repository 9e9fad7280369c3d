"""An administrator moves what belongs to somebody else, with two real accounts of this computer."""

import dataclasses
import io
import os
import pwd

import pytest
import yaml
from sqlalchemy import URL

from teleclaude.cli.page import print_page
from teleclaude.cli.screen import Screen
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit
from teleclaude.migration.report.events import Finding, Severity
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options
from tests.support.sample import has_nothing, migrate_sample, query

pytestmark = [
    pytest.mark.usefixtures("daemon_here"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user"),
]

OWNER, CALLER = pwd.getpwnam("daemon"), pwd.getpwnam("bin")
THE_OWNER = f"the account daemon (uid {OWNER.pw_uid})"
THE_CALLER = f"the account bin (uid {CALLER.pw_uid})"


def list_people(sample: SampleInstallation, *people: dict[str, str]) -> None:
    (sample.home / ".teleclaude/teleclaude.yml").write_text(yaml.safe_dump({"people": list(people)}))


@pytest.fixture
def asked(options: Options, sample: SampleInstallation, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Give the sample to one account, let another one call sudo, and ask for neither person nor user id."""
    people = ({"name": "Eva", "username": "bin"}, {"name": "Zoe", "username": "daemon"})
    list_people(sample, *people)
    for folder in (sample.checkout, sample.home):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OWNER.pw_uid, OWNER.pw_gid, follow_symlinks=False)
    monkeypatch.setenv("SUDO_UID", str(CALLER.pw_uid))
    return dataclasses.replace(options, person=None, uid=None)


def told(report: Report, severity: Severity) -> list[str]:
    found = (finding for finding in report.all(Finding) if finding.subject == "owner")
    return [finding.problem.message for finding in found if finding.severity is severity]


async def test_the_sessions_become_those_of_the_owner_and_not_of_the_caller(asked: Options, target: URL) -> None:
    report = await migrate_sample(asked)
    assert report.ok, report.failure
    owners = await query(target, "SELECT DISTINCT owner_person, owner_uid FROM sessions")
    assert owners == [("Zoe", OWNER.pw_uid)]
    owner = report.to_json()["owner"]
    assert (owner["person"], owner["uid"], owner["account"]) == ("Zoe", OWNER.pw_uid, "daemon")
    assert told(report, Severity.WARNING) == [f"every session belongs to {THE_OWNER}, but {THE_CALLER} called sudo"]


async def test_where_people_lists_nobody_the_owner_becomes_the_administrator_and_not_the_caller(
    asked: Options, sample: SampleInstallation
) -> None:
    list_people(sample)
    report = await migrate_sample(dataclasses.replace(asked, person="Ada"))
    assert report.ok, report.failure
    assert asked.root is not None
    published = yaml.safe_load((asked.root / "etc/teleclaude/config.yml").read_text())
    assert published["people"] == [{"name": "Ada", "username": "daemon", "role": "admin"}]


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_person_who_does_not_own_the_files_is_refused_without_a_user_id(
    asked: Options, target: URL, dry_run: bool
) -> None:
    options = dataclasses.replace(asked, person="Eva", dry_run=dry_run)
    report = await migrate_sample(options, observer=Screen(may_ask=False, agreed=True))
    assert report.exit_code == Exit.REFUSED
    assert told(report, Severity.ERROR) == [f"--person names Eva, but the old installation belongs to {THE_OWNER}"]
    assert await has_nothing(target)


async def test_a_person_who_does_not_own_the_files_is_taken_with_a_user_id(asked: Options, target: URL) -> None:
    report = await migrate_sample(dataclasses.replace(asked, person="Eva", uid=CALLER.pw_uid))
    assert report.ok, report.failure
    owners = await query(target, "SELECT DISTINCT owner_person, owner_uid FROM sessions")
    assert owners == [("Eva", CALLER.pw_uid)]


async def test_the_question_names_the_account_and_who_else_it_could_be(
    asked: Options, target: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    report = await migrate_sample(asked, observer=Screen(may_ask=True, agreed=False))
    assert report.exit_code == Exit.REFUSED
    question = capsys.readouterr().err.partition("Migrate?")[0]
    assert f"every session will belong to Zoe, whose username in people is daemon; {THE_OWNER}, the owner" in question
    assert f"warning: owner: every session belongs to {THE_OWNER}, but {THE_CALLER} called sudo" in question
    assert await has_nothing(target)


async def test_the_rehearsal_names_the_account(asked: Options, capsys: pytest.CaptureFixture[str]) -> None:
    print_page(await migrate_sample(dataclasses.replace(asked, dry_run=True)))
    page = capsys.readouterr().out
    assert f"20 sessions would belong to Zoe, whose username in people is daemon; {THE_OWNER}" in page
    assert f"! owner: every session belongs to {THE_OWNER}, but {THE_CALLER} called sudo" in page


async def test_a_user_id_that_no_account_has_is_in_sight(asked: Options, capsys: pytest.CaptureFixture[str]) -> None:
    report = await migrate_sample(dataclasses.replace(asked, uid=987654, dry_run=True))
    assert report.to_json()["owner"]["account"] is None
    print_page(report)
    assert "! owner: every session belongs to uid 987654, and this computer has no account" in capsys.readouterr().out
