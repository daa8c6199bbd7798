"""Restore: a verified bag out of the best files of all copies, and what no copy has is named."""

import json
import os
from pathlib import Path

import pytest

from preserve.app.repairs import restore
from preserve.cli.main import main
from preserve.errors import UndeterminedError
from preserve.progress import Silent
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
