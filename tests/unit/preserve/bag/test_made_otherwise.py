"""A run that was cut off, and the next that asks for something else or finds other sources: as asked last."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import Outcome
from checks.ports import StoreError
from preserve.bag.making.copying import Copying
from preserve.bag.making.in_place import InPlace
from preserve.bag.making.placing import Placing
from preserve.bag.making.refusing import refuse_immovable
from preserve.bag.making.request import BagRequest, EmptyFolders, Written
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.local import LocalStore

INFO: tuple[tuple[str, str | None], ...] = (("Payload-Oxum", None), ("Package-UUID", None))


class Stop(Exception):
    """A kill, as far as a test can have one."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "sub/b.tmp").write_bytes(b"beta")
    (folder / "hollow").mkdir()
    return folder


def asked(source: Path, *, in_place: bool, **more: Any) -> BagRequest:
    target = None if in_place else os.fsencode(source.parent / "bag")
    return BagRequest(sources=(os.fsencode(source),), target=target, info=INFO, **more)


def cut_off(monkeypatch: pytest.MonkeyPatch, where: type, method: str, request: BagRequest) -> None:
    def stop(*_: object) -> None:
        raise Stop

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(where, method, stop)
        write_bag(request)


def names_in(bag: Path) -> set[str]:
    return {str(path.relative_to(bag / "data")) for path in (bag / "data").rglob("*") if path.is_file()}


def is_good(made: Written) -> bool:
    return validate(made.bag).outcome is Outcome.PASS


CHOICES: dict[str, dict[str, Any]] = {
    "another algorithm": {"algorithms": ("sha1", "md5")},
    "another line": {"info": (("Contact-Name", "the archivist"), *INFO)},
    "empty folders kept": {"empty_folders": EmptyFolders.KEEP},
}


@pytest.mark.parametrize("step", ["_rename", "_publish", "_read_back"])
@pytest.mark.parametrize("choice", [*CHOICES, "a pattern", "links"])
def test_a_copy_that_was_whole_but_not_in_its_place_is_made_as_it_is_asked_now(
    source: Path, monkeypatch: pytest.MonkeyPatch, step: str, choice: str
) -> None:
    cut_off(monkeypatch, Copying, step, asked(source, in_place=False))
    more = {**CHOICES, "a pattern": {"ignore": (b"*.tmp",)}, "links": {"follow_links": True}}[choice]
    request = replace(asked(source, in_place=False), **more)
    made = write_bag(request)
    bag = source.parent / "bag"
    assert is_good(made) and made.algorithms == request.algorithms
    assert {path.name for path in bag.glob("manifest-*")} == {f"manifest-{name}.txt" for name in request.algorithms}
    kept = {"hollow/.keep"} if choice == "empty folders kept" else set[str]()
    assert names_in(bag) == {"a.txt", "sub/b.tmp", *kept} - ({"sub/b.tmp"} if choice == "a pattern" else set())
    assert ("Contact-Name" in (bag / "bag-info.txt").read_text()) is (choice == "another line")


