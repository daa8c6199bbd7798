"""Restore: a verified bag out of the best files of all copies, and what no copy has is named."""

import json
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks.ports import Kind, Listed
from preserve.app.repairs import restore
from preserve.cli.main import main
from preserve.errors import UndeterminedError
from preserve.progress import Silent
from preserve.stores.local import LocalStore, PlainFolder
from preserve.stores.local_replica import LocalReplica
from preserve.stores.local_source import LocalSource
from tests.campaigns.killing_copies import tree
from tests.support.repairing import (
    at,
    hide_the_bags,
    some_file,
)
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=24)


def restored(placed: PlacedWorkspace, *arguments: str) -> int:
    return main(["--config", str(placed.folder / "preserve.toml"), "restore", *arguments])


def test_a_package_is_restored_out_of_the_best_files_of_all_copies(placed: PlacedWorkspace) -> None:
    whole = tree(placed.folder / "bags" / "box-0")
    for number, replica in enumerate(REPLICAS):
        for path in placed.files["box-0"][number :: len(REPLICAS)]:
            at(placed, replica, path).write_bytes(b"bad")
    hide_the_bags(placed)
    assert restored(placed, "box-0", "--to", str(placed.folder / "out" / "box")) == 0
    assert tree(placed.folder / "out" / "box") == whole
    assert os.listdir(placed.folder / "out") == ["box"]
    assert restored(placed, "box-0", "--to", str(placed.folder / "out" / "box")) == 2
    assert tree(placed.folder / "out" / "box") == whole


@pytest.mark.parametrize("inside", ["nas/box-1/data/restored", "nas/restored", "link/box", "bags/box-1/data/a/box"])
def test_nothing_is_restored_into_a_replica_or_a_bag(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], inside: str
) -> None:
    (placed.folder / "link").symlink_to(placed.folder / "disk")
    whole = tree(placed.folder)
    assert restored(placed, "box-0", "--to", str(placed.folder / inside)) == 2
    assert "outside all replicas and bags" in capsys.readouterr().err.replace("\n", " ")
    assert tree(placed.folder) == whole


