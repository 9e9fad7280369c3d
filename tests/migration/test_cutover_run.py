"""What still refers to the old installation is named with the command that changes it, and never changed by us."""

import dataclasses
import json
import os
import pwd
import subprocess
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from teleclaude.demo.installation import SampleInstallation, write
from teleclaude.layout import make_layout
from teleclaude.migration.discover import crontabs, discover
from teleclaude.migration.discover.old_paths import OldPaths, make_old_paths
from teleclaude.migration.plan.cutover import is_whole_command, make_file_items, make_service_item
from teleclaude.migration.plan.plan import Plan, describe, make_plan
from teleclaude.migration.plan.rollback import describe_cutover, describe_cutover_undo
from teleclaude.migration.report.events import OldFile, Severity
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import Service
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import closing_privseps
from teleclaude.platform.names import MACOS, Unit
from tests.support.pointing import SECRET, point_to
from tests.support.sample import editing, migrate_sample, state
from tests.support.shell import Stubs

pytestmark = pytest.mark.usefixtures("daemon_here")


@pytest.fixture
def rehearsal(options: Options, sample: SampleInstallation) -> Options:
    """Ask for a rehearsal of an installation that a whole home refers to."""
    point_to(sample)
    return dataclasses.replace(options, dry_run=True, target=None)


async def look(rehearsal: Options) -> Plan:
    """Plan what was asked as a migration of the whole system, because a trial has no cutover."""
    with TemporaryDirectory() as private, closing_privseps():
        seen = await discover(rehearsal, "run", Path(private), os.environ)
        return make_plan(rehearsal, dataclasses.replace(seen, layout=make_layout(seen.platform)))


def items(plan: Plan, home: Path) -> set[tuple[str, str, str]]:
    named = [item for item in plan.cutover if item.needed]
    return {(item.kind, str(Path(item.path).relative_to(home)), item.place) for item in named}


def commands(plan: Plan) -> str:
    return "\n".join(dict.fromkeys(item.command for item in plan.cutover))


async def test_every_place_that_refers_to_it_is_named(rehearsal: Options, sample: SampleInstallation) -> None:
    plan = await look(rehearsal)
    assert items(plan, sample.home) == {
        ("agent hook", ".claude/settings.json", ".hooks.SessionStart[0].hooks[0]"),
        ("agent hook", ".claude/settings.json", ".hooks.Stop[0].hooks[1]"),
        ("agent hook", ".claude/settings.json", ".hooks.Stop[0].hooks[2]"),
        ("agent hook", ".claude.json", ".mcpServers.teleclaude"),
        ("agent hook", ".gemini/settings.json", ".hooks.AfterAgent[0].hooks[0]"),
        ("agent hook", ".codex/config.toml", ".notify"),
        ("agent hook", ".codex/config.toml", ".mcp_servers.teleclaude"),
        ("shell", ".bashrc", "line 2"),
        ("shell", ".bashrc", "line 3"),
        ("shell", ".bashrc", "line 5"),
        ("shell", ".bashrc", "line 8"),
        ("shell", ".config/fish/conf.d/telec.fish", "line 1"),
        ("link", ".local/bin/telec", ""),
        ("script", ".local/bin/serve", ""),
        ("script", ".zfunc/_telec", ""),
    }


async def test_a_trial_asks_nobody_to_change_them(rehearsal: Options, sample: SampleInstallation) -> None:
    report = await migrate_sample(rehearsal)
    assert report.ok, report.failure
    said = json.dumps({**report.to_json(), "installation": []})
    assert report.to_json()["cutover"] == []
    assert "cutover.sh" not in said
    assert ".bashrc" not in said


async def test_finding_them_changes_nothing_and_tells_no_secret(rehearsal: Options, sample: SampleInstallation) -> None:
    (sample.home / ".bashrc").write_text(
        f"alias telec='TOKEN={SECRET} {sample.checkout}/bin/telec sample-hook-secret'\n"
    )
    before = state(sample.home)
    plan = await look(rehearsal)
    said = json.dumps([dataclasses.asdict(item) for item in plan.cutover])
    [alias] = [item for item in plan.cutover if item.path.endswith(".bashrc")]
    assert alias.runs == f"… {sample.checkout}/bin/telec"
    assert state(sample.home) == before
    assert SECRET not in said
    assert "sample-hook-secret" not in said


