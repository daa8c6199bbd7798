"""`preserve audit --here`: a disk tells how it stands with nothing but itself, and nothing is written on it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preserve.app import auditing_here
from preserve.audit.selftest import SelfTest
from preserve.cli.main import main
from tests.support.bags import make_bag
from tests.support.loop_disks import loop_disk
from tests.support.workspaces import make_workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk with two packages and two backups, in another place, without settings or catalog anywhere."""
    placed = make_workspace(tmp_path / "archive", packages=2, files=12)
    monkeypatch.chdir(placed.folder)
    placed.audit()
    assert main(["catalog", "backup"]) == 0
    placed.audit()
    assert main(["catalog", "backup"]) == 0
    found = Path(shutil.move(placed.folder / "disk", tmp_path / "found"))
    shutil.rmtree(placed.folder)
    monkeypatch.chdir(found)
    return found


def told(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(["audit", "--here", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def findings(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = document["findings"]
    assert isinstance(found, list)
    return [(each["code"], each["package"], each["path"]) for each in found if each["severity"] == "error"]


def everything(folder: Path) -> dict[str, tuple[int, int, int]]:
    paths = [folder, *folder.rglob("*")]
    seen = {str(path): path.lstat() for path in paths}
    return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in seen.items()}


def payload_file(bag: Path) -> Path:
    return next(path for path in sorted((bag / "data").rglob("*")) if path.is_file() and path.stat().st_size > 10)


def backups(disk: Path) -> list[Path]:
    return sorted((disk / ".preserve/catalog").rglob("*.sqlite"))


def forget_the_catalog(disk: Path) -> None:
    shutil.rmtree(disk / ".preserve/catalog")
    shutil.rmtree(disk / ".preserve/heads")


def test_all_that_the_backup_expects_is_read_and_not_a_byte_is_written(disk: Path, capsys: Capture) -> None:
    before = everything(disk)
    status, document = told(capsys)
    assert status == 0 and document["outcome"] == "pass"
    assert everything(disk) == before
    backup, counts = document["backup"], document["counts"]
    assert isinstance(backup, dict) and isinstance(counts, dict)
    assert backup["file"] == backups(disk)[-1].name
    assert f"{backup['head']:012d}" == backups(disk)[-1].name[:12]
    assert counts["files_good"] > 24 and counts["bytes_read"] > 0 and counts["bags_by_own_manifests"] == 0
    assert document["tested_elsewhere"] == "", "the canaries of this disk were read"


@pytest.mark.parametrize("start", [".", "box-0/data", ".preserve"])
def test_any_folder_of_the_disk_will_do(disk: Path, start: str, capsys: Capture) -> None:
    assert told(capsys, str(disk / start))[0] == 0


def test_a_changed_file_is_named_with_what_was_expected(disk: Path, capsys: Capture) -> None:
    changed = payload_file(disk / "box-1")
    changed.write_bytes(b"other" + changed.read_bytes()[5:])
    status, document = told(capsys)
    assert status == 1
    path = os.fsdecode(os.fsencode(changed.relative_to(disk / "box-1")))
    assert findings(document) == [("digest-mismatch", "box-1", path)]


def test_a_file_and_its_manifests_that_were_changed_together_are_found_too(disk: Path, capsys: Capture) -> None:
    shutil.rmtree(disk / "box-1")
    source = disk.parent / "forged"
    source.mkdir()
    (source / "page.bin").write_bytes(b"forged")
    make_bag(source, disk / "box-1")
    status, document = told(capsys)
    assert status == 1 and document["bags"] == []


def test_a_copy_that_is_gone_is_damage(disk: Path, capsys: Capture) -> None:
    shutil.rmtree(disk / "box-0")
    status, document = told(capsys)
    assert status == 1
    assert ("copy-missing", "box-0") in {(code, package) for code, package, _ in findings(document)}


def test_a_bag_that_the_backup_does_not_know_is_known_by_its_own_manifests_only(disk: Path, capsys: Capture) -> None:
    source = disk.parent / "letters"
    source.mkdir()
    (source / "one.txt").write_text("one of the letters")
    make_bag(source, disk / "letters")
    status, document = told(capsys)
    (bag,) = document["bags"]
    assert status == 0 and bag["known_by"] == "by its own manifests only" and bag["bag"] == "letters"
    (disk / "letters/data/one.txt").write_text("one of the lettuce")
    status, document = told(capsys)
    assert status == 1 and [package for _, package, _ in findings(document)] == ["letters"]
    assert main(["audit", "--here"]) == 1
    assert "by its own manifests only" in capsys.readouterr().out


def test_without_a_backup_every_bag_speaks_for_itself_and_that_is_said(disk: Path, capsys: Capture) -> None:
    forget_the_catalog(disk)
    status, document = told(capsys)
    assert status == 3 and document["backup"] is None
    assert all(bag["outcome"] == "pass" for bag in document["bags"])
    assert document["summary"].endswith("valid by its own manifests only; what should lie here is not known.")
    assert "`preserve audit --replica disk`" in document["catalogs_that_cannot_tell"][0]
    assert document["known_by"] == (
        "No backup of the catalog on this disk tells what should be here. Before a disk is carried away, "
        "`preserve catalog backup` where its catalog is lays one on it."
    )
    bags = document["bags"]
    assert isinstance(bags, list) and [bag["bag"] for bag in bags] == ["box-0", "box-1"]


def test_where_the_newest_backup_does_not_hold_the_one_before_is_taken_and_that_is_said(
    disk: Path, capsys: Capture
) -> None:
    older, newest = backups(disk)
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    status, document = told(capsys)
    backup = document["backup"]
    assert status == 0 and isinstance(backup, dict) and backup["file"] == older.name
    assert newest.name in str(document["backups_that_do_not_hold"])


def test_where_no_backup_holds_the_disk_is_not_green_however_good_its_bags_are(disk: Path, capsys: Capture) -> None:
    for backup in backups(disk):
        backup.write_bytes(backup.read_bytes()[:-1])
    status, document = told(capsys)
    assert status == 3 and document["backup"] is None
    assert len(document["backups_that_do_not_hold"]) == 2
    assert all(bag["outcome"] == "pass" for bag in document["bags"])


def test_a_disk_with_nothing_on_it_is_not_green(disk: Path, capsys: Capture) -> None:
    forget_the_catalog(disk)
    for package in ("box-0", "box-1"):
        shutil.rmtree(disk / package)
    assert told(capsys)[0] == 3


def descriptions_damaged(disk: Path) -> None:
    for backup in backups(disk):
        backup.with_suffix(".json").write_text("{torn")


def descriptions_gone(disk: Path) -> None:
    for backup in backups(disk):
        backup.with_suffix(".json").unlink()


def folder_renamed(disk: Path) -> None:
    (folder,) = (disk / ".preserve/catalog").iterdir()
    folder.rename(folder.with_name("catalog-old"))


def folder_emptied(disk: Path) -> None:
    (folder,) = (disk / ".preserve/catalog").iterdir()
    shutil.rmtree(folder)
    folder.mkdir()


def all_backups_gone(disk: Path) -> None:
    shutil.rmtree(disk / ".preserve/catalog")


def a_file_instead(disk: Path) -> None:
    shutil.rmtree(disk / ".preserve/catalog")
    (disk / ".preserve/catalog").write_text("")


LOST = [descriptions_damaged, descriptions_gone, folder_renamed, folder_emptied, all_backups_gone, a_file_instead]


@pytest.mark.parametrize("lose", LOST)
@pytest.mark.parametrize("heads", ["kept", "lost"])
def test_a_disk_that_a_catalog_knew_is_never_green_without_a_backup_that_holds(
    disk: Path, lose: Callable[[Path], None], heads: str, capsys: Capture
) -> None:
    lose(disk)
    shutil.rmtree(disk / "box-0")
    if heads == "lost" and lose is not all_backups_gone:  # then nothing tells of a catalog any more
        shutil.rmtree(disk / ".preserve/heads")
    status, document = told(capsys)
    assert status == 3 and document["backup"] is None and document["catalogs_that_cannot_tell"]
    assert main(["audit", "--here"]) == 3
    assert "not determined" in capsys.readouterr().out


def renamed(disk: Path) -> None:
    (disk / ".preserve/catalog").rename(disk / ".preserve/catalog.old")


def emptied(disk: Path) -> None:
    shutil.rmtree(disk / ".preserve/catalog")
    (disk / ".preserve/catalog").mkdir()


def packed(disk: Path) -> None:
    shutil.make_archive(str(disk / ".preserve/backups"), "tar", disk / ".preserve/catalog")
    shutil.rmtree(disk / ".preserve/catalog")


def canaries_gone_too(disk: Path) -> None:
    shutil.rmtree(disk / ".preserve/catalog")
    shutil.rmtree(disk / ".preserve/canaries")


@pytest.mark.parametrize("lose", [renamed, emptied, packed, canaries_gone_too])
def test_whoever_takes_all_traces_of_the_catalog_away_makes_nothing_green(
    disk: Path, lose: Callable[[Path], None], capsys: Capture
) -> None:
    """The disk's identity is left, and none but a catalog wrote that."""
    lose(disk)
    shutil.rmtree(disk / ".preserve/heads")
    shutil.rmtree(disk / "box-0")
    status, document = told(capsys)
    assert (status, document["outcome"], [bag["outcome"] for bag in document["bags"]]) == (3, "inconclusive", ["pass"])
    assert main(["audit", "--here"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "what should lie here is not known, nor whether something is missing" in said and "✔ disk" not in said
    assert "Audit the disk on that catalog's machine" in said and "`preserve catalog backup` there" in said


def test_damage_is_damage_where_nobody_knows_what_should_be_there(disk: Path, capsys: Capture) -> None:
    forget_the_catalog(disk)
    changed = payload_file(disk / "box-1")
    changed.write_bytes(b"other" + changed.read_bytes()[5:])
    assert told(capsys)[0] == 1


def test_a_folder_that_is_not_ours_may_be_another_catalogs_and_a_file_is_only_told(disk: Path, capsys: Capture) -> None:
    (disk / ".preserve/.DS_Store").write_text("of a desktop")
    status, document = told(capsys)
    assert status == 0 and ".preserve/.DS_Store is not ours" in str(document["notes"])
    (disk / ".preserve/catalog.old").mkdir()
    status, document = told(capsys)
    (why,) = document["catalogs_that_cannot_tell"]
    assert status == 3 and why.startswith(".preserve/catalog.old is not ours") and "give it its name again" in why


def test_what_runs_of_ours_leave_beside_the_rooms_is_not_doubted(disk: Path, capsys: Capture) -> None:
    for name in ("staging", "removed", "quarantine", "trial-6900000012345678"):
        (disk / ".preserve" / name).mkdir(exist_ok=True)
    for name in ("repair.lock", ".identity.json.0123456789abcdef.partial"):
        (disk / ".preserve" / name).touch()
    status, document = told(capsys)
    assert (status, document["notes"], document["catalogs_that_cannot_tell"]) == (0, [], [])


def test_a_backup_from_before_there_was_a_copy_does_not_tell_what_should_be_there(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = make_workspace(tmp_path / "archive", packages=2, files=4, placed=("nas",))
    monkeypatch.chdir(placed.folder)
    assert main(["catalog", "backup"]) == 0
    assert main(["replicate", "--to", "disk"]) == 0
    shutil.rmtree(placed.folder / "disk/box-0")
    status, document = told(capsys, str(placed.folder / "disk"))
    assert status == 3 and len(document["bags"]) == 1
    assert "knows of no copy on it" in document["catalogs_that_cannot_tell"][0]


def test_entries_of_the_journal_that_are_later_than_the_backup_are_told(disk: Path, capsys: Capture) -> None:
    (heads,) = (disk / ".preserve/heads").iterdir()
    before = told(capsys)[1]["catalogs"][0]
    number = before["backup"]["head"] + before["later_entries"] + 5
    with heads.open("a") as file:
        file.write(f"{number:012d} {'0' * 64} 2026-05-01T10:00:00Z\n")
    status, document = told(capsys)
    (by,) = document["catalogs"]
    assert status == 0 and by["later_entries"] == before["later_entries"] + 5
    assert f"has {by['later_entries']} later entries" in str(document["known_by"])


@pytest.fixture
def shared(disk: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """The disk, which a second catalog knows too and has a package of its own on; and that catalog's UUID."""
    other = make_workspace(tmp_path / "other", packages=1, files=3, seed=2)
    monkeypatch.chdir(other.folder)
    source = tmp_path / "second"
    source.mkdir()
    (source / "page.txt").write_text("of the second catalog")
    make_bag(source, tmp_path / "second-bag")
    assert main(["replica", "add", "shared", str(disk), "--take-over"]) == 0
    assert main(["add", str(tmp_path / "second-bag")]) == 0
    assert main(["replicate", "second-bag"]) == 0
    assert main(["catalog", "backup"]) == 0
    monkeypatch.chdir(disk)
    backup = told(capsys)[1]["backup"]
    assert isinstance(backup, dict)
    return disk, backup["catalog"]


def test_a_second_catalog_hides_nothing_that_the_first_expects(shared: tuple[Path, str], capsys: Capture) -> None:
    disk, second = shared
    status, document = told(capsys)
    catalogs = document["catalogs"]
    assert isinstance(catalogs, list)
    first = next(one["backup"]["catalog"] for one in catalogs if one["backup"]["catalog"] != second)
    assert status == 0 and len(catalogs) == 2 and document["bags"] == []
    for package, catalog in (("box-1", first), ("second-bag", second)):
        shutil.move(disk / package, disk.parent / "away")
        status, document = told(capsys)
        expecting = {each["catalog"] for each in document["findings"] if each["package"] == package}
        assert status == 1 and expecting == {catalog}
        shutil.move(disk.parent / "away", disk / package)


def test_a_second_catalog_does_not_make_up_for_the_lost_backups_of_the_first(
    shared: tuple[Path, str], capsys: Capture
) -> None:
    disk, second = shared
    for folder in (disk / ".preserve/catalog").iterdir():
        if folder.name != second:
            shutil.rmtree(folder)
    shutil.rmtree(disk / "box-1")
    status, document = told(capsys)
    assert status == 3 and len(document["catalogs"]) == 1


def test_bags_at_any_depth_are_validated_and_all_else_is_named(disk: Path, capsys: Capture) -> None:
    source = disk.parent / "letters"
    source.mkdir()
    (source / "one.txt").write_text("one of the letters")
    (disk / "a/b/c").mkdir(parents=True)
    make_bag(source, disk / "a/b/c/letters")
    (disk / "notes.txt").write_text("mine")
    status, document = told(capsys)
    assert status == 0 and [bag["bag"] for bag in document["bags"]] == ["a/b/c/letters"]
    assert [(other["path"], other["what"]) for other in document["others"]] == [("notes.txt", "file")]
    (disk / "a/b/c/letters/data/one.txt").write_text("one of the lettuce")
    assert told(capsys)[0] == 1
    assert main(["audit", "--here"]) == 1
    assert "notes.txt (file)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "status"), [(".archive/old", 1), ("deep/.kept/old", 1), (".Trash-1000/files/old", 0)]
)
def test_a_damaged_bag_in_a_hidden_folder_is_found_and_one_in_a_bin_is_named(
    disk: Path, where: str, status: int, capsys: Capture
) -> None:
    shutil.copytree(disk / "box-0", disk / where)
    payload_file(disk / where).write_bytes(b"damaged")
    ended, document = told(capsys)
    assert ended == status
    assert [each["path"] for each in document["others"]] == ([where] if status == 0 else [])


def test_what_could_not_be_looked_through_makes_nothing_green(disk: Path, capsys: Capture) -> None:
    deep = disk.joinpath(*["further"] * 20)
    shutil.copytree(disk / "box-0", deep / "old")
    payload_file(deep / "old").write_bytes(b"damaged")
    status, document = told(capsys)
    assert (status, document["outcome"]) == (3, "inconclusive")
    assert document["not_looked_through"]


def test_a_backup_of_a_catalog_that_does_not_know_the_disk_tells_nothing(
    disk: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_workspace(tmp_path / "other", packages=1, files=2, seed=2)
    monkeypatch.chdir(other.folder)
    assert main(["catalog", "backup"]) == 0
    for folder in (other.folder / "disk/.preserve/catalog").iterdir():
        shutil.copytree(folder, disk / ".preserve/catalog" / folder.name)
    status, document = told(capsys, str(disk))
    assert status == 0 and isinstance(document["backup"], dict)
    assert "does not know this disk" in str(document["backups_that_do_not_hold"])


def test_settings_beside_the_disk_are_not_read(disk: Path, capsys: Capture) -> None:
    (disk.parent / "preserve.toml").write_text("this is [no TOML")
    assert told(capsys)[0] == 0


def test_a_place_that_is_on_no_replica_is_refused(disk: Path, capsys: Capture) -> None:
    elsewhere = disk.parent / "elsewhere"
    elsewhere.mkdir()
    assert main(["audit", "--here", str(elsewhere)]) == 2
    assert "is on no replica" in " ".join(capsys.readouterr().err.split())
    assert main(["audit", "--here", str(disk), "--due"]) == 2
    assert main(["audit", "--here", str(disk), "--replica", "disk"]) == 2


@pytest.mark.parametrize(("below", "status"), [("one", 0), ("one/two", 0), ("one/two/three", 2)])
def test_a_disk_up_to_two_levels_below_the_place_is_found(
    disk: Path, below: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = disk.parent / "place"
    (place / below).parent.mkdir(parents=True)
    monkeypatch.chdir(disk.parent)
    disk.rename(place / below)
    assert main(["audit", "--here", str(place)]) == status


def test_of_several_disks_below_the_place_none_is_chosen_and_all_are_named(disk: Path, capsys: Capture) -> None:
    shutil.copytree(disk, disk.parent / "another", symlinks=True)
    assert main(["audit", "--here", str(disk.parent)]) == 2
    told = "".join(capsys.readouterr().err.split())  # long paths may be folded anywhere
    assert "severalreplicas" in told and f"{disk.parent}/another,{disk}" in told


def test_a_disk_without_canaries_gets_none_and_the_auditor_is_tested_elsewhere(disk: Path, capsys: Capture) -> None:
    shutil.rmtree(disk / ".preserve/canaries")
    status, document = told(capsys)
    assert status == 0 and document["tested_elsewhere"] == "there are no files for testing on it"
    assert not (disk / ".preserve/canaries").exists()


def test_an_auditor_that_fails_its_own_test_says_nothing_of_the_disk(
    disk: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SelfTest(passed=False, why="a wrong file passed")
    monkeypatch.setattr(auditing_here, "self_test", lambda *given, **named: failed)
    status, document = told(capsys)
    assert status == 3 and "a wrong file passed" in str(document["error"])


def test_a_disk_that_is_locked_against_writing_is_read(disk: Path, tmp_path: Path, capsys: Capture) -> None:
    medium = tmp_path / "loop"
    medium.mkdir()
    try:
        with loop_disk(medium, "64M") as mounted:
            shutil.copytree(disk, mounted.root / "copies")
            subprocess.run(["mount", "-o", "remount,ro", mounted.root], check=True)
            status, document = told(capsys, str(mounted.root / "copies"))
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no loop-mounted ext4 here: {error}")
    assert status == 0 and document["tested_elsewhere"] == ""
