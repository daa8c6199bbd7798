"""The journal's heads on the replicas: a catalog that was rewritten as a whole is told by them."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks.digesting import Digester
from preserve.app.replicas import remove_replica
from preserve.app.workspace import Workspace
from preserve.audit.selftest import self_test
from preserve.audit.surveying import survey
from preserve.catalog.journal import BEGINNING, canonical, link_hash
from preserve.cli.main import main
from preserve.stores.heads import Heads
from preserve.stores.local_replica import LocalReplica
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    made = make_workspace(tmp_path, packages=1, files=6)
    made.audit()
    return made


def remember(placed: PlacedWorkspace, *replicas: str) -> int:
    """What each run does at its end; the number of the head."""
    with placed.open() as workspace:
        number, last = workspace.catalog.head()
        for name in replicas or REPLICAS:
            heads_on(workspace, name).append(number, last, workspace.clock())
        return number


def heads_on(workspace: Workspace, replica: str) -> Heads:
    (row,) = workspace.replicas((replica,))
    store = workspace.stores()[row.id]
    assert isinstance(store, LocalReplica)
    return Heads(store.root, workspace.catalog.uuid())


def file_on(placed: PlacedWorkspace, replica: str) -> Path:
    (found,) = (placed.folder / replica / ".preserve/heads").iterdir()
    return found


def check(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(["--config", str(placed.folder / "preserve.toml"), "catalog", "check", "--json", *more])
    return status, json.loads(capsys.readouterr().out)


def rewrite(placed: PlacedWorkspace) -> None:
    """What an insider does who knows all of the program: another operator, and a chain that fits, to its very end."""
    with closing(sqlite3.connect(placed.folder / "catalog.sqlite")) as connection, connection:
        previous, last = BEGINNING, 0
        for number, body in connection.execute("SELECT number, body FROM journal ORDER BY number").fetchall():
            fields = json.loads(body)
            if fields["kind"] == "audit-ended":
                fields["remark"] = "nothing was wrong"
            body = canonical(fields)
            hash_ = link_hash(number, previous, body)
            row = (previous, body, hash_, number)
            connection.execute("UPDATE journal SET previous = ?, body = ?, hash = ? WHERE number = ?", row)
            previous, last = hash_, number
        connection.execute("UPDATE journal_head SET number = ?, hash = ?", (last, previous))


def test_a_true_catalog_has_all_the_heads(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        remember(placed)
        placed.audit()
    status, document = check(placed, capsys)
    assert (status, document["findings"], document["heads_doubted"], document["warnings"]) == (0, [], [], [])
    seen = document["heads"]
    assert isinstance(seen, list)
    assert {one.partition(":")[0] for one in seen if "heads/" in one} == set(REPLICAS)
    assert main(["--config", str(placed.folder / "preserve.toml"), "catalog", "check"]) == 0
    assert "on the replicas remember" in capsys.readouterr().out


@pytest.mark.parametrize("replica", REPLICAS)
def test_a_journal_written_anew_as_a_whole_is_told_by_a_single_disk(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str], replica: str
) -> None:
    number = remember(placed, replica)
    placed.audit()
    rewrite(placed)
    forget_others(placed, replica)
    status, document = check(placed, capsys)
    assert status == 1
    (found,) = [each for each in document["findings"] if each["link"] == number]
    assert found["message"].startswith(f"the journal was written anew: {replica}: heads/")
    assert "seen there at" in found["message"]


def forget_others(placed: PlacedWorkspace, replica: str) -> None:
    """The insider reaches every disk but one."""
    for other in {*REPLICAS} - {replica}:
        for path in (placed.folder / other / ".preserve").glob("heads/*"):
            path.unlink()


def test_without_heads_the_same_is_not_seen(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the test before this one proves what it says."""
    rewrite(placed)
    for replica in REPLICAS:
        for path in (placed.folder / replica / ".preserve").glob("heads/*"):
            path.unlink()
    status, document = check(placed, capsys)
    assert (status, document["findings"]) == (0, [])
    assert "nothing on any replica" in document["warnings"][0]


