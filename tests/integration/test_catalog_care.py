"""The catalog is lost and comes back: out of a backup on a replica, or out of the bags alone."""

import errno
import hashlib
import json
import os
import random
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from hashlib import md5, sha256
from pathlib import Path
from unittest.mock import patch

import pytest

import config
from checks.evidence import Outcome
from checks.verdicts import Verdict
from preserve.app.catalog_care import back_up, backup_is_due, heads
from preserve.app.holdings import replicate, take_in
from preserve.app.rebuild_request import asked_for
from preserve.app.rebuilds import rebuild
from preserve.app.runs import Service
from preserve.catalog.backing import verified
from preserve.catalog.catalog import Catalog
from preserve.cli.main import main
from preserve.errors import UndeterminedError, UsageError
from preserve.ingest import intake
from preserve.ingest.packaging import Packaging, package
from preserve.progress import Silent
from preserve.stores import backups, local_replica
from preserve.stores.identity import read_identity
from reports.catalog_care import RebuildView, backup_outcome, rebuild_outcome
from tests.campaigns.faults import KINDS, Scene
from tests.support.workspaces import PlacedWorkspace, make_workspace
from tests.unit.preserve.catalog.test_backing import old_catalog


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=2, files=10)


def save(placed: PlacedWorkspace, times: int = 1, *, away: int = 0) -> None:
    with placed.open() as workspace:
        for _ in range(times):
            view = back_up(workspace)
            assert [line.away for line in view.lines if not line.name] == [True] * away
            assert backup_outcome(view) is (Outcome.INCONCLUSIVE if away else Outcome.PASS)


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


def verdicts(placed: PlacedWorkspace) -> dict[str, tuple[Verdict, bytes, int]]:
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


