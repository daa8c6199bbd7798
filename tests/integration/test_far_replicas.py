"""The whole road with replicas that are far away: here a disk and a bucket in memory, beside two folders."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import config
from checks.evidence import Outcome
from preserve.app import rebuild_request, replicas, workspace
from preserve.app.catalog_care import back_up
from preserve.app.catalog_check import check_catalog
from preserve.app.holdings import replicate
from preserve.app.rebuild_request import asked_for
from preserve.app.rebuilds import rebuild
from preserve.app.removals import remove
from preserve.app.repairs import repair, restore
from preserve.app.replicas import add_replica
from preserve.progress import Silent
from preserve.stores.memory import MemoryBucket, MemoryDisk
from preserve.stores.opening import open_replica
from preserve.stores.port import ReplicaStore
from preserve.stores.rooms.emptying import emptied
from preserve.stores.rooms.replica import RemoteReplica
from tests.support.workspaces import PlacedWorkspace, make_workspace

FAR = ("bucket", "server")


class Far:
    """A workspace on a folder, a bucket and a server."""

    def __init__(self, placed: PlacedWorkspace, beneath: dict[str, MemoryBucket | MemoryDisk]) -> None:
        self.placed = placed
        self.beneath = beneath
        self.packages = placed.packages

    def open(self) -> workspace.Workspace:
        return self.placed.open()

    def a_file(self, package: str = "box-0") -> bytes:
        paths = self.placed.files[package]
        return next(
            p for p in paths if p.startswith(b"data/") and self.placed.is_held_once(package, p) and self.size(p)
        )

    def size(self, path: bytes) -> int:
        return len(self.content(path))

    def content(self, path: bytes, package: str = "box-0") -> bytes:
        return (self.placed.folder / "bags" / package / os.fsdecode(path)).read_bytes()


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    placed = make_workspace(tmp_path, packages=2, files=12, placed=("nas",))
    beneath: dict[str, MemoryBucket | MemoryDisk] = {
        "bucket": MemoryBucket(in_flight=8),
        "server": MemoryDisk(in_flight=4),
    }
    beneath["bucket"].where, beneath["server"].where = "s3://archive/copies", "sftp://keeper@host/copies"

    def opened(configured: config.Replica) -> ReplicaStore:
        kind = {config.S3Address: "bucket", config.SftpAddress: "server"}.get(type(configured.address))
        return open_replica(configured) if kind is None else RemoteReplica(beneath[kind])

    for module in (workspace, replicas, rebuild_request):
        monkeypatch.setattr(module, "open_replica", opened)
    for name, url in (("bucket", "s3://archive/copies"), ("server", "sftp://keeper@host/copies")):
        with placed.open() as opened_workspace:
            add_replica(opened_workspace, name, url, medium=None, site=None, offline=False)
    yield Far(placed, beneath)


@pytest.fixture
def full(far: Far) -> Far:
    """Every package has a copy on each of them."""
    with far.open() as archive:
        made = list(replicate(archive, (), FAR, Silent()))
    assert [(one.outcome, one.problem) for one in made] == [(Outcome.PASS, "")] * 4
    return far


def audited(far: Far) -> dict[tuple[str, str, bytes], str]:
    return far.placed.audit()


def test_a_copy_far_away_is_the_bag_byte_for_byte_and_nothing_else(full: Far) -> None:
    for name, store in full.beneath.items():
        for package in full.packages:
            held = {path: content for path, content in store.files.items() if path.startswith(package.encode() + b"/")}
            assert held == {
                package.encode() + b"/" + path: full.content(path, package) for path in full.placed.files[package]
            }, name
        assert not [path for path in store.files if path.startswith((b".preserve/staging", b".preserve/trial"))]
    assert audited(full) == {}


def test_a_turned_bit_far_away_is_found_mended_and_set_aside(full: Far) -> None:
    path = full.a_file()
    for name, store in full.beneath.items():
        store.flip(b"box-0/" + path, 3)
        assert audited(full) == {(name, "box-0", path): "digest-mismatch"}
        with full.open() as archive:
            view = repair(archive, Silent(), apply=True)
        assert [(line.ending, line.replica, line.source) for line in view.lines] == [("repaired", name, "nas")]
        assert store.files[b"box-0/" + path] == full.content(path)
        assert [p for p in store.files if p.startswith(b".preserve/quarantine/") and p.endswith(b"/content")]
        assert audited(full) == {}


def test_a_copy_whose_files_are_gone_far_away_is_made_again(full: Far) -> None:
    for store in full.beneath.values():
        assert list(emptied(store, b"box-1"))
        assert set(audited(full).values()) == {"copy-missing"}
        with full.open() as archive:
            repair(archive, Silent(), apply=True)
        assert audited(full) == {}


def test_a_damaged_folder_is_mended_from_far_away(full: Far) -> None:
    path = full.a_file()
    for place in (full.placed.copy("nas", "box-0"), full.placed.folder / "bags/box-0"):
        (place / os.fsdecode(path)).write_bytes(b"other")
    assert list(audited(full)) == [("nas", "box-0", path)]
    with full.open() as archive:
        (line,) = repair(archive, Silent(), apply=True).lines
    assert line.ending == "repaired" and line.source in FAR
    assert audited(full) == {}


def test_a_bag_is_restored_from_far_away_alone(full: Far, tmp_path: Path) -> None:
    expected = {path: full.content(path) for path in full.placed.files["box-0"]}
    for place in ("nas", "bags", "sources", "older", "older-sources"):
        (full.placed.folder / place).rename(full.placed.folder / f"gone {place}")
    with full.open() as archive:
        restored = restore(archive, "box-0", tmp_path / "out", Silent())
    assert restored.outcome is Outcome.PASS and not restored.lost
    assert {path: (tmp_path / "out" / os.fsdecode(path)).read_bytes() for path in expected} == expected


def test_the_copies_of_a_removed_package_are_deleted_far_away_and_no_others(full: Far) -> None:
    with full.open() as archive:
        (package,) = archive.packages(("box-0",))
        view = remove(archive, package, "a test", deleting=True, progress=Silent())
    assert all(line.deleted and not line.was_gone for line in view.copies), view.copies
    for store in full.beneath.values():
        assert not [path for path in store.files if path.startswith((b"box-0", b".preserve/removed"))]
        assert [path for path in store.files if path.startswith(b"box-1/")]
    assert audited(full) == {}


@pytest.mark.parametrize("name", FAR)
def test_another_package_in_the_place_of_a_removed_one_is_left(full: Far, name: str) -> None:
    store = full.beneath[name]
    for path in store.files:
        if path.startswith(b"box-0/") and path.count(b"/") == 1:
            store.lay(path, store.files[b"box-1/" + path[6:]])
    before = store.files
    with full.open() as archive:
        (package,) = archive.packages(("box-0",))
        view = remove(archive, package, "a test", deleting=True, progress=Silent())
    assert {line.replica: line.deleted for line in view.copies} == {
        each: each != name for each in ("nas", "bucket", "server")
    }
    (problem,) = [line.problem for line in view.copies if line.replica == name]
    assert "manifests or bag-info.txt are not those taken in; it was left" in problem
    assert store.files == before


@pytest.mark.parametrize("name", FAR)
def test_a_deletion_that_was_killed_goes_on_though_nothing_there_says_any_more_what_it_was(
    full: Far, name: str
) -> None:
    class Killed(BaseException):
        pass

    store, removed = full.beneath[name], list[bytes]()

    def kill(what: str, path: bytes) -> None:
        if what == "remove" and path.startswith(b"box-0/"):
            removed.append(path)
            if len(removed) == 5:
                raise Killed

    store.hook = kill
    with full.open() as archive, pytest.raises(Killed):
        (package,) = archive.packages(("box-0",))
        remove(archive, package, "a test", deleting=True, progress=Silent())
    assert removed[0] == b"box-0/bagit.txt"
    store.hook = lambda what, path: None
    assert [path for path in store.files if path.startswith(b"box-0/")]
    with full.open() as archive:
        again = archive.catalog.package_named("box-0", include_removed=True)
        assert again is not None
        view = remove(archive, again, None, deleting=True, progress=Silent())
    assert all(line.deleted for line in view.copies), view.copies
    assert not [path for path in store.files if path.startswith((b"box-0", b".preserve/removed"))]


def test_a_lost_catalog_is_made_again_from_far_away(full: Far) -> None:
    with full.open() as archive:
        assert [line.problem for line in back_up(archive).lines] == [""] * len(archive.replicas())
        checked = check_catalog(archive, Silent())
        assert not checked.faults and not checked.bags and checked.bags_compared == 2
        known = [(copy.package, copy.replica) for copy in archive.catalog.copies()]
    for without_backups in (False, True):
        for place in full.placed.folder.glob("*.sqlite*"):
            place.unlink()
        if without_backups:
            full.placed.copy("nas", "box-0").rename(full.placed.folder / "nas-box-0")
            full.placed.copy("nas", "box-1").rename(full.placed.folder / "nas-box-1")
            known = [each for each in known if each[1] in FAR]
        asked = asked_for(
            str(full.placed.folder / "preserve.toml"), (), None, trust=None, without_backups=without_backups
        )
        view = rebuild(asked, Silent())
        assert not view.conflicts and not view.absent
        with full.open() as archive:
            assert sorted((copy.package, copy.replica) for copy in archive.catalog.copies()) == sorted(known)
    assert audited(full) == {}


@pytest.mark.parametrize("name", FAR)
def test_a_replication_that_was_cut_off_goes_on_and_reads_as_no_copy_before(far: Far, name: str) -> None:
    class Cut(BaseException):
        pass

    store, written = far.beneath[name], list[bytes]()

    def cut(what: str, path: bytes) -> None:
        if what == "create" and b"/data/" in path:
            written.append(path)
            if len(written) == 8:
                raise Cut

    store.hook = cut
    with far.open() as archive, pytest.raises(Cut):
        list(replicate(archive, ("box-0",), (name,), Silent()))
    store.hook = lambda what, path: None
    assert not [path for path in store.files if path == b"box-0/bagit.txt"]
    with far.open() as archive:
        assert archive.catalog.copies() and all(copy.replica != name for copy in archive.catalog.copies())
        (made,) = replicate(archive, ("box-0",), (name,), Silent())
    assert (made.outcome, made.already, made.problem) == (Outcome.PASS, False, "")
    assert audited(far) == {}
