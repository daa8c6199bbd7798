"""A disk is known by its identity wherever it is mounted, and nobody waits for a mount that does not answer."""

import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from preserve.stores import finding_disks
from preserve.stores.finding_disks import ClonedError, find_disk
from preserve.stores.identity import Identity, write_identity

UUID = "6f1c2a3e-2f0b-4d55-8a1f-0d5a4cf2c111"
OTHER = "00000000-2f0b-4d55-8a1f-0d5a4cf2c222"


class Mounts:
    """What the system says is mounted."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = file
        self.lines = list[str]()
        monkeypatch.setattr(finding_disks, "_MOUNTS", str(file))
        self.write()

    def add(self, point: Path | str, kind: str = "ext4") -> None:
        escaped = str(point).replace("\\", r"\134").replace(" ", r"\040")
        self.lines.append(f"99 27 8:1 / {escaped} rw,relatime shared:7 - {kind} /dev/sdb1 rw")
        self.write()

    def write(self) -> None:
        self._file.write_text("".join(line + "\n" for line in ["27 1 254:0 / / rw - ext4 /dev/vda rw", *self.lines]))


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounts:
    return Mounts(tmp_path / "mountinfo", monkeypatch)


def replica(folder: Path, uuid: str = UUID) -> bytes:
    folder.mkdir(parents=True)
    write_identity(os.fsencode(folder), Identity(uuid=uuid, name="safe"), datetime(2026, 1, 1, tzinfo=UTC))
    return os.fsencode(folder)


@pytest.mark.parametrize("below", ["", "copies", "ARCHIVE/copies"])
def test_a_disk_that_is_mounted_elsewhere_is_found_by_its_identity(tmp_path: Path, mounts: Mounts, below: str) -> None:
    mount = tmp_path / "run media/ARCHIVE1"
    there = replica(mount / below)
    mounts.add(mount)
    seen = find_disk(os.fsencode(tmp_path / "media/anna/ARCHIVE/copies"), UUID)
    assert (seen.root, seen.clones, seen.problem) == (there, (), None)


def test_another_disk_in_its_place_is_not_it(tmp_path: Path, mounts: Mounts) -> None:
    place = tmp_path / "media/ARCHIVE"
    replica(place, OTHER)
    mounts.add(place)
    assert find_disk(os.fsencode(place), UUID).root is None
    there = replica(tmp_path / "media/ARCHIVE1")
    mounts.add(tmp_path / "media/ARCHIVE1")
    assert find_disk(os.fsencode(place), UUID).root == there


def test_the_folder_of_the_settings_is_looked_at_first(tmp_path: Path, mounts: Mounts) -> None:
    own = replica(tmp_path / "ARCHIVE")
    assert find_disk(own, UUID).root == own
    mounts.add(tmp_path / "ARCHIVE")
    assert find_disk(own, UUID).root == own, "and found on its mount once more it is no clone"


def test_two_disks_with_one_identity_are_refused_and_both_are_named(tmp_path: Path, mounts: Mounts) -> None:
    own, clone = replica(tmp_path / "ARCHIVE"), replica(tmp_path / "ARCHIVE1")
    mounts.add(tmp_path / "ARCHIVE1")
    seen = find_disk(own, UUID)
    assert seen.root is None and set(seen.clones) == {own, clone}
    assert isinstance(seen.problem, ClonedError)
    assert str(tmp_path / "ARCHIVE1") in seen.problem.cause and "clones" in seen.problem.cause


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "fuse.rclone", "autofs", "proc", "overlay", "9p"])
def test_what_goes_over_a_network_or_is_no_disk_is_not_touched(
    tmp_path: Path, mounts: Mounts, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica(tmp_path / "share")
    mounts.add(tmp_path / "share", kind)
    asked = list[str]()
    monkeypatch.setattr(finding_disks, "_look", lambda places, uuid, seen: asked.append(places[0]))
    assert find_disk(os.fsencode(tmp_path / "ARCHIVE"), UUID).root is None
    assert asked == []


@pytest.mark.parametrize(
    "kind", ["ext4", "vfat", "exfat", "ntfs3", "fuseblk", "fuse", "fuse.fusefat", "btrfs", "hfsplus"]
)
def test_what_may_be_a_disk_is_looked_at(tmp_path: Path, mounts: Mounts, kind: str) -> None:
    there = replica(tmp_path / "disk")
    mounts.add(tmp_path / "disk", kind)
    assert find_disk(os.fsencode(tmp_path / "ARCHIVE"), UUID).root == there


def test_a_disk_that_does_not_answer_keeps_nobody_waiting_and_is_asked_once(
    tmp_path: Path, mounts: Mounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replica(tmp_path / "good")
    mounts.add(tmp_path / "hangs")
    mounts.add(tmp_path / "good")
    answers, asked, look = threading.Event(), list[bytes](), finding_disks._look

    def looking(places: Sequence[bytes], uuid: str, seen: list[finding_disks._Seen]) -> None:
        asked.append(places[0])
        if places[0].endswith(b"hangs"):
            answers.wait()
        look(places, uuid, seen)

    monkeypatch.setattr(finding_disks, "_look", looking)
    begun = time.monotonic()
    for _ in range(3):
        assert find_disk(os.fsencode(tmp_path / "ARCHIVE"), UUID, patience_seconds=0.2).root == there
    assert time.monotonic() - begun < 5
    assert [point.rsplit(b"/", 1)[1] for point in sorted(asked)] == [b"good"] * 3 + [b"hangs"]
    answers.set()


def test_a_link_on_a_disk_leads_nowhere(tmp_path: Path, mounts: Mounts) -> None:
    replica(tmp_path / "elsewhere")
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/copies").symlink_to(tmp_path / "elsewhere")
    mounts.add(tmp_path / "disk")
    assert find_disk(b"/media/anna/copies", UUID).root is None


def test_where_the_system_tells_nothing_only_the_own_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding_disks, "_MOUNTS", str(tmp_path / "none"))
    own = replica(tmp_path / "ARCHIVE")
    assert find_disk(own, UUID).root == own
    assert find_disk(own, OTHER).root is None
