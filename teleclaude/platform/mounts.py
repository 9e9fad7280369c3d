"""Whether a path is a mount point: what lies beside such a file is not what lies beside the file that is mounted there.

Linux can mount a single file (mount(8), bind); macOS cannot.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_PLACE = 4
"""The field with the mount point; blanks in it are octal numbers (proc_pid_mountinfo(5))."""


def is_mount_point(path: Path) -> bool:
    """Say whether something is mounted at a path without links; raises OSError."""
    try:
        mounts = _MOUNTS.read_bytes().splitlines()
    except FileNotFoundError:
        return False
    places = (mount.split(b" ")[_PLACE] for mount in mounts)
    return os.fsencode(path) in (re.sub(rb"\\(\d{3})", _to_byte, place) for place in places)


def _to_byte(octal: re.Match[bytes]) -> bytes:
    return bytes([int(octal[1], 8)])
