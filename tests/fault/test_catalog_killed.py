"""SIGKILL at any moment of what cares for the catalog, of removal and repair; and what such kills once left behind."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.evidence import Outcome
from preserve.app.catalog_care import back_up
from preserve.app.rebuild_request import Asked, asked_for
from preserve.app.rebuilds import rebuild
from preserve.catalog.backing import verified
from preserve.errors import UsageError
from preserve.progress import Silent
from reports.catalog_care import backup_outcome
from tests.campaigns.killing import SCENARIOS, by_time
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace

KILLED = ("remove", "backup", "rebuild", "rebuild-without-backups", "migration", "repair", "restore")


@pytest.mark.parametrize("name", KILLED)
def test_killed_at_random_moments(name: str) -> None:
    scenario = SCENARIOS[name]()
    scenario.files, scenario.packages = 25, min(scenario.packages, 3)  # type: ignore[attr-defined]
    report = by_time(scenario, count=2, seed=20, most_kills=1)
    assert not report.faults
    assert sum(report.kills.values()) + report.ended_first == 2


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=1, files=5)


def asked(placed: PlacedWorkspace) -> Asked:
    places = tuple(str(placed.folder / name) for name in REPLICAS)
    return asked_for(None, places, placed.folder, trust=None, without_backups=True)


def test_a_backup_that_was_placed_and_not_recorded_is_not_in_the_way_of_the_next(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with placed.open() as workspace:
        workspace.clock = lambda: now  # the rerun comes within the same second, as a script's does
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(type(workspace.catalog), "record_of_itself", _interrupted)
            back_up(workspace)
        view = back_up(workspace)
        again = back_up(workspace)
    assert [backup_outcome(each) for each in (view, again)] == [Outcome.PASS] * 2
    kept = {name: list((placed.folder / name).glob(".preserve/catalog/*/*.sqlite")) for name in REPLICAS}
    assert sorted(len(found) for found in kept.values()) == [2, 2, 3]
    assert all(verified(bytes(path)).number for found in kept.values() for path in found)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_lock_that_a_rebuild_left_at_its_very_end_goes_with_the_next(placed: PlacedWorkspace) -> None:
    lock, before = placed.folder / ".catalog.sqlite.rebuilding.lock", (placed.folder / "catalog.sqlite").read_bytes()
    lock.touch()
    with pytest.raises(UsageError, match="nothing is written over it"):
        rebuild(asked(placed), Silent())
    assert not lock.exists() and (placed.folder / "catalog.sqlite").read_bytes() == before


def test_settings_that_a_rebuild_left_half_go_with_the_next(placed: PlacedWorkspace) -> None:
    for name in ("catalog.sqlite", "preserve.toml"):
        (placed.folder / name).unlink()
    half, stranger = placed.folder / ".preserve.toml.0123abcd.partial", placed.folder / ".preserve.toml.mine.partial"
    half.write_text("half")
    stranger.write_text("somebody else's")
    rebuild(asked(placed), Silent())
    assert not half.exists() and stranger.exists() and (placed.folder / "preserve.toml").is_file()
