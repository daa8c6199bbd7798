"""`preserve remove`: history stays, copies go only when asked twice, and nothing that is not the package's own."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from preserve.app import audits
from preserve.audit.reading import ShardReader
from preserve.catalog.removal import Removal
from preserve.cli.main import main
from preserve.errors import UsageError
from preserve.progress import Silent
from preserve.repair import belonging, deleting
from preserve.stores.nesting import mounted_in
from preserve.stores.quarantine import Quarantine
from preserve.stores.staging import Staging
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace

Remove = Callable[..., tuple[int, dict[str, Any]]]
BOTH = ("--delete-copies", "--confirm", "box-0")


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    workspace = make_workspace(tmp_path, packages=2, files=8)
    monkeypatch.chdir(tmp_path)
    return workspace


@pytest.fixture
def remove(capfdbinary: pytest.CaptureFixture[bytes]) -> Remove:
    """Runs `remove … --json`: (exit status, the one document on standard output)."""

    def removing(*arguments: str) -> tuple[int, dict[str, Any]]:
        capfdbinary.readouterr()
        status = main(["remove", *arguments, "--json"])
        return status, json.loads(capfdbinary.readouterr().out)

    return removing


def copies(placed: PlacedWorkspace, package: str = "box-0") -> list[bool]:
    return [placed.copy(replica, package).is_dir() for replica in REPLICAS]


def leftovers(placed: PlacedWorkspace) -> list[str]:
    return [name for replica in REPLICAS for name in os.listdir(placed.folder / replica / ".preserve" / "removed")]


def kinds(placed: PlacedWorkspace) -> list[str]:
    with placed.open() as workspace:
        package = workspace.catalog.package_named("box-0", include_removed=True)
        assert package is not None
        return [link.kind for link in workspace.catalog.journal_of(package.id)]


def test_copies_stay_and_it_is_said_where(placed: PlacedWorkspace, remove: Remove) -> None:
    status, document = remove("box-0", "--reason", "given back")
    assert (status, document["outcome"], document["counts"]) == (0, "pass", {"copies": 3, "deleted": 0, "left": 3})
    assert {copy["location"] for copy in document["copies"]} == {str(placed.copy(each, "box-0")) for each in REPLICAS}
    assert copies(placed) == [True] * 3
    assert kinds(placed)[-1] == "package-removed"


def test_it_is_nowhere_but_in_the_history(
    placed: PlacedWorkspace, remove: Remove, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert remove("box-0", "--reason", "given back")[0] == 0
    for command in (["status"], ["report", "drift"], ["report", "loss"], ["audit"], ["replicate"]):
        capfdbinary.readouterr()
        assert main(command) == 0
        told = capfdbinary.readouterr().out.decode()
        assert "box-0" not in told, command
    for command in (["audit", "box-0"], ["replicate", "box-0"], ["remove", "box-0", "--reason", "again"]):
        assert main(command) == 2
        assert "was removed on" in capfdbinary.readouterr().err.decode()
    assert main(["add", str(placed.folder / "bags" / "box-0")]) == 2
    assert "does not come back under its old name" in capfdbinary.readouterr().err.decode().replace("\n", " ")
    with placed.open() as workspace:
        assert {package for package, _ in workspace.catalog.search("bin")} == {"box-1"}
        assert sum(workspace.catalog.status_counts().packages.values()) == 1


def test_nothing_is_done_unless_it_is_confirmed(
    placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = ("--reason", "given back")
    for wrong in (
        ("box-0",),
        ("box-0", "--reason", " "),
        ("box-0", *why, "--delete-copies"),
        ("box-0", *why, "--delete-copies", "--confirm", "box-1"),
        ("box-0", *why, "--confirm", "box-0"),
        ("box-0", *BOTH),
        ("box-7", *why),
    ):
        assert remove(*wrong)[0] == 2, wrong
    for typed in ("box-1\n", "\n", "y\n"):
        monkeypatch.setattr(sys, "stdin", terminal(typed))
        assert remove("box-0", *why, "--delete-copies")[0] == 2
    assert copies(placed) == [True] * 3
    assert "package-removed" not in kinds(placed)


def terminal(typed: str) -> io.StringIO:
    stream = io.StringIO(typed)
    stream.isatty = lambda: True  # type: ignore[method-assign]
    return stream


def test_a_person_types_the_id_again(placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", terminal("box-0\n"))
    status, document = remove("box-0", "--reason", "given back", "--delete-copies")
    assert (status, document["counts"]) == (0, {"copies": 3, "deleted": 3, "left": 0})
    assert copies(placed) == [False] * 3 and copies(placed, "box-1") == [True] * 3
    assert leftovers(placed) == []
    assert kinds(placed)[-4:] == ["package-removed", *["copy-deleted"] * 3]
    assert placed.audit() == {}


@pytest.mark.parametrize("moment", ["before it is deleted", "while it is deleted", "before it is recorded"])
def test_killed_at_any_moment_the_same_command_goes_on(
    placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if moment == "before it is deleted":
            patched.setattr(deleting.Deleter, "_take_away", killed)
        elif moment == "while it is deleted":
            patched.setattr(os, "rmdir", killed)
        else:
            patched.setattr(Removal, "copy_deleted", killed)
        assert remove("box-0", "--reason", "given back", *BOTH)[0] == 130
    assert copies(placed).count(True) == 2
    status, document = remove("box-0", *BOTH)
    assert (status, document["counts"]) == (0, {"copies": 3, "deleted": 3, "left": 0})
    assert document["already_removed"] and sum(each["was_gone"] for each in document["copies"]) == (
        moment == "before it is recorded"
    )
    assert copies(placed) == [False] * 3 and leftovers(placed) == []
    with placed.open() as workspace:
        (link,) = list(workspace.catalog.journal_of_kind("package-removed"))
        deleted = [json.loads(each.body) for each in workspace.catalog.journal_of_kind("copy-deleted")]
    assert {each["reason"] for each in deleted} == {json.loads(link.body)["reason"]} == {"given back"}


def test_what_was_done_is_flushed_before_it_is_recorded(
    placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed run renamed or deleted may be in memory only, and comes back when the power goes."""
    done: list[str] = []
    record, flush = Removal.copy_deleted, Staging.flush

    def recorded(self: Removal, *given: Any) -> None:
        done.append("recorded")
        record(self, *given)

    def flushed(self: Staging) -> None:
        done.append("flushed")
        flush(self)

    monkeypatch.setattr(Removal, "copy_deleted", recorded)
    monkeypatch.setattr(Staging, "flush", flushed)
    for replica in REPLICAS:
        shutil.rmtree(placed.copy(replica, "box-0"))
    assert remove("box-0", "--reason", "given back", *BOTH)[0] == 0
    assert done == ["flushed", "recorded"] * 3


