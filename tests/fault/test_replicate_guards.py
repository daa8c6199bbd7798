"""Replication: nothing is recorded that was not read back good, and nothing that stands is written over."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import Outcome
from checks.findings import Code
from preserve.app.holdings import replicate
from preserve.app.replicas import add_replica, remove_replica
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Silent
from preserve.replicate import copying
from preserve.replicate.service import Placed
from preserve.stores.staging import Staging
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    """A workspace with one package on three replicas, and a fourth, empty one called `new`."""
    workspace = make_workspace(tmp_path, packages=1, files=8)
    (tmp_path / "new").mkdir()
    with workspace.open() as opened:
        add_replica(opened, "new", str(tmp_path / "new"), medium=None, site=None, offline=False)
    return workspace


def place(placed: PlacedWorkspace) -> Placed:
    with placed.open() as workspace:
        (result,) = replicate(workspace, (), ("new",), Silent())
        recorded = {copy.replica for copy in workspace.catalog.copies()}
    assert (result.copy is not None) == ("new" in recorded)
    return result


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def a_file(placed: PlacedWorkspace) -> bytes:
    return next(p for p in placed.files["box-0"] if p.startswith(b"data/") and placed.is_held_once("box-0", p))


def spoil(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"!")


def test_a_copy_is_the_bag_byte_for_byte_with_its_times(placed: PlacedWorkspace) -> None:
    assert place(placed).outcome is Outcome.PASS
    copy, bag = placed.folder / "new" / "box-0", placed.folder / "bags" / "box-0"
    assert tree(copy) == tree(bag)
    path = os.fsdecode(a_file(placed))
    assert (copy / path).stat().st_mtime_ns == (bag / path).stat().st_mtime_ns
    with placed.open() as workspace:
        (again,) = replicate(workspace, (), ("new",), Silent())
    assert again.already and again.outcome is Outcome.PASS


def test_a_file_that_one_source_has_damaged_is_taken_from_another(placed: PlacedWorkspace) -> None:
    path = os.fsdecode(a_file(placed))
    for replica in ("nas", "disk"):
        spoil(placed.copy(replica, "box-0") / path)
    spoil(placed.folder / "bags" / "box-0" / path)
    assert place(placed).outcome is Outcome.PASS
    assert (placed.folder / "new/box-0" / path).read_bytes() == (placed.copy("abroad", "box-0") / path).read_bytes()


def test_a_file_that_is_good_nowhere_is_named_and_nothing_is_recorded(placed: PlacedWorkspace) -> None:
    path = os.fsdecode(a_file(placed))
    for replica in placed.replicas:
        spoil(placed.copy(replica, "box-0") / path)
    spoil(placed.folder / "bags" / "box-0" / path)
    result = place(placed)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert path in result.problem and "no source has it" in result.problem
    assert not (placed.folder / "new" / "box-0").exists()


def lying(times: int) -> Callable[..., object]:
    """A staging whose writes go wrong on the medium, so many times."""
    real = Staging.file
    left = [times]

    @contextmanager
    def file(self: Staging, path: bytes, *given: Any, **known: Any) -> Iterator[Callable[[memoryview], None]]:
        with real(self, path, *given, **known) as sink:
            wrong = path.startswith(b"data/") and left[0] > 0

            def write(buffer: memoryview) -> None:
                if wrong and left[0] > 0:
                    left[0] -= 1
                    sink(memoryview(bytes([buffer[0] ^ 1]) + bytes(buffer[1:])))
                else:
                    sink(buffer)

            yield write

    return file


def test_a_write_that_went_wrong_once_is_seen_when_read_back_and_written_again(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Staging, "file", lying(1))
    assert place(placed).outcome is Outcome.PASS
    assert tree(placed.folder / "new" / "box-0") == tree(placed.folder / "bags" / "box-0")


def test_a_medium_that_does_not_keep_what_is_written_gets_no_copy(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Staging, "file", lying(10_000))
    result = place(placed)
    assert result.outcome is Outcome.FAIL
    assert {finding.code for finding in result.findings} == {Code.DIGEST_MISMATCH}
    assert not (placed.folder / "new" / "box-0").exists()
    monkeypatch.undo()
    assert place(placed).outcome is Outcome.PASS  # on a good disk the same command ends well


def test_killed_between_renaming_and_recording_the_copy_is_read_and_recorded(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with placed.open() as workspace:
        monkeypatch.setattr(type(workspace.catalog), "record_copy", die)
        with pytest.raises(Killed):
            list(replicate(workspace, (), ("new",), Silent()))
    monkeypatch.undo()
    assert (placed.folder / "new" / "box-0" / "bagit.txt").exists()
    assert place(placed).outcome is Outcome.PASS


def test_what_stands_in_the_place_of_a_copy_is_never_written_over(placed: PlacedWorkspace) -> None:
    theirs = placed.folder / "new" / "box-0"
    theirs.mkdir()
    (theirs / "diary.txt").write_text("not ours")
    result = place(placed)
    assert result.outcome is Outcome.INCONCLUSIVE and "is there already" in result.problem
    assert tree(theirs) == {"diary.txt": b"not ours"}


def test_a_full_disk_is_told_before_a_byte_is_written(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_SPARE_BYTES", 1 << 60)
    result = place(placed)
    assert result.outcome is Outcome.INCONCLUSIVE and "not enough room" in result.problem
    assert not list((placed.folder / "new" / ".preserve").rglob("data"))


def test_a_disk_that_fills_up_says_so_and_the_same_command_goes_on(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.write, [0]

    def fill_up(fd: int, data: bytes) -> int:
        written[0] += 1
        if written[0] > 5:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", fill_up)
    with placed.open() as workspace:
        (result,) = replicate(workspace, (), ("new",), Silent())
    monkeypatch.undo()
    assert result.outcome is Outcome.INCONCLUSIVE and "disk is full" in result.problem
    assert place(placed).outcome is Outcome.PASS


def test_an_empty_mount_gets_no_copy(placed: PlacedWorkspace) -> None:
    (placed.folder / "new").rename(placed.folder / "unplugged")
    (placed.folder / "new").mkdir()
    result = place(placed)
    assert result.outcome is Outcome.INCONCLUSIVE and "is not there" in result.problem
    assert list((placed.folder / "new").iterdir()) == []


def test_two_at_once_do_not_write_the_same_copy(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        (package,) = workspace.packages()
        with Staging.on_replica(os.fsencode(placed.folder / "new"), f"{package.uuid}-v1".encode()).held():
            (result,) = replicate(workspace, (), ("new",), Silent())
    assert "another `preserve` is writing" in result.problem


def test_replicas_are_told_apart_and_their_history_stays(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        with pytest.raises(UsageError, match="is not a folder"):
            add_replica(workspace, "x", str(placed.folder / "none"), medium=None, site=None, offline=False)
        remove_replica(workspace, "new")
    with placed.open() as workspace:
        assert "new" not in workspace.settings.replicas
        assert "new" in {replica.name for replica in workspace.catalog.replicas(include_removed=True)}
        assert (placed.folder / "new" / ".preserve" / "identity.json").exists()
        again = add_replica(workspace, "new", str(placed.folder / "new"), medium="disk", site="x", offline=True)
    with placed.open() as workspace:
        assert workspace.settings.replicas["new"].offline
        assert workspace.stores()[again.id].identity() == str(again.uuid)


def test_publishing_onto_something_is_refused_by_the_kernel(placed: PlacedWorkspace) -> None:
    staging = Staging.on_replica(os.fsencode(placed.folder / "new"), b"x")
    (placed.folder / "new" / "taken").mkdir()
    with staging.held(), pytest.raises(UndeterminedError, match="cannot be written"):
        staging.publish(b"taken")


def test_a_copy_that_is_recorded_is_only_as_green_as_its_findings(placed: PlacedWorkspace) -> None:
    spoil(placed.copy("nas", "box-0") / os.fsdecode(a_file(placed)))
    placed.audit()
    (placed.folder / "disk").rename(placed.folder / "unplugged")
    with placed.open() as workspace:
        results = {each.replica: each for each in replicate(workspace, (), ("nas", "disk", "abroad"), Silent())}
    assert results["nas"].outcome is Outcome.FAIL and "damage was found" in results["nas"].problem
    assert results["disk"].outcome is Outcome.INCONCLUSIVE and "is not there" in results["disk"].problem
    assert results["abroad"].outcome is Outcome.PASS


def test_a_copy_whose_folder_is_gone_is_made_again(placed: PlacedWorkspace) -> None:
    placed.copy("nas", "box-0").rename(placed.folder / "gone")
    assert placed.audit() == {("nas", "box-0", b""): Code.COPY_MISSING}
    with placed.open() as workspace:
        (result,) = replicate(workspace, (), ("nas",), Silent())
        assert result.outcome is Outcome.PASS and not result.already
        assert workspace.catalog.findings() == []
    assert tree(placed.copy("nas", "box-0")) == tree(placed.folder / "bags" / "box-0")
    assert placed.audit() == {}


def test_nothing_is_left_in_the_staging_of_a_run_that_was_killed_at_its_end(placed: PlacedWorkspace) -> None:
    assert place(placed).outcome is Outcome.PASS
    with placed.open() as workspace:
        (package,) = workspace.packages()
    staging = placed.folder / "new" / ".preserve" / "staging"
    assert list(staging.iterdir()) == []
    (staging / f"{package.uuid}-v1.lock").touch()
    (staging / f"{package.uuid}-v1").mkdir()
    assert place(placed).already
    assert list(staging.iterdir()) == []


def test_one_odd_place_does_not_keep_the_others_from_their_copies(placed: PlacedWorkspace) -> None:
    (placed.folder / "new" / "box-0").write_text("a file where a folder should be")
    (placed.folder / "more").mkdir()
    with placed.open() as workspace:
        add_replica(workspace, "more", str(placed.folder / "more"), medium=None, site=None, offline=False)
    with placed.open() as workspace:
        results = {each.replica: each for each in replicate(workspace, (), ("new", "more"), Silent())}
    assert results["new"].outcome is Outcome.INCONCLUSIVE and "cannot be worked with" in results["new"].problem
    assert results["more"].outcome is Outcome.PASS
    assert (placed.folder / "new" / "box-0").read_text() == "a file where a folder should be"


@pytest.mark.parametrize("plant", ["linked staging", "hard link", "symbolic link", "FIFO"])
def test_what_is_planted_in_the_staging_is_never_written_through(placed: PlacedWorkspace, plant: str) -> None:
    with placed.open() as workspace:
        (package,) = workspace.packages()
    staged = placed.folder / "new" / ".preserve" / "staging" / f"{package.uuid}-v1"
    file = staged / os.fsdecode(a_file(placed))
    outside = placed.folder / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("mine")
    if plant == "linked staging":
        staged.parent.mkdir(parents=True)
        staged.symlink_to(outside)
    else:
        file.parent.mkdir(parents=True)
        plants: dict[str, Callable[[], None]] = {
            "hard link": lambda: file.hardlink_to(victim),
            "symbolic link": lambda: file.symlink_to(victim),
            "FIFO": lambda: os.mkfifo(file),
        }
        plants[plant]()
    result = place(placed)
    assert tree(outside) == {"victim": b"mine"}
    if plant == "linked staging":
        assert result.outcome is Outcome.INCONCLUSIVE and result.copy is None
    else:
        assert result.outcome is Outcome.PASS
        assert tree(placed.folder / "new" / "box-0") == tree(placed.folder / "bags" / "box-0")


def test_removing_a_replica_that_was_killed_halfway_can_be_done_again(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with placed.open() as workspace, monkeypatch.context() as patch:
        patch.setattr(type(workspace.catalog), "remove_replica", die)
        with pytest.raises(Killed):
            remove_replica(workspace, "new")
    with placed.open() as workspace:
        remove_replica(workspace, "new")
    with placed.open() as workspace:
        assert "new" not in workspace.settings.replicas
        assert "new" not in {replica.name for replica in workspace.catalog.replicas()}
