"""The cutover and the rollback are commands made from the plan alone; none holds a password."""

import shlex
import subprocess
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, make_url

from teleclaude.layout import make_layout
from teleclaude.migration.plan.plan import MARK, Plan, make_plan
from teleclaude.migration.plan.rollback import (
    LEFT_OUT,
    describe_config_removal,
    describe_cutover,
    describe_cutover_undo,
    describe_docs_removal,
    describe_emptying,
    describe_next,
    describe_rollback,
    to_script,
    write_down,
)
from teleclaude.migration.plan.rollback_sql import count_since, make_rollback
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.source.installation import Account, DocFile
from teleclaude.migration.source.inventory import Inventory, Kind, Reference, Service
from teleclaude.migration.source.options import Options
from teleclaude.platform.names import Unit
from tests.support.sample import query

UNIT = Service(
    Unit("teleclaude.service", "sudo systemctl", Path("/etc/x.service")), "python", running=True, at_boot=True
)
SHELL = Reference(
    Kind.SHELL, Path("/home/ada/.bashrc"), "telec", (3, 3), text="alias telec=/home/ada/teleclaude/bin/telec"
)
HOOK = Reference(Kind.AGENT_HOOK, Path("/home/ada/.claude/settings.json"), "hook", keys=("hooks", "Stop", 0))


def planned(inventory: Inventory, **changes: Any) -> Plan:
    return make_plan(Options(target="postgresql://ada:hidden@db.example.com/telec"), replace(inventory, **changes))


def test_no_file_of_the_run_holds_the_password(inventory: Inventory) -> None:
    texts = dict(write_down(planned(inventory, services=(UNIT,), references=(SHELL, HOOK))))
    assert [path.name for path in texts] == ["rollback.sql", "cutover.sh", "cutover-undo.sh", "rollback.txt"]
    assert "hidden" not in "".join(texts.values())
    assert "psql postgresql://ada@db.example.com/telec" in texts[next(p for p in texts if p.name == "rollback.txt")]


def test_everything_of_ours_is_dropped() -> None:
    said = make_rollback("run")
    for name in ("sessions", "migration_runs", "alembic_version"):
        assert f'"{name}"' in said
    assert 'DROP SCHEMA IF EXISTS "legacy", "events" CASCADE' in said


def test_without_a_target_there_is_nothing_to_empty_and_nothing_to_dump(inventory: Inventory) -> None:
    plan = make_plan(Options(), replace(inventory, url=None, target=None))
    assert describe_emptying(plan) == ()
    assert not any("psql" in line or "pg_dump" in line for line in describe_rollback(plan))


def test_a_trial_needs_no_sudo_and_a_real_one_removes_the_own_file_as_its_user(inventory: Inventory) -> None:
    trial = planned(inventory, layout=make_layout("linux", Path("/my trial"), {}))
    assert "sudo" not in "\n".join((*describe_config_removal(trial), *describe_rollback(trial)))
    assert shlex.split(describe_config_removal(trial)[0])[-1] == "/my trial/etc/teleclaude/config.yml"
    account = Account(1000, 1000, (), (), "ada")
    system, secrets, user = describe_config_removal(planned(inventory, is_root=True, account=account))
    assert system.startswith("sudo grep ")
    assert system.endswith(" && sudo rm -f /etc/teleclaude/config.yml")
    assert secrets.endswith(" && sudo rm -f /etc/teleclaude/secrets.yml")
    assert user.startswith("sudo -u ada grep ")
    assert user.endswith(" && sudo -u ada rm -f /home/ada/.teleclaude/config.yml")


def test_nothing_that_a_trial_writes_down_leads_outside_its_root(inventory: Inventory) -> None:
    given = {"services": (UNIT,), "references": (SHELL, HOOK), "layout": make_layout("linux", Path("/trial"), {})}
    trial = planned(inventory, **given, user_config=Path("/trial/home/ada/.teleclaude/config.yml"))
    texts = dict(write_down(trial))
    assert {path.name for path in texts} == {"rollback.sql", "rollback.txt"}
    said = "\n".join((*texts.values(), *describe_next(trial)))
    assert "systemctl" not in said
    assert "cutover" not in said
    assert "/home/ada" not in said.replace("/trial/home/ada", "")