def test_a_replica_that_is_away_keeps_its_copy_until_later(placed: PlacedWorkspace, remove: Remove) -> None:
    disk, away = placed.folder / "disk", placed.folder / "away"
    disk.rename(away)
    disk.mkdir()
    (disk / "box-0").mkdir()  # another disk in its place
    (disk / "box-0" / "bagit.txt").write_bytes(b"BagIt-Version: 1.0\n")
    status, document = remove("box-0", "--reason", "given back", *BOTH)
    assert (status, document["outcome"], document["counts"]["left"]) == (3, "inconclusive", 1)
    (left,) = [each for each in document["copies"] if not each["deleted"]]
    assert left["replica"] == "disk" and "not there" in left["problem"] and left["remedy"]
    assert (disk / "box-0" / "bagit.txt").exists() and (away / "box-0" / "bagit.txt").exists()
    shutil.rmtree(disk)
    away.rename(disk)
    assert remove("box-0", *BOTH)[1]["counts"] == {"copies": 1, "deleted": 1, "left": 0}
    assert copies(placed) == [False] * 3


def put_a_link(place: Path, elsewhere: Path) -> None:
    place.rename(elsewhere)
    place.symlink_to(elsewhere)


def put_a_file(place: Path, elsewhere: Path) -> None:
    place.rename(elsewhere)
    place.write_bytes(b"a letter")