async def test_the_commands_change_every_reference_and_nothing_else(
    rehearsal: Options, sample: SampleInstallation, stubs: Stubs
) -> None:
    plan = await look(rehearsal)
    before = json.loads((sample.home / ".claude.json").read_text())
    stubs.run(commands(plan))
    assert items(await look(rehearsal), sample.home) == set()
    hooks = json.loads((sample.home / ".claude/settings.json").read_text())["hooks"]
    theirs, ours = (hook["command"] for hook in hooks["Stop"][0]["hooks"])
    assert theirs == "notify-send 'größer'"
    assert ours.endswith(' teleclaude hook --agent claude --cwd "$PWD" agent_stop')
    del before["mcpServers"]["teleclaude"]
    assert json.loads((sample.home / ".claude.json").read_text()) == before
    codex = tomllib.loads((sample.home / ".codex/config.toml").read_text())
    assert codex.pop("notify")[-4:] == ["teleclaude", "hook", "--agent", "codex"]
    assert codex == {"model": "o5", "mcp_servers": {"other": {"command": "other"}}}
    assert stubs.run(f". {sample.home}/.bashrc; echo $EDITOR") == "vi\n"


@pytest.mark.parametrize("times", [1, 2])
async def test_the_undo_of_the_commands_restores_every_byte(
    rehearsal: Options, sample: SampleInstallation, stubs: Stubs, times: int
) -> None:
    before = state(sample.home)
    plan = await look(rehearsal)
    for _ in range(times):
        for command in dict.fromkeys(item.command for item in plan.cutover):
            subprocess.run(["sh", "-c", command], env={"PATH": stubs.path}, check=False)
    assert state(sample.home) != before
    stubs.run("\n".join(dict.fromkeys(item.undo for item in plan.cutover)))
    assert state(sample.home) == before


async def test_no_name_becomes_a_command(
    rehearsal: Options, sample: SampleInstallation, stubs: Stubs, tmp_path: Path
) -> None:
    bait = "x\ntouch planted\n"
    (sample.home / ".local/bin" / bait).symlink_to(sample.checkout / "bin/telec")
    (sample.home / ".config/fish/conf.d" / f"{bait}.fish").write_text(f"{sample.checkout}/a; and\n")
    (sample.home / ".teleclaude" / bait).write_text("")
    write(sample.home / ".config/systemd/user" / f"teleclaude{bait}.service", f"ExecStart={sample.checkout}/x\n")
    plan = await look(rehearsal)
    for lines in (describe_cutover(plan), describe_cutover_undo(plan)):
        script = "\n".join(lines)
        subprocess.run(["sh"], input=script, text=True, cwd=tmp_path, env={"PATH": stubs.path}, check=False)
    assert not (tmp_path / "planted").exists()
    told = [item.path for item in plan.cutover] + [row.path for row in plan.old_files]
    assert len([path for path in told if "touch" in path]) == 5
    assert all(path.isprintable() for path in told)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".claude/settings.json", b'{"hooks": '),
        (".claude.json", b"\xff\xfe{}\xff"),
        (".gemini/settings.json", b"[" * 100_000),
        (".codex/config.toml", b"notify = ["),
        (".claude.json", b" " * (17 << 20)),
    ],
)
async def test_settings_that_nobody_can_read_are_a_finding_and_no_hindrance(
    rehearsal: Options, sample: SampleInstallation, name: str, content: bytes
) -> None:
    (sample.home / name).write_bytes(content)
    plan = await look(rehearsal)
    [finding] = [finding for finding in plan.findings if finding.subject == "cutover"]
    assert finding.severity is Severity.WARNING
    assert str(sample.home / name) in finding.problem.message
    assert finding.problem.hint


