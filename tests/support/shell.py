"""Following what the program prints, to the letter, in a shell; service managers only write down what they are told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import URL

from teleclaude.demo.postgres import find_binaries

CHECKOUT = Path(__file__).parents[2]
SHELLS = [shell for shell in ("dash", "busybox", "bash", "sh") if shutil.which(shell)]

SYSTEMCTL = """\
#!/bin/sh
for unit; do :; done
case " $* " in
    *" show "*)
        echo LoadState=loaded
        echo "UnitFileState=$(cat "{folder}/is-enabled-$unit" 2>/dev/null)"
        echo "ActiveState=$(cat "{folder}/is-active-$unit" 2>/dev/null || echo inactive)" ;;
    *" cat "*) test -e "{folder}/cat-$unit" ;;
    *) echo "systemctl $*" >>"{folder}/said" ;;
esac
"""
SUDO = """\
#!/bin/sh
[ "$1" = -u ] || exec "$@"
user=$2
shift 2
[ "$(id -u)" = 0 ] && getent passwd "$user" >/dev/null || exec "$@"
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
"""
CRONTAB = """\
#!/bin/sh
case "$1" in
    -l) cat "{folder}/crontab" ;;
    *) cat "$1" >"{folder}/crontab" ;;
esac
"""
TELECLAUDE = """\
#!/bin/sh
PYTHONPATH={source} exec {python} -m teleclaude "$@"
"""


class Stubs:
    """Programs that stand in for those of the system: systemctl, sudo, crontab; and our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        scripts = {"bin/systemctl": SYSTEMCTL, "bin/sudo": SUDO, "bin/crontab": CRONTAB}
        scripts["bin/teleclaude"] = TELECLAUDE.format(source=CHECKOUT, python=sys.executable)
        for name, script in scripts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(script.replace("{folder}", str(folder)))
            (folder / name).chmod(0o755)

    @property
    def path(self) -> str:
        """The PATH with these programs first, and a psql where the system has none."""
        binaries, _ = find_binaries({})
        return f"{self.folder / 'bin'}:{os.environ['PATH']}:{binaries}"

    def answer(self, verb: str, unit: str, text: str = "yes") -> None:
        """Let systemctl know an answer to `is-enabled`, `is-active` or `cat` about a unit."""
        (self.folder / f"{verb}-{unit}").write_text(f"{text}\n")

    @property
    def said(self) -> list[str]:
        """What service managers were told, in order."""
        path = self.folder / "said"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, script: str, target: URL | None = None) -> str:
        """Run lines in a shell that stops at the first error; return what they print."""
        environ = {**os.environ, "PATH": self.path, "PGPASSWORD": (target.password or "") if target else ""}
        done = subprocess.run(["sh", "-e"], input=script, capture_output=True, text=True, check=False, env=environ)
        assert done.returncode == 0, done.stderr
        return done.stdout
