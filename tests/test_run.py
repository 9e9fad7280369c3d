"""./run on machines that lack what it needs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
FOUND = ("cat", "cksum", "cut", "dirname", "id", "uname")
APT = """\
#!/bin/sh
touch "{folder}/asked"
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Make a checkout, and a machine of few programs, on which Python has no venv and apt would be there."""
    for name in ("run", "pyproject.toml", "requirements.lock"):
        shutil.copy2(CHECKOUT / name, tmp_path / name)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in FOUND:
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    answer(programs / "apt-get", APT.format(folder=tmp_path))
    answer(programs / "python3", '#!/bin/sh\ncase "$2" in *venv*) exit 1 ;; esac\n')
    return tmp_path


def answer(program: Path, script: str) -> None:
    program.write_text(script)
    program.chmod(0o755)


def demo(bare: Path) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("sh")
    assert shell is not None
    environ = {"PATH": str(bare / "programs"), "HOME": str(bare)}
    return subprocess.run([shell, bare / "run", "demo"], env=environ, capture_output=True, text=True, check=False)


def test_without_venv_it_says_the_command_that_installs_it_and_installs_nothing(bare: Path) -> None:
    done = demo(bare)
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"  {sudo}apt-get update && {sudo}apt-get install --yes python3-venv"
    assert not (bare / "asked").exists()


def test_a_python_that_is_too_old_is_named_as_the_cause(bare: Path) -> None:
    answer(bare / "programs/python3", "#!/bin/sh\nexit 1\n")
    assert "python3 is older" in demo(bare).stderr


def test_where_there_is_no_apt_it_names_what_is_needed(bare: Path) -> None:
    (bare / "programs/apt-get").unlink()
    assert "needs Python 3.11 or newer with venv, or uv" in demo(bare).stderr