def test_on_an_absent_replica_it_was_not_backed_up_and_that_is_not_green(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(placed.folder)
    (placed.folder / "nas").rename(placed.folder / "away")
    assert main(["catalog", "backup"]) == 3
    assert "warning: it is not there" in capsys.readouterr().out
    assert len(of(placed, "disk")) == len(of(placed, "abroad")) == 2, "the others have it all the same"
    for name in ("disk", "abroad"):
        (placed.folder / name).rename(placed.folder / f"away {name}")
    assert main(["catalog", "backup", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["outcome"] == "inconclusive" and document["counts"]["away"] == 3


def test_the_service_backs_up_once_a_day_and_only_what_grew(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        work, now = Service(workspace, Silent()), workspace.clock()
        assert work.back_up_if_due() == "catalog backed up on abroad, disk, nas" and work.back_up_if_due() == ""
        workspace.clock = lambda: now + timedelta(days=2)
        assert work.back_up_if_due() == ""  # nothing happened since
        work.run_due((), threading.Event())
        workspace.clock = lambda: now + timedelta(days=2, hours=1)
        assert "backed up" in work.back_up_if_due()
        work.run_due((), threading.Event())
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
        package(Packaging(sources=[bytes(changed)], target=bytes(tmp_path / "bags/next"), identifier="another name"))
        list(take_in(workspace, [tmp_path / "bags/next"], Silent(), identifier="box-1", new_version=True))
        assert all(each.copy for each in replicate(workspace, ("box-0", "box-1"), (), Silent()))
    before = state(placed)
    lose(placed)
    view = made_again(placed)
    assert rebuild_outcome(view) is Outcome.INCONCLUSIVE and not view.packages
    assert "box-1: version 2 is told of by the name of its folder alone" in view.conflicts[0]
    lose(placed)
    view = made_again(placed, trust="nas")
    assert rebuild_outcome(view) is Outcome.INCONCLUSIVE and view.packages == ["box-1"] and not view.conflicts
    assert "version 2 is told of by the name of its folder alone" in view.doubts[0]
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
    save(placed, away=1)
    (placed.folder / "twin.sqlite").replace(placed.folder / "catalog.sqlite")
    (placed.folder / "away").rename(placed.folder / "abroad")
    for name in ("nas", "disk"):
        (placed.folder / name).rename(placed.folder / f"{name} away")
    save(placed, 3, away=2)
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
        package(Packaging(sources=[bytes(source)], target=bytes(tmp_path / "bags/letters")))
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


@pytest.mark.parametrize("without_backups", [False, True])
@pytest.mark.parametrize("trust", [None, "nas"])
def test_a_folder_of_another_package_is_no_version_of_this_one(
    tmp_path: Path, without_backups: bool, trust: str | None
) -> None:
    placed = make_workspace(tmp_path, packages=1, files=4)
    with placed.open() as workspace:
        for name in ("p1", "p2"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "own.txt").write_text(name)
            package(Packaging(sources=[bytes(tmp_path / name)], target=bytes(tmp_path / "bags" / name)))
        list(take_in(workspace, [tmp_path / "bags/p1", tmp_path / "bags/p2"], Silent()))
        list(replicate(workspace, ("p1", "p2"), (), Silent()))
    save(placed)
    before = state(placed)["packages"]
    shutil.copytree(placed.folder / "nas/p2", placed.folder / "nas/p1.v2")
    lose(placed)
    view = made_again(placed, without_backups=without_backups, trust=trust)
    assert rebuild_outcome(view) is Outcome.INCONCLUSIVE
    (said,) = view.conflicts
    assert said.startswith("p1: the bag's Package-UUID ") and "is that of p2" in said
    assert [line.location for line in view.copies if line.outcome is None] == [b"p1.v2"]
    with placed.open() as workspace:
        assert {(row.identifier, row.version) for row in workspace.catalog.packages()} == {
            (name, 1) for name in ("box-0", "p1", "p2")
        }
    assert without_backups or state(placed)["packages"] == before


def test_a_version_that_only_folders_tell_of_is_doubted(placed: PlacedWorkspace) -> None:
    shutil.copytree(placed.folder / "older/box-1", placed.folder / "nas/box-1.v2")
    lose(placed)
    view = made_again(placed)
    assert view.packages == ["box-0", "box-1", "box-1"] and rebuild_outcome(view) is Outcome.INCONCLUSIVE
    assert "version 2 is told of by the name of its folder alone" in view.doubts[0]


def rewrite(database: Path, *statements: str) -> None:
    """What somebody does who can write on a replica: edits a backup and renews its description."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    described(database)


def described(database: Path, **more: object) -> None:
    said = json.loads(database.with_suffix(".json").read_bytes())
    said |= {"sha256": sha256(database.read_bytes()).hexdigest(), "size_bytes": database.stat().st_size, **more}
    database.with_suffix(".json").write_text(json.dumps(said))


def test_a_backup_whose_tables_do_not_follow_from_its_journal_is_not_taken(placed: PlacedWorkspace) -> None:
    file = next(placed.copy("nas", "box-0").glob("data/**/*.bin"))
    file.write_bytes(file.read_bytes() + b"x")
    placed.audit()
    save(placed, 2)
    before = state(placed)
    older, newer = [path for path in of(placed, "nas") if path.suffix == ".sqlite"]
    for replica in ("disk", "abroad"):
        shutil.rmtree(placed.folder / replica / ".preserve/catalog")
    forged = ("DELETE FROM finding", "UPDATE package SET verdict = 'intact'")
    rewrite(newer, *forged)
    lose(placed)
    view = made_again(placed)
    assert view.taken_from == f"{older.name} on nas" and "not what its journal says" in view.did_not_hold[0]
    assert state(placed) == before
    lose(placed)
    rewrite(older, *forged)
    with pytest.raises(UsageError, match="none of the 2 backups"):
        made_again(placed)


def test_an_old_backup_is_judged_when_it_was_brought_up_to_date(placed: PlacedWorkspace, tmp_path: Path) -> None:
    old = old_catalog(tmp_path)
    was = verified(bytes(old))
    folder = placed.folder / "nas/.preserve/catalog" / str(was.catalog)
    folder.mkdir(parents=True)
    name = f"{was.number:012d}-20260101T000000Z"
    shutil.copy(old, folder / f"{name}.sqlite")
    (folder / f"{name}.json").write_text(
        json.dumps(
            {
                "format": "preserve-catalog-backup/1",
                "catalog": str(was.catalog),
                "made_at": "2026-01-01T00:00:00+00:00",
                "head": was.number,
                "head_hash": was.hash.hex(),
                "sha256": was.sha256.hex(),
                "size_bytes": was.size_bytes,
                "revision": was.revision,
                "program": "0",
            }
        )
    )
    lose(placed)
    assert made_again(placed).taken_from == f"{name}.sqlite on nas"
    with placed.open() as workspace:
        assert not list(workspace.catalog.check())


def test_a_catalog_that_was_changed_does_not_push_good_backups_out(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(placed, 5)
    before = {replica: of(placed, replica) for replica in placed.replicas}
    with closing(sqlite3.connect(placed.folder / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE package SET verdict = 'lost'")
    monkeypatch.chdir(placed.folder)
    assert main(["catalog", "backup"]) == 2
    assert "preserve catalog check" in " ".join(capsys.readouterr().err.split())
    assert {replica: of(placed, replica) for replica in placed.replicas} == before
    assert not [name for name in os.listdir(placed.folder) if name.startswith(".")]


def plant(bag: Path, *, tagged: bool = True) -> None:
    """Another payload file and another manifest that lists it, both vouched for by this copy's tag manifests."""
    (bag / "data/planted.txt").write_text("planted")
    payload = sorted(path for path in (bag / "data").rglob("*") if path.is_file())
    lines = [f"{md5(path.read_bytes()).hexdigest()}  {path.relative_to(bag).as_posix()}\n" for path in payload]
    (bag / "manifest-md5.txt").write_text("".join(lines), "utf-8")
    for path in bag.glob("tagmanifest-*.txt") if tagged else ():
        digest = hashlib.new(path.stem.partition("-")[2], (bag / "manifest-md5.txt").read_bytes()).hexdigest()
        path.write_text(f"{path.read_text('utf-8')}{digest}  manifest-md5.txt\n", "utf-8")


def test_what_one_copy_alone_vouches_for_is_not_spread(placed: PlacedWorkspace) -> None:
    plant(placed.copy("nas", "box-1"))
    lose(placed)
    view = made_again(placed)
    assert view.packages == ["box-0"] and "contradict each other about manifest-md5.txt" in view.conflicts[0]
    lose(placed)
    assert made_again(placed, trust="disk").packages == ["box-0", "box-1"]
    with placed.open() as workspace:
        assert workspace.catalog.package_named("box-1").files == len(placed.files["box-1"])  # type: ignore[union-attr]


def test_tag_manifests_of_one_copy_do_not_overrule_copies_without(placed: PlacedWorkspace) -> None:
    for replica in placed.replicas:
        for path in placed.copy(replica, "box-1").glob("tagmanifest-*.txt"):
            path.unlink()
    bag = placed.copy("nas", "box-1")
    plant(bag, tagged=False)
    manifests = sorted(bag.glob("manifest-*.txt"))
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in manifests]
    (bag / "tagmanifest-sha256.txt").write_text("".join(lines))
    lose(placed)
    view = made_again(placed)
    assert view.packages == ["box-0"] and "contradict" in view.conflicts[0]


def test_backups_that_cannot_be_read_stop_a_rebuild(placed: PlacedWorkspace) -> None:
    save(placed)
    for replica in placed.replicas:
        for path in of(placed, replica):
            if path.suffix == ".json":
                path.write_bytes(b"")
    lose(placed)
    with pytest.raises(UsageError, match="no description can be read") as caught:
        made_again(placed)
    assert "--without-backups" in caught.value.remedy and not (placed.folder / "catalog.sqlite").exists()
    assert made_again(placed, without_backups=True).packages == ["box-0", "box-1"]


def test_a_description_that_is_damaged_does_not_take_its_backup_away(placed: PlacedWorkspace) -> None:
    save(placed)
    description, database = of(placed, "nas")
    description.write_bytes(b"")
    save(placed)
    assert database.exists() and description.exists()


def test_planted_descriptions_do_not_push_genuine_backups_out(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(placed)
    description, database = of(placed, "nas")
    (placed.folder / "preserve.toml").write_text(
        (placed.folder / "preserve.toml").read_text("utf-8").replace("keep_backups = 5", "keep_backups = 2"), "utf-8"
    )
    for year in range(2090, 2096):
        planted = database.with_name(f"{database.name[:12]}-{year}0101T000000Z.sqlite")
        planted.write_bytes(b"" if year < 2092 else database.read_bytes())
        shutil.copy(description, planted.with_suffix(".json"))
        described(planted, made_at=f"{year}-01-01T00:00:00+00:00", **({"size_bytes": 1} if year < 2092 else {}))
    genuine = set(of(placed, "nas")) - {path for path in of(placed, "nas") if "-209" in path.name}
    save(placed)
    assert genuine <= set(of(placed, "nas")) and len(of(placed, "nas")) == 2 * (2 + 6)
    save(placed)
    assert not genuine & set(of(placed, "nas")) and len(of(placed, "nas")) == 2 * (2 + 6)
    with placed.open() as workspace:
        assert not [head for head in heads(workspace) if "-2090" in head.where or "-2091" in head.where]
    monkeypatch.chdir(placed.folder)
    capsys.readouterr()
    assert main(["catalog", "check", "--json"]) == 0
    assert len([told for told in json.loads(capsys.readouterr().out)["warnings"] if "-209" in told]) == 2


def test_names_like_those_of_backups_without_end_are_said(placed: PlacedWorkspace) -> None:
    save(placed)
    _, database = of(placed, "nas")
    with patch.object(backups, "_MOST", 6):
        for number in range(20):
            (database.parent / f"junk {number}").touch()
        with placed.open() as workspace:
            assert [head for head in heads(workspace) if head.where.startswith("nas")]
        for number in range(20):
            (database.parent / f"{number:012d}-20200101T000000Z.json").touch()
        with placed.open() as workspace:
            with pytest.raises(UndeterminedError, match="more than 6 names"):
                heads(workspace)
            lines = {line.replica: line for line in back_up(workspace).lines}
        assert "more than 6 names" in lines["nas"].problem and lines["disk"].name


def test_a_bag_whose_identifier_cannot_name_a_folder_is_called_as_its_folder(placed: PlacedWorkspace) -> None:
    long = placed.folder / "nas" / "a box (copied)"
    shutil.copytree(placed.folder / "older/box-1", long)
    (long / "bag-info.txt").write_text(f"External-Identifier: {'x' * 400}\n")
    for path in long.glob("tagmanifest-*.txt"):
        path.unlink()
    lose(placed)
    assert made_again(placed).packages == ["a box (copied)", "box-0", "box-1"]


def test_a_package_that_cannot_name_a_folder_is_refused_and_the_others_are_placed(tmp_path: Path) -> None:
    placed = make_workspace(tmp_path, packages=1, files=4, placed=("nas",))
    with placed.open() as workspace, patch.object(intake, "refuse_unusable"):  # as a catalog may have it from before
        list(take_in(workspace, [placed.folder / "older/box-0"], Silent(), identifier="x" * 400))
        made = list(replicate(workspace, ("x" * 400, "box-0"), (), Silent()))
    assert all("cannot name a folder" in each.problem for each in made if each.package != "box-0")
    assert {each.replica for each in made if each.copy and each.package == "box-0"} == set(placed.replicas)


def test_a_folder_that_bears_its_identifier_goes_before_one_that_claims_it(placed: PlacedWorkspace) -> None:
    claimer = placed.folder / "nas" / "(a claim)"
    shutil.copytree(placed.folder / "older/box-1", claimer)
    (claimer / "bag-info.txt").write_text("External-Identifier: box-1\n")
    for path in claimer.glob("tagmanifest-*.txt"):
        path.unlink()
    lose(placed)
    view = made_again(placed)
    assert not view.conflicts and view.packages == ["box-0", "box-1"]
    assert [line.location for line in view.copies if line.outcome is None] == [b"(a claim)"]


def test_what_is_recorded_was_flushed(placed: PlacedWorkspace) -> None:
    lose(placed)
    flushed: list[bytes] = []
    with patch.object(local_replica, "sync_filesystem", flushed.append):
        made_again(placed)
    assert sorted(flushed) == sorted(bytes(placed.folder / name) for name in placed.replicas)