def test_a_copy_that_was_whole_but_not_in_its_place_is_mended_by_what_the_source_is_now(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(monkeypatch, Copying, "_rename", asked(source, in_place=False))
    (source / "a.txt").write_bytes(b"another")
    (source / "new.txt").write_bytes(b"new")
    (source / "sub/b.tmp").unlink()
    assert is_good(write_bag(asked(source, in_place=False)))
    assert names_in(source.parent / "bag") == {"a.txt", "new.txt"}
    assert (source.parent / "bag/data/a.txt").read_bytes() == b"another"


def test_a_copy_that_stands_is_not_called_the_one_that_is_asked_for_now(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(monkeypatch, Copying, "_take_away", asked(source, in_place=False))
    with pytest.raises(UsageError, match="is there already"):
        write_bag(asked(source, in_place=False, algorithms=("md5",)))
    assert not list(source.parent.glob(".bag*")) and (source.parent / "bag/manifest-sha512.txt").exists()


@pytest.mark.parametrize("step", ["_move", "_place"])
@pytest.mark.parametrize("choice", CHOICES)
def test_in_place_what_was_moved_is_made_as_it_is_asked_now(
    source: Path, monkeypatch: pytest.MonkeyPatch, step: str, choice: str
) -> None:
    cut_off(monkeypatch, InPlace, step, asked(source, in_place=True))
    request = replace(asked(source, in_place=True), **CHOICES[choice])
    made = write_bag(request)
    assert is_good(made) and made.algorithms == request.algorithms
    assert {path.name for path in source.glob("manifest-*")} == {f"manifest-{name}.txt" for name in request.algorithms}
    assert names_in(source) - {"hollow/.keep"} == {"a.txt", "sub/b.tmp"}


def test_in_place_a_pattern_that_comes_late_puts_all_back_and_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(monkeypatch, InPlace, "_place", asked(source, in_place=True))
    with pytest.raises(UsageError, match="nothing was deleted or moved"):
        write_bag(asked(source, in_place=True, ignore=(b"*.tmp",)))
    assert (source / "a.txt").read_bytes() == b"alpha" and (source / "sub/b.tmp").read_bytes() == b"beta"
    assert is_good(write_bag(asked(source, in_place=True)))


def test_in_place_a_bag_that_stands_is_not_called_the_one_that_is_asked_for_now(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("preserve.bag.making.workfolder.WorkFolder.remove", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_bag(asked(source, in_place=True))
    with pytest.raises(UsageError, match="is a bag already"):
        write_bag(asked(source, in_place=True, algorithms=("md5",)))
    assert not (source / ".preserve-bagging").exists()
    assert validate(os.fsencode(source)).outcome is Outcome.PASS


def test_in_place_two_files_of_one_name_are_both_kept_and_named(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(monkeypatch, InPlace, "_place", asked(source, in_place=True))
    (source / "a.txt").write_bytes(b"made meanwhile")
    with pytest.raises(UndeterminedError, match=r"(?s)both are kept.*a\.txt"):
        write_bag(asked(source, in_place=True))
    assert (source / "a.txt").read_bytes() == b"made meanwhile" and (source / "sub/b.tmp").exists()
    assert (source / ".preserve-bagging/data/a.txt").read_bytes() == b"alpha"
    (source / "a.txt").rename(source / "newer.txt")
    assert is_good(write_bag(asked(source, in_place=True)))
    assert names_in(source) == {"a.txt", "newer.txt", "sub/b.tmp"}


@pytest.mark.parametrize("names", [("README", "readme"), ("caf\u00e9", "cafe\u0301")])
def test_a_disk_that_takes_two_names_for_one_is_found_out(
    source: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]
) -> None:
    """The two have the same bytes, so that reading back finds nothing."""
    for name in names:
        (source / name).write_bytes(b"the same")

    def one(path: bytes) -> bytes:
        return path.replace(names[1].encode(), names[0].encode())

    create, opening = Placing.create, LocalStore.open

    def create_one(self: Placing, path: bytes, mode: int = 0o600) -> int:
        return create(self, one(path), mode)

    def open_one(self: LocalStore, path: bytes, **how: Any) -> Any:
        return opening(self, one(path) if b"preserve-partial" in self.root else path, **how)

    monkeypatch.setattr(Placing, "create", create_one)
    monkeypatch.setattr(LocalStore, "open", open_one)
    with pytest.raises(UndeterminedError, match="not among the names") as raised:
        write_bag(asked(source, in_place=False))
    assert "choose a target on another" in raised.value.remedy
    assert not (source.parent / "bag").exists()


def test_a_folder_that_cannot_be_listed_is_not_taken_for_names_that_were_lost(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another disk would be advised where this one has a fault."""
    names_in = LocalStore.names_in

    def failing(self: LocalStore, folder: bytes, **how: Any) -> Any:
        if b"preserve-partial" in self.root and folder == b"sub":
            raise StoreError("Input/output error", cause="EIO")
        return names_in(self, folder, **how)

    monkeypatch.setattr(LocalStore, "names_in", failing)
    with pytest.raises(UndeterminedError, match=r"data/sub: cannot be listed \(EIO\)"):
        write_bag(asked(source, in_place=False))
    assert not (source.parent / "bag").exists()
    monkeypatch.undo()
    assert is_good(write_bag(asked(source, in_place=False)))


def test_a_folder_that_cannot_be_looked_at_is_not_taken_for_one_with_mounts_in_it(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = os.lstat

    def failing(path: Any, **how: Any) -> os.stat_result:
        if os.fsencode(path) == os.fsencode(source):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return lstat(path, **how)

    monkeypatch.setattr(os, "lstat", failing)
    with pytest.raises(UndeterminedError, match=r"cannot be looked at \(EIO\); nothing was touched"):
        refuse_immovable(os.fsencode(source), [b"a.txt"])
