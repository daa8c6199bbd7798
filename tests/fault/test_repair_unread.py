"""Repair where a source could not be read: it may be good, so nobody is told that there is no good copy."""

from pathlib import Path
from typing import Any

import pytest

from checks.evidence import Evidence, Outcome
from checks.ports import StoreError
from preserve.repair.origins import Origin
from preserve.repair.reading import Fetched, fetch
from preserve.stores.local_replica import LocalReplica
from preserve.stores.local_source import LocalSource
from reports import repairs as reports
from tests.campaigns.killing_copies import tree
from tests.support.repairing import at, hide_the_bags, mend, some_file
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=1, files=24)


def test_a_copy_that_could_not_be_read_is_no_loss(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is carried out as when it is planned."""
    path = some_file(placed)
    at(placed, "disk", path).write_bytes(b"bad")
    at(placed, "abroad", path).write_bytes(b"bad as well")
    placed.audit()
    hide_the_bags(placed)
    opened = LocalReplica.open

    def unreadable(self: LocalReplica, of: bytes, **how: bool | int | None) -> LocalSource:
        if of.endswith(path) and self.root == bytes(placed.folder / "nas"):
            raise StoreError("could not be read", cause="EIO")
        return opened(self, of, **how)  # type: ignore[arg-type]  # of a stand-in: any options

    monkeypatch.setattr(LocalReplica, "open", unreadable)
    before = {name: tree(placed.folder / name) for name in REPLICAS}
    for apply in (False, True):
        view = mend(placed, apply=apply)
        assert [line.ending for line in view.lines] == ["failed", "failed"]
        assert reports.outcome_of(view) is Outcome.INCONCLUSIVE
        assert all("nas: it could not be read (EIO)" in line.problem for line in view.lines)
        assert all("Make readable" in line.remedy for line in view.lines)
    assert {name: tree(placed.folder / name) for name in REPLICAS} == before


def test_a_moved_file_that_could_not_be_read_is_no_loss(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name was found again after the audit, and then the medium failed: the good bytes may lie there."""
    path = some_file(placed)
    for replica in ("nas", "abroad"):
        at(placed, replica, path).write_bytes(b"bad")
    kept = at(placed, "disk", path).rename(placed.folder / "kept")
    placed.audit()
    hide_the_bags(placed)
    kept.rename(at(placed, "disk", b"data/found.bin"))

    def failing(origin: Origin, *given: Any, **how: Any) -> Fetched:
        if origin.path.endswith(b"data/found.bin"):
            return Fetched("it could not be read (EIO)", Evidence.LISTED, unread=True)
        return fetch(origin, *given, **how)

    monkeypatch.setattr("preserve.repair.mending.fetch", failing)
    (line,) = [line for line in mend(placed).lines if line.replica == "disk"]
    assert (line.ending, line.outcome) == ("failed", Outcome.INCONCLUSIVE)
    assert line.problem.count("it could not be read (EIO)") == 1
