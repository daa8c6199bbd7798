"""What stands on a replica that the catalog does not know."""

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from checks.ports import UnavailableError
from preserve.audit import surveying
from preserve.audit.surveying import Survey, survey
from preserve.stores.local import LocalStore, Name


def seen(root: Path, *locations: bytes) -> Survey:
    return survey(LocalStore(os.fsencode(root)), locations)


def bag(root: Path, name: bytes) -> None:
    folder = os.path.join(os.fsencode(root), name)
    os.mkdir(folder)
    Path(os.fsdecode(folder), "bagit.txt").write_text("BagIt-Version: 1.0\n")


def test_what_the_catalog_knows_and_what_is_ours_is_not_told(tmp_path: Path) -> None:
    for name in (b"box-1", b"box-1.v2"):
        bag(tmp_path, name)
    bag(tmp_path, b".preserve")
    (tmp_path / "lost+found").mkdir()
    assert seen(tmp_path, b"box-1", b"box-1.v2", b"gone") == Survey()


def test_bags_folders_and_files_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    khmer, latin = "ប្រអប់".encode(), b"bo\xeete"  # the second is no UTF-8
    for name in (khmer, latin, b"box-2"):
        bag(tmp_path, name)
    (tmp_path / "a folder").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "letters.tar").touch()
    (tmp_path / "ទំព័រ.txt").touch()
    found = seen(tmp_path, b"box-2")
    assert found.bags == (latin, khmer)
    assert found.folders == (b".hidden", b"a folder")
    assert found.files == (b"letters.tar", "ទំព័រ.txt".encode())
    assert (found.more, found.problem) == (0, "")


def test_no_link_is_followed(tmp_path: Path) -> None:
    bag(tmp_path, b"box")
    (tmp_path / "to a bag").symlink_to(tmp_path / "box")
    (tmp_path / "nearly a bag").mkdir()
    (tmp_path / "nearly a bag/bagit.txt").symlink_to(tmp_path / "box/bagit.txt")
    os.mkfifo(tmp_path / "pipe")
    found = seen(tmp_path, b"box")
    assert (found.bags, found.folders, found.files) == ((), (b"nearly a bag",), (b"pipe", b"to a bag"))


def test_a_known_name_that_is_no_folder_is_the_audits_matter(tmp_path: Path) -> None:
    (tmp_path / "box").touch()
    assert seen(tmp_path, b"box") == Survey()


def test_a_root_that_cannot_be_listed_is_a_problem_and_not_an_empty_one(tmp_path: Path) -> None:
    assert seen(tmp_path / "gone") == Survey(problem="ENOENT")
    (tmp_path / "file").touch()
    assert seen(tmp_path / "file") == Survey(problem="ENOTDIR")

    class Gone(LocalStore):
        def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
            raise UnavailableError("the server does not answer")

    assert survey(Gone(os.fsencode(tmp_path)), ()) == Survey(problem="the server does not answer")


def test_what_is_too_much_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "_MOST", 3)
    for number in range(5):
        (tmp_path / str(number)).touch()
        (tmp_path / f"folder {number}").mkdir()
    found = seen(tmp_path)
    assert (found.files, len(found.folders), found.more) == ((b"0", b"1", b"2"), 3, 4)
