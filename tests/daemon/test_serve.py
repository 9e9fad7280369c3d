"""Telling systemd, without a daemon."""

import socket
from pathlib import Path

from teleclaude.daemon.serve import notify


def test_a_state_is_sent_to_the_socket_of_the_manager(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "n")})
        manager.settimeout(5)
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_sent_and_nothing_fails() -> None:
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": "/nonexistent/socket"})
    notify("READY=1", {"NOTIFY_SOCKET": "no/path"})