async def test_what_no_command_can_change_safely_is_left_to_a_person(
    rehearsal: Options, sample: SampleInstallation
) -> None:
    (sample.home / ".bashrc").write_text(f"PATH={sample.checkout}/bin:/opt/theirs/bin:$PATH\n")
    servers = f'mcp_servers = {{t = {{command = "{sample.checkout}/x"}}, u = {{}}}}\n'
    write(sample.home / ".codex/config.toml", servers)
    plan = await look(rehearsal)
    by_hand = {Path(item.path).name: item for item in plan.cutover if item.needed and not item.command}
    assert set(by_hand) >= {".bashrc", "config.toml"}
    assert "line 1: remove" in by_hand[".bashrc"].hint
    assert ".mcp_servers.t" in by_hand["config.toml"].hint


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("alias telec=/x/telec", True),
        ("[ -f /x ] && . /x", True),
        ("if [ -f /x ]; then . /x; fi", True),
        ("for f in /x/*; do . $f; done;", True),
        ("telec() { /x/telec; }", True),
        ("if [ -f /x ]; then", False),
        ("then . /x", False),
        ("telec() {", False),
        ("/x/telec \\", False),
        ("/x/telec |", False),
        ("[ -f /x ] &&", False),
        ("eval '/x/telec", False),
        ("fi; . /x", False),
    ],
)
def test_a_line_of_a_shell_is_taken_out_only_where_it_is_a_whole_command(line: str, whole: bool) -> None:
    assert is_whole_command(line) is whole


async def test_a_unit_that_would_start_it_is_named_with_both_commands(
    rehearsal: Options, sample: SampleInstallation, stubs: Stubs
) -> None:
    for name in ("teleclaude.service", "teleclaude-docs-watch.path"):
        (stubs.folder / name).write_text(f"[Service]\nExecStart={sample.checkout}/bin/teleclaude-wrapper.sh\n")
    stubs.answer("is-enabled", "teleclaude.service", "enabled")
    plan = await look(rehearsal)
    units = {Path(item.path).name: item for item in plan.cutover if item.kind == "unit"}
    old = units["teleclaude.service"]
    assert (old.command, old.undo) == (
        "sudo systemctl disable --now teleclaude.service",
        "sudo systemctl unmask teleclaude.service && sudo systemctl enable --now teleclaude.service",
    )
    assert old.runs == f"{sample.checkout}/bin/teleclaude-wrapper.sh"
    assert not units["teleclaude-docs-watch.path"].needed


def test_an_agent_of_launchd_is_kept_from_coming_back_at_login() -> None:
    plist = Path("/Users/ada/Library/LaunchAgents/ai.instrukt.teleclaude.daemon.plist")
    agent = Service(Unit(plist.stem, "launchctl", plist, "gui/501"), "", running=False, at_boot=True)
    item = make_service_item(agent, MACOS)
    label = "gui/501/ai.instrukt.teleclaude.daemon"
    assert item.command.startswith(f"launchctl disable {label}; launchctl bootout {label}")
    assert item.undo == f"launchctl enable {label} && launchctl bootstrap gui/501 {plist}"


