"""What is looked at now, beside what was recorded: folders that went, lost catalogs, backups that are missing."""

import json
import shutil
from pathlib import Path

import pytest

from preserve.cli.main import main
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    monkeypatch.chdir(tmp_path)
    return make_workspace(tmp_path, packages=2, files=6)


def test_a_copy_whose_folder_went_since_it_was_read_is_not_green(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 0
    shutil.rmtree(placed.copy("nas", "box-1"))
    capsys.readouterr()
    assert main(["status"]) == 3
    assert "its folder is gone at nas: audit it" in " ".join(capsys.readouterr().out.split())


def test_a_catalog_that_was_never_backed_up_is_warned_of(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    assert any("never backed up" in told for told in json.loads(capsys.readouterr().out)["warnings"])
    assert main(["audit", "--due"]) == 0  # which does for cron what the service does
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []
    assert list(placed.folder.glob("nas/.preserve/catalog/*/*.sqlite"))


def test_a_lost_catalog_is_not_replaced_by_an_empty_one(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in placed.folder.glob("catalog.sqlite*"):
        name.unlink()
    assert main(["status"]) == 2
    assert "preserve catalog rebuild" in capsys.readouterr().err
    assert main(["init"]) == 2
    assert "preserve catalog rebuild" in capsys.readouterr().err
    assert not (placed.folder / "catalog.sqlite").exists()
