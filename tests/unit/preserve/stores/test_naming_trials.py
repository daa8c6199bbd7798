"""Names that a disk could not hold are found before anything is copied to it, by trying them there."""

import errno
import os
import time
from pathlib import Path

import pytest

from preserve.errors import UndeterminedError
from preserve.stores import naming_trials
from preserve.stores.naming_trials import unfit

KHMER = "ទំព័រ/រូបភាព ០១.tif"


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    (tmp_path / ".preserve").mkdir()
    return os.fsencode(tmp_path)


def test_a_file_system_that_takes_bytes_takes_every_name(root: bytes) -> None:
    names = [b"box/A", b"box/a", b"box/a:b", b"box/dot.", b"box/\xff", b"box/new\nline", KHMER.encode()]
    assert unfit(root, names) == {}
    assert os.listdir(os.path.join(root, b".preserve")) == []


def test_a_name_that_is_too_long_is_told_with_its_path_and_its_neighbours_are_not(root: bytes) -> None:
    long, fits = b"box/data/" + b"x" * 256, b"box/data/" + b"x" * 255
    khmer = b"box/" + ("ក" * 86).encode()
    assert unfit(root, [fits, long, khmer]).keys() == {long, khmer}
    assert "too long" in unfit(root, [long])[long]


def test_a_folder_whose_name_is_too_long_makes_all_below_it_unfit(root: bytes) -> None:
    below = [b"x" * 300 + b"/a.tif", b"x" * 300 + b"/b/c.tif"]
    assert unfit(root, below).keys() == set(below)


class Refusing:
    """A file system that refuses some names, folds case, and normalises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = list[bytes]()
        self._open = os.open
        monkeypatch.setattr(os, "open", self.open)

    def open(self, path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT:
            self.made.append(path)
            if b":" in path:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            if b"?" in path:
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            if b"*" in path:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._open(path, flags, mode, dir_fd=dir_fd)


def test_each_shape_of_a_name_is_tried_once_however_many_names_have_it(
    root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Refusing(monkeypatch)
    names = [b"box/page %04d.tif" % number for number in range(3000)] + [b"box/%d:%d" % (n, n) for n in range(500)]
    told = unfit(root, names)
    assert len(told) == 500 and all(b":" in path for path in told)
    assert "cannot hold a name with these characters" in told[b"box/7:7"]
    assert len(seen.made) < 20


def test_where_there_are_too_many_shapes_their_characters_stand_for_them(
    root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming_trials, "_MOST", 10)
    seen = Refusing(monkeypatch)
    marks = [chr(0x1780 + number) for number in range(30)]
    names = [f"box/{one}{other}?".encode() for one in marks for other in marks] + [f"box/{marks[0]}".encode()]
    told = unfit(root, names)
    assert len(told) == 900 and names[-1] not in told
    assert "refuses the name (Permission denied)" in told[names[0]]
    assert len(seen.made) < 200


def test_a_disk_that_is_full_says_nothing_of_names(root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    Refusing(monkeypatch)
    with pytest.raises(UndeterminedError, match="the disk is full"):
        unfit(root, [b"box/a*b"])
    assert os.listdir(os.path.join(root, b".preserve")) == []


def test_what_a_killed_trial_left_is_taken_away_a_day_later_and_nothing_else(root: bytes) -> None:
    ours = Path(os.fsdecode(root)) / ".preserve"
    now = int(time.time())
    left, young = ours / f"trial-{now - 90_000:08x}89abcdef", ours / f"trial-{now - 80_000:08x}76543210"
    other = ours / "trial-mine"
    for folder in (left, young, other):
        (folder / "alone").mkdir(parents=True)
        (folder / "alone/x:y").touch()
    assert unfit(root, [b"box/x y"]) == {}
    assert sorted(ours.iterdir()) == sorted([young, other])


def test_a_link_in_the_place_of_a_killed_trial_is_not_followed(root: bytes, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    link = tmp_path / ".preserve/trial-0123456789abcdef"
    link.symlink_to(precious)
    os.utime(link, (1, 1), follow_symlinks=False)
    assert unfit(root, [b"box/x y"]) == {}
    assert (precious / "file").exists()
