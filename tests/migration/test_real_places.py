"""The migration as root in the real places, over the home of a user who is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import URL

from tests.support.real_places import EVA, HOME, SERVICE, VICTIM
from tests.support.sample import has_nothing

Migrate = Callable[..., dict[str, Any]]


def test_every_file_has_the_owner_and_mode_that_it_should_have(in_real_places: Migrate) -> None:
    result = in_real_places("real_places", "nothing")
    assert result["exit"] == 0, json.loads(result["report"])["failure"]
    state = HOME / "home/.teleclaude"
    found = result["found"]
    assert found["/etc/teleclaude/config.yml"] == "0644 0:0"
    assert found["/etc/teleclaude/secrets.yml"] == f"0640 0:{SERVICE}"
    assert found[f"{state}/config.yml"] == f"0600 {EVA}:{EVA}"
    assert found["/usr/local/share/teleclaude/docs/baseline.md"] == "0644 0:0"
    assert {owner.split()[1] for path, owner in found.items() if path.startswith(str(HOME))} == {f"{EVA}:{EVA}"}


async def test_a_home_that_is_a_link_does_not_lead_root_to_write_there(target: URL, in_real_places: Migrate) -> None:
    result = in_real_places("real_places", "home_that_is_a_link_to_a_place_of_root")
    assert result["exit"] == 3, result["said"]
    assert str(VICTIM / "config.yml") not in result["found"]
    assert "/home/eva/home/.teleclaude cannot be written to" in result["report"]
    assert await has_nothing(target)


@pytest.mark.parametrize(
    ("preparation", "place"),
    [
        ("docs_place_of_the_user", "/usr/local/share"),
        ("docs_place_of_everyone", "/usr/local/share"),
        ("report_folder_of_the_user", str(HOME)),
        ("state_of_the_service_user", "/var/lib/teleclaude"),
    ],
)
async def test_a_place_that_others_can_change_gets_nothing_of_the_system(
    target: URL, in_real_places: Migrate, preparation: str, place: str
) -> None:
    result = in_real_places("real_places", preparation)
    assert result["exit"] == 3, result["said"]
    assert f"a user without privileges can change {place}" in result["report"]
    assert "/etc/teleclaude" not in result["found"]
    assert str(VICTIM) in result["found"]
    assert await has_nothing(target)


async def test_root_follows_the_rollback_in_the_real_places_and_every_byte_is_there(
    target: URL, in_real_places: Migrate
) -> None:
    result = in_real_places("real_places", "home_that_leads_there")
    assert result["exit"] == 0, result["said"]
    assert result["codes"] == [0, 0], result["errors"]
    assert result["over"] != result["before"]
    # Whoever of the commands writes into the home does it as its user.
    assert {path.split()[-1] for path in result["over"]} == {f"{EVA}:{EVA}"}
    assert result["back"] == result["before"]
    assert result["left"] == []
    assert result["told"] == [
        "systemctl disable --now teleclaude.service",
        "systemctl disable --now teleclaude-system.service",
        "systemctl unmask teleclaude.service",
        "systemctl enable --now teleclaude.service",
    ]
    assert await has_nothing(target)
