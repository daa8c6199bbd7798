"""Mass change: nothing is written to a replica on which most has changed, until a person has looked."""

import json
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.app.status import status_view
from preserve.cli.main import main
from reports import repairs as reports
from tests.support.bags import make_bag
from tests.support.repairing import (
    at,
    damage_many,
    endings,
    mend,
    some_file,
)
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=24)


def test_mass_change_freezes_a_replica_until_a_person_confirms_it(placed: PlacedWorkspace) -> None:
    damage_many(placed, "disk")
    at(placed, "nas", some_file(placed)).write_bytes(b"one only")
    placed.audit()
    view = mend(placed)
    assert endings(view) == [("nas", "replace", "repaired")]
    assert [(one.replica, one.package) for one in view.frozen] == [("disk", "box-0")]
    assert {left.why for left in view.left} == {"frozen"}
    assert reports.outcome_of(view) is Outcome.FAIL
    view = mend(placed, confirm_change=("disk",))
    assert {ending for _, _, ending in endings(view)} == {"repaired"}
    assert placed.audit() == {}
    damage_many(placed, "disk", "box-1")  # what comes after the confirmation counts anew
    placed.audit()
    assert mend(placed).frozen


def test_a_clean_reading_lifts_the_freeze(placed: PlacedWorkspace) -> None:
    before = {path: at(placed, "disk", path).read_bytes() for path in placed.files["box-0"]}
    damage_many(placed, "disk")
    placed.audit()
    assert mend(placed, apply=False).frozen
    for path, content in before.items():
        at(placed, "disk", path).write_bytes(content)
    placed.audit()
    view = mend(placed, apply=False)
    assert not view.frozen and not view.lines


def test_nothing_is_replicated_to_a_frozen_replica(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    (placed.folder / "sources" / "new").mkdir()
    (placed.folder / "sources" / "new" / "a.txt").write_text("new")
    make_bag(placed.folder / "sources" / "new", placed.folder / "bags" / "new")
    config = ["--config", str(placed.folder / "preserve.toml")]
    assert main([*config, "add", str(placed.folder / "bags" / "new")]) == 0
    damage_many(placed, "disk")
    placed.audit()
    capsys.readouterr()
    assert main([*config, "replicate", "new", "--to", "disk", "--json"]) == 3
    assert "disk is frozen" in json.loads(capsys.readouterr().out)["copies"][0]["problem"]
    assert not (placed.folder / "disk" / "new").exists()
    assert main([*config, "replicate", "new", "--to", "nas"]) == 0


def test_small_packages_together_freeze_their_replica(tmp_path: Path) -> None:
    """Ransomware on packages of fewer files than can be mass change alone."""
    small = make_workspace(tmp_path, packages=2, files=7)
    assert [len(small.files[name]) for name in small.packages] == [13, 13]
    for name in small.packages:
        damage_many(small, "disk", name)
    small.audit()
    view = mend(small)
    assert [(one.replica, one.package) for one in view.frozen] == [("disk", "box-0"), ("disk", "box-1")]
    assert not view.lines and {left.why for left in view.left} == {"frozen"}
    with small.open() as workspace:
        warnings = status_view(workspace, limit=5).warnings
    assert any("disk is frozen: 26 of 26 files of 2 packages" in warning for warning in warnings)
    assert not mend(small, confirm_change=("disk",)).frozen
    assert small.audit() == {}


def test_a_package_that_went_among_many_that_are_whole_freezes_nothing(tmp_path: Path) -> None:
    small = make_workspace(tmp_path, packages=3, files=9)
    damage_many(small, "disk", "box-0")
    small.audit()
    assert not mend(small).frozen
