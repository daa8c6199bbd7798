"""What somebody who does a thing for the first time is told: refusals say why, and what to do."""

import os
from pathlib import Path

import pytest

from preserve.app import audits
from preserve.app.auditing_here import disk_above
from preserve.app.rebuild_request import asked_for
from preserve.app.replicas import add_replica
from preserve.app.why_unfit import NO_CREDENTIALS, remedy_for
from preserve.catalog.catalog import Catalog
from preserve.cli.main import main
from preserve.cli.meter import Meter
from preserve.cli.progress import Progress
from preserve.errors import UsageError
from preserve.progress import Silent
from preserve.repair.planning import Method
from preserve.stores.local_replica import LocalReplica
from tests.support.repairing import at, endings, mend, some_file
from tests.support.workspaces import PlacedWorkspace, make_workspace


@pytest.fixture
def placed(tmp_path: Path) -> PlacedWorkspace:
    return make_workspace(tmp_path, packages=1, files=8)


def test_the_plan_replaces_a_large_file_whole_where_nothing_is_written_over(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = some_file(placed)
    full = at(placed, "nas", path)
    full.write_bytes(b"x" + full.read_bytes()[1:])
    placed.audit()
    monkeypatch.setattr("preserve.repair.planning.segment_count", lambda size: 2)
    assert endings(mend(placed, apply=False)) == [("nas", Method.SEGMENTS, "planned")]
    monkeypatch.setattr(LocalReplica, "has_one_name", lambda self, path: False)
    assert endings(mend(placed, apply=False)) == [("nas", Method.REPLACE, "planned")]


class Heard(Silent):
    """Sums up what it is told."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.names: list[str] = []

    def stage(self, name: str, **totals: object) -> None:
        self.total, self.done = int(str(totals.get("bytes") or 0)), 0

    def advance(self, *, files: int = 0, bytes: int = 0, replica: str = "") -> None:
        self.done += bytes

    def expect(self, bytes: int, *, replica: str = "") -> None:
        self.total += bytes

    def at(self, what: str) -> None:
        self.names.append(what)


@pytest.mark.parametrize("apply", [False, True])
def test_a_repair_tells_how_much_it_is_and_what_it_is_at(placed: PlacedWorkspace, apply: bool) -> None:
    from preserve.app.repairs import repair

    path = some_file(placed)
    at(placed, "nas", path).write_bytes(b"x" * 9000)
    placed.audit()
    heard = Heard()
    with placed.open() as workspace:
        repair(workspace, heard, apply=apply)
    assert heard.names == [f"box-0 on nas, {os.fsdecode(path)}"]
    assert heard.done == heard.total >= at(placed, "abroad", path).stat().st_size


def test_what_an_audit_reads_twice_is_counted_twice_in_the_total(placed: PlacedWorkspace) -> None:
    path = some_file(placed)
    full = at(placed, "nas", path)
    full.write_bytes(b"x" + full.read_bytes()[1:])
    heard = Heard()
    with placed.open() as workspace:
        audit = audits.plan(workspace)
        audits.announce(audits.remaining_work(workspace, [audit]), heard)
        before = heard.total
        audits.run(workspace, audit, heard)
    assert heard.total - before == full.stat().st_size and heard.done == heard.total


def test_a_line_names_what_it_is_at_and_a_total_grows() -> None:
    progress = Progress("copying", total_bytes=1000, quiet=True)
    progress.at("box-1 to cloud")
    progress.expect(500)
    progress.advance(bytes=1500)
    assert progress.line().startswith("copying: box-1 to cloud  1.5 kB of 1.5 kB")
    unknown = Meter(0.0)
    unknown.expect(5)
    assert unknown.total_bytes is None


def test_a_place_of_another_archive_is_taken_over_only_if_that_is_said(
    placed: PlacedWorkspace, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = tmp_path_factory.mktemp("other")
    monkeypatch.chdir(other)
    with placed.open() as workspace:
        uuid = str(next(row.uuid for row in workspace.replicas() if row.name == "nas"))
    assert main(["init"]) == 0
    nas = str(placed.folder / "nas")
    assert main(["replica", "add", "nas", nas]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert f"had the identity {uuid} of replica nas already (written on " in said
    assert "1 bag lies there" in said and "`preserve catalog rebuild`" in said and "`--take-over`" in said
    assert main(["replica", "add", "nas", nas, "--take-over"]) == 0
    assert main(["replica", "add", "nas", nas]) == 2
    assert "it is in preserve.toml already" in " ".join(capfd.readouterr().err.split())


def test_a_disk_that_was_removed_is_added_again_without_a_word(placed: PlacedWorkspace) -> None:
    from preserve.app.replicas import remove_replica

    with placed.open() as workspace:
        remove_replica(workspace, "nas")
    with placed.open() as workspace:
        place = str(placed.folder / "nas")
        assert add_replica(workspace, "nas", place, medium=None, site=None, offline=False).name == "nas"


def test_without_settings_a_rebuild_shows_the_tables_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        asked_for(None, (), tmp_path, trust=None, without_backups=False)
    assert '[replica.NAME]\nurl = "s3://bucket/prefix"' in refused.value.remedy
    assert 'url = "sftp://user@host/path"' in refused.value.remedy


def test_a_catalog_that_init_just_made_gives_way_to_one_made_again(
    placed: PlacedWorkspace, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(placed.folder)
    catalog = placed.folder / "catalog.sqlite"
    assert main(["catalog", "backup"]) == 0
    assert main(["catalog", "rebuild"]) == 2, "this one holds something"
    for each in placed.folder.glob("catalog.sqlite*"):
        each.unlink()
    Catalog.create(catalog).close()
    bare = catalog.read_bytes()
    assert main(["catalog", "rebuild"]) == 0
    told = "".join(capfd.readouterr().out.split())  # a path longer than a line is folded anywhere
    assert f"iskeptas{catalog}.empty-1" in told
    assert (placed.folder / "catalog.sqlite.empty-1").read_bytes() == bare
    with placed.open() as workspace:
        assert workspace.packages()


def test_a_report_of_an_audit_by_a_number_without_its_option_is_refused(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(placed.folder)
    assert main(["report", "audit", "2"]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "no package is called 2" in said and "Did you mean --audit 2?" in said


@pytest.mark.parametrize(
    ("cause", "word"),
    [
        ("its secret (env:KEY): the variable is not set", "Set that variable"),
        ("its secret (file:/k): others may read it", "chmod 600"),
        ("no credentials", "AWS_ACCESS_KEY_ID"),
        ("there is no such bucket", "Make the bucket"),
        ("the server refuses connections", "Look at the address"),
        ("the key /k has another passphrase", "passphrase"),
        ("the folder is not there", "mkdir"),
        ("access is denied", "the right to do this"),
    ],
)
def test_why_a_place_cannot_be_used_decides_what_is_advised(cause: str, word: str) -> None:
    assert word in remedy_for(cause, None, "to do this")
    assert "--secret" in NO_CREDENTIALS


def test_the_disk_below_a_mount_point_is_found_and_several_are_named(placed: PlacedWorkspace, tmp_path: Path) -> None:
    mount = tmp_path / "mnt"
    (mount / "backup").mkdir(parents=True)
    (placed.folder / "nas").rename(mount / "backup" / "nas")
    assert disk_above(bytes(mount)) == bytes(mount / "backup" / "nas")
    (placed.folder / "abroad").rename(mount / "abroad")
    with pytest.raises(UsageError, match="several replicas lie below") as refused:
        disk_above(bytes(mount))
    assert str(mount / "abroad") in refused.value.remedy


def test_a_path_is_taken_as_it_was_shown(placed: PlacedWorkspace) -> None:
    with placed.open() as workspace:
        known = os.fsdecode(some_file(placed))
        assert audits.path_meant(workspace, known) == known
        coded = f"\\x{ord(known[0]):02x}{known[1:]}"
        assert audits.path_meant(workspace, coded) == known
        assert audits.path_meant(workspace, "data/none\\u200b") == "data/none\\u200b"