def put_a_folder(place: Path, elsewhere: Path) -> None:
    place.rename(elsewhere)
    place.mkdir()
    (place / "letter").write_bytes(b"a letter")


def put_a_bare_bag(place: Path, elsewhere: Path) -> None:
    """Somebody's files that look like a bag and say nothing of what they are."""
    place.rename(elsewhere)
    (place / "data").mkdir(parents=True)
    (place / "data" / "letter").write_bytes(b"a letter")
    (place / "bagit.txt").write_bytes(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")


def put_an_unusable_uuid(place: Path, elsewhere: Path) -> None:
    put_a_bare_bag(place, elsewhere)
    (place / "bag-info.txt").write_bytes(b"Package-UUID: none\n")


def put_one_manifest_of_another(place: Path, elsewhere: Path) -> None:
    shutil.copytree(place, elsewhere)
    shutil.copy(place.parent / "box-1" / "manifest-sha512.txt", place)


def put_a_link_to_its_manifest(place: Path, elsewhere: Path) -> None:
    shutil.copytree(place, elsewhere)
    (place / "manifest-sha256.txt").unlink()
    (place / "manifest-sha256.txt").symlink_to(elsewhere / "manifest-sha256.txt")


def put_equal_files_of_another(place: Path, elsewhere: Path) -> None:
    """The manifests of equal payloads are equal; their bag-info.txt is not."""
    shutil.copytree(place, elsewhere)
    (place / "bag-info.txt").write_bytes(b"Source-Organization: Another one\n")


def put_another_package(place: Path, elsewhere: Path) -> None:
    shutil.copytree(place, elsewhere)
    (place / "bag-info.txt").write_bytes(b"Package-UUID: 6f1e2f6e-0c2b-4b8e-9d0c-0a4f35b7f7a1\n")


@pytest.mark.parametrize(
    "put",
    [
        put_a_link,
        put_a_file,
        put_a_folder,
        put_another_package,
        put_a_bare_bag,
        put_an_unusable_uuid,
        put_one_manifest_of_another,
        put_a_link_to_its_manifest,
        put_equal_files_of_another,
    ],
)
def test_what_is_not_the_packages_own_is_left(
    placed: PlacedWorkspace, remove: Remove, put: Callable[[Path, Path], None]
) -> None:
    place, elsewhere = placed.copy("nas", "box-0"), placed.folder / "elsewhere"
    put(place, elsewhere)
    before = {path: path.read_bytes() for path in placed.folder.glob("nas/**/*") if path.is_file()}
    status, document = remove("box-0", "--reason", "given back", *BOTH)
    assert status == 3
    assert [each["replica"] for each in document["copies"] if not each["deleted"]] == ["nas"]
    assert all(path.read_bytes() == content for path, content in before.items())
    assert (elsewhere / "bagit.txt").exists() and os.path.lexists(place)
    if place.is_symlink() or place.is_file():
        place.unlink()
    else:
        place.rename(placed.folder / "aside")
    status, document = remove("box-0", *BOTH)
    assert (status, document["copies"][0]["was_gone"]) == (0, True)
    assert (elsewhere / "bagit.txt").exists()


def test_bags_without_a_uuid_are_told_apart_where_their_folders_were_swapped(
    placed: PlacedWorkspace, remove: Remove
) -> None:
    one, other, aside = placed.copy("nas", "box-0"), placed.copy("nas", "box-1"), placed.folder / "aside"
    assert b"Package-UUID" not in (one / "bag-info.txt").read_bytes()
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    status, document = remove("box-0", "--reason", "given back", *BOTH)
    assert (status, document["counts"]) == (3, {"copies": 3, "deleted": 2, "left": 1})
    assert "does not say which package it is" in next(c["problem"] for c in document["copies"] if not c["deleted"])
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
    assert remove("box-0", *BOTH)[0] == 0
    assert copies(placed) == [False] * 3 and copies(placed, "box-1") == [True] * 3
    assert placed.audit() == {}


def test_a_damaged_copy_is_still_known_by_its_manifests(placed: PlacedWorkspace, remove: Remove) -> None:
    (placed.copy("nas", "box-0") / "bag-info.txt").unlink()
    shutil.rmtree(placed.copy("nas", "box-0") / "data")
    assert remove("box-0", "--reason", "given back", *BOTH)[1]["counts"]["deleted"] == 3


@contextmanager
def mounted(replica: Path, point: Path, *what: str | Path) -> Iterator[None]:
    point.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *what, point], capture_output=True, check=False)
    if done.returncode:
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(f"cannot mount: {done.stderr.decode()}")
        pytest.skip("mounting needs root and its capabilities here")
    try:
        yield
    finally:
        for moved in mounted_in(os.fsencode(replica)):  # a mount goes with the folder that is renamed
            subprocess.run(["umount", moved], check=True)


