"""`preserve repair` of what nobody knows: what was never read, or could not be, is told, and is not green."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from preserve.app.replicas import remove_replica
from preserve.cli.main import main
from tests.support.workspaces import PlacedWorkspace, make_workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    made = make_workspace(tmp_path, packages=3, files=4)
    monkeypatch.chdir(made.folder)
    return made


def asked(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(["repair", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def away_for_an_audit(placed: PlacedWorkspace) -> None:
    """A file on it is damaged; an audit wants to read it while it is not there, and now it is there again."""
    changed = next(path for path in sorted(placed.copy("nas", "box-0").rglob("*.bin")) if path.stat().st_size > 10)
    changed.write_bytes(b"other" + changed.read_bytes()[5:])
    (placed.folder / "nas").rename(placed.folder / "away")
    assert main(["audit", "--replica", "nas"]) == 3
    (placed.folder / "away").rename(placed.folder / "nas")


@pytest.mark.parametrize("apply", [[], ["--apply"]])
@pytest.mark.parametrize("scope", [[], ["--replica", "nas"], ["box-0", "--replica", "nas"]])
def test_a_disk_that_was_away_when_it_was_to_be_read_is_not_told_to_need_no_repair(
    placed: PlacedWorkspace, apply: list[str], scope: list[str], capsys: Capture
) -> None:
    away_for_an_audit(placed)
    status, document = asked(capsys, *scope, *apply)
    assert (status, document["outcome"], document["steps"], document["left"]) == (3, "inconclusive", [], [])
    of = {(one["package"], one["replica"]) for one in document["unclear"]}
    assert of == {(package, "nas") for package in (["box-0"] if "box-0" in scope else placed.packages)}
    assert document["counts"]["unclear_parts"] == len(of)
    assert main(["repair", *scope, *apply]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert "✔" not in told and "but of" in told and "it is not known" in told
    assert "preserve audit --replica nas" in told


def test_the_next_step_that_is_told_is_the_right_one(placed: PlacedWorkspace, capsys: Capture) -> None:
    away_for_an_audit(placed)
    assert main(["audit", "--replica", "nas"]) == 1
    status, document = asked(capsys, "--replica", "nas")
    assert (status, [one["ending"] for one in document["steps"]], document["unclear"]) == (1, ["planned"], [])
    status, document = asked(capsys, "--replica", "nas", "--apply")
    assert (status, [one["ending"] for one in document["steps"]], document["unclear"]) == (0, ["repaired"], [])
    assert asked(capsys)[0] == 0


def test_of_the_other_replicas_nothing_is_in_doubt(placed: PlacedWorkspace, capsys: Capture) -> None:
    away_for_an_audit(placed)
    assert asked(capsys, "--replica", "disk", "--replica", "abroad")[0] == 0


@pytest.mark.parametrize(
    "statement",
    ["UPDATE copy SET shards_read = 0", "UPDATE shard_state SET wanted = 'disbelieved'"],
    ids=["never read", "read by an auditor that failed its test"],
)
def test_what_nobody_read_so_that_it_counts_is_in_doubt(
    placed: PlacedWorkspace, statement: str, capsys: Capture
) -> None:
    assert asked(capsys)[0] == 0
    with closing(sqlite3.connect(placed.folder / "catalog.sqlite")) as connection, connection:
        connection.execute(statement)
    status, document = asked(capsys, "--replica", "disk")
    assert (status, {one["replica"] for one in document["unclear"]}) == (3, {"disk"})


def remove_all(placed: PlacedWorkspace) -> None:
    for replica in placed.replicas:
        with placed.open() as workspace:
            remove_replica(workspace, replica, last_copies=True)


def remove_packages(placed: PlacedWorkspace) -> None:
    for package in placed.packages:
        assert main(["remove", package, "--reason", "returned"]) == 0


@pytest.mark.parametrize(("end", "why"), [(remove_all, "no replica"), (remove_packages, "no copy to repair")])
@pytest.mark.parametrize("apply", [[], ["--apply"]])
def test_where_there_is_nothing_to_look_at_that_is_said(
    placed: PlacedWorkspace, end: Callable[[PlacedWorkspace], None], why: str, apply: list[str], capsys: Capture
) -> None:
    end(placed)
    capsys.readouterr()
    assert main(["repair", *apply]) == 2
    said = capsys.readouterr()
    assert f"there is {why}" in " ".join(said.err.split()) and "✔" not in said.out