async def test_the_remedy_for_an_entry_of_cron_can_be_followed_and_taken_back(
    rehearsal: Options, sample: SampleInstallation, stubs: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = stubs.folder / "telec"
    table.write_text(f"MAILTO=ada\n*/5 * * * * ada {sample.checkout}/bin/cron-runner\n@daily ada true\n")
    monkeypatch.setattr(crontabs, "CRON_TABLES", (str(table),))
    before = table.read_bytes()
    [finding] = [finding for finding in (await look(rehearsal)).findings if "cron starts" in finding.problem.message]
    assert finding.problem.message.endswith(f"{table}, line 2")
    stubs.run(finding.problem.hint)
    plan = await look(rehearsal)
    [item] = [item for item in plan.cutover if item.kind == "cron"]
    assert (item.place, item.needed) == ("line 2, commented out", False)
    stubs.run(item.undo)
    assert table.read_bytes() == before


def test_the_table_of_a_user_is_changed_by_crontab_and_counted_without_its_header(
    sample: SampleInstallation, stubs: Stubs, tmp_path: Path
) -> None:
    shown = f"@daily true\n@hourly {sample.checkout}/bin/cron-runner\n"
    (stubs.folder / "crontab").write_text(shown)
    me = pwd.getpwuid(os.geteuid()).pw_name
    write(tmp_path / "spool" / me, f"# DO NOT EDIT THIS FILE - edit the master\n# (x)\n# (Cron version)\n{shown}")
    [reference] = crontabs.find_user_crontabs(tmp_path / "spool", mentions_of(sample))
    [item] = make_file_items([dataclasses.replace(reference, home=tmp_path)], None)
    assert item.place == "line 2"
    stubs.run(item.command)
    assert (stubs.folder / "crontab").read_text() == f"@daily true\n# @hourly {sample.checkout}/bin/cron-runner\n"
    stubs.run(item.undo)
    assert (stubs.folder / "crontab").read_text() == shown


@pytest.mark.parametrize("above", ["", "# \x0c", "# \u2028", "# \r #", "# \xfc".encode("latin-1")])
def test_the_lines_of_a_table_are_counted_as_sed_counts_them_and_kept_from_others(
    sample: SampleInstallation, stubs: Stubs, tmp_path: Path, above: str | bytes
) -> None:
    entry = f"@hourly {sample.checkout}/bin/cron-runner\n"
    first = above if isinstance(above, bytes) else above.encode()
    table = b"\n".join([first, b"@daily true", entry.encode()])
    (stubs.folder / "crontab").write_bytes(table)
    write(tmp_path / "spool" / pwd.getpwuid(os.geteuid()).pw_name, "")
    next((tmp_path / "spool").iterdir()).write_bytes(table)
    for found in (
        crontabs.find_own_crontab(mentions_of(sample)),
        crontabs.find_user_crontabs(tmp_path / "spool", mentions_of(sample)),
    ):
        [item] = make_file_items([dataclasses.replace(reference, home=tmp_path) for reference in found], None)
        stubs.run(f"umask 022\n{item.command}")
        assert (stubs.folder / "crontab").read_bytes() == table.replace(b"@hourly", b"# @hourly")
        assert (tmp_path / ".crontab.single-user").stat().st_mode & 0o777 == 0o600
        stubs.run(item.undo)
        assert (stubs.folder / "crontab").read_bytes() == table


def mentions_of(sample: SampleInstallation) -> OldPaths:
    return make_old_paths(Places(sample.checkout, sample.home), None)


async def test_rows_that_both_sides_would_send_are_counted(rehearsal: Options, sample: SampleInstallation) -> None:
    with editing(sample) as database:
        database.execute("UPDATE hook_outbox SET delivered_at = 'x'")
        database.execute("UPDATE hook_outbox SET delivered_at = NULL WHERE id IN (1, 2)")
        database.execute("UPDATE inbound_queue SET status = 'delivered'")
        database.execute("UPDATE inbound_queue SET status = 'failed' WHERE id = 1")
        database.execute("UPDATE webhook_outbox SET status = 'dead_letter'")
        database.execute("DELETE FROM notification_outbox")
    plan = await look(rehearsal)
    assert describe(plan)["queues"] == {"hook_outbox": 2, "inbound_queue": 1}
    [finding] = [finding for finding in plan.findings if finding.subject == "queues"]
    assert "2 in hook_outbox, 1 in inbound_queue" in finding.problem.message
    assert "never both" in finding.problem.hint


async def test_everything_in_the_installation_is_in_the_table_with_its_outcome(
    rehearsal: Options, sample: SampleInstallation
) -> None:
    state_folder = sample.home / ".teleclaude"
    for name in ("workspace/one/tmux.txt", "experiments.yml", "teleclaude.pid", "README.md"):
        write(sample.checkout / name, "x: 1\n" if name.endswith("yml") else "")
    for name in ("tmp/sessions/x", "help-desk/x", "credentials/ai.json", "people/Ada/AGENTS.master.md", "odd"):
        write(state_folder / name, "")
    write(sample.home / ".local/state/telec/session-auth/identity.json", "{}")
    report = await migrate_sample(rehearsal)
    rows = {row.path: row for row in report.all(OldFile)}
    assert len(rows) == len(report.all(OldFile))
    for folder in (sample.checkout, state_folder):
        for path in folder.iterdir():
            inside = [row for row in rows if Path(row) == path or path in Path(row).parents]
            assert inside or (folder == sample.checkout and path.name in ("README.md",)), path
    assert "1 entry" in rows[str(sample.checkout)].what
    assert rows[str(sample.database)].outcome == "moved"
    assert rows[str(state_folder / "people/Ada/teleclaude.yml")].to.startswith(str(report.header["root"]))
    assert rows[str(state_folder / "people/Bob/teleclaude.yml")].to.endswith("secrets.yml, profiles")
    assert rows[str(state_folder / "odd")].outcome == "left"
    assert rows[str(sample.home / ".local/state/telec")].outcome == "left"
    assert all(row.to if row.outcome == "moved" else row.why for row in rows.values())
