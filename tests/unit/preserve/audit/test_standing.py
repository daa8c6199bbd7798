"""What stands on a replica, looked through down to each bag."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from checks.ports import StoreError
from preserve.audit import standing
from preserve.audit.standing import Looked, Looking, What
from preserve.audit.surveying import Survey, survey
from preserve.stores.local import LocalStore, Name


def looked(root: Path, *recorded: bytes, ignored: Mapping[bytes, str] | None = None) -> Looked:
    return Looking(LocalStore(os.fsencode(root)), recorded, ignored or {}).look()


def found(seen: Looked) -> dict[bytes, What]:
    return {one.path: one.what for one in seen.found}


def bag(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "bagit.txt").touch()
    return folder


def test_a_bag_is_found_however_deep_and_not_looked_into(tmp_path: Path) -> None:
    bag(bag(tmp_path / "a/b/c") / "data/inner")
    assert found(looked(tmp_path)) == {b"a/b/c": What.BAG}


def test_a_folder_without_a_bag_is_one_thing_however_much_is_in_it(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"scans/{number}").mkdir(parents=True)
        (tmp_path / f"scans/{number}/page.tif").touch()
    assert found(looked(tmp_path)) == {b"scans": What.FOLDER}


def test_beside_a_recorded_copy_each_name_is_told(tmp_path: Path) -> None:
    bag(tmp_path / "shelf/box")
    (tmp_path / "shelf/notes.txt").touch()
    seen = looked(tmp_path, b"shelf/box")
    assert found(seen) == {b"shelf/notes.txt": What.FILE}
    assert seen.met == {b"shelf/box"}


def test_no_link_is_followed_and_a_link_in_a_copys_place_is_not_met(tmp_path: Path) -> None:
    bag(tmp_path / "real")
    (tmp_path / "box").symlink_to(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    seen = looked(tmp_path, b"box", b"real")
    assert found(seen) == {b"link": What.LINK, b"pipe": What.OTHER}
    assert seen.met == {b"real"}


def test_an_ignored_name_is_passed_over_only_while_it_is_what_it_was(tmp_path: Path) -> None:
    bag(tmp_path / "shelf/box")
    (tmp_path / "list").mkdir()
    ignored = {b"list": "file", b"shelf": "folder of bags", b"gone": "bag"}
    seen = looked(tmp_path, ignored=ignored)
    assert found(seen) == {b"list": What.FOLDER}
    assert "ignored as a file" in seen.found[0].note
    assert seen.ignored == {b"shelf"}
    bag(tmp_path / "list/new")
    assert found(looked(tmp_path, ignored={**ignored, b"list": "folder"})) == {
        b"list": What.BAGS,
        b"list/new": What.BAG,
    }


def test_what_cannot_be_looked_through_to_its_end_is_said(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 30)).mkdir(parents=True)
    seen = looked(tmp_path)
    assert [path for path, _ in seen.problems] == [b"d"]


def test_a_folder_that_cannot_be_listed_makes_the_look_incomplete(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    bag(tmp_path / "box")

    class Closed(LocalStore):
        def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
            if folder == b"closed":
                raise StoreError("closed", cause="EACCES")
            return super().names_in(folder, stats=stats)

    seen = Looking(Closed(os.fsencode(tmp_path)), (), {}).look()
    assert seen.problems == [(b"closed", "EACCES")]
    assert found(seen)[b"box"] is What.BAG


def test_a_folder_without_end_is_left_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"many/{number:02d}").mkdir(parents=True)
    bag(tmp_path / "next")
    monkeypatch.setattr(standing, "_MOST_FOLDERS", 10)
    seen = looked(tmp_path)
    assert [path for path, _ in seen.problems] == [b"many"]
    assert found(seen)[b"next"] is What.BAG


def test_ten_thousand_bags_are_all_told(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number:05d}").mkdir()
        (tmp_path / f"{number:05d}/bagit.txt").touch()
    seen = looked(tmp_path, b"00000")
    assert len(seen.found) == 9_999
    assert all(one.what is What.BAG for one in seen.found)


def test_a_survey_passes_over_what_is_ignored_and_looks_beside_a_nested_copy(tmp_path: Path) -> None:
    bag(tmp_path / "shelf/box")
    bag(tmp_path / "shelf/other")
    (tmp_path / "list.xls").touch()
    store = LocalStore(os.fsencode(tmp_path))
    assert survey(store, [b"shelf/box"]) == Survey(bags=(b"shelf/other",), files=(b"list.xls",))
    assert survey(store, [b"shelf/box"], {b"list.xls": "file", b"shelf/other": "bag"}) == Survey()
    assert survey(store, [b"shelf/box"], {b"list.xls": "bag", b"shelf/other": "bag"}) == Survey(files=(b"list.xls",))