def test_what_cannot_be_restored_is_listed_and_the_rest_delivered(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, path = some_file(placed), some_file(placed, which=1)
    for replica in REPLICAS:
        at(placed, replica, lost).write_bytes(b"bad")
    at(placed, "nas", path).unlink()
    hide_the_bags(placed)
    assert restored(placed, "box-0", "--to", str(placed.folder / "out"), "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "fail"
    assert [found["path"] for found in document["findings"]] == [os.fsdecode(lost)]
    assert "nas" in document["findings"][0]["message"]
    expected = tree(placed.folder / "hidden" / "box-0")
    del expected[os.fsdecode(lost)]
    assert tree(placed.folder / "out") == expected


def test_nothing_is_restored_from_nothing(placed: PlacedWorkspace) -> None:
    hide_the_bags(placed)
    for replica in REPLICAS:
        (placed.folder / replica).rename(placed.folder / f"{replica} away")
    with placed.open() as workspace, pytest.raises(UndeterminedError, match="nothing of box-0"):
        restore(workspace, "box-0", placed.folder / "out", Silent())
    assert not (placed.folder / "out").exists()


class Flipped:
    """An open file whose first bit reads wrongly."""

    def __init__(self, source: LocalSource) -> None:
        self._source = source
        self.path, self.evidence = source.path, source.evidence
        self.stat, self.close = source.stat, source.close

    def readinto(self, buffer: memoryview) -> int:
        count = self._source.readinto(buffer)
        buffer[:1] = bytes([buffer[0] ^ 0x80])
        return count


def misread(monkeypatch: pytest.MonkeyPatch, path: bytes, *, always: bool) -> None:
    """Where it is restored to, a file reads wrongly: each time, or every other time, from the first on."""
    right, count = LocalStore.open, 0

    def opened(self: PlainFolder, of: bytes, *, past_cache: bool, offset: int = 0, **more: int | None) -> object:
        nonlocal count
        source = right(self, of, past_cache=past_cache, offset=offset, **more)
        count += of.endswith(path)
        return Flipped(source) if of.endswith(path) and (always or count % 2) else source

    monkeypatch.setattr(PlainFolder, "open", opened, raising=False)


def spelled_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system that gives names back decomposed, and takes them both ways."""

    def listing(self: PlainFolder, root: bytes) -> Iterator[Listed]:
        for one in LocalStore.listing(self, root):
            yield replace(one, path=unicodedata.normalize("NFD", os.fsdecode(one.path)).encode())

    def opened(self: PlainFolder, path: bytes, **how: bool | int | None) -> LocalSource:
        return LocalStore.open(self, unicodedata.normalize("NFC", os.fsdecode(path)).encode(), **how)  # type: ignore[arg-type]  # any options

    monkeypatch.setattr(PlainFolder, "listing", listing, raising=False)
    monkeypatch.setattr(PlainFolder, "open", opened, raising=False)


@pytest.mark.parametrize("code", ["unstable-read", "name-normalisation"])
def test_a_warning_takes_no_good_file_away(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    path = some_file(placed)
    if code == "unstable-read":
        misread(monkeypatch, path, always=False)
    else:
        spelled_otherwise(monkeypatch)
    assert restored(placed, "box-0", "--to", str(placed.folder / "out"), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {found["code"] for found in document["findings"]} == {code}
    assert document["counts"]["files"] == len(placed.files["box-0"]) and document["counts"]["bad"] == 0
    assert tree(placed.folder / "out") == tree(placed.folder / "bags" / "box-0")


def test_what_does_not_read_back_is_named_and_left_as_it_was_written(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lost = some_file(placed), some_file(placed, which=1)
    for replica in REPLICAS:
        at(placed, replica, lost).unlink()
    hide_the_bags(placed)
    misread(monkeypatch, path, always=True)
    assert restored(placed, "box-0", "--to", str(placed.folder / "out"), "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert [(found["code"], found["path"]) for found in document["findings"]] == [
        ("missing", os.fsdecode(lost)),
        ("digest-mismatch", os.fsdecode(path)),
    ]
    assert document["counts"]["files"] == len(placed.files["box-0"]) - 2
    assert (document["counts"]["lost"], document["counts"]["bad"]) == (1, 1)
    expected = tree(placed.folder / "hidden" / "box-0")
    del expected[os.fsdecode(lost)]
    assert tree(placed.folder / "out") == expected
    assert restored(placed, "box-0", "--to", str(placed.folder / "again")) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "1 file could not be had and 1 file did not read back good" in told


def test_a_folder_that_cannot_be_listed_is_named_and_nothing_in_it_taken_away(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(self: PlainFolder, root: bytes) -> Iterator[Listed]:
        yield from LocalStore.listing(self, root)
        yield Listed(b"data", Kind.DIRECTORY, "EIO")

    monkeypatch.setattr(PlainFolder, "listing", listing, raising=False)
    assert restored(placed, "box-0", "--to", str(placed.folder / "out"), "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert {(found["code"], found["path"]) for found in document["findings"]} == {("listing-incomplete", "data")}
    assert tree(placed.folder / "out") == tree(placed.folder / "bags" / "box-0")


def test_of_copies_that_are_as_good_the_one_read_last_is_taken(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As replication does: it is the one of which most is known."""
    asked: list[bytes] = []
    opened = LocalReplica.open

    def noted(self: LocalReplica, path: bytes, **how: bool | int | None) -> LocalSource:
        asked.append(self.root)
        return opened(self, path, **how)  # type: ignore[arg-type]  # of a stand-in: any options

    for replica in ("nas", "abroad", "disk"):
        assert main(["--config", str(placed.folder / "preserve.toml"), "audit", "--replica", replica]) == 0
        with monkeypatch.context() as patched:
            patched.setattr(LocalReplica, "open", noted)
            assert restored(placed, "box-0", "--to", str(placed.folder / "out" / replica)) == 0
        assert set(asked) == {bytes(placed.folder / replica)}
        asked.clear()