def removes(line: str, folder: Path) -> list[str]:
    """Run a line of the rollback in a folder, and return what is left there."""
    subprocess.run(["sh", "-c", line], check=False)
    return sorted(path.name for path in folder.iterdir())


def test_files_of_a_later_run_stay(inventory: Inventory, tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    [line, *_] = describe_config_removal(planned(inventory, layout=replace(inventory.layout, system_config=path)))
    path.write_text(f"# {MARK.format(run='another')}\n")
    assert removes(line, tmp_path) == ["config.yml"]
    path.write_text(f"# {MARK.format(run=inventory.run)}\n")
    assert removes(line, tmp_path) == []


def test_a_password_that_no_file_has_is_said_to_be_asked_for(inventory: Inventory) -> None:
    comment, command = describe_emptying(planned(inventory))
    whose = "role ada, database telec on db.example.com"
    assert comment == f"# No file has the password, so psql asks for it unless PGPASSWORD is set: {whose}."
    assert command.startswith("psql ")


@pytest.mark.parametrize(
    ("password_from", "begins", "named"),
    [
        ({"passfile": "/p"}, "psql ", "?passfile=/p"),
        ({"service": "s", "PGSERVICEFILE": "/my s"}, "env PGSERVICEFILE='/my s' psql ", "?service=s"),
    ],
)
def test_a_password_that_a_file_has_is_not_asked_for(
    inventory: Inventory, password_from: dict[str, str], begins: str, named: str
) -> None:
    [command] = describe_emptying(planned(inventory, password_from=password_from))
    assert command.startswith(begins)
    assert f"/telec{named}'" in command


def test_where_no_password_was_needed_none_is_asked_for(inventory: Inventory) -> None:
    assert len(describe_emptying(planned(inventory, url=make_url("postgresql+asyncpg://ada@/telec")))) == 1


def test_snippets_are_removed_only_where_some_were_published(inventory: Inventory) -> None:
    assert describe_docs_removal(planned(inventory)) == ()
    published = planned(inventory, docs=(DocFile(Path("a.md"), Path("/x")),))
    [line] = describe_docs_removal(published)
    assert line.endswith("/usr/local/share/teleclaude/docs/index.yaml && rm -rf /usr/local/share/teleclaude/docs")
    assert "/usr/local/share/teleclaude/docs -type f" in "\n".join(describe_rollback(published))


@pytest.mark.parametrize(
    ("platform", "starts", "stops"),
    [
        ("linux", "systemctl enable --now teleclaude-system", "systemctl disable"),
        ("darwin", "launchctl boot", "launchctl boot"),
    ],
)
def test_the_new_daemon_is_started_and_stopped_by_the_manager_of_its_platform(
    inventory: Inventory, platform: str, starts: str, stops: str
) -> None:
    plan = planned(inventory, platform=platform, layout=make_layout(platform, None, {}))
    assert starts in "\n".join(describe_next(plan))
    assert stops in "\n".join(describe_rollback(plan))


def test_what_refers_to_the_old_installation_is_changed_before_the_new_daemon_starts(inventory: Inventory) -> None:
    script, start = describe_next(planned(inventory, services=(UNIT,)))
    assert "cutover.sh" in script
    assert "systemctl enable --now" in start
    assert len(describe_next(planned(inventory))) == 1


def test_hooks_of_agents_are_rewritten_by_one_command_for_each_agent(inventory: Inventory) -> None:
    other = replace(HOOK, path=Path("/home/ada/.claude.json"), keys=("mcpServers", "t"))
    plan = planned(inventory, references=(HOOK, SHELL, other))
    of = "--agent claude --home /home/ada --old /home/ada/teleclaude --old /home/ada/.teleclaude"
    program = 'PATH="$PATH:/usr/local/bin" teleclaude hook'
    assert [line for line in describe_cutover(plan) if "hook --" in line] == [f"{program} --install {of}"]
    assert [line for line in describe_cutover_undo(plan) if "hook --" in line] == [f"{program} --remove {of}"]
    assert describe_cutover(planned(inventory))[-1] == "# Nothing was found that refers to it."


def test_a_command_that_changes_two_places_of_a_file_is_there_once(inventory: Inventory) -> None:
    both = (SHELL, replace(SHELL, lines=(5, 5)))
    lines = describe_cutover(planned(inventory, references=both))
    assert len([line for line in lines if line.startswith("test -e")]) == 1
    assert len(describe_cutover_undo(planned(inventory, references=both))) == 1


def test_a_service_is_started_last_and_is_no_part_of_the_cutover_undo(inventory: Inventory) -> None:
    plan = planned(inventory, services=(UNIT,))
    assert describe_cutover_undo(plan) == ()
    assert describe_rollback(plan)[-1] == plan.cutover[0].undo
    assert plan.cutover[0].undo.endswith(" && sudo systemctl enable --now teleclaude.service")
    assert describe_rollback(planned(inventory))[-1].startswith("# cd /home/ada/teleclaude && ")


def test_rows_written_since_are_counted_for_every_table_but_that_of_the_runs(inventory: Inventory) -> None:
    said = count_since(planned(inventory), {})
    assert 'FROM "sessions"' in said
    assert 'FROM "migration_runs"' not in said
    assert f"run_id = '{inventory.run}'" in said


ODD = "\x1b\n\t\r\x07\x7f\x9b\u200b\u200d\u202e\u2066\u2028\ufeff\xad\udc9b"
NAMES = st.text(st.sampled_from("a'\"\\$`; é\N{OLD ITALIC LETTER A}\udce9" + ODD), min_size=1, max_size=8)
LISTED = {"Cc", "Cf", "Zl", "Zp"}


def unseen(text: str) -> list[str]:
    return [each for each in text if (each not in "\n\t" and unicodedata.category(each) in LISTED) or each == "\udc9b"]


@given(names=st.lists(NAMES, min_size=7, max_size=7))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_reader_sees_every_character_of_what_the_run_writes_down(inventory: Inventory, names: list[str]) -> None:
    unit, shell, hook, link, target, cron, home = names
    at = Path("/home", home.replace("/", ""))
    settings_file = at / hook.replace("/", "") / ".claude/settings.json"
    plan = planned(
        inventory,
        home=at,
        checkout=at / "checkout",
        user_config=at / "config.yml",
        services=(replace(UNIT, unit=replace(UNIT.unit, name=unit, path=at / unit)),),
        references=(
            replace(SHELL, path=at / shell),
            replace(HOOK, path=settings_file, keys=("hooks", hook)),
            Reference(Kind.LINK, at / link, target, text=target),
            Reference(Kind.CRON, at / cron, cron, (1, 1), crontab=cron, home=at),
            replace(SHELL, path=at / f"{shell}-", active=False),
        ),
    )
    texts = [text for _, text in write_down(plan)]
    table = TablePlan(unit, "legacy", unit, (), (), 1)
    sql = count_since(replace(plan, tables=(table,)), {table.label: 1})
    assert unseen("".join((*texts, sql))) == []
    # The first of them is SQL.
    script = "\n".join(texts[1:]).encode(errors="surrogateescape")
    done = subprocess.run(["sh", "-n"], input=script, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_command_that_a_reader_would_not_see_whole_is_named_and_not_run(tmp_path: Path) -> None:
    said = list(to_script([f"touch {tmp_path}/odd\x1b", f"touch {tmp_path}/plain", "# \u202eabc"]))
    assert said[1:] == [
        f"#   touch {tmp_path}/odd\\x1b",
        f"echo '{LEFT_OUT}' >&2",
        f"touch {tmp_path}/plain",
        "# \\x202eabc",
    ]
    subprocess.run(["sh"], input="\n".join(said), text=True, check=False, stderr=subprocess.DEVNULL)
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain\\", '"plain\\"'),
        ("a\x1b\\b", 'U&"a\\+00001B\\\\b"'),
        ("\u202e'\"", 'U&"\\+00202E\'"""'),
        ("two\nlines", 'U&"two\\+00000Alines"'),
    ],
)
async def test_the_names_of_tables_are_written_so_that_postgresql_still_finds_them(
    inventory: Inventory, target: URL, name: str, written: str
) -> None:
    plan = replace(planned(inventory), tables=(TablePlan(name, "legacy", name, (), (), 1),))
    assert f'FROM "legacy".{written}\n' in count_since(plan, {f"legacy.{name}": 1})
    quoted = name.replace('"', '""')
    await query(target, f'CREATE TABLE "{quoted}" ()')
    assert await query(target, f"SELECT count(*) FROM {written}") == [(0,)]
