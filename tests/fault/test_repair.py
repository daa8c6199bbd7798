"""Repair: what is good is never touched, what is bad is never lost, and only what was taken in counts as good."""

import json
import os
import shutil
import unicodedata
from hashlib import sha256
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.cli.main import main
from preserve.errors import UsageError
from preserve.stores import quarantine
from reports import repairs as reports
from tests.campaigns.killing_copies import tree
from tests.support.bags import make_bag
from tests.support.repairing import (
    at,
    endings,
    entries,
    hide_the_bags,
    mend,
    small_segments,
    some_file,
)
from tests.support.workspaces import REPLICAS, PlacedWorkspace, keep, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=24)


def test_a_plan_changes_nothing(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    at(placed, "disk", path).write_bytes(b"other")
    placed.audit()
    before = {name: tree(placed.folder / name) for name in REPLICAS}
    with placed.open() as workspace:
        head = workspace.catalog.head()
    view = mend(placed, apply=False)
    assert endings(view) == [("disk", "replace", "planned")]
    line = view.lines[0]
    assert line.source in REPLICAS and line.source_evidence == "read-medium" and line.source_read_at is not None
    assert "other content" in line.cause_words
    assert {name: tree(placed.folder / name) for name in REPLICAS} == before
    with placed.open() as workspace:
        assert workspace.catalog.head() == head
    assert not entries(placed, "disk")


def test_the_majority_is_never_asked(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    good = at(placed, "abroad", path).read_bytes()
    wrong = b"agreed upon" + good[11:]
    for replica in ("disk", "nas"):
        at(placed, replica, path).write_bytes(wrong)
    hide_the_bags(placed)
    placed.audit()
    assert endings(mend(placed)) == [("disk", "replace", "repaired"), ("nas", "replace", "repaired")]
    assert all(at(placed, replica, path).read_bytes() == good for replica in REPLICAS)
    for replica in ("disk", "nas"):
        (entry,) = entries(placed, replica)
        assert (entry / "content").read_bytes() == wrong
        assert (entry / "manifest-sha256.txt").read_text() == f"{sha256(wrong).hexdigest()}  content\n"
        document = json.loads((entry / "entry.json").read_text("utf-8"))
        assert document["package"] == "box-0" and document["file"]["path"] == os.fsdecode(path)
    assert placed.audit() == {}


def test_a_source_that_went_bad_since_is_not_used(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    good = at(placed, "nas", path).read_bytes()
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    at(placed, "nas", path).write_bytes(b"bad since")
    at(placed, "abroad", path).unlink()
    view = mend(placed)
    assert endings(view) == [("disk", "replace", "repaired")]
    assert view.lines[0].source == "the bag that was taken in"
    assert at(placed, "disk", path).read_bytes() == good


def test_without_any_good_bytes_nothing_is_touched_and_the_loss_is_told(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    for number, replica in enumerate(REPLICAS):
        at(placed, replica, path).write_bytes(b"bad %d" % number)
    hide_the_bags(placed)
    placed.audit()
    view = mend(placed)
    assert {ending for _, _, ending in endings(view)} == {"no-good-copy"}
    assert [at(placed, replica, path).read_bytes() for replica in REPLICAS] == [b"bad 0", b"bad 1", b"bad 2"]
    assert reports.outcome_of(view) is Outcome.FAIL
    assert not any(entries(placed, replica) for replica in REPLICAS)


def test_an_equal_file_elsewhere_in_the_catalog_is_used_and_said(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "sources" / name).mkdir(parents=True)
        (tmp_path / "sources" / name / f"page of {name}.txt").write_bytes(b"the same page" * 50)
        make_bag(tmp_path / "sources" / name, tmp_path / "bags" / name)
    keep(tmp_path, [tmp_path / "bags" / "one", tmp_path / "bags" / "two"], placed=REPLICAS)
    placed = PlacedWorkspace(tmp_path, ["one", "two"], list(REPLICAS), {}, {}, {})
    for replica in REPLICAS:
        (tmp_path / replica / "one" / "data" / "page of one.txt").write_bytes(b"spoilt")
    hide_the_bags(placed)
    placed.audit()
    view = mend(placed)
    assert {line.ending for line in view.lines} == {"repaired"}
    assert "two: data/page of two.txt" in view.lines[0].source
    assert placed.audit() == {}


def test_two_files_that_changed_places_and_are_good_nowhere_else_are_put_right(placed: PlacedWorkspace) -> None:
    one, other = some_file(placed), some_file(placed, which=1)
    whole = tree(placed.folder / "disk")
    first, second = at(placed, "disk", one), at(placed, "disk", other)
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])
    for replica in ("nas", "abroad"):
        for path in (one, other):
            at(placed, replica, path).write_bytes(b"bad")
    hide_the_bags(placed)
    placed.audit()
    planned = mend(placed, apply=False)
    assert {line.ending for line in planned.lines} == {"planned"} and len(planned.lines) == 6
    assert {line.ending for line in mend(placed).lines} == {"repaired"}
    assert tree(placed.folder / "disk") == tree(placed.folder / "nas") == whole
    assert placed.audit() == {}


def test_untracked_files_are_left_unless_setting_them_aside_is_asked_for(placed: PlacedWorkspace) -> None:
    stray = placed.copy("disk", "box-0") / "data" / "stray ្.txt"
    stray.write_bytes(b"nobody knows")
    placed.audit()
    view = mend(placed)
    assert not view.lines and [left.why for left in view.left] == ["untracked"]
    assert stray.read_bytes() == b"nobody knows"
    view = mend(placed, quarantine_untracked=True)
    assert endings(view) == [("disk", "set-aside", "set-aside")]
    assert not stray.exists()
    (entry,) = entries(placed, "disk")
    assert (entry / "content").read_bytes() == b"nobody knows"
    with placed.open() as workspace:
        assert workspace.catalog.findings() == []
        assert workspace.catalog.packages()[0].verdict.value == "intact"
    assert placed.audit() == {}


def test_missing_moved_and_cut_files_are_whole_again(placed: PlacedWorkspace) -> None:
    missing, moved, cut = (some_file(placed, which=number) for number in range(3))
    whole = tree(placed.folder / "disk")
    at(placed, "disk", missing).unlink()
    at(placed, "disk", moved).rename(at(placed, "disk", moved).with_name("ផ្លាស់"))
    at(placed, "disk", cut).write_bytes(at(placed, "disk", cut).read_bytes()[:7])
    placed.audit()
    found = sorted(method for _, method, _ in endings(mend(placed)))
    assert found == ["rename-back", "replace", "write"]
    assert tree(placed.folder / "disk") == whole
    assert placed.audit() == {}


def test_a_missing_folder_is_made_again(placed: PlacedWorkspace) -> None:
    whole = tree(placed.folder / "disk")
    folder = at(placed, "disk", next(path for path in placed.files["box-0"] if path.count(b"/") > 2)).parent
    shutil.rmtree(folder)
    placed.audit()
    assert {ending for _, _, ending in endings(mend(placed))} == {"repaired"}
    assert tree(placed.folder / "disk") == whole


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "fifo"])
def test_what_is_no_file_is_set_aside_as_it_is(placed: PlacedWorkspace, kind: str) -> None:
    path = some_file(placed)
    full = at(placed, "disk", path)
    good = full.read_bytes()
    full.unlink()
    target = placed.folder / "outside.bin"
    target.write_bytes(good)
    if kind == "folder":
        full.mkdir()
    elif kind == "fifo":
        os.mkfifo(full)
    else:
        full.symlink_to(target if kind == "link" else "nowhere")
    placed.audit()
    assert {ending for _, _, ending in endings(mend(placed))} == {"repaired"}
    assert full.read_bytes() == good and not full.is_symlink()
    assert target.read_bytes() == good
    assert placed.audit() == {}


