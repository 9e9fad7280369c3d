"""The self-check by root in the real places: the service user looks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from teleclaude.checks.result import State

IN_A_NAMESPACE = {"service: service"}
"""No service manager runs there."""


@pytest.fixture
def seen(in_real_places: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Migrate into the real places and check with the faults."""
    return in_real_places("real_checks")


def leaves(results: list[dict[str, Any]], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for result in results:
        parts = list(leaves(result["parts"], name or result["name"]))
        yield from parts or [(f"{name or result['name']}: {result['name']}", result)]


def failures(run: dict[str, Any]) -> dict[str, tuple[str, str]]:
    found = dict(leaves(run["checks"]))
    return {name: (one["sentence"], one["remedy"]) for name, one in found.items() if one["state"] == State.FAILURE}


def test_root_is_told_what_the_service_user_sees(seen: dict[str, Any]) -> None:
    found = seen["found"]
    running = {name: one["state"] for name, one in leaves(found["running"]["checks"])}
    assert {name for name, state in running.items() if state != State.PASS} <= {
        *IN_A_NAMESPACE,
        "disk: data",
    }, found["running"]
    assert found["running"]["exit"] == 0
    assert (found["nothing"]["exit"], failures(found["nothing"])) == (0, {})

    secrets, state, service = "/etc/teleclaude/secrets.yml", "/var/lib/teleclaude", "teleclaude"
    expected = {
        "files": {
            "layers: secrets": (
                f"{secrets} cannot be read by {service}, the user of the daemon",
                f"sudo chown root:{service} {secrets} && sudo chmod u+r,g+r {secrets}",
            ),
            "layers: system": (
                "/etc/teleclaude/config.yml belongs to eva and not to root",
                "sudo chown root /etc/teleclaude/config.yml",
            ),
            "places: socket folder": (
                f"/run/teleclaude cannot be written by {service}, the user of the daemon",
                f"sudo chown {service}:{service} /run/teleclaude && sudo chmod 0755 /run/teleclaude",
            ),
            "places: state": (
                f"{service} or its group can change {state}, and root runs files of migrations from there",
                f"sudo chown root:{service} {state} && sudo chmod 1770 {state}",
            ),
        },
        "folder and disk": {
            "layers: system": (
                "users other than root can change /etc/teleclaude, and so /etc/teleclaude/config.yml below it",
                "sudo chown root /etc/teleclaude && sudo chmod go-w /etc/teleclaude",
            ),
            "disk: state": (
                "/var/lib/teleclaude is on a disk that is full: 20 MB are free",
                "make room there: df -h /var/lib/teleclaude",
            ),
        },
    }
    for faults, named in expected.items():
        assert {name: failures(found[faults]).get(name) for name in named} == named
        assert found[faults]["exit"] == 3

    ((name, (sentence, remedy)),) = failures(found["hidden program"]).items()
    assert name == "user: user"
    assert "the user teleclaude cannot run /mnt/python/bin/python" in sentence
    assert "install it where that user can run it" in remedy

    assert failures(found["as_eva"]) == {}
    by_eva = dict(leaves(found["as_eva"]["checks"]))
    assert by_eva["layers: secrets"]["sentence"] == f"{secrets} cannot be read by eva, and need not be"
    assert by_eva["user: user"]["remedy"] == "sudo teleclaude self-check"

    code, said, complained = seen["upgrade"]
    assert code == 0, complained
    assert "there is nothing to do" in said
