"""Which mount a folder lies on."""

import os
from pathlib import Path

import pytest

from preserve.stores import mounts, nesting
from preserve.stores.mounts import mount_of


def test_one_mount_has_one_number(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    folders = [os.open(path, os.O_RDONLY) for path in (tmp_path, tmp_path / "deep", "/proc")]
    try:
        here, deep, other = map(mount_of, folders)
        assert here == deep != other and here[1] is not None
    finally:
        for folder in folders:
            os.close(folder)


def test_without_proc_the_device_is_all_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_DESCRIPTORS", str(tmp_path / "none"))
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        assert mount_of(folder) == (tmp_path.stat().st_dev, None)
    finally:
        os.close(folder)


def test_mounts_are_found_at_a_folder_and_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    inside = os.fsencode(tmp_path / "box")
    lines = [b"%d 1 0:1 / %s rw - x x rw\n" % (n, inside + end) for n, end in enumerate((b"", rb"/a\040b", b"-1"))]
    table.write_bytes(b"".join(lines))
    monkeypatch.setattr(nesting, "_MOUNTS", str(table))
    (tmp_path / "link").symlink_to(tmp_path)
    assert nesting.mounted_in(os.fsencode(tmp_path / "link" / "box")) == [inside, inside + b"/a b"]
    (tmp_path / "to it").symlink_to(tmp_path / "box")
    assert nesting.mounted_in(os.fsencode(tmp_path / "to it")) == []
