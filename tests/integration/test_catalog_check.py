"""`preserve catalog check`: a catalog that was changed, cut back or exchanged is told."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import Outcome
from preserve.app import catalog_check
from preserve.app.catalog_care import heads
from preserve.app.workspace import Workspace
from preserve.catalog.rows import Head
from preserve.cli.main import main
from preserve.progress import Silent
from reports.catalog_check import outcome_of
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    made = make_workspace(tmp_path, packages=2, files=12)
    path = next(path for path in made.files["box-0"] if path.startswith(b"data/"))
    (made.copy("disk", "box-0") / os.fsdecode(path)).write_bytes(b"damaged")
    made.audit()
    return made


def run(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(["--config", str(placed.folder / "preserve.toml"), "catalog", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def attack(placed: PlacedWorkspace, *statements: str) -> None:
    with closing(sqlite3.connect(placed.folder / "catalog.sqlite")) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0


def test_an_untouched_catalog_is_good(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    for path in placed.folder.glob("*/.preserve/heads/*"):
        path.unlink()
    status, document = run(placed, capsys, "check")
    assert (status, document["outcome"], document["findings"]) == (0, "pass", [])
    assert document["warnings"]  # nothing outside remembers the journal
    assert run(placed, capsys, "backup")[0] == 0
    status, document = run(placed, capsys, "check")
    assert (status, document["warnings"], len(document["heads"])) == (0, [], 3)
    assert main(["--config", str(placed.folder / "preserve.toml"), "catalog", "check"]) == 0
    assert "is what its journal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("DELETE FROM finding WHERE code IN ('digest-mismatch', 'size-mismatch')", "finding"),
        ("UPDATE shard_check SET outcome = 'pass', bad = 0 WHERE outcome = 'fail'", "shard_check"),
        (
            "INSERT INTO shard_check SELECT 1, NULL, copy_id, shard_id, started_at, ended_at, evidence, 'pass',"
            " good, 0, 0, bytes_read FROM shard_check LIMIT 1",
            "shard_check",
        ),
        ("UPDATE package SET verdict = 'intact'", "package"),
    ],
)
def test_each_edit_is_named(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], statement: str, table: str
) -> None:
    attack(placed, statement)
    status, document = run(placed, capsys, "check")
    assert (status, document["outcome"]) == (1, "fail")
    assert table in {found["where"] for found in document["findings"]}


def test_an_older_catalog_in_its_place_is_told_by_what_the_replicas_remember(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    older = placed.folder / "older.sqlite"
    with closing(sqlite3.connect(placed.folder / "catalog.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(placed.folder / "catalog.sqlite", older)
    placed.audit()
    assert run(placed, capsys, "backup")[0] == 0
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (placed.folder / name).unlink(missing_ok=True)
    shutil.copy(older, placed.folder / "catalog.sqlite")
    status, document = run(placed, capsys, "check")
    assert status == 1
    assert {found["where"] for found in document["findings"]} == {"journal"}


def test_the_bags_manifests_are_asked(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    """One copy that agrees is enough; where none does, catalog or manifests were changed, and it is told."""
    changed = []
    for replica in REPLICAS:
        manifest = placed.copy(replica, "box-1") / "manifest-sha256.txt"
        lines = manifest.read_bytes().split(b"\n")
        lines[0] = b"0" * 64 + lines[0][64:]
        manifest.write_bytes(b"\n".join(lines))
        changed.append(run(placed, capsys, "check"))
    assert [status for status, _ in changed] == [0, 0, 1]
    (found,) = changed[-1][1]["findings"]
    assert (found["code"], found["package"]) == ("catalog-against-manifest", "box-1")
    assert found["observed"] == "0" * 64
    assert run(placed, capsys, "check", "--no-bags")[0] == 0


def test_what_cannot_be_asked_is_not_green(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    for replica in REPLICAS:
        (placed.folder / replica).rename(placed.folder / f"{replica} away")
    status, document = run(placed, capsys, "check")
    assert (status, document["outcome"]) == (3, "inconclusive")
    assert document["not_compared"] == ["box-0 (version 1)", "box-1 (version 1)"]


def test_each_replica_that_was_not_asked_is_named_with_why_and_the_check_is_not_green(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (placed.folder / "nas").rename(placed.folder / "nas away")
    (placed.folder / "abroad/.preserve/identity.json").unlink()
    status, document = run(placed, capsys, "check")
    assert (status, document["outcome"], document["findings"], document["not_compared"]) == (3, "inconclusive", [], [])
    assert {one["replica"]: one["why"] for one in document["not_asked"]} == {
        "abroad": "no identity file in it: an empty mount or another disk",
        "nas": "the folder is not there",
    }
    assert (document["counts"]["replicas"], document["counts"]["not_asked"]) == (3, 2)
    assert main(["--config", str(placed.folder / "preserve.toml"), "catalog", "check"]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert "2 of 3 replicas could not be asked" in told
    assert "nas was not asked what it remembers: it is not there (the folder is not there)" in told


def test_one_that_goes_away_meanwhile_may_not_have_been_asked(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def going(workspace: Workspace) -> list[Head]:
        (placed.folder / "nas").rename(placed.folder / "nas away")
        return heads(workspace)

    monkeypatch.setattr(catalog_check, "heads", going)
    with placed.open() as workspace:
        view = catalog_check.check_catalog(workspace, Silent(), bags=False)
    assert [line.replica for line in view.not_asked] == ["nas"] and outcome_of(view) is Outcome.INCONCLUSIVE


def test_backups_that_are_gone_from_a_replica_are_told(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(placed, capsys, "backup")[0] == 0
    for path in (placed.folder / "nas/.preserve/catalog").glob("*/*"):
        path.unlink()
    status, document = run(placed, capsys, "check")
    assert (status, document["outcome"]) == (3, "inconclusive")
    (told,) = document["backups_missing"]
    assert told.startswith("nas: ")
    assert main(["--config", str(placed.folder / "preserve.toml"), "catalog", "check"]) == 3
    assert "the backups on a replica are gone: nas" in capsys.readouterr().out
    assert run(placed, capsys, "backup")[0] == 0
    assert run(placed, capsys, "check")[0] == 0


def test_a_catalog_made_again_misses_no_backup(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    settings = placed.folder / "preserve.toml"
    settings.write_text(settings.read_text("utf-8").replace("keep_backups = 5", "keep_backups = 1"), "utf-8")
    for _ in range(3):
        assert run(placed, capsys, "backup")[0] == 0
    (placed.folder / "catalog.sqlite").unlink()
    assert run(placed, capsys, "rebuild")[0] == 0
    assert run(placed, capsys, "check")[0] == 0


def test_a_changed_record_ends_neither_the_look_nor_the_names(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    attack(placed, "UPDATE record SET digests = zeroblob(length(digests)) WHERE shard_id = 1")
    status, document = run(placed, capsys, "check")
    assert status == 1 and "the manifest has another digest" in json.dumps(document)
