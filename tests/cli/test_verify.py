import json
import subprocess
from pathlib import Path

from tests.support.command import teleclaude
from tests.support.idle import close_idle_later
from tests.support.sample import editing, files_below, query
from tests.support.standing import Migrated


def verify(migrated: Migrated, *flags: str) -> subprocess.CompletedProcess[str]:
    report = str(migrated.folder / "report.json")
    return teleclaude("verify", "--report", report, *flags, PGPASSWORD=str(migrated.target.password))


def test_an_untouched_target_is_equal_value_by_value(migrated: Migrated) -> None:
    before = files_below(migrated.sample.checkout)
    done = verify(migrated, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert (results["outcome"], results["rows_used"]) == ("equal", 0)
    assert {result["name"]: result["target_rows"] for result in results["results"]}["sessions"] == 20
    assert files_below(migrated.sample.checkout) == before


async def test_what_changed_is_named_and_the_rest_is_still_compared(migrated: Migrated) -> None:
    await query(migrated.target, "UPDATE webhook_contracts SET source = 'changed'")
    done = verify(migrated)
    assert done.returncode == 3
    assert "webhook_contracts" in done.stderr
    assert "PostgreSQL holds <length 7, sha256 " in " ".join(done.stderr.split())
    assert "sessions: 20 rows" in done.stdout
    results = json.loads(verify(migrated, "--json").stdout)["results"]
    assert ["<length 7, sha256 " in result["message"] for result in results if "hint" in result] == [True]


def test_a_source_that_was_written_to_since_is_named(migrated: Migrated) -> None:
    with editing(migrated.sample) as database:
        database.execute("PRAGMA wal_checkpoint")
        database.execute("UPDATE system_settings SET value = 'late' WHERE key = 'setting_1'")
    done = verify(migrated)
    assert done.returncode == 3
    assert "was written to after the migration" in done.stderr


def test_a_report_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    for asked, missing in ((tmp_path / "x.json", tmp_path / "x.json"), (tmp_path, tmp_path / "report.json")):
        done = teleclaude("verify", "--report", str(asked))
        assert done.returncode == 3
        assert f"there is no report {missing}" in done.stderr


def test_a_file_that_is_no_report_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")
    done = teleclaude("verify", "--report", str(path))
    assert done.returncode == 3
    assert "is not the report of a migration" in done.stderr or "moved nothing" in done.stderr
    assert "Traceback" not in done.stderr


async def test_use_of_the_new_system_is_told_apart_from_what_differs(migrated: Migrated) -> None:
    await query(migrated.target, "UPDATE sessions SET title = 'renamed', last_activity = now()")
    await query(migrated.target, "INSERT INTO audit_log (actor_person, action_type) VALUES ('Ada', 'list_session')")
    done = verify(migrated)
    assert done.returncode == 0, done.stderr
    assert "sessions: used since: 20 rows changed" in done.stdout
    assert "audit_log: used since: 1 row added" in done.stdout
    *_, since, rest = done.stdout.splitlines()
    assert since == "the new system has been used since: 21 rows differ as expected of it"
    assert rest == "everything else is equal"
    await query(migrated.target, "UPDATE sessions SET owner_uid = 4711")
    done = verify(migrated, "--json")
    assert done.returncode == 3
    said = json.loads(done.stdout)
    assert (said["outcome"], said["rows_used"]) == ("differs", 1)
    (found,) = (result for result in said["results"] if "hint" in result)
    assert found["message"].endswith("owner_uid: the source holds 1000, PostgreSQL holds 4711")


async def test_what_the_daemon_closed_as_idle_is_counted_apart_from_what_people_did(migrated: Migrated) -> None:
    closed = await close_idle_later(migrated.target)
    last = "(SELECT max(target_session_id) FROM audit_log)"
    await query(migrated.target, f"UPDATE sessions SET title = 'x', last_activity = now() WHERE session_id = {last}")
    done = verify(migrated)
    assert done.returncode == 0, done.stderr
    assert f"sessions: used since: 1 row changed, {closed - 1} rows written by close_idle alone" in done.stdout
    assert f"audit_log: used since: {closed} rows written by close_idle alone" in done.stdout
