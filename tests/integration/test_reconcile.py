"""`preserve reconcile` and `preserve adopt`, on replicas that are folders."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.ports import StoreError
from preserve.app.adopting import Wish, adopt
from preserve.app.rebuild_request import asked_for
from preserve.app.rebuilds import rebuild
from preserve.cli.main import main
from preserve.progress import Silent
from preserve.stores.local import LocalStore
from tests.support.bags import make_bag
from tests.support.workspaces import PlacedWorkspace, make_workspace

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=6, placed=("nas", "disk"))


@pytest.fixture
def run(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, Any]:
        status = main([*words, "--config", str(placed.folder / "preserve.toml"), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def lay(placed: PlacedWorkspace, where: str, *, content: str = "a page", name: str | None = None) -> Path:
    """A small bag on a replica, at `replica/folder`."""
    folder = placed.folder / where
    source = placed.folder / "made" / where
    source.mkdir(parents=True)
    (source / "page.txt").write_text(content)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_bag(source, folder)
    if name is not None:
        _say(folder, name)
    return folder


def _say(bag: Path, identifier: str) -> None:
    """Has a bag state another External-Identifier; no tag manifest speaks of it any more."""
    for manifest in bag.glob("tagmanifest-*"):
        manifest.unlink()
    info = bag / "bag-info.txt"
    kept = [line for line in info.read_text().splitlines() if not line.startswith(("External-Id", "Package-UUID"))]
    info.write_text("\n".join([*kept, f"External-Identifier: {identifier}", ""]))


def things(answer: Any, replica: str) -> dict[str, Any]:
    (view,) = (one for one in answer["replicas"] if one["replica"] == replica)
    return {one["path"]: one for one in view["things"]}


def bags(answer: Any) -> dict[str, Any]:
    return {one["path"]: one for one in answer["bags"]}


def test_a_replica_that_is_as_the_catalog_knows_it_has_no_differences(run: Run) -> None:
    status, answer = run("reconcile")
    assert (status, answer["outcome"]) == (0, "pass")
    assert all(not one["things"] and not one["missing"] for one in answer["replicas"])
    assert {one["replica"]: one["without_copy"] for one in answer["replicas"]}["abroad"] == ["box-0", "box-1"]


def test_what_stands_there_unknown_is_told_by_what_it_is(placed: PlacedWorkspace, run: Run) -> None:
    nas = placed.folder / "nas"
    lay(placed, "nas/letters", name="letters")
    lay(placed, "nas/old/2019/diaries", name="diaries")
    (nas / "old/readme.txt").write_text("x")
    (nas / "scans/deep").mkdir(parents=True)
    (nas / "scans/deep/1.tif").touch()
    (nas / "list.xls").touch()
    (nas / "to box").symlink_to(nas / "box-0")
    (nas / ".0123456789abcdef.partial").touch()
    (nas / ".preserve/strange").touch()
    (nas / ".preserve/quarantine/20260101T000000-deadbeef").mkdir(parents=True)
    status, answer = run("reconcile", "--replica", "nas")
    found = things(answer, "nas")
    assert status == 1
    assert {path: one["what"] for path, one in found.items()} == {
        "letters": "bag",
        "old/2019/diaries": "bag",
        "old/readme.txt": "file",
        "scans": "folder",
        "list.xls": "file",
        "to box": "link",
        ".0123456789abcdef.partial": "leftover",
        ".preserve/strange": "not ours",
        ".preserve/quarantine/20260101T000000-deadbeef": "quarantine entry",
    }
    assert found["old/2019/diaries"]["seems"] == "unknown package"
    assert found["old/2019/diaries"]["package"] == "diaries"


def test_a_recorded_copy_whose_folder_is_gone_is_missing_and_where_it_went_is_told(
    placed: PlacedWorkspace, run: Run
) -> None:
    placed.copy("nas", "box-0").rename(placed.folder / "nas/box zero")
    status, answer = run("reconcile", "--replica", "nas")
    (missing,) = answer["replicas"][0]["missing"]
    assert status == 1
    assert (missing["code"], missing["path"], missing["package"]) == ("copy-missing", "box-0", "box-0")
    moved = things(answer, "nas")["box zero"]
    assert moved["seems"] == "second folder of a version"
    assert "may have been moved" in moved["note"]


def test_a_replica_that_is_away_is_not_said_to_be_without_differences(placed: PlacedWorkspace, run: Run) -> None:
    (placed.folder / "nas").rename(placed.folder / "away")
    status, answer = run("reconcile")
    assert (status, answer["counts"]["away"]) == (3, 1)


def test_unknown_bags_become_packages_where_they_lie(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/letters", name="letters of 1979")
    lay(placed, "nas/old/2019/diaries", content="dear", name="diaries")
    before = _state(placed.folder / "nas")
    status, answer = run("adopt", "nas", "--collection", "papers")
    assert status == 0
    assert {path: (one["became"], one["package"]) for path, one in bags(answer).items()} == {
        "letters": ("package", "letters of 1979"),
        "old/2019/diaries": ("package", "diaries"),
    }
    assert _state(placed.folder / "nas") == before
    with placed.open() as workspace:
        copies = {copy.package: copy for copy in workspace.catalog.copies() if copy.package not in placed.packages}
        assert {name: copy.location for name, copy in copies.items()} == {
            "letters of 1979": b"letters",
            "diaries": b"old/2019/diaries",
        }
        assert all(copy.shards_read == copy.shards for copy in copies.values())
        (package,) = workspace.packages(("diaries",))
        assert (package.collection, package.source, package.files) == ("papers", None, 5)
        assert list(workspace.catalog.check()) == []
    assert placed.audit() == {}
    assert run("reconcile", "--replica", "nas")[0] == 0
    status, again = run("adopt", "nas", "old/2019/diaries")
    assert (status, again["bags"][0]["became"]) == (0, "already")


def _state(root: Path) -> dict[str, tuple[int, int]]:
    """Every file of the bags on a replica, with its size and time."""
    found = {}
    for path in root.rglob("*"):
        if ".preserve" not in path.parts:
            stat = path.lstat()
            found[str(path.relative_to(root))] = (stat.st_size, stat.st_mtime_ns)
    return found


def test_the_copy_of_a_known_package_is_recorded_where_it_lies(placed: PlacedWorkspace, run: Run) -> None:
    shutil.copytree(placed.copy("nas", "box-0"), placed.folder / "abroad/here/box zero")
    found = things(run("reconcile", "--replica", "abroad")[1], "abroad")
    assert found["here/box zero"]["seems"] == "copy of a known version"
    status, answer = run("adopt", "abroad")
    assert status == 0
    assert bags(answer)["here/box zero"]["became"] == "copy"
    assert bags(answer)["here/box zero"]["version"] == 1
    with placed.open() as workspace:
        (package,) = workspace.packages(("box-0",))
        assert {copy.replica for copy in workspace.catalog.copies([package.id])} == {"nas", "disk", "abroad"}
        assert package.version == 1
    assert placed.audit() == {}


def test_other_content_of_a_known_package_is_taken_only_as_its_next_version(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/newer", content="more", name="box-0")
    status, answer = run("adopt", "nas")
    assert (status, bags(answer)["newer"]["became"]) == (1, "nothing")
    assert "other content" in bags(answer)["newer"]["problem"]
    status, answer = run("adopt", "nas", "--new-version", "newer")
    assert (status, bags(answer)["newer"]["became"], bags(answer)["newer"]["version"]) == (0, "version", 2)


def test_a_second_folder_of_the_same_is_told_and_not_counted(placed: PlacedWorkspace, run: Run) -> None:
    shutil.copytree(placed.copy("nas", "box-1"), placed.folder / "nas/box-1 again")
    status, answer = run("adopt", "nas")
    assert status == 1
    assert "recorded in box-1" in bags(answer)["box-1 again"]["problem"]
    with placed.open() as workspace:
        assert len(workspace.catalog.copies()) == 4


def test_two_unknown_folders_of_the_same_content_are_one_package_and_one_copy(
    placed: PlacedWorkspace, run: Run
) -> None:
    first = lay(placed, "nas/a", name="letters")
    shutil.copytree(first, placed.folder / "nas/b")
    status, answer = run("adopt", "nas")
    assert status == 1
    assert {path: one["became"] for path, one in bags(answer).items()} == {"a": "package", "b": "nothing"}


def test_of_two_unknown_folders_that_contradict_each_other_none_is_guessed(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/a", content="one", name="letters")
    lay(placed, "nas/b", content="two", name="letters")
    status, answer = run("adopt", "nas")
    assert status == 1
    assert [one["became"] for one in answer["bags"]] == ["nothing", "nothing"]
    status, answer = run("adopt", "nas", "b")
    assert (status, answer["bags"][0]["became"]) == (0, "package")


def test_a_damaged_bag_is_told_with_its_findings_and_the_others_go_on(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/bad", content="one", name="bad")
    (placed.folder / "nas/bad/data/page.txt").write_text("two")
    lay(placed, "nas/cut", content="three", name="cut")
    (placed.folder / "nas/cut/data/page.txt").unlink()
    lay(placed, "nas/good", name="good")
    status, answer = run("adopt", "nas")
    assert status == 1
    assert {path: one["became"] for path, one in bags(answer).items()} == {
        "bad": "nothing",
        "cut": "nothing",
        "good": "package",
    }
    assert {"digest-mismatch", "missing"} <= {one["code"] for one in answer["findings"]}


def test_a_bag_that_changes_while_it_is_read_is_not_taken(
    placed: PlacedWorkspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay(placed, "nas/busy", name="busy")
    reading = LocalStore.open

    def open_and_add(store: LocalStore, path: bytes, **how: Any) -> Any:
        if path.endswith(b"busy/data/page.txt"):
            (folder / "notes.txt").write_text("added meanwhile")
        return reading(store, path, **how)

    monkeypatch.setattr(LocalStore, "open", open_and_add)
    status, answer = run("adopt", "nas")
    assert status == 3
    assert "changed while it was read" in answer["bags"][0]["problem"]


@pytest.mark.parametrize("named", [(), ("deposits",), ("deposits/closed",), ("deposits/closed/deep",)])
def test_a_folder_that_cannot_be_listed_is_never_without_bags(
    placed: PlacedWorkspace, run: Run, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...]
) -> None:
    lay(placed, "nas/deposits/open")
    lay(placed, "nas/deposits/closed/deep/bag", name="deep")
    names_in = LocalStore.names_in

    def closed(store: LocalStore, folder: bytes, **how: Any) -> Any:
        if folder == b"deposits/closed":
            raise StoreError("Permission denied", cause="EACCES")
        return names_in(store, folder, **how)

    monkeypatch.setattr(LocalStore, "names_in", closed)
    status, answer = run("adopt", "nas", *named)
    said = bags(answer)["deposits/closed"]
    assert (status, said["outcome"], said["became"]) == (3, "inconclusive", "nothing") and "EACCES" in said["problem"]
    others = {path: line["became"] for path, line in bags(answer).items() if path != "deposits/closed"}
    assert others == ({} if named[0:1] > ("deposits",) else {"deposits/open": "package"})


def test_what_was_thrown_away_is_adopted_only_by_name(placed: PlacedWorkspace, run: Run) -> None:
    """A desktop empties its bin without a question."""
    lay(placed, "nas/.Trash-1000/files/letters")
    assert run("adopt", "nas")[1]["bags"] == []
    assert bags(run("adopt", "nas", ".Trash-1000")[1])[".Trash-1000/files/letters"]["became"] == "package"


@pytest.mark.parametrize("asked", ["letters", "letters/data/inner"])
def test_what_cannot_be_asked_is_not_taken_for_no_bag(
    placed: PlacedWorkspace, run: Run, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    """Else good bags were refused for good; and a bag in a bag counted as a copy."""
    lay(placed, "nas/letters")
    lay(placed, "nas/letters/data/inner", name="inner")
    stat, down = LocalStore.stat, True

    def busy(store: LocalStore, path: bytes) -> Any:
        if path == b"letters/bagit.txt" and down:
            raise StoreError("the server is busy", cause="EAGAIN")
        return stat(store, path)

    monkeypatch.setattr(LocalStore, "stat", busy)
    status, answer = run("adopt", "nas", asked)
    said = bags(answer)[asked]
    assert (status, said["outcome"], said["became"]) == (3, "inconclusive", "nothing")
    assert "EAGAIN" in said["problem"] and said["remedy"]
    down = False
    assert run("adopt", "nas", "letters/data/inner")[0] == 1


def test_nothing_is_adopted_through_a_link_or_from_outside(placed: PlacedWorkspace, run: Run) -> None:
    outside = lay(placed, "elsewhere/letters", name="letters")
    (placed.folder / "nas/letters").symlink_to(outside)
    (placed.folder / "nas/all").symlink_to(outside.parent)
    for folder in ("letters", "all/letters"):
        status, answer = run("adopt", "nas", folder)
        assert (status, answer["bags"][0]["became"]) == (1, "nothing")
    for folder in ("../elsewhere/letters", str(outside), "."):
        assert run("adopt", "nas", folder)[0] == 2


def test_a_bag_in_a_bag_is_no_package_of_its_own(placed: PlacedWorkspace, run: Run) -> None:
    outer = lay(placed, "nas/outer", name="outer")
    shutil.copytree(outer, placed.folder / "made/inner")
    shutil.move(placed.folder / "made/inner", outer / "data/inner")
    status, answer = run("adopt", "nas", "outer/data/inner")
    assert status == 1
    assert "which is a bag" in answer["bags"][0]["problem"]
    found = things(run("reconcile", "--replica", "nas")[1], "nas")
    assert list(found) == ["outer"]


def test_a_folder_of_another_case_is_said_to_be_like_the_copy(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/BOX-0", name="another")
    found = things(run("reconcile", "--replica", "nas")[1], "nas")
    assert "upper and lower case" in found["BOX-0"]["note"]


def test_a_bag_with_md5_alone_is_adopted_and_its_strength_told(placed: PlacedWorkspace, run: Run) -> None:
    bag = placed.folder / "nas/old"
    (bag / "data").mkdir(parents=True)
    (bag / "data/a.txt").write_text("x")
    (bag / "bagit.txt").write_text("BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")
    (bag / "manifest-md5.txt").write_text("9dd4e461268c8034f5c8564e155c67a6  data/a.txt\n")
    status, answer = run("adopt", "nas")
    (one,) = answer["bags"]
    assert (status, one["became"], one["package"], one["files"]) == (0, "package", "old", 3)
    assert "md5" in one["strength"]


def test_names_that_are_no_text_are_adopted_under_what_can_be_shown(placed: PlacedWorkspace, run: Run) -> None:
    folder = lay(placed, "nas/plain")
    for manifest in folder.glob("tagmanifest-*"):
        manifest.unlink()
    (folder / "bag-info.txt").unlink()
    os.rename(os.fsencode(folder), os.fsencode(placed.folder / "nas") + b"/bo\xeete\x1b[31m")
    status, answer = run("adopt", "nas")
    assert (status, answer["bags"][0]["became"]) == (0, "package")
    assert "\x1b" not in json.dumps(answer, ensure_ascii=False)
    assert placed.audit() == {}


def test_a_dry_run_reads_no_payload_and_records_nothing(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/letters", name="letters")
    (placed.folder / "nas/letters/data/page.txt").write_text("damaged")
    status, answer = run("adopt", "nas", "--dry-run")
    assert (status, answer["bags"][0]["became"]) == (0, "would")
    with placed.open() as workspace:
        assert workspace.catalog.package_named("letters") is None


def test_a_run_killed_between_package_and_copy_is_ended_by_the_next(
    placed: PlacedWorkspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(placed, "nas/letters", name="letters")
    with placed.open() as workspace:
        with monkeypatch.context() as patch:
            patch.setattr(type(workspace.catalog), "record_copy", _killed)
            with pytest.raises(KeyboardInterrupt):
                adopt(workspace, Wish(replica="nas"), Silent())
        assert workspace.catalog.package_named("letters") is not None
    status, answer = run("adopt", "nas")
    assert (status, answer["bags"][0]["became"]) == (0, "copy")
    with placed.open() as workspace:
        (package,) = workspace.packages(("letters",))
        assert (package.version, len(workspace.catalog.copies([package.id]))) == (1, 1)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_removed_package_does_not_come_back(placed: PlacedWorkspace, run: Run) -> None:
    run("remove", "box-0", "--reason", "x")
    shutil.copytree(placed.copy("nas", "box-0"), placed.folder / "abroad/box-0")
    status, answer = run("adopt", "abroad")
    assert status == 1
    assert "was removed" in answer["bags"][0]["problem"]


def test_what_is_ignored_is_told_no_more_until_it_is_another_thing(placed: PlacedWorkspace, run: Run) -> None:
    nas = placed.folder / "nas"
    (nas / "list.xls").touch()
    assert run("reconcile", "--replica", "nas", "--ignore", "list.xls")[0] == 2  # no reason
    status, answer = run("reconcile", "--replica", "nas", "--ignore", "list.xls", "--reason", "the shelf list")
    assert status == 0
    (ignored,) = answer["replicas"][0]["ignored"]
    assert (ignored["path"], ignored["what"], ignored["reason"]) == ("list.xls", "file", "the shelf list")
    with placed.open() as workspace:
        (row,) = workspace.replicas(("nas",))
        _, surveyed = workspace.catalog.latest_by_replica("replica-surveyed")[str(row.uuid)]
        assert (surveyed["files"], surveyed["bags"]) == (0, 0)
        assert list(workspace.catalog.check()) == []
    (nas / "list.xls").unlink()
    lay(placed, "nas/list.xls", name="a list")
    status, answer = run("reconcile", "--replica", "nas")
    assert status == 1
    assert "was ignored as a file" in things(answer, "nas")["list.xls"]["note"]
    status, answer = run("reconcile", "--replica", "nas", "--unignore", "list.xls")
    assert (status, answer["replicas"][0]["ignored"]) == (1, [])


def test_taking_in_from_the_report_adopts_and_then_tells_what_is_left(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/letters", name="letters")
    (placed.folder / "nas/scans").mkdir()
    status, answer = run("reconcile", "--replica", "nas", "--take-in", "letters")
    assert status == 1
    assert answer["adopted"]["counts"]["packages"] == 1
    assert list(things(answer, "nas")) == ["scans"]


def test_an_adopted_package_can_be_lost_made_again_and_removed(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/old/2019/diaries", name="diaries")
    config = ["--config", str(placed.folder / "preserve.toml")]
    assert run("adopt", "nas")[0] == 0
    assert main(["replicate", "diaries", "--to", "disk", *config]) == 0
    shutil.rmtree(placed.folder / "nas/old")
    assert placed.audit() == {("nas", "diaries", b""): "copy-missing"}
    assert main(["replicate", "diaries", "--to", "nas", *config]) == 0
    assert (placed.folder / "nas/old/2019/diaries/bagit.txt").exists()
    assert placed.audit() == {}
    words = ["remove", "diaries", "--reason", "x", "--delete-copies", "--confirm", "diaries", *config]
    assert main(words) == 0
    assert not (placed.folder / "nas/old/2019/diaries").exists()


def test_premis_says_that_it_was_adopted_in_place(placed: PlacedWorkspace, run: Run, tmp_path: Path) -> None:
    lay(placed, "nas/letters", name="letters")
    assert run("adopt", "nas")[0] == 0
    target = tmp_path / "letters.xml"
    config = ["--config", str(placed.folder / "preserve.toml")]
    assert main(["premis", "export", "letters", "--output", str(target), *config]) == 0
    text = target.read_text()
    assert "adopted in place" in text
    assert "nothing was copied or moved" in " ".join(text.split())
    assert "made in the folder" not in text


def test_removing_a_nested_copy_takes_the_folders_away_in_which_nothing_else_lies(
    placed: PlacedWorkspace, run: Run
) -> None:
    lay(placed, "nas/old/2019/may/diaries", name="diaries")
    (placed.folder / "nas/old/readme.txt").write_text("x")
    assert run("adopt", "nas", "old/2019/may/diaries")[0] == 0
    status, _ = run("remove", "diaries", "--reason", "given back", "--delete-copies", "--confirm", "diaries")
    assert status == 0
    assert os.listdir(placed.folder / "nas/old") == ["readme.txt"]


def test_bags_in_folders_are_found_when_a_catalog_is_made_again_without_backups(placed: PlacedWorkspace) -> None:
    lay(placed, "nas/old/2019/diaries", name="diaries")
    lay(placed, "nas/.Trash/letters", name="letters")
    (placed.folder / "catalog.sqlite").unlink()
    view = rebuild(asked_for(None, (), placed.folder, trust="nas", without_backups=True), Silent())
    assert view.packages == ["box-0", "box-1", "diaries"]
    with placed.open() as workspace:
        places = {(copy.replica, copy.location) for copy in workspace.catalog.copies() if copy.package == "diaries"}
    assert places == {("nas", b"old/2019/diaries")}


def test_what_is_ignored_once_more_for_the_same_reason_is_written_down_once(placed: PlacedWorkspace, run: Run) -> None:
    (placed.folder / "nas/list.xls").touch()
    for reason in ("the shelf list", "the shelf list", "another list"):
        assert run("reconcile", "--replica", "nas", "--ignore", "list.xls", "--reason", reason)[0] == 0
    with placed.open() as workspace:
        said = [json.loads(link.body)["reason"] for link in workspace.catalog.journal() if link.kind == "name-ignored"]
    assert said == ["the shelf list", "another list"]