def test_a_file_in_a_folders_place_is_told_and_with_it_set_aside_the_files_come_back(placed: PlacedWorkspace) -> None:
    whole = tree(placed.folder / "disk")
    folder = at(placed, "disk", next(path for path in placed.files["box-0"] if path.count(b"/") > 2)).parent
    shutil.rmtree(folder)
    folder.write_bytes(b"in its place")
    placed.audit()
    view = mend(placed)
    assert {line.ending for line in view.lines} == {"failed"}
    assert folder.read_bytes() == b"in its place"
    mend(placed, quarantine_untracked=True)
    assert tree(placed.folder / "disk") == whole
    assert placed.audit() == {}


def test_a_name_spelled_otherwise_is_mended_under_the_name_on_disk(placed: PlacedWorkspace) -> None:
    path = next(path for path in placed.files["box-0"] if "é".encode() in path and placed.is_held_once("box-0", path))
    full = at(placed, "disk", path)
    spelled = Path(unicodedata.normalize("NFD", str(full)))
    spelled.parent.mkdir(exist_ok=True)
    full.rename(spelled)
    spelled.write_bytes(spelled.read_bytes() + b"?")
    placed.audit()
    assert {ending for _, _, ending in endings(mend(placed))} == {"repaired"}
    assert spelled.read_bytes() == at(placed, "nas", path).read_bytes() and not full.exists()
    assert placed.audit() == {}


