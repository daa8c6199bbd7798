"""What `preserve catalog rebuild` makes of bags that were adopted, refused, ignored, or never looked at."""

import shutil

from preserve.app.catalog_care import back_up
from preserve.app.rebuild_request import asked_for
from preserve.app.rebuilds import rebuild
from preserve.progress import Silent
from reports.catalog_care import RebuildView
from tests.integration.test_reconcile import Run, bags, lay, placed, run
from tests.support.workspaces import PlacedWorkspace

__all__ = ["placed", "run"]


def save(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        back_up(workspace)


def made_again(placed: PlacedWorkspace, *, without_backups: bool = False) -> RebuildView:
    for path in placed.folder.glob("catalog.sqlite*"):
        path.unlink()
    return rebuild(asked_for(None, (), placed.folder, trust=None, without_backups=without_backups), Silent())


def packages(placed: PlacedWorkspace) -> set[str]:
    with placed.open() as workspace:
        return {row.identifier for row in workspace.catalog.packages()}


def test_bags_that_adopt_refused_are_told_and_not_taken_in_by_a_backup(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/first", content="one", name="twins")
    lay(placed, "nas/second", content="other", name="twins")
    torn = lay(placed, "nas/torn", name="torn")
    (torn / "data/page.txt").unlink()
    shutil.copytree(placed.folder / "nas/box-0", placed.folder / "nas/again")
    assert run("adopt", "nas")[0] == 1
    save(placed)
    view = made_again(placed)
    left = {bytes(line.location): line.why_not for line in view.copies if line.outcome is None}
    assert set(left) == {b"first", b"second", b"torn", b"again"}
    assert "preserve reconcile, preserve adopt nas torn" in left[b"torn"]
    assert not view.packages and packages(placed) == {"box-0", "box-1"}


def test_an_ignored_bag_stays_ignored(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/scratch", name="scratch")
    assert run("reconcile", "--replica", "nas", "--ignore", "scratch", "--reason", "a scanner's")[0] == 0
    save(placed)
    view = made_again(placed)
    assert not view.copies and packages(placed) == {"box-0", "box-1"}


def test_without_backups_an_adopted_bag_comes_back_as_the_package_that_it_was(
    placed: PlacedWorkspace, run: Run
) -> None:
    lay(placed, "nas/TWIN", name="a title")
    assert run("adopt", "nas")[0] == 0 and run("replicate", "a title", "--to", "disk")[0] == 0
    before = packages(placed)
    view = made_again(placed, without_backups=True)
    assert packages(placed) == before == {"box-0", "box-1", "a title"}
    kept = {(line.replica, bytes(line.location)) for line in view.copies if line.package == "a title"}
    assert kept == {("nas", b"TWIN"), ("disk", b"a title")}


def test_without_backups_a_second_folder_of_a_package_makes_no_new_one(placed: PlacedWorkspace) -> None:
    shutil.copytree(lay(placed, "nas/letters", name="letters"), placed.folder / "nas/again")
    view = made_again(placed, without_backups=True)
    assert packages(placed) == {"box-0", "box-1", "letters"}
    assert [bytes(line.location) for line in view.copies if line.outcome is None] == [b"again"]


def test_without_backups_a_package_that_was_given_another_name_keeps_it_beside_the_one_of_that_name(
    placed: PlacedWorkspace,
) -> None:
    for name, content in (("letters", "one"), ("given", "other")):
        bag = lay(placed, f"nas/{name}", content=content)
        (bag / "bag-info.txt").write_text("External-Identifier: letters\n")
        for manifest in bag.glob("tagmanifest-sha256.txt"):
            lines = [line for line in manifest.read_text().splitlines() if "bag-info" not in line]
            manifest.write_text("\n".join([*lines, ""]))
    made_again(placed, without_backups=True)
    assert packages(placed) == {"box-0", "box-1", "letters", "given"}


def test_an_identifier_that_cannot_be_used_is_told_with_a_remedy_that_exists(placed: PlacedWorkspace, run: Run) -> None:
    lay(placed, "nas/long", name="L" * 300)
    two = lay(placed, "nas/two", name="one")
    with (two / "bag-info.txt").open("a") as info:
        info.write("External-Identifier: another\n")
    lay(placed, "nas/zero", name="a\0b")
    status, answer = run("adopt", "nas")
    found = bags(answer)
    assert status == 1 and {found[name]["became"] for name in ("long", "two", "zero")} == {"nothing"}
    assert "says two things" in found["two"]["problem"] and "zero byte" in found["zero"]["problem"]
    for name in ("long", "two", "zero"):
        assert f"preserve adopt nas {name} --id ID" in found[name]["remedy"]
        status, answer = run("adopt", "nas", name, "--id", f"the {name} one")
        assert (status, answer["bags"][0]["package"]) == (0, f"the {name} one")
