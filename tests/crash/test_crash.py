"""A seeded selection of the crash matrix; `./run crash` plays all of it."""

from collections.abc import Iterator

import pytest

from tests.crash.disks import can_mount, play_full
from tests.crash.matrix import FAULTS, Case, Ground, play, selection, standing_ground

SEED = 4


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with standing_ground() as made:
        yield made


@pytest.mark.parametrize("case", selection(SEED, len(FAULTS)), ids=lambda case: f"{case.fault}, {case.label}")
def test_every_promise_is_kept_after(ground: Ground, case: Case) -> None:
    outcome = play(ground, case)
    assert not outcome.wrong, (outcome, outcome.said)


def test_a_commit_whose_reply_is_lost_is_done(ground: Ground) -> None:
    outcome = play(ground, Case("reply to COMMIT lost", ("begin", "transfer")))
    assert (outcome.code, outcome.target, outcome.wrong) == (0, "complete", ()), outcome.said


@pytest.mark.skipif(not can_mount(), reason="needs root, to mount a small disk")
@pytest.mark.parametrize(
    ("fault", "place", "pages"),
    [("private copy", "tmp", None), ("journal", "runs", 3), ("configuration", "system/etc", 1)],
)
def test_every_promise_is_kept_on_a_full_disk_of(ground: Ground, fault: str, place: str, pages: int | None) -> None:
    outcome = play_full(ground, f"disk full: {fault}", place, pages)
    assert not outcome.wrong, (outcome, outcome.said)