def test_a_journal_that_was_cut_back_is_told(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    with placed.open() as workspace:
        heads_on(workspace, "nas").append(workspace.catalog.head()[0] + 50, bytes(32), AT)
    status, document = check(placed, capsys)
    (found,) = document["findings"]
    assert status == 1 and found["message"].startswith("the journal was cut back: nas: heads/")


def test_a_torn_last_line_is_no_matter(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    remember(placed)
    with file_on(placed, "nas").open("ab") as stream:
        stream.write(b"0000000000")
    status, document = check(placed, capsys)
    assert (status, document["heads_doubted"]) == (0, [])


def test_a_line_that_was_changed_is_told_and_is_not_green(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(placed)
    path = file_on(placed, "nas")
    path.write_bytes(path.read_bytes().replace(b"\n00000000", b"\n0000000x", 1))
    status, document = check(placed, capsys)
    assert (status, document["outcome"]) == (3, "inconclusive")
    (told,) = document["heads_doubted"]
    assert told.startswith(f"nas: heads/{path.name}: line 2 is not one that")
    assert main(["--config", str(placed.folder / "preserve.toml"), "catalog", "check"]) == 3
    assert "move this file aside" in " ".join(capsys.readouterr().out.split())


def test_a_catalog_made_again_from_an_older_backup_has_lost_what_the_heads_know(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is neither damage nor green: whoever cuts a journal back could say that it was an accident."""
    settings = str(placed.folder / "preserve.toml")
    assert main(["--config", settings, "catalog", "backup"]) == 0
    placed.audit()
    lost = remember(placed, "nas")
    for path in placed.folder.glob("catalog.sqlite*"):
        path.unlink()
    assert main(["--config", settings, "catalog", "rebuild"]) == 0
    for _ in range(2):
        placed.audit()
    now = remember(placed)
    assert now > lost
    status, document = check(placed, capsys)
    assert (status, document["findings"]) == (3, [])
    told = [one for one in document["heads_doubted"] if one.startswith("nas: ")]
    assert len(told) == 1 and f"remembers links up to {lost} that were lost" in told[0]


def test_replicas_that_are_away_are_named_and_removed_ones_are_not_asked(
    placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(placed)
    (placed.folder / "nas").rename(placed.folder / "pulled")
    with placed.open() as workspace:
        remove_replica(workspace, "disk")
    status, document = check(placed, capsys, "--no-bags")
    assert (status, [one["replica"] for one in document["not_asked"]]) == (3, ["nas"])
    assert {one.partition(":")[0] for one in document["heads"]} == {"abroad"}


def test_nothing_is_ever_found_about_what_is_ours(placed: PlacedWorkspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Canaries, set aside ones too, and heads lie beside the bags, and no audit, repair or rebuild speaks of them."""
    with placed.open() as workspace:
        for row in workspace.replicas():
            store = workspace.stores()[row.id]
            for _ in range(2):
                assert self_test(store, store.canaries(), str(row.uuid), Digester(("sha256",)), AT).passed
                page = placed.folder / row.name / ".preserve/canaries/page.txt"
                page.write_bytes(b"x" + page.read_bytes()[1:])
            assert survey(store, [copy.location for copy in workspace.catalog.copies()]).bags == ()
    remember(placed)
    assert placed.audit() == {}
    settings = str(placed.folder / "preserve.toml")
    for path in placed.folder.glob("catalog.sqlite*"):
        path.unlink()
    for replica in REPLICAS:
        for path in (placed.folder / replica / ".preserve").glob("catalog/*/*"):
            path.unlink()
    capsys.readouterr()
    main(["--config", settings, "catalog", "rebuild", "--without-backups", "--json"])
    assert ".preserve" not in capsys.readouterr().out
    assert placed.audit() == {}
    with placed.open() as workspace:
        assert {package.identifier for package in workspace.packages()} == {"box-0"}
