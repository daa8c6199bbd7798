"""Power cuts: what may be on the disk then is nothing half and nothing called good wrongly; seeded bugs are caught."""

import os
import random

import pytest

from tests.campaigns.powercut import cut
from tests.campaigns.powercut_disk import TOP, Disk, Entry
from tests.campaigns.powercut_files import File
from tests.campaigns.powercut_recording import can_record
from tests.campaigns.powercut_trees import Tree
from tests.campaigns.powercut_work import Workload
from tests.campaigns.powercut_workloads import WORKLOADS, Replicate

GIVEN = ("fsync", 17)  # of a repair: between a moved file's rename back to its place and the flush of that
AWAY = "read.log"


@pytest.fixture(scope="module")
def recorder() -> None:
    """What records calls is there, or it is said loudly that it is not."""
    if not can_record():
        why = "strace is not here, or may not trace: a power cut cannot be recorded"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


def _workload(name: str) -> Workload:
    return Replicate(("box-0",)) if name == "replicate" else WORKLOADS[name]()  # one package: half the calls


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize(
    ("name", "states", "every"),
    [
        ("copy", 220, 40),
        ("in-place", 220, 40),
        ("replicate", 180, 100),
        ("repair", 90, 40),
        ("repair-by-renames", 70, 30),
        ("backup", 50, 20),
    ],
)
def test_nothing_half_is_found_after_a_power_cut(name: str, states: int, every: int) -> None:
    report = cut(_workload(name), states, seed=3, every=every)
    assert not report.faults
    assert (report.states, report.reruns > 0) == (states, True)
    assert report.distinct > states / 6  # or nothing was ever left unflushed, and nothing was tried


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize(
    ("name", "killed_at", "after", "states"),
    [
        ("copy", ("fsync", 3), "bagit.txt", 280),  # in the staging folder
        ("replicate", ("fsync", 1), "box-0", 110),
        ("repair", GIVEN, AWAY, 60),
        ("backup", ("fsync", 7), ".json", 100),  # the backup's description
    ],
)
def test_what_a_killed_run_left_unflushed_is_not_relied_on(
    name: str, killed_at: tuple[str, int], after: str, states: int
) -> None:
    workload = Replicate(("box-0",), used=True) if name == "replicate" else _workload(name)
    report = cut(workload, states, seed=1, every=0, killed_at=killed_at)
    assert report.killed.endswith(after)  # or it was not killed between this rename and its flush
    assert not report.faults


@pytest.mark.usefixtures("recorder")
def test_what_a_killed_repair_left_is_flushed_before_it_is_settled() -> None:
    """Else the moved file's bytes, or what is recorded of it, are gone with the power."""
    report = cut(_workload("repair"), 60, seed=1, every=0, bug="settled-unflushed", killed_at=GIVEN, to_first=True)
    assert report.killed.endswith(AWAY) and report.faults


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("bug", ["no-flush-of-files", "no-flush-of-folders", "published-first"])
@pytest.mark.parametrize("name", ["copy", "replicate"])
def test_a_seeded_bug_is_caught(name: str, bug: str) -> None:
    assert cut(_workload(name), 2000, seed=3, bug=bug, every=0, to_first=True).faults


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("bug", ["no-flush-of-files", "no-flush-of-folders"])
def test_a_seeded_bug_is_caught_in_place(bug: str) -> None:
    assert cut(_workload("in-place"), 2000, seed=3, bug=bug, every=0, to_first=True).faults


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize(
    ("name", "bug"),
    [
        *((name, bug) for name in ("repair", "backup") for bug in ("no-flush-of-files", "no-flush-of-folders")),
        ("repair-by-renames", "renamed-first"),
        ("repair", "recorded-first"),
        ("backup", "described-first"),
        ("backup", "pruned-first"),
    ],
)
def test_a_seeded_bug_is_caught_in_repairs_and_backups(name: str, bug: str) -> None:
    assert cut(_workload(name), 800, seed=3, bug=bug, every=0, to_first=True).faults


def _found(disk: Disk) -> list[Tree]:
    rng = random.Random(1)
    return [disk.survivor(rng) for _ in range(300)]


def _disk(tree: Tree) -> Disk:
    disk = Disk(tree)
    disk.now = 1
    return disk


def test_what_was_not_flushed_may_be_lost_torn_or_there() -> None:
    disk = _disk({b"f": b"old" * 400})
    node = disk.find(TOP, [b"f"])
    assert node is not None
    disk.write(node, 0, b"new" * 400)
    found = {tree[b"f"] for tree in _found(disk)}
    old, new = b"old" * 400, b"new" * 400
    assert {old, new, new[:512] + old[512:], old[:512] + new[512:]} <= found
    disk.flush(node, before=0)  # begun before the write had ended
    assert len({tree[b"f"] for tree in _found(disk)}) > 1
    disk.flush(node, before=1)
    assert {tree[b"f"] for tree in _found(disk)} == {new}


def test_a_flushed_file_may_still_have_no_name() -> None:
    disk = _disk({})
    node = disk.add(TOP, b"f", File())
    disk.write(node, 0, b"content")
    disk.flush(node, before=1)
    found = _found(disk)
    assert {} in found and {b"f": b"content"} in found and {b"f": b""} not in found
    disk.flush(TOP, before=1)
    assert all(tree == {b"f": b"content"} for tree in _found(disk))


def test_a_rename_between_folders_is_there_in_both_or_in_neither() -> None:
    disk = _disk({b"a": None, b"a/f": b"content", b"b": None})
    a, b, node = (disk.find(TOP, path.split(b"/")) for path in (b"a", b"b", b"a/f"))
    assert a is not None and b is not None
    disk.change(Entry(a, b"f", None), Entry(b, b"f", node))
    found = _found(disk)
    assert all((b"a/f" in tree) != (b"b/f" in tree) for tree in found)
    assert {b"a/f" in tree for tree in found} == {True, False}
    disk.flush(b, before=1)
    assert all(b"b/f" in tree and b"a/f" not in tree for tree in _found(disk))
