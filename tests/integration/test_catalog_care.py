"""The catalog is lost and comes back: out of a backup on a replica, or out of the bags alone."""

import errno
import json
import os
import random
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import pytest

import config
from checks.evidence import Outcome
from preserve.app.audits import DueWork
from preserve.app.catalog_care import back_up, backup_is_due, heads
from preserve.app.holdings import replicate, take_in
from preserve.app.rebuild_request import asked_for
from preserve.app.rebuilds import rebuild
from preserve.catalog.catalog import Catalog
from preserve.cli.main import main
from preserve.errors import UsageError
from preserve.ingest.packaging import Packaging, package
from preserve.progress import Silent
from preserve.stores import backups
from preserve.stores.identity import read_identity
from reports.catalog_care import RebuildView, backup_outcome, rebuild_outcome
from tests.campaigns.faults import KINDS, Scene
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=10)


def save(placed: PlacedWorkspace, times: int = 1) -> None:
    with placed.open() as workspace:
        for _ in range(times):
            assert backup_outcome(back_up(workspace)) is Outcome.PASS


def lose(placed: PlacedWorkspace) -> None:
    (placed.folder / "catalog.sqlite").unlink()


def made_again(placed: PlacedWorkspace, *, trust: str | None = None, without_backups: bool = False) -> RebuildView:
    view = rebuild(asked_for(None, (), placed.folder, trust=trust, without_backups=without_backups), Silent())
    assert not [name for name in os.listdir(placed.folder) if name.startswith(".")]
    return view


def of(placed: PlacedWorkspace, replica: str) -> list[Path]:
    """The backups and descriptions on a replica, oldest first."""
    return sorted((placed.folder / replica / ".preserve/catalog").glob("*/*"))


def state(placed: PlacedWorkspace) -> dict[str, object]:
    """What the catalog says of packages, copies and what was found."""
    with placed.open() as workspace:
        catalog = workspace.catalog
        assert catalog.verify_journal() is None
        return {
            "packages": {(p.identifier, p.uuid, p.version, p.root, p.verdict) for p in catalog.packages()},
            "copies": {(c.package, c.replica, c.location, c.version, c.damage) for c in catalog.copies()},
            "findings": {(f.package, f.replica, f.finding.path, f.code) for f in catalog.findings()},
        }


def verdicts(placed: PlacedWorkspace) -> dict[str, tuple[object, ...]]:
    with placed.open() as workspace:
        return {row.identifier: (row.verdict, row.root, row.files) for row in workspace.catalog.packages()}


def test_backups_are_placed_described_and_pruned_oldest_first(placed: PlacedWorkspace) -> None:
    stranger = placed.folder / "nas/.preserve/catalog"
    save(placed)
    (folder,) = stranger.iterdir()
    for name in ("notes.txt", "000000000001-20200101T000000Z.sqlite.old"):
        (folder / name).write_text("not ours")
    for name in ("000000000001-20200101T000000Z.sqlite", ".000000000002-20200101T000000Z.sqlite.partial"):
        (folder / name).write_text("half")  # what killed runs left
    text = (placed.folder / "preserve.toml").read_text("utf-8")
    (placed.folder / "preserve.toml").write_text(text.replace("keep_backups = 5", "keep_backups = 2"), "utf-8")
    first = of(placed, "disk")
    save(placed, 3)
    names = [path.name for path in of(placed, "disk")]
    assert len(names) == 4 and not {path.name for path in first} & set(names)
    assert {"notes.txt", "000000000001-20200101T000000Z.sqlite.old"} < {path.name for path in folder.iterdir()}
    assert not [path for path in folder.iterdir() if path.read_bytes() == b"half"]
    with placed.open() as workspace:
        assert not backup_is_due(workspace)
        known = {(link.number, link.hash) for link in workspace.catalog.journal()}
        found = heads(workspace)
        assert len(found) == 6 and {(head.number, head.hash) for head in found} < known
        last = [json.loads(link.body) for link in workspace.catalog.journal() if link.kind == "catalog-backed-up"][-1]
    assert {"replica", "file", "sha256", "head"} < last.keys()


