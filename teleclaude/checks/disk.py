"""Judges the room on the disks. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Disk, Facts
from teleclaude.checks.result import Result, failure, passed, skipped, warning, whole
from teleclaude.errors import Problem

_LEAST, _LITTLE = 64 << 20, 512 << 20
"""Bytes below which a disk is full, and nearly full."""

FULL = failure("{path} is on a disk that is full: {free} MB are free", "make room there: df -h {path}")
LOW = warning("{path} is on a disk that is nearly full: {free} MB are free", "make room there: df -h {path}")
NOT_MEASURED = skipped("{message}", "{hint}")


def judge(facts: Facts) -> Result:
    """There is room on the disk of the state, and on the disk of the database if that is here."""
    return whole("disk", [_judge_room(facts, name, disk) for name, disk in facts.disks.items()])


def _judge_room(facts: Facts, name: str, disk: Disk | Problem) -> Result:
    if isinstance(disk, Problem):
        return NOT_MEASURED.found(name, facts.setting.words, **vars(disk))
    free = disk.free >> 20
    if disk.free < _LITTLE:
        fault = FULL if disk.free < _LEAST else LOW
        return fault.found(name, facts.setting.words, path=disk.path, free=free)
    return passed(name, f"{disk.path}: {free} MB are free")