def mount_point(placed: PlacedWorkspace, where: str) -> Path:
    with placed.open() as workspace:
        name = f"{workspace.packages(('box-0',))[0].uuid}-v1"
    ours = placed.folder / "nas" / ".preserve"
    return {
        "in its data": placed.copy("nas", "box-0") / "data" / "mounted",
        "on the copy": placed.copy("nas", "box-0"),
        "set apart": ours / "removed" / name,
        "in what was set apart": ours / "removed" / name / "data",
        "all set apart": ours / "removed",
        "staged": ours / "staging" / name,
        "in what was staged": ours / "staging" / name / "data",
        "all staged": ours / "staging",
    }[where]


MOUNT_POINTS = (
    *("in its data", "on the copy", "set apart", "in what was set apart", "all set apart"),
    *("staged", "in what was staged", "all staged"),
)


def other_disk(kind: str, placed: PlacedWorkspace, point: Path) -> AbstractContextManager[None]:
    precious = placed.folder / "precious"
    precious.mkdir()
    what = ("--bind", precious) if kind == "bind" else ("-t", "tmpfs", "none")
    return mounted(placed.folder / "nas", point, *what)


@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
@pytest.mark.parametrize("where", MOUNT_POINTS)
@pytest.mark.parametrize("told", [True, False], ids=["looked for before", "met while deleting"])
def test_nothing_on_another_mount_is_deleted(
    placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch, where: str, kind: str, told: bool
) -> None:
    """A bind mount shows another place of the same disk: its device is the same."""
    point = mount_point(placed, where)
    if not told:
        monkeypatch.setattr(deleting, "_refuse_mounts", lambda *_: None)
    with other_disk(kind, placed, point):
        if where == "on the copy":
            shutil.copytree(placed.copy("disk", "box-0"), point, dirs_exist_ok=True)
        (point / "letter").write_bytes(b"a letter")
        status, document = remove("box-0", "--reason", "given back", *BOTH)
        (left,) = [each for each in document["copies"] if not each["deleted"]]
        assert (status, left["replica"]) == (3, "nas")
        if told:
            assert "mounted there from elsewhere" in left["problem"] and "Unmount" in left["remedy"]
            assert (placed.copy("nas", "box-0") / "manifest-sha256.txt").exists()
        assert [path.read_bytes() for path in (placed.folder / "nas").rglob("letter")] == [b"a letter"]
    assert remove("box-0", *BOTH)[0] == 0
    assert copies(placed) == [False] * 3


