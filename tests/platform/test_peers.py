"""The kernel says who is at the other end of a real socket."""

import os
import pwd
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from teleclaude.platform.peers import read_peer


def test_we_are_at_the_other_end_of_our_own_socket() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert (read_peer(one), read_peer(other)) == (os.geteuid(), os.geteuid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_peer_is_who_it_was_when_it_connected_also_after_it_has_gone() -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    with TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listening:
        Path(folder).chmod(0o755)
        path = Path(folder) / "socket"
        listening.bind(str(path))
        path.chmod(0o777)
        listening.settimeout(30)
        listening.listen()
        with socket.socket(socket.AF_UNIX) as other:
            os.seteuid(nobody)
            try:
                other.connect(str(path))
            finally:
                os.seteuid(0)
            connected, _ = listening.accept()
        with connected:
            assert read_peer(connected) == nobody


def test_a_socket_that_is_not_connected_has_no_peer() -> None:
    with socket.socket(socket.AF_UNIX) as alone:
        try:
            peer = read_peer(alone)
        except OSError:
            return
        # Linux answers with the number that no account has (unix(7)).
        assert peer == 2**32 - 1
