"""Removes each guard in a copy of the checkout, and says whether its test notices.

`python -m tests.mutants [WORD ...]` plays those whose guard has one of the words, all of them without one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant

_CHECKOUT = Path(__file__).parents[2]
_FAILED = 1
"""pytest's exit code where tests were run and some failed."""


def main(words: Sequence[str]) -> int:
    """Play the mutants; return how many were not noticed."""
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.guard for word in words)]
    for mutant in chosen:
        if mutant.needs_root and os.geteuid() != 0:
            print(f"not played, only root can: {mutant.guard}")  # noqa: T201
    chosen = [mutant for mutant in chosen if not mutant.needs_root or os.geteuid() == 0]
    with tempfile.TemporaryDirectory(prefix="teleclaude-mutants-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(_CHECKOUT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
        wrong = [mutant for mutant in chosen if not _notices(copy, mutant)]
    print(f"{len(chosen) - len(wrong)} of {len(chosen)} guards are missed by a test when they are gone")  # noqa: T201
    return len(wrong)


def _notices(copy: Path, mutant: Mutant) -> bool:
    path = copy / mutant.path
    sound = path.read_text()
    assert sound.count(mutant.old) == 1, f"{mutant.guard}: {mutant.path} has its text {sound.count(mutant.old)} times"
    before = _run(copy, mutant.test)
    path.write_text(sound.replace(mutant.old, mutant.new))
    after = _run(copy, mutant.test)
    path.write_text(sound)
    well = before == 0 and after == _FAILED
    verdict = "noticed" if well else f"NOT NOTICED (pytest ended with {before} before, {after} without it)"
    print(f"{verdict}: {mutant.guard}", flush=True)  # noqa: T201
    return well


def _run(copy: Path, test: str) -> int:
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "-q", "-x", test]
    # The mutated file may be as long as the sound one and as old: no compiled form of it is kept.
    environ = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=environ, stdout=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
