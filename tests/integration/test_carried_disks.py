"""A disk that is carried by hand: found wherever it is mounted, asked for in time, read as soon as it is there."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from preserve.app import runs, workspace
from preserve.app.health import health
from preserve.audit.planning import Request
from preserve.audit.schedule import due_now
from preserve.catalog.rows import AuditState
from preserve.cli.main import main
from preserve.progress import Silent
from preserve.stores import finding_disks
from tests.support.workspaces import PlacedWorkspace, make_workspace

Capture = pytest.CaptureFixture[str]
DAY = timedelta(days=1)


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    made = make_workspace(tmp_path / "archive", packages=1, files=5)
    settings = made.folder / "preserve.toml"
    text = settings.read_text("utf-8").replace("[replica.disk]", '[replica.disk]\noffline = true\nmax_age = "365d"')
    settings.write_text(text, "utf-8")
    monkeypatch.chdir(made.folder)
    mounts(made, monkeypatch)
    return made


def mounts(placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, *points: Path) -> None:
    """What the system says is mounted from now on."""
    table = placed.folder / "mountinfo"
    table.write_text("".join(f"99 27 8:1 / {point} rw - ext4 /dev/sdb1 rw\n" for point in points))
    monkeypatch.setattr(finding_disks, "_MOUNTS", str(table))


def later(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> None:
    then = datetime.now(UTC) + span
    monkeypatch.setattr(workspace, "utc_now", lambda: then)


def carry(placed: PlacedWorkspace, to: str) -> Path:
    target = placed.folder / to
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(placed.folder / "disk", target))


def status_of(capsys: Capture) -> tuple[dict[str, object], list[str]]:
    capsys.readouterr()
    main(["status", "--json"])
    document = json.loads(capsys.readouterr().out)
    (line,) = [each for each in document["replicas"] if each["name"] == "disk"]
    return line, [each["key"] for each in document["concerns"]]


def test_a_disk_that_is_mounted_elsewhere_is_read_there_and_the_status_says_where(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = carry(placed, "media/ARCHIVE1/disk")
    assert status_of(capsys)[0]["available"] is False
    mounts(placed, monkeypatch, place.parent)
    line, _ = status_of(capsys)
    assert line["available"] is True and line["found_at"] == str(place)
    victim = next(path for path in sorted((place / "box-0/data").rglob("*")) if path.is_file() and path.stat().st_size)
    victim.write_bytes(b"?" * victim.stat().st_size)
    assert main(["audit", "--replica", "disk"]) == 1, "and it is that disk that was read"
    main(["status"])
    assert "found at" in capsys.readouterr().out


def test_a_cloned_disk_beside_its_original_is_refused_and_told_at_once(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = placed.folder / "media/clone"
    shutil.copytree(placed.folder / "disk", clone)
    mounts(placed, monkeypatch, clone)
    line, keys = status_of(capsys)
    assert line["available"] is False and "wrong-replica:disk" in keys
    with placed.open() as opened:
        (found,) = [each for each in health(opened).concerns if each.key == "wrong-replica:disk"]
    assert str(clone) in found.message and "clones" in found.message and found.meaning.urgent
    capsys.readouterr()
    assert main(["audit", "--replica", "disk"]) == 3, "nothing of it is read"
    mounts(placed, monkeypatch)
    assert status_of(capsys)[0]["available"] is True


def test_while_it_is_away_everybody_is_told_by_when_to_plug_it_in(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # beside a long path, the day is on two lines of its cell
    carry(placed, "safe")
    line, keys = status_of(capsys)
    by = datetime.fromisoformat(str(line["bring_by"]))
    assert 363 * DAY < by - datetime.now(UTC) <= 365 * DAY
    assert not [key for key in keys if key.endswith(":disk")], "a disk in a safe alarms nobody"
    day = f"{by.day} {by:%B %Y}"
    for command in (["watch"], ["plan", "--budget", "10GB"], ["status"]):
        capsys.readouterr()
        main(command)
        assert day in " ".join(capsys.readouterr().out.split()), command


def test_an_audit_of_everything_leaves_it_out_while_it_is_away_and_says_so(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed reading would be written down else, alarm, and hold up the next one when the disk is there again."""
    carry(placed, "safe")
    capsys.readouterr()
    assert main(["audit"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "read all that is there" in told and "Away, as it may be, and not read: disk" in told
    assert not [key for key in status_of(capsys)[1] if key.endswith(":disk")]
    shutil.move(placed.folder / "safe", placed.folder / "disk")
    later(monkeypatch, 364 * DAY)
    capsys.readouterr()
    assert main(["audit", "--due", "--json"]) == 0
    assert {one["name"] for one in json.loads(capsys.readouterr().out)["replicas"]} >= {"disk"}
    line, _ = status_of(capsys)
    assert line["available"] is True


@pytest.mark.parametrize(("days", "status"), [(0, 0), (364, 0), (366, 3)])
@pytest.mark.parametrize("command", ["backup", "check"])
def test_the_catalog_is_backed_up_and_checked_without_it_until_its_date(
    placed: PlacedWorkspace,
    command: str,
    days: int,
    status: int,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carry(placed, "safe")
    later(monkeypatch, days * DAY)
    capsys.readouterr()
    assert main(["catalog", command, "--json"]) == status
    document = json.loads(capsys.readouterr().out)
    lines = document["replicas"] if command == "backup" else document["not_asked"]
    (line,) = [each for each in lines if each["replica"] == "disk"]
    assert line["offline"] and (line["late_since"] is None) == (status == 0)
    assert main(["catalog", command]) == status
    told = " ".join(capsys.readouterr().out.split())
    assert ("– disk" in told, "disk" in told, "it should have been here by" in told) == (not status, True, bool(status))


@pytest.mark.parametrize("command", ["backup", "check"])
def test_where_all_are_away_as_they_may_be_the_catalogs_care_is_not_green(
    placed: PlacedWorkspace, command: str, capsys: Capture
) -> None:
    settings = placed.folder / "preserve.toml"
    for name in ("nas", "abroad"):
        text = settings.read_text("utf-8").replace(f"\n[replica.{name}]", f"\n[replica.{name}]\noffline = true")
        settings.write_text(text, "utf-8")
        shutil.move(placed.folder / name, placed.folder / f"{name} in a safe")
    carry(placed, "safe")
    assert main(["catalog", command, *(["--no-bags"] if command == "check" else [])]) == 3


def test_an_audit_of_everything_is_not_green_over_one_that_is_overdue(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry(placed, "safe")
    later(monkeypatch, 366 * DAY)
    capsys.readouterr()
    assert main(["audit"]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert "due on disk, which is not there" in told and "for longer than is promised" in told


def test_one_that_is_named_or_alone_is_read_or_said_to_be_away(placed: PlacedWorkspace, capsys: Capture) -> None:
    carry(placed, "safe")
    assert main(["audit", "--replica", "disk"]) == 3
    for name in ("nas", "abroad"):
        settings = placed.folder / "preserve.toml"
        text = settings.read_text("utf-8").replace(f"\n[replica.{name}]", f"\n[replica.{name}]\noffline = true")
        settings.write_text(text, "utf-8")
        shutil.move(placed.folder / name, placed.folder / f"{name} in a safe")
    assert main(["audit"]) == 3, "nothing was read"


@pytest.mark.parametrize(
    ("days", "expected"),
    [(300, []), (340, ["will-be-overdue:disk"]), (367, ["overdue:disk"])],
)
def test_near_the_date_it_is_a_warning_and_after_it_overdue_and_never_simply_away(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch, days: int, expected: list[str]
) -> None:
    carry(placed, "safe")
    later(monkeypatch, days * DAY)
    with placed.open() as opened:
        found = [each for each in health(opened).concerns if each.replica == "disk"]
    assert [each.key for each in found if each.key != "run-late:disk"] == expected
    assert all("plug" in each.message + each.remedy for each in found if each.key in expected)


def test_as_soon_as_it_is_plugged_in_its_run_is_due_and_only_once(
    placed: PlacedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = carry(placed, "safe")

    def due() -> bool:
        with placed.open() as opened:
            return "disk" in due_now(runs.run_plans(opened), opened.clock())

    def run() -> None:
        with placed.open() as opened:
            ran = runs.run_due(opened, Request(due=True), Silent())
            assert all(audit.state is AuditState.ENDED for audit in ran.audits)

    run()
    assert not due(), "it was looked for a moment ago"
    mounts(placed, monkeypatch, place)
    assert due()
    run()
    assert not due()


def test_a_copy_on_a_disk_that_was_found_elsewhere_does_not_count_for_what_lies_there(
    placed: PlacedWorkspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = carry(placed, "media/ARCHIVE1/disk")
    mounts(placed, monkeypatch, place.parent)
    capsys.readouterr()
    assert main(["safe-to-delete", str(placed.folder / "bags/box-0"), "--copies", "3", "--sites", "1"]) == 0
    assert main(["safe-to-delete", str(place), "--copies", "3", "--sites", "1"]) != 0
    assert main(["restore", "box-0", "--to", str(place / "out")]) == 2, "nothing is restored into a replica"