def test_an_absent_replica_is_a_warning_and_none_is_not_determined(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(placed.folder)
    (placed.folder / "nas").rename(placed.folder / "away")
    assert main(["catalog", "backup"]) == 0
    assert "warning: it is not there" in capsys.readouterr().out
    for name in ("disk", "abroad"):
        (placed.folder / name).rename(placed.folder / f"away {name}")
    assert main(["catalog", "backup", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "inconclusive" and document["counts"]["away"] == 3


def test_the_service_backs_up_once_a_day_and_only_what_grew(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        work, now = DueWork(workspace, Silent()), workspace.clock()
        assert work.back_up_if_due() == "catalog backed up on abroad, disk, nas" and work.back_up_if_due() == ""
        workspace.clock = lambda: now + timedelta(days=2)
        assert work.back_up_if_due() == ""  # nothing happened since
        work.run_due(threading.Event())
        workspace.clock = lambda: now + timedelta(days=2, hours=1)
        assert "backed up" in work.back_up_if_due()
        work.run_due(threading.Event())
        assert work.back_up_if_due() == ""  # it is not a day old


def test_a_full_replica_is_said_leaves_nothing_half_and_does_not_stop_the_others(placed: PlacedWorkspace) -> None:
    save(placed)
    before = of(placed, "abroad")
    full, real = OSError(errno.ENOSPC, "No space left on device"), backups._write_all
    calls = iter(range(100))

    def fail_first(fd: int, buffer: memoryview) -> None:
        if next(calls) == 0:
            os.write(fd, buffer[:10])
            raise full
        real(fd, buffer)

    with placed.open() as workspace, patch.object(backups, "_write_all", fail_first):
        view = back_up(workspace)
    assert backup_outcome(view) is Outcome.INCONCLUSIVE
    assert "disk is full" in view.lines[0].problem and all(line.name for line in view.lines[1:])
    assert of(placed, "abroad") == before
    assert not list((placed.folder / "abroad/.preserve/catalog").glob("*/.*"))


def test_a_link_under_our_folder_is_never_followed(placed: PlacedWorkspace, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (placed.folder / "nas/.preserve/catalog").symlink_to(elsewhere)
    with placed.open() as workspace:
        view = back_up(workspace)
    assert [line.replica for line in view.lines if not line.name] == ["nas"] and not list(elsewhere.iterdir())
    lose(placed)
    assert made_again(placed).taken_from.endswith(("on abroad", "on disk"))


def test_a_rebuilt_catalog_says_what_the_backup_said(placed: PlacedWorkspace) -> None:
    file = next(placed.copy("nas", "box-0").glob("data/**/*.bin"))
    file.write_bytes(file.read_bytes() + b"x")
    placed.audit()
    save(placed)
    before = state(placed)
    with placed.open() as workspace:
        links = list(workspace.catalog.journal())
    lose(placed)
    view = made_again(placed)
    assert rebuild_outcome(view) is Outcome.PASS and not view.copies and view.lost
    assert state(placed) == before
    with placed.open() as workspace:
        again = list(workspace.catalog.journal())
    assert again[: view.head] == links[: view.head] and again[-1].kind == "catalog-rebuilt"
    assert placed.audit() == {
        ("nas", "box-0", os.fsencode(file.relative_to(placed.copy("nas", "box-0")))): "size-mismatch"
    }


def test_what_came_after_the_backup_is_taken_in_and_what_was_removed_stays_removed(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=3, files=6, placed=("nas",))
    with placed.open() as workspace:
        workspace.catalog.remove_package(workspace.packages(("box-2",))[0].id, {"by": "a person"}, workspace.clock())
    save(placed)
    changed = tmp_path / "changed"
    shutil.copytree(tmp_path / "sources/box-1", changed)
    (changed / "more.txt").write_text("more")
    with placed.open() as workspace:
        package(Packaging(source=bytes(changed), target=bytes(tmp_path / "bags/next"), identifier="another name"))
        list(take_in(workspace, [tmp_path / "bags/next"], Silent(), identifier="box-1", new_version=True))
        assert all(each.copy for each in replicate(workspace, ("box-0", "box-1"), (), Silent()))
    before = state(placed)
    lose(placed)
    view = made_again(placed)
    assert rebuild_outcome(view) is Outcome.PASS and view.packages == ["box-1"]
    assert {line.location for line in view.copies} == {b"box-0", b"box-1.v2"}
    assert state(placed) == before and placed.audit() == {}
    with placed.open() as workspace:
        assert workspace.catalog.package_named("box-2") is None


def test_a_backup_that_lies_or_is_torn_is_not_used(placed: PlacedWorkspace) -> None:
    save(placed, 2)
    older, newer = [path for path in of(placed, "nas") if path.suffix == ".sqlite"]
    for replica in ("disk", "abroad"):
        shutil.rmtree(placed.folder / replica / ".preserve/catalog")
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1
    newer.write_bytes(content)
    lose(placed)
    view = made_again(placed)
    assert view.taken_from == f"{older.name} on nas" and "not those that its description tells" in view.did_not_hold[0]
    lose(placed)
    older.with_suffix(".json").write_text('{"format": "preserve-cat')
    with pytest.raises(UsageError, match="none of the 1 backups"):
        made_again(placed)
    assert made_again(placed, without_backups=True).taken_from == ""


def test_a_hostile_database_is_refused(placed: PlacedWorkspace) -> None:
    save(placed)
    for replica in ("disk", "abroad"):
        shutil.rmtree(placed.folder / replica / ".preserve/catalog")
    description, database = of(placed, "nas")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM package; END")
        connection.execute("PRAGMA journal_mode = DELETE")
    said = json.loads(description.read_bytes())
    said |= {"sha256": sha256(database.read_bytes()).hexdigest(), "size_bytes": database.stat().st_size}
    description.write_text(json.dumps(said))
    lose(placed)
    with pytest.raises(UsageError, match="a trigger"):
        made_again(placed)


def test_a_fork_is_said_and_a_person_decides(placed: PlacedWorkspace) -> None:
    save(placed)
    shutil.copy(placed.folder / "catalog.sqlite", placed.folder / "twin.sqlite")
    (placed.folder / "abroad").rename(placed.folder / "away")
    placed.audit()
    save(placed)
    (placed.folder / "twin.sqlite").replace(placed.folder / "catalog.sqlite")
    (placed.folder / "away").rename(placed.folder / "abroad")
    for name in ("nas", "disk"):
        (placed.folder / name).rename(placed.folder / f"{name} away")
    save(placed, 3)
    for name in ("nas", "disk"):
        (placed.folder / f"{name} away").rename(placed.folder / name)
    lose(placed)
    with pytest.raises(UsageError, match="contradict each other") as caught:
        made_again(placed)
    assert "--trust" in caught.value.remedy and not (placed.folder / "catalog.sqlite").exists()
    assert made_again(placed, trust="abroad").taken_from.endswith("on abroad")


@pytest.mark.parametrize("seed", [1, 2])
def test_without_a_backup_every_file_gets_the_verdict_it_had(tmp_path: Path, seed: int) -> None:
    placed = make_workspace(tmp_path, seed=seed)
    scene, rng, planted = Scene(placed, random.Random(seed)), random.Random(seed), 0
    kinds = [kind for name, kind in KINDS.items() if not name.startswith("old")]  # that one is a contradiction
    while planted < 12:
        planted += rng.choice(kinds)(scene)
    found, was = placed.audit(), verdicts(placed)
    lose(placed)
    view = made_again(placed, without_backups=True)
    assert rebuild_outcome(view) is Outcome.FAIL and not view.conflicts and not view.doubts
    assert placed.audit() == found and verdicts(placed) == was


def test_what_is_bad_on_every_copy_is_told_as_lost_with_the_size_that_premis_tells(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=1, files=4)
    source = tmp_path / "letters"
    source.mkdir()
    for name in ("a.txt", "b.txt"):
        (source / name).write_text(name * 100)
    with placed.open() as workspace:
        package(Packaging(source=bytes(source), target=bytes(tmp_path / "bags/letters")))
        list(take_in(workspace, [tmp_path / "bags/letters"], Silent()))
        list(replicate(workspace, ("letters",), (), Silent()))
    for number, replica in enumerate(placed.replicas):
        (placed.folder / replica / "letters/data/a.txt").write_bytes(b"bad" * number)
    (placed.folder / "nas/letters/manifest-sha256.txt").write_bytes(b"")
    found, was = placed.audit(), verdicts(placed)
    assert was["letters"][0].value == "lost"
    lose(placed)
    view = made_again(placed, without_backups=True)
    assert not view.doubts and placed.audit() == found and verdicts(placed) == was


def test_copies_that_contradict_each_other_are_not_outvoted(placed: PlacedWorkspace) -> None:
    shutil.rmtree(placed.copy("abroad", "box-1"))
    shutil.copytree(placed.folder / "older/box-1", placed.copy("abroad", "box-1"))
    lose(placed)
    view = made_again(placed)
    assert view.packages == ["box-0"] and "contradict" in view.conflicts[0] and "--trust" in view.conflicts[0]
    assert rebuild_outcome(view) is Outcome.INCONCLUSIVE
    lose(placed)
    view = made_again(placed, trust="nas")
    assert view.packages == ["box-0", "box-1"] and not view.conflicts
    assert {(line.replica, line.outcome) for line in view.copies if line.package == "box-1"} == {
        ("nas", Outcome.PASS),
        ("disk", Outcome.PASS),
        ("abroad", Outcome.FAIL),
    }


def test_a_whole_machine_is_gone(
    placed: PlacedWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(placed)
    before = state(placed)
    new = tmp_path / "new machine"
    new.mkdir()
    monkeypatch.chdir(new)
    (placed.folder / "preserve.toml").unlink()
    named = [word for name in placed.replicas for word in ("--from", str(placed.folder / name))]
    assert main(["catalog", "rebuild", "--into", str(new)]) == 2
    capsys.readouterr()
    assert main(["catalog", "rebuild", *named, "--into", str(new), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "pass" and document["from"] and document["lost"]
    settings = config.load(new / "preserve.toml")
    assert {each.name: each.root for each in settings.replicas.values()} == {
        name: bytes(placed.folder / name) for name in placed.replicas
    }
    again = PlacedWorkspace(new, placed.packages, placed.replicas, placed.files, placed.digests, placed.older)
    assert state(again) == before
    assert main(["catalog", "rebuild", *named]) == 2  # there is one now
    assert "nothing is written over it" in capsys.readouterr().err


def test_a_log_that_the_lost_catalog_left_is_not_taken_for_the_new_ones(placed: PlacedWorkspace) -> None:
    lose(placed)
    (placed.folder / "catalog.sqlite-wal").write_bytes(b"old")
    with pytest.raises(UsageError, match="nothing is written over"):
        made_again(placed)


def test_links_devices_and_foreign_folders_on_a_replica_do_no_harm(placed: PlacedWorkspace, tmp_path: Path) -> None:
    root = placed.folder / "nas"
    shutil.copytree(placed.copy("nas", "box-0"), tmp_path / "outside")
    (root / "linked").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    for number in range(200):
        (root / f"folder {number}").mkdir()
    (root / "odd").mkdir()
    os.mkfifo(root / "odd/bagit.txt")
    (root / "odd/manifest-sha256.txt").symlink_to("/dev/zero")
    os.mkfifo(placed.copy("nas", "box-0") / "data/pipe")
    lose(placed)
    view = made_again(placed)
    assert view.packages == ["box-0", "box-1"] and "no copy has a payload manifest" in view.conflicts[0]
    assert {line.location for line in view.copies if line.outcome is None} == {b"odd"}
    assert rebuild_outcome(view) is Outcome.FAIL  # the pipe in box-0


def test_a_killed_rebuild_begins_anew(placed: PlacedWorkspace) -> None:
    save(placed)
    lose(placed)
    staged = placed.folder / ".catalog.sqlite.rebuilding"
    staged.write_bytes(b"half")
    Path(f"{staged}-wal").write_bytes(b"half")
    with patch.object(Catalog, "record_of_itself", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        made_again(placed)
    assert not (placed.folder / "catalog.sqlite").exists()
    assert made_again(placed).taken_from


def test_a_replica_that_is_mounted_elsewhere_now_is_read_and_its_url_is_asked_for(placed: PlacedWorkspace) -> None:
    (placed.folder / "nas").rename(placed.folder / "elsewhere")
    lose(placed)
    asked = asked_for(None, (str(placed.folder / "elsewhere"),), placed.folder, trust=None, without_backups=False)
    view = rebuild(asked, Silent())
    assert len(view.copies) == 2 and "correct its url" in view.absent[0]


def test_two_disks_that_are_one_replica_are_refused(placed: PlacedWorkspace, tmp_path: Path) -> None:
    shutil.copytree(placed.folder / "nas", tmp_path / "twin")
    assert read_identity(bytes(tmp_path / "twin")).name == "nas"
    lose(placed)
    places = (str(placed.folder / "nas"), str(tmp_path / "twin"))
    with pytest.raises(UsageError, match="same replica"):
        rebuild(asked_for(None, places, placed.folder, trust=None, without_backups=False), Silent())
