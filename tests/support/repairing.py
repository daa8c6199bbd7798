"""Repair, as tests ask for it: on the workspace with three replicas."""

import os
from pathlib import Path

import pytest

from preserve.app.repairs import repair
from preserve.audit.selftest import SelfTest
from preserve.progress import Silent
from reports.repairs import RepairView
from tests.support.workspaces import PlacedWorkspace


def mend(placed: PlacedWorkspace, **asked: object) -> RepairView:
    with placed.open() as workspace:
        return repair(workspace, Silent(), **{"apply": True, **asked})  # type: ignore[arg-type]


def endings(view: RepairView) -> list[tuple[str, str, str]]:
    return [(line.replica, line.method, line.ending) for line in view.lines]


def some_file(placed: PlacedWorkspace, package: str = "box-0", least: int = 4000, which: int = 0) -> bytes:
    """A file that no other of its package equals."""
    found = [
        path
        for path in placed.files[package]
        if path.startswith(b"data/")
        and placed.is_held_once(package, path)
        and (placed.copy("nas", package) / os.fsdecode(path)).stat().st_size >= least
    ]
    return found[which]


def at(placed: PlacedWorkspace, replica: str, path: bytes, package: str = "box-0") -> Path:
    return placed.copy(replica, package) / os.fsdecode(path)


def entries(placed: PlacedWorkspace, replica: str) -> list[Path]:
    return sorted((placed.folder / replica / ".preserve" / "quarantine").glob("*"))


def hide_the_bags(placed: PlacedWorkspace) -> None:
    (placed.folder / "bags").rename(placed.folder / "hidden")


def damage_many(placed: PlacedWorkspace, replica: str, package: str = "box-0") -> None:
    for path in placed.files[package]:
        full = at(placed, replica, path, package)
        full.write_bytes(b"encrypted" + full.read_bytes())


class Killed(BaseException):
    """As a kill: nothing of ours cleans up after it."""


def small_segments(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Segments of so many bytes, so that a test needs no file of gigabytes."""
    for module in ("checks.inventory", "checks.digesting", "checks.shards", "preserve.repair.reading"):
        monkeypatch.setattr(f"{module}.SEGMENT_BYTES", size)
    # The canaries are longer than that, and their digests are of whole files.
    monkeypatch.setattr("preserve.app.reading.self_test", lambda *_: SelfTest(passed=True))