def test_a_file_system_that_cannot_exchange_names(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "exchange", lambda *names: False)
    whole = tree(placed.folder / "disk")
    path = some_file(placed)
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    assert endings(mend(placed)) == [("disk", "replace", "repaired")]
    assert tree(placed.folder / "disk") == whole
    assert (entries(placed, "disk")[0] / "content").read_bytes() == b"bad"


def test_a_full_disk_is_said_and_nothing_is_lost(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = some_file(placed)
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()

    def full(fd: int, buffer: memoryview) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(quarantine, "_write", full)
    view = mend(placed)
    assert endings(view) == [("disk", "replace", "failed")]
    assert "the disk is full" in view.lines[0].problem
    assert at(placed, "disk", path).read_bytes() == b"bad"
    monkeypatch.undo()
    assert endings(mend(placed)) == [("disk", "replace", "repaired")]


def test_a_medium_that_does_not_keep_what_is_staged_gets_nothing(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = some_file(placed)
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    monkeypatch.setattr(quarantine, "_write", lambda fd, buffer: os.write(fd, bytes(len(buffer))))
    view = mend(placed)
    assert view.lines[0].ending == "failed" and "does not read back" in view.lines[0].problem
    assert reports.outcome_of(view) is Outcome.INCONCLUSIVE
    assert at(placed, "disk", path).read_bytes() == b"bad"


def test_a_file_that_is_good_by_now_is_left_as_it_is(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    good = at(placed, "disk", path).read_bytes()
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    at(placed, "disk", path).write_bytes(good)
    inode = at(placed, "disk", path).stat().st_ino
    assert endings(mend(placed)) == [("disk", "replace", "was-good")]
    assert at(placed, "disk", path).stat().st_ino == inode
    with placed.open() as workspace:
        assert workspace.catalog.findings() == []


def test_one_repair_at_a_time_on_a_replica(placed: PlacedWorkspace) -> None:
    at(placed, "disk", some_file(placed)).write_bytes(b"bad")
    placed.audit()
    with quarantine.Quarantine(os.fsencode(placed.folder / "disk")).held(), pytest.raises(UsageError, match="another"):
        mend(placed)


def test_only_the_bad_segments_of_a_large_file_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_segments(monkeypatch, 1 << 16)
    source = tmp_path / "sources" / "film"
    source.mkdir(parents=True)
    content = os.urandom(5 * (1 << 16) + 77)
    (source / "film.mkv").write_bytes(content)
    make_bag(source, tmp_path / "bags" / "film")
    keep(tmp_path, [tmp_path / "bags" / "film"], placed=REPLICAS)
    placed = PlacedWorkspace(tmp_path, ["film"], list(REPLICAS), {}, {}, {})
    full = tmp_path / "disk" / "film" / "data" / "film.mkv"
    changed = bytearray(content)
    changed[(1 << 16) + 5] ^= 1
    changed[-1] ^= 1
    full.write_bytes(changed)
    inode = full.stat().st_ino
    hide_the_bags(placed)
    placed.audit()
    assert endings(mend(placed)) == [("disk", "segments", "repaired")]
    assert full.read_bytes() == content and full.stat().st_ino == inode
    kept = [json.loads((entry / "entry.json").read_text())["segment"] for entry in entries(placed, "disk")]
    assert sorted(kept) == [1, 5]
    assert all(
        sorted(os.listdir(entry)) == ["content", "entry.json", "manifest-sha256.txt"]
        for entry in entries(placed, "disk")
    )
    assert placed.audit() == {}
    os.link(full, tmp_path / "second name")  # then the whole file is replaced, so that the other name keeps its bytes
    full.write_bytes(changed)
    placed.audit()
    assert endings(mend(placed)) == [("disk", "replace", "repaired")]
    assert full.read_bytes() == content and (tmp_path / "second name").read_bytes() == bytes(changed)


def test_a_folder_that_came_to_an_untracked_name_is_not_set_aside(placed: PlacedWorkspace) -> None:
    stray = placed.copy("disk", "box-0") / "data" / "stray"
    stray.write_bytes(b"nobody knows")
    placed.audit()
    stray.unlink()
    stray.mkdir()
    (stray / "good.txt").write_text("somebody's")
    view = mend(placed, quarantine_untracked=True)
    assert endings(view) == [("disk", "set-aside", "failed")]
    assert (stray / "good.txt").read_text() == "somebody's"


def test_a_replica_that_cannot_be_written_does_not_keep_the_others_from_repair(placed: PlacedWorkspace) -> None:
    for replica in ("abroad", "disk"):
        at(placed, replica, some_file(placed)).write_bytes(b"bad")
    placed.audit()
    (placed.folder / "abroad" / ".preserve" / "repair.lock").mkdir()
    view = mend(placed)
    assert sorted(endings(view)) == [("abroad", "replace", "failed"), ("disk", "replace", "repaired")]
    assert reports.outcome_of(view) is Outcome.INCONCLUSIVE


def test_a_copy_whose_folder_is_gone_is_made_again(placed: PlacedWorkspace) -> None:
    whole = tree(placed.folder / "disk")
    shutil.rmtree(placed.copy("disk", "box-1"))
    placed.audit()
    assert mend(placed).frozen  # a folder that is gone is mass change
    view = mend(placed, confirm_change=("disk",))
    assert endings(view) == [("disk", "copy-again", "repaired")]
    assert tree(placed.folder / "disk") == whole
    with placed.open() as workspace:
        assert len(list(workspace.catalog.journal_of_kind("copy-made-again"))) == 1
        assert list(workspace.catalog.check()) == []
    assert placed.audit() == {}


def test_damage_of_an_older_version_is_mended_in_its_own_copy(placed: PlacedWorkspace) -> None:
    config = ["--config", str(placed.folder / "preserve.toml")]
    newer = placed.folder / "newer"
    make_bag(placed.folder / "older-sources" / "box-0", newer)
    assert main([*config, "add", str(newer), "--id", "box-0", "--new-version"]) == 0
    assert main([*config, "replicate"]) == 0
    whole = tree(placed.folder / "disk")
    for location in ("box-0", "box-0.v2"):
        (placed.folder / "disk" / location / os.fsdecode(some_file(placed))).write_bytes(b"bad")
    placed.audit()
    assert {ending for _, _, ending in endings(mend(placed))} == {"repaired"}
    assert tree(placed.folder / "disk") == whole
    shutil.rmtree(placed.folder / "disk" / "box-0")
    placed.audit()
    mend(placed, confirm_change=("disk",))
    assert tree(placed.folder / "disk") == whole


def test_a_replica_that_is_away_is_told_and_mended_when_it_is_back(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    shutil.move(placed.folder / "disk", placed.folder / "away")
    view = mend(placed)
    assert [left.why for left in view.left] == ["replica-away"] and not view.lines
    shutil.move(placed.folder / "away", placed.folder / "disk")
    assert endings(mend(placed)) == [("disk", "replace", "repaired")]