def test_nothing_is_deleted_while_a_repair_is_at_work(placed: PlacedWorkspace, remove: Remove) -> None:
    with Quarantine(os.fsencode(placed.folder / "nas")).held():
        status, document = remove("box-0", "--reason", "given back", *BOTH)
    (left,) = [each for each in document["copies"] if not each["deleted"]]
    assert (status, left["replica"], copies(placed)) == (3, "nas", [True, False, False])
    assert "repairing" in left["problem"] and left["remedy"]
    assert remove("box-0", *BOTH)[0] == 0


def test_a_repair_does_not_begin_while_a_copy_is_deleted(
    placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away, refused = deleting.Deleter._take_away, []

    def repairing(self: deleting.Deleter, *given: Any) -> None:
        for replica in REPLICAS:
            try:
                with Quarantine(os.fsencode(placed.folder / replica)).held():
                    pass
            except UsageError:
                refused.append(replica)
        take_away(self, *given)

    monkeypatch.setattr(deleting.Deleter, "_take_away", repairing)
    assert remove("box-0", "--reason", "given back", *BOTH)[0] == 0
    assert refused == list(REPLICAS)


@pytest.mark.parametrize(
    "location", [b"", b".", b"..", b"../nas/box-0", b"box-0/..", b"box-0/", b"/box-0", b"a\0b", b".preserve/removed"]
)
def test_a_place_where_no_copy_can_lie_is_not_taken_for_gone(
    placed: PlacedWorkspace, remove: Remove, location: bytes
) -> None:
    with placed.open() as workspace:
        (copy,) = [each for each in workspace.catalog.copies() if (each.replica, each.package) == ("nas", "box-0")]
        with workspace.catalog.writing() as connection:
            connection.exec_driver_sql("UPDATE copy SET location = ? WHERE id = ?", (location, copy.id))
    status, document = remove("box-0", "--reason", "given back", *BOTH)
    (left,) = [each for each in document["copies"] if not each["deleted"]]
    assert (status, left["replica"], left["was_gone"], copies(placed)) == (3, "nas", False, [True, False, False])
    assert "does not know in which folder" in left["problem"] and "catalog check" in left["remedy"]


def test_a_folder_exchanged_for_a_link_after_the_look_goes_back(
    placed: PlacedWorkspace, remove: Remove, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, place, elsewhere = belonging.ours, placed.copy("nas", "box-0"), placed.folder / "elsewhere"

    def exchanging(*given: Any) -> tuple[int, int]:
        seen = look(*given)
        if not elsewhere.exists():
            put_a_link(place, elsewhere)
        return seen

    monkeypatch.setattr(deleting, "ours", exchanging)
    status, document = remove("box-0", "--reason", "given back", *BOTH)
    assert status == 3 and "exchanged" in document["copies"][0]["problem"]
    assert place.is_symlink() and (elsewhere / "bagit.txt").exists()


def test_links_inside_a_copy_are_deleted_and_not_what_they_lead_to(placed: PlacedWorkspace, remove: Remove) -> None:
    precious = placed.folder / "precious"
    precious.mkdir()
    (precious / "letter").write_bytes(b"a letter")
    inside = placed.copy("nas", "box-0") / "data"
    (inside / "to a folder").symlink_to(precious)
    (inside / "to a file").symlink_to(precious / "letter")
    os.mkfifo(inside / "pipe")
    Path(os.fsdecode(os.fsencode(inside) + b"/\xff\xfe")).write_bytes(b"stray")
    assert remove("box-0", "--reason", "given back", *BOTH)[0] == 0
    assert (precious / "letter").read_bytes() == b"a letter"
    assert copies(placed) == [False] * 3


def test_our_folder_on_the_replica_is_never_entered_through_a_link(placed: PlacedWorkspace, remove: Remove) -> None:
    elsewhere = placed.folder / "elsewhere"
    elsewhere.mkdir()
    (placed.folder / "nas" / ".preserve" / "removed").symlink_to(elsewhere)
    status, document = remove("box-0", "--reason", "given back", *BOTH)
    assert status == 3 and not document["copies"][0]["deleted"]
    assert copies(placed) == [True, False, False] and os.listdir(elsewhere) == []


def test_every_version_goes_and_what_was_staged_of_it(placed: PlacedWorkspace, remove: Remove, tmp_path: Path) -> None:
    (tmp_path / "sources" / "box-0" / "new").write_bytes(b"new")
    newer = tmp_path / "newer"
    assert main(["bag", str(tmp_path / "sources" / "box-0"), "--to", str(newer)]) == 0
    assert main(["add", str(newer), "--id", "box-0", "--new-version"]) == 0
    assert main(["replicate"]) == 0
    with placed.open() as workspace:
        uuid = workspace.packages(("box-0",))[0].uuid
    staged = tmp_path / "nas" / ".preserve" / "staging" / f"{uuid}-v2" / "data"
    staged.mkdir(parents=True)
    (staged / "half").write_bytes(b"half")
    assert remove("box-0", "--reason", "given back", *BOTH)[1]["counts"] == {"copies": 6, "deleted": 6, "left": 0}
    assert sorted(os.listdir(tmp_path / "nas")) == [".preserve", "box-1"]
    assert not staged.exists()


def test_what_was_set_aside_stays_and_is_named(placed: PlacedWorkspace, remove: Remove) -> None:
    quarantine = placed.folder / "disk" / ".preserve" / "quarantine"
    for entry in ("box-0", "box-1"):
        (quarantine / entry).mkdir(parents=True)
        (quarantine / entry / "entry.json").write_text(json.dumps({"package": entry}))
    document = remove("box-0", "--reason", "given back", *BOTH)[1]
    assert document["set_aside"] == [{"path": str(quarantine / "box-0")}]
    assert document["summary"].endswith("3 copies were deleted. 1 folder that repairs set aside stays.")
    assert sorted(os.listdir(quarantine)) == ["box-0", "box-1"]


def test_what_was_set_aside_and_cannot_be_understood_is_not_said_to_be_the_packages(
    placed: PlacedWorkspace, remove: Remove
) -> None:
    quarantine = placed.folder / "disk" / ".preserve" / "quarantine"
    (quarantine / "empty").mkdir(parents=True)
    (quarantine / "whose").mkdir()
    (quarantine / "whose" / "content").write_bytes(b"of another package, may be")
    document = remove("box-0", "--reason", "given back", *BOTH)[1]
    assert document["set_aside"] == []
    assert document["unclear"] == [{"path": str(quarantine / "whose")}]


def test_an_audit_that_is_going_on_goes_on_without_it(placed: PlacedWorkspace, remove: Remove) -> None:
    with placed.open() as workspace:
        audit = audits.plan(workspace)
        assert remove("box-0", "--reason", "given back", *BOTH)[0] == 0
        ended = audits.run(workspace, audit, Silent())
    assert (ended.state, ended.planned, ended.done, ended.passed) == ("ended", 3, 3, 3)


def test_a_package_removed_while_an_audit_reads_it_is_no_harm(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, once = ShardReader.check, threading.Lock()

    def removing(self: ShardReader, *given: Any) -> object:
        result = check(self, *given)
        if given[0].copy.package == "box-0" and once.acquire(blocking=False):
            with placed.open() as other:
                package = other.packages(("box-0",))[0]
                other.catalog.remove_package(package.id, {"reason": "x"}, other.clock())
        return result

    monkeypatch.setattr(ShardReader, "check", removing)
    assert main(["audit"]) == 0
    with placed.open() as workspace:
        (audit,) = workspace.catalog.audits()
        assert (audit.state, audit.done) == ("ended", audit.planned)
        assert workspace.catalog.verify_journal() is None
