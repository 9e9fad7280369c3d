"""The guards that a second guard would hide: how each is removed, and the test that must fail without it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A guard that is removed: in `path`, `old` becomes `new`; `test` must fail then, and pass before."""

    guard: str
    path: str
    old: str
    new: str
    test: str
    needs_root: bool = False
    """Whether the test is skipped for everybody but root."""


_MIGRATION = "teleclaude/migration"
_GUARDS = "tests/migration/test_guards.py::"

MUTANTS = (
    Mutant(
        "the source is hashed again right before COMMIT",
        f"{_MIGRATION}/steps/transfer.py",
        "            await in_thread(check_unchanged, ",
        "            await in_thread(lambda *_: None, ",
        f"{_GUARDS}test_a_source_that_changes_after_the_load_fails_the_transfer_itself",
    ),
    Mutant(
        "an entry of the journal is on disk before its step goes on",
        f"{_MIGRATION}/state/journal.py",
        "        os.fsync(file.fileno())\n",
        "",
        f"{_GUARDS}test_ledger_and_journal_are_on_disk_before_the_commit_is_sent",
    ),
    Mutant(
        "the ledger is on disk before the COMMIT",
        f"{_MIGRATION}/state/ledger.py",
        "        os.fsync(self.file.fileno())\n",
        "        pass\n",
        f"{_GUARDS}test_ledger_and_journal_are_on_disk_before_the_commit_is_sent",
    ),
    Mutant(
        "the journal says commit before the COMMIT is sent",
        f"{_MIGRATION}/steps/transfer.py",
        "    write_entry(plan.folder, {**COMMIT,",
        "    _ = (plan.folder, {**COMMIT,",
        f"{_GUARDS}test_ledger_and_journal_are_on_disk_before_the_commit_is_sent",
    ),
    Mutant(
        "a published file is on disk before it has its name",
        "teleclaude/config/files.py",
        "        file.flush()\n        os.fsync(file.fileno())\n",
        "        file.flush()\n",
        f"{_GUARDS}test_a_published_file_is_on_disk_before_it_has_its_name_and_then_the_name_is",
    ),
    Mutant(
        "the name of a published file is on disk",
        "teleclaude/config/files.py",
        "                    os.unlink(temporary, dir_fd=folder)\n            sync_folder(folder)\n",
        "                    os.unlink(temporary, dir_fd=folder)\n",
        f"{_GUARDS}test_a_published_file_is_on_disk_before_it_has_its_name_and_then_the_name_is",
    ),
    Mutant(
        "a transaction whose session was cut still keeps a second migration out",
        "teleclaude/db/lock.py",
        '    await connection.execute(text("SELECT pg_advisory_xact_lock(:work)"), {"work": _WORK_KEY})\n',
        "",
        "tests/db/test_lock.py::test_a_transaction_whose_session_was_cut_still_keeps_others_out",
    ),
    Mutant(
        "whoever wants the database looks for such a transaction",
        "teleclaude/db/lock.py",
        '    if await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:work)"), {"work": _WORK_KEY}):\n',
        "    if _WORK_KEY:\n",
        "tests/db/test_lock.py::test_a_transaction_whose_session_was_cut_still_keeps_others_out",
    ),
    Mutant(
        "a COMMIT whose reply is lost is settled by the row of the run",
        "teleclaude/db/retry.py",
        "        if not await has_arrived():\n            raise\n",
        "        raise\n",
        "tests/crash/test_crash.py::test_a_commit_whose_reply_is_lost_is_done",
    ),
    Mutant(
        "the reader without privileges has no group of root's",
        f"{_MIGRATION}/source/privsep.py",
        '    os.setgroups(account.groups[: os.sysconf("SC_NGROUPS_MAX")])\n',
        "",
        "tests/migration/source/test_privileges.py::test_what_only_a_group_of_roots_may_read_is_not_read",
        needs_root=True,
    ),
    Mutant(
        "the target is looked at again when nobody else can load",
        f"{_MIGRATION}/steps/transfer.py",
        "            raise TargetError(HAS_ROWS.fill(table=name))\n",
        "            pass\n",
        f"{_GUARDS}test_a_row_that_came_after_discovery_refuses_the_transfer",
    ),
    Mutant(
        "the probe compares the number of rows of every table",
        f"{_MIGRATION}/steps/probe.py",
        '        if (found := verdict["counts"].get(table)) != rows:\n',
        '        if (found := verdict["counts"].get(table)) is None:\n',
        f"{_GUARDS}test_a_row_that_goes_between_commit_and_probe_fails_the_probe",
    ),
    Mutant(
        "an error of PostgreSQL quotes no value",
        "teleclaude/db/engine.py",
        "        hide_parameters=True,\n",
        "",
        "tests/db/test_engine.py::test_an_error_of_postgresql_quotes_no_value",
    ),
    Mutant(
        "an error of the old database quotes no value",
        "teleclaude/db/engine.py",
        "poolclass=NullPool, hide_parameters=True)\n",
        "poolclass=NullPool)\n",
        "tests/db/test_engine.py::test_an_error_of_a_copy_quotes_no_value",
    ),
)
