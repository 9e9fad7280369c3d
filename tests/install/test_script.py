"""bin/install-system.sh below a root of its own; `./run system-test` has the real places, pip and PostgreSQL."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from teleclaude.config.files import read_system
from teleclaude.layout import make_layout
from teleclaude.platform.names import LINUX
from tests.support.pages import rows
from tests.support.sample import files_below
from tests.support.shell import CHECKOUT, SHELLS

SCRIPT = CHECKOUT / "bin" / "install-system.sh"
UNIT = Path("etc/systemd/system/teleclaude-system.service")
LOCK = (CHECKOUT / "requirements-system.lock").read_text()
LOCKED = [" ".join(pair) for pair in re.findall(r"^(\S+)==(\S+)", LOCK, re.M)]
NO_NETWORK = Path(f"{UNIT}.d/no-network.conf")
ENABLED = Path("etc/systemd/system/multi-user.target.wants/teleclaude-system.service")


def run(
    root: Path, *arguments: str, shell: str = "sh", script: Path = SCRIPT, **environ: str
) -> subprocess.CompletedProcess[str]:
    command = [shell, *(["sh"] if shell == "busybox" else []), str(script), "--root", str(root), *arguments]
    environment = {**os.environ, "TELECLAUDE_PYTHON": sys.executable, "TELECLAUDE_PLATFORM": "Linux", **environ}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, start_new_session=True)


def finished(said: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the steps that were not done before."""
    return [line for line in said.stdout.splitlines() if line.startswith("done ")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root where a program is in its place already, because pip is what takes long and needs a network."""
    root = tmp_path / "root"
    return with_program(root, run(root, "--dry-run").stdout, "true")


def with_program(root: Path, rehearsal: str, command: str) -> Path:
    found = re.search(r"install the program in (\S+)", rehearsal)
    assert found is not None, rehearsal
    program = Path(found[1]) / "bin" / "teleclaude"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    put_python(Path(found[1]), LOCKED)
    (Path(found[1]) / "complete").touch()
    return root


def put_python(place: Path, libraries: list[str]) -> None:
    """Put an interpreter there that only says which libraries are installed with the program."""
    python = place / "bin/python"
    python.write_text("\n".join(["#!/bin/sh", "cat <<EOF", "teleclaude 1", *libraries, "EOF\n"]))
    python.chmod(0o755)


def test_a_rehearsal_shows_every_command_and_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "nothing here"
    shown = run(root, "--dry-run", "--fresh")
    assert shown.returncode == 0, shown.stderr
    assert f"$ mkdir -p -m 1770 '{root}/var/lib/teleclaude'" in shown.stdout
    assert "--require-hashes --only-binary :all:" in shown.stdout
    assert finished(shown) == []
    assert not root.exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_puts_everything_in_its_place_and_finds_it_again(root: Path, shell: str) -> None:
    first = run(root, "--fresh", shell=shell)
    assert first.returncode == 0, first.stderr
    before = files_below(root)
    second = run(root, "--fresh", shell=shell)
    assert second.returncode == 0, second.stderr
    assert len(finished(first)) > 5
    assert finished(second) == []
    assert files_below(root) == before


def test_the_places_are_those_of_the_program(root: Path) -> None:
    run(root, "--fresh")
    layout = make_layout("linux", root)
    modes = {path: oct(path.stat().st_mode)[-4:] for path in (layout.state, layout.logs, layout.docs, layout.secrets)}
    assert list(modes.values()) == ["1770", "0750", "0755", "0640"]
    assert layout.system_config.stat().st_mode & 0o777 == 0o644
    assert (root / UNIT.parent / layout.unit).is_file()
    assert (root / ENABLED).resolve() == root / UNIT


def test_the_places_on_macos_are_those_of_the_program(tmp_path: Path) -> None:
    rehearsal = run(tmp_path / "root", "--dry-run", TELECLAUDE_PLATFORM="Darwin").stdout
    root = with_program(tmp_path / "root", rehearsal, "true")
    done = run(root, "--fresh", TELECLAUDE_PLATFORM="Darwin")
    assert done.returncode == 0, done.stderr
    layout = make_layout("darwin", root)
    for place in (layout.system_config, layout.secrets, layout.state, layout.logs, layout.socket.parent, layout.docs):
        assert place.exists(), place
    assert (root / "Library/LaunchDaemons" / f"{layout.unit}.plist").is_file()
    assert (root / "usr/local/bin/teleclaude").resolve().is_file()


def test_a_program_with_something_beside_what_the_lock_names_is_made_again(root: Path) -> None:
    (place,) = (root / "opt/teleclaude").iterdir()
    for libraries, said in ((LOCKED, ""), ([*LOCKED, "pip 23.0.1"], "pip 23.0.1"), (LOCKED[1:], LOCKED[0])):
        put_python(place, libraries)
        shown = run(root, "--dry-run").stdout
        assert (f"the program in {place} differs from its lock: {said}\n" in shown) == bool(said)
        assert (f"$ rm -rf {place}\n" in shown) == bool(said)


def test_the_command_runs_the_program_below_the_root_and_checks_what_was_installed(tmp_path: Path) -> None:
    rehearsal = run(tmp_path / "root", "--dry-run").stdout
    root = with_program(tmp_path / "root", rehearsal, f'exec "{sys.executable}" -m teleclaude "$@"')
    assert "✓ layers" in run(root, "--fresh").stdout
    shown = subprocess.run([root / "usr/local/bin/teleclaude", "--version"], capture_output=True, text=True, check=True)
    assert "version" in shown.stdout


def test_the_manual_page_is_where_man_looks_and_goes_with_the_program(root: Path) -> None:
    run(root)
    page = root / "usr/local/share/man/man1/teleclaude.1"
    release = (root / "usr/local/bin/teleclaude").resolve().parents[1]
    assert (page.parent / page.readlink()).resolve() == release / "share/man/man1/teleclaude.1"
    run(root, "--uninstall")
    assert not page.is_symlink()


def test_a_manual_page_of_somebody_else_is_refused(root: Path) -> None:
    page = root / "usr/local/share/man/man1/teleclaude.1"
    page.parent.mkdir(parents=True)
    page.write_text("mine")
    assert f"{page} exists, and this script did not make it" in run(root).stderr
    run(root, "--uninstall")
    assert page.read_text() == "mine"


def test_the_first_configuration_is_one_that_the_daemon_reads(root: Path) -> None:
    run(root, "--fresh")
    settings = read_system(make_layout("linux", root), {})
    assert settings.database is not None
    assert settings.database.url.startswith("postgresql:///teleclaude?host=/")


def test_without_being_asked_it_makes_no_configuration_that_a_migration_would_stop_at(root: Path) -> None:
    run(root)
    assert list((root / "etc/teleclaude").iterdir()) == []
    assert list((root / "usr/local/share/teleclaude/docs").iterdir()) == []


def test_a_configuration_that_was_changed_is_never_replaced(root: Path) -> None:
    run(root, "--fresh")
    layout = make_layout("linux", root)
    for file in (layout.system_config, layout.secrets):
        file.write_text("# mine\n")
    done = run(root, "--fresh")
    assert "is not changed" in done.stdout
    assert {layout.system_config.read_text(), layout.secrets.read_text()} == {"# mine\n"}


def test_a_mode_that_was_opened_is_closed_again(root: Path) -> None:
    run(root)
    state = make_layout("linux", root).state
    state.chmod(0o777)
    assert any(str(state) in line for line in finished(run(root)))
    assert state.stat().st_mode & 0o7777 == 0o1770


def test_the_network_is_taken_only_from_a_service_whose_database_is_on_a_local_socket(root: Path) -> None:
    assert run(root, "--no-network").returncode == 3
    offered = run(root, "--fresh")
    assert f"the service needs no network; to take it away: {SCRIPT} --no-network --root {root}" in offered.stdout
    taken = run(root, "--no-network")
    assert taken.returncode == 0, taken.stderr
    assert (root / NO_NETWORK).read_bytes() == (CHECKOUT / "etc/no-network.conf").read_bytes()
    # It stays when the script runs again, and is not offered twice.
    assert "needs no network" not in run(root).stdout
    assert (root / NO_NETWORK).exists()
    run(root, "--uninstall")
    assert not (root / NO_NETWORK).parent.exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql:///teleclaude?user=teleclaude&host=/run/postgresql", 0),
        ('"postgresql+asyncpg://u@%2Frun%2Fpostgresql/teleclaude"', 0),
        ("postgresql://u@localhost/teleclaude", 3),
        ("postgresql://u@localhost/teleclaude # ?host=/run/postgresql", 3),
    ],
)
def test_a_service_that_needs_the_network_keeps_it(root: Path, url: str, code: int) -> None:
    config = make_layout("linux", root).system_config
    config.parent.mkdir(parents=True)
    config.write_text(f"database:\n  url: {url}\n")
    refused = run(root, "--no-network")
    assert refused.returncode == code
    assert (root / NO_NETWORK).exists() == (code == 0)
    assert (f"{config} names no database on a local socket" in refused.stderr) == (code == 3)


def test_what_somebody_changed_of_the_service_is_kept(root: Path) -> None:
    run(root, "--fresh", "--no-network")
    mine = (root / NO_NETWORK).with_name("override.conf")
    mine.write_text("[Service]\nMemoryMax=4G\n")
    run(root, "--uninstall")
    assert list(mine.parent.iterdir()) == [mine]


def test_the_old_unit_is_not_touched_by_anything(root: Path) -> None:
    old = root / "etc/systemd/system" / LINUX.old.name
    old.parent.mkdir(parents=True)
    old.write_text("[Service]\nExecStart=/bin/true\n")
    before = (old.read_bytes(), old.stat().st_mtime_ns, old.stat().st_ino)
    for arguments in ((), ("--fresh",), ("--uninstall",)):
        assert run(root, *arguments).returncode == 0
    assert (old.read_bytes(), old.stat().st_mtime_ns, old.stat().st_ino) == before


def test_a_new_release_keeps_the_one_before_and_no_older_one(root: Path) -> None:
    run(root)
    command = root / "usr/local/bin/teleclaude"
    current = command.resolve().parents[1]
    before, older = current.with_name("before"), current.with_name("older")
    for other in (before, older):
        shutil.copytree(current, other)
    command.unlink()
    command.symlink_to("../../../opt/teleclaude/before/bin/teleclaude")
    run(root)
    assert command.resolve().parents[1] == current
    assert sorted(path.name for path in current.parent.iterdir()) == sorted([current.name, "before"])


def test_uninstalling_keeps_configuration_data_and_logs_and_says_so(root: Path) -> None:
    run(root, "--fresh")
    layout = make_layout("linux", root)
    for place in (layout.state, layout.logs, layout.docs):
        (place / "mine").write_text("mine")
    before = files_below(root / "etc/teleclaude") | files_below(root / "var")
    done = run(root, "--uninstall")
    assert done.returncode == 0, done.stderr
    assert files_below(root / "etc/teleclaude") | files_below(root / "var") == before
    for place in (layout.system_config.parent, layout.state, layout.logs, layout.docs):
        assert f"rm -r {place}" in done.stdout
    for gone in (UNIT, ENABLED, Path("opt/teleclaude"), Path("usr/local/bin/teleclaude")):
        assert not os.path.lexists(root / gone), gone


def test_uninstalling_what_nobody_used_leaves_no_file(root: Path) -> None:
    run(root)
    assert run(root, "--uninstall").returncode == 0
    assert files_below(root) == {}


def test_uninstalling_twice_is_no_failure(root: Path) -> None:
    run(root)
    run(root, "--uninstall")
    again = run(root, "--uninstall")
    assert (again.returncode, finished(again)) == (0, [])


def test_a_dry_run_of_uninstalling_changes_nothing(root: Path) -> None:
    run(root, "--fresh")
    before = files_below(root)
    shown = run(root, "--uninstall", "--dry-run")
    assert "$ rm -rf" in shown.stdout
    assert files_below(root) == before


def test_a_command_of_somebody_else_is_refused_before_anything_is_done(root: Path) -> None:
    command = root / "usr/local/bin/teleclaude"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    before = files_below(root)
    refused = run(root)
    assert refused.returncode == 3
    assert f"{command} exists, and this script did not make it" in refused.stderr
    assert "→ move it away" in refused.stderr
    assert files_below(root) == before


@pytest.mark.parametrize("name", ["teleclaude.db", "docs/mine.md", ".git/config"])
def test_a_checkout_where_the_program_goes_is_refused_and_nothing_of_it_goes(tmp_path: Path, name: str) -> None:
    file = tmp_path / "opt/teleclaude" / name
    file.parent.mkdir(parents=True)
    file.write_text("somebody's")
    refused = run(tmp_path)
    assert refused.returncode == 3
    assert "exists, and this script did not make it" in refused.stderr
    assert run(tmp_path, "--uninstall").returncode == 0
    assert file.read_text() == "somebody's"


def test_a_failure_says_what_to_do_and_running_it_again_goes_on(root: Path) -> None:
    in_the_way = root / "usr/local/share/teleclaude"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a directory is to be")
    failed = run(root)
    assert failed.returncode == 5
    assert "mkdir failed: " in failed.stderr
    assert "run it again to continue" in failed.stderr
    in_the_way.unlink()
    assert run(root).returncode == 0


def test_an_interrupt_during_the_first_command_does_not_say_that_nothing_was_changed(tmp_path: Path) -> None:
    stub = tmp_path / "stubs/mkdir"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\n{shutil.which("mkdir")} "$@"\ntrap "" INT\nkill -s INT 0\n')
    stub.chmod(0o755)
    cut_off = run(tmp_path / "root", PATH=f"{stub.parent}:{os.environ['PATH']}")
    assert cut_off.returncode == 5
    assert "interrupted" in cut_off.stderr
    assert "finished steps are kept" in cut_off.stderr


def test_a_program_that_was_cut_off_in_the_making_is_made_again(root: Path) -> None:
    next((root / "opt/teleclaude").glob("*/complete")).unlink()
    shown = run(root, "--dry-run")
    assert "$ rm -rf" in shown.stdout
    assert "-m venv" in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["--root"], ["--wheels"], ["--root", ""], ["--root="], ["--wheels", ""], ["--root", "/bin/.."]],
)
def test_a_command_line_that_is_wrong_is_shown_the_right_one(arguments: list[str]) -> None:
    command = ["sh", str(SCRIPT), *arguments, "--uninstall", "--dry-run"]
    wrong = subprocess.run(command, capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "usage: install-system.sh" in wrong.stderr


def test_help_has_examples_and_every_flag(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help")
    assert shown.returncode == 0
    assert "sudo bin/install-system.sh --fresh" in shown.stdout
    script = SCRIPT.read_text()
    taken = set(re.findall(r"(?<=\s)(--[a-z-]+)\)", script))
    flags = {"--dry-run", "--uninstall", "--fresh", "--no-database", "--no-network", "--help", "--root", "--wheels"}
    assert taken == flags
    assert all(re.search(rf"^  {flag}\b", shown.stdout, re.M) for flag in taken)


def test_the_page_has_every_flag_and_every_exit_code_of_the_help(tmp_path: Path) -> None:
    page, shown = (CHECKOUT / "docs/install.md").read_text(), run(tmp_path, "--help").stdout
    flags = set(re.findall(r"^  (--[a-z-]+)", shown, re.M)) - {"--help"}
    assert {cell.split()[0] for cell in rows(page, "Options")} == flags
    codes = dict(re.findall(r"^  (\d+) +(.*)$", shown, re.M))
    assert rows(page, "Exit codes") == codes


def test_every_link_of_the_page_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (CHECKOUT / "docs/install.md").read_text()):
        assert link.startswith("https://") or (CHECKOUT / "docs" / link).exists(), link


def test_a_server_that_warns_of_something_is_understood_all_the_same(tmp_path: Path) -> None:
    psql = tmp_path / "psql"
    psql.write_text(
        "#!/bin/sh\necho 'WARNING:  a collation version mismatch' >&2\ncase $* in *_num*) echo '15|5433|/s' ;; esac\n"
    )
    psql.chmod(0o755)
    parts = "".join(f". {CHECKOUT}/bin/install/{name}.sh; " for name in ("messages", "requirements", "database"))
    script = f'{parts} as() {{ shift; "$@"; }}; check_database; echo "$major $port $socket"'
    given = {"real": "yes", "with_database": "yes", "superuser": "postgres", "database": "d", "role": "r"}
    environ = {**given, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    asked = subprocess.run(["sh", "-u", "-c", script], capture_output=True, text=True, check=False, env=environ)
    assert asked.stdout == "15 5433 /s\n", asked.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_privileges_the_real_places_are_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # A checkout may lie where nobody else may look.
        Path(folder).chmod(0o755)
        shutil.copytree(CHECKOUT / "bin", Path(folder, "bin"))
        command = ["sh", f"{folder}/bin/{SCRIPT.name}"]
        refused = subprocess.run(command, user=65534, cwd="/", capture_output=True, text=True, check=False)
    assert refused.returncode == 3
    assert "only root can install for the whole system" in refused.stderr


def test_the_script_of_an_installed_program_asks_for_wheels(tmp_path: Path) -> None:
    share = tmp_path / "share/teleclaude"
    for name in ("bin", "etc"):
        shutil.copytree(CHECKOUT / name, share / name)
    shutil.copy(CHECKOUT / "requirements-system.lock", share)
    refused = run(tmp_path / "root", "--dry-run", script=share / "bin/install-system.sh")
    assert refused.returncode == 3
    assert "use --wheels DIR" in refused.stderr
