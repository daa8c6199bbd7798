"""Repair that was killed: the next one goes on, and nothing is thrown away that may be the last of its kind."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from preserve.catalog.acts import Acts
from preserve.stores import local_replica, quarantine
from preserve.stores.durable import rename_no_replace
from tests.campaigns.killing_copies import tree
from tests.support.bags import make_bag
from tests.support.repairing import (
    Killed,
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


@pytest.mark.parametrize("step", [1, 2, 3])
def test_killed_between_the_renames_where_names_cannot_be_exchanged(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    whole = tree(placed.folder / "disk")
    at(placed, "disk", some_file(placed)).write_bytes(b"bad")
    placed.audit()
    rename, count = rename_no_replace, 0

    def killed(*names: object) -> None:
        nonlocal count
        count += 1
        if count == step:
            monkeypatch.setattr(quarantine.Entry, "discard", lambda self: None)  # a dead process discards nothing
            raise Killed
        rename(*names)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "exchange", lambda *names: False)
        patched.setattr(quarantine, "rename_no_replace", killed)
        with pytest.raises(Killed):
            mend(placed)
    monkeypatch.undo()
    view = mend(placed)
    assert view.settled
    assert tree(placed.folder / "disk") == whole
    kept = [(entry / "content").read_bytes() for entry in entries(placed, "disk")]
    assert kept == [b"bad"]
    assert placed.audit() == {}


def test_hostile_entries_in_the_quarantine_are_left_alone(placed: PlacedWorkspace) -> None:
    precious = placed.folder / "precious"
    precious.write_bytes(b"mine")
    folder = placed.folder / "disk" / ".preserve" / "quarantine"
    folder.mkdir()
    path = os.fsdecode(some_file(placed))
    document = {
        "package": "box-0",
        "version": 1,
        "file": {"path": path},
        "segment": None,
        "method": "rename-back",
        "on_disk": {"path": path},
        "expected": {"size_bytes": 4, "sha256": sha256(b"evil").hexdigest()},
    }
    nothing, above = {"path": "data/nothing"}, {"path": "../box-1/data/nothing"}
    changes: dict[str, dict[str, object]] = {
        "outside": {"on_disk": {"path": "../../../precious"}},
        "unknown": {"package": "nobody"},
        "segment": {"segment": 99, "method": "segments"},
        "types": {"version": "x", "file": 7},
        "none": {"file": {"path": ""}, "on_disk": {"path": ""}},
        "a part of none": {"method": "set-aside", "segment": 0, "file": nothing, "on_disk": nothing},
        "a part of all": {"method": "segments"},
        "a part otherwise": {"method": "replace", "segment": 0},
        "no name": {"method": "set-aside", "file": {"path": "a\0b"}, "on_disk": {"path": "a\0b"}},
        "above": {"method": "set-aside", "file": above, "on_disk": above},
        "given": {},
    }
    for name, change in changes.items():
        (folder / name).mkdir()
        (folder / name / "entry.json").write_text(json.dumps({**document, **change}))
        (folder / name / "content").write_bytes(b"evil")
    (folder / "link").symlink_to(placed.folder / "nas")
    (folder / "torn").mkdir()
    (folder / "torn" / "entry.json").write_text('{"pack')
    before = {name: tree(placed.folder / name) for name in REPLICAS}
    told = dict(told.split(": ", 1) for _, told in mend(placed).settled)
    assert {name: tree(placed.folder / name) for name in REPLICAS} == before
    assert {name for name, done in told.items() if "cannot be understood" in done} == changes.keys() - {"given"}
    assert precious.read_bytes() == b"mine"
    assert (folder / "outside" / "content").read_bytes() == b"evil"
    assert placed.audit() == {}


def test_a_manifest_that_a_killed_repair_left_half_is_written_again(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(placed, "disk", some_file(placed)).write_bytes(b"bad")
    placed.audit()

    def killed(self: quarantine.Entry, digest: str | None) -> None:
        (Path(os.fsdecode(self.path)) / "manifest-sha256.txt").touch()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(quarantine.Entry, "seal", killed)
        with pytest.raises(Killed):
            mend(placed)
    assert mend(placed).settled
    (entry,) = entries(placed, "disk")
    assert (entry / "manifest-sha256.txt").read_text("ascii") == f"{sha256(b'bad').hexdigest()}  content\n"


def _killed_at(last: bytes) -> Callable[..., None]:
    unlink = os.unlink

    def unlinked(name: bytes, **more: int) -> None:
        if name == last:
            raise Killed
        unlink(name, **more)

    return unlinked


def test_the_last_good_bytes_are_never_thrown_away(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with the good file staged; then all other copies go bad: what was staged goes to its place."""
    path = some_file(placed)
    good = at(placed, "nas", path).read_bytes()
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    hide_the_bags(placed)

    def killed(*given: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(quarantine.Entry, "exchange", killed)
        with pytest.raises(Killed):
            mend(placed)
    for replica in ("nas", "abroad"):
        at(placed, replica, path).write_bytes(b"worse")
    placed.audit()
    view = mend(placed)
    assert view.settled and all(at(placed, replica, path).read_bytes() == good for replica in REPLICAS)
    assert placed.audit() == {}


def test_folders_of_others_in_the_quarantine_stay(placed: PlacedWorkspace) -> None:
    notes = placed.folder / "disk" / ".preserve" / "quarantine" / "notes of Anna"
    notes.mkdir(parents=True)
    (notes / "report.txt").write_text("precious")
    (notes / "entry.json").write_text("{}")
    assert [replica for replica, told in mend(placed).settled if "left as it is" in told] == ["disk"]
    assert (notes / "report.txt").read_text() == "precious" and (notes / "entry.json").exists()


def test_put_right_by_hand_between_the_renames(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = some_file(placed)
    good = at(placed, "nas", path).read_bytes()
    at(placed, "disk", path).write_bytes(b"bad")
    placed.audit()
    rename, count = rename_no_replace, 0

    def killed(*names: object) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise Killed
        rename(*names)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "exchange", lambda *names: False)
        patched.setattr(quarantine, "rename_no_replace", killed)
        with pytest.raises(Killed):
            mend(placed)
    at(placed, "disk", path).write_bytes(good)
    mend(placed)
    (entry,) = entries(placed, "disk")
    assert (entry / "content").read_bytes() == b"bad" and not (entry / "aside").exists()
    assert placed.audit() == {}


def test_what_an_entry_says_goes_last(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = some_file(placed)
    at(placed, "disk", path).unlink()
    placed.audit()

    def killed(*given: object, **more: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(quarantine.Entry, "give", killed)
        patched.setattr(os, "unlink", _killed_at(b"entry.json"))
        with pytest.raises(Killed):
            mend(placed)
    (entry,) = entries(placed, "disk")
    assert os.listdir(entry) == ["entry.json"]
    assert endings(mend(placed)) == [("disk", "write", "repaired")]
    assert entries(placed, "disk") == []


def test_what_a_killed_repair_left_is_flushed_before_it_is_recorded(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(placed, "disk", some_file(placed)).write_bytes(b"bad")
    placed.audit()

    def killed(self: quarantine.Entry, digest: str | None) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(quarantine.Entry, "seal", killed)
        with pytest.raises(Killed):
            mend(placed)
    done: list[str] = []
    record = Acts.record_acts

    def recorded(self: Acts, *given: Any) -> list[int]:
        done.append("recorded")
        return record(self, *given)

    monkeypatch.setattr(local_replica, "sync_filesystem", lambda path: done.append("flushed"))
    monkeypatch.setattr(Acts, "record_acts", recorded)
    mend(placed)
    assert done == ["flushed", "recorded"]
    mend(placed)
    assert done == ["flushed", "recorded"]  # nothing is left to settle


@pytest.mark.parametrize("name", ["second name", ""])
def test_nothing_is_written_over_that_was_not_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Killed before a segment was written; then it was changed again, or the file got a second name."""
    small_segments(monkeypatch, 1 << 16)
    source = tmp_path / "sources" / "film"
    source.mkdir(parents=True)
    content = os.urandom(3 * (1 << 16))
    (source / "film.mkv").write_bytes(content)
    make_bag(source, tmp_path / "bags" / "film")
    keep(tmp_path, [tmp_path / "bags" / "film"], placed=REPLICAS)
    placed = PlacedWorkspace(tmp_path, ["film"], list(REPLICAS), {}, {}, {})
    full = tmp_path / "disk" / "film" / "data" / "film.mkv"
    full.write_bytes(content[: 1 << 16] + bytes(1 << 16) + content[2 << 16 :])
    placed.audit()

    def killed(*given: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(quarantine.Entry, "overwrite", killed)
        with pytest.raises(Killed):
            mend(placed)
    changed = content[: 1 << 16] + b"evidence" * (1 << 13) + content[2 << 16 :]
    full.write_bytes(changed)
    if name:
        os.link(full, tmp_path / name)
    mend(placed)
    mend(placed)
    assert full.read_bytes() == content
    if name:
        assert (tmp_path / name).read_bytes() == changed
    kept = [path.read_bytes() for entry in entries(placed, "disk") for path in entry.iterdir()]
    assert any(b"evidence" * (1 << 13) in each for each in kept) and bytes(1 << 16) in kept
    assert placed.audit() == {}


@pytest.mark.parametrize("torn", [0, 1, 100, 1 << 16])
def test_a_segment_that_was_torn_by_a_kill_is_written_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: int
) -> None:
    small_segments(monkeypatch, 1 << 16)
    source = tmp_path / "sources" / "film"
    source.mkdir(parents=True)
    content = os.urandom(3 * (1 << 16))
    (source / "film.mkv").write_bytes(content)
    make_bag(source, tmp_path / "bags" / "film")
    keep(tmp_path, [tmp_path / "bags" / "film"], placed=REPLICAS)
    placed = PlacedWorkspace(tmp_path, ["film"], list(REPLICAS), {}, {}, {})
    full = tmp_path / "disk" / "film" / "data" / "film.mkv"
    bad = content[: 1 << 16] + bytes(1 << 16) + content[2 << 16 :]
    full.write_bytes(bad)
    placed.audit()

    def killed(good: int, target: int, offset: int) -> None:
        os.pwrite(target, os.read(good, torn), offset)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "_copy", killed)
        with pytest.raises(Killed):
            mend(placed)
    assert full.read_bytes()[: 1 << 16] == content[: 1 << 16]
    view = mend(placed)
    assert full.read_bytes() == content, view
    (entry,) = entries(placed, "disk")
    assert (entry / "content").read_bytes() == bytes(1 << 16)
    assert placed.audit() == {}
